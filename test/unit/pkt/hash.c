/* Digests and keys: the fast path is the slow one, keys matter, buckets and groups are even. */
#include "guard.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define FLOWS 100000

static uint8_t *guard;
static struct pkt_conf conf;
static uint64_t seed = 42;

static uint64_t
rnd(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
compare(const uint8_t *bytes, uint32_t len, enum pkt_link link, unsigned *ok)
{
	const uint8_t *p = guard_place(guard, bytes, len);
	struct pkt_flow f;
	uint8_t reason;
	uint64_t d = pkt_digest(p, len, link, &conf, &reason);

	pkt_parse(p, len, link, &conf, &f);
	assert_int_equal(reason, f.reason);
	assert_true(d == pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE));
	*ok += reason == PKT_OK;
}

/* Headers changed here and there, so that most stay near what the fast path takes. */
static void
fast_path_is_the_slow_one(void **state)
{
	unsigned ok = 0, all = 0;

	(void)state;
	for (unsigned round = 0; round < 6000; round++) {
		for (size_t i = 0; i < vectors_count; i++) {
			uint8_t bytes[VECTOR_MAX];
			uint32_t len = vector_bytes(&vectors[i], bytes);

			for (uint64_t n = rnd() % 4; n > 0; n--)
				bytes[12 + rnd() % (len - 2) % (len < 40 ? 1 : 28)] =
					(uint8_t)rnd();
			if (rnd() % 8 == 0)
				len = (uint32_t)(rnd() % (len + 1));
			compare(bytes, len, vectors[i].link, &ok);
			all++;
		}
	}
	for (unsigned round = 0; round < 200000; round++, all++) {
		uint8_t bytes[64];

		for (size_t i = 0; i < sizeof(bytes); i += 8)
			memcpy(bytes + i, &(uint64_t){rnd()}, 8);
		if (rnd() % 2)
			memcpy(bytes + 12, "\x08\x00\x45", 3);
		if (rnd() % 8 == 0) { /* UDP to the port of VXLAN */
			memcpy(bytes + 20, "\x00\x00\x40\x11", 4);
			memcpy(bytes + 36, "\x12\xb5", 2);
		}
		compare(bytes, (uint32_t)(rnd() % 65), PKT_LINK_ETHER, &ok);
	}
	printf("%u of %u have ports\n", ok, all);
	assert_true(ok > all / 8 && ok < all / 2);
}

static void
random_flow(struct pkt_flow *f, enum pkt_family family)
{
	uint32_t bytes = family == PKT_FAMILY_IPV4 ? 4 : family == PKT_FAMILY_IPV6 ? 16 : 6;

	memset(f, 0, sizeof(*f));
	for (uint32_t i = 0; i < bytes; i++) {
		f->src[i] = (uint8_t)rnd();
		f->dst[i] = (uint8_t)rnd();
	}
	f->family = (uint8_t)family;
	if (family == PKT_FAMILY_MAC) {
		f->ethertype = 0x0806;
		return;
	}
	f->sport = (uint16_t)rnd();
	f->dport = (uint16_t)rnd();
	f->proto = 6;
}

static void
flows_are_symmetric_and_differ(void **state)
{
	(void)state;
	for (int i = 0; i < 30000; i++) {
		struct pkt_flow a, b;
		uint64_t d;

		random_flow(&a, PKT_FAMILY_MAC + i % 3);
		b = a;
		memcpy(b.src, a.dst, 16);
		memcpy(b.dst, a.src, 16);
		d = pkt_flow_digest(&a, &conf, PKT_FIELDS_5TUPLE);
		if (a.family != PKT_FAMILY_MAC) {
			assert_true(pkt_flow_digest(&b, &conf, PKT_FIELDS_5TUPLE) !=
				    d); /* ports stayed: another flow */
			b.proto = 17;
			assert_true(pkt_flow_digest(&b, &conf, PKT_FIELDS_5TUPLE) != d);
			b.proto = 6;
		}
		b.sport = a.dport;
		b.dport = a.sport;
		assert_true(pkt_flow_digest(&b, &conf, PKT_FIELDS_5TUPLE) == d);
		b.src[i / 3 % (a.family == PKT_FAMILY_IPV6 ? 16 : 4)] ^= 1;
		assert_true(pkt_flow_digest(&b, &conf, PKT_FIELDS_5TUPLE) != d);
	}
}

static void
keys_matter(void **state)
{
	unsigned same = 0;

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		struct pkt_conf other = conf;
		struct pkt_flow f;

		random_flow(&f, PKT_FAMILY_MAC + i % 3);
		pkt_key_expand(&other.key, PKT_DEFAULT_KEY + 1 + i % 64);
		same += pkt_bucket(pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE), 0) % 64 ==
			pkt_bucket(pkt_flow_digest(&f, &other, PKT_FIELDS_5TUPLE), 0) % 64;
	}
	assert_in_range(same, FLOWS / 64 * 85 / 100, FLOWS / 64 * 115 / 100);
}

/* Chi-square of FLOWS over n cells against its mean n-1 and deviation sqrt(2(n-1)): within 6.
 */
static void
assert_even(const uint32_t *cells, uint32_t n, const char *what)
{
	double mean = (double)FLOWS / n, chi = 0, off;

	for (uint32_t i = 0; i < n; i++)
		chi += (cells[i] - mean) * (cells[i] - mean) / mean;
	off = (chi - (n - 1)) * (chi - (n - 1)) / (2.0 * (n - 1));
	if (off > 36)
		fail_msg("%s over %u: chi-square %.0f", what, n, chi);
}

/* kind: 0 random, 1 one address pair and all ports, 2 consecutive addresses, 3 IPv6 of one /64
 */
static void
kind_of_flow(struct pkt_flow *f, int kind, uint32_t i)
{
	random_flow(f, kind == 3 ? PKT_FAMILY_IPV6 : PKT_FAMILY_IPV4);
	if (kind == 0)
		return;
	memset(f->src, 10, 8);
	memset(f->dst, 20, sizeof(f->dst));
	f->sport = (uint16_t)(kind == 1 ? i : 53);
	f->dport = (uint16_t)(kind == 1 ? 80 + i / 65536 : 53);
	if (kind == 2)
		memcpy(f->src, &(uint32_t){__builtin_bswap32(i)}, 4);
	if (kind == 3) {
		memset(f->src + 8, 0, 8);
		memcpy(f->src + 12, &(uint32_t){__builtin_bswap32(i)}, 4);
	}
}

static void
buckets_are_even(void **state)
{
	static const char *const names[] = {"random", "ports", "addresses", "ipv6"};
	static const uint32_t sizes[] = {2, 3, 4, 7, 16, 64, 255, PKT_BUCKETS};
	static uint32_t cells[PKT_BUCKETS];
	uint64_t group = pkt_group_key(PKT_DEFAULT_KEY, "default");

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
			memset(cells, 0, sizeof(cells));
			for (uint32_t i = 0; i < FLOWS; i++) {
				struct pkt_flow f;

				kind_of_flow(&f, kind, i);
				cells[pkt_bucket(pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE),
					      group) %
					sizes[s]]++;
			}
			assert_even(cells, sizes[s], names[kind]);
		}
	}
}

/* Pairs of cells of two groups: even if and only if the groups are independent. */
static void
groups_do_not_correlate(void **state)
{
	static const char *const pairs[][2] = {{"default", "ids"}, {"a", "b"}, {"g0", "g1"}};

	(void)state;
	for (size_t p = 0; p < sizeof(pairs) / sizeof(*pairs); p++) {
		uint64_t a = pkt_group_key(PKT_DEFAULT_KEY, pairs[p][0]);
		uint64_t b = pkt_group_key(PKT_DEFAULT_KEY, pairs[p][1]);
		uint32_t low[64] = {0}, high[64] = {0};

		assert_true(a != b && a != pkt_group_key(PKT_DEFAULT_KEY + 1, pairs[p][0]));
		for (uint32_t i = 0; i < FLOWS; i++) {
			struct pkt_flow f;
			uint32_t x, y;

			kind_of_flow(&f, (int)p, i);
			x = pkt_bucket(pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE), a);
			y = pkt_bucket(pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE), b);
			low[x % 8 * 8 + y % 8]++;
			high[x / (PKT_BUCKETS / 8) * 8 + y / (PKT_BUCKETS / 8)]++;
		}
		assert_even(low, 64, pairs[p][0]);
		assert_even(high, 64, pairs[p][0]);
	}
}

/* What replays rely on: the same on every machine and in every release. */
static void
values_stay(void **state)
{
	static const struct {
		const char *name;
		uint64_t digest;
	} known[] = {{"ihl0", UINT64_C(0x8d9ce3de7c1ccdc4)},
		{"ipv4-tcp", UINT64_C(0x6065b7a24db4a274)},
		{"ipv6-tcp", UINT64_C(0x4d45a8e036c80576)},
		{"arp", UINT64_C(0xfcb63b3e65ca0511)}, {"other", UINT64_C(0xebb212cf43f57219)}};

	(void)state;
	for (size_t i = 0; i < vectors_count; i++) {
		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++) {
			uint8_t bytes[VECTOR_MAX], reason;
			uint64_t d;

			if (strcmp(vectors[i].name, known[k].name) != 0)
				continue;
			d = pkt_digest(bytes, vector_bytes(&vectors[i], bytes), vectors[i].link,
				&conf, &reason);
			if (d != known[k].digest)
				fail_msg("%s: 0x%016llx", known[k].name, (unsigned long long)d);
		}
	}
	assert_true(pkt_group_key(PKT_DEFAULT_KEY, "default") == UINT64_C(0x26e36a47d28d85ce));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fast_path_is_the_slow_one),
		cmocka_unit_test(flows_are_symmetric_and_differ),
		cmocka_unit_test(keys_matter),
		cmocka_unit_test(buckets_are_even),
		cmocka_unit_test(groups_do_not_correlate),
		cmocka_unit_test(values_stay),
	};

	guard = guard_new();
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
