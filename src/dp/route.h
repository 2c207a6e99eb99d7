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

/* Of large packets one at a time: a sink that keeps as many as it may has no room at all. */
static inline bool
sink_ready(const struct dp_engine *engine, const struct dp_sink *sink, const struct io_pkt *pkt)
{
	uint32_t room = sink->ops->room(sink->priv);

	if (io_pool_is_large(&engine->pool, pkt->frame))
		return room > 0 && sink->nstaged == 0;
	return room > sink->nstaged;
}

static inline bool
route_behind(const struct dp_route *route)
{
	return route->sink->backlog != NULL && route->sink->backlog->behind;
}

/* May this packet go there now, if the channel's policy forbids its loss? */
static inline bool
route_ready(
	const struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt)
{
	const struct dp_lane *lane = route_lane(route);

	if (route->sink->ops != NULL)
		return !route->wait_full || route->sink->ops->room == NULL ||
		       sink_ready(engine, route->sink, pkt);
	if (lane == NULL)
		return !route->wait_detached;
	if (!route->wait_full)
		return true;
	if (route_behind(route))
		return dp_backlog_room(route->sink->backlog, pkt->len);
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

/* Its lane can't have it: it is held for later, or lost by that cause. */
static inline uint32_t
lane_refuse(struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt,
	uint64_t *cause)
{
	if (route->sink->backlog != NULL)
		return dp_backlog_keep(engine, route, pkt);
	sink_received(route->sink, pkt);
	(*cause)++;
	return 0;
}

/* Returns 1 if a ring slot or a stage now holds the frame. */
static inline uint32_t
lane_put(struct dp_engine *engine, const struct dp_route *route, struct dp_lane *lane,
	const struct io_pkt *pkt)
{
	struct dp_channel_counters *own = &route->sink->own;
	uint32_t len = route_len(route, pkt);
	struct chan_tx *tx = &lane->tx;

	if (chan_tx_room(tx) == 0 || route_behind(route))
		return lane_refuse(engine, route, pkt, &own->drop_ring_full_pkts);
	if (io_pool_is_large(&engine->pool, pkt->frame)) {
		if (tx->large_held == DP_LARGE_QUOTA ||
			io_pool_is_foreign(&engine->pool, pkt->frame))
			return lane_refuse(engine, route, pkt, &own->drop_large_full_pkts);
		tx->large_held++;
	}
	lane_fill(engine->pool.base, lane, pkt, len);
	own->received_bytes += pkt->len - len; /* the rest is counted when it is shown */
	return 1;
}

static inline uint32_t
route_put(struct dp_engine *engine, uint32_t number, const struct io_pkt *pkt)
{
	const struct dp_route *route = &engine->plan->routes[number];
	struct dp_sink *sink = route->sink;

	route_touch(engine, number, sink);
	if (route_lane(route) != NULL)
		return lane_put(engine, route, route->lane, pkt);
	if (sink->ops == NULL)
		return lane_refuse(engine, route, pkt, &sink->own.drop_no_consumer_pkts);
	sink_received(sink, pkt);
	sink->staged[sink->nstaged++] = pkt;
	return 1;
}

static inline uint32_t
group_pick(const struct dp_group *group, uint64_t digest)
{
	return group->map[pkt_bucket(digest, group->key)];
}

#endif
