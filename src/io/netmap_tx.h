/*
 * io/netmap_tx: puts packets into the transmit rings of a netmap port.  A packet whose buffer
 * is in the same memory as the port, and that nobody else holds, is swapped into the ring;
 * others are copied, into as many slots as it takes.
 */
#ifndef PACF_IO_NETMAP_TX_H
#define PACF_IO_NETMAP_TX_H

#include "netmap_port.h"
#include "region.h"

struct io_nm_tx {
	const struct io_nm_port *port;
	struct io_pool *pool;
	uint32_t ring; /* where the next packet goes */
	uint32_t cut;  /* bytes of a packet at most; 0: all */
};

/* Engine: false if there is no room in any ring.  The packet's frame stays the caller's, with
 * another buffer perhaps: its bytes are not to be read any more. */
bool io_nm_tx_put(struct io_nm_tx *tx, const struct io_pkt *pkt);
/* Engine: can the packet, cut, be sent at all?  If not, put refuses it for ever. */
bool io_nm_tx_fits(const struct io_nm_tx *tx, const struct io_pkt *pkt);
/* Engine: slots that the other end, or the card, has not given back. */
uint32_t io_nm_tx_waiting(const struct io_nm_port *port);

#endif
