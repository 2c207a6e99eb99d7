/*
 * pkt/link: link layers, and what ethertypes announce.  Called by the loop of parse.c.
 */
#include "walk.h"

enum pkt_link
pkt_link_from_dlt(int dlt)
{
	switch (dlt) {
	case WIRE_DLT_ETHER:
		return PKT_LINK_ETHER;
	case WIRE_DLT_RAW:
	case WIRE_DLT_RAW_BSD:
	case WIRE_DLT_RAW_FILE:
	case WIRE_DLT_IPV4:
	case WIRE_DLT_IPV6:
		return PKT_LINK_RAW;
	case WIRE_DLT_NULL:
	case WIRE_DLT_LOOP:
		return PKT_LINK_NULL;
	case WIRE_DLT_SLL:
		return PKT_LINK_SLL;
	case WIRE_DLT_SLL2:
		return PKT_LINK_SLL2;
	case WIRE_DLT_PPP:
	case WIRE_DLT_PPP_SERIAL:
		return PKT_LINK_PPP;
	case WIRE_DLT_CHDLC:
		return PKT_LINK_CHDLC;
	case WIRE_DLT_WLAN:
		return PKT_LINK_WLAN;
	case WIRE_DLT_RADIOTAP:
		return PKT_LINK_RADIOTAP;
	case WIRE_DLT_PRISM:
	case WIRE_DLT_AVS:
		return PKT_LINK_PRISM;
	case WIRE_DLT_PPI:
		return PKT_LINK_PPI;
	case WIRE_DLT_FDDI:
		return PKT_LINK_FDDI;
	case WIRE_DLT_TOKEN_RING:
		return PKT_LINK_TOKEN_RING;
	case WIRE_DLT_MPLS:
		return PKT_LINK_MPLS;
	case WIRE_DLT_NFLOG:
		return PKT_LINK_NFLOG;
	default:
		return PKT_LINK_OTHER;
	}
}

/* What is not known ends the walk.  A flow that goes by MAC addresses goes by the type, too. */
enum pkt_layer
walk_type(struct walk *w, uint16_t type)
{
	if (w->flow->family <= PKT_FAMILY_MAC)
		w->flow->ethertype = type;
	switch (type) {
	case WIRE_ETHERTYPE_IPV4:
		return PKT_LAYER_IPV4;
	case WIRE_ETHERTYPE_IPV6:
		return PKT_LAYER_IPV6;
	case WIRE_ETHERTYPE_VLAN:
	case WIRE_ETHERTYPE_QINQ:
	case WIRE_ETHERTYPE_9100:
	case WIRE_ETHERTYPE_9200:
	case WIRE_ETHERTYPE_9300:
		return PKT_LAYER_VLAN;
	case WIRE_ETHERTYPE_MPLS:
	case WIRE_ETHERTYPE_MPLS_MULTI:
		return PKT_LAYER_MPLS;
	case WIRE_ETHERTYPE_PPPOE:
		return PKT_LAYER_PPPOE;
	case WIRE_ETHERTYPE_PBB:
		return PKT_LAYER_PBB;
	case WIRE_ETHERTYPE_VNTAG:
		return PKT_LAYER_VNTAG;
	case WIRE_ETHERTYPE_CFP:
		return PKT_LAYER_CFP;
	case WIRE_ETHERTYPE_MACSEC:
		return PKT_LAYER_MACSEC;
	case WIRE_ETHERTYPE_NSH:
		return PKT_LAYER_NSH;
	case WIRE_ETHERTYPE_BRIDGED:
		return PKT_LAYER_ETHERNET;
	case WIRE_ETHERTYPE_LLC:
		return PKT_LAYER_LLC;
	case WIRE_ETHERTYPE_ARP:
		return PKT_LAYER_ARP;
	default:
		return PKT_LAYER_NONE;
	}
}

/* A small value is a length: it differs from packet to packet and must not part a conversation,
 * so it's taken as 0. */
enum pkt_layer
walk_length(struct walk *w, uint16_t type)
{
	if (type >= WIRE_ETHERTYPE_MIN)
		return walk_type(w, type);
	if (w->flow->family <= PKT_FAMILY_MAC)
		w->flow->ethertype = 0;
	if (type >= WIRE_LLC_LEN)
		walk_bound(w, type);
	return PKT_LAYER_LLC;
}

/* The outermost one goes by what of its addresses was captured.  No length: one that is carried
 * may be cut, whatever the carrier is. */
enum pkt_layer
walk_ether(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	bool complete = walk_has(w, WIRE_ETHER_LEN);

	w->whole = false;
	if (complete || (w->off == 0 && walk_has(w, 2 * WIRE_MAC_LEN)))
		walk_flow(w, PKT_FAMILY_MAC, h + WIRE_MAC_LEN, h, WIRE_MAC_LEN, PKT_NON_IP);
	if (!complete)
		return walk_short(w);
	w->off += WIRE_ETHER_LEN;
	return walk_length(w, wire_be16(h + 2 * WIRE_MAC_LEN));
}

/* IEEE 802.2; SNAP (RFC 1042, and 802.1H's bridge tunnel) has an ethertype, SAP 6 is IP. */
enum pkt_layer
walk_llc(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint16_t type;

	if (!walk_has(w, WIRE_LLC_LEN))
		return walk_short(w);
	if (h[0] == WIRE_SAP_IP && h[1] == WIRE_SAP_IP && h[2] == WIRE_LLC_UI)
		return walk_skip(w, WIRE_LLC_LEN, PKT_LAYER_IPV4);
	if (h[0] != WIRE_SAP_SNAP || h[1] != WIRE_SAP_SNAP || h[2] != WIRE_LLC_UI)
		return PKT_LAYER_NONE;
	if (!walk_has(w, WIRE_SNAP_LEN))
		return walk_short(w);
	type = wire_be16(h + 6);
	if (h[3] != 0 || h[4] != 0 || (h[5] != 0 && h[5] != 0xf8) || type < WIRE_ETHERTYPE_MIN)
		return PKT_LAYER_NONE;
	w->off += WIRE_SNAP_LEN;
	return walk_type(w, type);
}

/* The family is in the byte order of whoever wrote it; all are small numbers. */
enum pkt_layer
walk_null(struct walk *w)
{
	uint32_t family;

	if (!walk_has(w, WIRE_NULL_LEN))
		return walk_short(w);
	family = wire_be32(walk_at(w));
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	w->off += WIRE_NULL_LEN;
	switch (family) {
	case WIRE_AF_INET:
		return PKT_LAYER_IPV4;
	case WIRE_AF_INET6_LINUX:
	case WIRE_AF_INET6_NETBSD:
	case WIRE_AF_INET6_FREEBSD:
	case WIRE_AF_INET6_MACOS:
		return PKT_LAYER_IPV6;
	default:
		return PKT_LAYER_NONE;
	}
}

/*
 * Linux cooked: it has the sender's address only, which would part the two directions of what
 * is not IP; so that goes by its protocol alone.  Netlink's protocols are no ethertypes.
 */
static enum pkt_layer
walk_cooked(struct walk *w, uint32_t header, uint32_t hardware_at, uint32_t protocol_at)
{
	const uint8_t *h = walk_at(w);
	uint16_t type;

	if (!walk_has(w, header))
		return walk_short(w);
	type = wire_be16(h + protocol_at);
	w->off += header;
	w->flow->ethertype = type;
	if (wire_be16(h + hardware_at) == WIRE_ARPHRD_NETLINK)
		return PKT_LAYER_NONE;
	if (type == WIRE_SLL_LLC)
		return PKT_LAYER_LLC;
	return walk_type(w, type);
}

enum pkt_layer
walk_sll(struct walk *w)
{
	return walk_cooked(w, WIRE_SLL_LEN, 2, 14);
}

enum pkt_layer
walk_sll2(struct walk *w)
{
	return walk_cooked(w, WIRE_SLL2_LEN, 8, 0);
}
