/*
 * ctl/flow: see flow.h.
 */
#include "flow.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static void
show_address(const struct pkt_flow *flow, const struct ctl_visitor *v, const char *key,
	const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	switch (flow->family) {
	case PKT_FAMILY_IPV4:
		inet_ntop(AF_INET, addr, text, sizeof(text));
		break;
	case PKT_FAMILY_IPV6:
		inet_ntop(AF_INET6, addr, text, sizeof(text));
		break;
	case PKT_FAMILY_MAC:
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", addr[0], addr[1],
			addr[2], addr[3], addr[4], addr[5]);
		break;
	default:
		return;
	}
	v->str(v->arg, key, text);
}

/* Name of what the protocol's number stands for, if it is a layer of this packet. */
static const char *
proto_name(const struct pkt_flow *flow)
{
	for (uint32_t i = flow->hashed; i < flow->nlayers && flow->l4_off != 0; i++)
		if (flow->layer[i].off == flow->l4_off)
			return pkt_layer_name(flow->layer[i].what);
	return NULL;
}

void
ctl_flow_show(const struct pkt_flow *flow, const struct ctl_visitor *v)
{
	static const char *const families[] = {"none", "mac", "ipv4", "ipv6"};
	const char *proto = proto_name(flow);

	v->str(v->arg, "family", families[flow->family]);
	show_address(flow, v, "src", flow->src);
	show_address(flow, v, "dst", flow->dst);
	if (flow->sport != 0 || flow->dport != 0 || flow->reason == PKT_OK) {
		v->num(v->arg, "sport", flow->sport);
		v->num(v->arg, "dport", flow->dport);
	}
	if (flow->family > PKT_FAMILY_MAC) {
		v->num(v->arg, "proto", flow->proto);
		if (proto != NULL)
			v->str(v->arg, "protocol", proto);
	} else {
		v->num(v->arg, "ethertype", flow->ethertype);
	}
}
