/*
 * Test of a consumer that dies again and again while packets flow into a channel that holds:
 * what all its incarnations gave back is what was sent, in order, none lost and none twice;
 * beside it a witness loses nothing.  Every 50th packet needs a large frame.
 */
#include "rig.h"

#define N	 60000u
#define NO_LIMIT UINT32_MAX
#define CAP	 (UINT64_C(32) << 20)

static struct traffic traffic;
static struct rig r;
static struct consumer witness, guest;
static struct dp_view view;

/* The packets of one incarnation follow those of the one before. */
static void
note(uint32_t *next)
{
	for (uint32_t i = 0; i < guest.got.n; i++)
		assert_int_equal(guest.got.seen[i], (*next)++);
}

static void
dies(enum rig_action action, bool wait, uint32_t slots)
{
	uint32_t next = 0, deaths = 0, number;
	uint64_t random = slots;

	rig_init(&r, &traffic, 1, 2 * IO_BURST_MAX + 4 * 128 + slots);
	consumer_start(&witness, &r, rig_open(&r, RIG_COPY, 0, 128, true), NO_LIMIT);
	witness.pause_us = 20;
	number = rig_open(&r, action, 0, slots, wait);
	rig_hold(&r, number, CAP);
	rig_start(&r);
	while (!atomic_load(&r.engine->ended)) {
		consumer_start(&guest, &r, number, NO_LIMIT);
		rig_publish(&r);
		random = random * UINT64_C(6364136223846793005) + 1;
		os_sleep_ns(random >> 43);
		consumer_kill(&guest);
		rig_detach(&r, number);
		note(&next);
		consumer_free(&guest);
		deaths++;
	}
	consumer_start(&guest, &r, number, NO_LIMIT);
	rig_publish(&r);
	consumer_join(&guest, CHAN_EOF);
	note(&next);
	assert_int_equal(next, N);
	assert_true(deaths > 3);
	consumer_join(&witness, CHAN_EOF);
	assert_whole(&witness.got, N);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	assert_int_equal(view.sinks[number].delivered_pkts, N);
	assert_int_equal(view.sinks[number].unread_pkts, 0);
	rig_detach(&r, number);
	rig_stop(&r);
	consumer_free(&guest);
	consumer_free(&witness);
	rig_free(&r);
}

static void
copy(void **state)
{
	dies(RIG_COPY, false, 128);
}

static void
sample(void **state)
{
	dies(RIG_SAMPLE, false, 128);
}

static void
small_ring(void **state)
{
	dies(RIG_COPY, false, CHAN_MIN_SLOTS);
}

static void
waits(void **state)
{
	dies(RIG_COPY, true, 128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(copy), cmocka_unit_test(sample),
		cmocka_unit_test(small_ring), cmocka_unit_test(waits)};
	int failed;

	traffic_make(&traffic, N, 500, 50);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
