/*
 * Test of pacf_reconnect: the daemon dies or closes the channel, and another one has it; which
 * packets come, in what order, and what the descriptor says meanwhile.
 */
#include "session.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct fake second;

static void
put(struct fake *f, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		fake_put(f, 0, first + i);
}

/* Reads n packets, the first of which has that stamp; gives back all but `keep`. */
static void
expect(uint64_t first, int n, int keep)
{
	for (int got = 0; got < n;) {
		int more = pacf_recv(p, pkts, n - got, 5000);

		assert_true(more > 0);
		for (int i = 0; i < more; i++) {
			assert_int_equal(pkts[i].ts_ns, first + (uint64_t)(got + i));
			assert_int_equal(pkts[i].data[0], (uint8_t)pkts[i].ts_ns);
		}
		got += more;
		pacf_release(p, got < n ? more : more - keep);
	}
}

static void
restart(void)
{
	fake_again(&second, &fake, 1);
}

static int
end(void **state)
{
	fake_stop(&second);
	return teardown(state);
}

/* Nobody asked for it: the end is the end. */
static void
off_at_first(void **state)
{
	fake_die(&fake);
	assert_int_equal(pacf_recv(p, pkts, 64, 1000), -EPIPE);
	restart();
	assert_int_equal(pacf_recv(p, pkts, 64, 100), -EPIPE);
	assert_int_equal(pacf_reconnect(p, 3), -EINVAL);
	assert_int_equal(pacf_reconnect(p, -1), -EINVAL);
}

/* What the dead one left is read first; figures go on; a call with a limit returns then. */
static void
daemon_dies(void **state)
{
	struct pacf_stats stats;
	uint64_t begin;

	assert_int_equal(pacf_reconnect(p, PACF_RECONNECT_ALWAYS), 0);
	put(&fake, 1, 5);
	atomic_store(&fake.tx[0].ring->received_pkts, 5);
	fake_die(&fake);
	expect(1, 5, 0);
	begin = os_clock_mono_ns();
	assert_int_equal(pacf_recv(p, pkts, 64, 100), 0);
	assert_in_range((os_clock_mono_ns() - begin) / 1000000, 99, 1000);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	restart();
	put(&second, 100, 7);
	atomic_store(&second.tx[0].ring->received_pkts, 7);
	expect(100, 7, 0);
	assert_int_equal(pacf_stats(p, &stats), 0);
	assert_int_equal(stats.received_pkts, 12);
}

/* The daemon lives, but the channel was closed; the capture's end is none to go on from. */
static void
channel_closed(void **state)
{
	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	put(&fake, 1, 3);
	finish(CHAN_CLOSED);
	expect(1, 3, 0);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	fake_die(&fake);
	restart();
	put(&second, 10, 3);
	expect(10, 3, 0);
	chan_tx_finish(&second.tx[0], CHAN_EOF);
	assert_int_equal(pacf_recv(p, pkts, 64, 1000), -ENODATA);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), -ENODATA);
}

/* Only for interfaces: this one reads a file, the next does not. */
static void
live_only(void **state)
{
	pacf_reconnect(p, PACF_RECONNECT_LIVE);
	fake.tx[0].ring->live = 1;
	fake_die(&fake);
	restart();
	put(&second, 10, 3);
	expect(10, 3, 0);
	fake_die(&second);
	assert_int_equal(pacf_recv(p, pkts, 64, 1000), -EPIPE);
}

/* Packets that are still out keep their bytes, and delay it until they are given back. */
static void
holds(void **state)
{
	const uint8_t *kept;

	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	put(&fake, 1, 3);
	expect(1, 3, 1);
	kept = pkts[2].data;
	fake_die(&fake);
	restart();
	put(&second, 10, 3);
	assert_int_equal(pacf_recv(p, pkts, 64, 200), 0);
	assert_int_equal(kept[0], 3);
	pacf_release(p, 1);
	expect(10, 3, 0);
	pacf_release(p, 5); /* there are none */
}

static void
other_link_type(void **state)
{
	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	fake_die(&fake);
	second.linktype = 101;
	restart();
	assert_int_equal(pacf_recv(p, pkts, 64, 5000), -EPROTOTYPE);
	assert_int_equal(pacf_recv(p, pkts, 64, 5000), -EPROTOTYPE);
	second.linktype = 0;
}

static void *
interrupt_soon(void *arg)
{
	os_sleep_ns(50000000);
	pacf_interrupt(p);
	return NULL;
}

static void
interrupted(void **state)
{
	pthread_t thread;

	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	fake_die(&fake);
	pthread_create(&thread, NULL, interrupt_soon, NULL);
	assert_int_equal(pacf_recv(p, pkts, 64, 20000), -EINTR);
	pthread_join(thread, NULL);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	restart();
	put(&second, 10, 3);
	expect(10, 3, 0);
}

/* Only by its descriptor, which stays the same: as an event loop would; and seldom awake. */
static void
by_descriptor(bool before)
{
	int fd = before ? pacf_fd(p) : -1, wakes = 0, got = 0;

	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	put(&fake, 1, 2);
	if (before) {
		assert_true(readable(fd, 1000));
		assert_int_equal(pacf_recv(p, pkts, 64, 0), 2);
		pacf_release(p, 2);
	} else
		expect(1, 2, 0);
	fake_die(&fake);
	if (!before) {
		assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
		fd = pacf_fd(p);
	}
	for (uint64_t end = os_clock_mono_ns() + 700000000; os_clock_mono_ns() < end;)
		if (readable(fd, 100)) {
			wakes++;
			assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
		}
	assert_in_range(wakes, 1, 20);
	restart();
	while (got < 3) {
		if (atomic_load(&second.conn) >= 0 && second.tx[0].tail == 0)
			put(&second, 10, 3);
		assert_true(readable(fd, 5000));
		assert_true(++wakes < 100);
		got += pacf_recv(p, pkts, 64, 0);
		assert_int_equal(pacf_fd(p), fd);
	}
	pacf_release(p, 3);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	wakes = 0;
	while (readable(fd, 50) && ++wakes < 10)
		assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	assert_true(wakes < 10);
	put(&second, 20, 1);
	assert_true(readable(fd, 5000));
	expect(20, 1, 0);
}

static void
descriptor(void **state)
{
	by_descriptor(true);
}

static void
descriptor_late(void **state)
{
	by_descriptor(false);
}

/* Who sends one lane of two and goes has taken back what is in it: nobody reads that. */
static void
lanes_missing(void **state)
{
	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	put(&fake, 1, 2);
	expect(1, 2, 0);
	fake_die(&fake);
	fake_again(&second, &fake, 2);
	second.lanes_sent = 1;
	atomic_store(&second.short_lanes, true);
	fake_put(&second, 0, 50);
	fake_put(&second, 1, 51);
	assert_int_equal(pacf_recv(p, pkts, 64, 300), 0);
	pacf_release(p, 64); /* there are none */
	atomic_store(&second.short_lanes, false);
	expect(50, 2, 0);
}

/* Over and over, one lane and several in turn. */
static void
many_times(void **state)
{
	pacf_reconnect(p, PACF_RECONNECT_ALWAYS);
	put(&fake, 1, 2);
	expect(1, 2, 0);
	fake_die(&fake);
	for (uint32_t i = 0; i < 20; i++) {
		fake_again(&second, &fake, 1 + i % 3);
		for (uint32_t k = 0; k < 6; k++)
			fake_put(&second, (int)(k % second.lanes), 10 + k);
		expect(10, 6, i % 2 ? 0 : 1);
		pacf_release(p, 1);
		fake_die(&second);
		if (i < 19)
			fake_stop(&second);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_one, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(off_at_first), TEST(daemon_dies),
		TEST(channel_closed), TEST(live_only), TEST(holds), TEST(other_link_type),
		TEST(interrupted), TEST(descriptor), TEST(descriptor_late), TEST(lanes_missing),
		TEST(many_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
