/*
 * Test of dp/split and dp/lanes on one thread: lanes that are full, absent, given back late,
 * abandoned or lied about; references and large frames.  The test plays the application.
 */
#include "rig.h"

#include <poll.h>

#define N     4000u
#define SLOTS 8u

static struct traffic traffic;
static struct rig r;
static struct chan_rx rx[3];

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2048);
	memset(rx, 0, sizeof(rx));
	return 0;
}

/* Where channels came and went, sums over those that are open do not add up. */
static int
teardown_changed(void **state)
{
	for (int i = 0; i < 3; i++)
		chan_rx_unmap(&rx[i]);
	rig_free(&r);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_view view;

	dp_split_finish(r.engine);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	return teardown_changed(state);
}

/* Reads n packets, which are `first` and the following, and gives them back. */
static void
expect(struct chan_rx *lane, uint32_t first, uint32_t n)
{
	struct chan_desc d;

	assert_true(chan_rx_avail(lane) >= n);
	for (uint32_t i = 0; i < n; i++) {
		const struct io_mem_pkt *sent = &traffic.pkts[first + i];

		assert_true(chan_rx_peek(lane, i, &d));
		assert_int_equal(d.ts_ns, first + i);
		assert_int_equal(d.len, sent->len);
		assert_memory_equal(lane->pool + d.off, sent->data, d.len);
	}
	chan_rx_advance(lane, n);
	chan_rx_release(lane, n);
}

static uint32_t
held(void)
{
	dp_take_back(r.engine, true);
	dp_split_finish(r.engine);
	return io_pool_held(&r.engine->pool);
}

/* One frame, three descriptors, three references. */
static void
references(void **state)
{
	for (uint32_t i = 0; i < 3; i++)
		rig_attach(&r, rig_open(&r, RIG_COPY, 0, SLOTS, false), &rx[i]);
	rig_publish(&r);
	rig_feed(&r, 0, 5);
	assert_int_equal(held(), 5);
	expect(&rx[0], 0, 5);
	assert_int_equal(held(), 5);
	expect(&rx[1], 0, 2);
	assert_int_equal(held(), 5);
	expect(&rx[2], 0, 3);
	assert_int_equal(held(), 3);
	expect(&rx[1], 2, 3);
	assert_int_equal(held(), 2);
	expect(&rx[2], 3, 2);
	assert_int_equal(held(), 0);
}

static void
full_drops(void **state)
{
	const struct dp_channel_counters *c;

	rig_attach(&r, rig_open(&r, RIG_COPY, 0, SLOTS, false), &rx[0]);
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, 4 * SLOTS, false), &rx[1]);
	rig_publish(&r);
	rig_feed(&r, 0, 3 * SLOTS);
	c = rig_counters(&r, 0);
	assert_int_equal(c->received_pkts, 3 * SLOTS);
	assert_int_equal(c->delivered_pkts, SLOTS);
	assert_int_equal(c->drop_ring_full_pkts, 2 * SLOTS);
	assert_int_equal(c->waiting_pkts, SLOTS);
	assert_int_equal(atomic_load(&rx[0].ring->received_pkts), 3 * SLOTS);
	assert_int_equal(atomic_load(&rx[0].ring->dropped_pkts), 2 * SLOTS);
	assert_int_equal(rig_counters(&r, 1)->delivered_pkts, 3 * SLOTS);
	expect(&rx[1], 0, 3 * SLOTS);
	expect(&rx[0], 0, SLOTS);
	assert_int_equal(held(), 0);
	rig_feed(&r, 100, 1); /* there is room again */
	expect(&rx[0], 100, 1);
}

/* A full one that waits holds everybody, and nobody sees a packet twice. */
static void
full_waits(void **state)
{
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, 8 * SLOTS, true), &rx[0]);
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, SLOTS, true), &rx[1]);
	rig_publish(&r);
	rig_load(&r, 0, 3 * SLOTS);
	assert_int_equal(dp_split(r.engine), SLOTS);
	assert_int_equal(dp_split(r.engine), 0);
	dp_split_finish(r.engine);
	assert_int_equal(r.engine->own.received_pkts, SLOTS);
	assert_int_equal(chan_rx_avail(&rx[0]), SLOTS);
	expect(&rx[1], 0, 3);
	dp_take_back(r.engine, true);
	assert_int_equal(dp_split(r.engine), 3);
	dp_split_finish(r.engine);
	expect(&rx[1], 3, SLOTS);
	dp_take_back(r.engine, true);
	assert_int_equal(dp_split(r.engine), SLOTS);
	dp_split_finish(r.engine);
	expect(&rx[1], 3 + SLOTS, SLOTS);
	dp_take_back(r.engine, true);
	assert_int_equal(dp_split(r.engine), 2 * SLOTS - 3 - SLOTS);
	dp_split_finish(r.engine);
	expect(&rx[1], 3 + 2 * SLOTS, SLOTS - 3);
	expect(&rx[0], 0, 3 * SLOTS);
	assert_int_equal(held(), 0);
	assert_int_equal(rig_counters(&r, 1)->drop_ring_full_pkts, 0);
}

static void
detached_drops(void **state)
{
	rig_open(&r, RIG_COPY, 0, SLOTS, false);
	rig_publish(&r);
	rig_feed(&r, 0, 100);
	assert_int_equal(rig_counters(&r, 0)->drop_no_consumer_pkts, 100);
	rig_attach(&r, 0, &rx[0]);
	rig_publish(&r);
	rig_feed(&r, 100, 2);
	expect(&rx[0], 100, 2);
	/* What the application is told is since it attached. */
	assert_int_equal(atomic_load(&rx[0].ring->received_pkts), 2);
	assert_int_equal(atomic_load(&rx[0].ring->dropped_pkts), 0);
}

static void
detached_waits(void **state)
{
	rig_open(&r, RIG_COPY, 0, SLOTS, true);
	rig_publish(&r);
	rig_load(&r, 0, 5);
	assert_int_equal(dp_split(r.engine), 0);
	assert_int_equal(r.engine->own.received_pkts, 0);
	rig_attach(&r, 0, &rx[0]);
	rig_publish(&r);
	assert_int_equal(dp_split(r.engine), 5);
	dp_split_finish(r.engine);
	expect(&rx[0], 0, 5);
}

/* when_full and when_detached are two policies. */
static void
policies_are_two(void **state)
{
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, SLOTS, false), &rx[0]);
	r.channels[0].wait_detached = true;
	rig_open(&r, RIG_COPY, 0, SLOTS, false);
	r.channels[1].wait_full = true;
	rig_publish(&r);
	rig_feed(&r, 0, SLOTS + 2);
	assert_int_equal(rig_counters(&r, 0)->drop_ring_full_pkts, 2);
	assert_int_equal(rig_counters(&r, 1)->drop_no_consumer_pkts, SLOTS + 2);
	rig_attach(&r, 1, &rx[1]);
	rig_publish(&r);
	rig_detach(&r, 0);
	rig_load(&r, 0, 1);
	assert_int_equal(dp_split(r.engine), 0);
	r.channels[0].wait_detached = false;
	rig_publish(&r);
	assert_int_equal(dp_split(r.engine), 1);
	rig_load(&r, 0, SLOTS);
	assert_int_equal(dp_split(r.engine), SLOTS - 1);
	io_pool_put(&r.engine->pool, r.engine->burst[r.engine->pos].frame);
}

/* At the quota, and one more; dropped by one and waited for by the other. */
static void
large_quota(void **state)
{
	static struct traffic large;
	struct traffic *usual = (struct traffic *)r.traffic;

	traffic_make(&large, 64, 4, 1);
	r.traffic = &large;
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, 64, false), &rx[0]);
	rig_publish(&r);
	rig_feed(&r, 0, DP_LARGE_QUOTA + 1);
	assert_int_equal(rig_counters(&r, 0)->delivered_pkts, DP_LARGE_QUOTA);
	assert_int_equal(rig_counters(&r, 0)->drop_large_full_pkts, 1);
	r.channels[0].wait_full = true;
	rig_publish(&r);
	rig_load(&r, 20, 2);
	assert_int_equal(dp_split(r.engine), 0);
	assert_true(chan_rx_avail(&rx[0]) == DP_LARGE_QUOTA);
	chan_rx_advance(&rx[0], 1);
	chan_rx_release(&rx[0], 1);
	dp_take_back(r.engine, false); /* large ones are asked for at once */
	assert_int_equal(dp_split(r.engine), 1);
	dp_split_finish(r.engine);
	chan_rx_advance(&rx[0], DP_LARGE_QUOTA);
	chan_rx_release(&rx[0], DP_LARGE_QUOTA);
	dp_take_back(r.engine, false);
	assert_int_equal(dp_split(r.engine), 1);
	dp_split_finish(r.engine);
	assert_int_equal(held(), 1);
	assert_int_equal(r.channels[0].lane->tx.large_held, 1);
	r.traffic = usual;
	traffic_free(&large);
}

/* What its application had not given back comes back, and the other's stays. */
static void
dead_gives_back(void **state)
{
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, 64, false), &rx[0]);
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, 64, false), &rx[1]);
	rig_publish(&r);
	rig_feed(&r, 0, 50);
	expect(&rx[0], 0, 10);
	chan_rx_advance(&rx[0], 20); /* read, not given back */
	rig_detach(&r, 0);
	assert_int_equal(rig_counters(&r, 0)->unread_pkts, 40);
	assert_int_equal(rig_counters(&r, 0)->delivered_pkts, 50);
	assert_int_equal(rig_counters(&r, 0)->waiting_pkts, 0);
	assert_int_equal(held(), 50);
	expect(&rx[1], 0, 50);
	assert_int_equal(held(), 0);
	assert_int_equal(chan_rx_state(&rx[0]), CHAN_CLOSED);
}

/* Off by one, far off, and backwards: frames come back once, the channel counts as detached. */
static void
liar_is_cut_off(void **state)
{
	const uint32_t lies[] = {6, 0x80000000, UINT32_MAX};

	for (size_t i = 0; i < 3; i++) {
		struct pollfd bell = {.fd = r.engine->ctl_bell_fd, .events = POLLIN};
		uint32_t n;

		n = rig_open(&r, RIG_COPY, 0, 16, false);
		rig_attach(&r, n, &rx[i]);
		rig_publish(&r);
		rig_feed(&r, 0, 5);
		atomic_store(&rx[i].cursor->word, lies[i]);
		dp_take_back(r.engine, true);
		dp_split_finish(r.engine);
		assert_true(atomic_load(&r.channels[n].lane->lied));
		assert_int_equal(poll(&bell, 1, 0), 1);
		os_bell_drain(bell.fd);
		rig_feed(&r, 5, 5);
		assert_int_equal(rig_counters(&r, n)->drop_no_consumer_pkts, 5);
		dp_take_back(r.engine, true);
		assert_int_equal(poll(&bell, 1, 0), 0); /* said once */
		assert_int_equal(held(), 5);
		rig_detach(&r, n);
		assert_int_equal(rig_counters(&r, n)->unread_pkts, 5);
		assert_int_equal(held(), 0);
		rig_close(&r, n);
		rig_publish(&r);
	}
}

static void
end_is_told_once(void **state)
{
	rig_attach(&r, rig_open(&r, RIG_COPY, 0, SLOTS, false), &rx[0]);
	rig_publish(&r);
	rig_feed(&r, 0, 3);
	dp_lanes_finish(r.engine, CHAN_EOF);
	dp_lanes_finish(r.engine, CHAN_CLOSED);
	assert_int_equal(chan_rx_state(&rx[0]), CHAN_EOF);
	expect(&rx[0], 0, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(references),
		TEST(full_drops),
		TEST(full_waits),
		TEST(detached_drops),
		TEST(detached_waits),
		TEST(policies_are_two),
		TEST(large_quota),
		TEST(dead_gives_back),
		cmocka_unit_test_setup_teardown(liar_is_cut_off, setup, teardown_changed),
		TEST(end_is_told_once),
	};
	int failed;

	traffic_make(&traffic, N, 100, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
