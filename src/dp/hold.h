/*
 * dp/hold: fragments that came before the first fragment of their datagram wait here for it,
 * within bounds of number and capture time.  One follower's (follow.h), on its thread only; a
 * plain data structure: it knows nobody, the follower asks what is due and hands it on.
 *
 * Packets of one tag leave in the order in which they came, whatever makes them leave: every
 * question below answers with the oldest of a tag.  The answer stays in the hold, readable,
 * until dp_hold_remove.
 *
 * Each held packet keeps its reference to its frame: a pool needs DP_HOLD_MAX frames more, and
 * DP_HOLD_LARGE large ones.
 *
 * The follower's steps, for a fragment with no first fragment known (deliver: as `fallback`):
 *
 *	while ((held = dp_hold_in_the_way(hold, tag, large)) != NULL)
 *		deliver(held), dp_hold_remove(hold, held);
 *	dp_hold_add(hold, &packet);
 *
 * for a first fragment, after it has been delivered (deliver: by its digests):
 *
 *	while ((held = dp_hold_of_tag(hold, tag)) != NULL)
 *		deliver(held), dp_hold_remove(hold, held);
 *
 * once a burst (deliver: as `fallback`), if (dp_hold_count(hold) > 0):
 *
 *	while ((held = dp_hold_expired(hold, link, now_ns)) != NULL)
 *		deliver(held), dp_hold_remove(hold, held);
 *
 * and when a link has ended, the same with now_ns = UINT64_MAX.
 */
#ifndef PACF_DP_HOLD_H
#define PACF_DP_HOLD_H

#include "frag.h"
#include "io.h"
#include "stats.h"

#define DP_HOLD_MAX	512u		     /* packets */
#define DP_HOLD_PER_TAG 64u		     /* packets of one datagram */
#define DP_HOLD_LARGE	8u		     /* packets in large frames */
#define DP_HOLD_NS	UINT64_C(1000000000) /* of capture time */

/* The lists that a held packet is in, each in order of arrival. */
enum dp_hold_list { DP_HOLD_ALL, DP_HOLD_TAG, DP_HOLD_LINK, DP_HOLD_BIG, DP_HOLD_LISTS };

struct dp_held {
	/* Given to dp_hold_add. */
	struct io_pkt pkt; /* ts_ns: capture time */
	uint64_t tag;
	uint64_t fallback[PKT_FRAG_DIGESTS]; /* where it goes if no first fragment comes */
	uint32_t link;			     /* below DP_MAX_LINKS */
	uint64_t number;		     /* in the order of arrival; the caller's own */
	uint64_t firsts[PKT_MAX_FRAGS];	     /* tags of datagrams that begin in it */
	uint8_t nfirsts;
	uint8_t reason; /* enum pkt_reason */
	bool large;
	/* The hold's own. */
	uint16_t flow;
	uint16_t next[DP_HOLD_LISTS], prev[DP_HOLD_LISTS];
};

struct dp_hold_ends {
	uint16_t first, last;
};
struct dp_hold_flow {
	uint64_t tag;
	struct dp_hold_ends pkts;
	uint16_t npkts;
	uint16_t next; /* of the same hash, or free */
};

#define DP_HOLD_HEADS 1024u
struct dp_hold {
	uint32_t npkts, nlarge;
	uint16_t free_pkt, free_flow;
	struct dp_hold_ends all, big, links[DP_MAX_LINKS];
	uint16_t heads[DP_HOLD_HEADS]; /* flows by their tags' low bits */
	struct dp_hold_flow flows[DP_HOLD_MAX];
	struct dp_held pkts[DP_HOLD_MAX];
};

/* Control, before the engine runs. */
void dp_hold_init(struct dp_hold *hold);

static inline uint32_t
dp_hold_count(const struct dp_hold *hold)
{
	return hold->npkts;
}
/* What has to leave before a packet of that tag and size may be added; NULL: nothing. */
struct dp_held *dp_hold_in_the_way(struct dp_hold *hold, uint64_t tag, bool large);
/* Copies it.  Only when nothing is in the way. */
void dp_hold_add(struct dp_hold *hold, const struct dp_held *packet);
/* NULL: none. */
struct dp_held *dp_hold_of_tag(struct dp_hold *hold, uint64_t tag);
struct dp_held *dp_hold_oldest(struct dp_hold *hold);
/* What has to leave because a packet of that link has waited for DP_HOLD_NS, by the link's own
 * clock, or the clock jumped back by as much; NULL: nothing. */
struct dp_held *dp_hold_expired(struct dp_hold *hold, uint32_t link, uint64_t now_ns);
/* Capture time when the link's next packet will have waited long enough; UINT64_MAX: it has
 * none. */
uint64_t dp_hold_due_ns(const struct dp_hold *hold, uint32_t link);
/* Its memory is the next packet's; nothing else moves. */
void dp_hold_remove(struct dp_hold *hold, struct dp_held *held);

#endif
