/*
 * Packets from recipes, for the unit tests and the fuzzer's first corpus: a word per header,
 * outermost first, so that the lengths in them are right.
 *
 *	eth:TYPE	frame (hex, as all that follow)
 *	ip4:PROTO[:MORE[:FRAGMENT]]	MORE bytes (decimal) are claimed, and not there
 *	ip6:NEXT[:MORE]
 *	IP4, IP6	the same with other addresses: a tunnel's
 *	tcp		ports 1234 and 80
 *	udp:SRC:DST	decimal; reversed with the packet
 *	UDP:SRC:DST	the same, but both directions send from SRC to DST
 *	ports:SRC:DST	decimal; nothing but these
 *	x:BYTES		as they are
 *	l:N		16 bits: the length of all that follows, and N more (decimal)
 */
#ifndef PACF_TEST_PKT_BUILD_H
#define PACF_TEST_PKT_BUILD_H

#include "pkt.h"

#include <stddef.h>

#define BUILD_MAX 1024
uint32_t build(const char *recipe, bool reverse, uint8_t out[BUILD_MAX]);

struct tunnel_vector {
	const char *name;
	enum pkt_link link;
	const char *recipe;
	const char *bare; /* the recipe of what it goes by, on PKT_LINK_ETHER; NULL: itself */
	enum pkt_reason reason;
	const char *layers; /* "ethernet ipv4* tcp": the flow's has the star */
};
extern const struct tunnel_vector tunnel_vectors[];
extern const size_t tunnel_vectors_count;

/* The layers of a flow as above. */
void flow_layers(const struct pkt_flow *flow, char *out, size_t size);

#endif
