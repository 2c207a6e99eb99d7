/*
 * Benchmark of the heavy hitters: nanoseconds per packet, for traffic by Zipf's law, of every
 * packet counted, and of sampled bursts as an engine does it; over summing up the lengths (the
 * reference, in the same run).
 */
#include "top.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLOWS	 200000u
#define PKTS	 (1u << 20)
#define BURST	 64u
#define CHANNELS 8u
#define RUNS	 15

static struct dp_top tops[CHANNELS];
static uint64_t digests[PKTS], sum;
static struct io_pkt pkts[PKTS];
static uint8_t frames[PKTS / 16][256];

static uint64_t
rnd(void)
{
	static uint64_t seed;
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
traffic(double exponent)
{
	static double cumulated[FLOWS];
	double total = 0;

	for (uint32_t i = 0; i < FLOWS; i++)
		cumulated[i] = total += pow(i + 1, -exponent);
	for (uint32_t p = 0; p < PKTS; p++) {
		double x = (double)(rnd() >> 11) / (double)(UINT64_C(1) << 53) * total;
		uint32_t low = 0, high = FLOWS - 1;

		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (cumulated[middle] < x)
				low = middle + 1;
			else
				high = middle;
		}
		digests[p] = (low + 1) * UINT64_C(0x9e3779b97f4a7c15);
		digests[p] ^= digests[p] >> 29;
		pkts[p] = (struct io_pkt){
			.data = frames[p % (PKTS / 16)], .len = 256, .wirelen = 256};
	}
}

/* mode 0: the reference, 1: every packet, 2: sampled.  The channel is by digest, as always. */
static void
turn(int mode, uint32_t at, struct dp_top_sampler *sampler)
{
	uint32_t weight = mode == 2 ? dp_top_weight(sampler, BURST) : (uint32_t)mode;

	for (uint32_t i = at; i < at + BURST; i++)
		sum += pkts[i].wirelen + digests[i] % CHANNELS;
	for (uint32_t i = at; weight > 0 && i < at + BURST; i++)
		dp_top_add(&tops[digests[i] % CHANNELS], digests[i], &pkts[i], 0, weight);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
one_run(int mode)
{
	struct dp_top_sampler sampler = {.pkts = DP_TOP_EXACT_PKTS};
	double start;

	for (uint32_t c = 0; c < CHANNELS; c++)
		dp_top_clear(&tops[c]);
	start = now_ns();
	for (uint32_t i = 0; i < PKTS; i += BURST)
		turn(mode, i, &sampler);
	return (now_ns() - start) / PKTS;
}

/* All in turn, so that what else the machine does meets all alike. */
static void
measure(void)
{
	static const char *const names[] = {
		"nothing (reference)", "every packet costs", "sampled bursts cost"};
	double runs[3][RUNS];

	for (int r = -1; r < RUNS; r++)
		for (int mode = 0; mode < 3; mode++)
			runs[mode][r < 0 ? 0 : r] = one_run(mode);
	for (int mode = 2; mode >= 0; mode--) {
		for (int r = 0; r < RUNS; r++)
			runs[mode][r] -= mode > 0 ? runs[0][r] : 0;
		qsort(runs[mode], RUNS, sizeof(double), by_value);
	}
	for (int mode = 0; mode < 3; mode++)
		printf("  %-22s %6.2f  (%.2f to %.2f)\n", names[mode], runs[mode][RUNS / 2],
			runs[mode][0], runs[mode][RUNS - 1]);
}

static void
publishing(void)
{
	static struct dp_top_shared shared;
	double start = now_ns();

	for (int i = 0; i < 1000; i++)
		dp_top_publish(&tops[0], &shared);
	printf("publishing a channel: %.0f ns\n", (now_ns() - start) / 1000);
}

int
main(void)
{
	static const double exponents[] = {0.5, 1.0, 1.5};

	memset(frames, 1, sizeof(frames));
	for (int e = 0; e < 3; e++) {
		traffic(exponents[e]);
		printf("ns per packet, %u channels, %u counters, 1 burst in %u, Zipf %.1f\n",
			CHANNELS, DP_TOP_COUNTERS, DP_TOP_ONE_IN, exponents[e]);
		measure();
	}
	publishing();
	return sum == 0;
}
