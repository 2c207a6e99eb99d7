/*
 * io/sink_netmap: packets into a netmap port: one end of a pipe, whose other end an application
 * has; a VALE port; an interface.  netmap_tx.c fills the rings.
 *
 * What does not fit the ring waits in a queue of `slots` packets, which holds references to
 * their frames.  A full queue refuses what comes, or (keep_newest) lets go of the oldest.  The
 * queue belongs to this sink alone, and the pool has a frame for each of its places, and
 * IO_SINK_LARGE large ones.
 *
 * As in source_netmap.c, the port is given up when its interface is gone (LEAVE: the engine
 * lets go of the queue; LEFT: tend closes), and opened again when it is back; packets in
 * between are lost and counted as what finds no room.
 */
#include "fail.h"
#include "netmap_tx.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum phase { RUNNING, LEAVE, LEFT };

struct netmap_sink {
	char name[NETMAP_NAMSZ];
	_Atomic int phase; /* enum phase */
	struct io_nm_port port;
	struct io_pool *pool;
	struct io_nm_tx tx;
	bool keep_newest;
	uint32_t slots, head, tail; /* the queue; cursors run free */
	uint32_t large;		    /* large frames in it */
	struct io_pkt *queue;
	uint32_t failed_pkts; /* longer than the port can send, and not told yet */
	uint64_t unread_pkts; /* let go of after they had been taken, and not told yet */
};

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct netmap_sink *s = priv;
	struct io_nm_ask ask = {.name = cfg->path, .qid = -1, .flags = NR_TX_RINGS_ONLY};
	int rc;

	s->port.fd = s->port.face_fd = -1;
	if (cfg->dlt != 1) /* DLT_EN10MB */
		return io_fail(err, -EINVAL,
			"netmap:%s takes Ethernet packets only, not those of this link type; "
			"use pacf: or pcap:",
			cfg->path);
	s->queue = calloc(cfg->slots, sizeof(*s->queue));
	if (s->queue == NULL)
		return io_fail(err, -ENOMEM, "netmap:%s: no memory for a queue of %u packets",
			cfg->path, cfg->slots);
	rc = io_nm_open(&s->port, &ask, err);
	if (rc < 0) {
		free(s->queue);
		s->queue = NULL;
		return rc;
	}
	snprintf(s->name, sizeof(s->name), "%s", cfg->path);
	s->pool = cfg->pool;
	s->slots = cfg->slots;
	s->tx = (struct io_nm_tx){.port = &s->port, .pool = cfg->pool, .cut = cfg->cut};
	s->keep_newest = cfg->keep_newest;
	return 0;
}

static uint32_t
queued(const struct netmap_sink *s)
{
	return s->tail - s->head;
}

static bool
is_large(const struct netmap_sink *s, uint32_t frame)
{
	return io_pool_is_large(s->pool, frame) && !io_pool_is_foreign(s->pool, frame);
}

static void
queue_pop(struct netmap_sink *s)
{
	uint32_t frame = s->queue[s->head++ % s->slots].frame;

	s->large -= is_large(s, frame);
	io_pool_put(s->pool, frame);
}

static void
queue_drain(struct netmap_sink *s)
{
	while (queued(s) > 0 && io_nm_tx_put(&s->tx, &s->queue[s->head % s->slots]))
		queue_pop(s);
}

static bool
queue_full(const struct netmap_sink *s, bool large)
{
	return queued(s) == s->slots || (large && s->large == IO_SINK_LARGE);
}

static bool
queue_put(struct netmap_sink *s, const struct io_pkt *pkt)
{
	bool large = is_large(s, pkt->frame);

	while (queue_full(s, large)) {
		if (!s->keep_newest)
			return false;
		queue_pop(s);
		s->unread_pkts++;
	}
	s->large += large;
	s->pool->refs[pkt->frame]++;
	s->queue[s->tail++ % s->slots] = *pkt;
	return true;
}

static void
sink_sync(struct netmap_sink *s)
{
	if (io_nm_may_sync(&s->port))
		ioctl(s->port.fd, NIOCTXSYNC, NULL);
}

static void
queue_let_go(struct netmap_sink *s)
{
	s->unread_pkts += queued(s);
	while (queued(s) > 0)
		queue_pop(s);
}

/* Pairs with tend's: the port is open. */
static bool
usable(struct netmap_sink *s)
{
	int phase = atomic_load_explicit(&s->phase, memory_order_acquire);

	if (phase == LEAVE) {
		queue_let_go(s);
		atomic_store_explicit(&s->phase, LEFT, memory_order_release);
	} else if (queued(s) > 0 && io_regions_leaving(s->pool)) {
		queue_let_go(s);
	}
	return phase == RUNNING;
}

static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct netmap_sink *s = priv;
	uint32_t done = 0;

	if (!usable(s))
		return 0;
	if (queued(s) > 0) {
		sink_sync(s);
		queue_drain(s);
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct io_pkt *pkt = pkts[i];

		if (!io_nm_tx_fits(&s->tx, pkt)) {
			s->failed_pkts++;
			continue;
		}
		if ((queued(s) > 0 || !io_nm_tx_put(&s->tx, pkt)) && !queue_put(s, pkt))
			break;
		pkts[i] = pkts[done];
		pkts[done++] = pkt;
	}
	sink_sync(s);
	return done;
}

static uint32_t
sink_failed(void *priv)
{
	struct netmap_sink *s = priv;
	uint32_t failed = s->failed_pkts;

	s->failed_pkts = 0;
	return failed;
}

static uint32_t
sink_room(void *priv)
{
	const struct netmap_sink *s = priv;

	/* Nobody is made to wait for an interface that is gone. */
	if (atomic_load_explicit(&s->phase, memory_order_relaxed) != RUNNING)
		return UINT32_MAX;
	return s->large < IO_SINK_LARGE ? s->slots - queued(s) : 0;
}

static uint32_t
sink_tick(void *priv, uint64_t *unread_pkts)
{
	struct netmap_sink *s = priv;
	uint32_t waiting = 0;

	if (usable(s) && (queued(s) > 0 || io_nm_tx_waiting(&s->port) > 0)) {
		sink_sync(s);
		queue_drain(s);
		sink_sync(s);
		waiting = queued(s) + io_nm_tx_waiting(&s->port);
	}
	*unread_pkts += s->unread_pkts;
	s->unread_pkts = 0;
	return waiting;
}

static void
sink_leave(void *priv, uint64_t *unread_pkts)
{
	struct netmap_sink *s = priv;

	queue_let_go(s);
	*unread_pkts += s->unread_pkts;
	s->unread_pkts = 0;
}

static int
sink_flush(void *priv)
{
	uint64_t unread = 0;

	(void)sink_tick(priv, &unread);
	((struct netmap_sink *)priv)->unread_pkts = unread;
	return 0;
}

static void
sink_tend(void *priv, struct io_status *out)
{
	struct netmap_sink *s = priv;
	struct io_nm_ask ask = {.name = s->name, .qid = -1, .flags = NR_TX_RINGS_ONLY};
	struct io_err err = {""};
	unsigned index;

	out->state = io_nm_state(s->name, &index);
	switch (atomic_load_explicit(&s->phase, memory_order_acquire)) {
	case RUNNING:
		if (index != s->port.ifindex)
			atomic_store_explicit(&s->phase, LEAVE, memory_order_release);
		return;
	case LEFT:
		io_nm_close(&s->port);
		break;
	default: /* the engine's turn */
		return;
	}
	if (out->state == IO_GONE)
		return;
	if (io_nm_open(&s->port, &ask, &err) < 0) {
		snprintf(out->text, sizeof(out->text), "%s", err.text);
		return;
	}
	s->tx.ring = 0;
	atomic_store_explicit(&s->phase, RUNNING, memory_order_release);
}

static uint64_t
sink_close(void *priv)
{
	struct netmap_sink *s = priv;

	io_nm_close(&s->port);
	free(s->queue);
	s->queue = NULL;
	return 0;
}

const struct io_sink_ops io_sink_netmap = {
	.name = "netmap",
	.priv_bytes = sizeof(struct netmap_sink),
	.ring = true,
	.open = sink_open,
	.tx = sink_tx,
	.failed = sink_failed,
	.room = sink_room,
	.tick = sink_tick,
	.leave = sink_leave,
	.tend = sink_tend,
	.flush = sink_flush,
	.close = sink_close,
};
