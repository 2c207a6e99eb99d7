/*
 * Test of channels' filters: what they keep is counted, and they fit the packets of the link,
 * whichever comes first.
 */
#include "rules.h"

#include <stdio.h>

/* Flows of the capture whose packet i goes back, from port 53: see the rig. */
static uint32_t
packets_back(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < RIG_PKTS; i++)
		n += i * 2654435761u >> 16 & 1;
	return n;
}

static void
filters_count(void **state)
{
	uint32_t back = packets_back();

	OK(rig_new("e"));
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop", .filter = "src port 53"));
	OK(OPEN("c{1", .action = "COPY", .when_detached = "drop", .filter = "vlan"));
	OK(OPEN("d{0", .action = "DROP", .filter = "dst port 53"));
	OK(rig_link("e", 1));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	assert_int_equal(view_num("counters.drop_rule_pkts"), RIG_PKTS - back);
	assert_int_equal(view_num("channels.0.received_pkts"), back);
	assert_int_equal(view_num("channels.0.filtered_pkts"), 0);
	assert_int_equal(view_num("channels.1.filtered_pkts"), back);
	view_check_ledger();
	assert_string_equal(view_str("channels.0.filter"), "src port 53");
	assert_string_equal(view_str("channels.2.filter"), "dst port 53");
}

/* What was right for Ethernet is made again for the link that came. */
static void
filter_of_another_link(void **state)
{
	uint64_t before;

	OK(rig_new("e"));
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop", .filter = "ip"));
	assert_int_equal(engine()->channels[0]->filter_link.linktype, 1);
	rig_write(rig_capture, RIG_PKTS, 101, false);
	OK(rig_link("e", 1));
	OK(OPEN("c{1", .action = "COPY", .when_detached = "drop", .filter = "ip"));
	assert_int_equal(engine()->channels[1]->filter_link.linktype, 101);
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(engine()->channels[0]->filter_link.linktype, 101);
	assert_int_equal(
		engine()->channels[0]->filter.ninsns, engine()->channels[1]->filter.ninsns);
	OK(ctl_engine_stop(ctl, "e", &err));
	/* The file is another one at the next start. */
	view_take("e");
	before = view_num("channels.1.filtered_pkts");
	rig_write(rig_capture, RIG_PKTS, 1, false);
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(engine()->channels[1]->filter_link.linktype, 1);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	assert_int_equal(view_num("channels.1.filtered_pkts"), before);
}

static void
filter_wrong_for_the_link(void **state)
{
	OK(rig_new("e"));
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop",
		.filter = "ether src 1:2:3:4:5:6"));
	rig_write(rig_capture, 10, 101, false);
	OK(rig_link("e", 1));
	REFUSED(OPEN("c{1", .action = "COPY", .filter = "ether src 1:2:3:4:5:6"), -EINVAL,
		"ether src", NULL);
	REFUSED(ctl_engine_start(ctl, "e", &err), -EINVAL, "channel \"pacf:c{0\" on",
		"link type 101");
	OK(ctl_channel_close(ctl, "e", "c{0", &err));
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(OPEN("c{1", .action = "COPY", .filter = "vlann"), -EINVAL, "vlann", NULL);
	assert_true(plan_now().plain);
}

static uint32_t
swap(uint32_t v)
{
	return __builtin_bswap32(v);
}

/* LINKTYPE_NULL has the family in the order of the machine that wrote it. */
static void
null_link_swapped(void **state)
{
	const uint32_t header[6] = {swap(0xa1b2c3d4),
		(uint32_t)(__builtin_bswap16(2) | __builtin_bswap16(4) << 16), 0, 0,
		swap(65535), swap(0)};
	const uint32_t record[] = {0, 0, swap(24), swap(24), swap(2), 0x45, 0, 0, 0, 0};
	FILE *f = fopen(rig_capture, "w");
	struct ctl_link_args args = {.engine = "e", .qid = -1, .loop = 1};
	char path[160];

	assert_non_null(f);
	assert_int_equal(fwrite(header, sizeof(header), 1, f), 1);
	assert_int_equal(fwrite(record, sizeof(record), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	assert_true(engine()->links[0].info.swapped);
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop", .filter = "ip"));
	OK(OPEN("c{1", .action = "COPY", .when_detached = "drop", .filter = "ip6"));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	assert_int_equal(view_num("channels.0.received_pkts"), 1);
	assert_int_equal(view_num("channels.0.filtered_pkts"), 0);
	assert_int_equal(view_num("channels.1.filtered_pkts"), 1);
	OK(ctl_engine_stop(ctl, "e", &err));
	snprintf(path, sizeof(path), "%s/other.pcap", rig_dir);
	rig_write(path, 1, 0, false);
	args.ifname = path;
	OK(ctl_link(ctl, &args, &err));
	REFUSED(ctl_engine_start(ctl, "e", &err), -EINVAL, "byte orders", "two engines");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(filters_count),
		TEST(filter_of_another_link),
		TEST(filter_wrong_for_the_link),
		TEST(null_link_swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
