/*
 * dp/show: what split has handed on becomes visible: lanes' tails, files, counters; and who
 * sleeps is woken.  Engine thread only.  Invariant: what is put into a lane is counted when it
 * is shown, not before.
 */
#include "route.h"

#define SLOTS_AHEAD 20u

/* n packets that a sink did not take. */
static void
stage_lost(struct dp_sink *sink, uint32_t n)
{
	const struct io_sink_ops *ops = sink->ops;

	if (ops->ring) {
		uint32_t failed = ops->failed != NULL ? ops->failed(sink->priv) : 0;

		sink->own.drop_sink_error_pkts += failed;
		sink->own.drop_ring_full_pkts += n - failed;
	} else if (ops->slow != NULL && ops->slow(sink->priv)) {
		sink->own.drop_disk_slow_pkts += n;
	} else {
		sink->own.drop_sink_error_pkts += n;
	}
}

static void
stage_write(struct dp_engine *engine, const struct dp_route *route)
{
	struct dp_sink *sink = route->sink;
	uint32_t n = sink->nstaged;
	uint32_t done = sink->ops->tx(sink->priv, sink->staged, n);

	for (uint32_t i = 0; i < n; i++) {
		if (i < done)
			sink->own.delivered_bytes += route_len(route, sink->staged[i]);
		io_pool_put(&engine->pool, sink->staged[i]->frame);
	}
	sink->own.delivered_pkts += done;
	if (done < n)
		stage_lost(sink, n - done);
	if (sink->ops->cheap)
		sink->own.waiting_pkts = sink->ops->tick(sink->priv, &sink->own.unread_pkts);
	sink->nstaged = 0;
}

/* What an application calls received: it can't see what its channel's filter and sample left
 * out. */
static uint64_t
passed_pkts(const struct dp_channel_counters *c)
{
	return c->received_pkts - c->filtered_pkts - c->unsampled_pkts;
}

static uint64_t
dropped_pkts(const struct dp_channel_counters *c)
{
	return passed_pkts(c) - c->delivered_pkts - c->held_pkts;
}

static void
lane_share(const struct dp_sink *sink, struct dp_lane *lane)
{
	struct chan_ring *ring = lane->tx.ring;

	atomic_store_explicit(&ring->received_pkts,
		passed_pkts(&sink->own) - passed_pkts(&lane->base) + lane->base_held_pkts,
		memory_order_relaxed);
	atomic_store_explicit(&ring->dropped_pkts,
		dropped_pkts(&sink->own) - dropped_pkts(&lane->base), memory_order_relaxed);
}

static void
lane_count(struct dp_sink *sink, struct dp_lane *lane)
{
	uint32_t n = lane->tx.tail - lane->tx.published;

	sink->own.received_pkts += n;
	sink->own.delivered_pkts += n;
	sink->own.received_bytes += lane->staged_bytes;
	sink->own.delivered_bytes += lane->staged_bytes;
	lane->staged_bytes = 0;
}

/* The slots of the next burst: the application's processor has them from the last lap. */
static inline void
slots_fetch(const struct chan_tx *tx)
{
	for (uint32_t i = 0; i < SLOTS_AHEAD; i += CHAN_LINE / sizeof(*tx->desc))
		__builtin_prefetch(&tx->desc[(tx->tail + i) & tx->mask], 1);
}

void
dp_split_show(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;

	for (uint32_t i = 0; i < engine->ntouched; i++) {
		const struct dp_route *route = &plan->routes[engine->touched[i]];
		struct dp_lane *lane = route->lane;

		if (route->sink->nstaged > 0)
			stage_write(engine, route);
		if (lane == NULL || lane->tx.tail == lane->tx.published)
			continue;
		lane_count(route->sink, lane);
		chan_tx_show(&lane->tx);
		slots_fetch(&lane->tx);
		if (chan_tx_wake_due(&lane->tx))
			chan_tx_wake(&lane->tx);
	}
}

void
dp_split_finish(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;

	dp_split_show(engine);
	for (uint32_t i = 0; i < engine->ntouched; i++) {
		const struct dp_route *route = &plan->routes[engine->touched[i]];
		struct dp_lane *lane = route->lane;

		route->sink->touched = false;
		if (lane == NULL)
			continue;
		lane_share(route->sink, lane);
		if (lane->tx.looked != lane->tx.published)
			chan_tx_wake(&lane->tx);
		route->sink->own.waiting_pkts = chan_tx_waiting(&lane->tx);
	}
	dp_share(engine);
	dp_top_tick(engine, false);
	engine->uncounted = false;
	engine->ntouched = 0;
	engine->busy = 0;
}
