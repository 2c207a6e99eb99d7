/*
 * pkt/hash: flows and packets to digests.  Called by the engine thread for each packet
 * (pkt_digest), by control for keys.
 *
 * Invariant: pkt_digest is pkt_parse followed by pkt_flow_digest, whichever way it takes; the
 * tests compare the two.
 *
 * An endpoint is a number below 2^63: for IPv4 address and port (48 bits, exact), for MAC the
 * address (48 bits, exact), for IPv6 a keyed fold of the address, and the port.  The digest is
 *made of the smaller and the larger endpoint, hence symmetric:
 *
 *	mum(mum(lo ^ k0, hi ^ k1) ^ family and protocol ^ k2, k3)
 *
 * where mum is the 128-bit product, folded by xor.  It loses one operand where the other is 0:
 * k0 and k1 have bit 63 set, which no endpoint has, and k3 is odd, so no input makes a factor
 *of the first product 0, nor the second's constant one.  What remains (the inner value being k2
 *exactly) is one digest in 2^64, like any other.
 */
#include "digest.h"

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
endpoint_ipv6(const uint8_t *addr, uint16_t port, const struct pkt_key *key)
{
	uint64_t a = wire_be64(addr) ^ key->k[4], b = wire_be64(addr + 8) ^ key->k[5];

	return (pkt_mum(a, b) ^ a ^ b ^ port) & ENDPOINT_MASK;
}

uint64_t
pkt_flow_digest(const struct pkt_flow *flow, const struct pkt_key *key)
{
	switch (flow->family) {
	case PKT_FAMILY_IPV4:
		return pkt_mix(endpoint_ipv4(flow->src, flow->sport),
			endpoint_ipv4(flow->dst, flow->dport),
			pkt_kind(PKT_FAMILY_IPV4, flow->proto), key);
	case PKT_FAMILY_IPV6:
		return pkt_mix(endpoint_ipv6(flow->src, flow->sport, key),
			endpoint_ipv6(flow->dst, flow->dport, key),
			pkt_kind(PKT_FAMILY_IPV6, flow->proto), key);
	case PKT_FAMILY_MAC:
		return pkt_mix(endpoint_mac(flow->src), endpoint_mac(flow->dst),
			pkt_kind(PKT_FAMILY_MAC, flow->ethertype), key);
	default:
		return pkt_mix(0, 0, pkt_kind(PKT_FAMILY_NONE, flow->ethertype), key);
	}
}

uint64_t
pkt_digest_any(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_key *key, uint8_t *reason)
{
	struct pkt_flow flow;

	pkt_parse(data, caplen, link, &flow);
	*reason = flow.reason;
	return pkt_flow_digest(&flow, key);
}

uint64_t
pkt_digest(const uint8_t *data, uint32_t caplen, enum pkt_link link, const struct pkt_key *key,
	uint8_t *reason)
{
	return pkt_digest_inline(data, caplen, link, key, reason);
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
