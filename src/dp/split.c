/*
 * dp/split: who gets which packet.  Engine thread only.  Invariant: a packet is either handed
 * on to all its channels (and counted for each) or not touched at all; so a channel that makes
 * the engine wait never sees a packet twice, and the ledger adds up at every moment.
 *
 * A frame's references: while a packet is in the burst the source's one reference holds it;
 * when it is handed on that becomes one per ring slot and one per sink that has it staged.
 */
#include "dp.h"

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
static bool
route_ready(
	const struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt)
{
	const struct dp_lane *lane = route_lane(route);

	if (route->sink->ops != NULL)
		return true;
	if (lane == NULL)
		return !route->wait_detached;
	if (!route->wait_full)
		return true;
	return chan_tx_room(&lane->tx) > 0 && (!io_pool_is_large(&engine->pool, pkt->frame) ||
						      lane->tx.large_held < DP_LARGE_QUOTA);
}

/* Returns 1 if a ring slot or a stage now holds the frame. */
static inline uint32_t
lane_put(struct dp_engine *engine, struct dp_sink *sink, struct dp_lane *lane,
	const struct io_pkt *pkt)
{
	struct chan_tx *tx = &lane->tx;

	if (chan_tx_room(tx) == 0) {
		sink->own.drop_ring_full_pkts++;
		return 0;
	}
	if (io_pool_is_large(&engine->pool, pkt->frame)) {
		if (tx->large_held == DP_LARGE_QUOTA) {
			sink->own.drop_large_full_pkts++;
			return 0;
		}
		tx->large_held++;
	}
	chan_tx_put(tx, (uint64_t)(pkt->data - engine->pool.base), pkt->ts_ns, pkt->len,
		pkt->wirelen, pkt->frame);
	sink->own.delivered_pkts++;
	sink->own.delivered_bytes += pkt->len;
	return 1;
}

static inline uint32_t
route_put(struct dp_engine *engine, uint32_t number, const struct io_pkt *pkt)
{
	const struct dp_route *route = &engine->plan->routes[number];
	struct dp_sink *sink = route->sink;
	struct dp_lane *lane = route_lane(route);

	route_touch(engine, number, sink);
	sink->own.received_pkts++;
	sink->own.received_bytes += pkt->len;
	if (lane != NULL)
		return lane_put(engine, sink, lane, pkt);
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

static bool
packet_ready(const struct dp_engine *engine, const struct io_pkt *pkt, uint64_t digest)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < plan->ncopy; i++)
		if (!route_ready(engine, &plan->routes[plan->copy[i]], pkt))
			return false;
	for (uint32_t i = 0; i < plan->ngroups; i++)
		if (!route_ready(
			    engine, &plan->routes[group_pick(plan->groups[i], digest)], pkt))
			return false;
	return true;
}

static inline void
packet_put(struct dp_engine *engine, const struct io_pkt *pkt, uint64_t digest)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t holders = 0;

	for (uint32_t i = 0; i < plan->ncopy; i++)
		holders += route_put(engine, plan->copy[i], pkt);
	for (uint32_t i = 0; i < plan->ngroups; i++)
		holders += route_put(engine, group_pick(plan->groups[i], digest), pkt);
	if (holders == 0)
		io_pool_put(&engine->pool, pkt->frame);
	else
		engine->pool.refs[pkt->frame] = (uint16_t)holders;
}

/* Drops the rest of the burst: a DROP channel, or nothing open. */
static void
burst_drop(struct dp_engine *engine, uint64_t *cause)
{
	for (uint32_t i = engine->pos; i < engine->n; i++)
		io_pool_put(&engine->pool, engine->burst[i].frame);
	*cause += engine->n - engine->pos;
	engine->pos = engine->n;
}

static void
burst_distribute(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t first = engine->pos, i;

	for (i = first; i < engine->n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];

		if (plan->any_wait && !packet_ready(engine, pkt, engine->digest[i]))
			break;
		packet_put(engine, pkt, engine->digest[i]);
	}
	engine->pos = i;
	engine->own.distributed_pkts += i - first;
	for (uint32_t g = 0; g < plan->ngroups; g++)
		plan->groups[g]->stat->own.received_pkts += i - first;
}

static void
burst_count(struct dp_engine *engine, uint32_t first)
{
	struct dp_link_counters *link = &engine->links[engine->link].own;
	uint64_t bytes = 0;

	for (uint32_t i = first; i < engine->pos; i++) {
		bytes += engine->burst[i].len;
		engine->own.reasons[engine->reason[i]]++;
	}
	link->received_pkts += engine->pos - first;
	link->received_bytes += bytes;
	engine->own.received_pkts += engine->pos - first;
	engine->own.received_bytes += bytes;
}

uint32_t
dp_split(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t first = engine->pos;

	if (plan->drop_all)
		burst_drop(engine, &engine->own.drop_rule_pkts);
	else if (plan->ncopy == 0 && plan->ngroups == 0)
		burst_drop(engine, &engine->own.drop_no_channel_pkts);
	else
		burst_distribute(engine);
	burst_count(engine, first);
	return engine->pos - first;
}

static void
stage_write(struct dp_engine *engine, struct dp_sink *sink)
{
	uint32_t n = sink->nstaged;
	uint32_t done = sink->ops->tx(sink->priv, sink->staged, n);

	for (uint32_t i = 0; i < n; i++) {
		if (i < done)
			sink->own.delivered_bytes += sink->staged[i]->len;
		io_pool_put(&engine->pool, sink->staged[i]->frame);
	}
	sink->own.delivered_pkts += done;
	sink->own.drop_sink_error_pkts += n - done;
	sink->nstaged = 0;
}

static uint64_t
dropped_pkts(const struct dp_channel_counters *c)
{
	return c->received_pkts - c->delivered_pkts;
}

static void
lane_share(const struct dp_sink *sink, struct dp_lane *lane)
{
	struct chan_ring *ring = lane->tx.ring;

	atomic_store_explicit(&ring->received_pkts,
		sink->own.received_pkts - lane->base.received_pkts, memory_order_relaxed);
	atomic_store_explicit(&ring->dropped_pkts,
		dropped_pkts(&sink->own) - dropped_pkts(&lane->base), memory_order_relaxed);
}

void
dp_split_finish(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < engine->ntouched; i++) {
		const struct dp_route *route = &plan->routes[engine->touched[i]];
		struct dp_sink *sink = route->sink;

		if (sink->nstaged > 0)
			stage_write(engine, sink);
		if (route->lane != NULL) {
			lane_share(sink, route->lane);
			chan_tx_publish(&route->lane->tx);
			sink->own.waiting_pkts = chan_tx_waiting(&route->lane->tx);
		}
		sink->touched = false;
	}
	dp_share(engine);
	engine->ntouched = 0;
}
