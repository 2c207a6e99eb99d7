/*
 * dp/lanes: lanes over their life: join with a plan, give frames back, end, retire.  Engine
 * thread only.  Invariant: every slot between taken and tail of a lane holds one reference to
 * its frame.
 */
#include "dp.h"
#include "os.h"
#include "take.h"

static inline void
frame_back(struct dp_engine *engine, struct chan_tx *tx, uint32_t frame)
{
	if (io_pool_is_large(&engine->pool, frame))
		tx->large_held--;
	io_pool_put(&engine->pool, frame);
}

/* All that the application has given back.  The pool's fields are kept in registers. */
static void
frames_back(struct dp_engine *engine, struct chan_tx *tx)
{
	struct io_pool *pool = &engine->pool;
	struct chan_frames back = chan_tx_back(tx);
	uint32_t nfree = pool->nfree, ordinary = pool->frames, *list = pool->free, frame;
	uint16_t *refs = pool->refs;

	while (chan_frames_next(&back, &frame)) {
		if (frame >= ordinary)
			frame_back(engine, tx, frame); /* to the other list */
		else if (refs[frame] > 1)
			refs[frame]--;
		else
			list[nfree++] = frame;
	}
	chan_tx_took(tx, &back);
	pool->nfree = nfree;
}

static void
lane_take(struct dp_engine *engine, uint32_t number, const struct dp_route *route)
{
	struct dp_lane *lane = route->lane;

	chan_tx_poll(&lane->tx);
	if (lane->tx.lied && !atomic_load_explicit(&lane->lied, memory_order_relaxed)) {
		atomic_store_explicit(&lane->lied, true, memory_order_release);
		os_bell_ring(engine->ctl_bell_fd);
	}
	frames_back(engine, &lane->tx);
	route->sink->own.waiting_pkts = chan_tx_waiting(&lane->tx);
	if (!route->sink->touched) {
		route->sink->touched = true;
		engine->touched[engine->ntouched++] = (uint8_t)number;
	}
}

/* A sink with a queue of its own goes on with it. */
static void
sink_tick(struct dp_engine *engine, uint32_t number)
{
	struct dp_sink *sink = engine->plan->routes[number].sink;
	uint64_t unread = sink->own.unread_pkts;
	uint64_t waiting = sink->ops->tick(sink->priv, &sink->own.unread_pkts);

	if (waiting == sink->own.waiting_pkts && unread == sink->own.unread_pkts)
		return;
	sink->own.waiting_pkts = waiting;
	if (!sink->touched) {
		sink->touched = true;
		engine->touched[engine->ntouched++] = (uint8_t)number;
	}
}

void
dp_take_back(struct dp_engine *engine, bool all)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < plan->nroutes; i++) {
		const struct dp_route *route = &plan->routes[i];
		const struct chan_tx *tx;

		if (all && route->sink != NULL && route->sink->ops != NULL &&
			route->sink->ops->tick != NULL)
			sink_tick(engine, i);
		if (route->lane == NULL)
			continue;
		tx = &route->lane->tx;
		/* Reading the cursor costs a cache miss while the application runs: only when
		 * an eighth of the ring has been filled since the last time, or less than a
		 * burst is left. */
		if (tx->tail == tx->taken ||
			(!all && tx->tail - tx->polled < tx->slots / 8 &&
				tx->slots - (tx->tail - tx->taken) >= engine->batch &&
				tx->large_held == 0))
			continue;
		lane_take(engine, i, route);
	}
	if (engine->behind > 0)
		dp_backlogs_drain(engine);
}

static void
lane_retire(struct dp_engine *engine, struct dp_lane *lane, struct dp_sink *sink, bool keep)
{
	uint32_t frame;

	if (!lane->finished)
		chan_tx_finish(&lane->tx, CHAN_CLOSED);
	chan_tx_poll(&lane->tx);
	frames_back(engine, &lane->tx);
	sink->own.waiting_pkts = 0;
	if (sink->backlog != NULL)
		dp_backlog_part(engine, lane, sink, keep);
	if (sink->backlog != NULL && sink->backlog->rest == lane)
		return;
	sink->own.unread_pkts += chan_tx_waiting(&lane->tx);
	while (chan_tx_reclaim(&lane->tx, &frame))
		frame_back(engine, &lane->tx, frame);
}

void
dp_lane_finish(struct dp_lane *lane, enum chan_state state)
{
	if (lane == NULL || lane->finished)
		return;
	chan_tx_finish(&lane->tx, state);
	lane->finished = true;
}

/* More is to come into its ring, although nothing comes for the channel any more. */
static bool
lane_has_backlog(const struct dp_route *route)
{
	return route->sink != NULL && route->sink->backlog != NULL &&
	       route->sink->backlog->npkts > 0;
}

static void
lane_join(struct dp_engine *engine, struct dp_route *route)
{
	if (route->lane == NULL || route->lane->joined)
		return;
	route->lane->base = route->sink->own;
	route->lane->base_source_drop_pkts = engine->source_drop_told;
	route->lane->joined = true;
	if (route->sink->backlog != NULL)
		dp_backlog_join(engine, route);
}

/* Nobody is left asleep beside packets while the thread waits for a disk or a pipe. */
static bool
plan_eager(const struct dp_engine *engine, const struct dp_plan *plan)
{
	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (engine->links[i].ops->waits)
			return true;
	for (uint32_t i = 0; i < plan->nroutes; i++)
		if (plan->routes[i].sink != NULL && plan->routes[i].sink->ops != NULL &&
			plan->routes[i].sink->ops->waits)
			return true;
	return false;
}

static void
sink_leave(struct dp_engine *engine, struct dp_sink *sink)
{
	if (sink != NULL && sink->backlog != NULL)
		dp_backlog_drop(engine, sink);
	if (sink == NULL || sink->ops == NULL || sink->ops->leave == NULL)
		return;
	sink->ops->leave(sink->priv, &sink->own.unread_pkts);
	sink->own.waiting_pkts = 0;
}

/* Their channels are closed: what they keep is given back. */
static void
sinks_leave(struct dp_engine *engine, const struct dp_plan *before, const struct dp_plan *plan)
{
	for (uint32_t i = 0; before != NULL && i < before->nroutes; i++)
		if (i >= plan->nroutes || plan->routes[i].sink != before->routes[i].sink)
			sink_leave(engine, before->routes[i].sink);
}

void
dp_plan_enter(struct dp_engine *engine, struct dp_plan *plan)
{
	sinks_leave(engine, engine->plan, plan);
	engine->plan = plan;
	engine->eager = plan_eager(engine, plan);
	for (uint32_t i = 0; i < plan->nretired; i++)
		lane_retire(engine, plan->retired[i].lane, plan->retired[i].sink,
			plan->retired[i].keep);
	for (uint32_t i = 0; i < plan->nroutes; i++) {
		struct dp_route *route = &plan->routes[i];

		if (route->sink == NULL)
			continue;
		lane_join(engine, route);
		if (route->closed && !lane_has_backlog(route))
			dp_lane_finish(route->lane, CHAN_CLOSED);
		route->sink->touched = true;
		engine->touched[engine->ntouched++] = (uint8_t)i;
	}
}

void
dp_source_drop_share(struct dp_engine *engine)
{
	uint64_t now = atomic_load_explicit(&engine->source_drop_pkts, memory_order_relaxed);

	if (now == engine->source_drop_told)
		return;
	engine->source_drop_told = now;
	for (uint32_t i = 0; i < engine->plan->nroutes; i++) {
		struct dp_lane *lane = engine->plan->routes[i].lane;

		if (lane != NULL)
			atomic_store_explicit(&lane->tx.ring->source_drop_pkts,
				now - lane->base_source_drop_pkts, memory_order_relaxed);
	}
}

void
dp_lanes_finish(struct dp_engine *engine, enum chan_state state)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < plan->nroutes; i++)
		if (state != CHAN_EOF || !lane_has_backlog(&plan->routes[i]))
			dp_lane_finish(plan->routes[i].lane, state);
}

void
dp_sinks_leave(struct dp_engine *engine)
{
	for (uint32_t i = 0; i < engine->plan->nroutes; i++) {
		struct dp_sink *sink = engine->plan->routes[i].sink;

		if (sink == NULL)
			continue;
		if (sink->ops != NULL)
			sink_leave(engine, sink);
		if (!sink->touched)
			engine->touched[engine->ntouched++] = (uint8_t)i;
		sink->touched = true;
	}
}
