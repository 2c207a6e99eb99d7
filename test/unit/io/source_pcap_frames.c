/*
 * Unit test of io/source_pcap: packets of every size, and lack of frames.
 */
#include "source_pcap.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_packets),
		cmocka_unit_test(oversize_is_counted),
		cmocka_unit_test(no_frame_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
