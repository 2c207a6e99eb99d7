/*
 * io/xdp_socket: see xdp_socket.h.  The rings are libxdp's.  Invariant: an open socket has a
 * UMEM, rings, and a queue that it is bound to.
 */
#include "xdp_socket.h"
#include "fail.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PAGE		 4096u
#define COMPLETION_SLOTS 64u /* nothing is sent */
/* linux/if_xdp.h of Linux 6.6 and later: packets in several buffers. */
#define BIND_SG (1 << 4)
/* asm-generic/socket.h of Linux 5.11 and later. */
#define PREFER_BUSY_POLL 69
#define BUSY_POLL_BUDGET 70
#define BUSY_POLL_US	 20
/* The kernel lets go of a closed socket's queue a little later (net/xdp/xsk_buff_pool.c: a work
 * of its own), so that whoever had it a moment ago is refused. */
#define BUSY_PAUSE_NS	5000000
#define BUSY_TRIES	40
#define KERNEL_ENOTSUPP 524 /* some drivers' word, which no system header has */

static int
umem_open(struct xdp_socket *s, struct io_pool *pool)
{
	/* Packets are written by the kernel behind 256 bytes of its own. */
	struct xsk_umem_config cfg = {.fill_size = XDP_SOCKET_SLOTS,
		.comp_size = COMPLETION_SLOTS,
		.frame_size = IO_FRAME_BYTES};
	uint64_t bytes =
		((uint64_t)pool->frames * IO_FRAME_BYTES + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	return xsk_umem__create(&s->umem, pool->base, bytes, &s->fill, &s->completion, &cfg);
}

static int
socket_bind(struct xdp_socket *s, const struct xdp_port *port, const struct xdp_socket_cfg *cfg,
	bool zerocopy)
{
	struct xsk_socket_config xsk = {.rx_size = XDP_SOCKET_SLOTS,
		.tx_size = COMPLETION_SLOTS,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags =
			(uint16_t)(XDP_USE_NEED_WAKEUP | (zerocopy ? XDP_ZEROCOPY : XDP_COPY) |
				   (port->frags ? BIND_SG : 0))};
	int rc = xsk_socket__create(
		&s->xsk, cfg->ifname, cfg->queue, s->umem, &s->rx, NULL, &xsk);

	if (rc < 0)
		return rc;
	s->fd = xsk_socket__fd(s->xsk);
	s->zerocopy = zerocopy;
	return 0;
}

/* A failed bind uses up the UMEM's rings, so each try has a UMEM of its own. */
static int
socket_try(struct xdp_socket *s, const struct xdp_port *port, struct io_pool *pool,
	const struct xdp_socket_cfg *cfg, bool zerocopy)
{
	int rc = umem_open(s, pool);

	if (rc < 0)
		return rc;
	rc = socket_bind(s, port, cfg, zerocopy);
	if (rc < 0) {
		xsk_umem__delete(s->umem);
		s->umem = NULL;
	}
	return rc;
}

static int
busy_poll(const struct xdp_socket *s, const struct xdp_socket_cfg *cfg)
{
	int on = 1, us = BUSY_POLL_US, budget = (int)cfg->batch;

	if (!cfg->busy_poll)
		return 0;
	if (setsockopt(s->fd, SOL_SOCKET, PREFER_BUSY_POLL, &on, sizeof(on)) < 0 ||
		setsockopt(s->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) < 0 ||
		setsockopt(s->fd, SOL_SOCKET, BUSY_POLL_BUDGET, &budget, sizeof(budget)) < 0)
		return -errno;
	return 0;
}

static int
socket_fail(const struct xdp_socket_cfg *cfg, int rc, struct io_err *err)
{
	switch (-rc) {
	case EBUSY:
		return io_fail(err, rc,
			"\"%s\": another AF_XDP socket has receive queue %u: end that program, "
			"or choose another qid",
			cfg->ifname, cfg->queue);
	case ENOBUFS:
	case ENOMEM:
		return io_fail(err, rc,
			"\"%s\": the kernel refuses the memory of an AF_XDP socket (%s): give "
			"pacf CAP_IPC_LOCK or a higher ulimit -l, or use fewer buffers",
			cfg->ifname, strerror(-rc));
	case EPERM:
		return io_fail(err, rc,
			"\"%s\": AF_XDP needs the capabilities CAP_NET_RAW, CAP_NET_ADMIN and "
			"CAP_BPF: run pacf as root, or use type \"afpacket\"",
			cfg->ifname);
	case EOPNOTSUPP:
	case EINVAL:
		return io_fail(err, rc,
			"\"%s\": its driver refuses %s on queue %u (%s); leave mode out, or "
			"use "
			"type \"afpacket\"",
			cfg->ifname,
			cfg->mode == IO_MODE_ZEROCOPY ? "zero-copy AF_XDP" : "AF_XDP",
			cfg->queue, strerror(-rc));
	default:
		return io_fail(err, rc, "\"%s\": no AF_XDP socket on queue %u: %s", cfg->ifname,
			cfg->queue, strerror(-rc));
	}
}

/* Zero-copy if that can be, else not, as far as is asked for. */
static int
socket_best(struct xdp_socket *s, const struct xdp_port *port, struct io_pool *pool,
	const struct xdp_socket_cfg *cfg)
{
	bool best = cfg->mode == IO_MODE_BEST, zero = cfg->mode == IO_MODE_ZEROCOPY;
	int rc = -EOPNOTSUPP;

	memset(s, 0, sizeof(*s));
	s->queue = cfg->queue;
	if (port->native && (best || zero)) {
		rc = socket_try(s, port, pool, cfg, true);
		s->refused = rc == -KERNEL_ENOTSUPP ? -EOPNOTSUPP : rc;
	}
	if (rc < 0 && rc != -EBUSY && !zero)
		rc = socket_try(s, port, pool, cfg, false);
	return rc == -KERNEL_ENOTSUPP ? -EOPNOTSUPP : rc;
}

int
xdp_socket_open(struct xdp_socket *s, const struct xdp_port *port, struct io_pool *pool,
	const struct xdp_socket_cfg *cfg, struct io_err *err)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
	int rc = socket_best(s, port, pool, cfg);

	for (int i = 0; i < BUSY_TRIES && rc == -EBUSY; i++) {
		nanosleep(&pause, NULL);
		rc = socket_best(s, port, pool, cfg);
	}
	if (rc < 0)
		return socket_fail(cfg, rc, err);
	rc = busy_poll(s, cfg);
	if (rc < 0) {
		xdp_socket_close(s);
		return io_fail(err, rc, "\"%s\": busy_poll is refused by the system: %s",
			cfg->ifname, strerror(-rc));
	}
	return 0;
}

void
xdp_socket_close(struct xdp_socket *s)
{
	if (s->xsk != NULL)
		xsk_socket__delete(s->xsk);
	if (s->umem != NULL)
		xsk_umem__delete(s->umem);
	s->xsk = NULL;
	s->umem = NULL;
	s->fd = -1;
}

bool
xdp_socket_bound(const struct xdp_socket *s)
{
	/* Nothing is received so: the kernel looks at the socket's state, and returns. */
	return recvfrom(s->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) >= 0 || errno != ENXIO;
}

uint64_t
xdp_socket_lost(const struct xdp_socket *s)
{
	struct xdp_statistics stats;
	socklen_t len = sizeof(stats);

	if (s->xsk == NULL || getsockopt(s->fd, SOL_XDP, XDP_STATISTICS, &stats, &len) < 0)
		return 0;
	return stats.rx_dropped + stats.rx_ring_full;
}

uint64_t
xdp_socket_waiting(struct xdp_socket *s)
{
	uint64_t packets = 0;
	uint32_t at, have, all = 0;

	/* What it knows of first, then what has come since. */
	while ((have = xsk_ring_cons__peek(&s->rx, XDP_SOCKET_SLOTS, &at)) > 0) {
		for (uint32_t i = 0; i < have; i++)
			packets += (xsk_ring_cons__rx_desc(&s->rx, at + i)->options &
					   XDP_SOCKET_CONTINUES) == 0;
		all += have;
	}
	xsk_ring_cons__cancel(&s->rx, all);
	return packets;
}
