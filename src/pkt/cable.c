/*
 * pkt/cable: link layers that are neither Ethernet nor radio: HDLC, FDDI, token ring, what
 * nflog writes.  Called by the loop of parse.c.
 */
#include "walk.h"

/* Cisco's HDLC (RFC 1547 4.3.1): address, control, ethertype. */
enum pkt_layer
walk_chdlc(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_CHDLC_LEN))
		return walk_short(w);
	w->off += WIRE_CHDLC_LEN;
	return walk_type(w, wire_be16(h + 2));
}

/* RFC 1390: frame control, receiver, sender. */
enum pkt_layer
walk_fddi(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_FDDI_LEN))
		return walk_short(w);
	walk_flow(w, PKT_FAMILY_MAC, h + 7, h + 1, WIRE_MAC_LEN, PKT_NON_IP);
	w->off += WIRE_FDDI_LEN;
	return (h[0] & 0xf0) == WIRE_FDDI_LLC ? PKT_LAYER_LLC : PKT_LAYER_NONE;
}

/* IEEE 802.5: access and frame control, receiver, sender, and, if the sender's first bit is
 * set, a route. */
enum pkt_layer
walk_token_ring(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint8_t sender[WIRE_MAC_LEN];
	uint32_t len = WIRE_TOKEN_RING_LEN;

	if (!walk_has(w, len))
		return walk_short(w);
	memcpy(sender, h + 8, sizeof(sender));
	sender[0] &= 0x7f;
	walk_flow(w, PKT_FAMILY_MAC, sender, h + 2, WIRE_MAC_LEN, PKT_NON_IP);
	if (h[8] & 0x80) {
		if (!walk_has(w, len + 1))
			return walk_short(w);
		len += h[len] & 0x1f;
	}
	return walk_skip(
		w, len, (h[1] & 0xc0) == WIRE_TOKEN_RING_LLC ? PKT_LAYER_LLC : PKT_LAYER_NONE);
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html: family, version, group; attributes of
 * length and type in the reader's byte order, one of which is the packet. */
enum pkt_layer
walk_nflog(struct walk *w)
{
	uint8_t family;
	uint16_t len, type;

	if (!walk_has(w, WIRE_NFLOG_LEN))
		return walk_short(w);
	family = *walk_at(w);
	w->off += WIRE_NFLOG_LEN;
	for (int i = 0; i < WIRE_NFLOG_ATTRIBUTES; i++) {
		if (!walk_has(w, WIRE_NFLOG_LEN))
			return walk_short(w);
		memcpy(&len, walk_at(w), sizeof(len));
		memcpy(&type, walk_at(w) + 2, sizeof(type));
		if (len < WIRE_NFLOG_LEN)
			return walk_stop(w, PKT_MALFORMED);
		if (type == WIRE_NFLOG_PAYLOAD) {
			w->off += WIRE_NFLOG_LEN;
			walk_bound(w, len - WIRE_NFLOG_LEN);
			return family == WIRE_AF_INET	       ? PKT_LAYER_IPV4
			       : family == WIRE_AF_INET6_LINUX ? PKT_LAYER_IPV6
							       : PKT_LAYER_NONE;
		}
		if (!walk_has(w, (len + 3u) & ~3u))
			return walk_short(w);
		w->off += (len + 3u) & ~3u;
	}
	return PKT_LAYER_NONE;
}
