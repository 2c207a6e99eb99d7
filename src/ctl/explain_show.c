/*
 * ctl/explain_show: an explained packet as a table for a visitor: what was parsed, what was
 * hashed, where it goes, each with the reason in words.  Called by explain.c under no lock.
 */
#include "explain.h"
#include "flow.h"

#include <stdio.h>
#include <string.h>

static void
show_layers(const struct explain_packet *p, const struct ctl_visitor *v)
{
	const struct pkt_flow *flow = &p->flow;

	v->open(v->arg, "layers");
	for (uint32_t i = 0; i < flow->nlayers; i++) {
		v->open(v->arg, NULL);
		v->str(v->arg, "layer", pkt_layer_name(flow->layer[i].what));
		v->num(v->arg, "offset", flow->layer[i].off);
		v->close(v->arg);
	}
	v->close(v->arg);
	v->str(v->arg, "hashed",
		flow->nlayers > 0 ? pkt_layer_name(flow->layer[flow->hashed].what) : "none");
	if (flow->nlayers > 0)
		v->num(v->arg, "hashed_offset", flow->layer[flow->hashed].off);
}

/* The VLAN ids on the way to the flow, outermost first; 0 is a priority, and no VLAN. */
static void
show_vlans(const struct explain_packet *p, const struct ctl_visitor *v)
{
	const struct pkt_flow *flow = &p->flow;
	uint32_t end = flow->family > PKT_FAMILY_MAC ? flow->hashed : flow->nlayers;
	char text[PKT_MAX_HEADERS * 6] = "none";
	size_t used = 0;

	for (uint32_t i = 0; i < end; i++) {
		uint32_t off = flow->layer[i].off, id;

		if (flow->layer[i].what != PKT_LAYER_VLAN || off + 2 > p->pkt->len)
			continue;
		id = (p->pkt->data[off] << 8 | p->pkt->data[off + 1]) & 0xfff;
		if (id != 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
				used > 0 ? "," : "", id);
	}
	v->str(v->arg, "vlan", text);
}

static bool
vlans_used(const struct explain_packet *p)
{
	for (uint32_t i = 0; i < p->places.n; i++)
		if (p->places.place[i].fields == PKT_FIELDS_VLAN_5TUPLE)
			return true;
	return false;
}

static void
show_key(const struct explain_packet *p, const struct ctl_visitor *v)
{
	v->open(v->arg, "key");
	ctl_flow_show(&p->flow, v);
	if (vlans_used(p))
		show_vlans(p, v);
	v->close(v->arg);
}

/* Of reasons that need no more than the reason. */
static const char *const sentences[PKT_REASONS] = {
	[PKT_OK] = "both addresses, both ports and the protocol could be read",
	[PKT_NO_PORTS] =
		"its protocol has no ports that can be read: the addresses and the protocol",
	[PKT_QUOTED] = "an ICMP error goes where the datagram goes that it quotes",
	[PKT_FIRST_FRAGMENT] =
		"the first fragment has what a whole datagram has, and the others follow it",
	[PKT_FRAGMENT] = "a later fragment: the addresses and the protocol",
	[PKT_NON_IP] = "it is not IP: the pair of MAC addresses and the ethertype",
	[PKT_TRUNCATED] = "the capture ends inside a header: what was read before",
	[PKT_MALFORMED] = "a length or version cannot be right: what was read before",
	[PKT_TOO_DEEP] = "it has more headers than are looked at: what was read before",
	[PKT_UNKNOWN_LINK] = "packets of this link type are not parsed: all have one digest",
};

static void
show_reason(const struct explain_packet *p, const struct ctl_visitor *v)
{
	unsigned long long first = p->first;
	char text[160] = "";

	switch (p->way) {
	case DP_FOLLOW_OWN:
		snprintf(text, sizeof(text), "%s", sentences[p->flow.reason]);
		break;
	case DP_FOLLOW_KNOWN:
		snprintf(text, sizeof(text),
			"a later fragment follows the first one of its datagram: packet %llu",
			first);
		break;
	case DP_FOLLOW_WAITED:
		snprintf(text, sizeof(text),
			"it came before the first fragment of its datagram, and is held until "
			"it has come: packet %llu",
			first);
		break;
	case DP_FOLLOW_ORPHAN:
		snprintf(text, sizeof(text),
			"a later fragment whose first one is not there, nor comes within 1 s: "
			"the addresses and the protocol");
		break;
	case DP_FOLLOW_CROWDED:
		snprintf(text, sizeof(text),
			"a later fragment whose first one is not there, and too many wait: "
			"the addresses and the protocol");
		break;
	}
	v->str(v->arg, "reason", pkt_reason_name(p->flow.reason));
	v->str(v->arg, "why", text);
	if (first != 0)
		v->num(v->arg, "follows", first);
}

static void
show_digest(const struct explain_packet *p, const struct ctl_visitor *v, enum pkt_fields fields)
{
	char text[24];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)p->digests[fields]);
	v->str(v->arg, "digest", text);
}

static void
place_why(const struct explain_places *places, const struct explain_place *place, char *text,
	size_t size)
{
	if (places->dropped)
		snprintf(text, size, "a DROP channel takes it first");
	else if (place->verdict == EXPLAIN_NOBODY)
		snprintf(text, size, "the group has no channel");
	else if (place->verdict == EXPLAIN_FILTERED)
		snprintf(text, size, "the channel's filter does not match: it does not get it");
	else if (place->verdict == EXPLAIN_UNSAMPLED)
		snprintf(text, size,
			"the channel gets 1 in %u flows, and not this one: it does not get it",
			place->sample);
	else if (place->group[0] == '\0')
		snprintf(text, size, "a COPY channel gets every packet that its filter passes");
	else if (place->owned == PKT_BUCKETS)
		snprintf(text, size, "the only channel of the group has all buckets");
	else
		snprintf(text, size, "the bucket is one of the channel's %u of %u",
			place->owned, PKT_BUCKETS);
}

static void
show_place(const struct explain_packet *p, const struct explain_place *place,
	const struct ctl_visitor *v)
{
	bool taken = place->verdict == EXPLAIN_TAKEN && !p->places.dropped;
	char why[120];

	v->open(v->arg, NULL);
	if (place->group[0] != '\0') {
		v->str(v->arg, "group", place->group);
		v->str(v->arg, "fields", pkt_fields_name(place->fields));
		show_digest(p, v, place->fields);
		if (place->channel[0] != '\0' || !p->places.engine)
			v->num(v->arg, "bucket", place->bucket);
	}
	if (place->channel[0] != '\0') {
		v->str(v->arg, "channel", place->channel);
		v->num(v->arg, "delivered", taken);
	}
	if (taken && place->snaplen != 0)
		v->num(v->arg, "snaplen", place->snaplen);
	if (p->places.engine) {
		place_why(&p->places, place, why, sizeof(why));
		v->str(v->arg, "why", why);
	}
	v->close(v->arg);
}

static void
show_places(const struct explain_packet *p, const struct ctl_visitor *v, const char *key,
	bool copies)
{
	v->open(v->arg, key);
	for (uint32_t i = 0; i < p->places.n; i++)
		if ((p->places.place[i].group[0] == '\0') == copies)
			show_place(p, &p->places.place[i], v);
	v->close(v->arg);
}

void
explain_show(const struct explain_packet *p, const struct ctl_visitor *v)
{
	v->open(v->arg, NULL);
	v->num(v->arg, "number", p->number);
	v->num(v->arg, "length", p->pkt->len);
	v->num(v->arg, "wirelen", p->pkt->wirelen);
	v->str(v->arg, "tunnels", p->outer ? "outer" : "inner");
	show_layers(p, v);
	show_key(p, v);
	show_reason(p, v);
	show_digest(p, v, PKT_FIELDS_5TUPLE);
	show_places(p, v, "groups", false);
	show_places(p, v, "copies", true);
	if (p->places.dropped)
		v->str(v->arg, "dropped_by",
			p->places.dropper[0] != '\0' ? p->places.dropper : "a DROP channel");
	v->close(v->arg);
}
