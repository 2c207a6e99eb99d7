/*
 * io/xdp_rx: the engine thread's side of source_afxdp, and the state that both sides share.
 */
#ifndef PACF_IO_XDP_RX_H
#define PACF_IO_XDP_RX_H

#include "netif.h"
#include "xdp_probe.h"
#include "xdp_socket.h"

#include <stdatomic.h>

/* Who made the stamps of packets so far; CARD_OFF: the card did, and its clock is not set. */
#define XDP_STAMP_KERNEL   1u
#define XDP_STAMP_CARD	   2u
#define XDP_STAMP_CARD_OFF 4u

enum xdp_phase { XDP_RUNNING, XDP_LEAVE, XDP_LEFT, XDP_NEXT };

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
	uint32_t queues;  /* that the interface had when the set was opened */
	uint32_t reserve; /* frames for all sockets; each gets an equal share */
	uint32_t nsockets;
	struct xdp_socket sockets[XDP_SOURCE_QUEUES];
	uint64_t lost_before; /* by sockets that are closed; control's */
	/* Engine. */
	uint8_t *owner;		 /* by frame: socket + 1, or 0 */
	uint32_t turn;		 /* the socket to begin with */
	_Atomic uint32_t stamps; /* XDP_STAMP_ of all packets so far */
	_Atomic int join_error;	 /* of the newest set; 0: its sockets get packets */
	_Atomic uint64_t oversize_pkts, no_frame_pkts, super_pkts;
};

/* Operations of the source. */
int xdp_rx(void *priv, struct io_pkt *out, uint32_t n);
uint64_t xdp_rx_idle(void *priv, struct io_wait *wait);

/* A new set: fills its fill rings, and then has the program give it packets (engine, or control
 * before it runs).  -errno. */
int xdp_rx_begin(struct xdp_source *s);
/* All sockets are closed: their frames are the pool's again. */
void xdp_rx_take_back(struct xdp_source *s);

#endif
