/*
 * io/pool: one memory region cut into fixed frames, and a few large frames behind them.  The
 * free lists and the reference counts are private to the engine thread, so they need no
 * atomics.
 *
 * A frame is named by its number: 0 .. frames-1 are ordinary, frames .. frames+large-1 large.
 * It is free (on a list) or held by refs[frame] >= 1 holders: the source that is filling it,
 * and every ring slot that points at it.  A free frame's count is 1 already, so that taking it
 * needs no look at the counts.
 *
 * Behind these come the frames of regions: buffers in a device's own memory, which a source
 * hands out without a copy, and which no application of ours can map (region.h).
 */
#ifndef PACF_IO_POOL_H
#define PACF_IO_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IO_FRAME_BYTES 2048u	     /* ordinary frame */
#define IO_LARGE_BYTES (256u * 1024) /* large frame: libpcap's MAXIMUM_SNAPLEN */
#define IO_NO_FRAME    UINT32_MAX
#define IO_MAX_REGIONS 16u

struct io_region;

struct io_pool {
	uint8_t *base;
	int fd; /* to be sent to applications; sealed read-only for them */
	size_t bytes, large_off, page_bytes;
	int node; /* NUMA node of its memory; -1: nobody says */
	uint32_t frames, large;
	uint32_t *free, nfree;	 /* last in, first out: the warm frame goes out first */
	uint32_t *lfree, nlfree; /* the same for large frames */
	uint16_t *refs;		 /* of the regions' frames too */
	struct io_region *regions[IO_MAX_REGIONS];
	uint32_t nregions;
};

/* Control plane.  Memory is committed when frames are first used.  -ENOMEM. */
int io_pool_create(struct io_pool *pool, uint32_t frames, uint32_t large);
/* As that, on a NUMA node if it is not -1; huge: in huge pages, committed at once, or -ENOMEM.
 */
int io_pool_create_on(
	struct io_pool *pool, uint32_t frames, uint32_t large, int node, bool huge);
void io_pool_destroy(struct io_pool *pool);

/* Engine thread (or control before the engine starts and after it has ended). */
static inline bool
io_pool_is_large(const struct io_pool *pool, uint32_t frame)
{
	return frame >= pool->frames;
}
static inline uint64_t
io_pool_off(const struct io_pool *pool, uint32_t frame)
{
	return frame < pool->frames
		       ? (uint64_t)frame * IO_FRAME_BYTES
		       : pool->large_off + (uint64_t)(frame - pool->frames) * IO_LARGE_BYTES;
}
/* A frame that holds len bytes with one reference, or IO_NO_FRAME. */
static inline uint32_t
io_pool_get(struct io_pool *pool, uint32_t len)
{
	uint32_t frame;

	if (len <= IO_FRAME_BYTES) {
		if (pool->nfree == 0)
			return IO_NO_FRAME;
		frame = pool->free[--pool->nfree];
	} else {
		if (pool->nlfree == 0 || len > IO_LARGE_BYTES)
			return IO_NO_FRAME;
		frame = pool->lfree[--pool->nlfree];
	}
	return frame;
}
/* region.c: the last reference to a region's frame is dropped. */
void io_region_put(struct io_pool *pool, uint32_t frame);

static inline bool
io_pool_is_foreign(const struct io_pool *pool, uint32_t frame)
{
	return frame >= pool->frames + pool->large;
}
/* Drops one reference; the last one frees the frame. */
static inline void
io_pool_put(struct io_pool *pool, uint32_t frame)
{
	if (pool->refs[frame] > 1)
		pool->refs[frame]--;
	else if (frame < pool->frames)
		pool->free[pool->nfree++] = frame;
	else if (!io_pool_is_foreign(pool, frame))
		pool->lfree[pool->nlfree++] = frame;
	else
		io_region_put(pool, frame);
}
/* Frames that somebody holds, regions' frames too. */
uint32_t io_pool_held(const struct io_pool *pool);

#endif
