/*
 * Test of what a channel gets: filters, snaplen, samples, what groups split by, and shares that
 * go to others while an application is away.  Looks at the plans themselves.
 */
#include "rig.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct client c, d;

static int
open_args(const char *channel, struct ctl_channel_args args)
{
	args.engine = "e";
	args.channel = channel;
	return ctl_channel_open(ctl, &args, &err);
}
#define OPEN(name, ...) open_args(name, (struct ctl_channel_args){__VA_ARGS__})

static struct ctl_engine *
engine(void)
{
	return TAILQ_FIRST(&ctl->engines);
}

/* A copy of what the engine works by; groups' maps stay where they are. */
static struct dp_plan
plan_now(void)
{
	struct dp_plan plan;

	pthread_mutex_lock(&ctl->lock);
	plan = *engine()->plan;
	pthread_mutex_unlock(&ctl->lock);
	return plan;
}

static void
map_now(uint8_t *map)
{
	pthread_mutex_lock(&ctl->lock);
	memcpy(map, engine()->plan->groups[0]->map, PKT_BUCKETS);
	pthread_mutex_unlock(&ctl->lock);
}

/* Are so many applications waiting for the start (0: is nobody connected)? */
static bool
waiting(uint32_t n)
{
	const struct ctl_client *client;
	uint32_t pending = 0, others = 0;

	pthread_mutex_lock(&ctl->lock);
	TAILQ_FOREACH(client, &ctl->clients, entry)
	if (client->state == CTL_CLIENT_PENDING)
		pending++;
	else
		others++;
	pthread_mutex_unlock(&ctl->lock);
	return pending == n && others == 0;
}

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
	OK(ctl_wait(ctl, "e", 30, NULL, NULL, &err));
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
	OK(ctl_wait(ctl, "e", 30, NULL, NULL, &err));
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
	OK(ctl_wait(ctl, "e", 30, NULL, NULL, &err));
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

/* Reads the map once it differs from the old one. */
static void
map_changes(const uint8_t *from, uint8_t *to)
{
	UNTIL((map_now(to), memcmp(from, to, PKT_BUCKETS) != 0));
}

static uint32_t
owned(const uint8_t *map, uint8_t route)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		n += map[b] == route;
	return n;
}

/* Only the buckets of `gone` are others', evenly those of `heirs`. */
static void
only_moved(const uint8_t *before, const uint8_t *after, uint8_t gone, const uint8_t *heirs,
	uint32_t n)
{
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		if (before[b] != gone)
			assert_int_equal(after[b], before[b]);
	assert_int_equal(owned(after, gone), 0);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t gain = owned(after, heirs[i]) - owned(before, heirs[i]);

		assert_in_range(gain, owned(before, gone) / n - 8, owned(before, gone) / n + 8);
	}
}

static void
rebalance(void **state)
{
	static uint8_t base[PKT_BUCKETS], one[PKT_BUCKETS], two[PKT_BUCKETS], now[PKT_BUCKETS];
	struct client who[4];
	char name[8];

	OK(rig_new("e"));
	OK(rig_link("e", 0));
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		OK(OPEN(name, .when_full = "drop", .when_detached = "rebalance"));
		client_ask(&who[i], CHAN_OP_ATTACH, name);
		UNTIL(waiting((uint32_t)i + 1));
	}
	OK(ctl_engine_start(ctl, "e", &err));
	for (int i = 0; i < 4; i++)
		assert_int_equal(client_answer(&who[i]), 0);
	map_now(base);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(owned(base, i), PKT_BUCKETS / 4);
	client_close(&who[1]);
	map_changes(base, one);
	only_moved(base, one, 1, (const uint8_t[]){0, 2, 3}, 3);
	client_close(&who[3]);
	map_changes(one, two);
	only_moved(one, two, 3, (const uint8_t[]){0, 2}, 2);
	/* Back in the same order, and in the other one: everybody has what was his. */
	assert_int_equal(client_attach(&who[3], "x{3"), 0);
	map_now(now);
	assert_memory_equal(now, one, PKT_BUCKETS);
	assert_int_equal(client_attach(&who[1], "x{1"), 0);
	map_now(now);
	assert_memory_equal(now, base, PKT_BUCKETS);
	/* With nobody there: as if everybody were. */
	for (int i = 0; i < 4; i++)
		client_close(&who[i]);
	UNTIL((map_now(now), memcmp(now, base, PKT_BUCKETS) == 0));
	assert_int_equal(client_attach(&who[2], "x{2"), 0);
	map_now(now);
	assert_int_equal(owned(now, 2), PKT_BUCKETS);
	/* A channel that closes is not one whose application is away. */
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	map_now(now);
	assert_int_equal(owned(now, 2), PKT_BUCKETS);
	client_close(&who[2]);
}

/* Those who do not rebalance keep their share, and are no heirs while they are away. */
static void
rebalance_mixed(void **state)
{
	static uint8_t base[PKT_BUCKETS], map[PKT_BUCKETS];
	char file[128];

	snprintf(file, sizeof(file), "pcap:%s/out.pcap", rig_dir);
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .when_detached = "rebalance"));
	OK(OPEN("x{1", .when_detached = "drop"));
	OK(OPEN(file));
	memcpy(base, engine()->groups[0]->map, PKT_BUCKETS);
	OK(ctl_engine_start(ctl, "e", &err));
	map_now(map);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		assert_int_equal(map[b], base[b] == 0 ? 2 : base[b]);
	/* Nothing is lost of what was the first one's, and nobody waits for it. */
	OK(ctl_wait(ctl, "e", 30, NULL, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_int_equal(view_num("channels.0.received_pkts"), 0);
	assert_int_equal(view_num("channels.2.delivered_pkts") +
				 view_num("channels.1.drop_no_consumer_pkts"),
		RIG_PKTS);
}

/* Offline, with nobody there at all, the engine waits; the first to come gets everything. */
static void
rebalance_waits(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .when_detached = "rebalance"));
	OK(OPEN("x{1", .when_detached = "rebalance"));
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(ctl_wait(ctl, "e", 0.1, NULL, NULL, &err), -ETIMEDOUT, NULL, NULL);
	assert_int_equal(client_attach(&c, "x{1"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS);
	OK(ctl_wait(ctl, "e", 30, NULL, NULL, &err));
	client_close(&c);
}

/* Those who came before the start have all their packets from the first one on. */
static void
rebalance_before_the_start(void **state)
{
	uint64_t expected[2] = {0};

	for (int round = 0; round < 2; round++) {
		OK(rig_new("e"));
		OK(rig_link("e", 1));
		OK(OPEN("x{0", .when_detached = round ? "rebalance" : "wait"));
		OK(OPEN("x{1", .when_detached = round ? "rebalance" : "wait"));
		client_ask(&c, CHAN_OP_ATTACH, "x{0");
		client_ask(&d, CHAN_OP_ATTACH, "x{1");
		UNTIL(waiting(2));
		OK(ctl_engine_start(ctl, "e", &err));
		assert_int_equal(client_answer(&c), 0);
		assert_int_equal(client_answer(&d), 0);
		client_drain(&c, CHAN_EOF);
		client_drain(&d, CHAN_EOF);
		if (round == 0) {
			expected[0] = c.count[0];
			expected[1] = d.count[0];
		}
		assert_int_equal(c.count[0], expected[0]);
		assert_int_equal(d.count[0], expected[1]);
		client_close(&c);
		client_close(&d);
		OK(ctl_engine_delete(ctl, "e", &err));
		UNTIL(waiting(0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words),
		TEST(group_fields),
		TEST(plan_contents),
		TEST(filters_count),
		TEST(filter_of_another_link),
		TEST(filter_wrong_for_the_link),
		TEST(null_link_swapped),
		TEST(snaplen_is_told),
		TEST(tunnels),
		TEST(rebalance),
		TEST(rebalance_mixed),
		TEST(rebalance_waits),
		TEST(rebalance_before_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
