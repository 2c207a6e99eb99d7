/*
 * io/netmap_tx: see netmap_tx.h.  Called by sink_netmap.c on the engine thread.  Invariant:
 * each slot between head and tail of a ring has a buffer that no frame stands for.
 */
#include "netmap_tx.h"

#include <string.h>

/* A ring with room, by turns; NULL: all are full. */
static const struct io_nm_ring *
ring_with_room(struct io_nm_tx *tx, uint32_t *head, uint32_t *space)
{
	for (uint32_t k = 0; k < tx->port->nrings; k++) {
		const struct io_nm_ring *r = &tx->port->rings[tx->ring];

		*space = io_nm_space(r, head);
		if (*space > 0)
			return r;
		tx->ring = tx->ring + 1 < tx->port->nrings ? tx->ring + 1 : 0;
	}
	return NULL;
}

/* The region whose buffer this frame is, if it can be swapped with buffer `buf`. */
static struct io_region *
swappable(const struct io_nm_tx *tx, const struct io_nm_ring *r, uint32_t buf, uint32_t frame)
{
	struct io_region *region;

	if (io_nm_buf(r, buf) == NULL)
		return NULL;
	if (!io_pool_is_foreign(tx->pool, frame) || tx->pool->refs[frame] != 1)
		return NULL;
	region = io_region_of(tx->pool, frame);
	return region->memory == tx->port->memory ? region : NULL;
}

/* The slot's buffer; a free one in place of a number that somebody has written there and that
 * is none, if there is one in the same memory; else NULL. */
static uint8_t *
slot_buf(struct io_nm_tx *tx, const struct io_nm_ring *r, uint32_t i, uint16_t *flags)
{
	struct netmap_slot *slot = &r->ring->slot[i];
	uint8_t *buf = io_nm_buf(r, io_nm_slot(r, i).buf_idx);

	for (uint32_t k = 0; buf == NULL && k < tx->pool->nregions; k++) {
		struct io_region *region = tx->pool->regions[k];
		uint32_t index =
			region->memory == tx->port->memory ? io_region_spend(region) : 0;

		if (index == 0)
			continue;
		slot->buf_idx = index;
		*flags = NS_BUF_CHANGED;
		buf = io_nm_buf(r, index);
	}
	return buf;
}

/* Into as many slots from head on as it takes; false: the ring is not as it should be. */
static bool
ring_copy(struct io_nm_tx *tx, const struct io_nm_ring *r, uint32_t head, const uint8_t *data,
	uint32_t len)
{
	uint32_t at = 0;

	do {
		struct netmap_slot *slot = &r->ring->slot[head];
		uint32_t n = len - at < r->buf_bytes ? len - at : r->buf_bytes;
		uint16_t flags = 0;
		uint8_t *buf = slot_buf(tx, r, head, &flags);

		if (buf == NULL)
			return false;
		memcpy(buf, data + at, n);
		at += n;
		slot->len = (uint16_t)n;
		slot->flags = flags | (at < len ? NS_MOREFRAG : 0);
		head = io_nm_next(r, head);
	} while (at < len);
	io_nm_move(r, head);
	return true;
}

static void
ring_swap(const struct io_nm_ring *r, uint32_t head, struct io_region *region, uint32_t frame,
	uint32_t buf, uint32_t len)
{
	struct netmap_slot *slot = &r->ring->slot[head];

	slot->buf_idx = io_region_swap(region, frame, buf);
	slot->len = (uint16_t)len;
	slot->flags = NS_BUF_CHANGED;
	io_nm_move(r, io_nm_next(r, head));
}

static uint32_t
len_cut(const struct io_nm_tx *tx, const struct io_pkt *pkt)
{
	return tx->cut != 0 && tx->cut < pkt->len ? tx->cut : pkt->len;
}

bool
io_nm_tx_fits(const struct io_nm_tx *tx, const struct io_pkt *pkt)
{
	return len_cut(tx, pkt) <= tx->port->most;
}

bool
io_nm_tx_put(struct io_nm_tx *tx, const struct io_pkt *pkt)
{
	uint32_t len = len_cut(tx, pkt), head, space, buf;
	const struct io_nm_ring *r = ring_with_room(tx, &head, &space);
	struct io_region *region;

	if (r == NULL)
		return false;
	buf = io_nm_slot(r, head).buf_idx;
	region = swappable(tx, r, buf, pkt->frame);
	if (region != NULL) {
		ring_swap(r, head, region, pkt->frame, buf, len);
		return true;
	}
	return (uint64_t)space * r->buf_bytes >= len && ring_copy(tx, r, head, pkt->data, len);
}

uint32_t
io_nm_tx_waiting(const struct io_nm_port *port)
{
	uint32_t waiting = 0, head;

	for (uint32_t k = 0; k < port->nrings; k++)
		waiting += port->rings[k].slots - 1 - io_nm_space(&port->rings[k], &head);
	return waiting;
}
