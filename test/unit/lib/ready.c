/*
 * Test of pacf.h: the descriptor of pacf_fd, and the merging of lanes.
 */
#include "edges.h"
#include "session.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void
readiness(void **state)
{
	int fd;

	fake_put(&fake, 0, 1); /* before anybody asked */
	fd = pacf_fd(p);
	assert_true(fd >= 0);
	assert_int_equal(pacf_fd(p), fd);
	assert_true(readable(fd, 0));
	for (uint64_t round = 2; round < 200; round += 3) {
		int k = 0;

		assert_true(readable(fd, 0));
		while ((k += pacf_recv(p, pkts, 64, 100)) == 0)
			;
		pacf_release(p, k);
		assert_false(readable(fd, 0));
		if (round % 2 == 0) {
			assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
			assert_false(readable(fd, 0));
		}
		fake_put(&fake, 0, round);
	}
	fake_put(&fake, 0, 1000);
	fake_put(&fake, 0, 1001);
	assert_int_equal(pacf_recv(p, pkts, 2, 100), 2);
	for (int i = 0; i < 3; i++)
		assert_true(readable(fd, 0)); /* one remains */
	assert_int_equal(pacf_recv(p, pkts, 2, 100), 1);
	assert_false(readable(fd, 0));
}

/* One edge per turn, each drained until 0. */
static void
readiness_edges(void **state)
{
	int edge = edges_create(pacf_fd(p), false), k;

	assert_true(edge >= 0);
	for (uint64_t round = 1; round < 100; round++) {
		int total = 0, edges = 0;

		fake_put(&fake, (int)(round % fake.lanes), 2 * round);
		fake_put(&fake, (int)(round % fake.lanes), 2 * round + 1);
		while (total < 2) {
			assert_int_equal(edges_wait(edge, 1000), 1);
			edges++;
			while ((k = pacf_recv(p, pkts, 1, 0)) > 0) {
				total += k;
				pacf_release(p, k);
			}
			assert_int_equal(k, 0);
		}
		assert_true(fake.lanes > 1 || edges <= 2);
	}
	finish(CHAN_EOF);
	assert_int_equal(edges_wait(edge, 1000), 1);
	assert_int_equal(pacf_recv(p, pkts, 1, 0), -ENODATA);
	close(edge);
}

/* An empty lane that may still bring an older packet is waited for: its packet goes first. */
static void
do_older(void)
{
	fake_put(&fake, 1, 5);
}

static void *
in_window(void *arg)
{
	os_sleep_ns(MS / 4);
	do_older();
	return NULL;
}

static void
merge_window(void **state)
{
	uint64_t start, best = UINT64_MAX;
	int ordered = 0;

	for (uint64_t i = 0; i < 20;
		i++) { /* an idle lane costs about the window, and not much more */
		fake_put(&fake, 0, 100 + i);
		start = os_clock_mono_ns();
		assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
		start = os_clock_mono_ns() - start;
		assert_true(start >= MS * 9 / 10);
		best = start < best ? start : best;
		pacf_release(p, 1);
	}
	assert_true(best < 3 * MS);
	for (int i = 0; i < 40; i++) { /* the scheduler may make a few late */
		pthread_t t;
		int k = 0;

		fake_put(&fake, 0, 200);
		pthread_create(&t, NULL, in_window, NULL);
		while (k < 2)
			k += pacf_recv(p, pkts + k, 64 - k, -1);
		ordered += pkts[0].ts_ns == 5 && pkts[1].ts_ns == 200;
		pthread_join(t, NULL);
		pacf_release(p, k);
	}
	assert_true(ordered > 0);
}

/* Without waiting: held packets are not lost, and the descriptor asks to come again. */
static void
merge_nonblocking(void **state)
{
	int fd = pacf_fd(p), tries = 0;

	fake_put(&fake, 0, 10);
	while (pacf_recv(p, pkts, 64, 0) == 0) {
		assert_true(readable(fd, 0));
		assert_true(++tries < 1000000);
	}
	assert_true(tries > 0);
	assert_false(readable(fd, 0));
	chan_tx_finish(&fake.tx[1], CHAN_EOF); /* nobody to wait for any more */
	fake_put(&fake, 0, 11);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 1);
}

/* Give-back in the order of receipt, whichever lanes the packets came from. */
static void
merge_release(void **state)
{
	const int from[] = {0, 1, 1, 0, 1, 0, 0, 0};

	for (int i = 0; i < 8; i++)
		fake_put(&fake, from[i], (uint64_t)i);
	finish(CHAN_EOF);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pkts[i].ts_ns, i);
		pacf_release(p, 1);
		assert_int_equal(fake_back(&fake, from[i]), 1);
		assert_int_equal(fake_back(&fake, !from[i]), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(readiness),
		TWO(readiness),
		ONE(readiness_edges),
		TWO(readiness_edges),
		TWO(merge_window),
		TWO(merge_nonblocking),
		TWO(merge_release),
	};

	alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
