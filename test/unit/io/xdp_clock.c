/* io/xdp_clock: the step from monotonic to real time is kept while it can be true; a card whose
 * clock is not set makes no stamps. */
#include "xdp_clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define STEP UINT64_C(1700000000000000000)

static void
first_look_is_taken(void **state)
{
	(void)state;
	assert_int_equal(xdp_clock_offset(0, xdp_clock_look(1000, STEP + 1020, 1040)), STEP);
}

static void
interrupted_look_changes_nothing(void **state)
{
	(void)state;
	/* Between the first two readings, between the last two: 5 ms each. */
	assert_int_equal(
		xdp_clock_offset(STEP, xdp_clock_look(1000, STEP + 5000990, 5001000)), STEP);
	assert_int_equal(
		xdp_clock_offset(STEP, xdp_clock_look(1000, STEP + 1010, 5001000)), STEP);
}

static void
bounds_are_kept(void **state)
{
	struct xdp_clock_look look = xdp_clock_look(1000, STEP + 1020, 1040);

	(void)state;
	assert_int_equal(xdp_clock_offset(STEP - 20, look), STEP - 20);
	assert_int_equal(xdp_clock_offset(STEP + 20, look), STEP + 20);
	assert_int_equal(xdp_clock_offset(STEP - 21, look), STEP);
	assert_int_equal(xdp_clock_offset(STEP + 21, look), STEP);
}

static void
clock_that_was_set_is_followed(void **state)
{
	(void)state;
	for (int64_t by = -3600; by <= 3600; by += 7200) {
		uint64_t set = STEP + (uint64_t)(by * 1000000000);

		assert_int_equal(
			xdp_clock_offset(STEP, xdp_clock_look(1000, set + 1020, 1040)), set);
	}
}

/* Booted before 1970, as far as it knows. */
static void
step_below_zero(void **state)
{
	struct xdp_clock_look look = xdp_clock_look(5000, 1020, 5040);
	uint64_t step = xdp_clock_offset(0, look);

	(void)state;
	assert_int_equal(step, (uint64_t)-4000);
	assert_int_equal(xdp_clock_offset(step, look), step);
}

static void
card_is_believed_within_a_second(void **state)
{
	const uint64_t second = 1000000000;

	(void)state;
	assert_int_equal(xdp_clock_stamp(STEP, STEP - second), STEP - second);
	assert_int_equal(xdp_clock_stamp(STEP, STEP + second), STEP + second);
	assert_int_equal(xdp_clock_stamp(STEP, STEP - second - 1), STEP);
	assert_int_equal(xdp_clock_stamp(STEP, STEP + second + 1), STEP);
	assert_int_equal(xdp_clock_stamp(STEP, 5), STEP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_look_is_taken),
		cmocka_unit_test(interrupted_look_changes_nothing),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(clock_that_was_set_is_followed),
		cmocka_unit_test(step_below_zero),
		cmocka_unit_test(card_is_believed_within_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
