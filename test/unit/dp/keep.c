/*
 * Test of dp/keep on one thread: what a channel that holds keeps while nobody is attached, and
 * how the next application gets it.  The test plays the application.
 */
#include "rig.h"

#define N     4000u
#define SLOTS 8u
#define CAP   (64u * 1024)
#define NONE  UINT32_MAX

static struct traffic traffic;
static struct rig r;
static struct chan_rx rx[2];
static uint32_t chan;

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2048);
	memset(rx, 0, sizeof(rx));
	chan = rig_open(&r, RIG_COPY, 0, SLOTS, false);
	rig_hold(&r, chan, CAP);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_view view;

	dp_split_finish(r.engine);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	chan_rx_unmap(&rx[0]);
	chan_rx_unmap(&rx[1]);
	rig_free(&r);
	return 0;
}

/* Reads n packets, which are `first` and the following; gives back the oldest `back`. */
static void
expect(struct chan_rx *lane, uint32_t first, uint32_t n, uint32_t back)
{
	struct chan_desc d;

	for (uint32_t i = 0; i < n; i++) {
		const struct io_mem_pkt *sent = &traffic.pkts[first + i];

		assert_true(chan_rx_avail(lane) >= 1);
		assert_true(chan_rx_peek(lane, 0, &d));
		assert_int_equal(d.ts_ns, first + i);
		assert_int_equal(d.len, sent->len);
		assert_int_equal(d.wirelen, sent->wirelen);
		assert_memory_equal(lane->pool + d.off, sent->data, d.len);
		chan_rx_advance(lane, 1);
	}
	chan_rx_release(lane, back);
}

/* As between two bursts. */
static void
turn(void)
{
	dp_take_back(r.engine, true);
	dp_split_finish(r.engine);
}

/* Reads all up to `end`, in order, giving back at once. */
static void
catch_up(struct chan_rx *lane, uint32_t first, uint32_t end)
{
	while (first < end) {
		uint32_t n = chan_rx_avail(lane);

		assert_int_not_equal(n, 0);
		expect(lane, first, n, n);
		first += n;
		turn();
	}
	assert_int_equal(chan_rx_avail(lane), 0);
}

static void
attach(struct chan_rx *lane)
{
	chan_rx_unmap(lane);
	rig_attach(&r, chan, lane);
	rig_publish(&r);
	turn();
}

/* Nobody yet: all is held, uses no frame, and comes in order, then what is live. */
static void
before_the_first(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);

	rig_publish(&r);
	rig_feed(&r, 0, 100);
	turn();
	assert_int_equal(c->held_pkts, 100);
	assert_int_equal(c->received_pkts, 100);
	assert_int_equal(c->delivered_pkts, 0);
	assert_int_equal(io_pool_held(&r.engine->pool), 0);
	attach(&rx[0]);
	assert_int_equal(c->held_pkts, 100 - SLOTS);
	rig_feed(&r, 100, 50); /* behind the others, though the ring has room now and then */
	catch_up(&rx[0], 0, 150);
	assert_int_equal(r.engine->behind, 0);
	rig_feed(&r, 150, 5);
	expect(&rx[0], 150, 5, 5);
	assert_int_equal(c->delivered_pkts, 155);
	assert_int_equal(c->drop_ring_full_pkts + c->drop_hold_full_pkts, 0);
	assert_int_equal(atomic_load(&rx[0].ring->received_pkts), 155);
	assert_int_equal(atomic_load(&rx[0].ring->dropped_pkts), 0);
}

/* It dies with some given back, some read and some not: the next gets all that was not given
 * back, then what came meanwhile; nobody else notices. */
static void
dies_and_returns(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);
	uint32_t other = rig_open(&r, RIG_COPY, 0, 1024, false);

	rig_attach(&r, other, &rx[1]);
	attach(&rx[0]);
	rig_feed(&r, 0, 7);
	expect(&rx[0], 0, 5, 2);
	rig_detach(&r, chan);
	turn();
	assert_int_equal(c->waiting_pkts, 5);
	rig_feed(&r, 7, 200);
	assert_int_equal(c->held_pkts, 200);
	attach(&rx[0]);
	catch_up(&rx[0], 2, 207);
	assert_int_equal(c->delivered_pkts, 207);
	assert_int_equal(c->unread_pkts, 0);
	expect(&rx[1], 0, 207, 207);
	turn();
	assert_int_equal(io_pool_held(&r.engine->pool), 0);
}

/* One after the other dies without reading anything. */
static void
dies_at_once(void **state)
{
	rig_publish(&r);
	rig_feed(&r, 0, 30);
	for (int i = 0; i < 5; i++) {
		attach(&rx[0]);
		rig_feed(&r, 30 + (uint32_t)i, 1);
		rig_detach(&r, chan);
	}
	attach(&rx[0]);
	catch_up(&rx[0], 0, 35);
	assert_int_equal(rig_counters(&r, chan)->delivered_pkts, 35);
}

/* The cap: the oldest are kept, each further one is counted. */
static void
overflow(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);
	uint64_t bytes = 0;
	uint32_t fit = 0;

	while (bytes + dp_backlog_cost(traffic.pkts[fit].len) <= CAP)
		bytes += dp_backlog_cost(traffic.pkts[fit++].len);
	rig_publish(&r);
	rig_feed(&r, 0, N);
	assert_true(fit < N && c->held_pkts >= fit);
	assert_int_equal(c->drop_hold_full_pkts, N - c->held_pkts);
	attach(&rx[0]);
	expect(&rx[0], 0, SLOTS, SLOTS);
	for (uint32_t i = SLOTS; i < fit;) {
		uint32_t n;

		turn();
		n = chan_rx_avail(&rx[0]);
		n = n < fit - i ? n : fit - i;
		expect(&rx[0], i, n, n);
		i += n;
	}
	rig_detach(&r, chan);
}

/* One that reads too slowly loses nothing before the cap is reached. */
static void
ring_full(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);

	attach(&rx[0]);
	rig_feed(&r, 0, 100);
	assert_int_equal(c->held_pkts, 100 - SLOTS);
	assert_int_equal(c->drop_ring_full_pkts, 0);
	catch_up(&rx[0], 0, 100);
	assert_int_equal(r.engine->behind, 0);
}

/* In a group, on the fast path: it falls behind in the midst of a burst. */
static void
in_a_group(void **state)
{
	uint32_t one = rig_open(&r, RIG_SAMPLE, 0, SLOTS, false), got = 0;

	rig_close(&r, chan);
	rig_hold(&r, one, UINT64_C(1) << 20);
	chan = one;
	attach(&rx[1]);
	assert_true(r.plan->plain);
	rig_feed(&r, 0, IO_BURST_MAX);
	while (got < IO_BURST_MAX) {
		uint32_t n = chan_rx_avail(&rx[1]);

		assert_int_not_equal(n, 0);
		expect(&rx[1], got, n, n);
		got += n;
		turn();
	}
	rig_detach(&r, chan);
}

/* The ring has room, but what is held comes first: a turn takes only so much of it. */
static void
half_way(enum rig_action action)
{
	rig_close(&r, chan);
	chan = rig_open(&r, action, 0, 1024, false);
	rig_hold(&r, chan, UINT64_C(1) << 20);
	rig_publish(&r);
	rig_feed(&r, 0, 600);
	attach(&rx[1]);
	assert_true(r.plan->plain);
	assert_true(chan_rx_avail(&rx[1]) < 600);
	rig_feed(&r, 600, 10);
	catch_up(&rx[1], 0, 610);
	rig_detach(&r, chan);
}

static void
half_way_copy(void **state)
{
	half_way(RIG_COPY);
}

static void
half_way_sample(void **state)
{
	half_way(RIG_SAMPLE);
}

/* when_full = wait: the engine stops where the cap is reached, and no packet is lost. */
static void
waits_when_full(void **state)
{
	struct dp_engine *e = r.engine;

	r.channels[chan].wait_full = true;
	rig_publish(&r);
	rig_feed(&r, 0, 20);
	attach(&rx[0]);
	for (uint32_t i = 20; i < 20 + IO_BURST_MAX; i += 100) {
		rig_load(&r, i, 100);
		dp_split(e);
		dp_split_finish(e);
		if (e->pos < e->n)
			break;
	}
	assert_true(e->pos < e->n);
	assert_int_equal(rig_counters(&r, chan)->drop_hold_full_pkts, 0);
	for (; e->pos < e->n; e->pos++)
		io_pool_put(&e->pool, e->burst[e->pos].frame);
}

/* The engine stops: what the last one had not given back is kept by copy; too much of it for
 * the cap costs the newest. */
static void
parked(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);
	uint64_t held;

	attach(&rx[0]);
	rig_feed(&r, 0, 6);
	expect(&rx[0], 0, 1, 1);
	rig_detach(&r, chan);
	rig_feed(&r, 6, 3000);
	held = c->held_pkts;
	assert_true(held < 3000);
	dp_backlogs_park(r.engine);
	dp_split_finish(r.engine);
	assert_int_equal(io_pool_held(&r.engine->pool), 0);
	assert_int_equal(c->waiting_pkts, 5);
	assert_true(c->held_pkts < held && c->held_pkts >= held - 5);
	assert_int_equal(c->unread_pkts, 0);
	attach(&rx[0]);
	for (uint32_t i = 1; i < 500;) {
		uint32_t n = chan_rx_avail(&rx[0]);

		expect(&rx[0], i, n, n);
		i += n;
		turn();
	}
	assert_int_equal(atomic_load(&rx[0].ring->dropped_pkts), 0);
	rig_detach(&r, chan);
}

/* The channel is closed: all of it is counted, each frame is free. */
static void
closed(void **state)
{
	const struct dp_channel_counters *c = rig_counters(&r, chan);

	attach(&rx[0]);
	rig_feed(&r, 0, 6);
	rig_detach(&r, chan);
	rig_feed(&r, 6, 10);
	rig_close(&r, chan);
	rig_publish(&r);
	assert_int_equal(io_pool_held(&r.engine->pool), 0);
	assert_int_equal(c->unread_pkts, 6);
	assert_int_equal(c->drop_no_consumer_pkts, 10);
	assert_int_equal(c->held_pkts + c->waiting_pkts, 0);
}

/* The sources end while packets are held: the end comes behind the last of them. */
static void
end_while_held(void **state)
{
	rig_publish(&r);
	rig_feed(&r, 0, 20);
	atomic_store(&r.engine->ended, true);
	attach(&rx[0]);
	dp_lanes_finish(r.engine, CHAN_EOF);
	assert_int_equal(chan_rx_state(&rx[0]), CHAN_OPEN);
	catch_up(&rx[0], 0, 20);
	turn();
	assert_int_equal(chan_rx_state(&rx[0]), CHAN_EOF);
	rig_detach(&r, chan);
	attach(&rx[0]);
	dp_lanes_finish(r.engine, CHAN_EOF);
	assert_int_equal(chan_rx_state(&rx[0]), CHAN_EOF);
	atomic_store(&r.engine->ended, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(before_the_first), TEST(dies_and_returns),
		TEST(dies_at_once), TEST(overflow), TEST(ring_full), TEST(in_a_group),
		TEST(half_way_copy), TEST(half_way_sample), TEST(waits_when_full), TEST(parked),
		TEST(closed), TEST(end_while_held)};
	int failed;

	traffic_make(&traffic, N, 500, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
