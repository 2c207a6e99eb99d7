/*
 * The parser against every encapsulation: it finds the flow inside, in both directions, as if
 * it were bare; outer when told so; and it stays inside the packet, wherever that is cut.
 */
#include "build.h"
#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static uint8_t *guard;
static struct pkt_conf conf, outer;

static uint64_t
parse(const char *recipe, enum pkt_link link, bool reverse, struct pkt_flow *flow)
{
	uint8_t bytes[BUILD_MAX], reason;
	uint32_t len = build(recipe, reverse, bytes);
	const uint8_t *p = guard_place(guard, bytes, len);
	uint64_t digest = pkt_digest(p, len, link, &conf, &reason);

	pkt_parse(p, len, link, &conf, flow);
	assert_int_equal(reason, flow->reason);
	assert_true(digest == pkt_flow_digest(flow, &conf, PKT_FIELDS_5TUPLE));
	return digest;
}

static void
finds_the_layers(void **state)
{
	(void)state;
	for (size_t i = 0; i < tunnel_vectors_count; i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		struct pkt_flow f;
		char layers[512];

		parse(v->recipe, v->link, false, &f);
		flow_layers(&f, layers, sizeof(layers));
		if (f.reason != v->reason || strcmp(layers, v->layers) != 0)
			fail_msg("%s: %s: %s", v->name, pkt_reason_name(f.reason), layers);
	}
}

static void
both_directions_and_bare_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < tunnel_vectors_count; i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		struct pkt_flow f, bare;
		uint64_t there = parse(v->recipe, v->link, false, &f);

		/* Where a UDP packet is no tunnel, its two ports make it another flow. */
		if (!strstr(v->recipe, "UDP:") || v->bare) {
			if (parse(v->recipe, v->link, true, &f) != there)
				fail_msg("%s: the other direction differs", v->name);
		}
		if (v->bare && parse(v->bare, PKT_LINK_ETHER, false, &bare) != there)
			fail_msg("%s: bare, it is another flow", v->name);
	}
}

static uint8_t
layer_of(const struct pkt_flow *f, unsigned i)
{
	return i < f->nlayers ? f->layer[i].what : PKT_LAYER_NONE;
}

/* By the first IP header.  What it carries is not looked into, but for an error's quote. */
static void
outer_is_the_first(void **state)
{
	unsigned differ = 0;

	(void)state;
	for (size_t i = 0; i < tunnel_vectors_count; i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		uint8_t bytes[BUILD_MAX], reason;
		uint32_t len = build(v->recipe, false, bytes);
		struct pkt_flow f;
		unsigned first = 0;

		pkt_parse(bytes, len, v->link, &outer, &f);
		assert_true(pkt_digest(bytes, len, v->link, &outer, &reason) ==
			    pkt_flow_digest(&f, &outer, PKT_FIELDS_5TUPLE));
		while (first < f.nlayers && layer_of(&f, first) != PKT_LAYER_IPV4 &&
			layer_of(&f, first) != PKT_LAYER_IPV6)
			first++;
		if (f.reason != PKT_QUOTED && !strstr(v->name, "icmp") && first < f.nlayers &&
			f.hashed != first)
			fail_msg("%s: outer is layer %u", v->name, f.hashed);
		differ += pkt_digest(bytes, len, v->link, &conf, &reason) !=
			  pkt_flow_digest(&f, &outer, PKT_FIELDS_5TUPLE);
	}
	assert_true(differ > 50);
}

/* Nothing past the end is read; nothing is found that the whole does not have. */
static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < tunnel_vectors_count; i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		uint8_t bytes[BUILD_MAX], reason;
		uint32_t len = build(v->recipe, false, bytes);
		struct pkt_flow whole, f;

		pkt_parse(bytes, len, v->link, &conf, &whole);
		for (uint32_t cut = 0; cut <= len; cut++) {
			const uint8_t *p = guard_place(guard, bytes, cut);
			uint64_t digest = pkt_digest(p, cut, v->link, &conf, &reason);

			pkt_parse(p, cut, v->link, &conf, &f);
			assert_int_equal(reason, f.reason);
			assert_true(digest == pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE));
			pkt_parse(p, cut, v->link, &outer, &f);
			pkt_parse(p, cut, v->link, &conf, &f);
			for (unsigned k = 0; k < f.nlayers && k < whole.nlayers; k++) {
				if (f.layer[k].what != whole.layer[k].what)
					fail_msg("%s cut at %u: layer %u is %s", v->name, cut,
						k, pkt_layer_name(f.layer[k].what));
			}
			if (f.nlayers > whole.nlayers || f.l3_off > cut || f.l4_off > cut)
				fail_msg("%s cut at %u: found too much", v->name, cut);
			if (f.reason != v->reason && f.reason != PKT_TRUNCATED &&
				f.reason != PKT_FIRST_FRAGMENT && f.reason != PKT_OK &&
				f.reason != PKT_NO_PORTS && f.reason != PKT_NON_IP)
				fail_msg("%s cut at %u: %s", v->name, cut,
					pkt_reason_name(f.reason));
		}
	}
}

static struct pkt_flow
flow_of(const char *recipe, bool reverse)
{
	struct pkt_flow f;

	parse(recipe, PKT_LINK_ETHER, reverse, &f);
	return f;
}

static void
fragments_have_tags(void **state)
{
	struct pkt_flow first = flow_of("eth:0800 ip4:06:1400:2000 tcp", false);
	struct pkt_flow later = flow_of("eth:0800 ip4:06:0:0010 x:0011", false), other;

	(void)state;
	assert_true(first.nfrags == 1 && !first.later && first.sport == 1234);
	assert_true(later.nfrags == 1 && later.later && later.sport == 0);
	assert_true(later.frag[0] == first.frag[0]);
	assert_true(flow_of("eth:0800 ip4:06:0:2010 x:0011", false).frag[0] == first.frag[0]);
	assert_true(flow_of("eth:0800 ip4:06:0:0010 x:0011", true).frag[0] != first.frag[0]);
	assert_true(flow_of("eth:0800 IP4:06:0:0010 x:0011", false).frag[0] != first.frag[0]);
	assert_true(flow_of("eth:0800 ip4:11:0:0010 x:0011", false).frag[0] != first.frag[0]);
	assert_int_equal(flow_of("eth:0800 ip4:06:0:4000 tcp", false).nfrags, 0);

	first = flow_of("eth:86dd ip6:2c x:1100000100000007 udp:4000:53", false);
	assert_true(first.nfrags == 1 && !first.later && first.dport == 53);
	/* The next header is the first one's business (RFC 8200 4.5). */
	later = flow_of("eth:86dd ip6:2c x:3c00001000000007 x:0011", false);
	assert_true(later.later && later.frag[0] == first.frag[0]);
	other = flow_of("eth:86dd ip6:2c x:1100001000000008 x:0011", false);
	assert_true(other.frag[0] != first.frag[0]);
	other = flow_of("eth:86dd ip6:2c x:1100001000000007 x:0011", true);
	assert_true(other.frag[0] != first.frag[0]);
	assert_int_equal(
		flow_of("eth:86dd ip6:2c x:1100000000000007 udp:4000:53", false).nfrags, 0);

	/* Outermost first; the last is the one that ended the walk. */
	later = flow_of("eth:0800 IP4:2f:1400:2000 x:00000800 ip4:06:0:0010 x:0011", false);
	first = flow_of("eth:0800 ip4:06:0:2000 tcp", false);
	other = flow_of("eth:0800 IP4:2f:0:0010 x:00", false);
	assert_true(later.nfrags == 2 && later.later);
	assert_true(later.frag[0] == other.frag[0] && later.frag[1] == first.frag[0]);
	other = flow_of("eth:0800 ip4:04:9:2000 ip4:04:9:2000 ip4:04:9:2000 ip4:04:9:2000 "
			"ip4:06:9:0010 x:00",
		false);
	assert_int_equal(other.nfrags, PKT_MAX_FRAGS);
	assert_false(other.later);
}

static uint64_t
by(const char *recipe, bool reverse, enum pkt_fields fields)
{
	uint8_t bytes[BUILD_MAX];
	uint64_t out[PKT_FIELDS_MAX];
	struct pkt_flow f;

	pkt_digests(bytes, build(recipe, reverse, bytes), PKT_LINK_ETHER, &conf, out, &f);
	assert_true(out[fields] == pkt_flow_digest(&f, &conf, fields));
	return out[fields];
}

#define V  "eth:8100 x:00070800 ip4:06 tcp"
#define VV "eth:8100 x:00078100 x:00080800 ip4:06 tcp"
static void
fields_are_what_they_say(void **state)
{
	static const char *const a = "eth:0800 ip4:11 udp:4000:53",
				 *const b = "eth:0800 ip4:11 udp:4001:53",
				 *const c = "eth:0800 ip4:06 tcp",
				 *const vxlan = "eth:8100 x:00070800 IP4:11 UDP:50000:4789 "
						"x:0800000000002a00 " V;

	(void)state;
	for (int i = 0; i < PKT_FIELDS_MAX; i++) {
		assert_true(by(a, false, i) == by(a, true, i));
		assert_int_equal(pkt_fields_from_name(pkt_fields_name(i)), i);
	}
	assert_true(pkt_fields_from_name("4tuple") < 0);
	assert_string_equal(pkt_fields_name(PKT_FIELDS_VLAN_5TUPLE), "vlan+5tuple");
	assert_true(by(a, false, PKT_FIELDS_5TUPLE) != by(b, false, PKT_FIELDS_5TUPLE));
	assert_true(by(a, false, PKT_FIELDS_3TUPLE) == by(b, false, PKT_FIELDS_3TUPLE));
	assert_true(by(a, false, PKT_FIELDS_3TUPLE) != by(c, false, PKT_FIELDS_3TUPLE));
	assert_true(by(a, false, PKT_FIELDS_2TUPLE) == by(c, false, PKT_FIELDS_2TUPLE));
	assert_true(by(V, false, PKT_FIELDS_5TUPLE) == by(c, false, PKT_FIELDS_5TUPLE));
	assert_true(by(V, false, PKT_FIELDS_VLAN_5TUPLE) != by(c, false, PKT_FIELDS_5TUPLE));
	assert_true(by(c, false, PKT_FIELDS_VLAN_5TUPLE) == by(c, false, PKT_FIELDS_5TUPLE));
	assert_true(
		by(V, true, PKT_FIELDS_VLAN_5TUPLE) == by(V, false, PKT_FIELDS_VLAN_5TUPLE));
	assert_true(
		by(VV, false, PKT_FIELDS_VLAN_5TUPLE) != by(V, false, PKT_FIELDS_VLAN_5TUPLE));
	/* The order counts, a priority does not, nor does id 0. */
	assert_true(by("eth:88a8 x:00088100 x:00070800 ip4:06 tcp", false,
			    PKT_FIELDS_VLAN_5TUPLE) != by(VV, false, PKT_FIELDS_VLAN_5TUPLE));
	assert_true(by("eth:8100 x:e0070800 ip4:06 tcp", false, PKT_FIELDS_VLAN_5TUPLE) ==
		    by(V, false, PKT_FIELDS_VLAN_5TUPLE));
	assert_true(by("eth:8100 x:e0000800 ip4:06 tcp", false, PKT_FIELDS_VLAN_5TUPLE) ==
		    by(c, false, PKT_FIELDS_VLAN_5TUPLE));
	/* All on the way: the carrier's, too. */
	assert_true(
		by(vxlan, false, PKT_FIELDS_VLAN_5TUPLE) ==
		by("eth:8100 x:00078100 x:00070800 ip4:06 tcp", false, PKT_FIELDS_VLAN_5TUPLE));
}

static void
ports_can_be_set(void **state)
{
	static const char *const at_9999 = "eth:0800 IP4:11 UDP:50000:9999 x:0800000000002a00 "
					   "eth:0800 ip4:06 tcp";
	static uint16_t many[PKT_MAX_UDP_PORTS + 1];
	struct pkt_conf saved = conf;
	unsigned names = 0;

	(void)state;
	assert_string_equal(pkt_udp_tunnel_name(0), "vxlan");
	while (pkt_udp_tunnel_name(names))
		names++;
	assert_int_equal(names, 9);
	assert_int_equal(flow_of(at_9999, false).proto, 17);
	assert_int_equal(pkt_conf_udp(&conf, "vxlan", (uint16_t[]){9999, 9999, 4789}, 3), 0);
	assert_int_equal(conf.nudp, saved.nudp);
	assert_int_equal(flow_of(at_9999, false).proto, 6);
	assert_int_equal(pkt_conf_udp(&conf, "vxlan", NULL, 0), 0);
	assert_int_equal(flow_of(at_9999, false).proto, 17);
	conf = saved;
	for (unsigned i = 0; i <= PKT_MAX_UDP_PORTS; i++)
		many[i] = (uint16_t)(1000 + i);
	assert_int_equal(pkt_conf_udp(&conf, "vxlam", many, 1), -ENOENT);
	assert_int_equal(pkt_conf_udp(&conf, "vxlan", many, PKT_MAX_UDP_PORTS + 1), -ENOSPC);
	assert_int_equal(pkt_conf_udp(&conf, "vxlan", (uint16_t[]){1, 0}, 2), -EINVAL);
	assert_memory_equal(&conf, &saved, sizeof(conf));
}

static void
layers_have_names(void **state)
{
	(void)state;
	for (int a = 0; a < PKT_LAYERS; a++) {
		assert_string_not_equal(pkt_layer_name(a), "?");
		for (int b = 0; b < a; b++)
			assert_string_not_equal(pkt_layer_name(a), pkt_layer_name(b));
	}
	assert_string_equal(pkt_layer_name(PKT_LAYERS), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_layers),
		cmocka_unit_test(both_directions_and_bare_agree),
		cmocka_unit_test(outer_is_the_first),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(fragments_have_tags),
		cmocka_unit_test(fields_are_what_they_say),
		cmocka_unit_test(ports_can_be_set),
		cmocka_unit_test(layers_have_names),
	};

	guard = guard_new();
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	pkt_conf_init(&outer, PKT_DEFAULT_KEY);
	outer.outer = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
