/*
 * io/region: buffers in a device's memory as frames of the pool.  A frame is a number; which
 * buffer it stands for changes as buffers are swapped with the device's rings.
 *
 * Buffers that are not in use are on the device's own list (netmap's extra buffers: the first
 * word of each names the next), so that a process that dies gives back all but those that hold
 * packets.  A few that were used last are kept at hand.  Others can write into that memory, so
 * the list is only ever written: which buffers are free is noted here as well.
 *
 * Control makes and unmakes; get, put and swap are the engine thread's.
 */
#ifndef PACF_IO_REGION_H
#define PACF_IO_REGION_H

#include "pool.h"

#define IO_REGION_AT_HAND 256u

struct io_region {
	uint32_t first, n;		       /* frame numbers first .. first + n - 1 */
	uint32_t hot[IO_REGION_AT_HAND], nhot; /* free frames with a buffer */
	uint32_t *cold, ncold;		       /* free frames without */
	uint32_t *idle, nidle;		       /* the device's list; its head is the last */
	uint32_t *buf;			       /* by frame - first: the buffer; 0: none */
	uint16_t memory;		       /* the device's number for this memory */
	uint32_t *head;			       /* the device's list; 0 is its end */
	uint8_t *bufs;			       /* buffer 0 */
	uint32_t buf_bytes, nbufs;	       /* numbers from nbufs on are not buffers */
	bool leaving; /* engine: whoever keeps its frames lets go of them now */
};

/* n more frames; the pool frees the region when it is destroyed.  -ENOMEM, -ENOSPC. */
int io_region_add(struct io_pool *pool, uint32_t n, struct io_region **out);
/* The device's list, from *head on, at most n, is what it has now; no frame has a buffer. */
void io_region_fill(struct io_region *region);
/* All its frames are free: gives the buffers at hand back to the device's list. */
void io_region_empty(struct io_region *region);
void io_regions_free(struct io_pool *pool);

/* A frame with a buffer and one reference, or IO_NO_FRAME. */
uint32_t io_region_get(struct io_region *region);
/* A free buffer for good, in place of one that is lost; 0: none. */
uint32_t io_region_spend(struct io_region *region);
/* The region that the frame belongs to; it does. */
struct io_region *io_region_of(const struct io_pool *pool, uint32_t frame);

/* Must frames of any region be let go of? */
static inline bool
io_regions_leaving(const struct io_pool *pool)
{
	bool leaving = false;

	for (uint32_t i = 0; i < pool->nregions; i++)
		leaving |= pool->regions[i]->leaving;
	return leaving;
}
static inline uint32_t
io_region_held(const struct io_region *region)
{
	return region->n - region->nhot - region->ncold;
}
/* The frame stands for another buffer now; its old one. */
static inline uint32_t
io_region_swap(struct io_region *region, uint32_t frame, uint32_t buf)
{
	uint32_t old = region->buf[frame - region->first];

	region->buf[frame - region->first] = buf;
	return old;
}

#endif
