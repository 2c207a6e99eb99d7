/*
 * pkt/icmp: errors, which follow the flow that they quote.  Called by the loop of parse.c.
 */
#include "walk.h"

/* RFC 792, 4443: what quotes a datagram. */
#define WIRE_ICMP_UNREACHABLE	  3
#define WIRE_ICMP_QUENCH	  4
#define WIRE_ICMP_REDIRECT	  5
#define WIRE_ICMP_TIME_EXCEEDED	  11
#define WIRE_ICMP_PARAMETER	  12
#define WIRE_ICMPV6_UNREACHABLE	  1
#define WIRE_ICMPV6_TOO_BIG	  2
#define WIRE_ICMPV6_TIME_EXCEEDED 3
#define WIRE_ICMPV6_PARAMETER	  4

/* The quote is cut where the sender liked: that is no fault of it.  `words` of it, if the
 * sender says so (RFC 4884: what follows is an extension). */
static enum pkt_layer
enter_quote(struct walk *w, uint32_t header, uint8_t version, uint32_t words_bytes)
{
	enum pkt_layer next = version == 4 ? PKT_LAYER_IPV4 : PKT_LAYER_IPV6;

	w->off += WIRE_ICMP_LEN;
	if (!walk_has(w, header))
		return walk_short(w);
	if (*walk_at(w) >> 4 != version)
		return walk_stop(w, PKT_MALFORMED);
	if (words_bytes >= header)
		walk_bound(w, words_bytes);
	w->whole = false;
	w->quoted = true;
	return next;
}

enum pkt_layer
walk_icmp(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_ICMP_LEN))
		return PKT_LAYER_NONE;
	switch (h[0]) {
	case WIRE_ICMP_UNREACHABLE:
	case WIRE_ICMP_TIME_EXCEEDED:
	case WIRE_ICMP_PARAMETER:
		return enter_quote(w, WIRE_IPV4_LEN, 4, h[5] * 4u);
	case WIRE_ICMP_QUENCH:
	case WIRE_ICMP_REDIRECT:
		return enter_quote(w, WIRE_IPV4_LEN, 4, 0);
	default:
		return PKT_LAYER_NONE;
	}
}

enum pkt_layer
walk_icmpv6(struct walk *w)
{
	const uint8_t *h = walk_at(w);

	if (!walk_has(w, WIRE_ICMP_LEN))
		return PKT_LAYER_NONE;
	switch (h[0]) {
	case WIRE_ICMPV6_UNREACHABLE:
	case WIRE_ICMPV6_TIME_EXCEEDED:
		return enter_quote(w, WIRE_IPV6_LEN, 6, h[4] * 8u);
	case WIRE_ICMPV6_TOO_BIG:
	case WIRE_ICMPV6_PARAMETER:
		return enter_quote(w, WIRE_IPV6_LEN, 6, 0);
	default:
		return PKT_LAYER_NONE;
	}
}
