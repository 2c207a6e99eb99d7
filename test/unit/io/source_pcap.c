/*
 * Unit test of io/source_pcap (and io/capture under it): formats, times, loops, pace, lack of
 * frames, packets of every size, and files that are broken in every way.
 */
#include "rig.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#define MICRO 0xa1b2c3d4
#define NANO  0xa1b23c4d
#define SEC   UINT64_C(1000000000)

static void
drop(char *name)
{
	assert_int_equal(unlink(name), 0);
	free(name);
}

static void
expect(struct rig *r, uint64_t ts, uint32_t caplen, uint32_t len, uint32_t seed)
{
	struct io_pkt p;

	assert_int_equal(rig_next(r, &p), 1);
	assert_int_equal(p.ts_ns, ts);
	assert_int_equal(p.len, caplen);
	assert_int_equal(p.wirelen, len);
	assert_ptr_equal(p.data, r->pool.base + io_pool_off(&r->pool, p.frame));
	assert_true(is_fill(p.data, seed, caplen));
	rig_put(r, &p);
}

static void
expect_end(struct rig *r, int end)
{
	struct io_pkt p;

	assert_int_equal(rig_next(r, &p), end);
	assert_int_equal(rig_next(r, &p), end); /* and stays so */
}

static void
fails(const char *name, double speed, uint64_t loop, int code, const char *word)
{
	struct rig r;

	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, speed, loop), code);
	if (!strstr(r.err.text, word))
		fail_msg("\"%s\" lacks \"%s\"", r.err.text, word);
	rig_close(&r);
}

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
make_ng(struct file *f)
{
	file_ng_section(f);
	file_ng_interface(f, 1, 65535, 6);
	file_ng_interface(f, 1, 65535, 9);
	file_ng_packet(f, 0, UINT64_C(1600000000123456), 61, 61, 1);
	file_ng_packet(f, 1, UINT64_C(1600000000123456789), 62, 9000, 2);
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

/* Whatever libpcap lets through arrives whole. */
static void
large_packets(void **state)
{
	static const uint32_t sizes[] = {2047, 2048, 2049, 65535, 65536, 262143, 262144, 1};
	struct file f = {0};
	struct rig r;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 262144, 1);
	for (uint32_t i = 0; i < 8; i++)
		file_record(&f, i, 0, sizes[i], sizes[i], i);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, 1, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	assert_int_equal(r.info.snaplen, 262144);
	for (uint32_t i = 0; i < 8; i++)
		expect(&r, i * SEC, sizes[i], sizes[i], i);
	expect_end(&r, IO_EOF);
	rig_close(&r);
	drop(name);
}

/* D-Bus captures may hold more than 256 KiB; and a pool may have no large frames. */
static void
oversize_is_counted(void **state)
{
	struct file f = {0};
	struct io_source_counters c;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 1 << 20, 231);
	file_record(&f, 1, 0, 100, 100, 1);
	file_record(&f, 2, 0, 262145, 262145, 2);
	file_record(&f, 3, 0, 5000, 5000, 3);
	name = file_save(&f);
	for (uint32_t large = 0; large < 2; large++) {
		struct rig r;

		rig_init(&r, &io_source_pcap, 2, large);
		assert_int_equal(rig_open(&r, name, 0, 1), 0);
		assert_int_equal(r.info.snaplen, IO_LARGE_BYTES);
		expect(&r, 1 * SEC, 100, 100, 1);
		if (large)
			expect(&r, 3 * SEC, 5000, 5000, 3);
		expect_end(&r, IO_EOF);
		r.ops->counters(r.priv, &c);
		assert_int_equal(c.oversize_pkts, 2 - large);
		assert_int_equal(c.no_frame_pkts, 0);
		rig_close(&r);
	}
	drop(name);
}

static void
no_frame_loses_nothing(void **state)
{
	struct file f = {0};
	struct io_pkt p[8];
	struct rig r;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	for (uint32_t i = 0; i < 7; i++)
		file_record(&f, i, 0, i == 2 ? 3000 : 60, 60, i);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, 3, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	assert_int_equal(r.ops->rx(r.priv, p, 8), 4);
	assert_int_equal(r.ops->rx(r.priv, p + 4, 4), 0);
	assert_int_equal(r.ops->rx(r.priv, p + 4, 4), 0);
	assert_true(r.ops->idle(r.priv, NULL) == UINT64_MAX);
	rig_put(&r, &p[1]);
	assert_int_equal(r.ops->rx(r.priv, p + 4, 4), 1);
	assert_int_equal(r.ops->rx(r.priv, p + 5, 3), 0);
	rig_put(&r, &p[0]);
	rig_put(&r, &p[3]);
	assert_int_equal(r.ops->rx(r.priv, p + 5, 3), 2);
	assert_int_equal(r.ops->rx(r.priv, p + 7, 1), IO_EOF);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(p[i].ts_ns, i * SEC);
	assert_true(is_fill(p[2].data, 2, 3000) && is_fill(p[6].data, 6, 60));
	rig_put(&r, &p[2]);
	for (uint32_t i = 4; i < 7; i++)
		rig_put(&r, &p[i]);
	rig_close(&r);
	drop(name);
}

/* Cut at every length: all whole packets come, then an error, except at a boundary. */
static void
truncated_anywhere(void **state)
{
	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		struct file whole = {0};
		char sentence[64];

		if (ng) {
			make_ng(&whole);
		} else {
			file_pcap(&whole, MICRO, 65535, 1);
			file_record(&whole, 1, 0, 61, 61, 1);
			file_record(&whole, 1, 0, 62, 9000, 2);
		}
		size_t two = whole.len, one = two - (ng ? 96 : 78), zero = one - (ng ? 96 : 77);

		for (size_t cut = zero; cut <= two; cut++) {
			struct file f = {0};
			struct rig r;
			uint64_t got;
			char *name;
			int end;

			f.bytes = malloc(cut);
			assert_non_null(f.bytes);
			memcpy(f.bytes, whole.bytes, f.len = cut);
			name = file_save(&f);
			rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
			assert_int_equal(rig_open(&r, name, 0, 2), 0);
			got = rig_drain(&r, &end);
			if (cut == zero || cut == one || cut == two) {
				assert_int_equal(end, IO_EOF);
				assert_int_equal(got, 2 * ((cut >= one) + (cut >= two)));
			} else {
				assert_int_equal(end, IO_ERROR);
				assert_int_equal(got, cut > one);
				snprintf(sentence, sizeof(sentence),
					"truncated after packet %d: ", cut > one);
				assert_non_null(strstr(rig_failure(&r), sentence));
				assert_non_null(strstr(rig_failure(&r), name));
			}
			rig_close(&r);
			drop(name);
		}
		free(whole.bytes);
	}
}

static void
damaged_in_the_middle(void **state)
{
	struct file f = {0};
	struct rig r;
	char *name;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	file_record(&f, 1, 0, 60, 60, 1);
	for (int i = 0; i < 100; i++)
		file_u32(&f, 0xdeadbeef);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	expect(&r, SEC, 60, 60, 1);
	expect_end(&r, IO_ERROR);
	assert_non_null(strstr(rig_failure(&r), "damaged after packet 1: "));
	rig_close(&r);
	drop(name);
}

static void
not_a_capture(void **state)
{
	struct file f = {0};
	char *name;

	(void)state;
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is empty");
	fails(name, 0, 1, -EINVAL, name);
	drop(name);

	file_fill(&f, 3, 2);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "truncated dump file");
	drop(name);

	file_fill(&f, 3, 5000);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is not a capture that can be read: unknown file format");
	drop(name);

	file_pcap(&f, MICRO, 65535, 1);
	f.len = 20;
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "truncated dump file");
	drop(name);

	file_u16(&f, 0x8b1f);
	file_fill(&f, 3, 50);
	name = file_save(&f);
	fails(name, 0, 1, -EINVAL, "is compressed");
	drop(name);

	fails("/nonexistent/file.pcap", 0, 1, -ENOENT, "/nonexistent/file.pcap");
	fails("/tmp", 0, 1, -EISDIR, "is a folder");
	fails("", 0, 1, -EINVAL, "no file name");
	fails(NULL, 0, 1, -EINVAL, "no file name");
}

static void
bad_settings(void **state)
{
	struct file f = {0};
	char *name;
	int fd;

	(void)state;
	file_pcap(&f, MICRO, 65535, 1);
	name = file_save(&f);
	fails(name, -1, 1, -EINVAL, "speed -1");
	fails(name, 0.0 / 0.0, 1, -EINVAL, "speed");
	fails(name, 1.0 / 0.0, 1, -EINVAL, "speed inf");
	/* somebody writes it */
	fd = open(name, O_WRONLY);
	assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
	fails(name, 0, 1, -EBUSY, "is writing it");
	close(fd);
	if (geteuid() != 0) {
		assert_int_equal(chmod(name, 0), 0);
		fails(name, 0, 1, -EACCES, name);
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
		cmocka_unit_test(large_packets),
		cmocka_unit_test(oversize_is_counted),
		cmocka_unit_test(no_frame_loses_nothing),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(damaged_in_the_middle),
		cmocka_unit_test(not_a_capture),
		cmocka_unit_test(bad_settings),
		cmocka_unit_test(from_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
