/*
 * Test of dp_map_rebalance: only absentees' buckets move, evenly, and whatever the history was;
 * one more who goes or comes moves only his own.
 */
#include "dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t base[PKT_BUCKETS], map[PKT_BUCKETS], after[PKT_BUCKETS];
static uint8_t members[DP_NOBODY];
static uint32_t position[DP_NOBODY + 1]; /* of a route among the members; DP_NOBODY: none */
static bool absent[DP_NOBODY];
static uint64_t seed = 3;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/* n members with route numbers that have gaps. */
static void
fresh(uint32_t n)
{
	memset(base, DP_NOBODY, sizeof(base));
	memset(absent, 0, sizeof(absent));
	for (uint32_t r = 0; r <= DP_NOBODY; r++)
		position[r] = DP_NOBODY;
	for (uint32_t i = 0; i < n; i++) {
		members[i] = (uint8_t)(n <= 100 ? 2 * i + 3 : i);
		position[members[i]] = i;
	}
	dp_map_update(base, members, n);
}

/* Sends away all but `present` members, at random. */
static void
send_away(uint32_t n, uint32_t present)
{
	memset(absent, 0, sizeof(absent));
	for (uint32_t gone = 0; gone < n - present;) {
		uint32_t i = rnd(n);

		gone += !absent[i];
		absent[i] = true;
	}
}

/* Max over mean of those who are there; fails if anything else moved. */
static double
skew(uint32_t n)
{
	uint32_t owned[DP_NOBODY] = {0}, present = 0, most = 0;

	for (uint32_t b = 0; b < PKT_BUCKETS; b++) {
		uint32_t was = position[base[b]], is = position[map[b]];

		assert_true(is < n && !absent[is]);
		if (!absent[was])
			assert_int_equal(is, was);
		owned[is]++;
	}
	for (uint32_t i = 0; i < n; i++) {
		present += !absent[i];
		most = owned[i] > most ? owned[i] : most;
	}
	return (double)most * present / PKT_BUCKETS;
}

static void
nobody_or_all_absent(void **state)
{
	fresh(5);
	dp_map_rebalance(base, members, 5, absent, map);
	assert_memory_equal(map, base, sizeof(map));
	memset(absent, 1, sizeof(absent));
	dp_map_rebalance(base, members, 5, absent, map);
	assert_memory_equal(map, base, sizeof(map));
	memset(map, 0, sizeof(map));
	memset(base, DP_NOBODY, sizeof(base));
	dp_map_rebalance(base, members, 0, absent, map);
	assert_memory_equal(map, base, sizeof(map));
}

static void
one_absent(void **state)
{
	for (uint32_t n = 2; n <= DP_MAX_SINKS; n += n < 33 ? 1 : 37) {
		uint32_t owned[DP_NOBODY] = {0}, least = PKT_BUCKETS, most = 0;
		uint32_t gone = rnd(n);

		fresh(n);
		absent[gone] = true;
		dp_map_rebalance(base, members, n, absent, map);
		skew(n);
		for (uint32_t b = 0; b < PKT_BUCKETS; b++)
			owned[position[map[b]]] += base[b] == members[gone];
		for (uint32_t i = 0; i < n; i++) {
			if (i == gone)
				continue;
			most = owned[i] > most ? owned[i] : most;
			least = owned[i] < least ? owned[i] : least;
		}
		assert_true(most - least <= 1);
	}
}

static void
many_absent(void **state)
{
	double worst_small = 0, worst = 0;

	for (uint32_t n = 3; n <= 64; n += n < 17 ? 1 : 47) {
		for (uint32_t present = 1; present < n - 1; present += 1 + n / 20) {
			double s;

			fresh(n);
			send_away(n, present);
			dp_map_rebalance(base, members, n, absent, map);
			s = skew(n);
			worst = s > worst ? s : worst;
			if (n <= 16)
				worst_small = s > worst_small ? s : worst_small;
		}
	}
	printf("max/mean: %.4f of up to 16 members, %.4f of 64\n", worst_small, worst);
	assert_true(worst_small <= 1.03);
	assert_true(worst <= 1.05);
}

/* Whatever happened before: who goes takes only what he had, who comes only what he gets. */
static void
one_more_moves_only_his_own(void **state)
{
	for (uint32_t n = 2; n <= 40; n += 1 + n / 4) {
		fresh(n);
		dp_map_rebalance(base, members, n, absent, map);
		for (int step = 0; step < 60; step++) {
			uint32_t who = rnd(n), present = 0;

			absent[who] ^= true;
			for (uint32_t i = 0; i < n; i++)
				present += !absent[i];
			if (present == 0) {
				absent[who] ^= true;
				continue;
			}
			dp_map_rebalance(base, members, n, absent, after);
			for (uint32_t b = 0; b < PKT_BUCKETS; b++)
				if (map[b] != after[b])
					assert_int_equal(
						absent[who] ? map[b] : after[b], members[who]);
			memcpy(map, after, sizeof(map));
		}
		memset(absent, 0, sizeof(absent));
		dp_map_rebalance(base, members, n, absent, map);
		assert_memory_equal(map, base, sizeof(map));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_or_all_absent),
		cmocka_unit_test(one_absent),
		cmocka_unit_test(many_absent),
		cmocka_unit_test(one_more_moves_only_his_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
