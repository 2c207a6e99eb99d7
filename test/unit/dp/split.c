/*
 * Test of dp/split on one thread: which channel gets which packet, and what is counted.
 */
#include "rig.h"

#define N     20000u
#define FLOWS 3000u

static struct traffic traffic;
static struct rig r;

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2048);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_view view;

	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	rig_free(&r);
	return 0;
}

/* Where each packet went, of n recording channels first..first+n-1; each exactly once. */
static uint8_t *
owners(uint32_t first, uint32_t n, uint32_t packets)
{
	static uint8_t owner[N];

	memset(owner, 255, sizeof(owner));
	for (uint32_t c = first; c < first + n; c++) {
		const struct record *got = &r.channels[c].record;

		assert_int_equal(rig_counters(&r, c)->received_pkts, got->n);
		for (uint32_t i = 0; i < got->n; i++) {
			assert_int_equal(owner[got->seen[i]], 255);
			assert_true(i == 0 || got->seen[i] > got->seen[i - 1]);
			owner[got->seen[i]] = (uint8_t)(c - first);
		}
	}
	for (uint32_t i = 0; i < packets; i++)
		assert_int_not_equal(owner[i], 255);
	return owner;
}

static void
sample_one_channel_per_flow(void **state)
{
	uint8_t of_flow[FLOWS];
	const uint8_t *owner;

	for (uint32_t i = 0; i < 7; i++)
		rig_record(&r, RIG_SAMPLE, 0);
	rig_publish(&r);
	rig_feed(&r, 0, N);
	owner = owners(0, 7, N);
	memset(of_flow, 255, sizeof(of_flow));
	for (uint32_t i = 0; i < N; i++) { /* both directions are one flow here */
		uint8_t *mine = &of_flow[traffic.flow[i]];

		if (*mine == 255)
			*mine = owner[i];
		assert_int_equal(*mine, owner[i]);
	}
	for (uint32_t i = 0; i < 7; i++)
		assert_in_range(r.channels[i].record.n, N / 7 * 8 / 10, N / 7 * 12 / 10);
}

/* The digests spread over the buckets: even shares of flows, not only of buckets. */
static void
flows_are_even(void **state)
{
	for (uint32_t n = 2; n <= 64; n *= 2) {
		uint32_t flows[64] = {0};
		uint8_t members[64], map[PKT_BUCKETS];
		uint64_t key = pkt_group_key(RIG_SEED, "default");

		for (uint32_t i = 0; i < n; i++)
			members[i] = (uint8_t)i;
		memset(map, DP_NOBODY, sizeof(map));
		dp_map_update(map, members, n);
		for (uint32_t f = 0; f < 400000; f++) {
			struct pkt_flow flow = {.family = PKT_FAMILY_IPV4,
				.proto = 6,
				.ethertype = 0x0800,
				.src = {10, 0, (uint8_t)(f >> 8), (uint8_t)f},
				.dst = {192, 0, 2, 1},
				.sport = (uint16_t)(1024 + (f >> 16)),
				.dport = 443};

			flows[map[pkt_bucket(
				pkt_flow_digest(&flow, &r.engine->conf, PKT_FIELDS_5TUPLE),
				key)]]++;
		}
		for (uint32_t i = 0; i < n; i++)
			assert_in_range(
				flows[i], 400000 / n * 95 / 100, 400000 / n * 105 / 100);
	}
}

static void
copy_gets_all(void **state)
{
	for (uint32_t i = 0; i < 3; i++)
		rig_record(&r, RIG_COPY, 0);
	rig_publish(&r);
	rig_feed(&r, 0, N);
	for (uint32_t i = 0; i < 3; i++)
		assert_whole(&r.channels[i].record, N);
	assert_int_equal(r.engine->own.distributed_pkts, N);
}

static void
drop_gets_none(void **state)
{
	uint32_t drop;

	rig_record(&r, RIG_COPY, 0);
	rig_record(&r, RIG_SAMPLE, 0);
	drop = rig_open(&r, RIG_DROP, 0, 8, true); /* its policies mean nothing */
	rig_publish(&r);
	rig_feed(&r, 0, 1000);
	for (uint32_t i = 0; i <= drop; i++)
		assert_int_equal(rig_counters(&r, i)->received_pkts, 0);
	assert_int_equal(r.engine->own.drop_rule_pkts, 1000);
	rig_close(&r, drop);
	rig_publish(&r);
	rig_feed(&r, 1000, 1000);
	assert_int_equal(r.engine->own.drop_rule_pkts, 1000);
	assert_int_equal(r.channels[0].record.n, 1000);
}

static void
no_channel(void **state)
{
	rig_publish(&r);
	rig_feed(&r, 0, 1000);
	assert_int_equal(r.engine->own.drop_no_channel_pkts, 1000);
	assert_int_equal(r.engine->own.drop_rule_pkts, 0);
}

/* Where a packet goes in one group says nothing about where it goes in another. */
static void
groups_are_independent(void **state)
{
	uint32_t cells[4][4] = {{0}};
	const uint8_t *second;
	uint8_t first[N];

	for (uint32_t i = 0; i < 8; i++)
		rig_record(&r, RIG_SAMPLE, i / 4);
	r.channels[0].record.takes = 100; /* one that fails touches no other */
	rig_publish(&r);
	rig_feed(&r, 0, N);
	assert_true(rig_counters(&r, 0)->drop_sink_error_pkts > 0);
	for (uint32_t i = 1; i < 8; i++)
		assert_int_equal(rig_counters(&r, i)->drop_sink_error_pkts, 0);
	memset(first, 0, sizeof(first)); /* what 0 lost was its own */
	for (uint32_t c = 1; c < 4; c++)
		for (uint32_t i = 0; i < r.channels[c].record.n; i++)
			first[r.channels[c].record.seen[i]] = (uint8_t)c;
	second = owners(4, 4, N);
	for (uint32_t i = 0; i < N; i++)
		cells[first[i]][second[i]]++;
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++)
			assert_in_range(cells[a][b], N / 16 * 7 / 10, N / 16 * 13 / 10);
}

static void
actions_mix(void **state)
{
	rig_record(&r, RIG_COPY, 0);
	for (uint32_t i = 0; i < 3; i++)
		rig_record(&r, RIG_SAMPLE, 1);
	rig_record(&r, RIG_COPY, 0);
	rig_record(&r, RIG_SAMPLE, 2); /* a group of one */
	rig_publish(&r);
	rig_feed(&r, 0, N);
	assert_whole(&r.channels[0].record, N);
	assert_whole(&r.channels[4].record, N);
	assert_whole(&r.channels[5].record, N);
	owners(1, 3, N);
}

static void
sink_error_is_counted(void **state)
{
	const struct dp_channel_counters *c;
	uint64_t bytes = 0;

	rig_record(&r, RIG_COPY, 0);
	r.channels[0].record.takes = 70;
	rig_publish(&r);
	rig_feed(&r, 0, 1000);
	for (uint32_t i = 0; i < 70; i++)
		bytes += traffic.pkts[i].len;
	c = rig_counters(&r, 0);
	assert_int_equal(c->received_pkts, 1000);
	assert_int_equal(c->delivered_pkts, 70);
	assert_int_equal(c->delivered_bytes, bytes);
	assert_int_equal(c->drop_sink_error_pkts, 930);
}

/* More channels than one word or 64 could count: each its own. */
static void
many_channels(void **state)
{
	for (uint32_t i = 0; i < 70; i++)
		rig_record(&r, RIG_SAMPLE, 0);
	for (uint32_t i = 0; i < 4; i++)
		rig_record(&r, RIG_COPY, 0);
	rig_publish(&r);
	rig_feed(&r, 0, N);
	owners(0, 70, N);
	for (uint32_t i = 70; i < 74; i++)
		assert_whole(&r.channels[i].record, N);
}

/* Closing one of n leaves every other flow where it was; opening it again takes only a share.
 */
static void
affinity_over_changes(void **state)
{
	uint8_t first[N / 2];

	for (uint32_t i = 0; i < 5; i++)
		rig_record(&r, RIG_SAMPLE, 0);
	rig_publish(&r);
	rig_feed(&r, 0, N / 2);
	memcpy(first, owners(0, 5, N / 2), sizeof(first));
	r.channels[2].record.takes = 0; /* what still comes would be an error */
	rig_close(&r, 2);
	for (uint32_t i = 0; i < 5; i++)
		r.channels[i].record.n = 0;
	rig_publish(&r);
	rig_feed(&r, 0, N / 2);
	assert_int_equal(r.channels[2].record.n, 0);
	for (uint32_t c = 0; c < 5; c++)
		for (uint32_t i = 0; i < r.channels[c].record.n; i++) {
			uint64_t p = r.channels[c].record.seen[i];

			if (first[p] != 2)
				assert_int_equal(first[p], c);
		}
}

/* Where channels came and went, sums over those that are open do not add up. */
static int
teardown_changed(void **state)
{
	rig_free(&r);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_channel),
		TEST(copy_gets_all),
		TEST(drop_gets_none),
		TEST(sample_one_channel_per_flow),
		TEST(flows_are_even),
		TEST(groups_are_independent),
		TEST(actions_mix),
		TEST(sink_error_is_counted),
		TEST(many_channels),
		cmocka_unit_test_setup_teardown(affinity_over_changes, setup, teardown_changed),
	};
	int failed;

	traffic_make(&traffic, N, FLOWS, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
