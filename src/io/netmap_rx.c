/*
 * io/netmap_rx: see netmap_rx.h.  Engine thread.  Invariant: a slot that is given back holds a
 * buffer that nobody else has.
 */
#include "netmap_rx.h"
#include "os.h"

#include <string.h>

/* Only this thread writes, so no read-modify-write is needed. */
static void
count(_Atomic uint64_t *counter)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + 1, memory_order_relaxed);
}

/* A packet in several slots, whose last is `end`: put together in a large frame. */
static bool
take_joined(struct netmap_source *s, struct netmap_ring *ring, uint32_t head, uint32_t end,
	struct io_pkt *out)
{
	uint32_t frame, len = 0, at = 0;

	for (uint32_t i = head; i != end; i = io_nm_next(ring, i))
		len += ring->slot[i].len;
	frame = len <= IO_LARGE_BYTES ? io_pool_get(s->pool, len) : IO_NO_FRAME;
	if (frame == IO_NO_FRAME) {
		count(len > IO_LARGE_BYTES ? &s->oversize_pkts : &s->no_frame_pkts);
		return false;
	}
	out->data = s->pool->base + io_pool_off(s->pool, frame);
	out->frame = frame;
	out->len = out->wirelen = len;
	for (uint32_t i = head; i != end; i = io_nm_next(ring, i)) {
		const uint8_t *part = io_nm_buf(&s->port, ring, ring->slot[i].buf_idx);
		uint32_t n = ring->slot[i].len;

		if (part == NULL || n > ring->nr_buf_size || at + n > len) {
			count(&s->oversize_pkts);
			io_pool_put(s->pool, frame);
			return false;
		}
		memcpy(out->data + at, part, n);
		at += n;
	}
	return true;
}

/* Where the packet at head ends, if all of it is there; else head. */
static uint32_t
packet_end(const struct netmap_ring *ring, uint32_t head, uint32_t space)
{
	for (uint32_t i = head; space > 0; space--) {
		bool more = (ring->slot[i].flags & NS_MOREFRAG) != 0;

		i = io_nm_next(ring, i);
		if (!more)
			return i;
	}
	return head;
}

/* The buffer of slot i for a free one; false: none is free. */
static bool
take_swapped(struct netmap_source *s, struct netmap_ring *ring, uint32_t i, struct io_pkt *out)
{
	struct netmap_slot *slot = &ring->slot[i];
	uint8_t *data = io_nm_buf(&s->port, ring, slot->buf_idx);
	uint32_t frame;

	if (data == NULL || slot->len > ring->nr_buf_size) {
		count(&s->oversize_pkts);
		return true;
	}
	frame = io_region_get(s->region);
	if (frame == IO_NO_FRAME)
		return false;
	out->data = data;
	out->len = out->wirelen = slot->len;
	out->frame = frame;
	slot->buf_idx = io_region_swap(s->region, frame, slot->buf_idx);
	slot->flags |= NS_BUF_CHANGED;
	return true;
}

/* At most n packets of one ring. */
static uint32_t
ring_take(struct netmap_source *s, struct netmap_ring *ring, struct io_pkt *out, uint32_t n,
	uint64_t now)
{
	uint32_t head = ring->head, space = io_nm_space(ring), got = 0;

	while (got < n && space > 0) {
		uint32_t end = packet_end(ring, head, space);
		uint32_t slots = end >= head ? end - head : end + ring->num_slots - head;

		out[got] = (struct io_pkt){.ts_ns = now, .frame = IO_NO_FRAME};
		if (slots == 0)
			break;
		if (slots > 1)
			take_joined(s, ring, head, end, &out[got]);
		else if (!take_swapped(s, ring, head, &out[got]))
			break;
		got += out[got].frame != IO_NO_FRAME;
		space -= slots;
		s->taken += slots;
		head = end;
	}
	ring->head = ring->cur = head;
	return got;
}

uint32_t
io_nm_take(struct netmap_source *s, struct io_pkt *out, uint32_t n)
{
	uint64_t now = os_clock_real_ns();
	uint32_t got = 0;

	for (uint32_t k = s->port.first; k < s->port.last && got < n; k++) {
		struct netmap_ring *ring = io_nm_rx_ring(&s->port, s->ring);

		got += ring_take(s, ring, out + got, n - got, now);
		if (got < n)
			s->ring = s->ring + 1 < s->port.last ? s->ring + 1 : s->port.first;
	}
	return got;
}
