/*
 * pkt: pure functions over packet bytes.  No I/O, no allocation, no global state: any thread
 * may call anything here.  Nothing is ever read at or past data + caplen.
 *
 * A packet becomes a *digest*: 64 bits that are the same for both directions of one
 * conversation and that nobody can predict without the key.  Groups turn a digest into a
 * bucket.
 *
 * What is inside of tunnels counts (the innermost flow), unless the configuration says outer;
 * an ICMP error counts as the datagram that it quotes.
 */
#ifndef PACF_PKT_H
#define PACF_PKT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Link types that can be parsed; values of the DLT_/LINKTYPE_ registry map here
 * (https://www.tcpdump.org/linktypes.html). */
enum pkt_link {
	PKT_LINK_OTHER, /* not parsed: COPY and DROP only */
	PKT_LINK_ETHER, /* 1 */
	PKT_LINK_RAW,	/* 12, 14, 101, 228 (IPv4), 229 (IPv6): version nibble decides */
	PKT_LINK_NULL, /* 0 (host order of the writer) and 108 (network order): 4-byte family */
	PKT_LINK_SLL,  /* 113 */
	PKT_LINK_SLL2, /* 276 */
	PKT_LINK_PPP,  /* 9, 50: RFC 1662's framing, or Cisco's HDLC */
	PKT_LINK_CHDLC,	     /* 104 */
	PKT_LINK_WLAN,	     /* 105: IEEE 802.11 */
	PKT_LINK_RADIOTAP,   /* 127 */
	PKT_LINK_PRISM,	     /* 119, 163 (AVS) */
	PKT_LINK_PPI,	     /* 192 */
	PKT_LINK_FDDI,	     /* 10 */
	PKT_LINK_TOKEN_RING, /* 6 */
	PKT_LINK_MPLS,	     /* 219 */
	PKT_LINK_NFLOG,	     /* 239 */
	PKT_LINKS
};
enum pkt_link pkt_link_from_dlt(int dlt);

/* What the digest was made from; counted per engine (names in pkt_reason_name).  A fragment's
 * digest is not final: the flow has the tags by which it finds its flow, or is found. */
enum pkt_reason {
	PKT_OK,		    /* addresses, ports, protocol */
	PKT_NO_PORTS,	    /* IP whose protocol has no ports here: addresses and protocol */
	PKT_QUOTED,	    /* ICMP error: the flow of the datagram that it quotes */
	PKT_FIRST_FRAGMENT, /* has what a whole datagram has; others follow it by its tags */
	PKT_FRAGMENT,	    /* not the first one: addresses and protocol */
	PKT_NON_IP,	    /* MAC pair and ethertype */
	PKT_TRUNCATED,	    /* the capture ends inside a header: what was read so far */
	PKT_MALFORMED,	    /* a length or version that cannot be: what was read so far */
	PKT_TOO_DEEP,	    /* more headers than the budget: what was read so far */
	PKT_UNKNOWN_LINK,   /* link type not parsed: constant digest */
	PKT_REASONS
};
const char *pkt_reason_name(enum pkt_reason reason);

#include "layer.h"

/* Keys are expanded from the user's 64 bits once, by control. */
struct pkt_key {
	uint64_t k[8];
};
void pkt_key_expand(struct pkt_key *key, uint64_t seed);
/* The key that offline sources use unless told otherwise, so that replays are deterministic. */
#define PKT_DEFAULT_KEY UINT64_C(0x50414346686f7374)

/* All that parsing and hashing need to know; does not change while an engine runs. */
#define PKT_MAX_UDP_PORTS 32
struct pkt_conf {
	struct pkt_key key;
	bool outer; /* by the outermost IP flow: no tunnel is looked into */
	uint8_t nudp;
	struct {
		uint16_t port;
		uint8_t tunnel;
	} udp[PKT_MAX_UDP_PORTS];
	uint64_t
		udp_ports[65536 / 64]; /* a bit for each port in udp: what the fast path asks */
};
/* Innermost flow, and the ports that IANA gave to the tunnels. */
void pkt_conf_init(struct pkt_conf *conf, uint64_t seed);
/* Replaces the ports of one UDP tunnel; n = 0 turns it off.  -ENOENT: no such tunnel; -EINVAL:
 * a port is 0; -ENOSPC: more than PKT_MAX_UDP_PORTS in all.  Unchanged if it fails. */
int pkt_conf_udp(struct pkt_conf *conf, const char *tunnel, const uint16_t *ports, unsigned n);
/* Names of the UDP tunnels for i = 0, 1, ...; NULL after the last. */
const char *pkt_udp_tunnel_name(unsigned i);

/* What a digest is made of. */
enum pkt_fields {
	PKT_FIELDS_5TUPLE,
	PKT_FIELDS_3TUPLE, /* addresses, protocol */
	PKT_FIELDS_2TUPLE, /* addresses */
	PKT_FIELDS_VLAN_5TUPLE,
	PKT_FIELDS_MAX
};
const char *pkt_fields_name(enum pkt_fields fields);
/* enum pkt_fields, or -ENOENT. */
int pkt_fields_from_name(const char *name);

void pkt_parse(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, struct pkt_flow *out);
/* Digest of a parsed flow: symmetric in (src, sport) <-> (dst, dport). */
uint64_t pkt_flow_digest(
	const struct pkt_flow *flow, const struct pkt_conf *conf, enum pkt_fields fields);
/* parse and digest of the 5-tuple in one go; the same value as the two calls, faster for the
 * common packets.  *reason is set to enum pkt_reason. */
uint64_t pkt_digest(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint8_t *reason);
/* parse, and every digest. */
void pkt_digests(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_conf *conf, uint64_t out[PKT_FIELDS_MAX], struct pkt_flow *flow);

/* Bucket of a digest for a group: groups with different keys do not correlate. */
#define PKT_BUCKETS 65536u
uint64_t pkt_group_key(uint64_t seed, const char *group);
static inline uint32_t
pkt_bucket(uint64_t digest, uint64_t group_key)
{
	__extension__ unsigned __int128 m =
		(unsigned __int128)(digest ^ group_key) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)((uint64_t)(m >> 64) ^ (uint64_t)m) & (PKT_BUCKETS - 1);
}

#ifdef __cplusplus
}
#endif
#endif
