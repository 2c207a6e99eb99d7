/*
 * io/xdp_rx: takes packets out of AF_XDP sockets.  Engine thread.  Invariant: a socket holds
 * as many frames as it may (limit, and its share of the reserve) as long as the pool has some,
 * so that its fill ring never runs dry by us.
 */
#include "xdp_rx.h"
#include "os.h"
#include "pacf_xdp.h"
#include "super.h"
#include "xdp_clock.h"

#include <arpa/inet.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/socket.h>

#define TAG_AT 12u /* behind the two MAC addresses */

static inline void
count(_Atomic uint64_t *counter)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + 1, memory_order_relaxed);
}

static void
socket_fill(struct xdp_source *s, uint32_t number)
{
	struct xdp_socket *sock = &s->sockets[number];
	struct io_pool *pool = s->pool;
	uint32_t share = s->reserve / s->nsockets, room, at;
	uint32_t limit = atomic_load_explicit(&s->limit, memory_order_relaxed);

	share = limit < share ? limit : share;
	if (share <= sock->held)
		return;
	room = share - sock->held;
	if (room > pool->nfree)
		room = pool->nfree;
	if (room > xsk_prod_nb_free(&sock->fill, room))
		room = xsk_prod_nb_free(&sock->fill, room);
	if (room == 0 || xsk_ring_prod__reserve(&sock->fill, room, &at) != room)
		return;
	for (uint32_t i = 0; i < room; i++) {
		uint32_t frame = pool->free[--pool->nfree];

		s->owner[frame] = (uint8_t)(number + 1);
		*xsk_ring_prod__fill_addr(&sock->fill, at + i) =
			(uint64_t)frame * IO_FRAME_BYTES;
	}
	xsk_ring_prod__submit(&sock->fill, room);
	sock->held += room;
}

void
xdp_rx_fill(struct xdp_source *s)
{
	for (uint32_t i = 0; i < s->nsockets; i++)
		socket_fill(s, i);
}

static uint32_t
owned(const struct xdp_source *s)
{
	uint32_t n = 0;

	for (uint32_t frame = 0; frame < s->pool->frames; frame++)
		n += s->owner[frame] != 0;
	return n;
}

void
xdp_rx_refill(struct xdp_source *s)
{
	uint32_t each = owned(s) / s->nsockets, frame = 0, at;

	each = each < XDP_SOCKET_SLOTS ? each : XDP_SOCKET_SLOTS;
	for (uint32_t i = 0; i < s->nsockets; i++) {
		struct xdp_socket *sock = &s->sockets[i];

		if (xsk_ring_prod__reserve(&sock->fill, each, &at) != each)
			continue; /* cannot be: the ring is new */
		for (uint32_t k = 0; k < each; frame++) {
			if (s->owner[frame] == 0)
				continue;
			s->owner[frame] = (uint8_t)(i + 1);
			*xsk_ring_prod__fill_addr(&sock->fill, at + k++) =
				(uint64_t)frame * IO_FRAME_BYTES;
		}
		xsk_ring_prod__submit(&sock->fill, each);
		sock->held = each;
	}
	for (; frame < s->pool->frames; frame++)
		if (s->owner[frame] != 0) {
			s->owner[frame] = XDP_OWNER_SPARE;
			s->spare = true;
		}
}

static void
spare_give_back(struct xdp_source *s)
{
	for (uint32_t frame = 0; frame < s->pool->frames; frame++)
		if (s->owner[frame] == XDP_OWNER_SPARE) {
			s->owner[frame] = 0;
			io_pool_put(s->pool, frame);
		}
	s->spare = false;
}

void
xdp_rx_take_back(struct xdp_source *s)
{
	for (uint32_t frame = 0; frame < s->pool->frames; frame++)
		if (s->owner[frame] != 0) {
			s->owner[frame] = 0;
			io_pool_put(s->pool, frame);
		}
}

/* The tag that the card has taken out goes back between addresses and type: the bytes before
 * the packet are the metadata's, which is read. */
static void
tag_put(struct io_pkt *pkt, uint16_t tpid_be, uint16_t tci)
{
	uint8_t *data = pkt->data - 4;
	uint16_t tci_be = htons(tci);

	if (pkt->len < TAG_AT)
		return;
	memmove(data, pkt->data, TAG_AT);
	memcpy(data + TAG_AT, &tpid_be, 2);
	memcpy(data + TAG_AT + 2, &tci_be, 2);
	pkt->data = data;
	pkt->len += 4;
	pkt->wirelen += 4;
}

static inline void
stamp_seen(struct xdp_source *s, uint32_t now)
{
	uint32_t seen = atomic_load_explicit(&s->stamps, memory_order_relaxed);

	if ((seen & now) == 0)
		atomic_store_explicit(&s->stamps, seen | now, memory_order_relaxed);
}

static inline uint64_t
packet_stamp(struct xdp_source *s, const struct pacf_xdp_meta *meta)
{
	uint64_t real_ns =
		meta->mono_ns + atomic_load_explicit(&s->mono_to_real_ns, memory_order_relaxed);
	uint32_t now = XDP_STAMP_KERNEL;
	uint64_t ts_ns = real_ns;

	if (meta->flags & PACF_XDP_STAMP) {
		ts_ns = xdp_clock_stamp(real_ns, meta->card_ns);
		now = ts_ns == meta->card_ns ? XDP_STAMP_CARD : XDP_STAMP_CARD_OFF;
	}
	stamp_seen(s, now);
	return ts_ns;
}

/* Of a packet without metadata: one time for a burst. */
static uint64_t
read_stamp(struct xdp_source *s)
{
	if (s->read_ns == 0)
		s->read_ns = os_clock_real_ns();
	stamp_seen(s, XDP_STAMP_READ);
	return s->read_ns;
}

/* The metadata is read once: the frame's next packet may have none. */
static inline void
packet_read(struct xdp_source *s, const struct xdp_desc *desc, struct io_pkt *out)
{
	const uint32_t none = 0;
	struct pacf_xdp_meta meta;

	out->data = s->pool->base + desc->addr;
	out->len = out->wirelen = desc->len;
	out->frame = (uint32_t)(desc->addr / IO_FRAME_BYTES);
	memcpy(&meta, out->data - sizeof(meta), sizeof(meta));
	if ((meta.flags & PACF_XDP_MASK) != PACF_XDP_KIND) {
		out->ts_ns = read_stamp(s);
		return;
	}
	memcpy(out->data - sizeof(meta), &none, sizeof(none));
	out->ts_ns = packet_stamp(s, &meta);
	if (meta.flags & PACF_XDP_TAG)
		tag_put(out, meta.tpid, meta.tci);
}

/* Bytes of the packet that begins at descriptor i, and how many descriptors; 0: not all there.
 */
static uint32_t
packet_span(struct xdp_socket *sock, uint32_t at, uint32_t n, uint32_t *bytes)
{
	*bytes = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&sock->rx, at + i);

		*bytes += desc->len;
		if ((desc->options & XDP_SOCKET_CONTINUES) == 0)
			return i + 1;
	}
	return 0;
}

static void
parts_free(struct xdp_source *s, struct xdp_socket *sock, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&sock->rx, at + i);
		uint32_t frame = (uint32_t)(desc->addr / IO_FRAME_BYTES);

		s->owner[frame] = 0;
		sock->held--;
		io_pool_put(s->pool, frame);
	}
}

/* A packet in several frames is put together in a large one. */
static bool
packet_join(struct xdp_source *s, struct xdp_socket *sock, uint32_t at, uint32_t n,
	uint32_t bytes, struct io_pkt *out)
{
	struct io_pkt first;
	uint32_t frame, done;

	packet_read(s, xsk_ring_cons__rx_desc(&sock->rx, at), &first);
	bytes += first.len - xsk_ring_cons__rx_desc(&sock->rx, at)->len;
	frame = bytes <= IO_LARGE_BYTES ? io_pool_get(s->pool, bytes) : IO_NO_FRAME;
	if (frame == IO_NO_FRAME) {
		count(bytes > IO_LARGE_BYTES ? &s->oversize_pkts : &s->no_frame_pkts);
		return false;
	}
	*out = first;
	out->data = s->pool->base + io_pool_off(s->pool, frame);
	out->frame = frame;
	out->len = out->wirelen = bytes;
	memcpy(out->data, first.data, first.len);
	done = first.len;
	for (uint32_t i = 1; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&sock->rx, at + i);

		memcpy(out->data + done, s->pool->base + desc->addr, desc->len);
		done += desc->len;
	}
	return true;
}

static uint32_t
socket_take(struct xdp_source *s, struct xdp_socket *sock, struct io_pkt *out, uint32_t n)
{
	uint32_t mtu = atomic_load_explicit(&s->mtu, memory_order_relaxed);
	uint32_t most = s->port->frags ? XDP_SOCKET_SLOTS : n;
	uint32_t at, got = 0, used = 0, have = xsk_ring_cons__peek(&sock->rx, most, &at);

	while (used < have && got < n) {
		uint32_t bytes, parts = packet_span(sock, at + used, have - used, &bytes);
		bool whole;

		if (parts == 0)
			break;
		if (parts == 1) {
			packet_read(s, xsk_ring_cons__rx_desc(&sock->rx, at + used), &out[got]);
			s->owner[out[got].frame] = 0;
			sock->held--;
			whole = true;
		} else {
			whole = packet_join(s, sock, at + used, parts, bytes, &out[got]);
			parts_free(s, sock, at + used, parts);
		}
		if (whole && io_is_super(mtu, out[got].data, out[got].len))
			count(&s->super_pkts);
		got += whole;
		used += parts;
	}
	if (used < have)
		xsk_ring_cons__cancel(&sock->rx, have - used);
	xsk_ring_cons__release(&sock->rx, used);
	return got;
}

static void
socket_kick(const struct xdp_source *s, struct xdp_socket *sock)
{
	if (s->cfg.busy_poll || xsk_ring_prod__needs_wakeup(&sock->fill))
		(void)recvfrom(sock->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

static uint32_t
sockets_take(struct xdp_source *s, struct io_pkt *out, uint32_t n)
{
	uint32_t got = 0;

	for (uint32_t i = 0; i < s->nsockets && got < n; i++) {
		uint32_t number = s->turn, more;
		struct xdp_socket *sock = &s->sockets[number];

		more = socket_take(s, sock, out + got, n - got);
		got += more;
		socket_fill(s, number);
		if (more == 0)
			socket_kick(s, sock);
		s->turn = number + 1 < s->nsockets ? number + 1 : 0;
	}
	return got;
}

int
xdp_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct xdp_source *s = priv;
	uint32_t got;

	s->read_ns = 0;
	/* Pairs with tend's and ours: who set the phase is done with what the other may use. */
	switch (atomic_load_explicit(&s->phase, memory_order_acquire)) {
	case XDP_RUNNING:
		if (s->spare)
			spare_give_back(s);
		return (int)sockets_take(s, out, n);
	case XDP_LEAVE:
		got = sockets_take(s, out, n);
		if (got == 0)
			atomic_store_explicit(&s->phase, XDP_LEFT, memory_order_release);
		return (int)got;
	default:
		return 0;
	}
}

uint64_t
xdp_rx_idle(void *priv, struct io_wait *wait)
{
	struct xdp_source *s = priv;

	if (wait == NULL || atomic_load_explicit(&s->quiet, memory_order_relaxed) ||
		atomic_load_explicit(&s->phase, memory_order_acquire) != XDP_RUNNING)
		return UINT64_MAX;
	for (uint32_t i = 0; i < s->nsockets && wait->n < IO_WAIT_MAX; i++)
		wait->fds[wait->n++] = s->sockets[i].fd;
	return UINT64_MAX;
}
