/*
 * ctl/flow: a parsed flow as a visitor sees it: what explain and top have in common.  Any
 * thread.
 */
#ifndef PACF_CTL_FLOW_H
#define PACF_CTL_FLOW_H

#include "ctl.h"
#include "pkt.h"

/* Members of the visitor's open table: family, src, dst, sport, dport, proto, protocol (its
 * name) or ethertype; those that the packet has. */
void ctl_flow_show(const struct pkt_flow *flow, const struct ctl_visitor *v);

#endif
