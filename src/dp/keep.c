/*
 * dp/keep: backlogs in the life of lanes: what is put into one, what an application leaves, and
 * how the next one gets all of it, in order, before what comes then.  Engine thread only.
 *
 * Invariants: what was counted as delivered and is in a backlog are its oldest `again` records;
 * the others are the channel's held_pkts.  While `behind`, nothing is put into the lane but
 * from the backlog.  engine->behind is the number of lanes that are.
 */
#include "route.h"

#include <assert.h>

#define DRAIN_PKTS 256u /* at most so many for each lane between two bursts */

static void
held_update(struct dp_sink *sink, const struct dp_lane *lane)
{
	const struct dp_backlog *b = sink->backlog;

	sink->own.held_pkts = b->npkts - b->again;
	sink->own.waiting_pkts = b->again + (lane != NULL ? chan_tx_waiting(&lane->tx) : 0);
}

uint32_t
dp_backlog_keep(
	struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt)
{
	struct dp_sink *sink = route->sink;
	struct dp_backlog *b = sink->backlog;
	struct dp_record record = {pkt->ts_ns, route_len(route, pkt), pkt->wirelen};

	sink_received(sink, pkt);
	if (route_lane(route) != NULL && !b->behind) {
		b->behind = true;
		engine->behind++;
	}
	if (!dp_backlog_room(b, record.len)) {
		sink->own.drop_hold_full_pkts++;
		return 0;
	}
	dp_backlog_push(b, &record, pkt->data);
	sink->own.held_pkts++;
	return 0;
}

/* Slots of both rings are as many, so there is room for all of it. */
static void
rest_move(struct dp_backlog *b, struct chan_tx *to)
{
	struct chan_tx *from = &b->rest->tx;

	for (; from->taken != from->tail; from->taken++) {
		uint32_t slot = from->taken & from->mask;
		const struct chan_desc *d = &from->desc[slot];

		chan_tx_put(to, d->off, d->ts_ns, d->len, d->wirelen, from->shadow[slot]);
	}
	from->head = from->taken;
	to->large_held = from->large_held;
	from->large_held = 0;
	b->rest = NULL;
	chan_tx_show(to); /* counted when it was delivered first */
}

void
dp_backlog_join(struct dp_engine *engine, const struct dp_route *route)
{
	struct dp_backlog *b = route->sink->backlog;
	struct dp_lane *lane = route->lane;

	if (b->rest != NULL)
		rest_move(b, &lane->tx);
	lane->base_held_pkts = b->npkts + chan_tx_waiting(&lane->tx);
	b->behind = lane->base_held_pkts > 0;
	engine->behind += b->behind;
	held_update(route->sink, lane);
}

void
dp_backlog_part(struct dp_engine *engine, struct dp_lane *lane, struct dp_sink *sink, bool keep)
{
	struct dp_backlog *b = sink->backlog;

	engine->behind -= b->behind;
	b->behind = false;
	if (keep && chan_tx_waiting(&lane->tx) > 0)
		b->rest = lane;
	held_update(sink, b->rest);
}

static void
rest_reclaim(struct dp_engine *engine, struct dp_sink *sink)
{
	struct dp_lane *rest = sink->backlog->rest;
	uint32_t frame;

	if (rest == NULL)
		return;
	sink->own.unread_pkts += chan_tx_waiting(&rest->tx);
	while (chan_tx_reclaim(&rest->tx, &frame))
		io_pool_put(&engine->pool, frame);
	sink->backlog->rest = NULL;
}

/* The newest of the backlog, so many, are lost: by `cause`, unless they had been delivered. */
static void
cut_count(struct dp_sink *sink, uint64_t n, uint64_t *cause)
{
	uint64_t fresh = n < sink->own.held_pkts ? n : sink->own.held_pkts;

	*cause += fresh;
	sink->own.unread_pkts += n - fresh;
	sink->backlog->again -= n - fresh;
}

void
dp_backlog_drop(struct dp_engine *engine, struct dp_sink *sink)
{
	rest_reclaim(engine, sink);
	cut_count(sink, dp_backlog_cut(sink->backlog, 0), &sink->own.drop_no_consumer_pkts);
	held_update(sink, NULL);
}

/* The oldest packet goes into the ring, if there is a frame for it. */
static bool
record_move(struct dp_engine *engine, const struct dp_route *route)
{
	struct dp_backlog *b = route->sink->backlog;
	struct dp_record record = *dp_backlog_first(b);
	struct chan_tx *tx = &route->lane->tx;
	uint32_t frame;
	uint64_t off;

	if (record.len > IO_FRAME_BYTES && tx->large_held == DP_LARGE_QUOTA)
		return false;
	frame = io_pool_get(&engine->pool, record.len);
	if (frame == IO_NO_FRAME)
		return false;
	tx->large_held += io_pool_is_large(&engine->pool, frame);
	off = io_pool_off(&engine->pool, frame);
	dp_backlog_take(b, engine->pool.base + off);
	chan_tx_put(tx, off, record.ts_ns, record.len, record.wirelen, frame);
	if (b->again > 0) {
		b->again--;
		return true;
	}
	route->sink->own.delivered_pkts++;
	route->sink->own.delivered_bytes += record.len;
	return true;
}

/* It has caught up when nothing is held and its ring has room again: for bursts, and so that
 * it does not change for every one. */
static void
lane_drain(struct dp_engine *engine, uint32_t number)
{
	const struct dp_route *route = &engine->plan->routes[number];
	struct dp_backlog *b = route->sink->backlog;
	struct chan_tx *tx = &route->lane->tx;
	uint32_t moved = 0;

	assert(tx->tail == tx->published);
	while (moved < DRAIN_PKTS && b->npkts > 0 && chan_tx_room(tx) > 0 &&
		record_move(engine, route))
		moved++;
	if (moved > 0) {
		chan_tx_show(tx);
		engine->gathered += moved;
		engine->idle = 0;
		held_update(route->sink, route->lane);
		route_touch(engine, number, route->sink);
	}
	if (b->npkts > 0)
		return;
	if (chan_tx_room(tx) >= tx->slots / 2) {
		b->behind = false;
		engine->behind--;
	}
	if (route->closed)
		dp_lane_finish(route->lane, CHAN_CLOSED);
	else if (atomic_load_explicit(&engine->ended, memory_order_relaxed))
		dp_lane_finish(route->lane, CHAN_EOF);
}

void
dp_backlogs_drain(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < plan->nroutes; i++) {
		const struct dp_route *route = &plan->routes[i];

		if (route_lane(route) != NULL && route->sink->backlog != NULL &&
			route->sink->backlog->behind && !route->lane->finished)
			lane_drain(engine, i);
	}
}

/* How many of the rest's packets the memory can hold, oldest first, and what they take. */
static uint32_t
rest_fits(const struct dp_backlog *b, uint64_t *bytes)
{
	const struct chan_tx *tx = &b->rest->tx;
	uint32_t n = 0;

	*bytes = 0;
	while (n < chan_tx_waiting(tx)) {
		uint64_t cost = dp_backlog_cost(tx->desc[(tx->head + n) & tx->mask].len);

		if (*bytes + cost > b->bytes)
			break;
		*bytes += cost;
		n++;
	}
	return n;
}

static void
rest_park(struct dp_engine *engine, struct dp_sink *sink)
{
	struct dp_backlog *b = sink->backlog;
	struct chan_tx *tx = &b->rest->tx;
	uint64_t bytes;
	uint32_t n = rest_fits(b, &bytes);
	uint64_t left = n < chan_tx_waiting(tx) ? 0 : b->bytes - bytes;

	cut_count(sink, dp_backlog_cut(b, left), &sink->own.drop_hold_full_pkts);
	for (uint32_t i = n; i-- > 0;) {
		const struct chan_desc *d = &tx->desc[(tx->head + i) & tx->mask];
		struct dp_record record = {d->ts_ns, d->len, d->wirelen};

		dp_backlog_unshift(b, &record, engine->pool.base + d->off);
	}
	b->again += n;
	tx->head = tx->taken + n; /* not unread: it is to come again */
	rest_reclaim(engine, sink);
}

void
dp_backlogs_park(struct dp_engine *engine)
{
	for (uint32_t i = 0; i < engine->plan->nroutes; i++) {
		const struct dp_route *route = &engine->plan->routes[i];
		struct dp_backlog *b = route->sink != NULL ? route->sink->backlog : NULL;

		if (b == NULL)
			continue;
		b->behind = false;
		if (b->rest != NULL)
			rest_park(engine, route->sink);
		held_update(route->sink, route->lane);
		route_touch(engine, i, route->sink);
	}
	engine->behind = 0;
}
