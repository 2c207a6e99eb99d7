/*
 * io/xdp_probe: what AF_XDP could do with an interface.  Control plane.
 */
#ifndef PACF_IO_XDP_PROBE_H
#define PACF_IO_XDP_PROBE_H

#include "io.h"
#include "netif.h"

#define XDP_SOURCE_QUEUES 64u /* that one engine reads */

/* Is it an interface for AF_XDP, with that queue?  -errno with a sentence. */
int xdp_probe_interface(
	const struct io_source_cfg *cfg, struct os_netif *netif, struct io_err *err);
/* Does its driver tell programs the VLAN tags that the card has taken out? */
bool xdp_probe_tags(const struct os_netif *netif);
/* Operation of the source. */
void xdp_probe(const struct io_source_cfg *cfg, struct io_probe *out);

#endif
