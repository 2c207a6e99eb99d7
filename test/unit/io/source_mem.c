/*
 * Unit test of io/source_mem: arrays and files, in sequence and resident.
 */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t bytes[300000];
static const struct io_mem_pkt three[] = {
	{bytes, 60, 60, 10},
	{bytes + 100, 1500, 9000, 11},
	{bytes + 200, 0, 40, 12},
};

static void
take(struct rig *r, const struct io_mem_pkt *want)
{
	struct io_pkt p;

	assert_int_equal(rig_next(r, &p), 1);
	assert_int_equal(p.ts_ns, want->ts_ns);
	assert_int_equal(p.len, want->len);
	assert_int_equal(p.wirelen, want->wirelen);
	assert_ptr_equal(p.data, r->pool.base + io_pool_off(&r->pool, p.frame));
	assert_memory_equal(p.data, want->data, want->len);
	rig_put(r, &p);
}

static void
sequence(void **state)
{
	struct io_source_counters c;
	struct rig r;
	struct io_pkt p;

	(void)state;
	for (uint64_t loop = 0; loop < 4; loop++) {
		rig_init(&r, &io_source_mem, 4, 0);
		io_mem_set(r.priv, three, 3, 12, false);
		assert_int_equal(rig_open(&r, NULL, 0, loop), 0);
		assert_int_equal(r.info.dlt, 12);
		assert_int_equal(r.info.linktype, 101);
		assert_int_equal(r.info.ts_digits, 9);
		assert_int_equal(r.info.total_bytes, loop * 1560);
		for (uint64_t i = 0; i < (loop ? 3 * loop : 1000); i++)
			take(&r, &three[i % 3]);
		if (loop) {
			assert_int_equal(rig_next(&r, &p), IO_EOF);
			assert_int_equal(rig_next(&r, &p), IO_EOF);
			r.ops->counters(r.priv, &c);
			assert_int_equal(c.done_bytes, loop * 1560);
		}
		rig_close(&r);
	}
}

static void
waits_for_frames(void **state)
{
	struct rig r;
	struct io_pkt p[6];

	(void)state;
	rig_init(&r, &io_source_mem, 2, 0);
	io_mem_set(r.priv, three, 3, 1, false);
	assert_int_equal(rig_open(&r, NULL, 0, 1), 0);
	assert_int_equal(r.ops->rx(r.priv, p, 6), 2);
	assert_int_equal(r.ops->rx(r.priv, p + 2, 4), 0);
	assert_true(r.ops->idle(r.priv, NULL) == UINT64_MAX);
	rig_put(&r, &p[0]);
	assert_int_equal(r.ops->rx(r.priv, p + 2, 4), 1);
	assert_int_equal(p[2].ts_ns, 12);
	assert_int_equal(r.ops->rx(r.priv, p + 3, 3), IO_EOF);
	rig_put(&r, &p[1]);
	rig_put(&r, &p[2]);
	rig_close(&r);
}

static void
large_and_oversize(void **state)
{
	static const struct io_mem_pkt pkts[] = {
		{bytes, 262145, 262145, 1}, {bytes, 262144, 262144, 2}};
	struct io_source_counters c;
	struct io_pkt p;
	struct rig r;
	int end;

	(void)state;
	rig_init(&r, &io_source_mem, 1, 1);
	io_mem_set(r.priv, pkts, 2, 1, false);
	assert_int_equal(rig_open(&r, NULL, 0, 2), 0);
	take(&r, &pkts[1]);
	take(&r, &pkts[1]);
	assert_int_equal(rig_next(&r, &p), IO_EOF);
	r.ops->counters(r.priv, &c);
	assert_int_equal(c.oversize_pkts, 2);
	rig_close(&r);
	/* no large frames at all: both are lost, and rx comes back */
	rig_init(&r, &io_source_mem, 1, 0);
	io_mem_set(r.priv, pkts, 2, 1, false);
	assert_int_equal(rig_open(&r, NULL, 0, 5), 0);
	assert_int_equal(rig_drain(&r, &end), 0);
	assert_int_equal(end, IO_EOF);
	r.ops->counters(r.priv, &c);
	assert_int_equal(c.oversize_pkts, 10);
	rig_close(&r);
}

/* Frame i holds packet i mod n; a frame that comes back is handed out again as it is. */
static void
resident(void **state)
{
	struct io_pkt p[64];
	struct rig r;

	(void)state;
	rig_init(&r, &io_source_mem, 40, 0);
	io_mem_set(r.priv, three, 3, 1, true);
	assert_int_equal(rig_open(&r, NULL, 0, 20), 0);
	assert_int_equal(r.ops->rx(r.priv, p, 33), 33);
	assert_int_equal(r.ops->rx(r.priv, p + 33, 31), 7);
	assert_int_equal(r.ops->rx(r.priv, p + 40, 24), 0);
	assert_true(r.ops->idle(r.priv, NULL) == UINT64_MAX);
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(p[i].frame, i);
		assert_int_equal(p[i].ts_ns, three[i % 3].ts_ns);
		assert_int_equal(p[i].wirelen, three[i % 3].wirelen);
		assert_int_equal(p[i].len, three[i % 3].len);
		assert_memory_equal(p[i].data, three[i % 3].data, p[i].len);
		assert_int_equal(r.pool.refs[i], 1);
	}
	rig_put(&r, &p[7]);
	rig_put(&r, &p[22]);
	assert_int_equal(r.ops->rx(r.priv, p + 40, 24), 2);
	assert_int_equal(p[40].frame, 22);
	assert_int_equal(p[41].frame, 7);
	for (uint32_t i = 0; i < 40; i++)
		rig_put(&r, &p[i]);
	assert_int_equal(r.ops->rx(r.priv, p, 64), 18); /* 60 in all */
	for (uint32_t i = 0; i < 18; i++)
		rig_put(&r, &p[i]);
	assert_int_equal(r.ops->rx(r.priv, p, 64), IO_EOF);
	rig_close(&r);
}

static void
resident_too_long(void **state)
{
	static const struct io_mem_pkt pkts[] = {{bytes, 60, 60, 1}, {bytes, 2049, 2049, 2}};
	struct io_source_cfg cfg = {.qid = -1, .loop = 1};
	struct rig r;

	(void)state;
	rig_init(&r, &io_source_mem, 8, 8);
	io_mem_set(r.priv, pkts, 2, 1, true);
	assert_int_equal(r.ops->open(r.priv, &cfg, &r.info, &r.err), 0);
	assert_int_equal(r.ops->start(r.priv, &r.pool, &r.err), -EINVAL);
	assert_non_null(strstr(r.err.text, "packet 1 has 2049 bytes"));
	rig_close(&r);
}

static void
empty_array(void **state)
{
	struct io_pkt p;
	struct rig r;

	(void)state;
	for (int is_resident = 0; is_resident < 2; is_resident++) {
		rig_init(&r, &io_source_mem, 1, 0);
		io_mem_set(r.priv, NULL, 0, 1, is_resident);
		assert_int_equal(rig_open(&r, NULL, 0, 0), 0);
		assert_int_equal(rig_next(&r, &p), IO_EOF);
		rig_close(&r);
	}
}

static char *
a_file(size_t cut)
{
	struct file f = {0};

	file_pcap(&f, 0xa1b2c3d4, 65535, 113);
	for (uint32_t i = 0; i < 5000; i++)
		file_record(&f, 1, i, i, 10000, i);
	f.len -= cut;
	return file_save(&f);
}

static void
from_a_file(void **state)
{
	char *name = a_file(0);
	struct io_pkt p;
	struct rig r;

	(void)state;
	rig_init(&r, &io_source_mem, 2, 1);
	assert_int_equal(rig_open(&r, name, 0, 2), 0);
	assert_int_equal(unlink(name), 0); /* it is in memory */
	assert_int_equal(r.info.linktype, 113);
	assert_int_equal(r.info.snaplen, IO_LARGE_BYTES);
	assert_int_equal(r.info.ts_digits, 6);
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(rig_next(&r, &p), 1);
		assert_int_equal(p.len, i % 5000);
		assert_int_equal(p.ts_ns, UINT64_C(1000000000) + i % 5000 * 1000);
		assert_true(is_fill(p.data, i % 5000, p.len));
		rig_put(&r, &p);
	}
	assert_int_equal(rig_next(&r, &p), IO_EOF);
	rig_close(&r);
	free(name);
}

static void
from_a_truncated_file(void **state)
{
	char *name = a_file(1);
	struct rig r;
	int end;

	(void)state;
	rig_init(&r, &io_source_mem, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, 0, 3), 0);
	assert_int_equal(rig_drain(&r, &end), 4999);
	assert_int_equal(end, IO_ERROR);
	assert_non_null(strstr(rig_failure(&r), "truncated after packet 4999: "));
	rig_close(&r);
	assert_int_equal(unlink(name), 0);
	free(name);
}

static void
refusals(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &io_source_mem, 1, 0);
	assert_int_equal(rig_open(&r, "/nonexistent", 0, 1), -ENOENT);
	assert_non_null(strstr(r.err.text, "/nonexistent"));
	assert_int_equal(rig_open(&r, "/tmp", 0, 1), -EISDIR);
	assert_int_equal(rig_open(&r, "/dev/null", 0, 1), -EINVAL);
	assert_int_equal(rig_open(&r, NULL, 0, 1), -EINVAL);
	io_mem_set(r.priv, three, 3, 1, false);
	assert_int_equal(rig_open(&r, NULL, 1, 1), -EINVAL);
	assert_non_null(strstr(r.err.text, "speed 1"));
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence),
		cmocka_unit_test(waits_for_frames),
		cmocka_unit_test(large_and_oversize),
		cmocka_unit_test(resident),
		cmocka_unit_test(resident_too_long),
		cmocka_unit_test(empty_array),
		cmocka_unit_test(from_a_file),
		cmocka_unit_test(from_a_truncated_file),
		cmocka_unit_test(refusals),
	};

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 ^ i >> 8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
