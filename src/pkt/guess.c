/*
 * pkt/guess: UDP payloads on the port of a tunnel.  Called by walk_udp.
 *
 * Others use these ports, too, and a wrong guess in one direction would tear their
 * conversations.  So every bit that has a rule is asked for (versions, reserved bits, lengths
 * to the byte), and what follows must look like what it is said to be: 40 bits at least.
 * `sliced` is for those whose own header leaves little doubt.
 */
#include "like.h"

static enum pkt_layer
frame(struct view *v, uint32_t at)
{
	return like_ether(v, at) != LIKE_NOT ? PKT_LAYER_ETHERNET : PKT_LAYER_NONE;
}

static enum pkt_layer
same(enum pkt_layer said, enum pkt_layer seen)
{
	return said == seen ? seen : PKT_LAYER_NONE;
}

/* An ethertype whose walker is told by it, and which was looked at. */
static enum pkt_layer
typed(struct view *v, uint32_t at, uint16_t type)
{
	switch (type) {
	case WIRE_ETHERTYPE_BRIDGED:
		return frame(v, at);
	case WIRE_ETHERTYPE_IPV4:
		return same(PKT_LAYER_IPV4, like_ip(v, at));
	case WIRE_ETHERTYPE_IPV6:
		return same(PKT_LAYER_IPV6, like_ip(v, at));
	default:
		return PKT_LAYER_NONE;
	}
}

/* RFC 7348; draft-smith-vxlan-group-policy has a group and two flags in what is reserved. */
enum pkt_layer
guess_vxlan(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;
	bool plain, policy;

	if (!view_has(v, 0, WIRE_VXLAN_LEN) || h[7] != 0)
		return PKT_LAYER_NONE;
	plain = wire_be32(h) == 0x08000000;
	policy = h[0] == 0x88 && (h[1] & ~0x48) == 0;
	if (!plain && !policy)
		return PKT_LAYER_NONE;
	*skip = WIRE_VXLAN_LEN;
	v->sliced = true;
	return frame(v, WIRE_VXLAN_LEN);
}

/* draft-ietf-nvo3-vxlan-gpe: version 0, an instance, a next protocol. */
enum pkt_layer
guess_vxlan_gpe(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;
	enum pkt_layer next;
	uint32_t at = WIRE_VXLAN_LEN;

	if (!view_has(v, 0, at) || (h[0] & 0xfe) != 0x0c || h[1] != 0 || h[2] != 0 || h[7] != 0)
		return PKT_LAYER_NONE;
	*skip = at;
	v->sliced = true;
	next = walk_next_protocol(h[3]);
	switch (next) {
	case PKT_LAYER_ETHERNET:
		return frame(v, at);
	case PKT_LAYER_NSH:
		return view_has(v, at, WIRE_NSH_LEN) && h[at] >> 6 == 0 &&
				       (h[at + 1] & 63) >= WIRE_NSH_LEN / 4
			       ? next
			       : PKT_LAYER_NONE;
	case PKT_LAYER_MPLS:
		return view_has(v, at, WIRE_MPLS_LEN) && h[at + 3] != 0 ? next : PKT_LAYER_NONE;
	default:
		return same(next, like_ip(v, at));
	}
}

/* RFC 8926. */
enum pkt_layer
guess_geneve(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;

	if (!view_has(v, 0, WIRE_GENEVE_LEN) || h[0] >> 6 != 0 || (h[1] & 63) != 0 || h[7] != 0)
		return PKT_LAYER_NONE;
	*skip = WIRE_GENEVE_LEN + (h[0] & 63u) * 4;
	v->sliced = true;
	return typed(v, *skip, wire_be16(h + 2));
}

/* 3GPP TS 29.281 5.2: extension headers say their own length and the next one's type. */
static uint32_t
gtp_extensions(struct view *v)
{
	uint32_t at = WIRE_GTP_LEN + 4;
	uint8_t type;

	if (!view_has(v, 0, at))
		return 0;
	type = v->p[0] & WIRE_GTP_E ? v->p[at - 1] : 0;
	for (int i = 0; type != 0; i++) {
		uint32_t len;

		if (i == WIRE_GTP_EXTENSIONS || !view_has(v, at, 1))
			return 0;
		len = v->p[at] * 4u;
		if (len == 0 || !view_has(v, at, len))
			return 0;
		at += len;
		type = v->p[at - 1];
	}
	return at;
}

/* A G-PDU of version 1. */
enum pkt_layer
guess_gtp(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;

	if (!view_has(v, 0, WIRE_GTP_LEN) || (h[0] & ~7) != WIRE_GTP_V1 ||
		h[1] != WIRE_GTP_PDU || wire_be16(h + 2) != v->len - WIRE_GTP_LEN)
		return PKT_LAYER_NONE;
	v->sliced = true;
	*skip = h[0] & 7 ? gtp_extensions(v) : WIRE_GTP_LEN;
	return *skip ? like_ip(v, *skip) : PKT_LAYER_NONE;
}

static bool
is_teredo(const uint8_t *address)
{
	uint32_t prefix = wire_be32(address);

	return prefix == WIRE_TEREDO || prefix == WIRE_TEREDO_OLD || prefix == WIRE_LINK_LOCAL;
}

/* RFC 4380 5.1.1: authentication, origin, IPv6; a server's or client's own addresses. */
enum pkt_layer
guess_teredo(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;
	uint32_t at = 0;

	if (!view_has(v, 0, 4))
		return PKT_LAYER_NONE;
	if (wire_be16(h) == WIRE_TEREDO_AUTH)
		at = 4u + h[2] + h[3] + 9;
	if (view_has(v, at, 2) && wire_be16(h + at) == WIRE_TEREDO_ORIGIN)
		at += 8;
	*skip = at;
	if (!like_ipv6(v, at) || !(is_teredo(h + at + 8) || is_teredo(h + at + 24)))
		return PKT_LAYER_NONE;
	return PKT_LAYER_IPV6;
}

/* draft-massar-v6ops-ayiya: identity and signature state their length; opcode 1 forwards. */
enum pkt_layer
guess_ayiya(struct view *v, uint32_t *skip)
{
	const uint8_t *h = v->p;
	enum pkt_layer next;

	if (!view_has(v, 0, WIRE_AYIYA_LEN) || (h[2] & 15) != 1)
		return PKT_LAYER_NONE;
	*skip = WIRE_AYIYA_LEN + (1u << (h[0] >> 4)) + (h[1] >> 4) * 4u;
	next = like_ip(v, *skip);
	if (next == PKT_LAYER_IPV6 && h[3] == WIRE_IP_IPV6 &&
		wire_be16(h + *skip + 4) == v->len - *skip - WIRE_IPV6_LEN)
		return next;
	if (next == PKT_LAYER_IPV4 && h[3] == WIRE_IP_IPV4 &&
		wire_be16(h + *skip + 2) == v->len - *skip)
		return next;
	return PKT_LAYER_NONE;
}

/* RFC 8086: checksum, key, sequence number; the GRE header is then walked like any other. */
enum pkt_layer
guess_gre(struct view *v, uint32_t *skip)
{
	uint32_t flags, at = WIRE_GRE_LEN;

	if (!view_has(v, 0, WIRE_GRE_LEN))
		return PKT_LAYER_NONE;
	flags = wire_be16(v->p);
	if (flags & ~(WIRE_GRE_CHECKSUM | WIRE_GRE_KEY | WIRE_GRE_SEQUENCE))
		return PKT_LAYER_NONE;
	at += (uint32_t)__builtin_popcount(flags) * 4;
	*skip = 0;
	if (typed(v, at, wire_be16(v->p + 2)) == PKT_LAYER_NONE)
		return PKT_LAYER_NONE;
	return PKT_LAYER_GRE;
}

/* RFC 7510: IP below a few labels. */
enum pkt_layer
guess_mpls(struct view *v, uint32_t *skip)
{
	*skip = 0;
	for (uint32_t at = 0; at < WIRE_MPLS_LABELS * WIRE_MPLS_LEN;) {
		if (!view_has(v, at, WIRE_MPLS_LEN) || v->p[at + 3] == 0)
			return PKT_LAYER_NONE;
		at += WIRE_MPLS_LEN;
		if (v->p[at - 2] & 1)
			return like_ip(v, at) != PKT_LAYER_NONE ? PKT_LAYER_MPLS
								: PKT_LAYER_NONE;
	}
	return PKT_LAYER_NONE;
}

/* Cookies of 0, 4 or 8 bytes, with or without a sublayer of 4: a frame with IP or ARP in it. */
enum pkt_layer
guess_l2tpv3(struct view *v, uint32_t at, uint32_t *skip)
{
	for (*skip = at; *skip <= at + 12; *skip += 4) {
		if (like_ether(v, *skip) == LIKE_SURE)
			return PKT_LAYER_ETHERNET;
	}
	return PKT_LAYER_NONE;
}

/* PPP with IP in it. */
static enum pkt_layer
like_ppp(struct view *v, uint32_t at)
{
	if (!view_has(v, at, 2))
		return PKT_LAYER_NONE;
	if (wire_be16(v->p + at) == WIRE_PPP_ADDRESS)
		at += 2;
	if (!view_has(v, at, 2))
		return PKT_LAYER_NONE;
	at += v->p[at] == 0;
	switch (v->p[at]) {
	case WIRE_PPP_IPV4:
		return like_ipv4(v, at + 1) ? PKT_LAYER_PPP : PKT_LAYER_NONE;
	case WIRE_PPP_IPV6:
		return like_ipv6(v, at + 1) ? PKT_LAYER_PPP : PKT_LAYER_NONE;
	default:
		return PKT_LAYER_NONE;
	}
}

/* RFC 2661 3.1; data, not control. */
static enum pkt_layer
guess_l2tpv2(struct view *v, uint32_t flags, uint32_t *skip)
{
	uint32_t at = 2;

	if (flags & WIRE_L2TP_LENGTH) {
		if (!view_has(v, at, 2) || wire_be16(v->p + at) != v->len)
			return PKT_LAYER_NONE;
		at += 2;
	}
	if (!view_has(v, at, 4) || wire_be16(v->p + at) == 0 || wire_be16(v->p + at + 2) == 0)
		return PKT_LAYER_NONE;
	at += 4;
	at += flags & WIRE_L2TP_SEQUENCE ? 4 : 0;
	if (flags & WIRE_L2TP_OFFSET) {
		if (!view_has(v, at, 2))
			return PKT_LAYER_NONE;
		at += 2u + wire_be16(v->p + at);
	}
	*skip = at;
	return like_ppp(v, at);
}

enum pkt_layer
guess_l2tp(struct view *v, uint32_t *skip)
{
	uint32_t flags;

	if (!view_has(v, 0, 8))
		return PKT_LAYER_NONE;
	flags = wire_be16(v->p);
	if ((flags & ~WIRE_L2TP_FLAGS) == 2)
		return guess_l2tpv2(v, flags, skip);
	if (wire_be32(v->p) == 0x00030000 && wire_be32(v->p + 4) != 0)
		return guess_l2tpv3(v, 8, skip);
	return PKT_LAYER_NONE;
}
