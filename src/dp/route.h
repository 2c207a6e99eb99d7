/*
 * dp/route: handing one packet to one channel; what split.c and policy.c share.  Engine thread
 * only. Whoever calls route_put counts the holders it returns and sets the frame's references.
 */
#ifndef PACF_DP_ROUTE_H
#define PACF_DP_ROUTE_H

#include "dp.h"

/* One header of the next burst, asked for between two packets of this one: all at once they
 * would take as long as they do by themselves (22 ns per packet; so 18). */
static inline void
fetch_ahead(const struct dp_engine *engine, uint32_t i)
{
	__builtin_prefetch(engine->ahead[i & (IO_BURST_MAX - 1)].data);
}

static inline void
route_touch(struct dp_engine *engine, uint32_t number, struct dp_sink *sink)
{
	if (sink->touched)
		return;
	sink->touched = true;
	engine->touched[engine->ntouched++] = (uint8_t)number;
}

static inline struct dp_lane *
route_lane(const struct dp_route *route)
{
	struct dp_lane *lane = route->lane;

	return lane != NULL && !lane->tx.lied ? lane : NULL;
}

/* May this packet go there now, without loss that the channel's policy forbids? */
static inline bool
route_ready(
	const struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt)
{
	const struct dp_lane *lane = route_lane(route);

	if (route->sink->ops != NULL)
		return !route->wait_full || route->sink->ops->room == NULL ||
		       route->sink->ops->room(route->sink->priv) > route->sink->nstaged;
	if (lane == NULL)
		return !route->wait_detached;
	if (!route->wait_full)
		return true;
	return chan_tx_room(&lane->tx) > 0 && (!io_pool_is_large(&engine->pool, pkt->frame) ||
						      lane->tx.large_held < DP_LARGE_QUOTA);
}

/* What is put is counted when it is shown: lane_count. */
static inline void
lane_fill(const uint8_t *base, struct dp_lane *lane, const struct io_pkt *pkt, uint32_t len)
{
	chan_tx_put(&lane->tx, (uint64_t)(pkt->data - base), pkt->ts_ns, len, pkt->wirelen,
		pkt->frame);
	lane->staged_bytes += len;
}

static inline uint32_t
route_len(const struct dp_route *route, const struct io_pkt *pkt)
{
	return route->snaplen != 0 && route->snaplen < pkt->len ? route->snaplen : pkt->len;
}

static inline void
sink_received(struct dp_sink *sink, const struct io_pkt *pkt)
{
	sink->own.received_pkts++;
	sink->own.received_bytes += pkt->len;
}

/* Returns 1 if a ring slot or a stage now holds the frame. */
static inline uint32_t
lane_put(struct dp_engine *engine, const struct dp_route *route, struct dp_lane *lane,
	const struct io_pkt *pkt)
{
	uint32_t len = route_len(route, pkt);
	struct dp_sink *sink = route->sink;
	struct chan_tx *tx = &lane->tx;

	if (chan_tx_room(tx) == 0) {
		sink_received(sink, pkt);
		sink->own.drop_ring_full_pkts++;
		return 0;
	}
	if (io_pool_is_large(&engine->pool, pkt->frame)) {
		if (tx->large_held == DP_LARGE_QUOTA ||
			io_pool_is_foreign(&engine->pool, pkt->frame)) {
			sink_received(sink, pkt);
			sink->own.drop_large_full_pkts++;
			return 0;
		}
		tx->large_held++;
	}
	lane_fill(engine->pool.base, lane, pkt, len);
	sink->own.received_bytes +=
		pkt->len - len; /* the rest of it is counted when it is shown */
	return 1;
}

static inline uint32_t
route_put(struct dp_engine *engine, uint32_t number, const struct io_pkt *pkt)
{
	const struct dp_route *route = &engine->plan->routes[number];
	struct dp_sink *sink = route->sink;
	struct dp_lane *lane = route_lane(route);

	route_touch(engine, number, sink);
	if (lane != NULL)
		return lane_put(engine, route, lane, pkt);
	sink_received(sink, pkt);
	if (sink->ops == NULL) {
		sink->own.drop_no_consumer_pkts++;
		return 0;
	}
	sink->staged[sink->nstaged++] = pkt;
	return 1;
}

static inline uint32_t
group_pick(const struct dp_group *group, uint64_t digest)
{
	return group->map[pkt_bucket(digest, group->key)];
}

#endif
