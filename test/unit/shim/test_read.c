/*
 * Reading through the shim, over the fake libpacf: counts, filter, snaplen, times, the end,
 * files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fake_pacf.h"
#include "rig.h"
#include "shim.h"

static void
test_loop_to_the_end(void **state)
{
	struct seen seen = {0};

	(void)state;
	rig_add_packets(1000);
	rig_open(65535, 100);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 1000);
	assert_int_equal(seen.last, 999);
	assert_int_equal(fake.largest_unreleased, SHIM_BURST);
	assert_int_equal(fake.unreleased, 0);
	assert_int_equal(pcap_loop(rig_handle, 0, rig_record, (u_char *)&seen), 0);
}

static void
test_loop_counts(void **state)
{
	struct seen seen = {0};

	(void)state;
	rig_add_packets(300);
	rig_open(65535, 100);
	assert_int_equal(pcap_loop(rig_handle, 1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(pcap_loop(rig_handle, 130, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 131);
	assert_int_equal(seen.last, 130);
	assert_int_equal(fake.unreleased, 0);
	assert_int_equal(pcap_loop(rig_handle, 1000, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 300);
}

static void
test_dispatch(void **state)
{
	struct seen seen = {0};

	(void)state;
	rig_add_packets(100);
	fake.largest_burst = 30;
	rig_open(65535, 100);
	assert_int_equal(pcap_dispatch(rig_handle, 5, rig_record, (u_char *)&seen), 5);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(rig_handle, 0, rig_record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(rig_handle, 64, rig_record, (u_char *)&seen), 30);
	assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), 5);
	assert_int_equal(seen.last, 99);
	/* The end, as often as asked. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen),
			PCAP_ERROR_BREAK);
}

static void
test_next_ex(void **state)
{
	struct pcap_pkthdr *h, copy;
	const u_char *data;
	uint32_t i, number;

	(void)state;
	rig_add_packets(130);
	rig_open(65535, 100);
	for (i = 0; i < 130; i++) {
		if (i % 2) {
			assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
			copy = *h;
		} else {
			assert_non_null(data = pcap_next(rig_handle, &copy));
		}
		memcpy(&number, data + copy.caplen - 4, 4);
		assert_int_equal(number, i);
		assert_int_equal(copy.caplen, 100 + i % 50);
		assert_int_equal(copy.len, 107 + i % 50);
	}
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), PCAP_ERROR_BREAK);
	assert_null(pcap_next(rig_handle, &copy));
}

/* A program that waits for the descriptor must not miss what lies in the shim. */
static void
test_next_with_descriptor(void **state)
{
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	rig_add_packets(10);
	rig_open(65535, 100);
	assert_true(pcap_get_selectable_fd(rig_handle) >= 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
	assert_int_equal(fake.largest_unreleased, 1);
}

static void
test_filter_and_stats(void **state)
{
	struct seen seen = {0};
	struct pcap_stat st;

	(void)state;
	rig_add_packets(400);
	fake.dropped_pkts = 11;
	fake.source_drop_pkts = 5;
	rig_open(65535, 100);
	rig_set_filter("udp");
	assert_int_equal(pcap_loop(rig_handle, 100, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 100);
	assert_int_equal(seen.last, 198);
	rig_set_filter("tcp");
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.last, 399);
	/* 0, 2 ... 198 and 199, 201 ... 399: no packet was lost between the loops. */
	assert_int_equal(seen.count, 100 + 101);
	assert_int_equal(pcap_stats(rig_handle, &st), 0);
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
	rig_open(65535, 100);
	assert_int_equal(pcap_setfilter(rig_handle, &prog), PCAP_ERROR);
	assert_string_equal(pcap_geterr(rig_handle), "BPF program is not valid");
	assert_int_equal(pcap_setfilter(rig_handle, NULL), PCAP_ERROR);
	assert_int_equal(pcap_compile(rig_handle, &prog, "port nonsense", 1, 0), PCAP_ERROR);
	assert_non_null(strstr(pcap_geterr(rig_handle), "nonsense"));
}

static void
test_snaplen(void **state)
{
	struct bpf_insn keep40 = {BPF_RET | BPF_K, 0, 0, 40};
	struct bpf_program prog = {1, &keep40};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	rig_add_packets(4);
	rig_open(64, 100);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
	assert_int_equal(h->caplen, 64);
	assert_int_equal(h->len, 107);
	assert_int_equal(pcap_setfilter(rig_handle, &prog), 0);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
	assert_int_equal(h->caplen, 40);
	pcap_close(rig_handle);
	rig_open(0, 100); /* everything */
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), 1);
	assert_int_equal(h->caplen, 100);
}

static void
test_precision(void **state)
{
	struct seen seen = {0};

	(void)state;
	rig_add_packets(1000);
	rig_open(65535, 100);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.ts.tv_sec, 1000);
	assert_int_equal(seen.ts.tv_usec, 999);
	pcap_close(rig_handle);
	rig_handle = pcap_create("pacf:fake}0", rig_error);
	assert_int_equal(pcap_set_tstamp_precision(rig_handle, PCAP_TSTAMP_PRECISION_NANO), 0);
	assert_int_equal(pcap_activate(rig_handle), 0);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.ts.tv_usec, 999999);
}

/* Who came back with fewer rights than it had when it began is told what to do. */
static void
test_forbidden_after_return(void **state)
{
	struct seen seen = {0};
	char sentence[200];

	(void)state;
	rig_add_packets(1);
	fake.after = FAKE_FORBID;
	rig_open(65535, 100);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR);
	snprintf(sentence, sizeof(sentence),
		"\"pacf:fake}0\" is there again, but uid %u may not have it: let that user in "
		"(pacf.access), or keep the rights (tcpdump -Z root)",
		(unsigned)geteuid());
	assert_string_equal(pcap_geterr(rig_handle), sentence);
}

static void
test_daemon_died(void **state)
{
	struct seen seen = {0};
	struct pcap_pkthdr *h;
	const u_char *data;

	(void)state;
	rig_add_packets(3);
	fake.after = FAKE_DIE;
	rig_open(65535, 100);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR);
	assert_int_equal(seen.count, 3);
	assert_string_equal(pcap_geterr(rig_handle),
		"reading \"pacf:fake}0\": the daemon closed the channel");
	assert_int_equal(
		pcap_dispatch(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR);
	assert_int_equal(pcap_next_ex(rig_handle, &h, &data), PCAP_ERROR);
	/* Once told, a program that loops while the answer is not 0 must not do so for ever. */
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
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
	rig_add_packets(200);
	rig_open(65535, 100);
	assert_null(pcap_dump_open(rig_handle, "/no/such/folder/file"));
	assert_non_null(strstr(pcap_geterr(rig_handle), "/no/such/folder/file"));
	assert_non_null(d = pcap_dump_open(rig_handle, path));
	assert_int_equal(pcap_loop(rig_handle, 150, pcap_dump, (u_char *)d), 0);
	pcap_dump_close(d);
	assert_non_null(d = pcap_dump_open_append(rig_handle, path));
	assert_int_equal(pcap_loop(rig_handle, -1, pcap_dump, (u_char *)d), 0);
	pcap_dump_close(d);
	pcap_close(rig_handle);
	rig_handle = pcap_open_offline(path, rig_error);
	assert_non_null(rig_handle);
	assert_null(shim_find(rig_handle));
	assert_int_equal(pcap_snapshot(rig_handle), 65535);
	seen.break_at = 120;
	assert_int_equal(pcap_dispatch(rig_handle, 100, rig_record, (u_char *)&seen), 100);
	assert_int_equal(
		pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), PCAP_ERROR_BREAK);
	assert_int_equal(pcap_loop(rig_handle, -1, rig_record, (u_char *)&seen), 0);
	assert_int_equal(seen.count, 200);
	assert_int_equal(seen.last, 199);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_loop_to_the_end),
		RIG_TEST(test_loop_counts),
		RIG_TEST(test_dispatch),
		RIG_TEST(test_next_ex),
		RIG_TEST(test_next_with_descriptor),
		RIG_TEST(test_filter_and_stats),
		RIG_TEST(test_filter_errors),
		RIG_TEST(test_snaplen),
		RIG_TEST(test_precision),
		RIG_TEST(test_daemon_died),
		RIG_TEST(test_forbidden_after_return),
		RIG_TEST(test_dump_and_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
