/*
 * Test of the names and words ctl takes: what is right, what is refused, and that a refusal
 * quotes the input and says what would work.
 */
#include "rig.h"

#include <stdio.h>
#include <unistd.h>

static int
new_named(const char *name, const char *type, int cpu)
{
	const struct ctl_engine_args args = {.name = name, .type = type, .cpu = cpu};

	return ctl_engine_new(ctl, &args, &err);
}

static void
engine_names(void **state)
{
	static const char *const good[] = {
		"e", "e0", "a.b-c_d", "0", "-", "Eth3", "0123456789012345678901234567890"};
	static const char *const bad[] = {"", " ", "e 0", "e\n", "e{0", "a/b", "\xc3\xa9",
		"01234567890123456789012345678901"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		OK(rig_new(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(rig_new(bad[i]), -EINVAL, bad[i], "1 to 31 letters");
}

static void
engine_types(void **state)
{
	OK(new_named("a", "mem", -1));
	OK(new_named("b", "pcap", -1));
	REFUSED(new_named("c", "pcaap", -1), -EINVAL, "\"pcaap\"", "mem, pcap");
	REFUSED(new_named("c", "", -1), -EINVAL, "\"\"", "pcap");
	REFUSED(new_named("c", "PCAP", -1), -EINVAL, "\"PCAP\"", "pcap");
	if (access("/dev/netmap", F_OK) != 0)
		REFUSED(new_named("c", "netmap", -1), -ENODEV, "/dev/netmap is missing",
			"use type \"auto\"");
}

static void
cpus(void **state)
{
	char text[32];

	OK(new_named("first", "mem", 0));
	OK(new_named("last", "mem", os_cpu_count() - 1));
	snprintf(text, sizeof(text), "cpu=%d:", os_cpu_count());
	REFUSED(new_named("over", "mem", os_cpu_count()), -EINVAL, text, "CPUs 0 to");
	REFUSED(new_named("over", "mem", 1 << 30), -EINVAL, "cpu=1073741824", NULL);
}

static void
channel_names(void **state)
{
	static const char *const good[] = {
		"eth3{0", "pacf:eth3{1", "pacf:a:b@c{x", "e.1-2_3{a.b-c", "x{00", "x{0"};
	static const char *const bad[] = {"eth3", "pacf:eth3", "", "pacf:", "{0", "eth3{",
		"e{0{1", "e{0}", "e th{0", "e{0 ", "e{a/b", "../e{0", "e{\n"};

	OK(rig_new("e"));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		OK(rig_open("e", good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(rig_open("e", bad[i]), -EINVAL, bad[i], "eth3{0");
	REFUSED(rig_open("e", "eth3}0"), -EINVAL, "eth3}0", "use \"{\"");
	REFUSED(rig_open("e", "pacf:eth3{0"), -EEXIST, "pacf:eth3{0", "engine \"e\"");
}

static void
transports(void **state)
{
	OK(rig_new("e"));
	REFUSED(rig_open("e", "pcap:"), -EINVAL, "pcap:PATH", NULL);
	REFUSED(rig_open("e", "udp:x{0"), -EINVAL, "\"udp\"",
		"pacf:, pcap:, netdev: and netmap:");
	REFUSED(rig_open("e", ":x{0"), -EINVAL, ":x{0", "pacf:");
	OK(rig_open("e", "netdev:eth0")); /* not opened before the engine starts */
	REFUSED(rig_open("e", "netdev:eth0"), -EEXIST, "netdev:eth0", "engine \"e\"");
	REFUSED(rig_open("e", "netdev:"), -EINVAL, "netdev:", "netdev:IFNAME");
	REFUSED(rig_open("e", "netdev:eth0{0"), -EINVAL, "eth0{0", "say netdev:eth0");
	REFUSED(rig_open("e", "netdev:0123456789abcdef"), -EINVAL, "0123456789abcdef",
		"up to 15 characters");
	REFUSED(rig_open("e", "netdev:a/b"), -EINVAL, "a/b", "no name of an interface");
	if (access("/dev/netmap", F_OK) != 0)
		REFUSED(rig_open("e", "netmap:eth3{0"), -ENODEV, "/dev/netmap is missing",
			"use pacf:eth3{0");
}

/* At the longest, and one byte more. */
static void
channel_length(void **state)
{
	char name[CHAN_NAME_MAX + 8], path[2048] = "pcap:";

	OK(rig_new("e"));
	memset(name, 'x', sizeof(name));
	memcpy(name + CHAN_NAME_MAX - 3, "{0", 3);
	OK(rig_open("e", name));
	memset(name, 'y', sizeof(name));
	memcpy(name + CHAN_NAME_MAX - 2, "{0", 3);
	REFUSED(rig_open("e", name), -ENAMETOOLONG, "yyyy", "longer than 95 bytes");
	memset(path + 5, 'p', sizeof(path) - 5);
	path[1018] = '\0';
	OK(rig_open("e", path)); /* not opened before the engine starts */
	path[1018] = 'p';
	path[1019] = '\0';
	REFUSED(rig_open("e", path), -ENAMETOOLONG, "pcap:ppp", "too long");
	path[1019] = 'p';
	path[2047] = '\0';
	REFUSED(rig_open("e", path), -ENAMETOOLONG, "pcap:ppp", "too long");
}

static int
open_with(const char *action, const char *group, const char *full, const char *detached)
{
	static int number;
	char name[32];
	struct ctl_channel_args args = {.engine = "e",
		.channel = name,
		.action = action,
		.group = group,
		.when_full = full,
		.when_detached = detached};

	snprintf(name, sizeof(name), "w{%d", number++);
	return ctl_channel_open(ctl, &args, &err);
}

static void
words(void **state)
{
	OK(rig_new("e"));
	OK(open_with(NULL, NULL, NULL, NULL));
	OK(open_with("sample", "a group, as written", "drop", "WAIT"));
	OK(open_with("Copy", NULL, "wait", "drop"));
	OK(open_with("DROP", NULL, NULL, NULL));
	REFUSED(open_with("COPI", NULL, NULL, NULL), -EINVAL, "\"COPI\"", "SAMPLE, COPY, DROP");
	REFUSED(open_with("", NULL, NULL, NULL), -EINVAL, "action=\"\"", "COPY");
	REFUSED(open_with(NULL, NULL, "dorp", NULL), -EINVAL, "when_full=\"dorp\"",
		"drop, wait");
	REFUSED(open_with(NULL, NULL, NULL, "w"), -EINVAL, "when_detached=\"w\"", "drop, wait");
	REFUSED(open_with(NULL, "", NULL, NULL), -EINVAL, "group \"\"", "1 to 95 bytes");
}

static void
group_length(void **state)
{
	char name[CHAN_NAME_MAX + 1];

	OK(rig_new("e"));
	memset(name, 'g', sizeof(name));
	name[CHAN_NAME_MAX - 1] = '\0';
	OK(open_with(NULL, name, NULL, NULL));
	name[CHAN_NAME_MAX - 1] = 'g';
	name[CHAN_NAME_MAX] = '\0';
	REFUSED(open_with(NULL, name, NULL, NULL), -EINVAL, "gggg", "95 bytes");
}

static void
collect(void *arg, const char *name)
{
	char *all = arg;

	snprintf(all + strlen(all), 256 - strlen(all), "%s ", name);
}

static void
listing(void **state)
{
	char all[256] = "";

	OK(rig_new("e"));
	OK(rig_new("f"));
	OK(rig_open("e", "x{1"));
	OK(rig_open("e", "x{0"));
	OK(rig_link("f", 1));
	ctl_names(ctl, CTL_ENGINES, NULL, collect, all);
	ctl_names(ctl, CTL_CHANNELS, "e", collect, all);
	ctl_names(ctl, CTL_CHANNELS, "f", collect, all);
	ctl_names(ctl, CTL_CHANNELS, "none", collect, all);
	ctl_names(ctl, CTL_LINKS, NULL, collect, all);
	assert_memory_equal(all, "e f pacf:x{1 pacf:x{0 /tmp/", 27);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(engine_names),
		TEST(engine_types),
		TEST(cpus),
		TEST(channel_names),
		TEST(transports),
		TEST(channel_length),
		TEST(words),
		TEST(group_length),
		TEST(listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
