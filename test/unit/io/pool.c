/*
 * Unit test of io/pool: order of frames, references, exhaustion, large frames, what others may
 * map.
 */
#include "rig.h"
#include "os.h"

#include <errno.h>
#include <sys/mman.h>

static void
frames_come_in_order(void **state)
{
	struct io_pool pool;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 5, 2), 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(io_pool_get(&pool, i * 500), i);
	assert_int_equal(io_pool_get(&pool, 0), IO_NO_FRAME);
	assert_int_equal(io_pool_get(&pool, IO_FRAME_BYTES), IO_NO_FRAME);
	assert_int_equal(io_pool_get(&pool, IO_FRAME_BYTES + 1), 5);
	assert_int_equal(io_pool_get(&pool, IO_LARGE_BYTES), 6);
	assert_int_equal(io_pool_get(&pool, IO_LARGE_BYTES), IO_NO_FRAME);
	assert_int_equal(io_pool_held(&pool), 7);
	io_pool_put(&pool, 3); /* the warm frame goes out first */
	assert_int_equal(io_pool_get(&pool, 1), 3);
	io_pool_destroy(&pool);
}

static void
last_reference_frees(void **state)
{
	struct io_pool pool;
	uint32_t f, l;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 1, 1), 0);
	f = io_pool_get(&pool, 64);
	l = io_pool_get(&pool, 65536);
	assert_false(io_pool_is_large(&pool, f));
	assert_true(io_pool_is_large(&pool, l));
	pool.refs[f] = pool.refs[l] = 3;
	for (int i = 0; i < 2; i++) {
		io_pool_put(&pool, f);
		io_pool_put(&pool, l);
		assert_int_equal(io_pool_held(&pool), 2);
	}
	io_pool_put(&pool, f);
	assert_int_equal(io_pool_held(&pool), 1);
	io_pool_put(&pool, l);
	assert_int_equal(io_pool_held(&pool), 0);
	io_pool_destroy(&pool);
}

/* Every byte of every frame can be written, and no two frames overlap. */
static void
frames_do_not_overlap(void **state)
{
	struct io_pool pool;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 3, 3), 0);
	assert_int_equal(pool.large_off % 4096, 0);
	assert_int_equal((uintptr_t)pool.base % 4096, 0);
	for (uint32_t f = 0; f < 6; f++) {
		uint32_t n = io_pool_is_large(&pool, f) ? IO_LARGE_BYTES : IO_FRAME_BYTES;

		assert_true(io_pool_off(&pool, f) + n <= pool.bytes);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(pool.base[io_pool_off(&pool, f) + i], 0);
			pool.base[io_pool_off(&pool, f) + i] = (uint8_t)(f + 1);
		}
	}
	io_pool_destroy(&pool);
}

static void
without_large_frames(void **state)
{
	struct io_pool pool;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 2, 0), 0);
	assert_int_equal(io_pool_get(&pool, IO_FRAME_BYTES + 1), IO_NO_FRAME);
	assert_int_equal(io_pool_get(&pool, 1), 0);
	io_pool_destroy(&pool);
}

static void
others_cannot_write(void **state)
{
	struct io_pool pool;
	void *map;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 2, 1), 0);
	pool.base[0] = 42;
	assert_true(mmap(NULL, pool.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, pool.fd, 0) ==
		    MAP_FAILED);
	map = mmap(NULL, pool.bytes, PROT_READ, MAP_SHARED, pool.fd, 0);
	assert_true(map != MAP_FAILED);
	assert_int_equal(((uint8_t *)map)[0], 42);
	assert_int_not_equal(mprotect(map, pool.bytes, PROT_READ | PROT_WRITE), 0);
	munmap(map, pool.bytes);
	io_pool_destroy(&pool);
	io_pool_destroy(&pool); /* harmless */
}

static void
impossible_sizes(void **state)
{
	struct io_pool pool;

	(void)state;
	assert_int_equal(io_pool_create(&pool, 0, 1), -ENOMEM);
	assert_int_equal(io_pool_create(&pool, UINT32_MAX, 1), -ENOMEM);
	assert_null(pool.base);
	assert_int_equal(pool.fd, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_in_order),
		cmocka_unit_test(last_reference_frees),
		cmocka_unit_test(frames_do_not_overlap),
		cmocka_unit_test(without_large_frames),
		cmocka_unit_test(others_cannot_write),
		cmocka_unit_test(impossible_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
