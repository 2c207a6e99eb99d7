/*
 * Test of type "auto": what reads a link, and what is said of the others, with a registry of
 * the test's own: three sources of interfaces that can what a table says, and pcap.
 */
#include "io.h"
#include "rig.h"

#include <stdio.h>
#include <unistd.h>

#define IFNAME "lo"	 /* is there always, and is not opened */
#define PORT   "vale0:x" /* no interface of the system, but the third source knows it */

struct fake {
	bool usable, opens;
	uint32_t rank;
	const char *why, *fix;
};
static struct fake fakes[3];
#define YES(rank)                            \
	{                                    \
		true, true, rank, NULL, NULL \
	}
#define NO(why, fix)                      \
	{                                 \
		false, true, 99, why, fix \
	}
#define LIES(rank)                            \
	{                                     \
		true, false, rank, NULL, NULL \
	} /* its probe promises too much */

#define FAKE(i, name_)                                                                        \
	static void probe_##i(const struct io_source_cfg *cfg, struct io_probe *out)          \
	{                                                                                     \
		out->usable = fakes[i].usable && knows(i, cfg->ifname);                       \
		out->rank = fakes[i].rank;                                                    \
		snprintf(out->got, sizeof(out->got), "%s", "mode of " name_);                 \
		snprintf(out->why, sizeof(out->why), "%s", fakes[i].why ? fakes[i].why : ""); \
		snprintf(out->fix, sizeof(out->fix), "%s", fakes[i].fix ? fakes[i].fix : ""); \
	}                                                                                     \
	static int open_##i(void *priv, const struct io_source_cfg *cfg,                      \
		struct io_source_info *info, struct io_err *io_err)                           \
	{                                                                                     \
		info->dlt = 1;                                                                \
		info->linktype = 1;                                                           \
		info->snaplen = 2048;                                                         \
		snprintf(io_err->text, sizeof(io_err->text), name_ " fails with %s",          \
			cfg->ifname);                                                         \
		return fakes[i].opens ? 0 : -EIO;                                             \
	}                                                                                     \
	static const struct io_source_ops fake_##i = {.name = name_,                          \
		.priv_bytes = 8,                                                              \
		.live = true,                                                                 \
		.open = open_##i,                                                             \
		.start = fake_start,                                                          \
		.rx = fake_rx,                                                                \
		.idle = fake_idle,                                                            \
		.counters = fake_counters,                                                    \
		.tend = fake_tend,                                                            \
		.probe = probe_##i,                                                           \
		.close = fake_close}

/* No assert here: it would leave ctl's lock behind. */
static bool
knows(int i, const char *ifname)
{
	return strcmp(ifname, IFNAME) == 0 || (i == 2 && strcmp(ifname, PORT) == 0);
}

static int
fake_start(void *priv, struct io_pool *pool, struct io_err *io_err)
{
	return 0;
}
static int
fake_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	return 0;
}
static uint64_t
fake_idle(void *priv, struct io_wait *wait)
{
	return UINT64_MAX;
}
static void
fake_counters(void *priv, struct io_source_counters *out)
{
}
static void
fake_tend(void *priv, struct io_status *out)
{
}
static void
fake_close(void *priv)
{
}
FAKE(0, "afpacket");
FAKE(1, "afxdp");
FAKE(2, "third");

static const struct io_source_ops *const sources[] = {
	&io_source_mem, &fake_0, &fake_1, &io_source_pcap, &fake_2};

/* In the place of io/registry.c. */
const struct io_source_ops *
io_source_at(size_t i)
{
	return i < sizeof(sources) / sizeof(sources[0]) ? sources[i] : NULL;
}
const struct io_source_ops *
io_source_find(const char *name)
{
	for (size_t i = 0; io_source_at(i) != NULL; i++)
		if (strcmp(io_source_at(i)->name, name) == 0)
			return io_source_at(i);
	return NULL;
}
const char *
io_source_names(void)
{
	return "these";
}
const struct io_sink_ops *
io_sink_find(const char *name)
{
	return strcmp(name, "pcap") == 0 ? &io_sink_pcap : NULL;
}

static int
new_auto(const char *name)
{
	const struct ctl_engine_args args = {.name = name, .type = "auto", .cpu = -1};

	return ctl_engine_new(ctl, &args, &err);
}

static int
link_to(const char *engine, const char *ifname)
{
	const struct ctl_link_args args = {
		.engine = engine, .ifname = ifname, .qid = -1, .loop = 1};

	return ctl_link(ctl, &args, &err);
}

static const struct {
	struct fake fakes[3];
	const char *order[4]; /* types in the list; the unusable ones behind */
	bool works;
} cases[] = {
	{{YES(20), YES(40), YES(30)}, {"afxdp", "third", "afpacket"}, true},
	/* An emulated mode does not go before a packet socket. */
	{{YES(IO_RANK_SOCKET), YES(IO_RANK_EMULATED), NO("", "")},
		{"afpacket", "afxdp", "third"}, true},
	{{YES(20), NO("too old", ""), NO("", "")}, {"afpacket", "afxdp", "third"}, true},
	{{YES(20), LIES(40), NO("", "")}, {"afpacket", "afxdp", "third"}, true},
	{{NO("no right", "be root"), LIES(40), NO("old", "")}, {NULL}, false},
};

static const char *
row(uint32_t i, const char *key)
{
	char path[32];

	snprintf(path, sizeof(path), "auto.%u.%s", i, key);
	return view_str(path);
}

static void
choices(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(fakes, cases[i].fakes, sizeof(fakes));
		OK(new_auto("e"));
		view_take("e");
		assert_string_equal(view_str("type"), "auto");
		assert_int_equal(link_to("e", IFNAME) == 0, cases[i].works);
		view_take("e");
		assert_string_equal(
			view_str("type"), cases[i].works ? cases[i].order[0] : "auto");
		for (uint32_t k = 0; cases[i].order[k] != NULL; k++)
			assert_string_equal(row(k, "type"), cases[i].order[k]);
		OK(ctl_engine_delete(ctl, "e", &err));
	}
}

/* Each is named, with what helps. */
static void
nothing_works(void **state)
{
	memcpy(fakes, cases[4].fakes, sizeof(fakes));
	OK(new_auto("e"));
	REFUSED(link_to("e", IFNAME), -ENODEV, "\"lo\"", "afpacket: no right (be root)");
	REFUSED(link_to("e", IFNAME), -ENODEV, "afxdp: afxdp fails with lo", "third: old");
	REFUSED(ctl_engine_start(ctl, "e", &err), -EINVAL, "no link", NULL);
	memcpy(fakes, cases[0].fakes, sizeof(fakes));
	OK(link_to("e", IFNAME));
}

static void
said(void **state)
{
	memcpy(fakes, cases[2].fakes, sizeof(fakes));
	OK(new_auto("e"));
	OK(link_to("e", IFNAME));
	view_take("e");
	assert_string_equal(row(0, "usable"), "yes");
	assert_string_equal(row(0, "got"), "mode of afpacket");
	assert_string_equal(row(1, "usable"), "no");
	assert_string_equal(row(1, "why"), "too old");
	OK(ctl_engine_start(ctl, "e", &err));
	view_take("e");
	assert_string_equal(view_str("type"), "afpacket");
	assert_string_equal(view_str("state"), "running");
	OK(ctl_engine_stop(ctl, "e", &err));
	/* Without a link it may decide again. */
	OK(ctl_unlink(ctl, "e", IFNAME, &err));
	view_take("e");
	assert_string_equal(view_str("type"), "auto");
	assert_false(view_has("auto.0.type"));
	OK(link_to("e", rig_capture));
	view_take("e");
	assert_string_equal(view_str("type"), "pcap");
}

static void
files(void **state)
{
	OK(new_auto("e"));
	REFUSED(link_to("e", "no-such-thing0"), -ENODEV, "\"no-such-thing0\"", "neither");
	OK(link_to("e", rig_capture));
	view_take("e");
	assert_string_equal(view_str("type"), "pcap");
	assert_string_equal(row(0, "got"), "a capture file");
	assert_false(view_has("auto.1.type"));
	REFUSED(link_to("e", IFNAME), -EINVAL, "by pcap", "two engines");
	OK(rig_open("e", "e{0"));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_engine_stop(ctl, "e", &err));
}

/* What no source knows is refused before any is tried; what one knows need not be an interface.
 */
static void
ports(void **state)
{
	memcpy(fakes, cases[0].fakes, sizeof(fakes));
	OK(new_auto("e"));
	REFUSED(link_to("e", "no-such-thing0"), -ENODEV, "\"no-such-thing0\"", "neither");
	OK(link_to("e", PORT));
	view_take("e");
	assert_string_equal(view_str("type"), "third");
	assert_string_equal(row(0, "usable"), "yes");
	assert_string_equal(row(1, "usable"), "no");
}

static void
second_link(void **state)
{
	memcpy(fakes, cases[0].fakes, sizeof(fakes));
	OK(new_auto("e"));
	OK(link_to("e", IFNAME));
	REFUSED(link_to("e", rig_capture), -EINVAL, rig_capture, "by afxdp");
	REFUSED(link_to("e", IFNAME), -EEXIST, IFNAME, NULL);
	fakes[1].opens = false;
	REFUSED(link_to("e", "other0"), -EIO, "afxdp fails with other0", NULL);
	fakes[1].opens = true;
	OK(link_to("e", "other0"));
	view_take("e");
	assert_string_equal(view_str("type"), "afxdp");
	assert_string_equal(view_str("links.1.ifname"), "other0");
}

static void
wrong_arguments(void **state)
{
	struct ctl_link_args args = {
		.engine = "e", .ifname = IFNAME, .qid = -1, .loop = 2, .offline_args = true};

	memcpy(fakes, cases[0].fakes, sizeof(fakes));
	OK(new_auto("e"));
	REFUSED(ctl_link(ctl, &args, &err), -EINVAL, "speed and loop", IFNAME);
	args.ifname = rig_capture;
	args.offline_args = false;
	args.live_args = true;
	REFUSED(ctl_link(ctl, &args, &err), -EINVAL, "for interfaces", "pcap");
	view_take("e");
	assert_string_equal(view_str("type"), "auto");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(choices), TEST(nothing_works), TEST(said),
		TEST(files), TEST(ports), TEST(second_link), TEST(wrong_arguments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
