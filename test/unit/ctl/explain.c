/*
 * Test of ctl/explain: what it says of a packet is what the parser found and the engine's own
 * groups and maps make of it; fragments follow as they do in the engine.
 */
#include "rig.h"
#include "state.h"

#include <stdio.h>

static char fragments[160];

static struct ctl_engine *
engine_of(const char *name)
{
	struct ctl_engine *engine = ctl_engine_find(ctl, name, &err);

	assert_non_null(engine);
	return engine;
}

static FILE *
capture_begin(void)
{
	const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	FILE *f;

	snprintf(fragments, sizeof(fragments), "%s/fragments.pcap", rig_dir);
	f = fopen(fragments, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(header, sizeof(header), 1, f), 1);
	return f;
}

/* Of datagram id: offset in 8 bytes; more: not the last one.  vlan 0: no tag. */
static void
capture_fragment(FILE *f, uint32_t ms, uint8_t id, uint16_t offset, bool more, uint8_t vlan)
{
	uint8_t p[68] = {[12] = 0x81, [15] = vlan, [16] = 0x08, [18] = 0x45, [21] = 50};
	uint8_t *ip = p + 18, *start = p;
	uint32_t record[4] = {ms / 1000, ms % 1000 * 1000, 68, 68};

	ip[5] = id;
	ip[6] = (uint8_t)(more ? 0x20 : 0);
	ip[7] = (uint8_t)offset;
	ip[8] = 64;
	ip[9] = 17;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = 2;
	ip[21] = id; /* source port, of a first one */
	ip[23] = 53;
	if (vlan == 0) {
		memmove(p + 4, p, 12);
		start += 4;
		record[2] = record[3] = 64;
	}
	assert_int_equal(fwrite(record, sizeof(record), 1, f), 1);
	assert_int_equal(fwrite(start, record[2], 1, f), 1);
}

static void
capture_end(FILE *f)
{
	assert_int_equal(fclose(f), 0);
}

static void
what_was_parsed_and_hashed(void **state)
{
	OK(view_explain(NULL, rig_capture, 1));
	assert_int_equal(view_num("number"), 1);
	assert_int_equal(view_num("length"), 64);
	assert_string_equal(view_str("tunnels"), "inner");
	assert_string_equal(view_str("layers.0.layer"), "ethernet");
	assert_string_equal(view_str("layers.1.layer"), "ipv4");
	assert_int_equal(view_num("layers.1.offset"), 14);
	assert_string_equal(view_str("layers.2.layer"), "udp");
	assert_int_equal(view_num("layers.2.offset"), 34);
	assert_false(view_has("layers.3.layer"));
	assert_string_equal(view_str("hashed"), "ipv4");
	assert_int_equal(view_num("hashed_offset"), 14);
	assert_string_equal(view_str("key.src"), "10.0.1.0");
	assert_string_equal(view_str("key.dst"), "10.0.0.0");
	assert_int_equal(view_num("key.sport"), 1024);
	assert_int_equal(view_num("key.dport"), 53);
	assert_int_equal(view_num("key.proto"), 17);
	assert_string_equal(view_str("key.protocol"), "udp");
	assert_string_equal(view_str("reason"), "ok");
	assert_false(view_has("key.vlan"));
}

/* No engine: the default key's bucket, and no channel. */
static void
without_an_engine(void **state)
{
	uint64_t digest;

	OK(view_explain(NULL, rig_capture, 7));
	assert_int_equal(sscanf(view_str("digest"), "%llx", (unsigned long long *)&digest), 1);
	assert_string_equal(view_str("groups.0.group"), "default");
	assert_int_equal(view_num("groups.0.bucket"),
		pkt_bucket(digest, pkt_group_key(PKT_DEFAULT_KEY, "default")));
	assert_false(view_has("groups.0.channel"));
	assert_false(view_has("groups.1.group"));
}

static void
the_engines_own_map(void **state)
{
	const struct ctl_engine *engine;

	assert_int_equal(rig_new("e"), 0);
	OK(rig_link("e", 1));
	OK(rig_open("e", "pacf:a{0"));
	OK(rig_open("e", "pacf:a{1"));
	OK(rig_open_copy("e", "pacf:all{0", "drop"));
	engine = engine_of("e");
	for (uint64_t n = 1; n <= 50; n++) {
		uint32_t owner;

		OK(view_explain("e", rig_capture, n));
		owner = engine->groups[0]->map[view_num("groups.0.bucket")];
		assert_string_equal(
			view_str("groups.0.channel"), engine->channels[owner]->spelled);
		assert_int_equal(view_num("groups.0.delivered"), 1);
		assert_string_equal(view_str("copies.0.channel"), "pacf:all{0");
		assert_int_equal(view_num("copies.0.delivered"), 1);
	}
	assert_int_equal(engine->generation, 0); /* looking is not changing */
	OK(ctl_channel_close(ctl, "e", "pacf:a{0", &err));
	OK(view_explain("e", rig_capture, 1));
	assert_string_equal(view_str("groups.0.channel"), "pacf:a{1");
	assert_non_null(strstr(view_str("groups.0.why"), "only channel"));
	OK(ctl_channel_close(ctl, "e", "pacf:a{1", &err));
	OK(view_explain("e", rig_capture, 1));
	assert_false(view_has("groups.0.channel"));
	assert_non_null(strstr(view_str("groups.0.why"), "no channel"));
}

static void
drop_comes_first(void **state)
{
	const struct ctl_channel_args drop = {
		.engine = "e", .channel = "pacf:none{0", .action = "DROP"};

	rig_engine("e", "pacf:a{0");
	OK(ctl_channel_open(ctl, &drop, &err));
	OK(view_explain("e", rig_capture, 1));
	assert_string_equal(view_str("dropped_by"), "pacf:none{0");
	assert_int_equal(view_num("groups.0.delivered"), 0);
}

/* A stopped engine's next key; a running one's own, whatever is set meanwhile. */
static void
key_of_stopped_and_running(void **state)
{
	char standard[32], mine[32];

	rig_engine("e", "pacf:a{0");
	OK(view_explain("e", rig_capture, 1));
	snprintf(standard, sizeof(standard), "%s", view_str("digest"));
	ctl_hash_key(ctl, 42);
	OK(view_explain("e", rig_capture, 1));
	snprintf(mine, sizeof(mine), "%s", view_str("digest"));
	assert_string_not_equal(mine, standard);
	OK(ctl_engine_start(ctl, "e", &err));
	ctl_hash_key(ctl, 43);
	OK(view_explain("e", rig_capture, 1));
	assert_string_equal(view_str("digest"), mine);
	assert_string_equal(view_str("groups.0.channel"), "pacf:a{0");
	OK(ctl_engine_stop(ctl, "e", &err));
	OK(view_explain("e", rig_capture, 1));
	assert_string_not_equal(view_str("digest"), mine);
	OK(view_explain(NULL, rig_capture, 1));
	assert_string_equal(view_str("digest"), standard);
}

static void
assert_follows(uint64_t packet, uint64_t first)
{
	char digest[32];

	OK(view_explain(NULL, fragments, first));
	assert_string_equal(view_str("reason"), "first_fragment");
	snprintf(digest, sizeof(digest), "%s", view_str("digest"));
	OK(view_explain(NULL, fragments, packet));
	assert_string_equal(view_str("reason"), "fragment");
	assert_int_equal(view_num("number"), packet);
	assert_int_equal(view_num("follows"), first);
	assert_string_equal(view_str("digest"), digest);
}

static void
assert_orphan(uint64_t packet, const char *why)
{
	OK(view_explain(NULL, fragments, packet));
	assert_string_equal(view_str("reason"), "fragment");
	assert_false(view_has("follows"));
	assert_non_null(strstr(view_str("why"), why));
}

static void
fragments_follow(void **state)
{
	FILE *f = capture_begin();

	capture_fragment(f, 0, 1, 0, true, 0);	    /* 1: the first one */
	capture_fragment(f, 1, 1, 10, false, 0);    /* 2: after it */
	capture_fragment(f, 2, 2, 10, false, 5);    /* 3: before it, in a VLAN */
	capture_fragment(f, 900, 2, 0, true, 5);    /* 4: its first one, just in time */
	capture_fragment(f, 1000, 3, 10, true, 0);  /* 5: too early */
	capture_fragment(f, 2001, 3, 0, true, 0);   /* 6: too late for 5 */
	capture_fragment(f, 2002, 3, 20, false, 0); /* 7: but not for this one */
	capture_fragment(f, 2003, 4, 10, true, 0);  /* 8: never */
	capture_end(f);
	assert_follows(2, 1);
	assert_follows(3, 4);
	assert_non_null(strstr(view_str("why"), "held"));
	assert_string_equal(view_str("layers.1.layer"), "vlan");
	assert_orphan(5, "within 1 s");
	assert_follows(7, 6);
	assert_orphan(8, "within 1 s");
}

/* A first fragment that a filter drops leaves nothing that others could follow. */
static void
dropped_first(void **state)
{
	const struct ctl_channel_args drop = {.engine = "e",
		.channel = "pacf:none{0",
		.action = "DROP",
		.filter = "udp port 53"};
	FILE *f = capture_begin();

	capture_fragment(f, 0, 1, 0, true, 0);
	capture_fragment(f, 1, 1, 10, false, 0);
	capture_end(f);
	rig_engine("e", "pacf:a{0");
	OK(view_explain("e", fragments, 2));
	assert_int_equal(view_num("follows"), 1);
	OK(ctl_channel_open(ctl, &drop, &err));
	OK(view_explain("e", fragments, 1));
	assert_string_equal(view_str("dropped_by"), "pacf:none{0");
	OK(view_explain("e", fragments, 2));
	assert_false(view_has("dropped_by"));
	assert_false(view_has("follows"));
	assert_non_null(strstr(view_str("why"), "first one is not there"));
	assert_string_equal(view_str("groups.0.channel"), "pacf:a{0");
}

/* As many wait as the engine would hold of one datagram. */
static void
too_many_wait(void **state)
{
	FILE *f = capture_begin();

	for (uint32_t i = 0; i < DP_HOLD_PER_TAG + 1; i++)
		capture_fragment(f, i, 1, (uint16_t)(100 - i), true, 0);
	capture_fragment(f, 100, 1, 0, true, 0);
	capture_end(f);
	assert_orphan(1, "too many wait");
	assert_follows(2, DP_HOLD_PER_TAG + 2);
}

static struct {
	uint64_t numbers[16];
	uint32_t n, depth;
} order;

static void
order_open(void *arg, const char *key)
{
	order.depth++;
}
static void
order_close(void *arg)
{
	order.depth--;
}
static void
order_str(void *arg, const char *key, const char *value)
{
}
static void
order_num(void *arg, const char *key, uint64_t value)
{
	if (order.depth == 1 && strcmp(key, "number") == 0)
		order.numbers[order.n++ % 16] = value;
	if (order.n == 3)
		*(bool *)arg = true;
}
static void
order_real(void *arg, const char *key, double value)
{
}

/* In the order in which an engine hands them on. */
static void
all_packets(void **state)
{
	const struct ctl_explain_args args = {NULL, fragments, 0, NULL};
	bool three = false;
	const struct ctl_visitor v = {
		&three, order_open, order_close, order_str, order_num, order_real};
	FILE *f = capture_begin();

	capture_fragment(f, 0, 1, 10, false, 0);
	capture_fragment(f, 1, 2, 0, true, 0);
	capture_fragment(f, 2, 1, 0, true, 0);
	capture_fragment(f, 3, 3, 10, false, 0);
	capture_end(f);
	memset(&order, 0, sizeof(order));
	OK(ctl_explain(ctl, &args, &v, &err));
	assert_true(three);
	assert_int_equal(order.n, 4);
	assert_int_equal(order.numbers[0], 2);
	assert_int_equal(order.numbers[1], 1);
	assert_int_equal(order.numbers[2], 3);
	assert_int_equal(order.numbers[3], 4);
}

static void
what_is_refused(void **state)
{
	char cut[160];

	REFUSED(view_explain("x", rig_capture, 1), -ENOENT, "no engine \"x\"", NULL);
	REFUSED(view_explain(NULL, "/nowhere", 1), -ENOENT, "/nowhere", NULL);
	REFUSED(view_explain(NULL, rig_capture, RIG_PKTS + 1), -ENOENT, "has 2000 packets",
		"packet 2001");
	snprintf(cut, sizeof(cut), "%s/cut.pcap", rig_dir);
	rig_write(cut, 3, 1, true);
	OK(view_explain(NULL, cut, 3));
	REFUSED(view_explain(NULL, cut, 4), -EIO, "cut.pcap", NULL);
	ctl_break(rig_breaker);
	REFUSED(view_explain(NULL, rig_capture, 1), -EINTR, "interrupted", NULL);
	OK(view_explain(NULL, rig_capture, 1));
}

/* Nothing is parsed, and that is said. */
static void
unknown_link_type(void **state)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/other.pcap", rig_dir);
	rig_write(path, 1, 147, false);
	OK(view_explain(NULL, path, 1));
	assert_string_equal(view_str("hashed"), "none");
	assert_string_equal(view_str("reason"), "unknown_link");
	assert_false(view_has("layers.0.layer"));
	assert_false(view_has("key.src"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_parsed_and_hashed),
		TEST(without_an_engine),
		TEST(the_engines_own_map),
		TEST(drop_comes_first),
		TEST(key_of_stopped_and_running),
		TEST(fragments_follow),
		TEST(dropped_first),
		TEST(too_many_wait),
		TEST(all_packets),
		TEST(what_is_refused),
		TEST(unknown_link_type),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
