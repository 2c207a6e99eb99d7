/*
 * Reading through the shim, over the fake libpacf: counts, filter, snaplen, times, waiting,
 * breaking, the end.  Packet i is an Ethernet frame of 100 + i % 50 bytes, UDP if i is even,
 * else TCP, with i in its last four bytes and in its time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <pcap/pcap.h>
#include "fake_pacf.h"
#include "shim.h"

#define SECOND 1000000000ull

static char error[PCAP_ERRBUF_SIZE];
static pcap_t *handle;

struct seen {
	int count, break_at;
	uint32_t last, caplen;
	struct timeval ts;
};

static void
add_packets(int n)
{
	for (int i = 0; i < n; i++) {
		uint8_t f[160] = {0};
		uint32_t len = 100 + (uint32_t)i % 50;
		f[12] = 0x08;
		f[14] = 0x45;
		f[23] = i % 2 ? 6 : 17;
		memcpy(f + len - 4, &i, 4);
		fake_add(f, len, len + 7, SECOND * 1000 + (uint64_t)i * 1001);
	}
}

static void
record(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct seen *seen = (struct seen *)user;

	seen->caplen = h->caplen;
	seen->ts = h->ts;
	memcpy(&seen->last, data + h->len - 7 - 4, 4);
	if (++seen->count == seen->break_at)
		pcap_breakloop(handle);
}

static int
setup(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pcap_close(handle);
	handle = NULL;
	assert_int_equal(fake.open_handles, 0);
	assert_int_equal(fake.unreleased, 0);
	fake_reset();
	return 0;
}

static void
open_live(int snaplen, int to_ms)
{
	handle = pcap_open_live("pacf:fake}0", snaplen, 1, to_ms, error);
	assert_non_null(handle);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
test_loop_to_the_end(void **state)
{
	struct seen seen = {0};

	(void)state;
	add_packets(1000);
	open_live(65535, 100);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 1000);
	assert_int_equal(seen.last, 999);
	assert_int_equal(fake.largest_unreleased, SHIM_BURST);
	assert_int_equal(fake.unreleased, 0);
	assert_int_equal(pcap_loop(handle, 0, record, (u_char *)&seen), 0);
}

static void
test_loop_counts(void **state)
{
	struct seen seen = {0};

	(void)state;
	add_packets(300);
	open_live(65535, 100);
	assert_int_equal(pcap_loop(handle, 1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(pcap_loop(handle, 130, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 131);
	assert_int_equal(seen.last, 130);
	assert_int_equal(fake.unreleased, 0);
	assert_int_equal(pcap_loop(handle, 1000, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 300);
}

static void
test_dispatch(void **state)
{
	struct seen seen = {0};

	(void)state;
	add_packets(100);
	fake.largest_burst = 30;
	open_live(65535, 100);
	assert_int_equal(pcap_dispatch(handle, 5, record, (u_char *)&seen), 5);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(handle, 0, record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(handle, 64, record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 5);
	assert_int_equal(seen.last, 99);
	/* The end, as often as asked. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			pcap_dispatch(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
}

static void
test_next_ex(void **state)
{
	struct pcap_pkthdr *h, copy;
	const u_char *data;
	uint32_t i, number;

	(void)state;
	add_packets(130);
	open_live(65535, 100);
	for (i = 0; i < 130; i++) {
		if (i % 2) {
			assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
			copy = *h;
		} else {
			assert_non_null(data = pcap_next(handle, &copy));
		}
		memcpy(&number, data + copy.caplen - 4, 4);
		assert_int_equal(number, i);
		assert_int_equal(copy.caplen, 100 + i % 50);
		assert_int_equal(copy.len, 107 + i % 50);
	}
	assert_int_equal(pcap_next_ex(handle, &h, &data), PCAP_ERROR_BREAK);
	assert_null(pcap_next(handle, &copy));
}

/* A program that waits for the descriptor must not miss what lies in the shim. */
static void
test_next_with_descriptor(void **state)
{
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	add_packets(10);
	open_live(65535, 100);
	assert_true(pcap_get_selectable_fd(handle) >= 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
	assert_int_equal(fake.largest_unreleased, 1);
}

static void
test_break_and_resume(void **state)
{
	struct seen seen = {.break_at = 10};

	(void)state;
	add_packets(200);
	open_live(65535, 100);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(seen.count, 10);
	seen.break_at = 100;
	/* Packets processed: their number, and the break at the next call. */
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 54);
	assert_int_equal(seen.last, 63);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 36);
	assert_int_equal(seen.last, 99);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
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
	add_packets(3);
	open_live(65535, 100);
	pcap_breakloop(handle);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	pcap_breakloop(handle);
	assert_int_equal(pcap_next_ex(handle, &h, &data), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
	assert_int_equal(seen.count, 0);
}

static void *
break_later(void *arg)
{
	(void)arg;
	usleep(50000);
	pcap_breakloop(handle);
	return NULL;
}

static void
test_break_from_thread(void **state)
{
	struct seen seen = {0};
	pthread_t t;

	(void)state;
	add_packets(5);
	fake.after = FAKE_WAIT;
	open_live(65535, 0);
	assert_int_equal(pthread_create(&t, NULL, break_later, NULL), 0);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(seen.count, 5);
}

static void
break_in_handler(int signo)
{
	(void)signo;
	pcap_breakloop(handle);
}

static void
test_break_from_signal(void **state)
{
	struct sigaction act = {.sa_handler = break_in_handler};
	struct itimerval timer = {.it_value.tv_usec = 50000};
	struct seen seen = {0};

	(void)state;
	fake.after = FAKE_WAIT;
	open_live(65535, 0);
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	signal(SIGALRM, SIG_DFL);
}

static void
test_signals_are_no_end(void **state)
{
	struct seen seen = {0};

	(void)state;
	add_packets(5);
	fake.eintr_to_give = 3;
	open_live(65535, 100);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 5);
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
	open_live(65535, 60);
	before = seconds();
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 0);
	took = seconds() - before;
	assert_true(took > 0.055 && took < 5);
	before = seconds();
	assert_int_equal(pcap_next_ex(handle, &h, &data), 0);
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
	add_packets(3);
	fake.after = FAKE_WAIT;
	open_live(65535, 0);
	assert_int_equal(pcap_getnonblock(handle, error), 0);
	assert_int_equal(pcap_setnonblock(handle, 1, error), 0);
	assert_int_equal(pcap_getnonblock(handle, error), 1);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 3);
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(pcap_next_ex(handle, &h, &data), 0);
	pcap_close(handle);
	/* As libpcap on Linux: a negative timeout is non-blocking mode. */
	open_live(65535, -1);
	assert_int_equal(pcap_getnonblock(handle, error), 1);
	assert_int_equal(pcap_setnonblock(handle, 0, error), 0);
	assert_int_equal(pcap_getnonblock(handle, error), 0);
}

static void
set_filter(const char *text)
{
	struct bpf_program prog;

	assert_int_equal(pcap_compile(handle, &prog, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	assert_int_equal(pcap_setfilter(handle, &prog), 0);
	pcap_freecode(&prog); /* the shim has a copy */
}

static void
test_filter_and_stats(void **state)
{
	struct seen seen = {0};
	struct pcap_stat st;

	(void)state;
	add_packets(400);
	fake.dropped_pkts = 11;
	fake.source_drop_pkts = 5;
	open_live(65535, 100);
	set_filter("udp");
	assert_int_equal(pcap_loop(handle, 100, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 100);
	assert_int_equal(seen.last, 198);
	set_filter("tcp");
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.last, 399);
	/* 0, 2 ... 198 and 199, 201 ... 399: no packet was lost between the loops. */
	assert_int_equal(seen.count, 100 + 101);
	assert_int_equal(pcap_stats(handle, &st), 0);
	assert_int_equal(st.ps_recv, 201 + 11);
	assert_int_equal(st.ps_drop, 11);
	assert_int_equal(st.ps_ifdrop, 5);
}

static void
test_filter_errors(void **state)
{
	struct bpf_insn bad = {0xffff, 0, 0, 0};
	struct bpf_program prog = {1, &bad};

	(void)state;
	open_live(65535, 100);
	assert_int_equal(pcap_setfilter(handle, &prog), PCAP_ERROR);
	assert_string_equal(pcap_geterr(handle), "BPF program is not valid");
	assert_int_equal(pcap_setfilter(handle, NULL), PCAP_ERROR);
	assert_int_equal(pcap_compile(handle, &prog, "port nonsense", 1, 0), PCAP_ERROR);
	assert_non_null(strstr(pcap_geterr(handle), "nonsense"));
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
	add_packets(300);
	fake.after = FAKE_WAIT;
	open_live(65535, 60);
	set_filter("icmp");
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), 0);
	assert_true(seconds() - before > 0.055);
	assert_int_equal(fake.unreleased, 0);
	pcap_close(handle);
	open_live(65535, 60);
	set_filter("icmp");
	assert_int_equal(pcap_setnonblock(handle, 1, error), 0);
	assert_int_equal(pcap_next_ex(handle, &h, &data), 0);
}

static void
test_snaplen(void **state)
{
	struct bpf_insn keep40 = {BPF_RET | BPF_K, 0, 0, 40};
	struct bpf_program prog = {1, &keep40};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	add_packets(4);
	open_live(64, 100);
	assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
	assert_int_equal(h->caplen, 64);
	assert_int_equal(h->len, 107);
	assert_int_equal(pcap_setfilter(handle, &prog), 0);
	assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
	assert_int_equal(h->caplen, 40);
	pcap_close(handle);
	open_live(0, 100); /* everything */
	assert_int_equal(pcap_next_ex(handle, &h, &data), 1);
	assert_int_equal(h->caplen, 100);
}

static void
test_precision(void **state)
{
	struct seen seen = {0};

	(void)state;
	add_packets(1000);
	open_live(65535, 100);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.ts.tv_sec, 1000);
	assert_int_equal(seen.ts.tv_usec, 999);
	pcap_close(handle);
	handle = pcap_create("pacf:fake}0", error);
	assert_int_equal(pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO), 0);
	assert_int_equal(pcap_activate(handle), 0);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.ts.tv_usec, 999999);
}

static void
test_daemon_died(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	add_packets(3);
	fake.after = FAKE_DIE;
	open_live(65535, 100);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), PCAP_ERROR);
	assert_int_equal(seen.count, 3);
	assert_string_equal(
		pcap_geterr(handle), "reading \"pacf:fake}0\": the daemon closed the channel");
	assert_int_equal(pcap_dispatch(handle, -1, record, (u_char *)&seen), PCAP_ERROR);
	assert_int_equal(pcap_next_ex(handle, &h, &data), PCAP_ERROR);
	/* Once told, a program that loops while the answer is not 0 must not do so for ever. */
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
}

/* What is written from a channel, the real libpcap reads; its handles go through untouched. */
static void
test_dump_and_read_back(void **state)
{
	char path[] = "/tmp/pacf-shim-XXXXXX";
	struct seen seen = {0};
	pcap_dumper_t *d;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	add_packets(200);
	open_live(65535, 100);
	assert_null(pcap_dump_open(handle, "/no/such/folder/file"));
	assert_non_null(strstr(pcap_geterr(handle), "/no/such/folder/file"));
	assert_non_null(d = pcap_dump_open(handle, path));
	assert_int_equal(pcap_loop(handle, 150, pcap_dump, (u_char *)d), 0);
	pcap_dump_close(d);
	assert_non_null(d = pcap_dump_open_append(handle, path));
	assert_int_equal(pcap_loop(handle, -1, pcap_dump, (u_char *)d), 0);
	pcap_dump_close(d);
	pcap_close(handle);
	handle = pcap_open_offline(path, error);
	assert_non_null(handle);
	assert_null(shim_find(handle));
	assert_int_equal(pcap_snapshot(handle), 65535);
	seen.break_at = 120;
	assert_int_equal(pcap_dispatch(handle, 100, record, (u_char *)&seen), 100);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_loop(handle, -1, record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 200);
	assert_int_equal(seen.last, 199);
	unlink(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_loop_to_the_end),
		TEST(test_loop_counts),
		TEST(test_dispatch),
		TEST(test_next_ex),
		TEST(test_next_with_descriptor),
		TEST(test_break_and_resume),
		TEST(test_break_beforehand),
		TEST(test_break_from_thread),
		TEST(test_break_from_signal),
		TEST(test_signals_are_no_end),
		TEST(test_timeout),
		TEST(test_nonblock),
		TEST(test_filter_and_stats),
		TEST(test_filter_errors),
		TEST(test_filter_and_waiting),
		TEST(test_snaplen),
		TEST(test_precision),
		TEST(test_daemon_died),
		TEST(test_dump_and_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
