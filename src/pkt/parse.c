/*
 * pkt/parse: the walk over the headers of a packet.  Called by pkt_digest for the packets that
 * its fast path does not take, on the engine thread.
 *
 * Invariant: PKT_MAX_HEADERS walkers at most are called, none calls another, and none has a
 * loop of more than some 30 short turns: the worst packet costs what its headers cost.
 */
#include "walk.h"

#include <stddef.h>

const char *
pkt_reason_name(enum pkt_reason reason)
{
	static const char *const names[PKT_REASONS] = {
		[PKT_OK] = "ok",
		[PKT_NO_PORTS] = "no_ports",
		[PKT_QUOTED] = "quoted",
		[PKT_FIRST_FRAGMENT] = "first_fragment",
		[PKT_FRAGMENT] = "fragment",
		[PKT_NON_IP] = "non_ip",
		[PKT_TRUNCATED] = "truncated",
		[PKT_MALFORMED] = "malformed",
		[PKT_TOO_DEEP] = "too_deep",
		[PKT_UNKNOWN_LINK] = "unknown_link",
	};

	return (unsigned)reason < PKT_REASONS ? names[reason] : "?";
}

const char *
pkt_layer_name(enum pkt_layer layer)
{
#define LAYER_NAME(symbol, name) [PKT_LAYER_##symbol] = (name),
	static const char *const names[PKT_LAYERS] = {
		[PKT_LAYER_NONE] = "none", PKT_LAYERS_X(LAYER_NAME)};
#undef LAYER_NAME

	return (unsigned)layer < PKT_LAYERS ? names[layer] : "?";
}

/* Those that have none end the walk: their flow goes by what was found before. */
static walk_fn *const walkers[PKT_LAYERS] = {
	[PKT_LAYER_ETHERNET] = walk_ether,
	[PKT_LAYER_SLL] = walk_sll,
	[PKT_LAYER_SLL2] = walk_sll2,
	[PKT_LAYER_NULL] = walk_null,
	[PKT_LAYER_CHDLC] = walk_chdlc,
	[PKT_LAYER_WLAN] = walk_wlan,
	[PKT_LAYER_RADIOTAP] = walk_radiotap,
	[PKT_LAYER_PRISM] = walk_prism,
	[PKT_LAYER_PPI] = walk_ppi,
	[PKT_LAYER_FDDI] = walk_fddi,
	[PKT_LAYER_TOKEN_RING] = walk_token_ring,
	[PKT_LAYER_NFLOG] = walk_nflog,
	[PKT_LAYER_LLC] = walk_llc,
	[PKT_LAYER_VLAN] = walk_vlan,
	[PKT_LAYER_VNTAG] = walk_vntag,
	[PKT_LAYER_PBB] = walk_pbb,
	[PKT_LAYER_CFP] = walk_cfp,
	[PKT_LAYER_MACSEC] = walk_macsec,
	[PKT_LAYER_NSH] = walk_nsh,
	[PKT_LAYER_MPLS] = walk_mpls,
	[PKT_LAYER_PW] = walk_control_word,
	[PKT_LAYER_PPPOE] = walk_pppoe,
	[PKT_LAYER_PPP] = walk_ppp,
	[PKT_LAYER_IPV4] = walk_ipv4,
	[PKT_LAYER_IPV6] = walk_ipv6,
	[PKT_LAYER_HOP_BY_HOP] = walk_extension,
	[PKT_LAYER_ROUTING] = walk_routing,
	[PKT_LAYER_FRAGMENT] = walk_fragment,
	[PKT_LAYER_DEST_OPTS] = walk_extension,
	[PKT_LAYER_AH] = walk_extension,
	[PKT_LAYER_MOBILITY] = walk_extension,
	[PKT_LAYER_HIP] = walk_extension,
	[PKT_LAYER_SHIM6] = walk_extension,
	[PKT_LAYER_ICMP] = walk_icmp,
	[PKT_LAYER_ICMPV6] = walk_icmpv6,
	[PKT_LAYER_TCP] = walk_ports,
	[PKT_LAYER_UDP] = walk_udp,
	[PKT_LAYER_UDPLITE] = walk_ports,
	[PKT_LAYER_SCTP] = walk_ports,
	[PKT_LAYER_DCCP] = walk_ports,
	[PKT_LAYER_GRE] = walk_gre,
	[PKT_LAYER_ERSPAN] = walk_erspan,
	[PKT_LAYER_WCCP] = walk_wccp,
	[PKT_LAYER_ETHERIP] = walk_etherip,
	[PKT_LAYER_PIM] = walk_pim,
	[PKT_LAYER_L2TP] = walk_l2tpv3,
};

/* No header: the packet itself says what it is. */
static enum pkt_layer
first_of_raw(struct walk *w)
{
	if (!walk_has(w, 1))
		return walk_short(w);
	if (*w->data >> 4 == 4)
		return PKT_LAYER_IPV4;
	if (*w->data >> 4 == 6)
		return PKT_LAYER_IPV6;
	return walk_stop(w, PKT_MALFORMED);
}

/* Serial lines have either framing; no PPP begins with Cisco's address. */
static enum pkt_layer
first_of_serial(struct walk *w)
{
	if (!walk_has(w, 1))
		return walk_short(w);
	return (*w->data & 0x7f) == WIRE_CHDLC_ADDRESS ? PKT_LAYER_CHDLC : PKT_LAYER_PPP;
}

static enum pkt_layer
first_layer(struct walk *w, enum pkt_link link)
{
	static const uint8_t layers[PKT_LINKS] = {
		[PKT_LINK_ETHER] = PKT_LAYER_ETHERNET,
		[PKT_LINK_NULL] = PKT_LAYER_NULL,
		[PKT_LINK_SLL] = PKT_LAYER_SLL,
		[PKT_LINK_SLL2] = PKT_LAYER_SLL2,
		[PKT_LINK_CHDLC] = PKT_LAYER_CHDLC,
		[PKT_LINK_WLAN] = PKT_LAYER_WLAN,
		[PKT_LINK_RADIOTAP] = PKT_LAYER_RADIOTAP,
		[PKT_LINK_PRISM] = PKT_LAYER_PRISM,
		[PKT_LINK_PPI] = PKT_LAYER_PPI,
		[PKT_LINK_FDDI] = PKT_LAYER_FDDI,
		[PKT_LINK_TOKEN_RING] = PKT_LAYER_TOKEN_RING,
		[PKT_LINK_MPLS] = PKT_LAYER_MPLS,
		[PKT_LINK_NFLOG] = PKT_LAYER_NFLOG,
	};

	if (link == PKT_LINK_RAW)
		return first_of_raw(w);
	if (link == PKT_LINK_PPP)
		return first_of_serial(w);
	if ((unsigned)link >= PKT_LINKS || layers[link] == PKT_LAYER_NONE)
		return walk_stop(w, PKT_UNKNOWN_LINK);
	return (enum pkt_layer)layers[link];
}

/* Fragments first: their digest is to be looked up, or to be remembered, whatever they hold. */
static void
set_reason(const struct walk *w)
{
	struct pkt_flow *flow = w->flow;

	if (flow->later)
		flow->reason = PKT_FRAGMENT;
	else if (flow->nfrags > 0)
		flow->reason = PKT_FIRST_FRAGMENT;
	else if (w->quoted && flow->reason != PKT_TOO_DEEP)
		flow->reason = PKT_QUOTED;
}

/* Offsets have 16 bits.  No header begins later than that but in packets made to do so. */
#define READABLE UINT16_MAX

void
pkt_parse(const uint8_t *data, uint32_t caplen, enum pkt_link link, const struct pkt_conf *conf,
	struct pkt_flow *out)
{
	struct walk w = {.data = data,
		.end = caplen < READABLE ? caplen : READABLE,
		.conf = conf,
		.flow = out};
	enum pkt_layer next;

	memset(out, 0, offsetof(struct pkt_flow, frag));
	out->reason = PKT_NON_IP;
	next = first_layer(&w, link);
	while (next != PKT_LAYER_NONE && walk_push(&w, next, w.off))
		next = walkers[next] ? walkers[next](&w) : PKT_LAYER_NONE;
	set_reason(&w);
}
