/*
 * io/netmap_rx: the state of source_netmap, and how packets are taken out of its rings.
 */
#ifndef PACF_IO_NETMAP_RX_H
#define PACF_IO_NETMAP_RX_H

#include "netmap_port.h"
#include "region.h"

#include <stdatomic.h>

enum io_nm_phase { RUNNING, LEAVE, LEFT };

struct netmap_source {
	struct io_nm_port port;
	struct io_pool *pool;
	struct io_region *region;
	struct io_source_cfg cfg;
	char name[NETMAP_NAMSZ];
	int promisc_fd;
	int face_fd;	/* a socket to ask how the interface is; -1: it is of none */
	uint32_t ring;	/* where the next rx begins */
	uint32_t taken; /* slots since the last sync */
	_Atomic uint64_t oversize_pkts, no_frame_pkts; /* engine writes */
	_Atomic int phase;			       /* enum io_nm_phase */
};

/* Engine: at most n packets that are in the rings now. */
uint32_t io_nm_take(struct netmap_source *s, struct io_pkt *out, uint32_t n);

#endif
