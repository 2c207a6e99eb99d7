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
#include "pkt.h"
#include "wire.h"

#define ENDPOINT_MASK (UINT64_MAX >> 1)
#define HIGH_BIT      (UINT64_C(1) << 63)

static inline uint64_t
mum(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)(m >> 64) ^ (uint64_t)m;
}

static inline uint64_t
digest(uint64_t a, uint64_t b, uint64_t word, const struct pkt_key *key)
{
	uint64_t lo = a < b ? a : b, hi = a < b ? b : a;

	return mum(mum(lo ^ key->k[0], hi ^ key->k[1]) ^ word ^ key->k[2], key->k[3]);
}

static inline uint64_t
kind(enum pkt_family family, uint32_t what)
{
	return (uint64_t)family << 16 | what;
}

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

	return (mum(a, b) ^ a ^ b ^ port) & ENDPOINT_MASK;
}

uint64_t
pkt_flow_digest(const struct pkt_flow *flow, const struct pkt_key *key)
{
	switch (flow->family) {
	case PKT_FAMILY_IPV4:
		return digest(endpoint_ipv4(flow->src, flow->sport),
			endpoint_ipv4(flow->dst, flow->dport),
			kind(PKT_FAMILY_IPV4, flow->proto), key);
	case PKT_FAMILY_IPV6:
		return digest(endpoint_ipv6(flow->src, flow->sport, key),
			endpoint_ipv6(flow->dst, flow->dport, key),
			kind(PKT_FAMILY_IPV6, flow->proto), key);
	case PKT_FAMILY_MAC:
		return digest(endpoint_mac(flow->src), endpoint_mac(flow->dst),
			kind(PKT_FAMILY_MAC, flow->ethertype), key);
	default:
		return digest(0, 0, kind(PKT_FAMILY_NONE, flow->ethertype), key);
	}
}

static __attribute__((noinline)) uint64_t
digest_any(const uint8_t *data, uint32_t caplen, enum pkt_link link, const struct pkt_key *key,
	uint8_t *reason)
{
	struct pkt_flow flow;

	pkt_parse(data, caplen, link, &flow);
	*reason = flow.reason;
	return pkt_flow_digest(&flow, key);
}

/*
 * Ethernet, IPv4 without options, no fragment, TCP or UDP, ports inside the datagram: what
 * nearly all packets are, in four loads.  Offsets are from the start of the frame.
 */
uint64_t
pkt_digest(const uint8_t *data, uint32_t caplen, enum pkt_link link, const struct pkt_key *key,
	uint8_t *reason)
{
	uint64_t type, fragment, addrs;
	uint32_t ports, proto;

	if (link != PKT_LINK_ETHER || caplen < 38)
		return digest_any(data, caplen, link, key, reason);
	type = wire_be64(data + 12);	 /* ethertype, version, IHL, TOS, length, ID */
	fragment = wire_be64(data + 20); /* flags and offset, TTL, protocol, ... */
	proto = (uint8_t)(fragment >> 32);
	if (type >> 40 != (WIRE_ETHERTYPE_IPV4 << 8 | 0x45) ||
		(uint16_t)(type >> 16) < WIRE_IPV4_LEN + WIRE_PORTS_LEN ||
		(fragment >> 48 & WIRE_IPV4_FRAGMENT) != 0 ||
		(proto != WIRE_IP_TCP && proto != WIRE_IP_UDP))
		return digest_any(data, caplen, link, key, reason);
	addrs = wire_be64(data + 26);
	ports = wire_be32(data + 34);
	*reason = PKT_OK;
	return digest(addrs >> 32 << 16 | ports >> 16,
		(uint32_t)addrs * UINT64_C(65536) | (uint16_t)ports,
		kind(PKT_FAMILY_IPV4, proto), key);
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
