/*
 * dp/reorder: packets of several streams (links, or receive queues that a link mixes) in the
 * order of their time stamps.  One engine's, on its thread only, and only if it has more than
 * one stream; a plain data structure: order.c reads the links and says until when packets may
 * leave.
 *
 * Each packet has a key.  Of interfaces it is the stamp, but not later than the time at
 * which the packet came: so it is due a window after it came at the latest, whatever its stamp
 * says; of files there is no such limit.  And it is not earlier than the one before it on its
 * link, unless that mixes streams: what a file, or a queue by itself, has in order stays so.
 * Equal keys leave by the number of their links, and those of one link as they came.
 *
 * Each packet keeps its reference to its frame: a pool needs DP_REORDER_MAX frames more, and
 * dp_reorder_large() large ones.  Not received yet, by the ledger, until it has left.
 */
#ifndef PACF_DP_REORDER_H
#define PACF_DP_REORDER_H

#include "io.h"
#include "stats.h"

#define DP_REORDER_MAX	     4096u /* packets; a power of two */
#define DP_REORDER_LARGE     64u   /* large frames with which it is full */
#define DP_REORDER_WINDOW_NS UINT64_C(1000000)

struct dp_reorder_entry {
	uint64_t key_ns;
	struct io_pkt pkt; /* link: where it is from */
};
struct dp_reorder_link {
	uint64_t newest_ns; /* largest key that came from it */
	uint64_t quiet_ns;  /* monotonic, since when it brings nothing; 0: it does */
	uint32_t waiting;   /* packets of it in the buffer */
	bool mixed;	    /* control's: its packets are of several streams */
};
struct dp_reorder {
	/* Set by dp_reorder_init. */
	bool exact; /* files: no window */
	uint64_t window_ns;
	uint32_t ordinary; /* frames of the pool */
	/* What may leave: keys below until_ns, and those equal to it of links up to until_link.
	 */
	uint64_t until_ns;
	uint32_t until_link;
	uint32_t press;	  /* the oldest so many leave whatever their keys: the buffer is full */
	uint64_t left_ns; /* largest key that has left */
	uint64_t now_ns;  /* see dp_reorder_clock */
	uint32_t head, n, nlarge;
	struct dp_reorder_link links[DP_MAX_LINKS];
	uint64_t keys[IO_BURST_MAX]; /* of the burst being added */
	struct dp_reorder_entry ring[DP_REORDER_MAX];
};

/* Control, before the engine runs.  ordinary: frames of the pool below the large ones. */
void dp_reorder_init(struct dp_reorder *r, bool exact, uint64_t window_ns, uint32_t ordinary);
/* Large frames that it can hold at once, with so many links and bursts of that size. */
static inline uint32_t
dp_reorder_large(uint32_t nlinks, uint32_t batch)
{
	return DP_REORDER_LARGE + nlinks * batch;
}
/* Packets that still fit. */
static inline uint32_t
dp_reorder_room(const struct dp_reorder *r)
{
	return r->nlarge < DP_REORDER_LARGE ? DP_REORDER_MAX - r->n : 0;
}
/* Interfaces: what time it is, when a round begins and before packets are added: none of them
 * has come later.  If the clock was set back, all that waits is due. */
void dp_reorder_clock(struct dp_reorder *r, uint64_t now_ns);
/* Takes over n packets of one link; they fit into the buffer. */
void dp_reorder_add(struct dp_reorder *r, uint32_t link, const struct io_pkt *pkts, uint32_t n);
/* At most n packets that may leave, in order.  Adds to *late those that should have left before
 * some that have. */
uint32_t dp_reorder_take(struct dp_reorder *r, struct io_pkt *out, uint32_t n, uint64_t *late);
/* Nanoseconds until something is due, if nothing comes; UINT64_MAX: nothing waits. */
uint64_t dp_reorder_due_ns(const struct dp_reorder *r, uint64_t now_ns);

#endif
