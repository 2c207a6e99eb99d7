/*
 * pkt/walk: what the walkers of headers share.  Internal to pkt.
 *
 * A walker is called with off at its header, reads it, moves off behind it and says which
 * header comes next (PKT_LAYER_NONE: the walk ends).  It never calls another walker: parse.c's
 * loop does, and it alone spends the budget.
 *
 * Invariant: off <= end <= caplen, and every read is preceded by a check against end.  A flow
 * is set when its header is there, in place of the one found before; so whatever stops the
 * walk, the flow is the innermost one that could be read.
 */
#ifndef PACF_PKT_WALK_H
#define PACF_PKT_WALK_H

#include "pkt.h"
#include "wire.h"
#include "wire_link.h"

#include <stddef.h>

struct walk {
	const uint8_t *data;
	uint32_t off; /* of the next header */
	uint32_t end; /* of what may be read: captured, and inside the datagram */
	bool whole;   /* end is the end of the datagram: not of the capture, a fragment, a quote
		       */
	bool quoted;  /* inside of an ICMP error */
	bool padded;  /* an IEEE 802.11 header is filled up to 4 bytes */
	const struct pkt_conf *conf;
	struct pkt_flow *flow;
	uint64_t vlans; /* passed so far */
};

static inline bool
walk_has(const struct walk *w, uint32_t bytes)
{
	return w->end - w->off >= bytes;
}

static inline const uint8_t *
walk_at(const struct walk *w)
{
	return w->data + w->off;
}

static inline enum pkt_layer
walk_stop(struct walk *w, enum pkt_reason reason)
{
	w->flow->reason = (uint8_t)reason;
	return PKT_LAYER_NONE;
}

/* A header is longer than what there is: the datagram's own fault if all of it is here. */
static inline enum pkt_layer
walk_short(struct walk *w)
{
	return walk_stop(w, w->whole ? PKT_MALFORMED : PKT_TRUNCATED);
}

static inline enum pkt_layer
walk_skip(struct walk *w, uint32_t bytes, enum pkt_layer next)
{
	if (!walk_has(w, bytes))
		return walk_short(w);
	w->off += bytes;
	return next;
}

/* A length that a header states for what begins at off.  Bytes after it are padding; one that
 * is longer than what is here was cut. */
static inline void
walk_bound(struct walk *w, uint32_t bytes)
{
	if (!walk_has(w, bytes))
		return;
	w->end = w->off + bytes;
	w->whole = true;
}

/* Adds to the layers; false if the budget is spent. */
static inline bool
walk_push(struct walk *w, enum pkt_layer layer, uint32_t off)
{
	struct pkt_flow *flow = w->flow;

	if (flow->nlayers == PKT_MAX_HEADERS) {
		walk_stop(w, PKT_TOO_DEEP);
		return false;
	}
	flow->layer[flow->nlayers].what = (uint8_t)layer;
	flow->layer[flow->nlayers++].off = (uint16_t)off;
	return true;
}

/* The layer that is being walked becomes the flow; ends here: reason. */
static inline void
walk_flow(struct walk *w, enum pkt_family family, const uint8_t *src, const uint8_t *dst,
	uint32_t bytes, enum pkt_reason reason)
{
	struct pkt_flow *flow = w->flow;

	memset(flow, 0, offsetof(struct pkt_flow, vlans)); /* src, dst */
	memcpy(flow->src, src, bytes);
	memcpy(flow->dst, dst, bytes);
	flow->vlans = w->vlans;
	flow->sport = flow->dport = flow->ethertype = flow->l3_off = flow->l4_off = 0;
	flow->family = (uint8_t)family;
	flow->proto = 0;
	flow->reason = (uint8_t)reason;
	flow->hashed = (uint8_t)(flow->nlayers - 1);
}

/* link.c, tag.c: what an ethertype announces; walk_length also takes an IEEE 802.3 length. */
enum pkt_layer walk_type(struct walk *w, uint16_t type);
enum pkt_layer walk_length(struct walk *w, uint16_t type);
/* ip.c: what an IP protocol number announces. */
enum pkt_layer walk_proto(struct walk *w, uint8_t proto);
/* hash.c: the same for all fragments of a datagram, whose flow is set. */
uint64_t walk_tag(const struct walk *w, uint32_t id, uint8_t proto);

typedef enum pkt_layer walk_fn(struct walk *w);
walk_fn walk_ether, walk_null, walk_sll, walk_sll2, walk_llc;
walk_fn walk_radiotap, walk_prism, walk_ppi, walk_wlan;
walk_fn walk_chdlc, walk_fddi, walk_token_ring, walk_nflog;
walk_fn walk_vlan, walk_vntag, walk_pbb, walk_cfp, walk_macsec, walk_nsh, walk_mpls,
	walk_control_word, walk_pppoe, walk_ppp;
walk_fn walk_ipv4, walk_ipv6, walk_extension, walk_routing, walk_fragment, walk_ports;
walk_fn walk_icmp, walk_icmpv6;
walk_fn walk_gre, walk_erspan, walk_wccp, walk_etherip, walk_pim, walk_l2tpv3;
walk_fn walk_udp;

/* The layer of the NSH and VXLAN-GPE "next protocol" registry (RFC 8300, draft-ietf-nvo3-vxlan-
 * gpe: the same numbers). */
enum pkt_layer walk_next_protocol(uint8_t next);

#endif
