/*
 * Test of dp/map: shares are even, the fewest buckets move, the same history gives the same
 * map.
 */
#include "dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t map[PKT_BUCKETS], before[PKT_BUCKETS];

static uint32_t
members_up_to(uint8_t *members, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		members[i] = (uint8_t)i;
	return n;
}

static void
fresh(uint32_t n)
{
	uint8_t members[DP_NOBODY];

	memset(map, DP_NOBODY, sizeof(map));
	dp_map_update(map, members, members_up_to(members, n));
}

/* Every bucket has a member, and shares differ by at most one. */
static void
assert_even(const uint8_t *members, uint32_t n)
{
	uint32_t owned[DP_NOBODY + 1] = {0}, sum = 0;

	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		owned[map[b]]++;
	for (uint32_t i = 0; i < n; i++) {
		assert_in_range(owned[members[i]], PKT_BUCKETS / n, (PKT_BUCKETS + n - 1) / n);
		assert_true(owned[members[i]] * (double)n / PKT_BUCKETS <= 1.05);
		sum += owned[members[i]];
	}
	assert_int_equal(sum, PKT_BUCKETS);
}

static uint32_t
moved(void)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		n += map[b] != before[b];
	return n;
}

static void
even(void **state)
{
	uint8_t members[DP_NOBODY];

	for (uint32_t n = 1; n <= DP_MAX_SINKS; n++) {
		fresh(n);
		assert_even(members, members_up_to(members, n));
	}
}

static void
nobody(void **state)
{
	fresh(3);
	dp_map_update(map, NULL, 0);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		assert_int_equal(map[b], DP_NOBODY);
}

/* One more takes its share from the others and nothing else moves, wherever its number is. */
static void
joining(void **state)
{
	uint8_t members[DP_NOBODY];

	for (uint32_t n = 1; n < DP_MAX_SINKS; n += n < 65 ? 1 : 19)
		for (uint32_t at = 0; at <= n; at += n) {
			uint32_t k = 0;

			for (uint32_t i = 0; i <= n; i++)
				if (i != at)
					members[k++] = (uint8_t)i;
			memset(map, DP_NOBODY, sizeof(map));
			dp_map_update(map, members, n);
			memcpy(before, map, sizeof(map));
			dp_map_update(map, members, members_up_to(members, n + 1));
			assert_even(members, n + 1);
			for (uint32_t b = 0; b < PKT_BUCKETS; b++)
				if (map[b] != before[b])
					assert_int_equal(map[b], at);
			assert_true(moved() <= (PKT_BUCKETS + n) / (n + 1));
		}
}

static void
leave(uint32_t n, uint32_t who)
{
	uint8_t members[DP_NOBODY];
	uint32_t k = 0;

	fresh(n);
	memcpy(before, map, sizeof(map));
	for (uint32_t i = 0; i < n; i++)
		if (i != who)
			members[k++] = (uint8_t)i;
	dp_map_update(map, members, k);
	assert_even(members, k);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		if (before[b] != who)
			assert_int_equal(map[b], before[b]);
		else
			assert_int_not_equal(map[b], who);
}

static void
leaving(void **state)
{
	for (uint32_t n = 2; n <= DP_MAX_SINKS; n += n < 64 ? 1 : 19)
		for (uint32_t who = 0; who < n; who += 1 + n / 3)
			leave(n, who);
}

/* A long history of joins and leaves: the same twice, and even at every step. */
static void
history(void **state)
{
	static uint8_t first[PKT_BUCKETS];

	for (int run = 0; run < 2; run++) {
		bool in[64] = {false};
		uint32_t random = 7;

		memset(map, DP_NOBODY, sizeof(map));
		for (int step = 0; step < 300; step++) {
			uint8_t members[64];
			uint32_t n = 0;

			random = random * 1664525 + 1013904223;
			in[random >> 26] ^= true;
			for (uint32_t i = 0; i < 64; i++)
				if (in[i])
					members[n++] = (uint8_t)i;
			dp_map_update(map, members, n);
			if (n > 0)
				assert_even(members, n);
		}
		if (run == 0)
			memcpy(first, map, sizeof(map));
	}
	assert_memory_equal(first, map, sizeof(map));
}

static void
no_change_moves_nothing(void **state)
{
	uint8_t members[DP_NOBODY];

	fresh(7);
	memcpy(before, map, sizeof(map));
	dp_map_update(map, members, members_up_to(members, 7));
	assert_int_equal(moved(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(even),
		cmocka_unit_test(nobody),
		cmocka_unit_test(no_change_moves_nothing),
		cmocka_unit_test(joining),
		cmocka_unit_test(leaving),
		cmocka_unit_test(history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
