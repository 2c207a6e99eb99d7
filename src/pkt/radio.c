/*
 * pkt/radio: IEEE 802.11 frames, and what cards tell before them.  Called by the loop of
 * parse.c.
 *
 * What is not data, or is encrypted, or a piece of a frame, goes by its MAC addresses.
 */
#include "walk.h"

/* The header ends with its bytes: what is behind it is `next`. */
static enum pkt_layer
card_header(struct walk *w, uint32_t least, uint32_t len, enum pkt_layer next)
{
	if (len < least)
		return walk_stop(w, PKT_MALFORMED);
	return walk_skip(w, len, next);
}

/* Where the flags are: behind the words that say what is present, and the time.  0: none. */
static uint32_t
radiotap_flags_at(const struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t present = wire_le32(h + 4), at = WIRE_RADIOTAP_LEN, words = 1;

	if ((present & WIRE_RADIOTAP_FLAGS) == 0)
		return 0;
	for (uint32_t more = present; more & WIRE_RADIOTAP_MORE; at += 4) {
		if (++words > WIRE_RADIOTAP_WORDS || !walk_has(w, at + 4))
			return 0;
		more = wire_le32(h + at);
	}
	if (present & WIRE_RADIOTAP_TSFT)
		at = ((at + 7) & ~7u) + 8;
	return at;
}

/* https://www.radiotap.org */
enum pkt_layer
walk_radiotap(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	uint32_t len, flags;

	if (!walk_has(w, WIRE_RADIOTAP_LEN))
		return walk_short(w);
	len = wire_le16(h + 2);
	flags = radiotap_flags_at(w);
	if (flags != 0 && flags < len && walk_has(w, len))
		w->padded = h[flags] & WIRE_RADIOTAP_PAD;
	return card_header(w, WIRE_RADIOTAP_LEN, len, PKT_LAYER_WLAN);
}

/* Prism's header has one size; AVS's begins with a number of its own. */
enum pkt_layer
walk_prism(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_AVS_LEN))
		return walk_short(w);
	if ((wire_be32(h) & WIRE_AVS_MASK) == WIRE_AVS_MAGIC)
		return card_header(w, WIRE_AVS_LEN, wire_be32(h + 4), PKT_LAYER_WLAN);
	return walk_skip(w, WIRE_PRISM_LEN, PKT_LAYER_WLAN);
}

/* Per-packet information: a header in front of a packet of any link type. */
enum pkt_layer
walk_ppi(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_PPI_LEN))
		return walk_short(w);
	switch (wire_le32(h + 4)) {
	case WIRE_DLT_WLAN:
		return card_header(w, WIRE_PPI_LEN, wire_le16(h + 2), PKT_LAYER_WLAN);
	case WIRE_DLT_RADIOTAP:
		return card_header(w, WIRE_PPI_LEN, wire_le16(h + 2), PKT_LAYER_RADIOTAP);
	case WIRE_DLT_ETHER:
		return card_header(w, WIRE_PPI_LEN, wire_le16(h + 2), PKT_LAYER_ETHERNET);
	default:
		return walk_stop(w, PKT_UNKNOWN_LINK);
	}
}

/* Who sends to whom through the access point, 9.3.2.1 (table 9-30); the fourth address is
 * behind the sequence number. */
static void
data_flow(struct walk *w, const uint8_t *h)
{
	const uint8_t *a1 = h + 4, *a2 = h + 10, *a3 = h + 16, *a4 = h + 24;
	bool to = h[1] & WIRE_WLAN_TO_DS, from = h[1] & WIRE_WLAN_FROM_DS;

	walk_flow(w, PKT_FAMILY_MAC, from ? to ? a4 : a3 : a2, to ? a3 : a1, WIRE_MAC_LEN,
		PKT_NON_IP);
}

static enum pkt_layer
walk_wlan_data(struct walk *w)
{
	const uint8_t *h = walk_at(w);
	bool both = (h[1] & WIRE_WLAN_BOTH_DS) == WIRE_WLAN_BOTH_DS, qos = h[0] & WIRE_WLAN_QOS;
	uint32_t len = WIRE_WLAN_LEN + (both ? WIRE_MAC_LEN : 0);
	bool joined;

	if (!walk_has(w, len))
		return walk_short(w);
	data_flow(w, h);
	if ((h[0] & WIRE_WLAN_NO_DATA) || (h[1] & (WIRE_WLAN_PROTECTED | WIRE_WLAN_MORE)) ||
		(h[22] & WIRE_WLAN_PIECE))
		return PKT_LAYER_NONE;
	if (qos && !walk_has(w, len + 2))
		return walk_short(w);
	joined = qos && (h[len] & WIRE_WLAN_AMSDU);
	if (qos)
		len += h[1] & WIRE_WLAN_HTC ? 6 : 2;
	if (w->padded)
		len = (len + 3) & ~3u;
	/* Several frames in one go by the first. */
	return walk_skip(w, len, joined ? PKT_LAYER_ETHERNET : PKT_LAYER_LLC);
}

/* IEEE 802.11-2020 9.2.4, 9.3. */
enum pkt_layer
walk_wlan(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_WLAN_RA_LEN))
		return walk_short(w);
	if (h[0] & WIRE_WLAN_VERSION)
		return walk_stop(w, PKT_MALFORMED);
	if ((h[0] & WIRE_WLAN_TYPE) == WIRE_WLAN_DATA)
		return walk_wlan_data(w);
	if (h[0] == WIRE_WLAN_CTS || h[0] == WIRE_WLAN_ACK) {
		walk_flow(w, PKT_FAMILY_MAC, h + 4, h + 4, WIRE_MAC_LEN, PKT_NON_IP);
		return PKT_LAYER_NONE;
	}
	if (!walk_has(w, WIRE_WLAN_TA_LEN))
		return walk_short(w);
	walk_flow(w, PKT_FAMILY_MAC, h + 10, h + 4, WIRE_MAC_LEN, PKT_NON_IP);
	return PKT_LAYER_NONE;
}
