/*
 * chan/take: the frames that an application has given back, taken from the daemon's end of its
 * lane.  Engine thread only.
 *
 *	struct chan_frames back = chan_tx_back(tx);
 *
 *	while (chan_frames_next(&back, &frame))
 *		...
 *	chan_tx_took(tx, &back);
 *
 * The copy stays in registers, whatever the loop writes.  Nothing else may be done to the lane
 * meanwhile; its slots are free when chan_tx_took returns.
 */
#ifndef PACF_CHAN_TAKE_H
#define PACF_CHAN_TAKE_H

#include "chan.h"

struct chan_frames {
	const uint32_t *shadow;
	uint32_t mask, next, end;
};

/* As of the last chan_tx_poll, oldest first. */
static inline struct chan_frames
chan_tx_back(const struct chan_tx *tx)
{
	return (struct chan_frames){tx->shadow, tx->mask, tx->taken, tx->head};
}

/* False when there is none left. */
static inline bool
chan_frames_next(struct chan_frames *frames, uint32_t *frame)
{
	if (frames->next == frames->end)
		return false;
	*frame = frames->shadow[frames->next++ & frames->mask];
	return true;
}

/* Those that were handed out are taken; the rest comes with the next chan_tx_back. */
static inline void
chan_tx_took(struct chan_tx *tx, const struct chan_frames *frames)
{
	tx->taken = frames->next;
}

#endif
