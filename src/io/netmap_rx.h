/*
 * io/netmap_rx: takes packets out of the receive rings of a netmap port.  A received buffer
 * becomes a frame of the pool and leaves a free one in its place, so nothing is copied; only a
 * packet of several slots is put together in a large frame.
 *
 * Everybody who has a port in netmap's memory can write into its rings, so a slot is read once,
 * and what it says is checked before it is used.
 */
#ifndef PACF_IO_NETMAP_RX_H
#define PACF_IO_NETMAP_RX_H

#include "netmap_port.h"
#include "region.h"

#include <stdatomic.h>

struct io_nm_rx {
	const struct io_nm_port *port;
	struct io_pool *pool;
	struct io_region *region;		       /* of the port's memory */
	uint32_t ring;				       /* where the next call begins */
	uint32_t taken;				       /* slots since the last sync */
	_Atomic uint64_t oversize_pkts, no_frame_pkts; /* engine writes */
};

/* Engine: at most n packets, stamped now_ns, out of the rings by turns; none is waited for.
 * Without a free buffer packets stay in the rings.  The packets' frames are the caller's. */
uint32_t io_nm_rx_take(struct io_nm_rx *rx, struct io_pkt *out, uint32_t n, uint64_t now_ns);

#endif
