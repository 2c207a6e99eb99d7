/*
 * chan: a lane, the single-producer single-consumer descriptor ring between one engine and one
 * application (layout.h has the shared bytes).  chan_tx is the daemon's end, chan_rx the
 * application's.  The two never trust each other: the daemon reads nothing but the cursor word
 * and checks it; the application checks every descriptor against the pool's size.
 *
 * Memory order (each pair named at the code): tail release -> acquire hands over descriptors
 * and packet bytes; cursor release -> acquire hands frames back; between "publish tail, look
 * for a sleeper" and "announce sleep, look for packets" both sides put a sequentially
 * consistent fence, so that at least one of them sees the other.
 */
#ifndef PACF_CHAN_H
#define PACF_CHAN_H

#include "layout.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The daemon's end.  Created and destroyed by the control plane; between the two only the
 * engine thread touches it.  `shadow` is the engine's own note of the frame in each slot: what
 * an application writes can't change which frames come back.
 */
struct chan_tx {
	struct chan_desc *desc;
	uint32_t *shadow;
	uint32_t mask, slots;
	uint32_t tail;	    /* next slot to fill; not published yet */
	uint32_t published; /* tail as the application sees it */
	uint32_t head;	    /* given back, as last checked */
	uint32_t taken;	    /* given back, and taken (take.h) */
	uint32_t polled;    /* tail when the cursor was last read */
	uint32_t looked;    /* tail when we last looked for a sleeper */
	uint32_t rung;	    /* ticket of the last ring of the bell */
	int bell_fd;	    /* shared by all lanes of one application; not owned */
	bool lied;	    /* the cursor was out of range: detach it */
	struct chan_ring *ring;
	const struct chan_cursor *cursor;
	int ring_fd, cursor_fd; /* to be sent to the application; then -1 */
	uint32_t large_held;	/* dp's: large frames in this lane */
};

struct chan_tx_cfg {
	uint32_t slots; /* power of two, CHAN_MIN_SLOTS..CHAN_MAX_SLOTS */
	uint64_t pool_bytes;
	uint32_t linktype, snaplen, ts_digits;
	bool live;
	int bell_fd;
};
/* Control plane.  Allocates the shared memory, seals the ring; -ENOMEM, -EINVAL. */
int chan_tx_create(struct chan_tx *tx, const struct chan_tx_cfg *cfg);
/* ring_fd and cursor_fd have been sent: closes them, the memory stays. */
void chan_tx_sent(struct chan_tx *tx);
void chan_tx_destroy(struct chan_tx *tx);

/* Engine thread from here on. */

/* Reads the cursor; afterwards take.h knows what came back.  A cursor out
 * of range sets tx->lied and is otherwise ignored, for good. */
void chan_tx_poll(struct chan_tx *tx);
static inline uint32_t
chan_tx_room(const struct chan_tx *tx)
{
	return tx->slots - (tx->tail - tx->taken);
}
/* Takes back everything, given back or not: for a lane whose application is gone. */
bool chan_tx_reclaim(struct chan_tx *tx, uint32_t *frame);
/* Fills the next slot; the caller has checked the room. */
static inline void
chan_tx_put(struct chan_tx *tx, uint64_t off, uint64_t ts_ns, uint32_t len, uint32_t wirelen,
	uint32_t frame)
{
	uint32_t slot = tx->tail++ & tx->mask;
	tx->desc[slot] =
		(struct chan_desc){.off = off, .ts_ns = ts_ns, .len = len, .wirelen = wirelen};
	tx->shadow[slot] = frame;
}
/* Makes everything put so far visible.  An application that sleeps doesn't notice before
 * chan_tx_wake. */
static inline void
chan_tx_show(struct chan_tx *tx)
{
	/* Release, partner of the acquire in chan_rx_avail: descriptors and packet bytes before
	 * tail. */
	atomic_store_explicit(&tx->ring->tail, tx->tail, memory_order_release);
	tx->published = tx->tail;
}
/* Looks for a sleeper, which costs a full fence and a cache miss, and rings the bell for it. */
void chan_tx_wake(struct chan_tx *tx);
/* More has been shown since the last look than a sleeper should be left alone with. */
static inline bool
chan_tx_wake_due(const struct chan_tx *tx)
{
	return tx->published - tx->looked >= tx->slots / 2;
}
/* Makes everything put so far visible and rings the bell if the application sleeps. */
void chan_tx_publish(struct chan_tx *tx);
/* As publish, and says that nothing follows (CHAN_EOF or CHAN_CLOSED). */
void chan_tx_finish(struct chan_tx *tx, enum chan_state state);
/* Descriptors the application has not given back. */
static inline uint32_t
chan_tx_waiting(const struct chan_tx *tx)
{
	return tx->tail - tx->head;
}

/* The application's end: one thread. */
struct chan_rx {
	const struct chan_ring *ring;
	const struct chan_desc *desc;
	const uint8_t *pool;
	struct chan_cursor *cursor;
	size_t pool_bytes, ring_bytes;
	uint32_t mask;
	uint32_t tail;	 /* as last seen */
	uint32_t next;	 /* next descriptor to hand out */
	uint32_t head;	 /* given back */
	uint32_t ticket; /* odd: asleep */
};
/* Maps the three objects; the descriptors stay the caller's (it may close them afterwards).
 * -EPROTO: not a lane; -EPROTONOSUPPORT: another version. */
int chan_rx_map(struct chan_rx *rx, int pool_fd, int ring_fd, int cursor_fd);
void chan_rx_unmap(struct chan_rx *rx);
/* Descriptors that can be handed out now. */
uint32_t chan_rx_avail(struct chan_rx *rx);
/* The i-th of these (i < avail), copied and checked; false: it points outside the pool (a
 * broken daemon): treat the lane as ended. */
bool chan_rx_peek(const struct chan_rx *rx, uint32_t i, struct chan_desc *out);
void chan_rx_advance(struct chan_rx *rx, uint32_t n); /* handed out, still held */
void chan_rx_release(struct chan_rx *rx, uint32_t n); /* given back, oldest first */
/* Announces sleep; true: nothing to read, the bell will ring; false: something came, awake
 * again. */
bool chan_rx_arm(struct chan_rx *rx);
void chan_rx_disarm(struct chan_rx *rx);
/* CHAN_OPEN while more may come; otherwise call avail once more, then it is over. */
enum chan_state chan_rx_state(const struct chan_rx *rx);

#endif
