/*
 * dp/split: who gets which packet.  Engine thread only.  Invariant: a packet is either handed
 * on to all its channels (and counted for each) or not touched at all; so a channel that makes
 * the engine wait never sees a packet twice, and the ledger adds up at every moment.
 *
 * A frame's references: while a packet is in the burst the source's one reference holds it;
 * when it is handed on that becomes one per ring slot and one per sink that has it staged.
 */
#include "route.h"

/* Drops the rest of the burst: a DROP channel, or nothing open. */
static void
burst_drop(struct dp_engine *engine, uint64_t *cause)
{
	for (uint32_t i = engine->pos; i < engine->n; i++)
		io_pool_put(&engine->pool, engine->burst[i].frame);
	*cause += engine->n - engine->pos;
	engine->pos = engine->n;
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
	uint8_t pick[DP_BURST_MAX];

	for (i = engine->pos; i < n; i++)
		pick[i] = (uint8_t)group_pick(group, engine->digests[PKT_FIELDS_5TUPLE][i]);
	for (i = engine->pos; i < n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];
		const struct dp_route *route = &plan->routes[pick[i]];
		struct dp_lane *lane = route_lane(route);

		fetch_ahead(engine, i);
		if (lane == NULL || chan_tx_room(&lane->tx) == 0 || pkt->frame >= ordinary) {
			if (!dp_packet_any(engine, i))
				break;
			if (engine->behind == 0)
				continue;
			engine->pos = i + 1; /* a lane fell behind: in order from here on */
			return dp_burst_any(engine);
		}
		if (lane->tx.tail == lane->tx.published)
			route_touch(engine, pick[i], route->sink);
		lane_fill(base, lane, pkt, pkt->len);
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
			lane_fill(engine->pool.base, route->lane, &engine->burst[i],
				engine->burst[i].len);
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

	for (uint32_t i = first; engine->odd && i < engine->pos; i++) {
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
	bool plain = plan->plain && engine->behind == 0;
	uint32_t first = engine->pos;

	if (plain && plan->ncopy == 0 && plan->ngroups == 1)
		engine->pos = burst_sample(engine);
	else if (plain && plan->ngroups == 0 && copies_ready(engine))
		engine->pos = burst_copy(engine);
	else
		engine->pos = dp_burst_any(engine);
	engine->own.distributed_pkts += engine->pos - first;
	reasons_count(engine, first);
	for (uint32_t g = 0; g < plan->ngroups; g++)
		plan->groups[g]->stat->own.received_pkts += engine->pos - first;
}

static void
mixed_count(struct dp_engine *engine, uint32_t first)
{
	for (uint32_t i = first; i < engine->pos; i++) {
		struct dp_link_counters *link = &engine->links[engine->burst[i].link].own;

		link->received_pkts++;
		link->received_bytes += engine->burst[i].len;
	}
}

static void
burst_count(struct dp_engine *engine, uint32_t first)
{
	struct dp_link_counters *link = &engine->links[engine->link].own;
	uint64_t bytes = 0;

	for (uint32_t i = first; i < engine->pos; i++)
		bytes += engine->burst[i].len;
	engine->own.received_pkts += engine->pos - first;
	engine->own.received_bytes += bytes;
	if (dp_burst_is_mixed(engine)) {
		mixed_count(engine, first);
		return;
	}
	link->received_pkts += engine->pos - first;
	link->received_bytes += bytes;
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
	if (engine->top_weight > 0 && !plan->drop_all)
		dp_top_burst(engine, first);
	burst_count(engine, first);
	return engine->pos - first;
}
