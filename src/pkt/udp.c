/*
 * pkt/udp: UDP, and which ports are tunnels'.  walk_udp is called by the loop of parse.c, the
 * rest by control.
 *
 * Invariant: a bit of conf->udp_ports is set if and only if the port is in conf->udp.
 */
#include "digest.h"
#include "like.h"

#include <errno.h>

/*
 * Who sends to the port is in the tunnel; where the source port is but a hash of what is
 * inside, a packet *from* the port is none.  (Others answer from it.)
 */
static const struct tunnel {
	const char *name;
	guess_fn *guess;
	uint8_t layer; /* PKT_LAYER_NONE: what the guess says has a walker of its own */
	bool answers;
	uint16_t ports[2];
} tunnels[] = {
	{"vxlan", guess_vxlan, PKT_LAYER_VXLAN, false, {4789, 8472}}, /* IANA; Linux */
	{"vxlan-gpe", guess_vxlan_gpe, PKT_LAYER_VXLAN_GPE, false, {4790}},
	{"geneve", guess_geneve, PKT_LAYER_GENEVE, false, {6081}},  /* RFC 8926 */
	{"gtp-u", guess_gtp, PKT_LAYER_GTP, true, {2152}},	    /* TS 29.281 */
	{"teredo", guess_teredo, PKT_LAYER_TEREDO, true, {3544}},   /* RFC 4380 */
	{"ayiya", guess_ayiya, PKT_LAYER_AYIYA, true, {5072}},	    /* IANA */
	{"l2tp", guess_l2tp, PKT_LAYER_L2TP, true, {1701}},	    /* RFC 2661, 3931 */
	{"gre-in-udp", guess_gre, PKT_LAYER_NONE, false, {4754}},   /* RFC 8086 */
	{"mpls-in-udp", guess_mpls, PKT_LAYER_NONE, false, {6635}}, /* RFC 7510 */
};
#define TUNNELS (sizeof(tunnels) / sizeof(*tunnels))

const char *
pkt_udp_tunnel_name(unsigned i)
{
	return i < TUNNELS ? tunnels[i].name : NULL;
}

static void
set_bits(struct pkt_conf *conf)
{
	memset(conf->udp_ports, 0, sizeof(conf->udp_ports));
	for (unsigned i = 0; i < conf->nudp; i++) {
		uint16_t port = conf->udp[i].port;

		conf->udp_ports[port / 64] |= UINT64_C(1) << port % 64;
	}
}

static bool
has_port(const struct pkt_conf *conf, uint8_t tunnel, uint16_t port)
{
	for (unsigned i = 0; i < conf->nudp; i++) {
		if (conf->udp[i].tunnel == tunnel && conf->udp[i].port == port)
			return true;
	}
	return false;
}

/* False if there is no room. */
static bool
add_port(struct pkt_conf *conf, uint8_t tunnel, uint16_t port)
{
	if (has_port(conf, tunnel, port))
		return true;
	if (conf->nudp == PKT_MAX_UDP_PORTS)
		return false;
	conf->udp[conf->nudp].port = port;
	conf->udp[conf->nudp++].tunnel = tunnel;
	return true;
}

static void
remove_ports(struct pkt_conf *conf, uint8_t tunnel)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < conf->nudp; i++) {
		if (conf->udp[i].tunnel != tunnel)
			conf->udp[kept++] = conf->udp[i];
	}
	conf->nudp = (uint8_t)kept;
}

void
pkt_conf_init(struct pkt_conf *conf, uint64_t seed)
{
	memset(conf, 0, sizeof(*conf));
	pkt_key_expand(&conf->key, seed);
	for (unsigned i = 0; i < TUNNELS; i++) {
		for (unsigned k = 0; k < 2 && tunnels[i].ports[k] != 0; k++)
			add_port(conf, (uint8_t)i, tunnels[i].ports[k]);
	}
	set_bits(conf);
}

int
pkt_conf_udp(struct pkt_conf *conf, const char *tunnel, const uint16_t *ports, unsigned n)
{
	struct pkt_conf changed = *conf;
	unsigned i = 0;

	while (i < TUNNELS && strcmp(tunnels[i].name, tunnel) != 0)
		i++;
	if (i == TUNNELS)
		return -ENOENT;
	remove_ports(&changed, (uint8_t)i);
	for (unsigned k = 0; k < n; k++) {
		if (ports[k] == 0)
			return -EINVAL;
		if (!add_port(&changed, (uint8_t)i, ports[k]))
			return -ENOSPC;
	}
	set_bits(&changed);
	*conf = changed;
	return 0;
}

/* The payload of the datagram at off.  Length 0: a jumbogram, or left to the card. */
static struct view
payload(struct walk *w)
{
	uint32_t len = wire_be16(walk_at(w) + 4);
	struct view v;

	if (len != 0 && len < WIRE_UDP_LEN)
		return (struct view){.p = walk_at(w)};
	if (len != 0)
		walk_bound(w, len);
	v = (struct view){.p = walk_at(w) + WIRE_UDP_LEN, .n = w->end - w->off - WIRE_UDP_LEN};
	v.len = len != 0 ? len - WIRE_UDP_LEN : w->whole ? v.n : UINT32_MAX;
	return v;
}

static enum pkt_layer
walk_tunnel(struct walk *w)
{
	const struct pkt_conf *conf = w->conf;
	const struct pkt_flow *flow = w->flow;
	struct view v = payload(w);

	for (unsigned i = 0; i < conf->nudp; i++) {
		const struct tunnel *t = &tunnels[conf->udp[i].tunnel];
		uint16_t port = conf->udp[i].port;
		enum pkt_layer next;
		uint32_t skip;

		if (port != flow->dport && (port != flow->sport || !t->answers))
			continue;
		v.sliced = false;
		next = t->guess(&v, &skip);
		if (next == PKT_LAYER_NONE)
			continue;
		w->off += WIRE_UDP_LEN;
		w->whole &= !v.sliced;
		if (t->layer != PKT_LAYER_NONE && !walk_push(w, t->layer, w->off))
			return PKT_LAYER_NONE;
		return walk_skip(w, skip, next);
	}
	return v.cut ? walk_short(w) : PKT_LAYER_NONE;
}

enum pkt_layer
walk_udp(struct walk *w)
{
	walk_ports(w);
	if (w->conf->outer || !walk_has(w, WIRE_UDP_LEN))
		return PKT_LAYER_NONE;
	if (pkt_is_tunnel(w->conf, wire_be32(walk_at(w))))
		return walk_tunnel(w);
	return PKT_LAYER_NONE;
}
