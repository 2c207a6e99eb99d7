/*
 * ctl/expression: a pcap filter expression becomes a program that engines run (pkt/filter.h).
 * Control plane; any thread, one at a time (a lock: libpcap before 1.8 compiles on one thread
 * only).
 *
 * The meaning is libpcap's, as of `tcpdump -r FILE EXPRESSION` on a capture of that link type:
 * tags are looked for in the packet's bytes, never in what a kernel knows besides, and "ip
 * broadcast" means the all-ones and all-zeros addresses.  An expression without "vlan" (or
 * "mpls", "pppoes", "geneve") looks for its headers right behind the link layer's, so "tcp"
 * does not match a tagged packet; "vlan" and "vlan 7" match tagged packets and move everything
 * to the right of them, also behind an "or", one tag inwards ("vlan 7 and tcp"; two tags:
 * "vlan 5 and vlan 7 and tcp"; with or without a tag: "tcp or (vlan and tcp)").
 *
 * Names of hosts in an expression are looked up by the system's resolver, which may take
 * seconds: call it with no other lock held.  Addresses and port names need no network.
 */
#ifndef PACF_CTL_EXPRESSION_H
#define PACF_CTL_EXPRESSION_H

#include "ctl.h"
#include "filter.h"

/* What the packets are that a filter is for. */
struct ctl_filter_link {
	uint32_t linktype; /* LINKTYPE_ value */
	uint32_t snaplen;  /* 0: the largest */
	bool swapped;	   /* a capture file of a machine of the other byte order: matters for
			    * LINKTYPE_NULL */
};

/* An empty expression matches everything.  -EINVAL with a sentence that quotes the expression
 * and says where it fails; -ENOMEM.  *out is the caller's, to be freed when no engine runs it
 * any more. */
int ctl_filter_compile(struct pkt_filter *out, const char *expression,
	const struct ctl_filter_link *link, struct ctl_err *err);
void ctl_filter_free(struct pkt_filter *filter);

#endif
