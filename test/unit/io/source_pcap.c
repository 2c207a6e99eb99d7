/*
 * Unit test of io/source_pcap (and io/capture under it): formats, times, loops, pace, pipes.
 */
#include "source_pcap.h"
#include "os.h"

/* Both byte orders, both precisions: the same two packets. */
static void
classic_formats(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct file f = {.swapped = i & 1};
		bool nano = i & 2;
		struct rig r;
		char *name;

		file_pcap(&f, nano ? NANO : MICRO, 65535, 113);
		file_record(&f, 1000, 999999, 60, 1500, 7);
		file_record(&f, UINT32_MAX, 0, 0, 40, 8);
		name = file_save(&f);
		rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
		assert_int_equal(rig_open(&r, name, 0, 1), 0);
		assert_int_equal(r.info.ts_digits, nano ? 9 : 6);
		/* Records may be larger than what the header says, and are read whole. */
		assert_int_equal(r.info.snaplen, IO_LARGE_BYTES);
		assert_int_equal(r.info.dlt, 113);
		assert_int_equal(r.info.linktype, 113);
		assert_int_equal(r.info.total_bytes, 24 + 16 + 60 + 16);
		expect(&r, 1000 * SEC + (nano ? 999999 : 999999000), 60, 1500, 7);
		expect(&r, UINT32_MAX * SEC, 0, 40, 8);
		expect_end(&r, IO_EOF);
		rig_close(&r);
		drop(name);
	}
}

/* DLT_RAW is 12 (or 14) here and 101 in files. */
static void
linktype_is_the_files(void **state)
{
	struct file f = {0};
	struct rig r;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 0, 101);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	assert_int_not_equal(r.info.dlt, 101);
	assert_int_equal(r.info.linktype, 101);
	assert_int_equal(r.info.snaplen, IO_LARGE_BYTES);
	expect_end(&r, IO_EOF); /* no packets at all: an end, not an error */
	rig_close(&r);
	drop(name);
}

static void
pcapng(void **state)
{
	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct file f = {.swapped = swapped};
		struct rig r;
		char *name;

		make_ng(&f);
		name = file_save(&f);
		rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
		assert_int_equal(rig_open(&r, name, 0, 3), 0);
		assert_int_equal(r.info.ts_digits, 9);
		assert_int_equal(r.info.linktype, 1);
		for (int pass = 0; pass < 3; pass++) {
			expect(&r, UINT64_C(1600000000123456000), 61, 61, 1);
			expect(&r, UINT64_C(1600000000123456789), 62, 9000, 2);
		}
		expect_end(&r, IO_EOF);
		rig_close(&r);
		drop(name);
	}
}

/* A second section and an interface of another link type: libpcap's refusal is passed on. */
static void
pcapng_link_types_vary(void **state)
{
	struct file f = {0};
	struct rig r;
	char *name;

	(void)state;
	make_ng(&f);
	make_ng(&f);
	file_ng_interface(&f, 101, 65535, 9);
	file_ng_packet(&f, 2, 1, 60, 60, 3);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	for (int i = 0; i < 2; i++) {
		expect(&r, UINT64_C(1600000000123456000), 61, 61, 1);
		expect(&r, UINT64_C(1600000000123456789), 62, 9000, 2);
	}
	expect_end(&r, IO_ERROR);
	assert_non_null(strstr(rig_failure(&r), "damaged after packet 4: "));
	assert_non_null(strstr(rig_failure(&r), name));
	rig_close(&r);
	drop(name);
}

/* Progress: known, growing, complete at the end. */
static void
loops_and_progress(void **state)
{
	struct file f = {0};
	struct io_source_counters c;
	struct rig r;
	char *name;
	int end;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	for (uint32_t i = 0; i < 1000; i++)
		file_record(&f, i, 0, 100, 100, i);
	name = file_save(&f);
	for (uint64_t loop = 1; loop <= 3; loop++) {
		uint64_t total = loop * (24 + 1000 * 116);

		rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
		assert_int_equal(rig_open(&r, name, 0, loop), 0);
		assert_int_equal(r.info.total_bytes, total);
		for (uint32_t i = 0; i < 10; i++)
			expect(&r, i * SEC, 100, 100, i);
		r.ops->counters(r.priv, &c);
		assert_in_range(c.done_bytes, 24 + 10 * 116, 24 + 11 * 116);
		assert_int_equal(rig_drain(&r, &end), loop * 1000 - 10);
		assert_int_equal(end, IO_EOF);
		r.ops->counters(r.priv, &c);
		assert_int_equal(c.done_bytes, total);
		rig_close(&r);
	}
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 0), 0);
	assert_int_equal(r.info.total_bytes, 0);
	for (uint32_t i = 0; i < 5000; i++)
		expect(&r, i % 1000 * SEC, 100, 100, i % 1000);
	rig_close(&r);
	drop(name);
}

/* 0, 40, 20 (a jump back: at once), 80 ms, at half and at four times the pace, twice over. */
static void
pace(void **state)
{
	static const uint32_t ms[] = {0, 40, 20, 80};
	struct file f = {0};
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	for (uint32_t i = 0; i < 4; i++)
		file_record(&f, 5, ms[i] * 1000, 60, 60, i);
	name = file_save(&f);
	for (int fast = 0; fast < 2; fast++) {
		uint64_t per_ms = fast ? 250000 : 2000000, start;
		struct io_pkt p;
		struct rig r;

		rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
		assert_int_equal(rig_open(&r, name, fast ? 4 : 0.5, 2), 0);
		for (int pass = 0; pass < 2; pass++) {
			start = os_clock_mono_ns();
			for (uint32_t i = 0; i < 4; i++) {
				uint64_t due = (i == 2 ? ms[1] : ms[i]) * per_ms, now;
				int got = r.ops->rx(r.priv, &p, 1);

				if (got == 0) {
					assert_true(r.ops->idle(r.priv, NULL) <= due);
					got = rig_next(&r, &p);
				}
				now = os_clock_mono_ns() - start;
				assert_int_equal(got, 1);
				assert_true(is_fill(p.data, i, 60));
				/* never early; late as the machine is busy */
				assert_in_range(now, due, due + 5 * SEC);
				rig_put(&r, &p);
			}
		}
		expect_end(&r, IO_EOF);
		rig_close(&r);
	}
	drop(name);
}

/* A pipe: read once, rx returns while nothing comes. */
static void
from_a_pipe(void **state)
{
	struct file f = {0};
	char name[32];
	struct io_pkt p;
	struct rig r;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	file_pcap(&f, NANO, 65535, 1);
	file_record(&f, 1, 5, 60, 60, 1);
	assert_int_equal(write(ends[1], f.bytes, f.len), f.len);
	fails(name, -1, 1, -EINVAL, "speed");
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	assert_int_equal(r.info.total_bytes, 0);
	assert_int_equal(r.info.ts_digits, 9);
	expect(&r, SEC + 5, 60, 60, 1);
	assert_int_equal(r.ops->rx(r.priv, &p, 1), 0);
	assert_int_equal(write(ends[1], f.bytes + 24, f.len - 24), f.len - 24);
	expect(&r, SEC + 5, 60, 60, 1);
	close(ends[1]);
	expect_end(&r, IO_EOF);
	rig_close(&r);
	close(ends[0]);
	free(f.bytes);
}

static void
found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(io_source_find("pcap"), &io_source_pcap);
	assert_ptr_equal(io_source_find("mem"), &io_source_mem);
	assert_ptr_equal(io_sink_find("pcap"), &io_sink_pcap);
	assert_null(io_source_find("pca"));
	assert_null(io_sink_find("mem"));
	assert_non_null(strstr(io_source_names(), "mem, pcap"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(classic_formats),
		cmocka_unit_test(linktype_is_the_files),
		cmocka_unit_test(pcapng),
		cmocka_unit_test(pcapng_link_types_vary),
		cmocka_unit_test(loops_and_progress),
		cmocka_unit_test(pace),
		cmocka_unit_test(from_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
