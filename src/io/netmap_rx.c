/*
 * io/netmap_rx: see netmap_rx.h.  Called by source_netmap.c on the engine thread.  Invariant:
 * each slot between head and tail of a ring has a buffer that no frame stands for.
 */
#include "netmap_rx.h"

#include <string.h>

/* Only this thread writes, so no read-modify-write is needed. */
static void
count(_Atomic uint64_t *counter)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + 1, memory_order_relaxed);
}

static uint32_t
slots_between(const struct io_nm_ring *r, uint32_t head, uint32_t end)
{
	return end >= head ? end - head : end + r->slots - head;
}

/* The slots' bytes one behind the other, at most `most`; false: they are not as they should be.
 */
static bool
slots_join(const struct io_nm_ring *r, uint32_t head, uint32_t end, uint8_t *to, uint32_t most,
	uint32_t *len)
{
	uint32_t at = 0;

	for (uint32_t i = head; i != end; i = io_nm_next(r, i)) {
		const struct netmap_slot slot = io_nm_slot(r, i);
		const uint8_t *part = io_nm_buf(r, slot.buf_idx);

		if (part == NULL || slot.len > r->buf_bytes || at + slot.len > most)
			return false;
		memcpy(to + at, part, slot.len);
		at += slot.len;
	}
	*len = at;
	return true;
}

/* A packet in several slots, whose last is before `end`: put together in a frame of the pool.
 */
static bool
take_joined(struct io_nm_rx *rx, const struct io_nm_ring *r, uint32_t head, uint32_t end,
	struct io_pkt *out)
{
	uint32_t most = 0, frame;

	for (uint32_t i = head; i != end; i = io_nm_next(r, i))
		most += r->ring->slot[i].len;
	frame = most <= IO_LARGE_BYTES ? io_pool_get(rx->pool, most) : IO_NO_FRAME;
	if (frame == IO_NO_FRAME) {
		count(most > IO_LARGE_BYTES ? &rx->oversize_pkts : &rx->no_frame_pkts);
		return false;
	}
	out->data = rx->pool->base + io_pool_off(rx->pool, frame);
	if (!slots_join(r, head, end, out->data, most, &out->len)) {
		count(&rx->oversize_pkts);
		io_pool_put(rx->pool, frame);
		return false;
	}
	out->wirelen = out->len;
	out->frame = frame;
	return true;
}

/* Where the packet at head ends, if all of it is there; else head. */
static uint32_t
packet_end(const struct io_nm_ring *r, uint32_t head, uint32_t space)
{
	for (uint32_t i = head; space > 0; space--) {
		bool more = (r->ring->slot[i].flags & NS_MOREFRAG) != 0;

		i = io_nm_next(r, i);
		if (!more)
			return i;
	}
	return head;
}

/* Somebody has written a number that is none: netmap would get nothing into this slot any more.
 */
static void
slot_mend(struct io_nm_rx *rx, struct netmap_slot *slot)
{
	uint32_t buf = io_region_spend(rx->region);

	if (buf == 0)
		return;
	slot->buf_idx = buf;
	slot->flags = NS_BUF_CHANGED;
}

/* The buffer of slot i for a free one; false: none is free. */
static bool
take_swapped(struct io_nm_rx *rx, const struct io_nm_ring *r, uint32_t i, struct io_pkt *out)
{
	struct netmap_slot *slot = &r->ring->slot[i], was = io_nm_slot(r, i);
	uint8_t *data = io_nm_buf(r, was.buf_idx);
	uint32_t frame;

	if (data == NULL || was.len > r->buf_bytes) {
		count(&rx->oversize_pkts);
		if (data == NULL)
			slot_mend(rx, slot);
		return true;
	}
	frame = io_region_get(rx->region);
	if (frame == IO_NO_FRAME)
		return false;
	out->data = data;
	out->len = out->wirelen = was.len;
	out->frame = frame;
	slot->buf_idx = io_region_swap(rx->region, frame, was.buf_idx);
	slot->flags = was.flags | NS_BUF_CHANGED;
	return true;
}

/* At most n packets of one ring. */
static uint32_t
ring_take(struct io_nm_rx *rx, const struct io_nm_ring *r, struct io_pkt *out, uint32_t n,
	uint64_t now)
{
	uint32_t head, space = io_nm_space(r, &head), got = 0;

	while (got < n && space > 0) {
		uint32_t end = packet_end(r, head, space), slots = slots_between(r, head, end);

		out[got] = (struct io_pkt){.ts_ns = now, .frame = IO_NO_FRAME};
		if (slots == 0)
			break;
		if (slots > 1)
			take_joined(rx, r, head, end, &out[got]);
		else if (!take_swapped(rx, r, head, &out[got]))
			break;
		got += out[got].frame != IO_NO_FRAME;
		space -= slots;
		rx->taken += slots;
		head = end;
		io_nm_move(r, head);
	}
	return got;
}

uint32_t
io_nm_rx_take(struct io_nm_rx *rx, struct io_pkt *out, uint32_t n, uint64_t now_ns)
{
	uint32_t got = 0;

	for (uint32_t k = 0; k < rx->port->nrings && got < n; k++) {
		got += ring_take(rx, &rx->port->rings[rx->ring], out + got, n - got, now_ns);
		if (got < n)
			rx->ring = rx->ring + 1 < rx->port->nrings ? rx->ring + 1 : 0;
	}
	return got;
}
