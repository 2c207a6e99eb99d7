/*
 * dp: the data plane.  One engine is one thread that turns: receive a burst, digest each
 * packet, split by the plan, publish, take back.  The control plane prepares everything
 * (sources, pool, sinks, plans) and meets the thread at one pointer: the next plan, handed over
 * by a release store and acknowledged by its generation.  In a turn nothing locks, allocates,
 * logs or fails: it is counted.
 */
#ifndef PACF_DP_H
#define PACF_DP_H

#include "chan.h"
#include "io.h"
#include "pkt.h"
#include "stats.h"

#include <stdatomic.h>

#define DP_NOBODY      255
#define DP_LARGE_QUOTA 8 /* large frames that one lane may hold */

/* The application's end of a channel while somebody is attached.  Made and freed by control. */
struct dp_lane {
	struct chan_tx tx;
	uint64_t staged_bytes; /* of the packets put and not shown yet */
	struct dp_channel_counters
		base; /* engine: the channel's counters when the lane joined */
	uint64_t base_source_drop_pkts;
	bool joined, finished;
	_Atomic bool lied; /* engine -> control: the cursor lied, detach it */
};

/* Where a channel's packets go.  Lives as long as the channel; the engine thread writes `own`,
 * control reads `shared` (under the engine's sequence). */
struct dp_sink {
	const struct io_sink_ops *ops; /* NULL: shared memory */
	void *priv;
	struct dp_channel_counters own;
	_Atomic uint64_t shared[DP_WORDS(struct dp_channel_counters)];
	bool touched;
	uint32_t nstaged;
	const struct io_pkt *staged[IO_BURST_MAX];
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
	bool closed; /* gets nothing more; its application may read what is in the ring */
};
struct dp_group {
	struct dp_group_stat *stat;
	uint64_t key;
	uint8_t map[PKT_BUCKETS]; /* bucket -> route; DP_NOBODY in an empty group */
};
/* Immutable once published.  Route numbers are the channel's for as long as it is open. */
struct dp_plan {
	uint64_t generation;
	bool drop_all, any_wait;
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
	} retired[DP_MAX_SINKS];
};

struct dp_link {
	const struct io_source_ops *ops;
	void *priv;
	enum pkt_link link;
	bool ended;
	_Atomic bool failed;
	struct dp_link_counters own;
	_Atomic uint64_t shared[DP_WORDS(struct dp_link_counters)];
};

struct dp_engine {
	/* Set by control before the thread starts. */
	char name[32];
	struct io_pool pool;
	struct pkt_key key;
	uint32_t batch;	 /* burst size, 1..IO_BURST_MAX */
	int bell_fd;	 /* control rings it: a new plan, stop */
	int ctl_bell_fd; /* the engine rings it: a lane lied, the sources ended */
	uint32_t nlinks;
	struct dp_link links[DP_MAX_LINKS];

	/* Control -> engine. */
	_Atomic(struct dp_plan *) next;
	_Atomic bool stop;
	/* Engine -> control. */
	_Alignas(CHAN_LINE) _Atomic uint64_t acked; /* generation in force */
	_Atomic bool ended;	/* all sources have ended and everything is handed on */
	_Atomic uint64_t turns; /* heartbeat */
	_Atomic uint32_t seq;	/* odd while the shared counters are being written */
	_Atomic uint64_t shared[DP_WORDS(struct dp_engine_counters)];

	/* Engine thread only. */
	_Alignas(CHAN_LINE) struct dp_plan *plan;
	struct dp_engine_counters own;
	uint32_t link;	 /* where the burst is from */
	uint32_t pos, n; /* the burst: next packet, number of packets */
	uint32_t live;	 /* links that have not ended */
	uint32_t idle;	 /* turns without progress in a row */
	bool eager;	 /* a source or sink of this plan may wait, see io.h: put nothing off */
	uint32_t busy;	 /* full bursts since the last dp_split_finish */
	uint32_t ntouched;
	uint8_t touched[DP_MAX_SINKS];
	struct io_pkt burst[IO_BURST_MAX];
	uint64_t digest[IO_BURST_MAX];
	uint8_t reason[IO_BURST_MAX];
};

/* The thread's body: returns when `stop` is set and everything is given back.  `next` must hold
 * a plan. */
void dp_engine_run(struct dp_engine *engine);

/* split.c: hands on packets pos..n-1 of the burst; stops at the first that a waiting channel
 * can't take yet. Returns how many it handed on. */
uint32_t dp_split(struct dp_engine *engine);
/* After each split: writes staged packets, makes lanes' packets visible, counts both.  What it
 * leaves to dp_split_finish may be put off while burst follows burst. */
void dp_split_show(struct dp_engine *engine);
/* All of that, wakes who sleeps, and shares the counters of all that split touched. */
void dp_split_finish(struct dp_engine *engine);
/* Takes back what applications gave back; with all, also of lanes that gave back little. */
void dp_take_back(struct dp_engine *engine, bool all);
/* Takes over a plan: retires lanes, lets new ones join. */
void dp_plan_enter(struct dp_engine *engine, struct dp_plan *plan);
/* Tells every lane that nothing follows. */
void dp_lanes_finish(struct dp_engine *engine, enum chan_state state);

/* map.c: pure.  Moves as few buckets as possible so that members (route numbers, in order) own
 * equal shares (they differ by at most one bucket).  A fresh map is all DP_NOBODY. */
void dp_map_update(uint8_t *map, const uint8_t *members, uint32_t n);

#endif
