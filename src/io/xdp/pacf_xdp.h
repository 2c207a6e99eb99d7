/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * io/xdp/pacf_xdp: what the kernel program writes before each packet (XDP metadata: kernel
 * document networking/xdp-rx-metadata) and the daemon reads.  Included by both.
 */
#ifndef PACF_XDP_H
#define PACF_XDP_H

/* Of flags.  Some drivers have no metadata, and some packets no room for it (where another
 * program put headers before them): what is read there then is anything but KIND. */
#define PACF_XDP_STAMP	1u	    /* card_ns is there */
#define PACF_XDP_TAG	2u	    /* the card has taken out a VLAN tag: tpid, tci */
#define PACF_XDP_KIND	0x50414300u /* in the bits of the mask: this is such a struct */
#define PACF_XDP_MASK	0xffffff00u
#define PACF_XDP_QUEUES 256u

struct pacf_xdp_meta {
	unsigned int flags;
	unsigned short tci, tpid;   /* host's order; network's order */
	unsigned long long mono_ns; /* CLOCK_MONOTONIC */
	unsigned long long card_ns; /* the card's clock, whatever that is set to */
};

#endif
