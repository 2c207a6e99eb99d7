/*
 * pkt/like: does it look like an IP header, or a frame?  Called by the walkers that must guess.
 */
#include "like.h"

/* Length 0: left to the card. */
bool
like_ipv4(struct view *v, uint32_t at)
{
	const uint8_t *h;
	uint32_t header, total;

	if (!view_has(v, at, 1) || v->p[at] >> 4 != 4 || !view_has(v, at, WIRE_IPV4_LEN))
		return false;
	h = v->p + at;
	header = (h[0] & 15u) * 4;
	total = wire_be16(h + 2);
	return header >= WIRE_IPV4_LEN && (total == 0 || total >= header) &&
	       (v->sliced || total <= v->len - at);
}

bool
like_ipv6(struct view *v, uint32_t at)
{
	if (!view_has(v, at, 1) || v->p[at] >> 4 != 6 || !view_has(v, at, WIRE_IPV6_LEN))
		return false;
	return v->sliced || wire_be16(v->p + at + 4) <= v->len - at - WIRE_IPV6_LEN;
}

enum pkt_layer
like_ip(struct view *v, uint32_t at)
{
	if (like_ipv4(v, at))
		return PKT_LAYER_IPV4;
	return like_ipv6(v, at) ? PKT_LAYER_IPV6 : PKT_LAYER_NONE;
}

/* RFC 826: Ethernet, IPv4. */
static bool
like_arp(struct view *v, uint32_t at)
{
	return view_has(v, at, 8) && wire_be32(v->p + at) == 0x00010800 &&
	       wire_be16(v->p + at + 4) == 0x0604;
}

static enum like
like_llc(struct view *v, uint32_t at, uint16_t length)
{
	const uint8_t *h;

	if (length < WIRE_LLC_LEN || !view_has(v, at, WIRE_LLC_LEN) || length > v->len - at)
		return LIKE_NOT;
	h = v->p + at;
	switch (h[0]) {
	case WIRE_SAP_IP:
	case WIRE_SAP_STP:
	case WIRE_SAP_SNAP:
	case WIRE_SAP_IPX:
	case WIRE_SAP_NETBIOS:
	case WIRE_SAP_OSI:
		return h[1] == h[0] && h[2] == WIRE_LLC_UI ? LIKE_KNOWN : LIKE_NOT;
	default:
		return LIKE_NOT;
	}
}

static bool
is_tag(uint16_t type)
{
	return type == WIRE_ETHERTYPE_VLAN || type == WIRE_ETHERTYPE_QINQ ||
	       type == WIRE_ETHERTYPE_9100;
}

static enum like
sure(bool is)
{
	return is ? LIKE_SURE : LIKE_NOT;
}

/* Two tags at most. */
enum like
like_type(struct view *v, uint32_t at, uint16_t type)
{
	for (int i = 0; i < 2 && is_tag(type); i++, at += WIRE_TAG_LEN) {
		if (!view_has(v, at, WIRE_TAG_LEN))
			return LIKE_NOT;
		type = wire_be16(v->p + at + 2);
	}
	if (type < WIRE_ETHERTYPE_MIN)
		return like_llc(v, at, type);
	switch (type) {
	case WIRE_ETHERTYPE_IPV4:
		return sure(like_ipv4(v, at));
	case WIRE_ETHERTYPE_IPV6:
		return sure(like_ipv6(v, at));
	case WIRE_ETHERTYPE_ARP:
		return sure(like_arp(v, at));
	case WIRE_ETHERTYPE_VLAN:
	case WIRE_ETHERTYPE_QINQ:
	case WIRE_ETHERTYPE_9100:
	case WIRE_ETHERTYPE_RARP:
	case WIRE_ETHERTYPE_SLOW:
	case WIRE_ETHERTYPE_MPLS:
	case WIRE_ETHERTYPE_MPLS_MULTI:
	case WIRE_ETHERTYPE_PPPOE_FIND:
	case WIRE_ETHERTYPE_PPPOE:
	case WIRE_ETHERTYPE_EAPOL:
	case WIRE_ETHERTYPE_LLDP:
	case WIRE_ETHERTYPE_MACSEC:
	case WIRE_ETHERTYPE_PBB:
	case WIRE_ETHERTYPE_PTP:
	case WIRE_ETHERTYPE_CFM:
	case WIRE_ETHERTYPE_FCOE:
	case WIRE_ETHERTYPE_NSH:
	case WIRE_ETHERTYPE_LOOP:
		return LIKE_KNOWN;
	default:
		return LIKE_NOT;
	}
}

/* Nobody sends from a group's address, nor, except a loopback interface, from none. */
enum like
like_ether(struct view *v, uint32_t at)
{
	const uint8_t *h;
	enum like type;

	if (!view_has(v, at, WIRE_ETHER_LEN) || (v->p[at + 6] & 1))
		return LIKE_NOT;
	h = v->p + at;
	type = like_type(v, at + WIRE_ETHER_LEN, wire_be16(h + 12));
	if (type != LIKE_SURE && wire_be32(h + 6) == 0 && wire_be16(h + 10) == 0)
		return LIKE_NOT;
	return type;
}
