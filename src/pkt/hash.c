/*
 * pkt/hash: flows and packets to digests.  Called by the engine thread for each packet
 * (pkt_digest), by control for keys.
 *
 * Invariant: pkt_digest is pkt_parse followed by pkt_flow_digest, whichever way it takes; the
 * tests compare the two.
 *
 * An endpoint is a number below 2^63: for IPv4 address and port (48 bits, exact), for MAC the
 * address (48 bits, exact), for IPv6 a keyed fold of the address, and the port.  The digest is
 * made of the smaller and the larger endpoint, hence symmetric:
 *
 *	pkt_mum(pkt_mum(lo ^ k0, hi ^ k1) ^ family and protocol ^ k2, k3)
 *
 * where mum is the 128-bit product, folded by xor.  It loses one operand where the other is 0:
 * k0 and k1 have bit 63 set, which no endpoint has, and k3 is odd, so no input makes a factor
 * of the first product 0, nor the second's constant one.  What remains (the inner value being
 * k2 exactly) is one digest in 2^64, like any other.
 */
#include "digest.h"
#include "walk.h"

#include <errno.h>

#define ENDPOINT_MASK (UINT64_MAX >> 1)
#define HIGH_BIT      (UINT64_C(1) << 63)

static uint64_t
endpoint_ipv4(const uint8_t *addr, uint16_t port)
{
	return (uint64_t)wire_be32(addr) << 16 | port;
}

static uint64_t
endpoint_mac(const uint8_t *addr)
{
	return (uint64_t)wire_be32(addr) << 16 | wire_be16(addr + 4);
}

/* The factors are xored in again: where one is 0 (an address that happens to hold half of the
 * key) the other one still counts. */
static uint64_t
fold_ipv6(const uint8_t *addr, const struct pkt_key *key)
{
	uint64_t a = wire_be64(addr) ^ key->k[4], b = wire_be64(addr + 8) ^ key->k[5];

	return pkt_mum(a, b) ^ a ^ b;
}

static uint64_t
endpoint_ipv6(const uint8_t *addr, uint16_t port, const struct pkt_key *key)
{
	return (fold_ipv6(addr, key) ^ port) & ENDPOINT_MASK;
}

uint64_t
pkt_flow_digest(
	const struct pkt_flow *flow, const struct pkt_conf *conf, enum pkt_fields fields)
{
	const struct pkt_key *key = &conf->key;
	bool ports = fields == PKT_FIELDS_5TUPLE || fields == PKT_FIELDS_VLAN_5TUPLE;
	uint16_t sport = ports ? flow->sport : 0, dport = ports ? flow->dport : 0;
	uint8_t proto = fields == PKT_FIELDS_2TUPLE ? 0 : flow->proto;
	uint16_t type = fields == PKT_FIELDS_2TUPLE ? 0 : flow->ethertype;
	uint64_t vlans = fields == PKT_FIELDS_VLAN_5TUPLE ? flow->vlans : 0;

	switch (flow->family) {
	case PKT_FAMILY_IPV4:
		return pkt_mix(endpoint_ipv4(flow->src, sport), endpoint_ipv4(flow->dst, dport),
			pkt_kind(PKT_FAMILY_IPV4, proto) ^ vlans, key);
	case PKT_FAMILY_IPV6:
		return pkt_mix(endpoint_ipv6(flow->src, sport, key),
			endpoint_ipv6(flow->dst, dport, key),
			pkt_kind(PKT_FAMILY_IPV6, proto) ^ vlans, key);
	case PKT_FAMILY_MAC:
		return pkt_mix(endpoint_mac(flow->src), endpoint_mac(flow->dst),
			pkt_kind(PKT_FAMILY_MAC, type) ^ vlans, key);
	default:
		return pkt_mix(0, 0, pkt_kind(PKT_FAMILY_NONE, type) ^ vlans, key);
	}
}

const char *
pkt_fields_name(enum pkt_fields fields)
{
	static const char *const names[PKT_FIELDS_MAX] = {
		[PKT_FIELDS_5TUPLE] = "5tuple",
		[PKT_FIELDS_3TUPLE] = "3tuple",
		[PKT_FIELDS_2TUPLE] = "2tuple",
		[PKT_FIELDS_VLAN_5TUPLE] = "vlan+5tuple",
	};

	return (unsigned)fields < PKT_FIELDS_MAX ? names[fields] : "?";
}

int
pkt_fields_from_name(const char *name)
{
	for (int i = 0; i < PKT_FIELDS_MAX; i++) {
		if (strcmp(pkt_fields_name(i), name) == 0)
			return i;
	}
	return -ENOENT;
}

/* Not symmetric: each sender numbers its own datagrams.  RFC 791: protocol, too; RFC 8200 4.5:
 * no. */
uint64_t
walk_tag(const struct walk *w, uint32_t id, uint8_t proto)
{
	const struct pkt_flow *flow = w->flow;
	const struct pkt_key *key = &w->conf->key;
	uint64_t src = wire_be64(flow->src), dst = wire_be64(flow->dst);
	uint64_t word = (uint64_t)flow->family << 40 | (uint64_t)proto << 32 | id;

	if (flow->family == PKT_FAMILY_IPV6) {
		src = fold_ipv6(flow->src, key);
		dst = fold_ipv6(flow->dst, key);
	}
	return pkt_mum(
		pkt_mum(src ^ key->k[6], dst ^ key->k[7]) ^ src ^ word ^ key->k[2], key->k[3]);
}

void
pkt_digests(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint64_t out[PKT_FIELDS_MAX], struct pkt_flow *flow)
{
	pkt_parse(data, caplen, link, conf, flow);
	for (int i = 0; i < PKT_FIELDS_MAX; i++)
		out[i] = pkt_flow_digest(flow, conf, i);
}

uint64_t
pkt_digest_any(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint8_t *reason)
{
	struct pkt_flow flow;

	pkt_parse(data, caplen, link, conf, &flow);
	*reason = flow.reason;
	return pkt_flow_digest(&flow, conf, PKT_FIELDS_5TUPLE);
}

uint64_t
pkt_digest(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint8_t *reason)
{
	return pkt_digest_inline(data, caplen, link, conf, reason);
}

/* splitmix64 (Steele, Lea, Flood 2014): a bijection, so different states give different words.
 */
static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void
pkt_key_expand(struct pkt_key *key, uint64_t seed)
{
	for (int i = 0; i < 8; i++)
		key->k[i] = splitmix(&seed);
	key->k[0] |= HIGH_BIT;
	key->k[1] |= HIGH_BIT;
	key->k[3] |= 1;
}

uint64_t
pkt_group_key(uint64_t seed, const char *group)
{
	uint64_t state = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *group; group++)
		state = (state ^ (uint8_t)*group) * UINT64_C(0x100000001b3);
	state = splitmix(&state) ^ seed;
	return splitmix(&state);
}
