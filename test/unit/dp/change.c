/*
 * Test of the data plane under change: channels come and go, consumers die and lie, while
 * packets flow.  A witness channel that waits must get everything, in order, whatever happens.
 */
#include "rig.h"

#include <stdlib.h>

#define N	 60000u
#define NO_LIMIT UINT32_MAX

static struct traffic traffic;
static struct rig r;
static struct consumer witness, c[2], guest;
static struct dp_view view;
static uint8_t times[N];

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2 * IO_BURST_MAX + 4 * 128);
	memset(c, 0, sizeof(c));
	memset(&guest, 0, sizeof(guest));
	memset(times, 0, sizeof(times));
	consumer_start(&witness, &r, rig_open(&r, RIG_COPY, 0, 128, true), NO_LIMIT);
	witness.pause_us = 20;
	return 0;
}

static int
teardown(void **state)
{
	consumer_join(&witness, CHAN_EOF);
	assert_whole(&witness.got, N);
	rig_stop(&r);
	consumer_free(&witness);
	consumer_free(&c[0]);
	consumer_free(&c[1]);
	rig_free(&r);
	return 0;
}

static void
note(const struct consumer *who)
{
	for (uint32_t i = 0; i < who->got.n; i++)
		times[who->got.seen[i]]++;
}

/* Of a channel while the engine runs. */
static struct dp_channel_counters
counters_now(uint32_t number)
{
	rig_view(&r, &view);
	return view.sinks[number];
}

static bool
over(void)
{
	return atomic_load(&r.engine->ended);
}

/* Plans without a change of meaning change nothing. */
static void
same_plan_again(void **state)
{
	uint32_t n = 0;

	for (int i = 0; i < 2; i++)
		consumer_start(&c[i], &r, rig_open(&r, RIG_SAMPLE, 0, 128, true), NO_LIMIT);
	rig_start(&r);
	for (; !over(); n++)
		rig_publish(&r);
	assert_true(n > 10);
	for (int i = 0; i < 2; i++) {
		consumer_join(&c[i], CHAN_EOF);
		note(&c[i]);
	}
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(times[i], 1);
}

/* A third of the group comes, reads all it is given, and goes: no packet is lost or doubled,
 * but for those that were still in its ring when it went. */
static void
member_comes_and_goes(void **state)
{
	uint64_t unread = 0, received = 0, missing = 0;
	uint32_t visits = 0;

	for (int i = 0; i < 2; i++)
		consumer_start(&c[i], &r, rig_open(&r, RIG_SAMPLE, 0, 128, true), NO_LIMIT);
	rig_start(&r);
	for (; !over(); visits++) {
		uint32_t number = rig_open(&r, RIG_SAMPLE, 0, 128, true);

		consumer_start(&guest, &r, number, NO_LIMIT);
		rig_publish(&r);
		os_sleep_ns(500000);
		consumer_kill(&guest);
		note(&guest);
		rig_detach(&r, number);
		rig_close(&r, number);
		rig_publish(&r);
		consumer_free(&guest);
		unread += rig_counters(&r, number)->unread_pkts;
		received += rig_counters(&r, number)->received_pkts;
	}
	for (int i = 0; i < 2; i++) {
		consumer_join(&c[i], CHAN_EOF);
		note(&c[i]);
		received += rig_counters(&r, (uint32_t)i + 1)->received_pkts;
	}
	for (uint32_t i = 0; i < N; i++) {
		assert_true(times[i] <= 1);
		missing += times[i] == 0;
	}
	assert_true(visits > 3);
	assert_int_equal(missing, unread);
	assert_int_equal(received, N);
}

/* A consumer dies holding all of its ring, again and again: the frames come back, or the
 * witness would starve. */
static void
consumer_dies(void **state)
{
	uint32_t number = rig_open(&r, RIG_COPY, 0, 128, false), deaths = 0;

	rig_start(&r);
	for (; !over(); deaths++) {
		uint64_t delivered = counters_now(number).delivered_pkts;

		consumer_start(&guest, &r, number, 0);
		rig_publish(&r);
		for (int i = 0; i < 100 && !over() &&
				counters_now(number).delivered_pkts < delivered + 20;
			i++)
			os_sleep_ns(200000);
		consumer_kill(&guest);
		rig_detach(&r, number);
		consumer_free(&guest);
	}
	assert_true(deaths > 3);
	rig_view(&r, &view);
	assert_int_equal(view.sinks[number].unread_pkts, view.sinks[number].delivered_pkts);
	assert_int_equal(view.sinks[number].received_pkts, N);
	rig_check_ledger(&r, &view);
}

/* One that scribbles over its cursor page while packets flow. */
static void
consumer_lies(void **state)
{
	uint32_t number = rig_open(&r, RIG_COPY, 0, 128, false), lies = 0;
	uint64_t random = 99;

	rig_start(&r);
	for (; !over(); lies++) {
		struct chan_rx rx;

		rig_attach(&r, number, &rx);
		rig_publish(&r);
		for (int i = 0; i < 200 && !atomic_load(&r.channels[number].lane->lied); i++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			atomic_store(&rx.cursor->word, random ^ random >> 32);
			os_sleep_ns(10000);
		}
		rig_detach(&r, number);
		chan_rx_unmap(&rx);
	}
	assert_true(lies > 3);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_plan_again),
		TEST(member_comes_and_goes),
		TEST(consumer_dies),
		TEST(consumer_lies),
	};
	int failed;

	traffic_make(&traffic, N, 500, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
