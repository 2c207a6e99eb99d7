/*
 * dp/tops: which flows fill each channel: counts the packets of the bursts that are looked at,
 * after they were handed on, and publishes about once a second.  Engine thread only.  A packet
 * counts for a channel that its filter and sample let it go to, whether there was room or not.
 */
#include "os.h"
#include "route.h"

#define PUBLISH_NS 1000000000u

static inline void
route_count(struct dp_engine *engine, uint32_t number, uint32_t i)
{
	struct dp_sink *sink = engine->plan->routes[number].sink;
	const struct io_pkt *pkt = &engine->burst[i];

	if (sink->top == NULL)
		return;
	dp_top_add(&sink->top->own, engine->digests[PKT_FIELDS_5TUPLE][i], pkt,
		dp_burst_is_mixed(engine) ? pkt->link : engine->link, engine->top_weight);
	sink->top->changed = true;
}

void
dp_top_burst(struct dp_engine *engine, uint32_t first)
{
	struct dp_pick picks[DP_MAX_SINKS + DP_MAX_GROUPS];

	for (uint32_t i = first; i < engine->pos; i++) {
		uint32_t n = dp_packet_picks(engine, i, picks);

		for (uint32_t k = 0; k < n; k++)
			if (picks[k].verdict == DP_TAKE)
				route_count(engine, picks[k].route, i);
	}
}

void
dp_top_tick(struct dp_engine *engine, bool at_once)
{
	uint64_t now = os_clock_mono_ns();

	if (!at_once && now < engine->top_due_ns)
		return;
	engine->top_due_ns = now + PUBLISH_NS;
	for (uint32_t i = 0; i < engine->plan->nroutes; i++) {
		struct dp_sink *sink = engine->plan->routes[i].sink;

		if (sink == NULL || sink->top == NULL || !sink->top->changed)
			continue;
		sink->top->changed = false;
		dp_top_publish(&sink->top->own, &sink->top->shared);
	}
}
