/*
 * pkt/tag: what stands between a link layer and IP: tags, labels, PPP.  Called by the loop of
 * parse.c.
 */
#include "like.h"

/* The fold depends on the order; the factor is odd, so no step loses anything.  Id 0 is a mere
 * priority: no VLAN. */
enum pkt_layer
walk_vlan(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t id;

	if (!walk_has(w, WIRE_TAG_LEN))
		return walk_short(w);
	id = wire_be16(h) & 0xfff;
	if (id != 0)
		w->vlans = (w->vlans + id) * UINT64_C(0x9e3779b97f4a7c15);
	if (w->flow->family <= PKT_FAMILY_MAC)
		w->flow->vlans = w->vlans;
	w->off += WIRE_TAG_LEN;
	return walk_length(w, wire_be16(h + 2));
}

/* Cisco: direction, interfaces; then an ethertype. */
enum pkt_layer
walk_vntag(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_VNTAG_LEN))
		return walk_short(w);
	w->off += WIRE_VNTAG_LEN;
	return walk_length(w, wire_be16(h + 4));
}

/* IEEE 802.1ah: the service's id, then the customer's frame. */
enum pkt_layer
walk_pbb(struct walk *w)
{
	return walk_skip(w, WIRE_PBB_LEN, PKT_LAYER_ETHERNET);
}

/* Cisco FabricPath: tree and TTL, then the frame. */
enum pkt_layer
walk_cfp(struct walk *w)
{
	return walk_skip(w, WIRE_CFP_LEN, PKT_LAYER_ETHERNET);
}

/* IEEE 802.1AE: with neither E nor C the data is as it was, only signed. */
enum pkt_layer
walk_macsec(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t len = WIRE_MACSEC_LEN;

	if (!walk_has(w, len))
		return walk_short(w);
	if (h[0] & (WIRE_MACSEC_VERSION | WIRE_MACSEC_E | WIRE_MACSEC_C))
		return PKT_LAYER_NONE;
	if (h[0] & WIRE_MACSEC_SC)
		len += 8;
	if (!walk_has(w, len + 2))
		return walk_short(w);
	w->off += len + 2;
	return walk_length(w, wire_be16(h + len));
}

enum pkt_layer
walk_next_protocol(uint8_t next)
{
	switch (next) {
	case 1:
		return PKT_LAYER_IPV4;
	case 2:
		return PKT_LAYER_IPV6;
	case 3:
		return PKT_LAYER_ETHERNET;
	case 4:
		return PKT_LAYER_NSH;
	case 5:
		return PKT_LAYER_MPLS;
	default:
		return PKT_LAYER_NONE;
	}
}

/* RFC 8300. */
enum pkt_layer
walk_nsh(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t len;

	if (!walk_has(w, WIRE_NSH_LEN))
		return walk_short(w);
	len = (h[1] & 63u) * 4;
	if (h[0] >> 6 != 0 || len < WIRE_NSH_LEN)
		return walk_stop(w, PKT_MALFORMED);
	return walk_skip(w, len, walk_next_protocol(h[3]));
}

/*
 * No label says what is below the last one (RFC 4928): a version nibble or a frame.  A MAC
 * address may begin with 4 or 6, and with 0 as a pseudowire's control word does (RFC 4385); so
 * a frame with a sound IP header in it comes first.
 */
static enum pkt_layer
below_labels(struct walk *w)
{
	struct view v = view_rest(w);
	enum like frame, word;
	enum pkt_layer ip;

	if (v.n == 0)
		return walk_short(w);
	frame = like_ether(&v, 0);
	if (frame == LIKE_SURE || (v.cut && v.n >= WIRE_ETHER_LEN))
		return PKT_LAYER_ETHERNET;
	ip = like_ip(&v, 0);
	if (ip != PKT_LAYER_NONE)
		return ip;
	word = v.p[0] >> 4 == 0 ? like_ether(&v, WIRE_PW_LEN) : LIKE_NOT;
	if (word > frame)
		return PKT_LAYER_PW;
	if (frame == LIKE_KNOWN)
		return PKT_LAYER_ETHERNET;
	return v.cut ? walk_short(w) : PKT_LAYER_NONE;
}

/* RFC 3032: one entry of the stack. */
enum pkt_layer
walk_mpls(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_MPLS_LEN))
		return walk_short(w);
	w->off += WIRE_MPLS_LEN;
	return h[2] & 1 ? below_labels(w) : PKT_LAYER_MPLS;
}

enum pkt_layer
walk_control_word(struct walk *w)
{
	return walk_skip(w, WIRE_PW_LEN, PKT_LAYER_ETHERNET);
}

/* RFC 2516: version and type 1, code 0: a session's data. */
enum pkt_layer
walk_pppoe(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_PPPOE_LEN))
		return walk_short(w);
	if (h[0] != 0x11 || h[1] != 0)
		return walk_stop(w, PKT_MALFORMED);
	w->off += WIRE_PPPOE_LEN;
	walk_bound(w, wire_be16(h + 4));
	return PKT_LAYER_PPP;
}

/* RFC 1661, 1662: address and control may be left out, and the protocol's first byte if it is
 * 0 (the last one is odd, and only that). */
enum pkt_layer
walk_ppp(struct walk *w)
{
	uint32_t proto;

	if (walk_has(w, 2) && wire_be16(walk_at(w)) == WIRE_PPP_ADDRESS)
		w->off += 2;
	if (!walk_has(w, 1))
		return walk_short(w);
	proto = *walk_at(w);
	if (proto % 2 == 0) {
		if (!walk_has(w, 2))
			return walk_short(w);
		proto = wire_be16(walk_at(w));
		w->off++;
	}
	w->off++;
	switch (proto) {
	case WIRE_PPP_IPV4:
		return PKT_LAYER_IPV4;
	case WIRE_PPP_IPV6:
		return PKT_LAYER_IPV6;
	case WIRE_PPP_MPLS:
	case WIRE_PPP_MPLS_MULTI:
		return PKT_LAYER_MPLS;
	default:
		return PKT_LAYER_NONE;
	}
}
