/*
 * Test of ctl/visit: the walk shows what the data plane counted, all of it, and adds up in
 * every look at a running engine.
 */
#include "rig.h"
#include "state.h"

#include <stdio.h>
#include <unistd.h>

static struct client c;

static struct ctl_engine *
engine_of(const char *name)
{
	struct ctl_engine *engine = ctl_engine_find(ctl, name, &err);

	assert_non_null(engine);
	return engine;
}

static uint64_t
num_at(const char *list, uint32_t i, const char *key)
{
	char path[96];

	snprintf(path, sizeof(path), "%s.%u.%s", list, i, key);
	return view_num(path);
}

/* Every counter of counters.def under its own name with the engine's own value. */
static void
assert_equals_dp(const struct ctl_engine *engine)
{
	const struct dp_engine *dp = engine->dp;
	char path[96];

#define DP_ENGINE_COUNTER(name, help) \
	assert_int_equal(view_num("counters." #name), dp->own.name);
#include "counters.def"
#undef DP_ENGINE_COUNTER
	for (int i = 0; i < PKT_REASONS; i++) {
		snprintf(path, sizeof(path), "reasons.%s", pkt_reason_name((enum pkt_reason)i));
		assert_int_equal(view_num(path), dp->own.reasons[i]);
	}
	for (uint32_t i = 0; i < dp->nlinks; i++) {
#define DP_LINK_COUNTER(name, help) \
	assert_int_equal(num_at("links", i, #name), dp->links[i].own.name);
#include "counters.def"
#undef DP_LINK_COUNTER
	}
	for (uint32_t i = 0, shown = 0; i < DP_MAX_SINKS; i++) {
		if (engine->channels[i] == NULL)
			continue;
#define DP_CHANNEL_COUNTER(name, help) \
	assert_int_equal(num_at("channels", shown, #name), engine->channels[i]->sink->own.name);
#include "counters.def"
#undef DP_CHANNEL_COUNTER
		shown++;
	}
	for (uint32_t i = 0; i < engine->ngroups; i++)
		assert_int_equal(num_at("groups", i, "received_pkts"),
			engine->groups[i]->stat.own.received_pkts);
}

/* An engine with something of everything. */
static void
busy_engine(uint64_t loop)
{
	const struct ctl_channel_args in_group = {
		.engine = "e", .channel = "z{0", .group = "other", .when_detached = "drop"};
	char path[160];

	OK(rig_new("e"));
	OK(rig_link("e", loop));
	OK(rig_open("e", "x{0"));
	OK(rig_open("e", "pcap:/dev/null"));
	OK(rig_open_copy("e", "y{0", "drop"));
	snprintf(path, sizeof(path), "pcap:%s/out.pcap", rig_dir);
	if (loop != 0) /* or it fills the disk */
		OK(rig_open_copy("e", path, "drop"));
	OK(ctl_channel_open(ctl, &in_group, &err));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_attach(&c, "x{0"), 0);
}

static void
equals_dp(void **state)
{
	busy_engine(3);
	client_drain(&c, CHAN_EOF);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	OK(ctl_engine_stop(ctl, "e", &err));
	client_close(&c);
	view_take("e");
	view_check_ledger();
	assert_equals_dp(engine_of("e"));
	assert_int_equal(view_num("counters.received_pkts"), 3 * RIG_PKTS);
	assert_int_equal(view_num("channels.2.drop_no_consumer_pkts"), 3 * RIG_PKTS);
	assert_int_equal(view_num("channels.3.delivered_pkts"), 3 * RIG_PKTS);
	assert_int_equal(view_num("links.0.done_bytes"), view_num("links.0.total_bytes"));
	assert_int_equal(view_num("reasons.ok"), 3 * RIG_PKTS);
	/* A channel that closes takes its own figures with it and no other's. */
	OK(ctl_channel_close(ctl, "e", "pcap:/dev/null", &err));
	view_take("e");
	assert_equals_dp(engine_of("e"));
}

/* A DROP channel and none at all are causes of their own. */
static void
causes(void **state)
{
	const struct ctl_channel_args drop = {
		.engine = "e", .channel = "x{0", .action = "DROP"};

	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	OK(ctl_engine_stop(ctl, "e", &err));
	OK(ctl_channel_open(ctl, &drop, &err));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_int_equal(view_num("counters.drop_no_channel_pkts"), RIG_PKTS);
	assert_int_equal(view_num("counters.drop_rule_pkts"), RIG_PKTS);
	assert_int_equal(view_num("channels.0.received_pkts"), 0);
}

static void
adds_up_while_running(void **state)
{
	uint64_t last = 0;

	busy_engine(0);
	for (int i = 0; i < 1000 || last < 20 * RIG_PKTS; i++) {
		uint32_t n = chan_rx_avail(&c.rx[0]);

		view_take("e");
		view_check_ledger();
		assert_true(view_num("counters.received_pkts") >= last);
		last = view_num("counters.received_pkts");
		chan_rx_advance(&c.rx[0], n);
		chan_rx_release(&c.rx[0], n);
	}
	assert_string_equal(view_str("state"), "running");
	assert_string_equal(view_str("links.0.state"), "up");
	client_close(&c);
}

/* Channels come and go meanwhile: what is open adds up, and the groups count on. */
static void
while_channels_change(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open("e", "pcap:/dev/null"));
	OK(ctl_engine_start(ctl, "e", &err));
	for (int i = 0; i < 100; i++) {
		OK(rig_open("e", "y{0"));
		assert_int_equal(client_attach(&c, "y{0"), 0);
		client_take(&c, 1);
		view_take("e");
		view_check_ledger();
		assert_string_equal(view_str("channels.1.channel"), "pacf:y{0");
		OK(ctl_channel_close(ctl, "e", "y{0", &err));
		view_take("e");
		view_check_ledger();
		client_drain(&c, CHAN_CLOSED);
		client_close(&c);
		view_take("e");
		view_check_ledger();
		assert_false(view_has("channels.1.channel"));
	}
}

static void
whole_and_parts(void **state)
{
	static const char *const keys[] = {"a.name", "a.type", "a.state", "a.buffers",
		"a.generation", "a.uptime_s", "a.links.0.ifname", "a.links.0.state",
		"a.links.0.linktype", "a.links.0.rate_pps", "a.links.0.source_drop_pkts",
		"a.channels.0.channel", "a.channels.0.action", "a.channels.0.group",
		"a.channels.0.kind", "a.channels.0.state", "a.channels.0.pid",
		"a.channels.0.program", "a.channels.0.size", "a.channels.0.waiting",
		"a.groups.0.group", "b.name"};

	view_take(NULL);
	assert_false(view_has("0"));
	rig_engine("a", "x{0");
	OK(rig_new("b"));
	view_take(NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!view_has(keys[i]))
			fail_msg("no \"%s\"", keys[i]);
	assert_string_equal(view_str("a.channels.0.channel"), "pacf:x{0");
	assert_string_equal(view_str("a.channels.0.group"), "default");
	assert_string_equal(view_str("a.links.0.ifname"), rig_capture);
	assert_string_equal(view_str("b.state"), "stopped");
	view_take("b");
	assert_string_equal(view_str("name"), "b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_and_parts),
		TEST(equals_dp),
		TEST(causes),
		TEST(adds_up_while_running),
		TEST(while_channels_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
