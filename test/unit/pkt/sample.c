/*
 * Test of pkt/sample: 1 in n flows is chosen, and being chosen says nothing about buckets, nor
 * about what another key chooses.
 */
#include "pkt.h"
#include "sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FLOWS 400000
#define CELLS 16

static uint64_t digests[FLOWS];
static const uint32_t rates[] = {2, 3, 10, 64};

/* Consecutive addresses and ports, as scanners and generators make them. */
static void
digests_make(void)
{
	struct pkt_conf conf;

	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct pkt_flow f = {.family = PKT_FAMILY_IPV4, .proto = 6, .dport = 80};

		memcpy(f.src, &(uint32_t){__builtin_bswap32(0x0a000000 + i / 100)}, 4);
		memcpy(f.dst, (uint8_t[]){192, 0, 2, 1}, 4);
		f.sport = (uint16_t)(1024 + i % 100);
		digests[i] = pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE);
	}
}

static uint32_t
chosen_of(uint64_t key, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < FLOWS; i++)
		count += pkt_flow_chosen(digests[i], key, n);
	return count;
}

static void
one_in_n(void **state)
{
	static const uint64_t keys[] = {0, 1, UINT64_C(0x123456789abcdef0)};

	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(chosen_of(keys[k], 0), FLOWS);
		assert_int_equal(chosen_of(keys[k], 1), FLOWS);
		assert_true(chosen_of(keys[k], UINT32_MAX) < 10);
		for (uint32_t n = 2; n < 5000; n = n * 3 / 2 + 1) {
			double mean = (double)FLOWS / n, sigma = sqrt(mean * (1 - 1.0 / n));

			assert_true(fabs(chosen_of(keys[k], n) - mean) < 5 * sigma);
		}
	}
}

static void
fewer_are_among_more(void **state)
{
	for (uint32_t i = 0; i < FLOWS; i++)
		if (pkt_flow_chosen(digests[i], 9, 30))
			assert_true(pkt_flow_chosen(digests[i], 9, 10) &&
				    pkt_flow_chosen(digests[i], 9, 29));
}

/* Pearson's statistic of a table of 2 x CELLS: CELLS - 1 degrees of freedom. */
static double
chi_square(uint32_t table[2][CELLS])
{
	double rows[2] = {0}, columns[CELLS] = {0}, chi = 0;

	for (int r = 0; r < 2; r++) {
		for (int c = 0; c < CELLS; c++) {
			rows[r] += table[r][c];
			columns[c] += table[r][c];
		}
	}
	for (int r = 0; r < 2; r++) {
		for (int c = 0; c < CELLS; c++) {
			double want = rows[r] * columns[c] / FLOWS, off = table[r][c] - want;

			chi += off * off / want;
		}
	}
	return chi;
}

/* 15 degrees of freedom: above 45 once in 12,000 tables. */
static void
assert_independent(uint64_t group_key, uint64_t sample_key, uint32_t n)
{
	uint32_t low[2][CELLS] = {{0}}, high[2][CELLS] = {{0}};

	for (uint32_t i = 0; i < FLOWS; i++) {
		bool chosen = pkt_flow_chosen(digests[i], sample_key, n);
		uint32_t bucket = pkt_bucket(digests[i], group_key);

		low[chosen][bucket % CELLS]++;
		high[chosen][bucket / (PKT_BUCKETS / CELLS)]++;
	}
	if (chi_square(low) > 45 || chi_square(high) > 45)
		fail_msg("1 in %u: chi-square %.0f and %.0f", n, chi_square(low),
			chi_square(high));
}

static void
independent_of_buckets(void **state)
{
	uint64_t group = pkt_group_key(PKT_DEFAULT_KEY, "default");
	const uint64_t keys[] = {pkt_group_key(PKT_DEFAULT_KEY, "sample"), group, 0, ~group};

	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++)
			assert_independent(group, keys[k], rates[r]);
}

static void
keys_are_independent(void **state)
{
	for (uint64_t key = 0; key < 8; key++) {
		uint64_t a = pkt_group_key(key, "sample:a"), b = pkt_group_key(key, "sample:b");
		uint32_t both = 0;
		double mean = FLOWS / 16.0;

		for (uint32_t i = 0; i < FLOWS; i++)
			both += pkt_flow_chosen(digests[i], a, 4) &&
				pkt_flow_chosen(digests[i], b, 4);
		assert_true(fabs(both - mean) < 5 * sqrt(mean));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_in_n),
		cmocka_unit_test(fewer_are_among_more),
		cmocka_unit_test(independent_of_buckets),
		cmocka_unit_test(keys_are_independent),
	};

	digests_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
