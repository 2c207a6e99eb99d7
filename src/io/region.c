/*
 * io/region: see region.h.  Invariant: a frame on the free list has one reference already, as
 * in pool.c; a buffer is on the device's list, at hand, or behind a frame that somebody holds.
 */
#include "region.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct io_region *
region_make(uint32_t first, uint32_t n)
{
	struct io_region *region = calloc(1, sizeof(*region));

	if (region == NULL)
		return NULL;
	region->first = first;
	region->n = region->ncold = n;
	region->cold = calloc(n, sizeof(*region->cold));
	region->buf = calloc(n, sizeof(*region->buf));
	region->idle = calloc(n, sizeof(*region->idle));
	if (region->cold == NULL || region->buf == NULL || region->idle == NULL) {
		free(region->cold);
		free(region->idle);
		free(region->buf);
		free(region);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		region->cold[i] = first + n - 1 - i;
	return region;
}

int
io_region_add(struct io_pool *pool, uint32_t n, struct io_region **out)
{
	uint32_t first = pool->frames + pool->large;
	uint16_t *refs;

	if (pool->nregions == IO_MAX_REGIONS)
		return -ENOSPC;
	for (uint32_t i = 0; i < pool->nregions; i++)
		first += pool->regions[i]->n;
	refs = reallocarray(pool->refs, (size_t)first + n, sizeof(*refs));
	if (refs == NULL)
		return -ENOMEM;
	pool->refs = refs;
	*out = region_make(first, n);
	if (*out == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		refs[first + i] = 1;
	pool->regions[pool->nregions++] = *out;
	return 0;
}

void
io_regions_free(struct io_pool *pool)
{
	while (pool->nregions > 0) {
		struct io_region *region = pool->regions[--pool->nregions];

		free(region->cold);
		free(region->idle);
		free(region->buf);
		free(region);
	}
}

struct io_region *
io_region_of(const struct io_pool *pool, uint32_t frame)
{
	uint32_t i = 0;

	while (frame >= pool->regions[i]->first + pool->regions[i]->n)
		i++;
	return pool->regions[i];
}

static uint32_t *
link_of(const struct io_region *region, uint32_t buf)
{
	return (uint32_t *)(void *)(region->bufs + (size_t)buf * region->buf_bytes);
}

/* Others can write into this memory: a number that can't be ends the list. */
void
io_region_fill(struct io_region *region)
{
	uint32_t n = 0;

	for (uint32_t buf = *region->head; n < region->n; n++) {
		atomic_signal_fence(memory_order_seq_cst); /* it is not read again */
		if (buf < 2 || buf >= region->nbufs)
			break;
		region->idle[n] = buf;
		buf = *link_of(region, buf);
	}
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t buf = region->idle[i];

		region->idle[i] = region->idle[n - 1 - i];
		region->idle[n - 1 - i] = buf;
	}
	region->nidle = n;
}

static uint32_t
list_top(const struct io_region *region)
{
	return region->nidle > 0 ? region->idle[region->nidle - 1] : 0;
}

static uint32_t
list_pop(struct io_region *region)
{
	uint32_t buf = list_top(region);

	if (buf == 0)
		return 0;
	region->nidle--;
	*region->head = list_top(region);
	return buf;
}

static void
list_push(struct io_region *region, uint32_t buf)
{
	*link_of(region, buf) = list_top(region);
	region->idle[region->nidle++] = buf;
	*region->head = buf;
}

uint32_t
io_region_get(struct io_region *region)
{
	uint32_t frame, buf;

	if (region->nhot > 0)
		return region->hot[--region->nhot];
	if (region->ncold == 0 || (buf = list_pop(region)) == 0)
		return IO_NO_FRAME;
	frame = region->cold[--region->ncold];
	region->buf[frame - region->first] = buf;
	return frame;
}

uint32_t
io_region_spend(struct io_region *region)
{
	uint32_t frame = io_region_get(region);

	if (frame == IO_NO_FRAME)
		return 0;
	region->cold[region->ncold++] = frame;
	return io_region_swap(region, frame, 0);
}

static void
frame_cool(struct io_region *region, uint32_t frame)
{
	list_push(region, io_region_swap(region, frame, 0));
	region->cold[region->ncold++] = frame;
}

void
io_region_put(struct io_pool *pool, uint32_t frame)
{
	struct io_region *region = io_region_of(pool, frame);

	if (region->nhot < IO_REGION_AT_HAND)
		region->hot[region->nhot++] = frame;
	else
		frame_cool(region, frame);
}

void
io_region_empty(struct io_region *region)
{
	while (region->nhot > 0)
		frame_cool(region, region->hot[--region->nhot]);
}
