/*
 * dp/top: which flows fill a channel, in bounded memory (Space-Saving; Metwally, Agrawal, El
 * Abbadi 2005): a fixed number of counters; a flow that has none takes over the smallest one
 * with its count, which is from then on that flow's possible error.  So a counter never says
 * less than what its flow had, and at most its `error_pkts` more, which is at most all packets
 * divided by DP_TOP_COUNTERS; a flow with more than that many packets has a counter for
 * certain.
 *
 * Not every burst is looked at, but those that are count for as many as they stand for
 * (dp_top_weight): the bounds then hold for the weighted sum, which itself is an estimate. The
 * first DP_TOP_EXACT_PKTS packets of an engine are all looked at, so that small captures are
 * told exactly.  Measured (test/bench/top.c): see there.
 *
 * The engine thread counts and publishes, about once a second; any thread reads.
 */
#ifndef PACF_DP_TOP_H
#define PACF_DP_TOP_H

#include "io.h"

#include <stdatomic.h>

#define DP_TOP_COUNTERS	  128u
#define DP_TOP_SHOWN	  16u
#define DP_TOP_HEADER	  128u /* bytes of a packet of each flow, for the reader to parse */
#define DP_TOP_EXACT_PKTS 65536u
#define DP_TOP_ONE_IN	  32u /* bursts */

struct dp_top_counter {
	uint64_t digest;
	uint64_t pkts; /* the flow's packets, or up to error_pkts more */
	uint64_t error_pkts;
	uint64_t bytes; /* since the flow has this counter: of at least pkts - error_pkts */
};
/* The beginning of the packet with which the flow took over its counter. */
struct dp_top_header {
	uint32_t link;		       /* where it came from */
	uint32_t len, caplen, wirelen; /* len: bytes here; the packet's own */
	uint8_t data[DP_TOP_HEADER];
};

/* Engine thread's own; of one channel. */
struct dp_top {
	uint64_t pkts, bytes; /* weighted sums of all */
	uint32_t used;
	uint64_t low_pkts; /* smallest count, when last looked */
	uint32_t nlow;	   /* counters that had it then */
	uint16_t low[DP_TOP_COUNTERS];
	uint16_t heads[2 * DP_TOP_COUNTERS], next[DP_TOP_COUNTERS];
	struct dp_top_counter counters[DP_TOP_COUNTERS];
	struct dp_top_header headers[DP_TOP_COUNTERS];
};

/* What a reader sees: largest first. */
struct dp_top_view {
	uint64_t pkts, bytes;
	/* No error and no flow without a counter is larger; at most pkts / DP_TOP_COUNTERS. */
	uint64_t bound_pkts;
	uint64_t nflows;
	struct {
		struct dp_top_counter counter;
		struct dp_top_header header;
	} flows[DP_TOP_SHOWN];
};
struct dp_top_shared {
	_Atomic uint64_t seq;
	_Atomic uint64_t words[sizeof(struct dp_top_view) / sizeof(uint64_t)];
};

/* Which bursts to look at: one of these for an engine.  Set to 0, and random to any number. */
struct dp_top_sampler {
	uint64_t pkts; /* received so far */
	uint64_t random;
	uint32_t left, chosen; /* of DP_TOP_ONE_IN bursts: still to come, the one looked at */
};

/* Control (before the engine runs) or engine thread: nothing counted yet. */
void dp_top_clear(struct dp_top *top);

/* Once for each burst: its weight for dp_top_add, 0: leave the burst alone. */
static inline uint32_t
dp_top_weight(struct dp_top_sampler *sampler, uint32_t npkts)
{
	sampler->pkts += npkts;
	if (sampler->pkts <= DP_TOP_EXACT_PKTS)
		return 1;
	/* At random, or traffic that keeps time with it would be seen wrongly. */
	if (sampler->left == 0) {
		sampler->random =
			sampler->random * UINT64_C(6364136223846793005) + 1442695040888963407;
		sampler->chosen = (uint32_t)((sampler->random >> 32) * DP_TOP_ONE_IN >> 32);
		sampler->left = DP_TOP_ONE_IN;
	}
	return --sampler->left == sampler->chosen ? DP_TOP_ONE_IN : 0;
}
void dp_top_add(struct dp_top *top, uint64_t digest, const struct io_pkt *pkt, uint32_t link,
	uint32_t weight);
void dp_top_publish(const struct dp_top *top, struct dp_top_shared *shared);

/* Any thread.  False: the engine was writing all the time, try again. */
bool dp_top_read(struct dp_top_shared *shared, struct dp_top_view *out);

#endif
