/*
 * pkt/tunnel: what is carried by an IP protocol number of its own.  Called by the loop of
 * parse.c.
 */
#include "like.h"

/* RFC 2637: PPP, where a sequence number says that there is some; else a mere acknowledgement.
 * The upper half of the key is the payload's length. */
static enum pkt_layer
walk_pptp(struct walk *w, uint32_t flags, uint16_t type)
{
	const uint8_t *h = walk_at(w);
	uint32_t len = WIRE_GRE_LEN + 4;

	if (type != WIRE_GRE_PPP || !(flags & WIRE_GRE_KEY) || !(flags & WIRE_GRE_SEQUENCE))
		return PKT_LAYER_NONE;
	len += flags & WIRE_GRE_ACK ? 8 : 4;
	if (!walk_has(w, len))
		return walk_short(w);
	w->off += len;
	walk_bound(w, wire_be16(h + 4));
	return PKT_LAYER_PPP;
}

/* RFC 1701: source route entries, the last one of length 0. */
static bool
skip_routes(struct walk *w)
{
	for (int i = 0; i < WIRE_GRE_ROUTES; i++) {
		const uint8_t *h = walk_at(w);

		if (!walk_has(w, 4) || !walk_has(w, 4u + h[3])) {
			walk_short(w);
			return false;
		}
		w->off += 4u + h[3];
		if (h[3] == 0)
			return true;
	}
	walk_stop(w, PKT_TOO_DEEP);
	return false;
}

static enum pkt_layer
gre_payload(struct walk *w, uint32_t flags, uint16_t type)
{
	switch (type) {
	case WIRE_GRE_PPP:
		return PKT_LAYER_PPP;
	case WIRE_GRE_ERSPAN:
		/* Type I has neither sequence number nor header. */
		return flags & WIRE_GRE_SEQUENCE ? PKT_LAYER_ERSPAN : PKT_LAYER_ETHERNET;
	case WIRE_GRE_ERSPAN3:
		return PKT_LAYER_ERSPAN;
	case WIRE_GRE_WCCP:
		return PKT_LAYER_WCCP;
	default:
		return type < WIRE_ETHERTYPE_MIN ? PKT_LAYER_NONE : walk_type(w, type);
	}
}

/* RFC 1701, 2784, 2890; NVGRE (RFC 7637) is transparent Ethernet with a key. */
enum pkt_layer
walk_gre(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t flags, len = WIRE_GRE_LEN;
	uint16_t type;

	if (!walk_has(w, WIRE_GRE_LEN))
		return walk_short(w);
	flags = wire_be16(h);
	type = wire_be16(h + 2);
	if ((flags & WIRE_GRE_VERSION) == 1)
		return walk_pptp(w, flags, type);
	if ((flags & WIRE_GRE_VERSION) != 0)
		return PKT_LAYER_NONE;
	len += flags & (WIRE_GRE_CHECKSUM | WIRE_GRE_ROUTING) ? 4 : 0;
	len += flags & WIRE_GRE_KEY ? 4 : 0;
	len += flags & WIRE_GRE_SEQUENCE ? 4 : 0;
	if (!walk_has(w, len))
		return walk_short(w);
	w->off += len;
	if ((flags & WIRE_GRE_ROUTING) && !skip_routes(w))
		return PKT_LAYER_NONE;
	return gre_payload(w, flags, type);
}

/* draft-foschiano-erspan: version 1 is type II, 2 is type III, whose last bit (O) announces a
 * subheader.  Some send type I with a sequence number: no version, but a frame. */
enum pkt_layer
walk_erspan(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	struct view v = view_rest(w);

	if (!walk_has(w, WIRE_ERSPAN2_LEN))
		return walk_short(w);
	if (h[0] >> 4 == 2) {
		if (!walk_has(w, WIRE_ERSPAN3_LEN))
			return walk_short(w);
		return walk_skip(w, h[11] & 1 ? WIRE_ERSPAN3_LEN + 8 : WIRE_ERSPAN3_LEN,
			PKT_LAYER_ETHERNET);
	}
	if (h[0] >> 4 == 1 && like_ether(&v, 0) != LIKE_SURE)
		return walk_skip(w, WIRE_ERSPAN2_LEN, PKT_LAYER_ETHERNET);
	return PKT_LAYER_ETHERNET;
}

/* draft-wilson-wrec-wccp-v2: version 2 puts 4 bytes before IPv4, version 1 nothing. */
enum pkt_layer
walk_wccp(struct walk *w)
{
	if (walk_has(w, 1) && *walk_at(w) >> 4 == 4)
		return PKT_LAYER_IPV4;
	return walk_skip(w, WIRE_WCCP_LEN, PKT_LAYER_IPV4);
}

/* RFC 3378: version 3, the rest reserved. */
enum pkt_layer
walk_etherip(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (walk_has(w, WIRE_ETHERIP_LEN) && wire_be16(h) != WIRE_ETHERIP_VERSION)
		return PKT_LAYER_NONE;
	return walk_skip(w, WIRE_ETHERIP_LEN, PKT_LAYER_ETHERNET);
}

/* RFC 7761 4.9.3: a Register takes a multicast packet to the rendezvous point. */
enum pkt_layer
walk_pim(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, 1))
		return walk_short(w);
	if (h[0] != WIRE_PIM_REGISTER)
		return PKT_LAYER_NONE;
	if (!walk_has(w, WIRE_PIM_LEN + 1))
		return walk_short(w);
	if (h[4] & WIRE_PIM_NULL)
		return PKT_LAYER_NONE;
	switch (h[WIRE_PIM_LEN] >> 4) {
	case 4:
		return walk_skip(w, WIRE_PIM_LEN, PKT_LAYER_IPV4);
	case 6:
		return walk_skip(w, WIRE_PIM_LEN, PKT_LAYER_IPV6);
	default:
		return PKT_LAYER_NONE;
	}
}

/* RFC 3931 4.1.1: session 0 is control. */
enum pkt_layer
walk_l2tpv3(struct walk *w)
{
	struct view v = view_rest(w);
	enum pkt_layer next;
	uint32_t skip;

	if (!walk_has(w, 4))
		return walk_short(w);
	if (wire_be32(v.p) == 0)
		return PKT_LAYER_NONE;
	next = guess_l2tpv3(&v, 4, &skip);
	if (next == PKT_LAYER_NONE)
		return v.cut ? walk_short(w) : PKT_LAYER_NONE;
	return walk_skip(w, skip, next);
}
