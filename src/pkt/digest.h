/*
 * pkt/digest: pkt_digest for the engine's loop, where a call per packet shows: the packets that
 * nearly all are, inline.  What the numbers mean is at the top of hash.c.
 */
#ifndef PACF_PKT_DIGEST_H
#define PACF_PKT_DIGEST_H

#include "pkt.h"
#include "wire.h"

static inline uint64_t
pkt_mum(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)(m >> 64) ^ (uint64_t)m;
}

static inline uint64_t
pkt_mix(uint64_t a, uint64_t b, uint64_t word, const struct pkt_key *key)
{
	uint64_t lo = a < b ? a : b, hi = a < b ? b : a;

	return pkt_mum(pkt_mum(lo ^ key->k[0], hi ^ key->k[1]) ^ word ^ key->k[2], key->k[3]);
}

static inline uint64_t
pkt_kind(enum pkt_family family, uint32_t what)
{
	return (uint64_t)family << 16 | what;
}

/* The long way: pkt_parse and pkt_flow_digest. */
uint64_t pkt_digest_any(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint8_t *reason);

/* Both ports of a UDP packet, as they stand in it. */
static inline bool
pkt_is_tunnel(const struct pkt_conf *conf, uint32_t ports)
{
	uint32_t src = ports >> 16, dst = (uint16_t)ports;

	return ((conf->udp_ports[src / 64] >> src % 64) |
		       (conf->udp_ports[dst / 64] >> dst % 64)) &
	       1;
}

/*
 * Ethernet, IPv4 without options, no fragment, TCP or UDP that is no tunnel's, ports inside the
 * datagram: what nearly all packets are, in four loads.  Offsets are from the start of the
 * frame.
 */
static inline uint64_t
pkt_digest_inline(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint8_t *reason)
{
	uint64_t type, fragment, addrs;
	uint32_t ports, proto;

	if (link != PKT_LINK_ETHER || caplen < 38)
		return pkt_digest_any(data, caplen, link, conf, reason);
	type = wire_be64(data + 12);	 /* ethertype, version, IHL, TOS, length, ID */
	fragment = wire_be64(data + 20); /* flags and offset, TTL, protocol, ... */
	proto = (uint8_t)(fragment >> 32);
	if (type >> 40 != (WIRE_ETHERTYPE_IPV4 << 8 | 0x45) ||
		(uint16_t)(type >> 16) < WIRE_IPV4_LEN + WIRE_PORTS_LEN ||
		(fragment >> 48 & WIRE_IPV4_FRAGMENT) != 0)
		return pkt_digest_any(data, caplen, link, conf, reason);
	addrs = wire_be64(data + 26);
	ports = wire_be32(data + 34);
	if (proto != WIRE_IP_TCP && (proto != WIRE_IP_UDP || pkt_is_tunnel(conf, ports)))
		return pkt_digest_any(data, caplen, link, conf, reason);
	*reason = PKT_OK;
	return pkt_mix(addrs >> 32 << 16 | ports >> 16,
		(uint32_t)addrs * UINT64_C(65536) | (uint16_t)ports,
		pkt_kind(PKT_FAMILY_IPV4, proto), &conf->key);
}

#endif
