/*
 * Test of pacf.h: what happens between the last look at the rings and falling asleep wakes the
 * sleeper all the same: a packet, the end, or both.  Between the two pacf_recv reads the clock,
 * and here the clock is where things happen (the linker's --wrap).  Who is not woken sleeps
 * until the alarm ends the test.
 */
#include "session.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static int packets;
static bool end;

uint64_t __real_os_clock_mono_ns(void);
uint64_t __wrap_os_clock_mono_ns(void);

uint64_t
__wrap_os_clock_mono_ns(void)
{
	while (packets > 0)
		fake_put(&fake, (int)fake.lanes - 1, (uint64_t)packets--);
	if (end)
		finish(CHAN_EOF);
	end = false;
	return __real_os_clock_mono_ns();
}

static void
packet_while_falling_asleep(void **state)
{
	(void)state;
	packets = 1;
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
}

static void
end_while_falling_asleep(void **state)
{
	(void)state;
	end = true;
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -ENODATA);
}

static void
last_packet_while_falling_asleep(void **state)
{
	(void)state;
	packets = 1;
	end = true;
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -ENODATA);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(packet_while_falling_asleep),
		TWO(packet_while_falling_asleep),
		ONE(end_while_falling_asleep),
		TWO(end_while_falling_asleep),
		ONE(last_packet_while_falling_asleep),
		TWO(last_packet_while_falling_asleep),
	};

	alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
