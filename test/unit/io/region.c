/*
 * Unit test of io/region: frames that stand for a device's buffers, on a made-up device memory:
 * every buffer comes back to the device's list, frames of several regions are told apart, and a
 * list that somebody has scribbled over leads nowhere.
 */
#include "rig.h"
#include "region.h"

#include <string.h>

#define BUFS	  1000u
#define BUF_BYTES 64u

/* A device with buffers 2 .. n+1 on its list. */
struct device {
	uint8_t bufs[(BUFS + 2) * BUF_BYTES];
	uint32_t head;
};

static uint32_t
link_at(struct device *d, uint32_t buf)
{
	uint32_t next;

	memcpy(&next, d->bufs + (size_t)buf * BUF_BYTES, sizeof(next));
	return next;
}

static void
link_set(struct device *d, uint32_t buf, uint32_t next)
{
	memcpy(d->bufs + (size_t)buf * BUF_BYTES, &next, sizeof(next));
}

static struct io_region *
device_open(struct device *d, struct io_pool *pool, uint32_t n)
{
	struct io_region *region;

	memset(d, 0, sizeof(*d));
	d->head = 2;
	for (uint32_t i = 0; i < n; i++)
		link_set(d, 2 + i, i + 1 < n ? 3 + i : 0);
	assert_int_equal(io_region_add(pool, n, &region), 0);
	region->head = &d->head;
	region->bufs = d->bufs;
	region->buf_bytes = BUF_BYTES;
	region->nbufs = BUFS + 2;
	io_region_fill(region);
	return region;
}

/* Each of buffers 2..n+1 once. */
static void
list_check(struct device *d, uint32_t n)
{
	bool seen[BUFS + 2] = {false};
	uint32_t found = 0;

	for (uint32_t buf = d->head; buf != 0; buf = link_at(d, buf)) {
		assert_in_range(buf, 2, BUFS + 1);
		assert_false(seen[buf]);
		seen[buf] = true;
		found++;
	}
	assert_int_equal(found, n);
}

static void
every_buffer_comes_back(void **state)
{
	static struct device d;
	static uint32_t frames[BUFS];
	struct io_pool pool;
	struct io_region *region;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	region = device_open(&d, &pool, BUFS);
	for (uint32_t lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < BUFS; i++) {
			frames[i] = io_region_get(region);
			assert_true(io_pool_is_foreign(&pool, frames[i]));
			/* a packet is written over the link */
			memset(d.bufs + (size_t)region->buf[frames[i] - region->first] *
						BUF_BYTES,
				0xff, BUF_BYTES);
		}
		assert_int_equal(io_region_get(region), IO_NO_FRAME);
		assert_int_equal(io_pool_held(&pool), BUFS);
		assert_int_equal(d.head, 0);
		for (uint32_t i = 0; i < BUFS; i++)
			io_pool_put(&pool, frames[(i * 7) % BUFS]);
		assert_int_equal(io_pool_held(&pool), 0);
		list_check(&d, BUFS - IO_REGION_AT_HAND);
	}
	io_region_empty(region);
	list_check(&d, BUFS);
	io_pool_destroy(&pool);
}

static void
swapped_buffers_change_places(void **state)
{
	static struct device d;
	struct io_pool pool;
	struct io_region *region;
	uint32_t frame, first, slot = 900;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	region = device_open(&d, &pool, 10);
	frame = io_region_get(region);
	first = io_region_swap(region, frame, slot);
	assert_int_equal(first, 2);
	io_pool_put(&pool, frame);
	io_region_empty(region);
	assert_int_equal(d.head, slot); /* the ring's old buffer is on the list now */
	io_pool_destroy(&pool);
}

static void
regions_are_told_apart(void **state)
{
	static struct device a, b;
	struct io_pool pool;
	struct io_region *ra, *rb;
	uint32_t fa, fb;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	ra = device_open(&a, &pool, 3);
	rb = device_open(&b, &pool, 5);
	fa = io_region_get(ra);
	fb = io_region_get(rb);
	assert_ptr_equal(io_region_of(&pool, fa), ra);
	assert_ptr_equal(io_region_of(&pool, fb), rb);
	pool.refs[fb] = 3;
	io_pool_put(&pool, fb);
	io_pool_put(&pool, fb);
	assert_int_equal(io_pool_held(&pool), 2);
	io_pool_put(&pool, fb);
	assert_int_equal(io_region_held(rb), 0);
	assert_int_equal(io_region_held(ra), 1);
	io_pool_put(&pool, fa);
	assert_int_equal(io_pool_held(&pool), 0);
	io_pool_destroy(&pool);
}

/* Another program that has a port in the memory can write anything there, before and after. */
static void
bad_list_ends(void **state)
{
	static const uint32_t bad[] = {1, BUFS + 2, UINT32_MAX};
	static struct device d;
	struct io_pool pool;
	struct io_region *region;
	uint32_t frames[10];

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	region = device_open(&d, &pool, 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d.head = bad[i];
		io_region_fill(region);
		assert_int_equal(io_region_get(region), IO_NO_FRAME);
	}
	d.head = 5;
	link_set(&d, 5, 5); /* a ring has no end */
	io_region_fill(region);
	for (uint32_t i = 0; i < 10; i++)
		frames[i] = io_region_get(region);
	assert_int_equal(io_region_get(region), IO_NO_FRAME);
	for (uint32_t i = 0; i < 10; i++)
		io_pool_put(&pool, frames[i]);
	assert_int_equal(io_pool_held(&pool), 0);
	io_pool_destroy(&pool);
}

/* Nobody who scribbles on the list takes buffers away from us. */
static void
list_is_only_written(void **state)
{
	static struct device d;
	struct io_pool pool;
	struct io_region *region;
	uint32_t first;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	region = device_open(&d, &pool, 10);
	first = io_region_get(region);
	d.head = UINT32_MAX;
	memset(d.bufs, 0xff, sizeof(d.bufs));
	for (uint32_t i = 1; i < 10; i++)
		assert_int_not_equal(io_region_get(region), IO_NO_FRAME);
	assert_int_equal(io_region_get(region), IO_NO_FRAME);
	for (uint32_t i = 0; i < 10; i++)
		io_pool_put(&pool, first + i);
	io_region_empty(region);
	list_check(&d, 10);
	io_pool_destroy(&pool);
}

/* For good: a frame fewer can be had, and none is held. */
static void
spent_buffers_do_not_come_back(void **state)
{
	static struct device d;
	struct io_pool pool;
	struct io_region *region;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 4, 1), 0);
	region = device_open(&d, &pool, 3);
	assert_int_equal(io_region_spend(region), 2);
	assert_int_equal(io_region_held(region), 0);
	assert_int_not_equal(io_region_get(region), IO_NO_FRAME);
	assert_int_not_equal(io_region_get(region), IO_NO_FRAME);
	assert_int_equal(io_region_get(region), IO_NO_FRAME);
	assert_int_equal(io_region_spend(region), 0);
	io_pool_destroy(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_buffer_comes_back),
		cmocka_unit_test(swapped_buffers_change_places),
		cmocka_unit_test(regions_are_told_apart),
		cmocka_unit_test(bad_list_ends),
		cmocka_unit_test(list_is_only_written),
		cmocka_unit_test(spent_buffers_do_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
