/*
 * io/source_afxdp: packets of a Linux interface from AF_XDP sockets, whose memory is the pool:
 * what the driver (or the kernel, in copy mode) wrote is what the application reads.
 *
 * A source has a set of sockets, one for each queue, and gives it up when its interface goes
 * away or gets other queues.  The phases, and who may leave each:
 *
 *   RUNNING  engine takes packets                    tend -> LEAVE, if the set is out of date
 *   LEAVE    engine takes what is left in the rings  engine -> LEFT, when they are empty
 *   LEFT     nobody touches the rings                tend closes, opens a new set, -> NEXT
 *   NEXT     a new set, with empty fill rings        engine takes back frames of the old one,
 *                                                    fills the rings, -> RUNNING
 *
 * Invariant: a frame with an owner is a socket's (in a fill ring, the kernel, or a receive
 * ring); one without is on the pool's free list, or held by the engine's bursts and channels.
 */
#include "fail.h"
#include "os.h"
#include "pacf_xdp.h"
#include "xdp_clock.h"
#include "xdp_rx.h"
#include "xdp_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int
source_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct xdp_source *s = priv;
	struct os_netif netif;
	int rc = os_netif_read(cfg->ifname, &netif);

	if (rc < 0)
		return io_fail(err, rc, "there is no interface \"%.60s\"; ip link lists them",
			cfg->ifname);
	if (netif.dlt != 1) /* DLT_EN10MB */
		return io_fail(err, -EINVAL,
			"\"%s\" has no Ethernet frames, which XDP needs; use type \"afpacket\"",
			cfg->ifname);
	if (netif.rx_queues > XDP_SOURCE_QUEUES && cfg->qid < 0)
		return io_fail(err, -EINVAL,
			"\"%s\" has %u receive queues, more than the %u of one engine: use "
			"several, each with its qid",
			cfg->ifname, netif.rx_queues, XDP_SOURCE_QUEUES);
	if (cfg->qid >= 0 &&
		((uint32_t)cfg->qid >= netif.rx_queues || cfg->qid >= (int)PACF_XDP_QUEUES))
		return io_fail(err, -EINVAL, "\"%s\" has %u receive queue%s: qid %d is none",
			cfg->ifname, netif.rx_queues, netif.rx_queues == 1 ? "" : "s",
			cfg->qid);
	s->cfg = *cfg;
	snprintf(s->name, sizeof(s->name), "%s", cfg->ifname);
	s->cfg.ifname = s->name;
	info->dlt = netif.dlt;
	info->linktype = io_linktype(netif.dlt);
	info->snaplen = IO_LARGE_BYTES;
	info->ts_digits = 9;
	info->streams = cfg->qid >= 0 ? 1 : netif.rx_queues;
	s->reserve = (cfg->qid >= 0 ? 1 : netif.rx_queues) * 2 * XDP_SOCKET_SLOTS;
	info->pool_frames = s->reserve;
	info->stamps = "xdp";
	return 0;
}

static void
set_close(struct xdp_source *s)
{
	for (uint32_t i = 0; i < s->nsockets; i++) {
		if (s->port != NULL)
			xdp_port_leave(s->port, s->sockets[i].queue);
	}
	for (uint32_t i = 0; i < s->nsockets; i++) {
		s->lost_before += xdp_socket_lost(&s->sockets[i]) +
				  xsk_cons_nb_avail(&s->sockets[i].rx, UINT32_MAX);
		xdp_socket_close(&s->sockets[i]);
	}
	if (s->port != NULL)
		xdp_port_put(s->port);
	s->port = NULL;
	s->nsockets = 0;
}

static int
set_sockets(struct xdp_source *s, const struct os_netif *netif, struct io_err *err)
{
	uint32_t first = s->cfg.qid >= 0 ? (uint32_t)s->cfg.qid : 0;
	uint32_t n = s->cfg.qid >= 0 ? 1 : netif->rx_queues;
	struct xdp_socket_cfg cfg = {.ifname = netif->name,
		.mode = s->cfg.mode,
		.busy_poll = s->cfg.busy_poll,
		.batch = IO_BURST};

	n = n < XDP_SOURCE_QUEUES ? n : XDP_SOURCE_QUEUES;
	for (uint32_t i = 0; i < n; i++) {
		int rc;

		cfg.queue = first + i;
		rc = xdp_socket_open(&s->sockets[i], s->port, s->pool, &cfg, err);
		if (rc < 0)
			return rc;
		s->nsockets = i + 1;
	}
	return 0;
}

/* The sockets of all queues, and then the program's word to give them packets. */
static int
set_open(struct xdp_source *s, const struct os_netif *netif, struct io_err *err)
{
	int rc = xdp_port_get(netif, s->cfg.mode, &s->port, err);

	if (rc < 0)
		return rc;
	rc = set_sockets(s, netif, err);
	if (rc < 0)
		set_close(s);
	s->ifindex = netif->index;
	s->queues = netif->rx_queues;
	return rc;
}

static void
set_join(struct xdp_source *s)
{
	for (uint32_t i = 0; i < s->nsockets; i++)
		(void)xdp_port_join(s->port, s->sockets[i].queue, s->sockets[i].fd);
}

/* The narrowest of a few looks: an interruption makes one wide. */
static void
clock_look(struct xdp_source *s)
{
	uint64_t offset_ns = atomic_load_explicit(&s->mono_to_real_ns, memory_order_relaxed);
	struct xdp_clock_look best = {0, UINT64_MAX};

	for (int i = 0; i < 5; i++) {
		uint64_t before_ns = os_clock_mono_ns(), real_ns = os_clock_real_ns();
		struct xdp_clock_look look =
			xdp_clock_look(before_ns, real_ns, os_clock_mono_ns());

		best = look.width_ns < best.width_ns ? look : best;
	}
	atomic_store_explicit(
		&s->mono_to_real_ns, xdp_clock_offset(offset_ns, best), memory_order_relaxed);
}

static int
source_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	struct xdp_source *s = priv;
	struct os_netif netif;
	int rc = os_netif_read(s->name, &netif);

	if (rc < 0)
		return io_fail(err, rc, "there is no interface \"%.60s\"; ip link lists them",
			s->name);
	s->pool = pool;
	s->owner = calloc(pool->frames, sizeof(*s->owner));
	if (s->owner == NULL)
		return io_fail(err, -ENOMEM, "\"%s\": out of memory", s->name);
	rc = set_open(s, &netif, err);
	if (rc < 0) {
		free(s->owner);
		s->owner = NULL;
		return rc;
	}
	clock_look(s);
	xdp_rx_fill(s); /* the engine thread does not run yet */
	set_join(s);
	atomic_store_explicit(&s->phase, XDP_RUNNING, memory_order_relaxed);
	return 0;
}

static void
source_counters(void *priv, struct io_source_counters *out)
{
	struct xdp_source *s = priv;

	*out = (struct io_source_counters){
		.source_drop_pkts = s->lost_before,
		.oversize_pkts = atomic_load_explicit(&s->oversize_pkts, memory_order_relaxed),
		.no_frame_pkts = atomic_load_explicit(&s->no_frame_pkts, memory_order_relaxed),
		.super_pkts = atomic_load_explicit(&s->super_pkts, memory_order_relaxed),
	};
	for (uint32_t i = 0; i < s->nsockets; i++)
		out->source_drop_pkts += xdp_socket_lost(&s->sockets[i]);
}

/* Is the set still what it should be? */
static bool
set_fits(const struct xdp_source *s, struct os_netif *netif, struct io_status *out)
{
	char name[OS_NETIF_NAME];

	if (os_netif_name(s->ifindex, name) < 0 || os_netif_read(name, netif) < 0) {
		out->state = IO_GONE;
		return false;
	}
	out->state = netif->up && netif->running ? IO_UP : IO_DOWN;
	if (strcmp(name, s->name) != 0)
		snprintf(out->text, sizeof(out->text), "its name is \"%s\" now", name);
	return s->cfg.qid >= 0 || netif->rx_queues == s->queues;
}

static void
set_renew(struct xdp_source *s, struct io_status *out)
{
	struct io_err err = {""};
	struct os_netif netif;

	set_close(s);
	out->state = IO_GONE;
	if (os_netif_read(s->name, &netif) < 0)
		return;
	if (s->cfg.qid < 0 && netif.rx_queues > XDP_SOURCE_QUEUES)
		snprintf(out->text, sizeof(out->text),
			"it has %u receive queues now; an engine reads the first %u of them",
			netif.rx_queues, XDP_SOURCE_QUEUES);
	if (set_open(s, &netif, &err) < 0) {
		snprintf(out->text, sizeof(out->text), "%s", err.text);
		return;
	}
	out->state = netif.up && netif.running ? IO_UP : IO_DOWN;
	atomic_store_explicit(&s->phase, XDP_NEXT, memory_order_release);
}

static void
mode_tell(const struct xdp_source *s, struct io_status *out)
{
	bool zerocopy = s->nsockets > 0;
	int refused = 0;

	if (s->nsockets == 0)
		return;
	for (uint32_t i = 0; i < s->nsockets; i++) {
		zerocopy &= s->sockets[i].zerocopy;
		refused = s->sockets[i].refused != 0 ? s->sockets[i].refused : refused;
	}
	snprintf(out->mode, sizeof(out->mode), "%s, %u queue%s%s%s",
		zerocopy	  ? "zero-copy"
		: s->port->native ? "native copy"
				  : "generic",
		s->nsockets, s->nsockets == 1 ? "" : "s",
		s->port->frags ? ", several buffers" : "",
		s->cfg.busy_poll ? ", busy polling" : "");
	if (out->text[0] != '\0')
		return;
	if (s->port->why[0] != '\0')
		snprintf(out->text, sizeof(out->text), "not native: %.380s", s->port->why);
	else if (refused != 0)
		snprintf(out->text, sizeof(out->text),
			"not zero-copy: its driver does not know that (%s)",
			strerror(-refused));
}

static void
source_tend(void *priv, struct io_status *out)
{
	struct xdp_source *s = priv;
	struct os_netif netif;

	if (s->owner == NULL)
		return;
	clock_look(s);
	switch (atomic_load_explicit(&s->phase, memory_order_acquire)) {
	case XDP_RUNNING:
		if (!set_fits(s, &netif, out))
			atomic_store_explicit(&s->phase, XDP_LEAVE, memory_order_release);
		break;
	case XDP_LEFT:
		set_renew(s, out);
		break;
	default: /* the engine's turn */
		(void)set_fits(s, &netif, out);
	}
	atomic_store_explicit(&s->quiet, out->state != IO_UP, memory_order_relaxed);
	mode_tell(s, out);
}

static void
source_probe(const struct io_source_cfg *cfg, struct io_probe *out)
{
	struct os_netif netif;
	struct xdp_port *port;
	struct io_err err = {""};

	if (os_netif_read(cfg->ifname, &netif) < 0 || netif.dlt != 1) {
		snprintf(out->why, sizeof(out->why), "no Ethernet interface of that name");
		return;
	}
	if (xdp_port_get(&netif, IO_MODE_BEST, &port, &err) < 0) {
		snprintf(out->why, sizeof(out->why), "%s", err.text);
		return;
	}
	out->usable = true;
	out->rank = port->native ? IO_RANK_NATIVE : IO_RANK_EMULATED;
	snprintf(out->got, sizeof(out->got), "%s, %u queue%s",
		port->native ? "native" : "generic", netif.rx_queues,
		netif.rx_queues == 1 ? "" : "s");
	snprintf(out->why, sizeof(out->why), "%s", port->why);
	xdp_port_put(port);
}

static void
source_close(void *priv)
{
	struct xdp_source *s = priv;

	if (s->owner == NULL)
		return;
	set_close(s);
	xdp_rx_take_back(s);
	free(s->owner);
	s->owner = NULL;
}

const struct io_source_ops io_source_afxdp = {
	.name = "afxdp",
	.priv_bytes = sizeof(struct xdp_source),
	.live = true,
	.open = source_open,
	.start = source_start,
	.rx = xdp_rx,
	.idle = xdp_rx_idle,
	.counters = source_counters,
	.tend = source_tend,
	.probe = source_probe,
	.close = source_close,
};
