/*
 * pkt/ip: IP headers, extension headers, fragments, ports.  Called by the loop of parse.c.
 */
#include "walk.h"

static bool
is_extension(enum pkt_layer layer)
{
	return layer >= PKT_LAYER_HOP_BY_HOP && layer <= PKT_LAYER_SHIM6;
}

static bool
is_tunnel(enum pkt_layer layer)
{
	switch (layer) {
	case PKT_LAYER_IPV4:
	case PKT_LAYER_IPV6:
	case PKT_LAYER_GRE:
	case PKT_LAYER_ETHERIP:
	case PKT_LAYER_PIM:
	case PKT_LAYER_ETHERNET:
	case PKT_LAYER_MPLS:
	case PKT_LAYER_L2TP:
		return true;
	default:
		return false;
	}
}

static const uint8_t layers[256] = {
	[WIRE_IP_HOP_BY_HOP] = PKT_LAYER_HOP_BY_HOP,
	[WIRE_IP_ICMP] = PKT_LAYER_ICMP,
	[WIRE_IP_IPV4] = PKT_LAYER_IPV4,
	[WIRE_IP_TCP] = PKT_LAYER_TCP,
	[WIRE_IP_UDP] = PKT_LAYER_UDP,
	[WIRE_IP_DCCP] = PKT_LAYER_DCCP,
	[WIRE_IP_IPV6] = PKT_LAYER_IPV6,
	[WIRE_IP_ROUTING] = PKT_LAYER_ROUTING,
	[WIRE_IP_FRAGMENT] = PKT_LAYER_FRAGMENT,
	[WIRE_IP_GRE] = PKT_LAYER_GRE,
	[WIRE_IP_ESP] = PKT_LAYER_ESP,
	[WIRE_IP_AH] = PKT_LAYER_AH,
	[WIRE_IP_ICMPV6] = PKT_LAYER_ICMPV6,
	[WIRE_IP_DEST_OPTS] = PKT_LAYER_DEST_OPTS,
	[WIRE_IP_ETHERIP] = PKT_LAYER_ETHERIP,
	[WIRE_IP_PIM] = PKT_LAYER_PIM,
	[WIRE_IP_L2TP] = PKT_LAYER_L2TP,
	[WIRE_IP_SCTP] = PKT_LAYER_SCTP,
	[WIRE_IP_MOBILITY] = PKT_LAYER_MOBILITY,
	[WIRE_IP_UDPLITE] = PKT_LAYER_UDPLITE,
	[WIRE_IP_MPLS] = PKT_LAYER_MPLS,
	[WIRE_IP_HIP] = PKT_LAYER_HIP,
	[WIRE_IP_SHIM6] = PKT_LAYER_SHIM6,
	[WIRE_IP_ETHERNET] = PKT_LAYER_ETHERNET,
};

/* Extension headers are IPv6's, but AH: in IPv4, too, it hides no ports. */
enum pkt_layer
walk_proto(struct walk *w, uint8_t proto)
{
	struct pkt_flow *flow = w->flow;
	enum pkt_layer next = layers[proto];

	flow->proto = proto;
	if (is_extension(next)) {
		if (flow->family == PKT_FAMILY_IPV6 || next == PKT_LAYER_AH)
			return next;
		next = PKT_LAYER_NONE;
	}
	flow->l4_off = (uint16_t)w->off;
	return w->conf->outer && is_tunnel(next) ? PKT_LAYER_NONE : next;
}

/*
 * A first fragment is walked on, as far as it goes; a later one has nothing to go by but its
 * tag.  What is quoted is no fragment that others could follow.
 */
static bool
enter_fragment(struct walk *w, bool later, uint32_t id, uint8_t proto)
{
	struct pkt_flow *flow = w->flow;

	w->whole = false;
	if (w->quoted && !later)
		return true;
	if (flow->nfrags == PKT_MAX_FRAGS) {
		walk_stop(w, PKT_TOO_DEEP);
		return false;
	}
	flow->frag[flow->nfrags++] = walk_tag(w, id, proto);
	flow->later = later;
	return !later;
}

/*
 * Length 0: the sender left it to its card (TSO).  Some that quote a datagram put its length in
 * their own byte order, or leave out the header's.
 */
static bool
bound_ipv4(struct walk *w, uint32_t header, uint32_t total)
{
	if (header < WIRE_IPV4_LEN)
		return false;
	if (total == 0 || (w->quoted && total < header + WIRE_QUOTE_LEN))
		return true;
	if (total < header)
		return false;
	walk_bound(w, total);
	return true;
}

/* A wrong version says that this is no IPv4 at all: it goes by what is below.  A wrong header
 * length leaves the addresses where they are. */
enum pkt_layer
walk_ipv4(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t header, fragment;

	if (!walk_has(w, WIRE_IPV4_LEN))
		return walk_short(w);
	if (h[0] >> 4 != 4)
		return walk_stop(w, PKT_MALFORMED);
	walk_flow(w, PKT_FAMILY_IPV4, h + 12, h + 16, 4, PKT_NO_PORTS);
	w->flow->ethertype = WIRE_ETHERTYPE_IPV4;
	w->flow->l3_off = (uint16_t)w->off;
	w->flow->proto = h[9];
	header = (h[0] & 15u) * 4;
	if (!bound_ipv4(w, header, wire_be16(h + 2)))
		return walk_stop(w, PKT_MALFORMED);
	fragment = wire_be16(h + 6) & WIRE_IPV4_FRAGMENT;
	if (fragment != 0 &&
		!enter_fragment(w, (fragment & WIRE_IPV4_OFFSET) != 0, wire_be16(h + 4), h[9]))
		return PKT_LAYER_NONE;
	if (!walk_has(w, header))
		return walk_short(w);
	w->off += header;
	return walk_proto(w, h[9]);
}

/* Length 0: a jumbogram (RFC 2675), or left to the card. */
enum pkt_layer
walk_ipv6(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t payload;

	if (!walk_has(w, WIRE_IPV6_LEN))
		return walk_short(w);
	if (h[0] >> 4 != 6)
		return walk_stop(w, PKT_MALFORMED);
	walk_flow(w, PKT_FAMILY_IPV6, h + 8, h + 24, 16, PKT_NO_PORTS);
	w->flow->ethertype = WIRE_ETHERTYPE_IPV6;
	w->flow->l3_off = (uint16_t)w->off;
	payload = wire_be16(h + 4);
	w->off += WIRE_IPV6_LEN;
	if (payload != 0)
		walk_bound(w, payload);
	return walk_proto(w, h[6]);
}

/* flow->proto is what the header at off is. */
static uint32_t
extension_len(const struct walk *w)
{
	uint32_t field = walk_at(w)[1];

	return w->flow->proto == WIRE_IP_AH ? (field + 2) * 4 : (field + 1) * 8;
}

enum pkt_layer
walk_extension(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t len;

	if (!walk_has(w, WIRE_EXT_LEN))
		return walk_short(w);
	len = extension_len(w);
	w->flow->proto = h[0];
	if (!walk_has(w, len))
		return walk_short(w);
	w->off += len;
	return walk_proto(w, h[0]);
}

/*
 * Where segments are left, the destination is but the next stop; the answer will come from the
 * last one: at the end of RFC 2460's list (type 0), at the start of RFC 8754's (type 4).  The
 * addresses of mobile nodes (type 2) stay as they are: the other direction has the same.
 */
enum pkt_layer
walk_routing(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t len;

	if (!walk_has(w, WIRE_EXT_LEN))
		return walk_short(w);
	len = extension_len(w);
	if (walk_has(w, len) && len >= 8 + 16 && h[3] != 0) {
		if (h[2] == WIRE_ROUTING_SEGMENTS)
			memcpy(w->flow->dst, h + 8, 16);
		else if (h[2] == WIRE_ROUTING_SOURCE)
			memcpy(w->flow->dst, h + len - 16, 16);
	}
	return walk_extension(w);
}

/* An atomic fragment (RFC 6946: no offset, none to follow) is a whole datagram. */
enum pkt_layer
walk_fragment(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t fragment;

	if (!walk_has(w, WIRE_EXT_LEN))
		return walk_short(w);
	w->flow->proto = h[0];
	fragment = wire_be16(h + 2) & WIRE_IPV6_FRAGMENT;
	if (fragment != 0 &&
		!enter_fragment(w, (fragment & WIRE_IPV6_OFFSET) != 0, wire_be32(h + 4), 0))
		return PKT_LAYER_NONE;
	w->off += WIRE_EXT_LEN;
	return walk_proto(w, h[0]);
}

enum pkt_layer
walk_ports(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_PORTS_LEN))
		return walk_short(w);
	w->flow->sport = wire_be16(h);
	w->flow->dport = wire_be16(h + 2);
	return walk_stop(w, PKT_OK);
}
