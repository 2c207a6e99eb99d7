/*
 * io/sink_netmap: packets into a netmap port: one end of a pipe, whose other end an application
 * has; a VALE port; an interface.  A packet whose buffer is in the same memory as the port, and
 * that nobody else holds, is swapped into the ring; others are copied.
 *
 * What does not fit the ring waits in a queue of `slots` packets, which holds references to
 * their frames.  A full queue refuses what comes, or (keep_newest) lets go of the oldest.  The
 * queue belongs to this sink alone, and the pool has a frame for each of its places.
 *
 * As in source_netmap.c, the port is given up when its interface is gone (LEAVE: the engine
 * lets go of the queue; LEFT: tend closes), and opened again when it is back; packets in
 * between are lost and counted as what finds no room.
 */
#include "fail.h"
#include "netmap_port.h"
#include "region.h"

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
	struct netmap_ring *ring; /* where the next packet goes */
	uint32_t nring;
	bool keep_newest;
	uint32_t cut;
	uint32_t slots, head, tail; /* the queue; cursors run free */
	struct io_pkt *queue;
	uint64_t unread_pkts; /* let go of after they had been taken, and not told yet */
};

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct netmap_sink *s = priv;
	struct io_nm_ask ask = {.name = cfg->path, .qid = -1, .flags = NR_TX_RINGS_ONLY};
	int rc;

	s->port.fd = -1;
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
	s->cut = cfg->cut;
	s->keep_newest = cfg->keep_newest;
	s->nring = s->port.first;
	s->ring = io_nm_tx_ring(&s->port, s->nring);
	return 0;
}

/* A ring with room, by turns; NULL: all are full. */
static struct netmap_ring *
ring_with_room(struct netmap_sink *s)
{
	for (uint32_t k = s->port.first; k < s->port.last; k++) {
		if (s->ring != NULL && io_nm_space(s->ring) > 0)
			return s->ring;
		s->nring = s->nring + 1 < s->port.last ? s->nring + 1 : s->port.first;
		s->ring = io_nm_tx_ring(&s->port, s->nring);
	}
	return NULL;
}

/* The region whose buffer this frame is, if it can be swapped into this port. */
static struct io_region *
swappable(const struct netmap_sink *s, uint32_t frame)
{
	struct io_region *region;

	if (!io_pool_is_foreign(s->pool, frame) || s->pool->refs[frame] != 1)
		return NULL;
	region = io_region_of(s->pool, frame);
	return region->memory == s->port.memory ? region : NULL;
}

/* One slot of a packet; false: the ring is not as it should be. */
static bool
slot_fill(struct netmap_sink *s, struct netmap_ring *ring, const uint8_t *data, uint32_t len,
	bool more)
{
	struct netmap_slot *slot = &ring->slot[ring->head];
	uint8_t *buf = io_nm_buf(&s->port, ring, slot->buf_idx);

	if (buf == NULL)
		return false;
	memcpy(buf, data, len);
	slot->len = (uint16_t)len;
	slot->flags = more ? NS_MOREFRAG : 0;
	ring->head = ring->cur = io_nm_next(ring, ring->head);
	return true;
}

static bool
ring_copy(
	struct netmap_sink *s, struct netmap_ring *ring, const struct io_pkt *pkt, uint32_t len)
{
	uint32_t most = ring->nr_buf_size, at = 0;

	do {
		uint32_t n = len - at < most ? len - at : most;

		if (!slot_fill(s, ring, pkt->data + at, n, at + n < len))
			return false;
		at += n;
	} while (at < len);
	return true;
}

static void
ring_swap(struct io_region *region, struct netmap_ring *ring, const struct io_pkt *pkt,
	uint32_t len)
{
	struct netmap_slot *slot = &ring->slot[ring->head];

	slot->buf_idx = io_region_swap(region, pkt->frame, slot->buf_idx);
	slot->len = (uint16_t)len;
	slot->flags = NS_BUF_CHANGED;
	ring->head = ring->cur = io_nm_next(ring, ring->head);
}

/* Puts it into a ring; false: there is no room. */
static bool
ring_put(struct netmap_sink *s, const struct io_pkt *pkt)
{
	uint32_t len = s->cut != 0 && s->cut < pkt->len ? s->cut : pkt->len;
	struct netmap_ring *ring = ring_with_room(s);
	struct io_region *region;

	if (ring == NULL)
		return false;
	region = swappable(s, pkt->frame);
	if (region != NULL) {
		ring_swap(region, ring, pkt, len);
		return true;
	}
	if (io_nm_space(ring) * ring->nr_buf_size < len)
		return false;
	return ring_copy(s, ring, pkt, len);
}

static uint32_t
queued(const struct netmap_sink *s)
{
	return s->tail - s->head;
}

static void
queue_drain(struct netmap_sink *s)
{
	while (queued(s) > 0 && ring_put(s, &s->queue[s->head % s->slots]))
		io_pool_put(s->pool, s->queue[s->head++ % s->slots].frame);
}

static bool
queue_put(struct netmap_sink *s, const struct io_pkt *pkt)
{
	if (queued(s) == s->slots) {
		if (!s->keep_newest)
			return false;
		io_pool_put(s->pool, s->queue[s->head++ % s->slots].frame);
		s->unread_pkts++;
	}
	s->pool->refs[pkt->frame]++;
	s->queue[s->tail++ % s->slots] = *pkt;
	return true;
}

static void
sink_sync(struct netmap_sink *s)
{
	ioctl(s->port.fd, NIOCTXSYNC, NULL);
}

static void
queue_let_go(struct netmap_sink *s)
{
	s->unread_pkts += queued(s);
	while (queued(s) > 0)
		io_pool_put(s->pool, s->queue[s->head++ % s->slots].frame);
}

/* Pairs with tend's: the port is open. */
static bool
usable(struct netmap_sink *s)
{
	int phase = atomic_load_explicit(&s->phase, memory_order_acquire);

	if (phase == LEAVE) {
		queue_let_go(s);
		atomic_store_explicit(&s->phase, LEFT, memory_order_release);
	}
	return phase == RUNNING;
}

static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct netmap_sink *s = priv;
	uint32_t i = 0;

	if (!usable(s))
		return 0;
	if (queued(s) > 0) {
		sink_sync(s);
		queue_drain(s);
	}
	for (; i < n; i++)
		if (queued(s) > 0 || !ring_put(s, pkts[i]))
			if (!queue_put(s, pkts[i]))
				break;
	sink_sync(s);
	return i;
}

static uint32_t
sink_room(void *priv)
{
	const struct netmap_sink *s = priv;

	/* Nobody is made to wait for an interface that is gone. */
	if (atomic_load_explicit(&s->phase, memory_order_relaxed) != RUNNING)
		return UINT32_MAX;
	return s->slots - queued(s);
}

static uint32_t
ring_waiting(const struct netmap_sink *s)
{
	uint32_t waiting = 0;

	for (uint32_t k = s->port.first; k < s->port.last; k++) {
		const struct netmap_ring *ring = io_nm_tx_ring(&s->port, k);

		if (ring != NULL)
			waiting += ring->num_slots - 1 - io_nm_space(ring);
	}
	return waiting;
}

static uint32_t
sink_tick(void *priv, uint64_t *unread_pkts)
{
	struct netmap_sink *s = priv;
	uint32_t waiting = 0;

	if (usable(s) && (queued(s) > 0 || ring_waiting(s) > 0)) {
		sink_sync(s);
		queue_drain(s);
		sink_sync(s);
		waiting = queued(s) + ring_waiting(s);
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
	s->nring = s->port.first;
	s->ring = io_nm_tx_ring(&s->port, s->nring);
	atomic_store_explicit(&s->phase, RUNNING, memory_order_release);
}

static void
sink_close(void *priv)
{
	struct netmap_sink *s = priv;

	io_nm_close(&s->port);
	free(s->queue);
	s->queue = NULL;
}

const struct io_sink_ops io_sink_netmap = {
	.name = "netmap",
	.priv_bytes = sizeof(struct netmap_sink),
	.ring = true,
	.open = sink_open,
	.tx = sink_tx,
	.room = sink_room,
	.tick = sink_tick,
	.leave = sink_leave,
	.tend = sink_tend,
	.flush = sink_flush,
	.close = sink_close,
};
