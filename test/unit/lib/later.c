/*
 * Test of pacf.h: lanes that come while the channel is open, as engines start.
 */
#include "session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* What was out before the second lane came goes back to the first one's. */
static void
packets_out_meanwhile(void **state)
{
	(void)state;
	for (uint64_t ts = 1; ts <= 5; ts++)
		fake_put(&fake, 0, ts);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 5);
	fake_more(&fake, 1);
	fake_put(&fake, 1, 6);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
	assert_int_equal(pkts[0].ts_ns, 6);
	pacf_release(p, 4);
	assert_int_equal(fake_back(&fake, 0), 4);
	assert_int_equal(fake_back(&fake, 1), 0);
	pacf_release(p, 2);
	assert_int_equal(fake_back(&fake, 0), 1);
	assert_int_equal(fake_back(&fake, 1), 1);
}

/* An application that never waits hears of it as well. */
static void
while_busy(void **state)
{
	uint64_t ts = 1;
	int second = 0;

	(void)state;
	fake_more(&fake, 1);
	fake_put(&fake, 1, 1);
	for (int i = 0; i < 1000 && second == 0; i++) {
		int n;

		fake_put(&fake, 0, ++ts);
		n = pacf_recv(p, pkts, 64, 1000);
		assert_true(n > 0);
		for (int k = 0; k < n; k++)
			second += pkts[k].ts_ns == 1;
		pacf_release(p, n);
	}
	assert_int_equal(second, 1);
}

static void
by_descriptor(void **state)
{
	int fd = pacf_fd(p);

	(void)state;
	assert_false(readable(fd, 0));
	fake_more(&fake, 1);
	assert_true(readable(fd, 1000));
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	assert_false(readable(fd, 0));
	fake_put(&fake, 1, 1);
	assert_true(readable(fd, 1000));
	while (pacf_recv(p, pkts, 64, 0) == 0)
		; /* the other lane's window */
	pacf_release(p, 1);
}

/* An engine that is started again and again: the lanes of earlier runs make room. */
static void
more_than_there_is_room_for(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 200; i++) {
		fake_more(&fake, 1);
		fake_put(&fake, 1, i);
		assert_int_equal(pacf_recv(p, pkts, 64, 5000), 1);
		assert_int_equal(pkts[0].ts_ns, i);
		pacf_release(p, 1);
		assert_int_equal(fake_back(&fake, 1), 1);
		chan_tx_finish(&fake.tx[1], CHAN_CLOSED);
	}
	chan_tx_finish(&fake.tx[0], CHAN_EOF);
	assert_int_equal(
		pacf_recv(p, pkts, 64, 5000), -EPIPE); /* not all ended in good order */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(packets_out_meanwhile),
		ONE(while_busy),
		ONE(by_descriptor),
		ONE(more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
