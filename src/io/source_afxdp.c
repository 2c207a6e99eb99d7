/*
 * io/source_afxdp: packets of a Linux interface from AF_XDP sockets, whose memory is the pool:
 * what the driver (or the kernel, in copy mode) wrote is what the application reads.
 *
 * A source has a set of sockets, one for each queue, and gives it up when its interface goes
 * away or gets other queues.  The phases, and who may leave each:
 *
 *   RUNNING  engine takes packets                    tend -> LEAVE, if the set is out of date
 *   LEAVE    engine takes what is left in the rings  engine -> LEFT, when they are empty
 *   LEFT     tend closes the set, opens another      tend -> RUNNING, when it gets packets
 *            and gives it the frames of the first
 *
 * Invariant: a frame with an owner is the source's, in a fill ring, the kernel or a receive
 * ring; one without is on the pool's free list, or held by the engine's bursts and channels.
 */
#include "fail.h"
#include "nic.h"
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
	int rc = xdp_probe_interface(cfg, &netif, err);

	if (rc < 0)
		return rc;
	s->cfg = *cfg;
	snprintf(s->name, sizeof(s->name), "%s", cfg->ifname);
	s->cfg.ifname = s->name;
	info->dlt = netif.dlt;
	info->linktype = io_linktype(netif.dlt);
	info->snaplen = IO_LARGE_BYTES;
	info->ts_digits = 9;
	info->streams = cfg->qid >= 0 ? 1 : netif.rx_queues;
	s->reserve = (cfg->qid >= 0 ? 1 : netif.rx_queues) * XDP_SOCKET_FRAMES;
	s->reserve = s->reserve > XDP_RESERVE_LEAST ? s->reserve : XDP_RESERVE_LEAST;
	atomic_init(&s->limit, XDP_SOCKET_FRAMES);
	info->pool_frames = s->reserve;
	info->stamps = "xdp";
	s->tags = cfg->mode != IO_MODE_GENERIC && xdp_probe_tags(&netif);
	/* The driver has the program run before GRO, and a generic one switches that off
	 * (net/core/gro.c: netif_elide_gro). */
	info->harmless = 1u << OS_GRO | (s->tags ? 1u << OS_RXVLAN : 0);
	return 0;
}

/* The program first: from then on nothing comes, and what has come can be counted. */
static void
set_close(struct xdp_source *s)
{
	for (uint32_t i = 0; i < s->nsockets; i++)
		xdp_port_leave(s->port, s->sockets[i].queue);
	if (s->port != NULL)
		xdp_port_put(s->port);
	s->port = NULL;
	for (uint32_t i = 0; i < s->nsockets; i++) {
		s->lost_before +=
			xdp_socket_lost(&s->sockets[i]) + xdp_socket_waiting(&s->sockets[i]);
		xdp_socket_close(&s->sockets[i]);
	}
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

/* Its fill rings are full: have the program give it packets. */
static int
set_join(struct xdp_source *s, struct io_err *err)
{
	for (uint32_t i = 0; i < s->nsockets; i++) {
		const struct xdp_socket *sock = &s->sockets[i];
		int rc = xdp_port_join(s->port, sock->queue, sock->fd);

		if (rc < 0)
			return io_fail(err, rc, "\"%s\": receive queue %u gives no packets: %s",
				s->name, sock->queue, strerror(-rc));
	}
	return 0;
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
	clock_look(s);
	atomic_store_explicit(&s->mtu, netif.mtu, memory_order_relaxed);
	rc = set_open(s, &netif, err);
	if (rc == 0) {
		xdp_rx_fill(s);
		rc = set_join(s, err);
	}
	atomic_store_explicit(&s->phase, XDP_RUNNING, memory_order_relaxed);
	if (rc < 0)
		source_close(s);
	return rc;
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

/* The interface that it was, whatever its name is now; if that is gone, the one of its name. */
static int
face_read(const struct xdp_source *s, struct os_netif *out)
{
	char name[OS_NETIF_NAME];

	if (os_netif_name(s->ifindex, name) == 0)
		return os_netif_read(name, out);
	return os_netif_read(s->name, out);
}

static void
face_tell(struct xdp_source *s, const struct os_netif *face, struct io_status *out)
{
	out->state = face->up && face->running ? IO_UP : IO_DOWN;
	if (strcmp(face->name, s->name) != 0)
		snprintf(out->text, sizeof(out->text), "its name is \"%s\" now", face->name);
	atomic_store_explicit(&s->mtu, face->mtu, memory_order_relaxed);
}

/* Is the set still what it should be? */
static bool
set_fits(struct xdp_source *s, struct io_status *out)
{
	struct os_netif face;

	if (face_read(s, &face) < 0 || face.index != s->ifindex) {
		out->state = IO_GONE;
		return false;
	}
	face_tell(s, &face, out);
	for (uint32_t i = 0; i < s->nsockets; i++)
		if (!xdp_socket_bound(&s->sockets[i]))
			return false;
	return s->cfg.qid >= 0 || face.rx_queues == s->queues;
}

static void
set_renew(struct xdp_source *s, struct io_status *out)
{
	struct io_err err = {""};
	struct os_netif face;

	set_close(s);
	out->state = IO_GONE;
	if (face_read(s, &face) < 0)
		return;
	face_tell(s, &face, out);
	if (s->cfg.qid < 0 && face.rx_queues > XDP_SOURCE_QUEUES)
		snprintf(out->text, sizeof(out->text),
			"it has %u receive queues now; an engine reads the first %u of them",
			face.rx_queues, XDP_SOURCE_QUEUES);
	if (set_open(s, &face, &err) < 0) {
		out->state = IO_DOWN; /* for us */
		snprintf(out->text, sizeof(out->text), "%s", err.text);
		return;
	}
	xdp_rx_refill(s);
	if (set_join(s, &err) < 0) {
		set_close(s);
		out->state = IO_DOWN;
		snprintf(out->text, sizeof(out->text), "%s", err.text);
		return;
	}
	/* Pairs with xdp_rx: the set is whole. */
	atomic_store_explicit(&s->phase, XDP_RUNNING, memory_order_release);
}

/* Why it is not better, and what else is to be known; one of them. */
static void
text_tell(const struct xdp_source *s, bool zerocopy, int refused, struct io_status *out)
{
	uint32_t stamps = atomic_load_explicit(&s->stamps, memory_order_relaxed);

	if (out->text[0] != '\0')
		return;
	if (s->tags && !s->port->hints)
		snprintf(out->text, sizeof(out->text),
			"this kernel tells no VLAN tags that the card has taken out: `ethtool "
			"-K "
			"%s rxvlan off`",
			s->name);
	else if (stamps & XDP_STAMP_CARD_OFF)
		snprintf(out->text, sizeof(out->text),
			"the card's clock is not set to the time: stamps are the kernel's; "
			"phc2sys -s CLOCK_REALTIME -c %s sets it",
			s->name);
	else if (stamps & XDP_STAMP_READ)
		snprintf(out->text, sizeof(out->text),
			"%s without the kernel's stamp, as there was no room for it: they have "
			"the time when they were read",
			stamps == XDP_STAMP_READ ? "packets come" : "some packets come");
	else if (s->port->why[0] != '\0')
		snprintf(out->text, sizeof(out->text), "not native: %.380s", s->port->why);
	else if (!zerocopy && refused != 0)
		snprintf(out->text, sizeof(out->text), "not zero-copy: %s (%s)",
			refused == -EOPNOTSUPP ? "its driver cannot" : "refused",
			strerror(-refused));
}

static void
mode_tell(const struct xdp_source *s, struct io_status *out)
{
	uint32_t stamps = atomic_load_explicit(&s->stamps, memory_order_relaxed);
	bool zerocopy = true;
	int refused = 0;

	if (s->nsockets == 0)
		return;
	for (uint32_t i = 0; i < s->nsockets; i++) {
		zerocopy &= s->sockets[i].zerocopy;
		refused = s->sockets[i].refused != 0 ? s->sockets[i].refused : refused;
	}
	snprintf(out->mode, sizeof(out->mode), "%s, %u queue%s%s, %s%s",
		zerocopy	  ? "zero-copy"
		: s->port->native ? "native copy"
				  : "generic",
		s->nsockets, s->nsockets == 1 ? "" : "s", s->port->frags ? ", in parts" : "",
		s->cfg.busy_poll ? "busy polling" : "need_wakeup",
		stamps == XDP_STAMP_CARD ? ", the card's stamps" : "");
	text_tell(s, zerocopy, refused, out);
}

/* Sockets that lost packets get more frames. */
static void
limit_look(struct xdp_source *s)
{
	uint32_t limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
	struct io_source_counters now;

	source_counters(s, &now);
	if (now.source_drop_pkts == s->lost_seen || limit >= s->reserve)
		return;
	s->lost_seen = now.source_drop_pkts;
	atomic_store_explicit(&s->limit, 2 * limit, memory_order_relaxed);
}

static void
source_tend(void *priv, struct io_status *out)
{
	struct xdp_source *s = priv;

	if (s->owner == NULL)
		return;
	clock_look(s);
	limit_look(s);
	switch (atomic_load_explicit(&s->phase, memory_order_acquire)) {
	case XDP_RUNNING:
		if (!set_fits(s, out))
			atomic_store_explicit(&s->phase, XDP_LEAVE, memory_order_release);
		break;
	case XDP_LEFT:
		set_renew(s, out);
		break;
	default: /* the engine's turn */
		(void)set_fits(s, out);
	}
	atomic_store_explicit(&s->quiet, out->state != IO_UP, memory_order_relaxed);
	mode_tell(s, out);
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
	.probe = xdp_probe,
	.close = source_close,
};
