/*
 * pkt/parse: walks the headers of a packet.  Called by pkt_digest for the packets that its fast
 * path does not take, on the engine thread.
 *
 * Invariant: off <= end <= caplen, and every read is preceded by a check against end.  Whatever
 * stops the walk, the flow holds what was read until then: first the MAC pair, later addresses.
 */
#include "pkt.h"
#include "wire.h"

struct walk {
	const uint8_t *data;
	uint32_t off; /* of the next header */
	uint32_t end; /* of what may be read: captured, and inside the datagram */
	bool whole;   /* end is the end of the datagram, not of the capture */
	struct pkt_flow *flow;
};

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
	default:
		return PKT_LINK_OTHER;
	}
}

const char *
pkt_reason_name(enum pkt_reason reason)
{
	static const char *const names[PKT_REASONS] = {
		[PKT_OK] = "ok",
		[PKT_NO_PORTS] = "no_ports",
		[PKT_FRAGMENT] = "fragment",
		[PKT_NON_IP] = "non_ip",
		[PKT_TRUNCATED] = "truncated",
		[PKT_MALFORMED] = "malformed",
		[PKT_TOO_DEEP] = "too_deep",
		[PKT_UNKNOWN_LINK] = "unknown_link",
	};

	return (unsigned)reason < PKT_REASONS ? names[reason] : "?";
}

static inline bool
has(const struct walk *w, uint32_t bytes)
{
	return w->end - w->off >= bytes;
}

static void
stop(struct walk *w, enum pkt_reason reason)
{
	w->flow->reason = (uint8_t)reason;
}

/* A header is longer than what there is: the datagram's own fault if all of it was captured. */
static void
stop_short(struct walk *w)
{
	stop(w, w->whole ? PKT_MALFORMED : PKT_TRUNCATED);
}

static void
set_addresses(struct pkt_flow *flow, enum pkt_family family, const uint8_t *src,
	const uint8_t *dst, uint32_t bytes)
{
	memset(flow->src, 0, sizeof(flow->src));
	memset(flow->dst, 0, sizeof(flow->dst));
	memcpy(flow->src, src, bytes);
	memcpy(flow->dst, dst, bytes);
	flow->family = (uint8_t)family;
}

/* The datagram's own length.  Bytes after it are padding; one that is longer than the capture
 * was cut. */
static void
set_datagram(struct walk *w, uint32_t bytes)
{
	if (bytes > w->end - w->off)
		return;
	w->end = w->off + bytes;
	w->whole = true;
}

/*
 * What follows the IP headers.  Everything but TCP, UDP and SCTP goes by addresses and
 * protocol: here is the place for protocols that carry or quote another datagram.
 */
static void
walk_transport(struct walk *w)
{
	const uint8_t *h = w->data + w->off;

	w->flow->l4_off = (uint16_t)w->off;
	switch (w->flow->proto) {
	case WIRE_IP_TCP:
	case WIRE_IP_UDP:
	case WIRE_IP_SCTP:
		if (!has(w, WIRE_PORTS_LEN))
			return stop_short(w);
		w->flow->sport = wire_be16(h);
		w->flow->dport = wire_be16(h + 2);
		return stop(w, PKT_OK);
	default:
		return stop(w, PKT_NO_PORTS);
	}
}

static bool
is_extension(uint8_t family, uint8_t proto)
{
	switch (proto) {
	case WIRE_IP_AH:
		return true; /* in IPv4, too: it hides no ports */
	case WIRE_IP_HOP_BY_HOP:
	case WIRE_IP_ROUTING:
	case WIRE_IP_FRAGMENT:
	case WIRE_IP_DEST_OPTS:
	case WIRE_IP_MOBILITY:
	case WIRE_IP_HIP:
	case WIRE_IP_SHIM6:
		return family == PKT_FAMILY_IPV6;
	default:
		return false;
	}
}

static uint32_t
extension_len(uint8_t proto, uint8_t field)
{
	switch (proto) {
	case WIRE_IP_FRAGMENT:
		return 8; /* the field is reserved */
	case WIRE_IP_AH:
		return (field + 2u) * 4;
	default:
		return (field + 1u) * 8;
	}
}

/*
 * flow->proto is what the header at off is.  A fragment ends the walk: only the first one has
 * what follows, so that all go by the protocol that the fragment header names, which is the
 * same in all of them.  An atomic fragment (RFC 6946: no offset, none to follow) is a whole
 * datagram.
 */
static void
walk_extensions(struct walk *w)
{
	struct pkt_flow *flow = w->flow;

	while (is_extension(flow->family, flow->proto)) {
		const uint8_t *h = w->data + w->off;
		uint8_t proto = flow->proto;
		uint32_t len;

		if (flow->headers == PKT_MAX_HEADERS)
			return stop(w, PKT_TOO_DEEP);
		if (!has(w, WIRE_EXT_LEN))
			return stop_short(w);
		flow->headers++;
		flow->proto = h[0];
		if (proto == WIRE_IP_FRAGMENT && (wire_be16(h + 2) & WIRE_IPV6_FRAGMENT))
			return stop(w, PKT_FRAGMENT);
		len = extension_len(proto, h[1]);
		if (!has(w, len))
			return stop_short(w);
		w->off += len;
	}
	walk_transport(w);
}

/*
 * A wrong version says that this is no IPv4 at all: it goes by what is below.  A wrong header
 * length leaves the addresses where they are.  Length 0: the sender left it to its card (TSO).
 */
static void
walk_ipv4(struct walk *w)
{
	const uint8_t *h = w->data + w->off;
	uint32_t header, total;

	w->flow->l3_off = (uint16_t)w->off;
	if (!has(w, WIRE_IPV4_LEN))
		return stop_short(w);
	if (h[0] >> 4 != 4)
		return stop(w, PKT_MALFORMED);
	set_addresses(w->flow, PKT_FAMILY_IPV4, h + 12, h + 16, 4);
	w->flow->proto = h[9];
	header = (h[0] & 15u) * 4;
	total = wire_be16(h + 2);
	if (header < WIRE_IPV4_LEN || (total != 0 && total < header))
		return stop(w, PKT_MALFORMED);
	if (total != 0)
		set_datagram(w, total);
	if (!has(w, header))
		return stop_short(w);
	if (wire_be16(h + 6) & WIRE_IPV4_FRAGMENT)
		return stop(w, PKT_FRAGMENT);
	w->off += header;
	walk_extensions(w);
}

/* Length 0: a jumbogram (RFC 2675), or left to the card. */
static void
walk_ipv6(struct walk *w)
{
	const uint8_t *h = w->data + w->off;
	uint32_t payload;

	w->flow->l3_off = (uint16_t)w->off;
	if (!has(w, WIRE_IPV6_LEN))
		return stop_short(w);
	if (h[0] >> 4 != 6)
		return stop(w, PKT_MALFORMED);
	set_addresses(w->flow, PKT_FAMILY_IPV6, h + 8, h + 24, 16);
	w->flow->proto = h[6];
	payload = wire_be16(h + 4);
	if (payload != 0)
		set_datagram(w, WIRE_IPV6_LEN + payload);
	w->off += WIRE_IPV6_LEN;
	walk_extensions(w);
}

/*
 * flow->ethertype is what the header at off is.  With is_length, a small value is an IEEE 802.3
 * length: it differs from packet to packet and must not part a conversation, so it's taken as
 * 0.
 */
static void
walk_ethertype(struct walk *w, bool is_length)
{
	struct pkt_flow *flow = w->flow;

	while (flow->ethertype == WIRE_ETHERTYPE_VLAN ||
		flow->ethertype == WIRE_ETHERTYPE_QINQ ||
		flow->ethertype == WIRE_ETHERTYPE_9100) {
		if (flow->headers == PKT_MAX_HEADERS)
			return stop(w, PKT_TOO_DEEP);
		if (!has(w, WIRE_TAG_LEN))
			return stop_short(w);
		flow->headers++;
		flow->ethertype = wire_be16(w->data + w->off + 2);
		w->off += WIRE_TAG_LEN;
		is_length = true;
	}
	switch (flow->ethertype) {
	case WIRE_ETHERTYPE_IPV4:
		return walk_ipv4(w);
	case WIRE_ETHERTYPE_IPV6:
		return walk_ipv6(w);
	default:
		if (is_length && flow->ethertype < WIRE_ETHERTYPE_MIN)
			flow->ethertype = 0;
		return stop(w, PKT_NON_IP);
	}
}

static void
walk_ether(struct walk *w)
{
	const uint8_t *h = w->data;

	if (has(w, 2 * WIRE_MAC_LEN))
		set_addresses(w->flow, PKT_FAMILY_MAC, h + WIRE_MAC_LEN, h, WIRE_MAC_LEN);
	if (!has(w, WIRE_ETHER_LEN))
		return stop_short(w);
	w->flow->ethertype = wire_be16(h + 2 * WIRE_MAC_LEN);
	w->off = WIRE_ETHER_LEN;
	walk_ethertype(w, true);
}

static void
walk_raw(struct walk *w)
{
	if (!has(w, 1))
		return stop_short(w);
	switch (w->data[w->off] >> 4) {
	case 4:
		w->flow->ethertype = WIRE_ETHERTYPE_IPV4;
		return walk_ipv4(w);
	case 6:
		w->flow->ethertype = WIRE_ETHERTYPE_IPV6;
		return walk_ipv6(w);
	default:
		return stop(w, PKT_MALFORMED);
	}
}

/* The family is in the byte order of whoever wrote it; all are small numbers. */
static void
walk_null(struct walk *w)
{
	uint32_t family;

	if (!has(w, WIRE_NULL_LEN))
		return stop_short(w);
	family = wire_be32(w->data);
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	w->off = WIRE_NULL_LEN;
	switch (family) {
	case WIRE_AF_INET:
		w->flow->ethertype = WIRE_ETHERTYPE_IPV4;
		return walk_ipv4(w);
	case WIRE_AF_INET6_LINUX:
	case WIRE_AF_INET6_NETBSD:
	case WIRE_AF_INET6_FREEBSD:
	case WIRE_AF_INET6_MACOS:
		w->flow->ethertype = WIRE_ETHERTYPE_IPV6;
		return walk_ipv6(w);
	default:
		return stop(w, PKT_NON_IP);
	}
}

/*
 * Linux cooked: it has the sender's address only, which would part the two directions of what
 * is not IP; so that goes by its protocol alone.
 */
static void
walk_cooked(struct walk *w, uint32_t header, uint32_t protocol_off)
{
	if (!has(w, header))
		return stop_short(w);
	w->flow->ethertype = wire_be16(w->data + protocol_off);
	w->off = header;
	walk_ethertype(w, false);
}

/* Offsets fit 16 bits: 20 bytes of link, PKT_MAX_HEADERS of at most 2048, 60 of IP. */
_Static_assert(WIRE_SLL2_LEN + PKT_MAX_HEADERS * 2048 + 60 <= UINT16_MAX, "l4_off overflows");

void
pkt_parse(const uint8_t *data, uint32_t caplen, enum pkt_link link, struct pkt_flow *out)
{
	struct walk w = {.data = data, .end = caplen, .flow = out};

	memset(out, 0, sizeof(*out));
	switch (link) {
	case PKT_LINK_ETHER:
		return walk_ether(&w);
	case PKT_LINK_RAW:
		return walk_raw(&w);
	case PKT_LINK_NULL:
		return walk_null(&w);
	case PKT_LINK_SLL:
		return walk_cooked(&w, WIRE_SLL_LEN, 14);
	case PKT_LINK_SLL2:
		return walk_cooked(&w, WIRE_SLL2_LEN, 0);
	case PKT_LINK_OTHER:
		break;
	}
	stop(&w, PKT_UNKNOWN_LINK);
}
