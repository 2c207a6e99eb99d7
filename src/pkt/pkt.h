/*
 * pkt: pure functions over packet bytes.  No I/O, no allocation, no global state: any thread
 * may call anything here.  Nothing is ever read at or past data + caplen.
 *
 * A packet becomes a *digest*: 64 bits that are the same for both directions of one
 * conversation and that nobody can predict without the key.  Groups turn a digest into a
 * bucket.
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
};
enum pkt_link pkt_link_from_dlt(int dlt);

/* What the digest was made from, best first; counted per engine (names in pkt_reason_name). */
enum pkt_reason {
	PKT_OK,		  /* addresses, ports, protocol */
	PKT_NO_PORTS,	  /* IP whose protocol has no ports here: addresses and protocol */
	PKT_FRAGMENT,	  /* IP fragment: addresses and protocol */
	PKT_NON_IP,	  /* MAC pair and ethertype */
	PKT_TRUNCATED,	  /* the capture ends inside a header: what was read so far */
	PKT_MALFORMED,	  /* a length or version that cannot be: what was read so far */
	PKT_TOO_DEEP,	  /* more headers than the budget: what was read so far */
	PKT_UNKNOWN_LINK, /* link type not parsed: constant digest */
	PKT_REASONS
};
const char *pkt_reason_name(enum pkt_reason reason);

/* The longest chain of headers that is walked (tags, extension headers). */
#define PKT_MAX_HEADERS 16

enum pkt_family { PKT_FAMILY_NONE, PKT_FAMILY_MAC, PKT_FAMILY_IPV4, PKT_FAMILY_IPV6 };

/* What parsing found.  Addresses are in network byte order: IPv4 in the first 4 bytes, MAC in
 * the first 6, the rest zero.  Ports are in host order, 0 if there are none. */
struct pkt_flow {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint16_t ethertype;	 /* last one seen, host order */
	uint8_t family;		 /* enum pkt_family */
	uint8_t proto;		 /* IP protocol after extension headers */
	uint8_t reason;		 /* enum pkt_reason */
	uint8_t headers;	 /* headers walked */
	uint16_t l3_off, l4_off; /* bytes from the start; 0 = not reached */
};
void pkt_parse(const uint8_t *data, uint32_t caplen, enum pkt_link link, struct pkt_flow *out);

/* Keys are expanded from the user's 64 bits once, by control. */
struct pkt_key {
	uint64_t k[8];
};
void pkt_key_expand(struct pkt_key *key, uint64_t seed);
/* The key that offline sources use unless told otherwise, so that replays are deterministic. */
#define PKT_DEFAULT_KEY UINT64_C(0x50414346686f7374)

/* Digest of a parsed flow: symmetric in (src, sport) <-> (dst, dport). */
uint64_t pkt_flow_digest(const struct pkt_flow *flow, const struct pkt_key *key);
/* parse and digest in one go; the same value as the two calls, faster for the common packets.
 * *reason is set to enum pkt_reason. */
uint64_t pkt_digest(const uint8_t *data, uint32_t caplen, enum pkt_link link,
	const struct pkt_key *key, uint8_t *reason);

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
