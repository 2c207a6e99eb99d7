/*
 * Test of ctl's limits: at the limit it works, one more is refused with a sentence that names
 * the limit.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
engines(void **state)
{
	char name[32];

	for (int i = 0; i < CTL_MAX_ENGINES; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		OK(rig_new(name));
	}
	REFUSED(rig_new("more"), -ENOSPC, "\"more\"", "64 engines");
	OK(ctl_engine_delete(ctl, "e7", &err));
	OK(rig_new("more"));
}

/* All of them in one running engine, split over a group, and every packet is somewhere. */
static void
channels(void **state)
{
	struct ctl_channel_args args = {.engine = "e", .size = 8, .when_detached = "drop"};
	char name[32];

	OK(rig_new("e"));
	OK(rig_link("e", 1));
	args.channel = name;
	for (int i = 0; i < CTL_MAX_CHANNELS; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		OK(ctl_channel_open(ctl, &args, &err));
	}
	snprintf(name, sizeof(name), "x{more");
	REFUSED(ctl_channel_open(ctl, &args, &err), -ENOSPC, "x{more", "255 channels");
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_int_equal(view_num("groups.0.received_pkts"), RIG_PKTS);
	assert_true(view_has("channels.254.channel"));
	OK(ctl_channel_close(ctl, "e", "x{17", &err));
	OK(ctl_channel_open(ctl, &args, &err));
}

static void
groups(void **state)
{
	struct ctl_channel_args args = {.engine = "e", .size = 8};
	char name[32], group[32];

	OK(rig_new("e"));
	args.channel = name;
	args.group = group;
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		snprintf(group, sizeof(group), "g%d", i);
		OK(ctl_channel_open(ctl, &args, &err));
	}
	snprintf(name, sizeof(name), "x{more");
	snprintf(group, sizeof(group), "more");
	REFUSED(ctl_channel_open(ctl, &args, &err), -ENOSPC, "group \"more\"", "64 groups");
	snprintf(group, sizeof(group), "g63");
	OK(ctl_channel_open(ctl, &args, &err));
	/* A group's ledger lives as long as its engine, so its place does as well. */
	OK(ctl_channel_close(ctl, "e", "x{5", &err));
	snprintf(name, sizeof(name), "x{again");
	OK(ctl_channel_open(ctl, &args, &err));
	snprintf(name, sizeof(name), "x{last");
	snprintf(group, sizeof(group), "more");
	REFUSED(ctl_channel_open(ctl, &args, &err), -ENOSPC, "group \"more\"", "64 groups");
}

static void
links(void **state)
{
	struct ctl_link_args args = {.engine = "e", .qid = -1, .loop = 1};
	char path[192];

	OK(rig_new("e"));
	args.ifname = path;
	for (int i = 0; i < CTL_MAX_LINKS; i++) {
		snprintf(path, sizeof(path), "%s/%d.pcap", rig_dir, i);
		rig_write(path, 10, 1, false);
		OK(ctl_link(ctl, &args, &err));
	}
	REFUSED(rig_link("e", 1), -ENOSPC, "engine \"e\"", "16 links");
	OK(rig_open_copy("e", "x{0", "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_int_equal(view_num("counters.received_pkts"), 160);
}

static void
batch(void **state)
{
	struct ctl_link_args args = {
		.engine = "e", .ifname = rig_capture, .qid = -1, .loop = 1, .batch = 1025};

	OK(rig_new("e"));
	REFUSED(ctl_link(ctl, &args, &err), -EINVAL, "batch=1025", "1024");
	for (args.batch = 1; args.batch <= 1024; args.batch *= 1024) {
		OK(ctl_link(ctl, &args, &err));
		OK(rig_open_copy("e", "x{0", "drop"));
		OK(ctl_engine_start(ctl, "e", &err));
		OK(ctl_wait(ctl, "e", 30, NULL, &err));
		view_take("e");
		assert_int_equal(view_num("links.0.batch"), args.batch);
		assert_int_equal(view_num("links.0.received_pkts"), RIG_PKTS);
		OK(ctl_engine_stop(ctl, "e", &err));
		OK(ctl_channel_close(ctl, "e", "x{0", &err));
		OK(ctl_unlink(ctl, "e", rig_capture, &err));
	}
}

static int
open_sized(const char *name, uint32_t size)
{
	const struct ctl_channel_args args = {.engine = "e", .channel = name, .size = size};

	return ctl_channel_open(ctl, &args, &err);
}

static void
ring_size(void **state)
{
	static const uint32_t asked[] = {0, 8, 9, 1000, 1 << 20, (1 << 20) - 1};
	static const uint32_t got[] = {4096, 8, 16, 1024, 1 << 20, 1 << 20};
	char name[32];

	OK(rig_new("e"));
	REFUSED(open_sized("x{0", 7), -EINVAL, "size=7", "8 to 1048576");
	REFUSED(open_sized("x{0", (1 << 20) + 1), -EINVAL, "size=1048577", "8 to 1048576");
	REFUSED(open_sized("x{0", UINT32_MAX), -EINVAL, "size=4294967295", NULL);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		OK(open_sized(name, asked[i]));
	}
	view_take("e");
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "channels.%d.size", i);
		assert_int_equal(view_num(name), got[i]);
	}
}

/* The fewest buffers that the rings need: enough; one less: refused with the right number. */
static void
buffers(void **state)
{
	struct ctl_engine_args args = {.name = "e", .type = "mem", .cpu = -1, .buffers = 1};
	char *number;

	OK(ctl_engine_new(ctl, &args, &err));
	OK(rig_link("e", 1));
	OK(open_sized("x{0", 64));
	assert_int_equal(ctl_engine_start(ctl, "e", &err), -EINVAL);
	number = strstr(err.text, "set buffers=");
	assert_non_null(number);
	args.buffers = (uint32_t)atoi(number + 12);
	args.name = "least";
	OK(ctl_engine_new(ctl, &args, &err));
	OK(rig_link("least", 1));
	OK(rig_open("least", "y{0"));
	REFUSED(ctl_engine_start(ctl, "least", &err), -EINVAL, "\"least\"", "too few");
	OK(ctl_channel_close(ctl, "least", "y{0", &err));
	OK(ctl_channel_open(ctl,
		&(struct ctl_channel_args){.engine = "least", .channel = "y{0", .size = 64},
		&err));
	OK(ctl_engine_start(ctl, "least", &err));
	view_take("least");
	assert_int_equal(view_num("buffers"), args.buffers);
	/* Full: one more channel would take buffers from the others. */
	REFUSED(rig_open("least", "y{1"), -ENOSPC, "y{1", "stop it first");
	args.buffers--;
	args.name = "less";
	OK(ctl_engine_new(ctl, &args, &err));
	OK(rig_link("less", 1));
	OK(ctl_channel_open(ctl,
		&(struct ctl_channel_args){.engine = "less", .channel = "z{0", .size = 64},
		&err));
	REFUSED(ctl_engine_start(ctl, "less", &err), -EINVAL, "\"less\"", "set buffers=");
}

static void
ifname(void **state)
{
	struct ctl_link_args args = {.engine = "e", .qid = -1, .loop = 1};
	char path[1100];
	size_t n = (size_t)snprintf(path, sizeof(path), "%s/", rig_dir);

	OK(rig_new("e"));
	args.ifname = path;
	while (n < 1023 - strlen("in.pcap"))
		path[n++] = '/';
	snprintf(path + n, sizeof(path) - n, "in.pcap");
	assert_int_equal(strlen(path), 1023);
	OK(ctl_link(ctl, &args, &err));
	memmove(path + 1, path, strlen(path) + 1);
	REFUSED(ctl_link(ctl, &args, &err), -ENAMETOOLONG, "//tmp", "1023 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(engines),
		TEST(channels),
		TEST(groups),
		TEST(links),
		TEST(batch),
		TEST(ring_size),
		TEST(buffers),
		TEST(ifname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
