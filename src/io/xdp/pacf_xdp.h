/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * io/xdp/pacf_xdp: what the kernel program writes before each packet (XDP metadata: kernel
 * document networking/xdp-rx-metadata) and the daemon reads.  Included by both.
 */
#ifndef PACF_XDP_H
#define PACF_XDP_H

#define PACF_XDP_HARDWARE 1u /* ts is the card's */
#define PACF_XDP_TAG	  2u /* the card has taken out a VLAN tag: tpid, tci */
#define PACF_XDP_QUEUES	  256u

struct pacf_xdp_meta {
	unsigned long long ts;	  /* ns: of the card's clock, or of CLOCK_MONOTONIC */
	unsigned short tci, tpid; /* host's order; network's order */
	unsigned int flags;
};

#endif
