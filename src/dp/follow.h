/*
 * dp/follow: later fragments go where their first one went.  Packets are shown to it one by
 * one, in the order in which they came; it says which flow each is of, and in which order they
 * go on: a later fragment gets the digests of its first one, from the table of first fragments
 * (frag.h), or after it was held until that came (hold.h).  Nothing is reassembled.
 *
 * The only such code: an engine (defrag.c) and who explains what an engine does both ask it.
 * One thread at a time; nothing locks, allocates or fails.  Frames stay the caller's, who
 * keeps those of held packets until they are in `out`.
 *
 * Each call says in out[0..nout) what goes on now, in order; the next call writes there again.
 * What leaves the hold goes before the packet that made it leave, so that the fragments of one
 * datagram stay in the order in which they came.
 */
#ifndef PACF_DP_FOLLOW_H
#define PACF_DP_FOLLOW_H

#include "hold.h"
#include "pkt.h"

/* How a packet came to its digests. */
enum dp_follow_way {
	DP_FOLLOW_OWN,	  /* by what is in it */
	DP_FOLLOW_KNOWN,  /* a later fragment, after its first one */
	DP_FOLLOW_WAITED, /* a later fragment that came too early: held until its first one */
	DP_FOLLOW_ORPHAN, /* a later fragment whose first one did not come in time */
	DP_FOLLOW_CROWDED /* the same, but too many waited */
};

struct dp_followed {
	/* Given by the caller; number: ascending, of packets in the order in which they came.
	 */
	struct io_pkt pkt;
	uint64_t number;
	uint32_t link; /* below DP_MAX_LINKS */
	bool large;    /* in a large frame */
	/* In: what is in it; out: by which it goes. */
	uint64_t digests[PKT_FIELDS_MAX];
	/* Out. */
	uint8_t reason; /* enum pkt_reason */
	uint8_t way;	/* enum dp_follow_way */
	uint64_t
		first; /* number of the first fragment that it follows; 0: none, or not known */
};

/* A datagram of which the flow has just become known, and who has its first fragment. */
struct dp_follow_tag {
	uint64_t tag, first;
};

struct dp_follow {
	/* The caller's: digests of first fragments, which engines may share; and their packet
	 * numbers under the same tags, NULL: nobody asks for them. */
	struct pkt_frag *frags, *numbers;
	struct dp_engine_counters *own; /* frag_*_pkts are counted there */
	struct dp_hold hold;		/* of those that came before their first one */
	uint32_t nout, ntags;
	struct dp_followed out[DP_HOLD_MAX + 1];
	struct dp_follow_tag tags[(DP_HOLD_MAX + 1) * PKT_MAX_FRAGS];
};

/* Nothing is held.  frags and numbers stay as they are. */
void dp_follow_init(struct dp_follow *follow, struct dp_engine_counters *own);
/* Any packet; flow: what pkt_digests found in it.  It is in `out`, last, or held. */
void dp_follow_packet(struct dp_follow *follow, const struct dp_followed *packet,
	const struct pkt_flow *flow);
/* Before each packet of a link while some are held: what has waited for too long by the link's
 * clock; and when it has ended, with now_ns = UINT64_MAX: all that came from it. */
void dp_follow_due(struct dp_follow *follow, uint32_t link, uint64_t now_ns);

#endif
