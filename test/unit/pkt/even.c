/*
 * Equal flows over equal channels: as even as chance, under every key.  A hash that sees one
 * flow at a time throws a die; what the fullest channel has then is known, and is all that can
 * be asked of it: a lower figure for one key would be luck.  So for many keys the fullest one's
 * share is compared with what theory says.
 */
#include "pkt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KEYS	 24u
#define CHANNELS 64u
#define MOST	 1.05

/* A client's connections, one after the other: everything but the port pairs is alike. */
static void
flow_make(struct pkt_flow *f, uint32_t i)
{
	memset(f, 0, sizeof(*f));
	f->family = PKT_FAMILY_IPV4;
	f->proto = 6;
	f->src[0] = 10;
	f->src[2] = (uint8_t)(i / 16 / 256);
	f->src[3] = (uint8_t)(i / 16);
	f->dst[0] = 192;
	f->dst[3] = (uint8_t)(i % 4);
	f->sport = (uint16_t)(1024 + i % 40000);
	f->dport = i % 3 ? 443 : 80;
}

/* What the fullest of n channels has, as a multiple of the mean, under one key. */
static double
fullest(uint64_t seed, uint32_t flows, uint32_t n)
{
	uint64_t group = pkt_group_key(seed, "default");
	static struct pkt_conf conf;
	uint32_t cells[CHANNELS] = {0}, most = 0;

	pkt_key_expand(&conf.key, seed);
	for (uint32_t i = 0; i < flows; i++) {
		struct pkt_flow f;

		flow_make(&f, i);
		cells[pkt_bucket(pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE), group) % n]++;
	}
	for (uint32_t c = 0; c < n; c++)
		most = cells[c] > most ? cells[c] : most;
	return most * (double)n / flows;
}

/*
 * Mean and deviation of that by chance: the highest of n normal figures of the deviation that
 * flows/n has, by adding up the probabilities that it is above x.
 */
static void
chance(uint32_t flows, uint32_t n, double *mean, double *deviation)
{
	double sigma = sqrt((n - 1.0) / flows), first = 0, second = 0, step = 1e-3;

	for (double z = 0; z < 10; z += step) {
		double above = 1 - pow(0.5 * erfc(-z / sqrt(2)), n);

		first += above * step;
		second += 2 * z * above * step;
	}
	*mean = 1 + sigma * first;
	*deviation = sigma * sqrt(second - first * first);
}

static void
fullest_is_as_by_chance(void **state)
{
	static const uint32_t sizes[] = {7, 12, 16, 31, 32, 33, 64};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		double mean, deviation, sum = 0, off;
		uint32_t flows = 100000, n = sizes[s], within = 0;

		chance(flows, n, &mean, &deviation);
		for (uint32_t k = 0; k < KEYS; k++) {
			double most = fullest(PKT_DEFAULT_KEY + k, flows, n);

			sum += most;
			within += most <= MOST;
		}
		off = (sum / KEYS - mean) / (deviation / sqrt(KEYS));
		printf("%u flows, %2u channels: max/mean %.4f in the mean of %u keys, %.4f by "
		       "chance;"
		       " %u keys below %g\n",
			flows, n, sum / KEYS, KEYS, mean, within, MOST);
		if (fabs(off) > 4)
			fail_msg("%u channels: %.1f deviations from chance", n, off);
	}
}

/* Sixty-four channels are within 5 % under any key when each has 6000 flows instead of 1500. */
static void
more_flows_are_more_even(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < KEYS; k++)
		assert_true(fullest(PKT_DEFAULT_KEY + k, 400000, CHANNELS) <= MOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fullest_is_as_by_chance),
		cmocka_unit_test(more_flows_are_more_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
