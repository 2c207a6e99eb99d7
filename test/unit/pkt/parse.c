/* The parser against packets made by hand: what it finds, and that it stays inside them. */
#include "build.h"
#include "guard.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static uint8_t *guard;
static struct pkt_conf conf;

static void
finds_what_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < vectors_count; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[VECTOR_MAX];
		uint32_t len = vector_bytes(v, bytes);
		struct pkt_flow f;
		char layers[512];

		pkt_parse(guard_place(guard, bytes, len), len, v->link, &conf, &f);
		flow_layers(&f, layers, sizeof(layers));
		if (f.reason != v->reason || f.family != v->family || f.proto != v->proto ||
			f.sport != v->sport || f.dport != v->dport ||
			f.ethertype != v->ethertype || strcmp(layers, v->layers) != 0 ||
			f.l3_off != v->l3_off || f.l4_off != v->l4_off)
			fail_msg("%s: %s family %u proto %u ports %u %u type %04x layers %s "
				 "l3 %u l4 %u",
				v->name, pkt_reason_name(f.reason), f.family, f.proto, f.sport,
				f.dport, f.ethertype, layers, f.l3_off, f.l4_off);
	}
}

static void
finds_the_addresses(void **state)
{
	static const uint8_t v4[16] = {10, 0, 0, 1}, v4_dst[16] = {192, 168, 1, 2},
			     mac[16] = {2, 0, 0, 0, 0, 0x0a},
			     mac_dst[16] = {2, 0, 0, 0, 0, 0x0b},
			     v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1},
			     v6_dst[16] = {0x20, 1, 0x0d, 0xb8, [14] = 0xbe, [15] = 0xef},
			     none[16];
	static const uint8_t *const src[] = {none, mac, v4, v6}, *const dst[] = {none, mac_dst,
									 v4_dst, v6_dst};

	(void)state;
	for (size_t i = 0; i < vectors_count; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[VECTOR_MAX];
		struct pkt_flow f;

		pkt_parse(bytes, vector_bytes(v, bytes), v->link, &conf, &f);
		if (memcmp(f.src, src[v->family], 16) != 0 ||
			memcmp(f.dst, dst[v->family], 16) != 0)
			fail_msg("%s: other addresses", v->name);
	}
}

/* Cut at every byte: no read past the end, and never more than the whole gave. */
static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < vectors_count; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[VECTOR_MAX], reason;
		uint32_t len = vector_bytes(v, bytes);
		struct pkt_flow whole;

		pkt_parse(bytes, len, v->link, &conf, &whole);
		for (uint32_t cut = 0; cut <= len; cut++) {
			const uint8_t *p = guard_place(guard, bytes, cut);
			struct pkt_flow f;

			pkt_parse(p, cut, v->link, &conf, &f);
			if (f.reason != v->reason && f.reason != PKT_TRUNCATED &&
				f.reason != PKT_NO_PORTS)
				fail_msg("%s cut at %u: %s", v->name, cut,
					pkt_reason_name(f.reason));
			if (f.family > v->family || f.nlayers > whole.nlayers ||
				f.l3_off > cut || f.l4_off > cut)
				fail_msg("%s cut at %u: found too much", v->name, cut);
			if (pkt_digest(p, cut, v->link, &conf, &reason) !=
					pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE) ||
				reason != f.reason)
				fail_msg("%s cut at %u: two digests", v->name, cut);
		}
	}
}

static void
both_directions_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < vectors_count; i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[VECTOR_MAX], reason;
		uint32_t len = vector_bytes(v, bytes);
		uint64_t there = pkt_digest(bytes, len, v->link, &conf, &reason);

		vector_reverse(v, bytes);
		if (pkt_digest(bytes, len, v->link, &conf, &reason) != there)
			fail_msg("%s: the other direction differs", v->name);
	}
}

/* Carriers that say nothing about the conversation leave the digest alone. */
static void
same_flow_same_digest(void **state)
{
	static const char *const groups[][13] = {
		{"ipv4-udp", "ipv4-first-fragment", "ipv4-padded", "ipv4-options", "vlan",
			"vlan-9100", "vlan-deepest", "raw-ipv4", "null-ipv4", "loop-ipv4",
			"sll", "sll2"},
		{"ipv6-udp-jumbo", "ipv6-hop-by-hop", "ipv6-routing", "ipv6-ah", "ipv6-deepest",
			"ipv6-atomic-fragment", "ipv6-first-fragment", "qinq-ipv6", "raw-ipv6",
			"null-ipv6-28", "sll2-vlan-ipv6"},
		{"ipv4-tcp", "ipv4-tso", "ipv4-ah"},
		{"ipv6-tcp", "ipv6-chain"},
		{"ipv4-later-fragment"},
		{"ipv6-later-fragment"},
		{"llc", "vlan-llc"},
	};
	uint64_t digests[sizeof(groups) / sizeof(*groups)];

	(void)state;
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		for (size_t k = 0; groups[g][k]; k++) {
			const struct vector *v = vectors;
			uint8_t bytes[VECTOR_MAX], reason;
			uint64_t d;

			while (v < vectors + vectors_count &&
				strcmp(v->name, groups[g][k]) != 0)
				v++;
			assert_true(v < vectors + vectors_count);
			d = pkt_digest(bytes, vector_bytes(v, bytes), v->link, &conf, &reason);
			if (k > 0 && d != digests[g])
				fail_msg("%s and %s differ", groups[g][0], v->name);
			digests[g] = d;
		}
		for (size_t before = 0; before < g; before++)
			assert_true(digests[before] != digests[g]);
	}
}

static void
link_types(void **state)
{
	static const struct {
		int dlt;
		enum pkt_link link;
	} known[] = {{0, PKT_LINK_NULL}, {1, PKT_LINK_ETHER}, {12, PKT_LINK_RAW},
		{14, PKT_LINK_RAW}, {101, PKT_LINK_RAW}, {108, PKT_LINK_NULL},
		{113, PKT_LINK_SLL}, {127, PKT_LINK_RADIOTAP}, {228, PKT_LINK_RAW},
		{229, PKT_LINK_RAW}, {276, PKT_LINK_SLL2}, {6, PKT_LINK_TOKEN_RING},
		{9, PKT_LINK_PPP}, {10, PKT_LINK_FDDI}, {50, PKT_LINK_PPP},
		{104, PKT_LINK_CHDLC}, {105, PKT_LINK_WLAN}, {119, PKT_LINK_PRISM},
		{163, PKT_LINK_PRISM}, {192, PKT_LINK_PPI}, {219, PKT_LINK_MPLS},
		{239, PKT_LINK_NFLOG}, {147, PKT_LINK_OTHER}, {-1, PKT_LINK_OTHER}};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_int_equal(pkt_link_from_dlt(known[i].dlt), known[i].link);
}

static void
reasons_have_names(void **state)
{
	(void)state;
	for (int a = 0; a < PKT_REASONS; a++) {
		assert_string_not_equal(pkt_reason_name(a), "?");
		for (int b = 0; b < a; b++)
			assert_string_not_equal(pkt_reason_name(a), pkt_reason_name(b));
	}
	assert_string_equal(pkt_reason_name(PKT_REASONS), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(finds_the_addresses),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(both_directions_agree),
		cmocka_unit_test(same_flow_same_digest),
		cmocka_unit_test(link_types),
		cmocka_unit_test(reasons_have_names),
	};

	guard = guard_new();
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
