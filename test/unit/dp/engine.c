/*
 * Test of dp/engine: the real thread from the mem source to lanes with consumers.
 */
#include "rig.h"

#include <poll.h>

#define N	 60000u
#define NO_LIMIT UINT32_MAX

static struct traffic traffic;
static struct rig r;
static struct consumer c[6];
static struct dp_view view;

static int
setup(void **state)
{
	/* As few frames as the rings of these tests and the bursts need: a lost one shows. */
	rig_init(&r, &traffic, 1, 2 * IO_BURST_MAX + 6 * 128);
	memset(c, 0, sizeof(c));
	return 0;
}

static int
teardown(void **state)
{
	rig_stop(&r);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	for (int i = 0; i < 6; i++)
		consumer_free(&c[i]);
	rig_free(&r);
	return 0;
}

static bool
ended(void)
{
	return atomic_load_explicit(&r.engine->ended, memory_order_acquire);
}

/* Nothing waits in a ring as the engine sees it: all was given back, not taken. */
static bool
drained(void)
{
	rig_view(&r, &view);
	for (uint32_t i = 0; i < RIG_CHANNELS; i++)
		if (r.channels[i].used && view.sinks[i].waiting_pkts != 0)
			return false;
	return ended();
}

static void
in_order(void **state)
{
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 128, true), NO_LIMIT);
	rig_start(&r);
	consumer_join(&c[0], CHAN_EOF);
	assert_whole(&c[0].got, N);
	UNTIL(drained());
	rig_stop(&r);
	assert_int_equal(r.held_at_end, 0);
	assert_int_equal(rig_counters(&r, 0)->delivered_pkts, N);
}

/* Four of a group and two copies: all whole, in order, and every frame comes back. */
static void
all_kinds(void **state)
{
	static uint8_t owner[N];
	uint32_t sum = 0;

	for (uint32_t i = 0; i < 4; i++)
		consumer_start(&c[i], &r, rig_open(&r, RIG_SAMPLE, 0, 128, true), NO_LIMIT);
	consumer_start(&c[4], &r, rig_open(&r, RIG_COPY, 0, 8, true), NO_LIMIT);
	consumer_start(&c[5], &r, rig_open(&r, RIG_COPY, 0, 64, true), NO_LIMIT);
	rig_start(&r);
	for (int i = 0; i < 6; i++)
		consumer_join(&c[i], CHAN_EOF);
	assert_whole(&c[4].got, N);
	assert_whole(&c[5].got, N);
	memset(owner, 0, sizeof(owner));
	for (int i = 0; i < 4; i++)
		for (uint32_t k = 0; k < c[i].got.n; k++) {
			assert_true(k == 0 || c[i].got.seen[k] > c[i].got.seen[k - 1]);
			assert_int_equal(owner[c[i].got.seen[k]]++, 0);
			sum++;
		}
	assert_int_equal(sum, N);
	UNTIL(drained());
	rig_stop(&r);
	assert_int_equal(r.held_at_end, 0);
}

/* It loses its own packets, beyond its ring; the other none. */
static void
full_drop(void **state)
{
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 128, false), 0);
	consumer_start(&c[1], &r, rig_open(&r, RIG_COPY, 0, 128, true), NO_LIMIT);
	rig_start(&r);
	consumer_join(&c[1], CHAN_EOF);
	assert_whole(&c[1].got, N);
	UNTIL(ended());
	rig_view(&r, &view);
	/* Large ones may fill their quota before the ring is full. */
	assert_int_equal(view.sinks[0].delivered_pkts, 128);
	assert_int_equal(view.sinks[0].drop_ring_full_pkts + view.sinks[0].drop_large_full_pkts,
		N - 128);
	atomic_store(&c[0].limit, NO_LIMIT);
	consumer_join(&c[0], CHAN_EOF);
	assert_int_equal(c[0].got.n, 128);
}

static void
full_wait(void **state)
{
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 64, true), 1000);
	consumer_start(&c[1], &r, rig_open(&r, RIG_COPY, 0, 128, false), NO_LIMIT);
	rig_start(&r);
	UNTIL(atomic_load(&c[0].count) == 1000);
	UNTIL((rig_view(&r, &view), view.engine.stalled_turns > 3));
	assert_false(ended());
	assert_true(view.engine.received_pkts <= 1000 + 64);
	atomic_store(&c[0].limit, NO_LIMIT);
	consumer_join(&c[0], CHAN_EOF);
	consumer_join(&c[1], CHAN_EOF);
	assert_whole(&c[0].got, N);
}

static void
detached_drop(void **state)
{
	rig_open(&r, RIG_COPY, 0, 64, false);
	rig_start(&r);
	UNTIL(ended());
	rig_view(&r, &view);
	assert_int_equal(view.sinks[0].drop_no_consumer_pkts, N);
}

static void
detached_wait(void **state)
{
	rig_open(&r, RIG_COPY, 0, 64, true);
	rig_start(&r);
	UNTIL((rig_view(&r, &view), view.engine.stalled_turns > 3) || ended());
	assert_false(ended());
	assert_int_equal(view.engine.received_pkts, 0);
	consumer_start(&c[0], &r, 0, NO_LIMIT);
	rig_publish(&r);
	consumer_join(&c[0], CHAN_EOF);
	assert_whole(&c[0].got, N);
}

/* Files are flushed, control is told, and who comes after the end is told at once. */
static void
end_of_file(void **state)
{
	struct pollfd bell = {.fd = r.engine->ctl_bell_fd, .events = POLLIN};

	rig_record(&r, RIG_COPY, 0);
	rig_open(&r, RIG_SAMPLE, 0, 64, false);
	assert_int_equal(poll(&bell, 1, 0), 0);
	rig_start(&r);
	assert_int_equal(poll(&bell, 1, 30000), 1);
	assert_true(ended());
	assert_true(r.channels[0].record.flushes > 0);
	assert_whole(&r.channels[0].record, N);
	consumer_start(&c[0], &r, 1, NO_LIMIT);
	rig_publish(&r);
	consumer_join(&c[0], CHAN_EOF);
	assert_int_equal(c[0].got.n, 0);
}

/* Stopped in the middle: "closed", not "end of file", and what is out comes back. */
static void
stopped(void **state)
{
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 64, true), 500);
	rig_start(&r);
	UNTIL(atomic_load(&c[0].count) == 500);
	UNTIL((rig_view(&r, &view), view.engine.stalled_turns > 0));
	rig_stop(&r);
	assert_true(r.held_at_end <= 64);
	rig_view(&r, &view); /* the rest of its burst, and perhaps the next one */
	assert_true(view.links[0].drop_stop_pkts > 0);
	assert_true(view.links[0].drop_stop_pkts <= 2 * r.engine->batch);
	atomic_store(&c[0].limit, NO_LIMIT);
	consumer_join(&c[0], CHAN_CLOSED);
	assert_int_equal(c[0].got.n, rig_counters(&r, 0)->delivered_pkts);
	assert_whole(&c[0].got, c[0].got.n);
}

static void
stopped_at_once(void **state)
{
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 64, true), NO_LIMIT);
	atomic_store(&r.engine->stop, true);
	rig_start(&r);
	rig_stop(&r);
	consumer_join(&c[0], CHAN_CLOSED);
	assert_int_equal(c[0].got.n, 0);
	assert_int_equal(r.held_at_end, 0);
}

static void
empty_source(void **state)
{
	static struct traffic none;

	consumer_free(&c[0]);
	rig_free(&r);
	none = traffic;
	none.n = 0;
	rig_init(&r, &none, 1, 4096);
	r.traffic = &traffic;
	consumer_start(&c[0], &r, rig_open(&r, RIG_COPY, 0, 64, true), NO_LIMIT);
	rig_start(&r);
	consumer_join(&c[0], CHAN_EOF);
	assert_int_equal(c[0].got.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_source),
		TEST(in_order),
		TEST(all_kinds),
		TEST(full_drop),
		TEST(full_wait),
		TEST(detached_drop),
		TEST(detached_wait),
		TEST(end_of_file),
		TEST(stopped),
		TEST(stopped_at_once),
	};
	int failed;

	traffic_make(&traffic, N, 500, 100);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
