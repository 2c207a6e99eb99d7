/*
 * io/source_afpacket: packets of a Linux interface by a packet socket, on every kernel and
 * driver.  One copy, from the socket's ring into the pool; the tag that a card has taken out is
 * put back on the way.
 *
 * An interface that was deleted and has come back has another index, and gets a new ring: tend
 * opens it and hands it over (`next`); the engine goes over to it when the old one is empty,
 * and gives that back (`old`), for tend to close.  Invariant: engine thread and tend never use
 * the same ring but for its kernel counters, which are tend's.
 */
#include "afpacket_ring.h"
#include "capture.h"
#include "nic.h"
#include "super.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DLT_EN10MB_ 1 /* of libpcap's pcap/dlt.h, as os_netif.dlt */

struct afpacket_source {
	char name[OS_NETIF_NAME];
	int qid, dlt;
	struct io_pool *pool;
	struct afp_ring *ring;		 /* engine's; NULL: not started */
	_Atomic(struct afp_ring *) next; /* tend -> engine */
	_Atomic(struct afp_ring *) old;	 /* engine -> tend */
	struct afp_ring *bound;		 /* tend's: the newest one */
	_Atomic uint32_t mtu;		 /* tend -> engine */
	_Atomic bool quiet;		 /* tend -> engine: nothing to wait for */
	bool starved;
	/* Engine writes. */
	_Atomic uint64_t oversize_pkts, super_pkts, csum_partial_pkts;
	_Atomic uint64_t drop_pkts; /* control writes */
};

static int
name_refuse(const char *name, int rc, struct io_err *err)
{
	if (rc == -ENODEV)
		return io_fail(
			err, rc, "there is no interface \"%.60s\"; ip link lists them", name);
	return io_fail(
		err, rc, "\"%.60s\" cannot be read as an interface: %s", name, strerror(-rc));
}

static int
source_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct afpacket_source *s = priv;
	struct os_netif netif;
	int rc = os_netif_read(cfg->ifname, &netif);

	if (rc < 0)
		return name_refuse(cfg->ifname, rc, err);
	if (cfg->mode != IO_MODE_BEST || cfg->busy_poll)
		return io_fail(err, -EINVAL,
			"\"%s\": mode and busy_poll are for type \"afxdp\"; type \"afpacket\" "
			"has one way only",
			cfg->ifname);
	if (netif.dlt < 0)
		return io_fail(err, -EINVAL,
			"\"%s\": its packets are of a kind that this program cannot read "
			"(neither Ethernet nor IP)",
			cfg->ifname);
	if (cfg->qid >= 0 && (uint32_t)cfg->qid >= netif.rx_queues)
		return io_fail(err, -EINVAL,
			"\"%s\" has %u receive queue%s: qid is 0 to %u, not %d", cfg->ifname,
			netif.rx_queues, netif.rx_queues == 1 ? "" : "s", netif.rx_queues - 1,
			cfg->qid);
	snprintf(s->name, sizeof(s->name), "%s", cfg->ifname);
	s->qid = cfg->qid;
	s->dlt = netif.dlt;
	info->dlt = netif.dlt;
	info->linktype = io_linktype(netif.dlt);
	info->snaplen = IO_LARGE_BYTES;
	info->ts_digits = 9;
	info->streams = 1;
	info->stamps = "kernel";
	info->harmless = 1u << OS_RXVLAN;
	info->delay_ns = AFP_DELAY_NS;
	return 0;
}

/* A ring that receives. */
static int
ring_new(const struct afpacket_source *s, const struct os_netif *netif, struct afp_ring **out,
	struct io_err *err)
{
	struct afp_ring *ring = malloc(sizeof(*ring));
	int rc;

	if (ring == NULL)
		return io_fail(err, -ENOMEM, "\"%s\": out of memory", netif->name);
	rc = afp_ring_open(ring, netif, s->qid, err);
	if (rc == 0) {
		rc = afp_ring_bind(ring, netif, err);
		if (rc < 0)
			afp_ring_close(ring);
	}
	if (rc < 0)
		free(ring);
	else
		*out = ring;
	return rc;
}

/* What it got and nobody took is lost, and counted. */
static void
ring_end(struct afpacket_source *s, struct afp_ring *ring)
{
	uint64_t lost;

	afp_ring_close(ring);
	lost = ring->seen_pkts - ring->taken_pkts - ring->told_pkts;
	atomic_fetch_add_explicit(&s->drop_pkts, lost, memory_order_relaxed);
	free(ring);
}

static int
source_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	struct afpacket_source *s = priv;
	struct os_netif netif;
	int rc = os_netif_read(s->name, &netif);

	if (rc < 0)
		return name_refuse(s->name, rc, err);
	s->pool = pool;
	atomic_store_explicit(&s->mtu, netif.mtu, memory_order_relaxed);
	rc = ring_new(s, &netif, &s->ring, err);
	s->bound = s->ring;
	return rc;
}

/* Only this thread writes, so no read-modify-write is needed. */
static inline void
count(_Atomic uint64_t *counter)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + 1, memory_order_relaxed);
}

static bool
is_super(const struct afpacket_source *s, const uint8_t *data, uint32_t len)
{
	uint32_t mtu = atomic_load_explicit(&s->mtu, memory_order_relaxed);

	return s->dlt == DLT_EN10MB_ ? io_is_super(mtu, data, len) : len > mtu;
}

static bool
take(struct afpacket_source *s, const struct afp_pkt *pkt, struct io_pkt *out)
{
	uint32_t tag = afp_pkt_tag_bytes(pkt), frame;

	frame = io_pool_get(s->pool, pkt->len + tag);
	s->starved = frame == IO_NO_FRAME;
	if (s->starved)
		return false;
	*out = (struct io_pkt){
		.data = s->pool->base + io_pool_off(s->pool, frame),
		.ts_ns = pkt->ts_ns,
		.len = pkt->len + tag,
		.wirelen = pkt->wirelen + tag,
		.frame = frame,
	};
	afp_pkt_copy(pkt, out->data);
	if (pkt->status & TP_STATUS_CSUMNOTREADY)
		count(&s->csum_partial_pkts);
	if (is_super(s, out->data, out->len))
		count(&s->super_pkts);
	return true;
}

/* The old ring is empty, and its interface is gone. */
static void
go_over(struct afpacket_source *s)
{
	struct afp_ring *next = atomic_load_explicit(&s->next, memory_order_acquire);

	/* Pairs with tend's: the ring is ready; and, given back, no longer used. */
	if (next == NULL || atomic_load_explicit(&s->old, memory_order_acquire) != NULL)
		return;
	atomic_store_explicit(&s->old, s->ring, memory_order_release);
	s->ring = next;
	atomic_store_explicit(&s->next, NULL, memory_order_release);
}

static int
source_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct afpacket_source *s = priv;
	struct afp_pkt pkt;
	uint32_t got = 0;

	while (got < n) {
		if (!afp_ring_peek(s->ring, &pkt)) {
			if (got == 0)
				go_over(s);
			break;
		}
		if (pkt.len < pkt.wirelen || pkt.len + afp_pkt_tag_bytes(&pkt) > IO_LARGE_BYTES)
			count(&s->oversize_pkts); /* the kernel has cut it, or we would */
		else if (!take(s, &pkt, &out[got]))
			break;
		else
			got++;
		afp_ring_step(s->ring);
	}
	return (int)got;
}

static uint64_t
source_idle(void *priv, struct io_wait *wait)
{
	struct afpacket_source *s = priv;

	if (wait != NULL && wait->n < IO_WAIT_MAX && !s->starved &&
		!atomic_load_explicit(&s->quiet, memory_order_relaxed))
		wait->fds[wait->n++] = s->ring->fd;
	return UINT64_MAX;
}

static void
source_counters(void *priv, struct io_source_counters *out)
{
	struct afpacket_source *s = priv;

	*out = (struct io_source_counters){
		.source_drop_pkts = atomic_load_explicit(&s->drop_pkts, memory_order_relaxed),
		.oversize_pkts = atomic_load_explicit(&s->oversize_pkts, memory_order_relaxed),
		.super_pkts = atomic_load_explicit(&s->super_pkts, memory_order_relaxed),
		.csum_partial_pkts =
			atomic_load_explicit(&s->csum_partial_pkts, memory_order_relaxed),
	};
	if (s->bound == NULL)
		return;
	afp_ring_count(s->bound);
	out->source_drop_pkts += s->bound->drop_pkts;
}

/* Another interface has the name now: a ring for that; the engine goes over to it. */
static int
take_up(struct afpacket_source *s, const struct os_netif *netif, struct io_err *err)
{
	struct afp_ring *ring;
	int rc;

	if (netif->dlt != s->dlt)
		return io_fail(err, -EINVAL,
			"\"%s\" has come back with packets of another kind: stop the engine "
			"and "
			"start it",
			s->name);
	if (atomic_load_explicit(&s->next, memory_order_acquire) != NULL)
		return -EAGAIN; /* the engine has not come to the last one yet */
	rc = ring_new(s, netif, &ring, err);
	if (rc < 0)
		return rc;
	/* The old one's figures stay, until ring_end adds the rest. */
	afp_ring_count(s->bound);
	s->bound->told_pkts = s->bound->drop_pkts;
	atomic_fetch_add_explicit(&s->drop_pkts, s->bound->told_pkts, memory_order_relaxed);
	s->bound = ring;
	/* Pairs with go_over. */
	atomic_store_explicit(&s->next, ring, memory_order_release);
	return 0;
}

/* The bound interface, or, if that is gone, the one that has its name now. */
static int
netif_find(struct afpacket_source *s, struct os_netif *netif, struct io_err *err)
{
	char name[OS_NETIF_NAME];
	int rc;

	if (afp_ring_alive(s->bound) && os_netif_name(s->bound->ifindex, name) == 0)
		return os_netif_read(name, netif);
	rc = os_netif_read(s->name, netif);
	return rc < 0 ? rc : take_up(s, netif, err);
}

static void
state_read(struct afpacket_source *s, struct io_status *out)
{
	struct os_netif netif;
	struct io_err err = {""};
	socklen_t len = sizeof(int);
	int error;

	if (netif_find(s, &netif, &err) < 0) {
		out->state = IO_GONE;
		snprintf(out->text, sizeof(out->text), "%s", err.text);
	} else {
		out->state = netif.up && netif.running ? IO_UP : IO_DOWN;
		atomic_store_explicit(&s->mtu, netif.mtu, memory_order_relaxed);
		if (strcmp(netif.name, s->name) != 0)
			snprintf(out->text, sizeof(out->text), "its name is \"%s\" now",
				netif.name);
		else if (s->bound->nblocks < AFP_BLOCKS)
			snprintf(out->text, sizeof(out->text),
				"there was no memory for a ring of 64 MiB");
	}
	/* ENETDOWN stays until it is read, and would keep the engine awake. */
	(void)getsockopt(s->bound->fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

static void
source_tend(void *priv, struct io_status *out)
{
	struct afpacket_source *s = priv;
	struct afp_ring *old = atomic_load_explicit(&s->old, memory_order_acquire);

	if (s->bound == NULL)
		return;
	if (old != NULL) {
		ring_end(s, old);
		atomic_store_explicit(&s->old, NULL, memory_order_release);
	}
	state_read(s, out);
	atomic_store_explicit(&s->quiet, out->state != IO_UP, memory_order_relaxed);
	snprintf(out->mode, sizeof(out->mode), "ring of %u MiB, promiscuous%s",
		(s->bound->nblocks * (s->bound->block_bytes >> 10)) >> 10,
		s->bound->fanout >= 0 ? ", shared by engines" : "");
}

static void
source_probe(const struct io_source_cfg *cfg, struct io_probe *out)
{
	struct os_netif netif;
	int fd, rc = os_netif_read(cfg->ifname, &netif);

	out->rank = IO_RANK_SOCKET;
	if (rc < 0) {
		snprintf(out->why, sizeof(out->why), "there is no such interface");
		return;
	}
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	else {
		snprintf(out->why, sizeof(out->why), "a packet socket is refused: %s",
			strerror(errno));
		snprintf(out->fix, sizeof(out->fix),
			"run pacf as root, or: setcap cap_net_raw,cap_net_admin+ep bin/pacf");
	}
	out->usable = fd >= 0 && netif.dlt >= 0;
	if (netif.dlt < 0)
		snprintf(out->why, sizeof(out->why), "neither Ethernet nor IP packets");
	snprintf(out->got, sizeof(out->got), "one copy, kernel time stamps");
}

static void
source_close(void *priv)
{
	struct afpacket_source *s = priv;
	struct afp_ring *next = atomic_exchange(&s->next, NULL);
	struct afp_ring *old = atomic_exchange(&s->old, NULL);

	if (old != NULL)
		ring_end(s, old);
	if (next != NULL)
		ring_end(s, next);
	if (s->ring != NULL)
		ring_end(s, s->ring);
	s->ring = s->bound = NULL;
}

const struct io_source_ops io_source_afpacket = {
	.name = "afpacket",
	.priv_bytes = sizeof(struct afpacket_source),
	.live = true,
	.open = source_open,
	.start = source_start,
	.rx = source_rx,
	.idle = source_idle,
	.counters = source_counters,
	.tend = source_tend,
	.probe = source_probe,
	.close = source_close,
};
