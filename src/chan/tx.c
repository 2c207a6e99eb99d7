/*
 * chan/tx: the daemon's end of a lane.  The control plane creates and destroys it; in between
 * only the engine thread calls in.
 *
 * Invariant: taken <= head <= published <= tail as free-running positions, tail - taken <=
 * slots. The cursor word is the only thing read from the application, and head moves only to a
 * position inside what was published.
 */
#include "chan.h"
#include "os.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One sealed object with our mapping of it; *fd is -1 on failure. */
static int
shared_object(const char *label, size_t bytes, bool read_only, int *fd, void **mem)
{
	int err;

	*fd = os_shm_create(label, bytes);
	if (*fd < 0) {
		err = *fd;
		*fd = -1;
		return err;
	}
	/* The ring: ours is the only mapping that will ever be writable.  The cursor page: the
	 * application writes it, we only look. */
	err = os_shm_map(*fd, bytes, read_only, mem);
	if (err == 0)
		err = os_shm_seal(*fd, read_only);
	return err;
}

/* Private to the daemon, so plain anonymous memory: pages come as slots are first used. */
static int
shadow_map(struct chan_tx *tx)
{
	void *mem = mmap(NULL, (size_t)tx->slots * sizeof(*tx->shadow), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANON, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	tx->shadow = mem;
	return 0;
}

int
chan_tx_create(struct chan_tx *tx, const struct chan_tx_cfg *cfg)
{
	size_t bytes = chan_ring_bytes(cfg->slots);
	void *mem = NULL;
	int err;

	memset(tx, 0, sizeof(*tx));
	tx->ring_fd = tx->cursor_fd = -1;
	tx->bell_fd = cfg->bell_fd;
	if (cfg->slots < CHAN_MIN_SLOTS || cfg->slots > CHAN_MAX_SLOTS ||
		(cfg->slots & (cfg->slots - 1)) != 0 || cfg->pool_bytes == 0)
		return -EINVAL;
	tx->slots = cfg->slots;
	tx->mask = cfg->slots - 1;
	err = shared_object("pacf-ring", bytes, true, &tx->ring_fd, &mem);
	tx->ring = mem;
	if (err != 0)
		goto fail;
	mem = NULL;
	err = shared_object("pacf-cursor", CHAN_PAGE, false, &tx->cursor_fd, &mem);
	tx->cursor = mem;
	if (err == 0)
		err = shadow_map(tx);
	if (err != 0)
		goto fail;
	tx->desc = (struct chan_desc *)((char *)tx->ring + CHAN_PAGE);
	tx->ring->magic = CHAN_MAGIC;
	tx->ring->version = CHAN_VERSION;
	tx->ring->slots = cfg->slots;
	tx->ring->desc_off = CHAN_PAGE;
	tx->ring->pool_bytes = cfg->pool_bytes;
	tx->ring->linktype = cfg->linktype;
	tx->ring->snaplen = cfg->snaplen;
	tx->ring->ts_digits = cfg->ts_digits;
	tx->ring->live = cfg->live;
	return 0;
fail:
	chan_tx_destroy(tx);
	return err;
}

void
chan_tx_sent(struct chan_tx *tx)
{
	if (tx->ring_fd >= 0)
		close(tx->ring_fd);
	if (tx->cursor_fd >= 0)
		close(tx->cursor_fd);
	tx->ring_fd = tx->cursor_fd = -1;
}

void
chan_tx_destroy(struct chan_tx *tx)
{
	os_shm_unmap(tx->ring, chan_ring_bytes(tx->slots));
	os_shm_unmap((void *)tx->cursor, CHAN_PAGE);
	if (tx->shadow != NULL)
		munmap(tx->shadow, (size_t)tx->slots * sizeof(*tx->shadow));
	chan_tx_sent(tx);
	memset(tx, 0, sizeof(*tx));
	tx->ring_fd = tx->cursor_fd = tx->bell_fd = -1;
}

void
chan_tx_poll(struct chan_tx *tx)
{
	uint64_t word;
	uint32_t head;

	tx->polled = tx->tail;
	if (tx->lied)
		return;
	/* Acquire, partner of the release in rx.c's store_word: the application's reads of the
	 * packets before head come before our writes into the frames we take back. */
	word = atomic_load_explicit(&tx->cursor->word, memory_order_acquire);
	head = (uint32_t)word;
	if (head - tx->head > tx->published - tx->head)
		tx->lied = true;
	else
		tx->head = head;
}

bool
chan_tx_reclaim(struct chan_tx *tx, uint32_t *frame)
{
	if (tx->taken == tx->tail)
		return false;
	if (tx->head == tx->taken)
		tx->head++;
	*frame = tx->shadow[tx->taken++ & tx->mask];
	if (tx->published - tx->head > tx->slots) /* unpublished ones come back as well */
		tx->published = tx->head;
	return true;
}

/* After a store the application should notice: rings if it sleeps, once per sleep. */
void
chan_tx_wake(struct chan_tx *tx)
{
	uint32_t ticket;

	tx->looked = tx->published;
	/* Sequentially consistent fence, partner of the one in chan_rx_arm: orders our store of
	 * tail or state before the load of the cursor word.  The application stores the word,
	 * fences, loads tail and state; so either we see its ticket or it sees our packets. */
	atomic_thread_fence(memory_order_seq_cst);
	ticket =
		(uint32_t)(atomic_load_explicit(&tx->cursor->word, memory_order_relaxed) >> 32);
	if ((ticket & 1) == 0 || ticket == tx->rung)
		return;
	tx->rung = ticket;
	os_bell_ring(tx->bell_fd);
}

void
chan_tx_publish(struct chan_tx *tx)
{
	if (tx->published == tx->tail)
		return;
	chan_tx_show(tx);
	chan_tx_wake(tx);
}

/* The first verdict stays: a capture that has ended is not made a failure by closing it. */
void
chan_tx_finish(struct chan_tx *tx, enum chan_state state)
{
	chan_tx_publish(tx);
	if (atomic_load_explicit(&tx->ring->state, memory_order_relaxed) != CHAN_OPEN)
		return;
	/* Release, partner of the acquire in chan_rx_state: the last tail before the state. */
	atomic_store_explicit(&tx->ring->state, state, memory_order_release);
	chan_tx_wake(tx);
}
