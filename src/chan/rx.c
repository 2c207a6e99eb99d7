/*
 * chan/rx: the application's end of a lane.  Called by libpacf on the one thread that uses a
 * handle.
 *
 * Invariant: head <= next <= tail as free-running positions, tail - head <= slots whatever the
 * ring says.  Nothing of the ring or pool is trusted before chan_rx_map has checked it, and
 * every descriptor is copied before it is checked.
 */
#include "chan.h"
#include "os.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint32_t
slots_of(const struct chan_rx *rx)
{
	return rx->mask + 1;
}

static void
store_word(struct chan_rx *rx, memory_order order)
{
	atomic_store_explicit(&rx->cursor->word, (uint64_t)rx->ticket << 32 | rx->head, order);
}

static int
map_checked(int fd, size_t min_bytes, bool writable, size_t *bytes, void **mem)
{
	int err = os_shm_size(fd, bytes);

	if (err != 0)
		return err;
	if (*bytes < min_bytes)
		return -EPROTO;
	return os_shm_map(fd, *bytes, writable, mem);
}

/* The header is constant once it has been handed over. */
static int
check_ring(const struct chan_ring *ring, size_t ring_bytes, size_t pool_bytes)
{
	uint32_t slots = ring->slots;

	if (ring->magic != CHAN_MAGIC)
		return -EPROTO;
	if (ring->version != CHAN_VERSION)
		return -EPROTONOSUPPORT;
	if (slots < CHAN_MIN_SLOTS || slots > CHAN_MAX_SLOTS || (slots & (slots - 1)) != 0)
		return -EPROTO;
	if (ring->desc_off != CHAN_PAGE || ring_bytes != chan_ring_bytes(slots))
		return -EPROTO;
	return ring->pool_bytes == pool_bytes ? 0 : -EPROTO;
}

/* Where the lane stands: a new one at 0, awake. */
static int
take_position(struct chan_rx *rx)
{
	uint64_t word = atomic_load_explicit(&rx->cursor->word, memory_order_relaxed);

	rx->head = rx->next = (uint32_t)word;
	rx->ticket = (uint32_t)(word >> 32);
	rx->ticket += rx->ticket & 1;
	/* Acquire, partner of the release in chan_tx_show; see chan_rx_avail. */
	rx->tail = atomic_load_explicit(&rx->ring->tail, memory_order_acquire);
	return rx->tail - rx->head <= slots_of(rx) ? 0 : -EPROTO;
}

int
chan_rx_map(struct chan_rx *rx, int pool_fd, int ring_fd, int cursor_fd)
{
	size_t cursor_bytes = 0;
	void *mem = NULL;
	int err;

	memset(rx, 0, sizeof(*rx));
	err = map_checked(ring_fd, sizeof(struct chan_ring), false, &rx->ring_bytes, &mem);
	rx->ring = mem;
	if (err != 0)
		goto fail;
	mem = NULL;
	err = map_checked(pool_fd, 1, false, &rx->pool_bytes, &mem);
	rx->pool = mem;
	if (err == 0)
		err = check_ring(rx->ring, rx->ring_bytes, rx->pool_bytes);
	if (err == 0)
		err = os_shm_size(cursor_fd, &cursor_bytes);
	if (err == 0 && cursor_bytes != CHAN_PAGE)
		err = -EPROTO;
	mem = NULL;
	if (err == 0)
		err = os_shm_map(cursor_fd, CHAN_PAGE, true, &mem);
	rx->cursor = mem;
	if (err != 0)
		goto fail;
	rx->desc = (const struct chan_desc *)((const char *)rx->ring + CHAN_PAGE);
	rx->mask = rx->ring->slots - 1;
	err = take_position(rx);
	if (err == 0)
		return 0;
fail:
	chan_rx_unmap(rx);
	return err;
}

void
chan_rx_unmap(struct chan_rx *rx)
{
	os_shm_unmap((void *)rx->ring, rx->ring_bytes);
	os_shm_unmap((void *)rx->pool, rx->pool_bytes);
	os_shm_unmap(rx->cursor, CHAN_PAGE);
	memset(rx, 0, sizeof(*rx));
}

uint32_t
chan_rx_avail(struct chan_rx *rx)
{
	uint32_t ahead, room = slots_of(rx) - (rx->next - rx->head);

	/* Acquire, partner of the release in chan_tx_show: descriptors and packet bytes
	 * before this tail are there to be read. */
	rx->tail = atomic_load_explicit(&rx->ring->tail, memory_order_acquire);
	ahead = rx->tail - rx->next;
	return ahead < room ? ahead : room; /* more than there are slots: a broken daemon */
}

bool
chan_rx_peek(const struct chan_rx *rx, uint32_t i, struct chan_desc *out)
{
	*out = rx->desc[(rx->next + i) & rx->mask];
	return out->off <= rx->pool_bytes && out->len <= rx->pool_bytes - out->off;
}

void
chan_rx_advance(struct chan_rx *rx, uint32_t n)
{
	rx->next += n;
}

void
chan_rx_release(struct chan_rx *rx, uint32_t n)
{
	rx->head += n;
	/* Release, partner of the acquire in chan_tx_poll: our reads of these packets come
	 * before the engine's writing into their frames. */
	store_word(rx, memory_order_release);
}

bool
chan_rx_arm(struct chan_rx *rx)
{
	rx->ticket += 1 + (rx->ticket & 1); /* odd, and not one that has been rung for */
	/* Release for the head that is in the same word; see chan_rx_release. */
	store_word(rx, memory_order_release);
	/* Sequentially consistent fence, partner of the one in chan_tx_wake: orders our store
	 * of the ticket before the loads of tail and state.  The engine stores tail or state,
	 * fences, loads the ticket; so either it sees us asleep and rings, or we see what it
	 * stored. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&rx->ring->tail, memory_order_relaxed) == rx->next &&
		atomic_load_explicit(&rx->ring->state, memory_order_relaxed) == CHAN_OPEN)
		return true;
	chan_rx_disarm(rx);
	return false;
}

void
chan_rx_disarm(struct chan_rx *rx)
{
	if ((rx->ticket & 1) == 0)
		return;
	rx->ticket++;
	/* Release for the head that is in the same word; see chan_rx_release. */
	store_word(rx, memory_order_release);
}

enum chan_state
chan_rx_state(const struct chan_rx *rx)
{
	/* Acquire, partner of the release in chan_tx_finish: after a state other than CHAN_OPEN
	 * the tail that is loaded next is the last one. */
	return (enum chan_state)atomic_load_explicit(&rx->ring->state, memory_order_acquire);
}
