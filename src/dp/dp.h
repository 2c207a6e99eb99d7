/*
 * dp: the data plane.  One engine is one thread that turns: receive a burst, digest each
 * packet, split by the plan, publish, take back.  The control plane prepares everything
 * (sources, pool, sinks, plans) and meets the thread at one pointer: the next plan, handed over
 * by a release store and acknowledged by its generation.  In a turn nothing locks, allocates,
 * logs or fails: it is counted.
 */
#ifndef PACF_DP_H
#define PACF_DP_H

#include "follow.h"
#include "plan.h"
#include "reorder.h"

#include <stdatomic.h>

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
	struct pkt_conf conf;
	uint32_t batch;		    /* burst size, 1..IO_BURST_MAX */
	int bell_fd;		    /* control rings it: a new plan, stop */
	int ctl_bell_fd;	    /* the engine rings it: a lane lied, the sources ended */
	struct dp_reorder *reorder; /* NULL: one stream, or order does not matter */
	uint32_t nlinks;
	struct dp_link links[DP_MAX_LINKS];

	/* Control -> engine. */
	_Atomic(struct dp_plan *) next;
	_Atomic bool stop, alone;	   /* alone: no other engine has one of its channels */
	_Atomic uint64_t source_drop_pkts; /* of all links, as control last saw it */
	/* Engine -> control. */
	_Alignas(CHAN_LINE) _Atomic uint64_t acked; /* generation in force */
	_Atomic bool ended;	/* all sources have ended and everything is handed on */
	_Atomic uint64_t turns; /* heartbeat */
	_Atomic uint32_t seq;	/* odd while the shared counters are being written */
	_Atomic uint64_t shared[DP_WORDS(struct dp_engine_counters)];

	/* Engine thread only. */
	_Alignas(CHAN_LINE) struct dp_plan *plan;
	struct dp_engine_counters own;
	uint32_t link;		   /* where the burst is from */
	uint32_t pos, n;	   /* the burst: next packet, number of packets */
	uint32_t live;		   /* links that have not ended */
	uint64_t source_drop_told; /* to the lanes */
	uint32_t idle;		   /* turns without progress in a row */
	uint32_t gathered;	   /* packets handed on since the last nap */
	uint64_t nap_ns;	   /* that it took */
	bool eager;    /* a source or sink of this plan may wait, see io.h: put nothing off */
	uint32_t busy; /* full bursts since the last dp_split_finish */
	uint64_t woke_ns; /* monotonic: when who slept was last woken */
	uint32_t behind;  /* lanes whose packets go through their backlogs */
	bool uncounted;	  /* packets were split and their counters not shared yet */
	uint32_t ntouched;
	uint8_t touched[DP_MAX_SINKS];
	struct io_pkt *burst, *ahead;	  /* the current one, the next one */
	uint32_t nahead, ahead_link, raw; /* raw: which of bursts the current one came in */
	struct io_pkt bursts[2][IO_BURST_MAX];
	uint64_t digests[PKT_FIELDS_MAX]
			[DP_BURST_MAX]; /* those that the plan's fields ask for */
	uint8_t reason[DP_BURST_MAX];
	struct dp_top_sampler tops;
	uint32_t top_weight; /* of the current burst; 0: it is not looked at */
	uint64_t top_due_ns;
	bool odd; /* some reason is not PKT_OK */
	/* follow.frags: set by control before the thread starts; NULL: no fragment follows. */
	struct dp_follow follow;
	uint64_t nfragments; /* that were followed so far */
	/* defrag.c: a burst with its fragments, each where it belongs; burst points here then.
	 */
	struct io_pkt mixed[DP_BURST_MAX];
};

/* The thread's body: returns when `stop` is set and everything is given back.  `next` must hold
 * a plan. */
void dp_engine_run(struct dp_engine *engine);

/* nap.c: sleeps, most_ns at most; stalled: no packet would help. */
void dp_nap(struct dp_engine *engine, uint64_t most_ns, bool stalled);
/* Its source has ended, with IO_EOF or IO_ERROR. */
void dp_link_end(struct dp_engine *engine, struct dp_link *link, int why);
/* The engine stops, and has not handed this one of that link on. */
void dp_packet_leave(struct dp_engine *engine, const struct io_pkt *pkt, uint32_t number);

/* order.c, for an engine with a reorder buffer: receives from all links, and makes what is in
 * order the next burst; false: there is nothing yet. */
bool dp_order_receive(struct dp_engine *engine);
/* Nanoseconds until there may be; UINT64_MAX: nothing waits, or there is no buffer. */
uint64_t dp_order_due_ns(const struct dp_engine *engine);
/* Gives back what waits; it was not handed on. */
void dp_order_leave(struct dp_engine *engine);
/* Packets of links are in one burst, each says from which it is. */
static inline bool
dp_burst_is_mixed(const struct dp_engine *engine)
{
	return engine->burst == engine->mixed || engine->reorder != NULL;
}

/* tops.c: the flows of packets first..pos-1, which were handed on. */
void dp_top_burst(struct dp_engine *engine, uint32_t first);
/* Publishes them, if it is time or at once. */
void dp_top_tick(struct dp_engine *engine, bool at_once);

/* policy.c: the channels of packet i, and what they make of it; how many. */
enum dp_verdict { DP_TAKE, DP_FILTERED, DP_UNSAMPLED };
struct dp_pick {
	uint8_t route, verdict;
};
uint32_t dp_packet_picks(const struct dp_engine *engine, uint32_t i, struct dp_pick *picks);
/* policy.c: the general way for packet i; false: a channel that waits can't take it yet. */
bool dp_packet_any(struct dp_engine *engine, uint32_t i);
/* For the burst from pos on; the first packet that was not handed on. */
uint32_t dp_burst_any(struct dp_engine *engine);
/* Takes out of a new burst what DROP channels' filters match, and counts it. */
void dp_drop_matching(struct dp_engine *engine);

/* defrag.c: the current burst, digested, has fragments, or some are held: makes it one in which
 * each later fragment has its first one's digests; those that come early are held back. */
void dp_defrag(struct dp_engine *engine);
/* All links have ended: what is held becomes the current burst.  False: nothing is. */
bool dp_defrag_rest(struct dp_engine *engine);
/* Nothing comes from a live link: what has been held for too long becomes the current burst. */
bool dp_defrag_idle(struct dp_engine *engine);

/* adopt.c: what is left of the burst lies in the engine's own frames afterwards. */
void dp_adopt(struct dp_engine *engine);

/* split.c: hands on packets pos..n-1 of the burst; stops at the first that a waiting channel
 * can't take yet. Returns how many it handed on. */
uint32_t dp_split(struct dp_engine *engine);
/* show.c.  After each split: writes staged packets, makes lanes' packets visible, counts both.
 * What it leaves to dp_split_finish may be put off while burst follows burst. */
void dp_split_show(struct dp_engine *engine);
/* All of that, wakes who sleeps, and shares the counters of all that split touched. */
void dp_split_finish(struct dp_engine *engine);
/* Takes back what applications gave back; with all, also of lanes that gave back little. */
void dp_take_back(struct dp_engine *engine, bool all);
/* Takes over a plan: retires lanes, lets new ones join. */
void dp_plan_enter(struct dp_engine *engine, struct dp_plan *plan);
/* Tells every lane what was lost before the engine, if control has seen more. */
void dp_source_drop_share(struct dp_engine *engine);
/* Tells a lane, or none, that nothing follows. */
void dp_lane_finish(struct dp_lane *lane, enum chan_state state);
/* All of them; those with a backlog learn of the end of the sources when they have got that. */
void dp_lanes_finish(struct dp_engine *engine, enum chan_state state);
/* Every sink gives back the frames that it keeps. */
void dp_sinks_leave(struct dp_engine *engine);

#endif
