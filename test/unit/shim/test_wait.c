/*
 * Waiting and breaking off in the shim, over the fake libpacf: pcap_breakloop from everywhere,
 * signals, timeouts, non-blocking mode.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include "fake_pacf.h"
#include "rig.h"
#include "shim.h"

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
test_break_and_resume(void **state)
{
	struct seen seen = {.break_at = 10};

	(void)state;
	rig_add_packets(200);
	rig_open(65535, 100);
	assert_int_equal(
		pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(seen.count, 10);
	seen.break_at = 100;
	/* Packets processed: their number, and the break at the next call. */
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 54);
	assert_int_equal(seen.last, 63);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 36);
	assert_int_equal(seen.last, 99);
	assert_int_equal(
		pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 200);
	assert_int_equal(seen.last, 199);
}

static void
test_break_beforehand(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	rig_add_packets(3);
	rig_open(65535, 100);
	pcap_breakloop(rig_handle);
	assert_int_equal(
		pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	pcap_breakloop(rig_handle);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
	assert_int_equal(seen.count, 0);
}

static void *
break_later(void *arg)
{
	(void)arg;
	usleep(50000);
	pcap_breakloop(rig_handle);
	return NULL;
}

static void
test_break_from_thread(void **state)
{
	struct seen seen = {0};
	pthread_t t;

	(void)state;
	rig_add_packets(5);
	fake.after = FAKE_WAIT;
	rig_open(65535, 0);
	assert_int_equal(pthread_create(&t, NULL, break_later, NULL), 0);
	assert_int_equal(
		pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(seen.count, 5);
}

static void
break_in_handler(int signo)
{
	(void)signo;
	pcap_breakloop(rig_handle);
}

static void
test_break_from_signal(void **state)
{
	struct sigaction act = {.sa_handler = break_in_handler};
	struct itimerval timer = {.it_value.tv_usec = 50000};
	struct seen seen = {0};

	(void)state;
	fake.after = FAKE_WAIT;
	rig_open(65535, 0);
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	assert_int_equal(
		pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	signal(SIGALRM, SIG_DFL);
}

static void
test_signals_are_no_end(void **state)
{
	struct seen seen = {0};

	(void)state;
	rig_add_packets(5);
	fake.eintr_to_give = 3;
	rig_open(65535, 100);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 5);
}

static void
test_timeout(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;
	double before, took;

	(void)state;
	fake.after = FAKE_WAIT;
	rig_open(65535, 60);
	before = seconds();
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	took = seconds() - before;
	assert_true(took > 0.055 && took < 5);
	before = seconds();
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 0);
	took = seconds() - before;
	assert_true(took > 0.055 && took < 5);
}

static void
test_nonblock(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	rig_add_packets(3);
	fake.after = FAKE_WAIT;
	rig_open(65535, 0);
	assert_int_equal(pcap_getnonblock(rig_handle, rig_error), 0);
	assert_int_equal(pcap_setnonblock(rig_handle, 1, rig_error), 0);
	assert_int_equal(pcap_getnonblock(rig_handle, rig_error), 1);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 3);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 0);
	pcap_close(rig_handle);
	/* As libpcap on Linux: a negative timeout is non-blocking mode. */
	rig_open(65535, -1);
	assert_int_equal(pcap_getnonblock(rig_handle, rig_error), 1);
	assert_int_equal(pcap_setnonblock(rig_handle, 0, rig_error), 0);
	assert_int_equal(pcap_getnonblock(rig_handle, rig_error), 0);
}

/* Filtered packets do not lengthen the wait, nor do they end it early. */
static void
test_filter_and_waiting(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;
	double before = seconds();

	(void)state;
	rig_add_packets(300);
	fake.after = FAKE_WAIT;
	rig_open(65535, 60);
	rig_set_filter("icmp");
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_true(seconds() - before > 0.055);
	assert_int_equal(fake.unreleased, 0);
	pcap_close(rig_handle);
	rig_open(65535, 60);
	rig_set_filter("icmp");
	assert_int_equal(pcap_setnonblock(rig_handle, 1, rig_error), 0);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_break_and_resume),
		RIG_TEST(test_break_beforehand),
		RIG_TEST(test_break_from_thread),
		RIG_TEST(test_break_from_signal),
		RIG_TEST(test_signals_are_no_end),
		RIG_TEST(test_timeout),
		RIG_TEST(test_nonblock),
		RIG_TEST(test_filter_and_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
