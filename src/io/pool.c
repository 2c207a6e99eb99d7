/*
 * io/pool: makes and unmakes the pool (control plane); what the engine does with it is inline
 * in pool.h.  Invariant: every frame is on exactly one free list, or held refs[frame] times;
 * refs is 1 for those on a list.
 */
#include "memory.h"
#include "region.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POOL_PAGE 4096u

/* The lists are taken from the end, so that frame 0 (and the first large one) goes out first.
 */
static void
fill_lists(struct io_pool *pool)
{
	for (uint32_t i = 0; i < pool->frames; i++)
		pool->free[i] = pool->frames - 1 - i;
	for (uint32_t i = 0; i < pool->large; i++)
		pool->lfree[i] = pool->frames + pool->large - 1 - i;
	for (uint32_t i = 0; i < pool->frames + pool->large; i++)
		pool->refs[i] = 1;
	pool->nfree = pool->frames;
	pool->nlfree = pool->large;
}

static int
map_memory(struct io_pool *pool, int node, bool huge)
{
	struct os_memory memory;
	int rc = os_memory_create("pacf-pool", pool->bytes, node, huge, &memory);

	if (rc < 0)
		return rc;
	pool->base = memory.base;
	pool->fd = memory.fd;
	pool->bytes = memory.bytes;
	pool->page_bytes = memory.page_bytes;
	pool->node = memory.node;
	return 0;
}

int
io_pool_create(struct io_pool *pool, uint32_t frames, uint32_t large)
{
	return io_pool_create_on(pool, frames, large, -1, false);
}

int
io_pool_create_on(struct io_pool *pool, uint32_t frames, uint32_t large, int node, bool huge)
{
	uint64_t ordinary = (uint64_t)frames * IO_FRAME_BYTES;
	uint64_t large_off = (ordinary + POOL_PAGE - 1) & ~(uint64_t)(POOL_PAGE - 1);
	uint64_t bytes = large_off + (uint64_t)large * IO_LARGE_BYTES;
	int rc = -ENOMEM;

	memset(pool, 0, sizeof(*pool));
	pool->fd = -1;
	if (frames == 0 || (uint64_t)frames + large >= IO_NO_FRAME || bytes > SIZE_MAX / 2)
		return -ENOMEM;
	pool->frames = frames;
	pool->large = large;
	pool->large_off = (size_t)large_off;
	pool->bytes = (size_t)bytes;
	pool->free = calloc(frames, sizeof(*pool->free));
	pool->lfree = calloc(large ? large : 1, sizeof(*pool->lfree));
	pool->refs = calloc((size_t)frames + large, sizeof(*pool->refs));
	if (pool->free && pool->lfree && pool->refs)
		rc = map_memory(pool, node, huge);
	if (rc != 0) {
		io_pool_destroy(pool);
		return rc;
	}
	fill_lists(pool);
	return 0;
}

uint32_t
io_pool_held(const struct io_pool *pool)
{
	uint32_t held = pool->frames - pool->nfree + pool->large - pool->nlfree;

	for (uint32_t i = 0; i < pool->nregions; i++)
		held += io_region_held(pool->regions[i]);
	return held;
}

void
io_pool_destroy(struct io_pool *pool)
{
	io_regions_free(pool);
	if (pool->base)
		os_shm_unmap(pool->base, pool->bytes);
	if (pool->fd >= 0)
		close(pool->fd);
	free(pool->free);
	free(pool->lfree);
	free(pool->refs);
	memset(pool, 0, sizeof(*pool));
	pool->fd = -1;
}
