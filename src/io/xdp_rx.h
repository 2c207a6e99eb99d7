/*
 * io/xdp_rx: the engine thread's side of source_afxdp, and the state that both sides share.
 */
#ifndef PACF_IO_XDP_RX_H
#define PACF_IO_XDP_RX_H

#include "netif.h"
#include "xdp_probe.h"
#include "xdp_socket.h"

#include <stdatomic.h>

/* Who made the stamps of packets so far; CARD_OFF: the card did, and its clock is not set;
 * READ: we, when we read them. */
#define XDP_STAMP_KERNEL   1u
#define XDP_STAMP_CARD	   2u
#define XDP_STAMP_CARD_OFF 4u
#define XDP_STAMP_READ	   8u

enum xdp_phase { XDP_RUNNING, XDP_LEAVE, XDP_LEFT };
#define XDP_OWNER_SPARE 255u /* of a frame in no ring */

struct xdp_source {
	struct io_source_cfg cfg;
	char name[OS_NETIF_NAME];
	struct io_pool *pool;
	_Atomic int phase;  /* enum xdp_phase: hands everything below to and fro */
	_Atomic bool quiet; /* tend -> engine: nothing to wait for */
	_Atomic uint64_t mono_to_real_ns; /* tend -> engine: see xdp_clock.h */
	_Atomic uint32_t mtu;		  /* tend -> engine */
	struct xdp_port *port;
	unsigned ifindex;
	uint32_t queues;	/* that the interface had when the set was opened */
	uint32_t reserve;	/* frames for all sockets; at most an equal share for each */
	_Atomic uint32_t limit; /* tend -> engine: frames for each socket */
	uint64_t lost_seen;	/* tend: when it last raised the limit */
	bool tags;		/* the driver is said to tell those taken out */
	uint32_t nsockets;
	struct xdp_socket sockets[XDP_SOURCE_QUEUES];
	uint64_t lost_before; /* by sockets that are closed; control's */
	/* Engine. */
	uint8_t *owner;		 /* by frame: socket + 1, XDP_OWNER_SPARE, or 0 */
	bool spare;		 /* there are such */
	uint32_t turn;		 /* the socket to begin with */
	uint64_t read_ns;	 /* when this burst was read; 0: not looked yet */
	_Atomic uint32_t stamps; /* XDP_STAMP_ of all packets so far */
	_Atomic uint64_t oversize_pkts, no_frame_pkts, super_pkts;
};

/* Operations of the source. */
int xdp_rx(void *priv, struct io_pkt *out, uint32_t n);
uint64_t xdp_rx_idle(void *priv, struct io_wait *wait);

/* Control, before the engine runs: fills the fill rings. */
void xdp_rx_fill(struct xdp_source *s);
/* Control, phase LEFT: fills the fill rings of a new set with the frames of the one before,
 * which is closed; the pool is the engine's. */
void xdp_rx_refill(struct xdp_source *s);
/* Control, when the engine does not run and all sockets are closed: the frames are the pool's.
 */
void xdp_rx_take_back(struct xdp_source *s);

#endif
