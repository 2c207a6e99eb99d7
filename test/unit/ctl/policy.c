/*
 * Test of what a channel and an engine can ask for: which words are refused, what groups split
 * by, snaplen, tunnels; and the plan that comes of it.
 */
#include "rules.h"

static struct client c, d;

static void
words(void **state)
{
	static const struct {
		struct ctl_channel_args args;
		const char *channel, *one, *two;
	} wrong[] = {
		{{.fields = "4tuple"}, "x{0", "fields=\"4tuple\"", "vlan+5tuple"},
		{{.fields = "2tuple", .action = "COPY"}, "x{0", "fields is for SAMPLE", "COPY"},
		{{.group = "g", .action = "COPY"}, "x{0", "group is for SAMPLE",
			"every packet"},
		{{.group = "g", .action = "DROP"}, "x{0", "group is for SAMPLE", "DROP"},
		{{.snaplen = 262145}, "x{0", "snaplen=262145", "1 to 262144"},
		{{.sample = 2147483649u}, "x{0", "sample=2147483649", "2147483648"},
		{{.snaplen = 64, .action = "DROP"}, "x{0", "takes no snaplen", "use filter"},
		{{.sample = 64, .action = "DROP"}, "x{0", "takes no sample", "use filter"},
		{{.when_full = "rebalance"}, "x{0", "when_full=\"rebalance\"", "drop, wait"},
		{{.when_detached = "balance"}, "x{0", "\"balance\"", "drop, wait, rebalance"},
		{{.when_detached = "rebalance", .action = "COPY"}, "x{0", "SAMPLE channels",
			"drop or wait"},
		{{.when_detached = "rebalance", .action = "DROP"}, "x{0", "SAMPLE channels",
			"drop or wait"},
		{{.when_detached = "rebalance"}, "pcap:/tmp/x", "pacf: channels",
			"pcap:/tmp/x"},
		{{.filter = "tcp prt 80"}, "x{0", "\"prt\"", "position 5"},
		{{.filter = "tcp and"}, "x{0", "tcp and", NULL},
		{{.filter = "tcp prt 80", .action = "DROP"}, "x{0", "\"prt\"", NULL},
	};

	OK(rig_new("e"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		REFUSED(open_args(wrong[i].channel, wrong[i].args), -EINVAL, wrong[i].one,
			wrong[i].two);
	view_take("e");
	assert_false(view_has("channels.0.channel"));
	OK(OPEN("x{0", .filter = "", .snaplen = 262144, .sample = 2147483648u));
	OK(OPEN("x{1", .filter = "tcp", .snaplen = 1, .sample = 1, .fields = "VLAN+5tuple",
		.when_detached = "REBALANCE"));
	OK(OPEN("x{2", .filter = "tcp", .action = "DROP"));
	OK(OPEN("x{3", .filter = "tcp", .snaplen = 64, .sample = 5, .action = "COPY"));
}

static void
group_fields(void **state)
{
	OK(rig_new("e"));
	OK(OPEN("x{0", .group = "g"));
	OK(OPEN("x{1", .group = "g", .fields = "2tuple"));
	OK(OPEN("x{2", .group = "g", .fields = "2Tuple"));
	OK(OPEN("x{3", .group = "g"));
	REFUSED(OPEN("x{4", .group = "g", .fields = "5tuple"), -EINVAL,
		"group \"g\" is split by \"2tuple\" already", "fields=\"5tuple\"");
	OK(OPEN("x{4", .group = "h", .fields = "5tuple"));
	view_take("e");
	assert_string_equal(view_str("groups.0.fields"), "2tuple");
	assert_string_equal(view_str("groups.1.fields"), "5tuple");
	/* Not before the last has gone, who named none. */
	OK(ctl_channel_close(ctl, "e", "x{1", &err));
	OK(ctl_channel_close(ctl, "e", "x{2", &err));
	OK(ctl_channel_close(ctl, "e", "x{3", &err));
	REFUSED(OPEN("x{5", .group = "g", .fields = "3tuple"), -EINVAL, "2tuple", NULL);
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	OK(OPEN("x{5", .group = "g", .fields = "3tuple"));
	view_take("e");
	assert_string_equal(view_str("groups.0.fields"), "3tuple");
}

/* What the engine is told of each channel. */
static void
plan_contents(void **state)
{
	struct dp_plan plan;

	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(OPEN("x{0", .when_detached = "drop"));
	OK(OPEN("x{1", .when_detached = "drop", .sample = 1));
	OK(OPEN("c{0", .action = "COPY", .when_detached = "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	plan = plan_now();
	assert_true(plan.plain);
	assert_int_equal(plan.fields, 1 << PKT_FIELDS_5TUPLE);
	assert_int_equal(plan.routes[1].sample, 0);
	OK(OPEN("c{1", .action = "COPY", .when_detached = "drop", .filter = "src port 53",
		.snaplen = 64, .sample = 7));
	plan = plan_now();
	assert_false(plan.plain);
	assert_non_null(plan.routes[3].filter);
	assert_true(plan.routes[3].filter->ninsns > 1);
	assert_int_equal(plan.routes[3].snaplen, 64);
	assert_int_equal(plan.routes[3].sample, 7);
	assert_int_equal(
		plan.routes[3].sample_key, pkt_group_key(PKT_DEFAULT_KEY, "sample:c{1"));
	assert_null(plan.routes[2].filter);
	OK(ctl_channel_close(ctl, "e", "c{1", &err));
	assert_true(plan_now().plain);
	/* One member: whatever it is split by does not matter. */
	OK(OPEN("g{0", .group = "g", .fields = "2tuple", .when_detached = "drop"));
	assert_true(plan_now().plain);
	OK(OPEN("g{1", .group = "g", .when_detached = "drop"));
	plan = plan_now();
	assert_false(plan.plain);
	assert_int_equal(plan.fields, 1 << PKT_FIELDS_5TUPLE | 1 << PKT_FIELDS_2TUPLE);
	assert_int_equal(plan.groups[1]->fields, PKT_FIELDS_2TUPLE);
	OK(OPEN("d{0", .action = "DROP", .filter = "tcp"));
	plan = plan_now();
	assert_false(plan.drop_all);
	assert_int_equal(plan.ndrop, 1);
	assert_non_null(plan.drop[0]->insns);
	OK(OPEN("d{1", .action = "DROP"));
	plan = plan_now();
	assert_true(plan.drop_all);
	assert_int_equal(plan.ndrop, 1);
	OK(ctl_channel_close(ctl, "e", "d{0", &err));
	assert_int_equal(plan_now().ndrop, 0);
}

static void
snaplen_is_told(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .snaplen = 40));
	OK(OPEN("y{0", .action = "COPY", .when_detached = "drop"));
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_answer(&c), 0);
	assert_int_equal(c.rep.snaplen, 40);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS);
	client_ask(&d, CHAN_OP_QUERY, "y{0");
	assert_int_equal(client_answer_plain(&d), 0);
	assert_int_equal(d.rep.snaplen, 262144);
	client_close(&d);
	view_take("e");
	assert_int_equal(view_num("channels.0.snaplen"), 40);
	assert_int_equal(view_num("channels.0.delivered_bytes"), 40 * RIG_PKTS);
	client_close(&c);
}

static int
new_tunnels(const char *name, const char *tunnels, const struct ctl_udp_tunnel *udp, uint32_t n)
{
	const struct ctl_engine_args args = {.name = name,
		.type = "mem",
		.cpu = -1,
		.tunnels = tunnels,
		.udp_tunnels = udp,
		.nudp_tunnels = n};

	return ctl_engine_new(ctl, &args, &err);
}

static bool
has_port(const struct pkt_conf *conf, uint16_t port)
{
	for (uint32_t i = 0; i < conf->nudp; i++)
		if (conf->udp[i].port == port)
			return true;
	return false;
}

static void
tunnels(void **state)
{
	struct ctl_udp_tunnel udp[] = {
		{.name = "vxlan", .nports = 2, .ports = {1111, 2222}}, {.name = "teredo"}};
	const struct pkt_conf *conf;
	struct pkt_conf plain;

	REFUSED(new_tunnels("f", "iner", NULL, 0), -EINVAL, "\"iner\"", "inner, outer");
	udp[1].name = "tered";
	REFUSED(new_tunnels("f", NULL, udp, 2), -ENOENT, "\"tered\"", "teredo");
	udp[1].name = "teredo";
	udp[0].ports[1] = 0;
	REFUSED(new_tunnels("f", NULL, udp, 2), -EINVAL, "vxlan", "1 to 65535");
	udp[0].ports[1] = 2222;
	udp[1].nports = CTL_UDP_PORTS;
	for (uint16_t i = 0; i < CTL_UDP_PORTS; i++)
		udp[1].ports[i] = (uint16_t)(3000 + i);
	REFUSED(new_tunnels("f", NULL, udp, 2), -ENOSPC, "32", NULL);
	udp[1].nports = 0;
	OK(new_tunnels("e", "outer", udp, 2));
	OK(rig_link("e", 0));
	OK(OPEN("x{0", .when_detached = "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	conf = &engine()->dp->conf;
	assert_true(conf->outer);
	assert_true(has_port(conf, 1111) && has_port(conf, 2222));
	assert_false(has_port(conf, 4789) || has_port(conf, 3544));
	pkt_conf_init(&plain, PKT_DEFAULT_KEY);
	assert_memory_equal(&conf->key, &plain.key, sizeof(plain.key));
	view_take("e");
	assert_string_equal(view_str("tunnels"), "outer");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words),
		TEST(group_fields),
		TEST(plan_contents),
		TEST(snaplen_is_told),
		TEST(tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
