/*
 * dp/split: who gets which packet.  Engine thread only.  Invariant: a packet is either handed
 * on to all its channels (and counted for each) or not touched at all; so a channel that makes
 * the engine wait never sees a packet twice, and the ledger adds up at every moment.
 *
 * A frame's references: while a packet is in the burst the source's one reference holds it;
 * when it is handed on that becomes one per ring slot and one per sink that has it staged.
 */
#include "dp.h"

/* One header of the next burst, asked for between two packets of this one: all at once they
 * would take as long as they do by themselves (22 ns per packet; so 18). */
static inline void
fetch_ahead(const struct dp_engine *engine, uint32_t i)
{
	__builtin_prefetch(engine->ahead[i].data);
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

/* What is put is counted when it is shown: lane_count. */
static inline void
lane_fill(const uint8_t *base, struct dp_lane *lane, const struct io_pkt *pkt)
{
	chan_tx_put(&lane->tx, (uint64_t)(pkt->data - base), pkt->ts_ns, pkt->len, pkt->wirelen,
		pkt->frame);
	lane->staged_bytes += pkt->len;
}

static inline void
sink_received(struct dp_sink *sink, const struct io_pkt *pkt)
{
	sink->own.received_pkts++;
	sink->own.received_bytes += pkt->len;
}

/* Returns 1 if a ring slot or a stage now holds the frame. */
static inline uint32_t
lane_put(struct dp_engine *engine, struct dp_sink *sink, struct dp_lane *lane,
	const struct io_pkt *pkt)
{
	struct chan_tx *tx = &lane->tx;

	if (chan_tx_room(tx) == 0) {
		sink_received(sink, pkt);
		sink->own.drop_ring_full_pkts++;
		return 0;
	}
	if (io_pool_is_large(&engine->pool, pkt->frame)) {
		if (tx->large_held == DP_LARGE_QUOTA) {
			sink_received(sink, pkt);
			sink->own.drop_large_full_pkts++;
			return 0;
		}
		tx->large_held++;
	}
	lane_fill(engine->pool.base, lane, pkt);
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
		return lane_put(engine, sink, lane, pkt);
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
	else if (holders > 1)
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

/* The general way, packet by packet.  Returns the first packet that was not handed on. */
static uint32_t
burst_any(struct dp_engine *engine)
{
	uint32_t i;

	for (i = engine->pos; i < engine->n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];

		fetch_ahead(engine, i);
		if (engine->plan->any_wait && !packet_ready(engine, pkt, engine->digest[i]))
			break;
		packet_put(engine, pkt, engine->digest[i]);
	}
	return i;
}

/* One group and nothing else: who has room for the packet is ready for it.  The buckets are
 * looked up ahead: the map is larger than the first cache. */
static uint32_t
burst_sample(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	const struct dp_group *group = plan->groups[0];
	const uint8_t *base = engine->pool.base;
	uint32_t i, n = engine->n, ordinary = engine->pool.frames;
	uint8_t pick[IO_BURST_MAX];

	for (i = engine->pos; i < n; i++)
		pick[i] = (uint8_t)group_pick(group, engine->digest[i]);
	for (i = engine->pos; i < n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];
		const struct dp_route *route = &plan->routes[pick[i]];
		struct dp_lane *lane = route_lane(route);

		fetch_ahead(engine, i);
		if (lane == NULL || chan_tx_room(&lane->tx) == 0 || pkt->frame >= ordinary) {
			if (plan->any_wait && !route_ready(engine, route, pkt))
				break;
			packet_put(engine, pkt, engine->digest[i]);
			continue;
		}
		if (lane->tx.tail == lane->tx.published)
			route_touch(engine, pick[i], route->sink);
		lane_fill(base, lane, pkt);
	}
	return i;
}

/* Can all COPY channels take all that is left, in ordinary frames? */
static bool
copies_ready(const struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t most = 0;

	for (uint32_t i = 0; i < plan->ncopy; i++) {
		const struct dp_lane *lane = route_lane(&plan->routes[plan->copy[i]]);

		if (lane == NULL || chan_tx_room(&lane->tx) < engine->n - engine->pos)
			return false;
	}
	for (uint32_t i = engine->pos; i < engine->n; i++)
		most = engine->burst[i].frame > most ? engine->burst[i].frame : most;
	return !io_pool_is_large(&engine->pool, most);
}

/* COPY channels only, all of them ready: one ring after the other. */
static uint32_t
burst_copy(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t c = 0; c < plan->ncopy; c++) {
		const struct dp_route *route = &plan->routes[plan->copy[c]];

		route_touch(engine, plan->copy[c], route->sink);
		for (uint32_t i = engine->pos; i < engine->n; i++) {
			if (c == 0)
				fetch_ahead(engine, i);
			lane_fill(engine->pool.base, route->lane, &engine->burst[i]);
		}
	}
	for (uint32_t i = engine->pos; i < engine->n && plan->ncopy > 1; i++)
		engine->pool.refs[engine->burst[i].frame] = (uint16_t)plan->ncopy;
	return engine->n;
}

/* What the packets were split by. */
static void
reasons_count(struct dp_engine *engine, uint32_t first)
{
	uint64_t odd = 0;

	for (uint32_t i = first; i < engine->pos; i++) {
		if (engine->reason[i] == PKT_OK)
			continue;
		engine->own.reasons[engine->reason[i]]++;
		odd++;
	}
	engine->own.reasons[PKT_OK] += engine->pos - first - odd;
}

static void
burst_distribute(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t first = engine->pos;

	if (plan->ncopy == 0 && plan->ngroups == 1)
		engine->pos = burst_sample(engine);
	else if (plan->ngroups == 0 && copies_ready(engine))
		engine->pos = burst_copy(engine);
	else
		engine->pos = burst_any(engine);
	engine->own.distributed_pkts += engine->pos - first;
	reasons_count(engine, first);
	for (uint32_t g = 0; g < plan->ngroups; g++)
		plan->groups[g]->stat->own.received_pkts += engine->pos - first;
}

static void
burst_count(struct dp_engine *engine, uint32_t first)
{
	struct dp_link_counters *link = &engine->links[engine->link].own;
	uint64_t bytes = 0;

	for (uint32_t i = first; i < engine->pos; i++)
		bytes += engine->burst[i].len;
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
