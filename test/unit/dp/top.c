/*
 * Test of dp/top: against exact counts of traffic whose flows follow Zipf's law; bounds hold,
 * the largest are found, sampled or not, and other threads read whole snapshots.
 */
#include "top.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FLOWS 100000u
#define PKTS  1000000u
#define BURST 64u

static struct dp_top top;
static struct dp_top_shared shared;
static struct dp_top_view view;
static double cumulated[FLOWS];
static uint64_t exact_pkts[FLOWS], exact_bytes[FLOWS];
static uint64_t seed = 11;

static uint64_t
rnd(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Odd multiplier: a digest tells its flow. */
static uint64_t
digest_of(uint32_t flow)
{
	return (flow + 1) * UINT64_C(0x9e3779b97f4a7c15);
}
static uint32_t
flow_of(uint64_t digest)
{
	return (uint32_t)(digest * UINT64_C(0xf1de83e19937733d)) - 1;
}

static void
zipf_make(double exponent)
{
	double sum = 0;

	for (uint32_t i = 0; i < FLOWS; i++)
		cumulated[i] = sum += pow(i + 1, -exponent);
	for (uint32_t i = 0; i < FLOWS; i++)
		cumulated[i] /= sum;
	memset(exact_pkts, 0, sizeof(exact_pkts));
	memset(exact_bytes, 0, sizeof(exact_bytes));
	dp_top_clear(&top);
}

static uint32_t
zipf_flow(void)
{
	double x = (double)(rnd() >> 11) / (double)(UINT64_C(1) << 53);
	uint32_t low = 0, high = FLOWS - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (cumulated[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A packet whose bytes tell its flow. */
static void
packet(uint32_t flow, uint32_t weight)
{
	uint8_t data[256];
	struct io_pkt pkt = {.data = data, .len = 40 + flow % 200, .wirelen = 60 + flow % 1400};

	memset(data, (int)(flow % 251), sizeof(data));
	exact_pkts[flow]++;
	exact_bytes[flow] += pkt.wirelen;
	if (weight > 0)
		dp_top_add(&top, digest_of(flow), &pkt, flow % 3, weight);
}

static void
look(void)
{
	dp_top_publish(&top, &shared);
	assert_true(dp_top_read(&shared, &view));
}

/* What was kept of a packet is that flow's. */
static void
assert_header(uint32_t i)
{
	const struct dp_top_header *h = &view.flows[i].header;
	uint32_t flow = flow_of(view.flows[i].counter.digest), want = 40 + flow % 200;

	assert_int_equal(h->link, flow % 3);
	assert_int_equal(h->caplen, want);
	assert_int_equal(h->wirelen, 60 + flow % 1400);
	assert_int_equal(h->len, want < DP_TOP_HEADER ? want : DP_TOP_HEADER);
	for (uint32_t b = 0; b < h->len; b++)
		assert_int_equal(h->data[b], flow % 251);
}

static bool
has_counter(uint32_t flow)
{
	for (uint32_t i = 0; i < DP_TOP_COUNTERS; i++)
		if (top.counters[i].digest == digest_of(flow))
			return true;
	return false;
}

/* Sorted, no flow twice, and all that the header promises. */
static void
assert_bounds(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < DP_TOP_COUNTERS; i++)
		sum += top.counters[i].pkts;
	assert_int_equal(sum, top.pkts);
	assert_int_equal(view.pkts, top.pkts);
	assert_true(view.bound_pkts <= top.pkts / DP_TOP_COUNTERS);
	for (uint32_t flow = 0; flow < FLOWS; flow++)
		assert_true(exact_pkts[flow] <= view.bound_pkts || has_counter(flow));
	for (uint32_t i = 0; i < view.nflows; i++) {
		const struct dp_top_counter *c = &view.flows[i].counter;
		uint32_t flow = flow_of(c->digest);

		assert_true(i == 0 || c->pkts <= view.flows[i - 1].counter.pkts);
		for (uint32_t k = 0; k < i; k++)
			assert_true(view.flows[k].counter.digest != c->digest);
		assert_true(flow < FLOWS && c->pkts >= exact_pkts[flow]);
		assert_true(c->pkts - c->error_pkts <= exact_pkts[flow]);
		assert_true(c->error_pkts <= view.bound_pkts);
		assert_true(c->bytes <= exact_bytes[flow]);
		assert_true(c->bytes == (c->pkts - c->error_pkts) * (60 + flow % 1400));
		assert_header(i);
	}
}

static bool
shown(uint32_t flow, uint32_t among)
{
	for (uint32_t i = 0; i < among; i++)
		if (view.flows[i].counter.digest == digest_of(flow))
			return true;
	return false;
}

/* Flow numbers are by rank, but for chance among neighbours: those clearly in the top 10. */
static void
assert_top_10(void)
{
	for (uint32_t flow = 0; flow < 10; flow++)
		if (!shown(flow, DP_TOP_SHOWN))
			fail_msg("flow %u of %llu packets is not shown", flow,
				(unsigned long long)exact_pkts[flow]);
}

static void
few_flows_are_exact(void **state)
{
	zipf_make(1.0);
	look();
	assert_int_equal(view.nflows, 0);
	for (uint32_t i = 0; i < 5000; i++)
		packet((uint32_t)rnd() % (DP_TOP_COUNTERS - 1) * (i % 3 == 0), 1);
	look();
	assert_int_equal(view.bound_pkts, 0);
	assert_int_equal(view.nflows, DP_TOP_SHOWN);
	for (uint32_t i = 0; i < view.nflows; i++) {
		uint32_t flow = flow_of(view.flows[i].counter.digest);

		assert_int_equal(view.flows[i].counter.pkts, exact_pkts[flow]);
		assert_int_equal(view.flows[i].counter.bytes, exact_bytes[flow]);
	}
	for (uint32_t flow = 0; flow < DP_TOP_COUNTERS - 1; flow++)
		assert_true(exact_pkts[flow] <= view.flows[15].counter.pkts ||
			    shown(flow, DP_TOP_SHOWN));
	assert_bounds();
}

static void
zipf_top_10(void **state)
{
	static const double exponents[] = {1.0, 1.1, 1.2, 1.5, 2.0};

	for (size_t e = 0; e < sizeof(exponents) / sizeof(*exponents); e++) {
		zipf_make(exponents[e]);
		for (uint32_t i = 0; i < PKTS; i++)
			packet(zipf_flow(), 1);
		look();
		assert_int_equal(view.pkts, PKTS);
		assert_bounds();
		assert_top_10();
	}
}

/* The worst order: every packet is of a flow without a counter.  The bound holds. */
static void
round_robin(void **state)
{
	zipf_make(1.0);
	for (uint32_t i = 0; i < PKTS; i++)
		packet(i % 10000, 1);
	look();
	assert_bounds();
	assert_true(view.flows[0].counter.pkts <= PKTS / DP_TOP_COUNTERS + 1);
	/* One flow of a fiftieth among them is found for certain. */
	for (uint32_t i = 0; i < PKTS; i++)
		packet(i % 50 == 0 ? 77777 : i % 10000, 1);
	look();
	assert_bounds();
	assert_true(view.flows[0].counter.digest == digest_of(77777));
}

/* Sampled bursts stand for all: sums and counts within a few standard deviations. */
static void
sampled(void **state)
{
	struct dp_top_sampler sampler = {.random = 1};
	uint32_t looked = 0;

	zipf_make(1.1);
	for (uint32_t b = 0; b < 4 * PKTS / BURST; b++) {
		uint32_t weight = dp_top_weight(&sampler, BURST);

		assert_true(weight == (b < DP_TOP_EXACT_PKTS / BURST ? 1 : DP_TOP_ONE_IN) ||
			    weight == 0);
		looked += weight > 1;
		for (uint32_t i = 0; i < BURST; i++)
			packet(zipf_flow(), weight);
	}
	look();
	assert_in_range(looked * DP_TOP_ONE_IN * BURST, 4 * PKTS - DP_TOP_EXACT_PKTS - 4096,
		4 * PKTS - DP_TOP_EXACT_PKTS + 4096);
	assert_int_equal(view.pkts, DP_TOP_EXACT_PKTS + looked * DP_TOP_ONE_IN * BURST);
	assert_top_10();
	for (uint32_t i = 0; i < 10; i++) {
		const struct dp_top_counter *c = &view.flows[i].counter;
		double real = (double)exact_pkts[flow_of(c->digest)];
		double sigma = sqrt(real * DP_TOP_ONE_IN);

		assert_true((double)c->pkts > 0.95 * real - 5 * sigma);
		assert_true((double)(c->pkts - c->error_pkts) < 1.05 * real + 5 * sigma);
		assert_header(i);
	}
}

static _Atomic bool enough;
static uint64_t rounds;

static void *
publish(void *arg)
{
	(void)arg;
	for (rounds = 0; rounds < 100 || !atomic_load(&enough); rounds++) {
		for (uint32_t i = 0; i < 100 * DP_TOP_SHOWN; i++)
			packet(i % DP_TOP_SHOWN, 1);
		dp_top_publish(&top, &shared);
	}
	return NULL;
}

/* Each snapshot is of one moment: all flows have the same count. */
static void
snapshots_are_whole(void **state)
{
	pthread_t thread;
	uint64_t last = 0, seen = 0;

	zipf_make(1.0);
	look();
	assert_int_equal(pthread_create(&thread, NULL, publish, NULL), 0);
	while (seen < 300) {
		if (!dp_top_read(&shared, &view) || view.pkts == 0)
			continue;
		assert_true(view.pkts >= last && view.pkts % (100 * DP_TOP_SHOWN) == 0);
		seen += view.pkts != last;
		last = view.pkts;
		assert_int_equal(view.nflows, DP_TOP_SHOWN);
		for (uint32_t i = 0; i < view.nflows; i++) {
			assert_int_equal(view.flows[i].counter.pkts, view.pkts / DP_TOP_SHOWN);
			assert_header(i);
		}
	}
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	atomic_fetch_add(&shared.seq, 1); /* a writer that stopped: nobody hangs */
	assert_false(dp_top_read(&shared, &view));
	atomic_fetch_sub(&shared.seq, 1);
	assert_true(dp_top_read(&shared, &view));
	assert_int_equal(view.pkts, rounds * 100 * DP_TOP_SHOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_flows_are_exact),
		cmocka_unit_test(zipf_top_10),
		cmocka_unit_test(round_robin),
		cmocka_unit_test(sampled),
		cmocka_unit_test(snapshots_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
