/*
 * dp/stats: what the data plane counts (counters.def), and how the figures leave the engine
 * thread.
 */
#ifndef PACF_DP_STATS_H
#define PACF_DP_STATS_H

#include "pkt.h"

#include <stdatomic.h>

#define DP_MAX_SINKS		      255 /* per engine; 255 itself means "nobody" in a bucket map */
#define DP_MAX_LINKS		      16
#define DP_MAX_GROUPS		      64

#define DP_COUNTER_MEMBER(name, help) uint64_t name;
struct dp_engine_counters {
#define DP_ENGINE_COUNTER DP_COUNTER_MEMBER
#include "counters.def"
#undef DP_ENGINE_COUNTER
	uint64_t reasons[PKT_REASONS];
};
struct dp_link_counters {
#define DP_LINK_COUNTER DP_COUNTER_MEMBER
#include "counters.def"
#undef DP_LINK_COUNTER
};
struct dp_channel_counters {
#define DP_CHANNEL_COUNTER DP_COUNTER_MEMBER
#include "counters.def"
#undef DP_CHANNEL_COUNTER
	/* Gauges. */
	uint64_t waiting_pkts; /* descriptors not given back */
	uint64_t held_pkts;    /* of received: in the backlog, not delivered yet */
};
struct dp_group_counters {
	uint64_t received_pkts;
};
#undef DP_COUNTER_MEMBER
#define DP_WORDS(type) (sizeof(type) / sizeof(uint64_t))

struct dp_engine;
struct dp_sink;
struct dp_group_stat;

/* stats.c: any thread; consistent: all values are of one moment between two bursts. */
struct dp_view {
	struct dp_engine_counters engine;
	struct dp_link_counters links[DP_MAX_LINKS];
	struct dp_channel_counters sinks[DP_MAX_SINKS];
	struct dp_group_counters groups[DP_MAX_GROUPS];
};
void dp_view_read(struct dp_engine *engine, struct dp_sink *const *sinks, uint32_t nsinks,
	struct dp_group_stat *const *groups, uint32_t ngroups, struct dp_view *out);
void dp_share(
	struct dp_engine *engine); /* engine thread: touched sinks, links, groups, engine */

#endif
