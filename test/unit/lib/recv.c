/*
 * Test of pacf.h: receiving, giving back, the ends, waiting, interrupts.
 */
#include "session.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Packets, give-back, and a ring's worth several times over. */
static void
receive(void **state)
{
	uint64_t ts = 1;
	int lanes = (int)fake.lanes;

	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	for (int round = 0; round < 50; round++) {
		int n = 1 + round % FAKE_SLOTS;

		for (int i = 0; i < n * lanes; i++)
			fake_put(&fake, i % lanes, ts + (uint64_t)i);
		for (int got = 0; got < n * lanes;) {
			int k = pacf_recv(p, pkts, 5, 100);

			assert_true(k > 0 && k <= 5);
			for (int i = 0; i < k; i++, ts++, got++) {
				assert_int_equal(pkts[i].ts_ns, ts);
				assert_int_equal(pkts[i].caplen, 60);
				assert_int_equal(pkts[i].len, 1000);
				assert_int_equal(pkts[i].data[59], (uint8_t)ts);
			}
			pacf_release(p, k);
		}
		for (int l = 0; l < lanes; l++)
			assert_int_equal(fake_back(&fake, l), n);
	}
	pacf_release(p, 1000); /* more than are out: nothing happens */
	for (int l = 0; l < lanes; l++)
		assert_int_equal(fake_back(&fake, l), 0);
	assert_int_equal(pacf_recv(p, pkts, 0, 0), 0);
	assert_int_equal(pacf_recv(p, pkts, -1, 0), -EINVAL);
}

/* What is in the rings comes first, then the end, for ever; the descriptor says so. */
static void
drained_to(int want)
{
	int fd = pacf_fd(p);

	assert_true(readable(fd, 0));
	assert_int_equal(pacf_recv(p, pkts, 1, -1), 1);
	assert_true(readable(fd, 0));
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
	for (int i = 0; i < 3; i++) {
		assert_true(readable(fd, 0));
		assert_int_equal(pacf_recv(p, pkts, 64, i - 1), want);
	}
	assert_true(readable(fd, 0));
	pacf_release(p, 2); /* still mapped */
}

static void
end_of_file(void **state)
{
	fake_put(&fake, 0, 1);
	fake_put(&fake, (int)fake.lanes - 1, 2);
	finish(CHAN_EOF);
	drained_to(-ENODATA);
}

static void
closed(void **state)
{
	fake_put(&fake, 0, 1);
	fake_put(&fake, (int)fake.lanes - 1, 2);
	finish(CHAN_CLOSED);
	drained_to(-EPIPE);
}

static void
daemon_death(void **state)
{
	fake_put(&fake, 0, 1);
	fake_put(&fake, (int)fake.lanes - 1, 2);
	fake_die(&fake);
	drained_to(-EPIPE);
}

/* The end of the capture is known although the daemon has gone as well. */
static void
end_then_death(void **state)
{
	fake_put(&fake, 0, 1);
	fake_put(&fake, (int)fake.lanes - 1, 2);
	finish(CHAN_EOF);
	fake_die(&fake);
	drained_to(-ENODATA);
}

static void
broken_descriptor(void **state)
{
	fake_put(&fake, 0, 1);
	fake_put(&fake, 0, 2);
	fake.tx[0].desc[1].off = FAKE_POOL;
	if (fake.lanes > 1)
		chan_tx_finish(&fake.tx[1], CHAN_EOF);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), 1);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -EPIPE);
}

static void
read_only(void **state)
{
	int status;
	pid_t pid;

	fake_put(&fake, 0, 1);
	assert_int_equal(pacf_recv(p, pkts, 1, 100), 1);
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile uint8_t *)pkts[0].data = 0;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *
later(void *arg)
{
	os_sleep_ns(20 * MS);
	((void (*)(void))arg)();
	return NULL;
}

static void
do_put(void)
{
	fake_put(&fake, 0, 7);
}

static void
do_eof(void)
{
	finish(CHAN_EOF);
}

static void
do_die(void)
{
	fake_die(&fake);
}

static void
do_interrupt(void)
{
	pacf_interrupt(p);
}

/* What a blocked pacf_recv returns when that happens. */
static int
blocked(void (*what)(void), int timeout_ms)
{
	uint64_t start = os_clock_mono_ns();
	pthread_t t;
	int got;

	assert_int_equal(pthread_create(&t, NULL, later, (void *)what), 0);
	got = pacf_recv(p, pkts, 64, timeout_ms);
	assert_true(os_clock_mono_ns() - start >= 15 * MS);
	pthread_join(t, NULL);
	return got;
}

static void
waiting(void **state)
{
	uint64_t start = os_clock_mono_ns();

	assert_int_equal(pacf_recv(p, pkts, 64, 30), 0);
	assert_true(os_clock_mono_ns() - start >= 30 * MS);
	assert_int_equal(blocked(do_put, -1), 1);
	assert_int_equal(blocked(do_put, 10000), 1);
	assert_int_equal(blocked(do_interrupt, -1), -EINTR);
	assert_int_equal(pacf_recv(p, pkts, 64, 10), 0); /* once */
	assert_int_equal(blocked(do_eof, -1), -ENODATA);
}

static void
waiting_for_the_dead(void **state)
{
	assert_int_equal(blocked(do_die, -1), -EPIPE);
}

static void
interrupts(void **state)
{
	int fd;

	pacf_interrupt(p);
	pacf_interrupt(p);
	fake_put(&fake, 0, 1);
	assert_int_equal(pacf_recv(p, pkts, 64, 100), 1); /* would not wait */
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -EINTR);
	assert_int_equal(pacf_recv(p, pkts, 64, 0), 0);
	fd = pacf_fd(p);
	assert_false(readable(fd, 0));
	pacf_interrupt(p);
	assert_true(readable(fd, 0));
	fake_put(&fake, 0, 2);
	assert_int_equal(pacf_recv(p, pkts, 64, 100), 1);
	assert_true(readable(fd, 0)); /* still to be told */
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -EINTR);
	assert_false(readable(fd, 0));
}

static void
on_alarm(int sig)
{
}

static void
signals(void **state)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	int fd = pacf_fd(p);

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(pacf_recv(p, pkts, 64, -1), -EINTR);
	assert_false(readable(fd, 0));
	fake_put(&fake, 0, 1);
	assert_true(readable(fd, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(receive),
		TWO(receive),
		ONE(end_of_file),
		TWO(end_of_file),
		ONE(closed),
		TWO(closed),
		ONE(daemon_death),
		TWO(daemon_death),
		ONE(end_then_death),
		TWO(end_then_death),
		ONE(broken_descriptor),
		TWO(broken_descriptor),
		ONE(read_only),
		ONE(waiting),
		TWO(waiting),
		ONE(waiting_for_the_dead),
		TWO(waiting_for_the_dead),
		ONE(interrupts),
		ONE(signals),
		TWO(signals),
	};

	alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
