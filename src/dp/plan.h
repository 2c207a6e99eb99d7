/*
 * dp/plan: what an engine does with packets, as control builds it: sinks, routes to them,
 * groups, and the plan that holds these together.  A plan is immutable once it is published;
 * the engine thread only follows its pointers.
 */
#ifndef PACF_DP_PLAN_H
#define PACF_DP_PLAN_H

#include "backlog.h"
#include "chan.h"
#include "io.h"
#include "filter.h"
#include "hold.h"
#include "map.h"
#include "pkt.h"
#include "stats.h"
#include "top.h"

#include <stdatomic.h>

#define DP_BURST_MAX   (IO_BURST_MAX + DP_HOLD_MAX) /* a burst, and fragments that were held */
#define DP_LARGE_QUOTA 8			    /* large frames that one lane may hold */

/* The application's end of a channel while somebody is attached.  Made and freed by control. */
struct dp_lane {
	struct chan_tx tx;
	uint64_t staged_bytes; /* of the packets put and not shown yet */
	struct dp_channel_counters
		base; /* engine: the channel's counters when the lane joined */
	uint64_t base_source_drop_pkts;
	uint64_t base_held_pkts; /* engine: that had come before, for whoever would join */
	bool joined, finished;
	_Atomic bool lied; /* engine -> control: the cursor lied, detach it */
};

/* The flows of a channel; made and freed with it. */
struct dp_sink_top {
	struct dp_top own; /* engine */
	bool changed;	   /* since it was published */
	struct dp_top_shared shared;
};

/* Where a channel's packets go.  Lives as long as the channel; the engine thread writes `own`,
 * control reads `shared` (under the engine's sequence). */
struct dp_sink {
	const struct io_sink_ops *ops; /* NULL: shared memory */
	void *priv;
	struct dp_channel_counters own;
	_Atomic uint64_t shared[DP_WORDS(struct dp_channel_counters)];
	struct dp_sink_top *top; /* NULL: not counted */
	struct dp_backlog
		*backlog; /* NULL: nothing is held; else until the channel is closed */
	bool touched;
	uint32_t nstaged;
	const struct io_pkt *staged[DP_BURST_MAX];
};
struct dp_group_stat {
	struct dp_group_counters own;
	_Atomic uint64_t shared[DP_WORDS(struct dp_group_counters)];
};

/* A sink as one plan sees it. */
struct dp_route {
	struct dp_sink *sink;
	struct dp_lane *lane; /* NULL: nobody attached, or no shared memory */
	bool wait_full, wait_detached;
	const struct pkt_filter *filter; /* gets what matches; NULL: everything */
	uint32_t snaplen;		 /* bytes handed on; 0: all */
	uint32_t sample;		 /* 1 in so many flows; 0: all */
	uint64_t sample_key;
	bool closed; /* gets nothing more; its application may read what is in the ring */
};
struct dp_group {
	struct dp_group_stat *stat;
	uint64_t key;
	enum pkt_fields fields;
	uint8_t map[PKT_BUCKETS]; /* bucket -> route; DP_NOBODY in an empty group */
};
/* Immutable once published.  Route numbers are the channel's for as long as it is open. */
struct dp_plan {
	uint64_t generation;
	bool drop_all, any_wait;
	bool adopt; /* applications read, and a source hands out frames they can't map */
	bool plain; /* no route has a filter, snaplen or sample, and no group other fields */
	uint32_t fields; /* 1 << enum pkt_fields, of groups with a choice and of sampling routes
			  */
	uint32_t ndrop;	 /* DROP channels with a filter: what matches one is dropped */
	const struct pkt_filter *drop[DP_MAX_SINKS];
	uint32_t nroutes; /* highest used + 1; unused have sink NULL */
	struct dp_route routes[DP_MAX_SINKS];
	uint32_t ncopy;
	uint8_t copy[DP_MAX_SINKS];
	uint32_t ngroups;
	struct dp_group *groups[DP_MAX_GROUPS];
	/* Lanes that this plan's predecessor had and this one has not: taken back when it takes
	 * over. */
	uint32_t nretired;
	struct {
		struct dp_lane *lane;
		struct dp_sink *sink;
		bool keep; /* what is in it is for the next: the engine has it until that joins
			    */
	} retired[DP_MAX_SINKS];
};

#endif
