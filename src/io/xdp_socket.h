/*
 * io/xdp_socket: one AF_XDP socket on one receive queue (kernel document networking/af_xdp).
 * Its memory (UMEM) is the engine's pool: each socket registers it for itself, so that sockets
 * of several queues and interfaces know nothing of each other.
 *
 * A frame goes into the fill ring, the kernel puts a packet into it and it comes out of the
 * receive ring.  Frames in between are the kernel's; `owner` of the source says whose.
 */
#ifndef PACF_IO_XDP_SOCKET_H
#define PACF_IO_XDP_SOCKET_H

#include "io.h"
#include "xdp_port.h"

#include <xdp/xsk.h>

/* Of a descriptor: more of the packet follows (linux/if_xdp.h of Linux 6.6 and later). */
#define XDP_SOCKET_CONTINUES (1u << 0)
#define XDP_SOCKET_SLOTS     16384u /* of the fill ring, and of the receive ring */
/* Frames that a socket has to begin with: few go round in the caches.  When packets were lost
 * for want of them it gets twice as many, up to its share of the reserve.  Of 64 bytes at 1
 * million a second, a packet cost 380 to 440 ns with 2048, 450 with 4096, 530 with 8192 and 615
 * with 16384; without loss went 2.2 to 2.9, 3.3, 3.3 and 3.5 million (veth, 2 CPUs, 2026). */
#define XDP_SOCKET_FRAMES 4096u
#define XDP_RESERVE_LEAST 32768u /* frames for all sockets of a source: 64 MiB */

struct xdp_socket {
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion, rx;
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	int fd;
	uint32_t queue;
	uint32_t held; /* frames that are the socket's; engine */
	bool zerocopy;
	int refused; /* -errno of zero-copy, if that was tried; 0: it was not, or works */
};

struct xdp_socket_cfg {
	const char *ifname;
	uint32_t queue;
	enum io_mode mode;
	bool busy_poll;
	uint32_t batch; /* of busy polling */
};

/* Control plane.  0, or -errno with a sentence; on failure nothing is held. */
int xdp_socket_open(struct xdp_socket *s, const struct xdp_port *port, struct io_pool *pool,
	const struct xdp_socket_cfg *cfg, struct io_err *err);
void xdp_socket_close(struct xdp_socket *s);
/* Has it still its queue?  It loses that for good when its interface is deleted or taken to
 * another namespace, even if that comes back as it was. */
bool xdp_socket_bound(const struct xdp_socket *s);
/* Packets that were lost for want of room in the rings, so far; 0 if it can't be read. */
uint64_t xdp_socket_lost(const struct xdp_socket *s);
/* Packets in the receive ring; the engine does not take any more. */
uint64_t xdp_socket_waiting(struct xdp_socket *s);

#endif
