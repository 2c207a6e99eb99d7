/*
 * Test of chan.h: both ends of a lane in one process.
 */
#include "chan.h"
#include "os.h"
#include "take.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define POOL  65536
#define SLOTS 8

struct lane {
	struct chan_tx tx;
	struct chan_rx rx;
	struct chan_cursor *cursor; /* what an application could do to its page */
	int pool_fd;
};

static void
make(struct lane *l, uint32_t start)
{
	struct chan_tx_cfg cfg = {.slots = SLOTS,
		.pool_bytes = POOL,
		.linktype = 1,
		.snaplen = 2048,
		.ts_digits = 9,
		.bell_fd = os_bell_create()};
	void *mem;

	l->pool_fd = os_shm_create("pool", POOL);
	assert_int_equal(os_shm_seal(l->pool_fd, true), 0);
	assert_int_equal(chan_tx_create(&l->tx, &cfg), 0);
	assert_int_equal(os_shm_map(l->tx.cursor_fd, CHAN_PAGE, true, &mem), 0);
	l->cursor = mem;
	l->tx.tail = l->tx.published = l->tx.head = l->tx.taken = start;
	atomic_store(&l->tx.ring->tail, start);
	atomic_store(&l->cursor->word, start);
	assert_int_equal(chan_rx_map(&l->rx, l->pool_fd, l->tx.ring_fd, l->tx.cursor_fd), 0);
}

static void
unmake(struct lane *l)
{
	int bell = l->tx.bell_fd;

	chan_rx_unmap(&l->rx);
	chan_tx_destroy(&l->tx);
	os_shm_unmap(l->cursor, CHAN_PAGE);
	close(l->pool_fd);
	close(bell);
}

static void
put(struct lane *l, uint32_t i)
{
	chan_tx_put(&l->tx, (i % 16) * 2048, i, 60, 100, i);
}

static bool
rung(const struct lane *l)
{
	struct pollfd p = {.fd = l->tx.bell_fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
create_refuses(void **state)
{
	const uint32_t bad[] = {0, 1, CHAN_MIN_SLOTS / 2, 12, CHAN_MAX_SLOTS * 2};
	struct chan_tx tx;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct chan_tx_cfg cfg = {.slots = bad[i], .pool_bytes = POOL};

		assert_int_equal(chan_tx_create(&tx, &cfg), -EINVAL);
	}
}

static void
rights(void **state)
{
	struct lane l;
	void *mem;

	make(&l, 0);
	assert_true(os_shm_map(l.tx.ring_fd, CHAN_PAGE, true, &mem) < 0);
	assert_int_equal(mprotect((void *)l.rx.ring, CHAN_PAGE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(mprotect((void *)l.rx.pool, POOL, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(ftruncate(l.tx.cursor_fd, 0), -1);
	unmake(&l);
}

/* As the engine does it, one frame at a time. */
static bool
take(struct chan_tx *lane, uint32_t *frame)
{
	struct chan_frames back = chan_tx_back(lane);
	bool got = chan_frames_next(&back, frame);

	chan_tx_took(lane, &back);
	return got;
}

/* Fill, receive, give back, take back: from a start position, for several times round. */
static void
cycle(uint32_t start)
{
	struct chan_desc d;
	struct lane l;
	uint32_t frame, n = 0, out = 0;

	make(&l, start);
	for (int round = 0; round < 40; round++) {
		uint32_t k = 1 + (uint32_t)round % SLOTS;

		assert_int_equal(chan_tx_room(&l.tx), SLOTS);
		for (uint32_t i = 0; i < k; i++)
			put(&l, n + i);
		assert_int_equal(chan_rx_avail(&l.rx), 0); /* not published */
		chan_tx_publish(&l.tx);
		assert_int_equal(chan_tx_room(&l.tx), SLOTS - k);
		assert_int_equal(chan_tx_waiting(&l.tx), k);
		assert_int_equal(chan_rx_avail(&l.rx), k);
		for (uint32_t i = 0; i < k; i++) {
			assert_true(chan_rx_peek(&l.rx, i, &d));
			assert_int_equal(d.ts_ns, n + i);
			assert_int_equal(d.len, 60);
			assert_int_equal(d.wirelen, 100);
		}
		chan_rx_advance(&l.rx, k);
		assert_int_equal(chan_rx_avail(&l.rx), 0);
		chan_tx_poll(&l.tx);
		assert_false(take(&l.tx, &frame)); /* still held */
		chan_rx_release(&l.rx, k);
		chan_tx_poll(&l.tx);
		assert_int_equal(chan_tx_waiting(&l.tx), 0);
		while (take(&l.tx, &frame))
			assert_int_equal(frame, out++);
		n += k;
		assert_int_equal(out, n);
	}
	assert_false(l.tx.lied);
	unmake(&l);
}

static void
cycle_from_zero(void **state)
{
	cycle(0);
}

static void
cycle_over_the_top(void **state)
{
	for (uint32_t back = 0; back < 20; back++)
		cycle(UINT32_MAX - back);
}

static void
lying_cursor(void **state)
{
	const uint32_t start = UINT32_MAX - 2;
	const uint32_t lies[] = {
		start - 1, start + 5, start + SLOTS, start + 0x80000000, 0x55555555};
	uint32_t frame;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct lane l;

		make(&l, start);
		for (uint32_t k = 0; k < 4; k++)
			put(&l, k);
		chan_tx_publish(&l.tx);
		put(&l, 4);
		put(&l, 5); /* not published: can't have been given back */
		atomic_store(&l.cursor->word, lies[i]);
		chan_tx_poll(&l.tx);
		assert_true(l.tx.lied);
		assert_false(take(&l.tx, &frame));
		atomic_store(&l.cursor->word, start + 1); /* too late for the truth */
		chan_tx_poll(&l.tx);
		assert_true(l.tx.lied);
		assert_false(take(&l.tx, &frame));
		for (uint32_t k = 0; k < 6; k++) {
			assert_true(chan_tx_reclaim(&l.tx, &frame));
			assert_int_equal(frame, k);
		}
		assert_false(chan_tx_reclaim(&l.tx, &frame));
		unmake(&l);
	}
}

/* Given back but not taken, held, not yet published: reclaim returns each once, in order. */
static void
reclaim(void **state)
{
	struct lane l;
	uint32_t frame;

	make(&l, UINT32_MAX);
	for (uint32_t k = 0; k < 5; k++)
		put(&l, k);
	chan_tx_publish(&l.tx);
	put(&l, 5);
	chan_rx_advance(&l.rx, chan_rx_avail(&l.rx));
	chan_rx_release(&l.rx, 3);
	chan_tx_poll(&l.tx);
	assert_true(take(&l.tx, &frame));
	for (uint32_t k = 1; k < 6; k++) {
		assert_true(chan_tx_reclaim(&l.tx, &frame));
		assert_int_equal(frame, k);
	}
	assert_false(chan_tx_reclaim(&l.tx, &frame));
	assert_int_equal(chan_tx_room(&l.tx), SLOTS);
	unmake(&l);
}

static void
bad_descriptors(void **state)
{
	struct chan_desc d;
	struct lane l;

	make(&l, 0);
	chan_tx_put(&l.tx, POOL - 60, 0, 60, 60, 0);
	chan_tx_put(&l.tx, POOL - 59, 0, 60, 60, 1);
	chan_tx_put(&l.tx, UINT64_MAX, 0, 60, 60, 2);
	chan_tx_put(&l.tx, 0, 0, UINT32_MAX, 60, 3);
	chan_tx_publish(&l.tx);
	assert_true(chan_rx_peek(&l.rx, 0, &d));
	for (uint32_t i = 1; i < 4; i++)
		assert_false(chan_rx_peek(&l.rx, i, &d));
	atomic_store(&l.tx.ring->tail, 1000000);
	assert_int_equal(chan_rx_avail(&l.rx), SLOTS); /* never more than there are */
	unmake(&l);
}

static void
one_ring_per_sleep(void **state)
{
	struct lane l;

	make(&l, 0);
	put(&l, 0);
	chan_tx_publish(&l.tx);
	assert_false(rung(&l)); /* nobody sleeps */
	assert_false(chan_rx_arm(&l.rx));
	chan_rx_advance(&l.rx, 1);
	assert_true(chan_rx_arm(&l.rx));
	chan_tx_publish(&l.tx);
	assert_false(rung(&l)); /* nothing new */
	put(&l, 1);
	chan_tx_publish(&l.tx);
	assert_true(rung(&l));
	os_bell_drain(l.tx.bell_fd);
	put(&l, 2);
	chan_tx_publish(&l.tx);
	assert_false(rung(&l)); /* once per sleep */
	chan_rx_advance(&l.rx, 2);
	assert_true(chan_rx_arm(&l.rx)); /* a new one, without waking up in between */
	put(&l, 3);
	chan_tx_publish(&l.tx);
	assert_true(rung(&l));
	os_bell_drain(l.tx.bell_fd);
	chan_rx_advance(&l.rx, 1);
	assert_true(chan_rx_arm(&l.rx));
	chan_rx_disarm(&l.rx);
	put(&l, 4);
	chan_tx_publish(&l.tx);
	assert_false(rung(&l));
	chan_rx_release(&l.rx, 4); /* tickets and heads share a word */
	chan_tx_poll(&l.tx);
	assert_false(l.tx.lied);
	assert_int_equal(chan_tx_waiting(&l.tx), 1);
	unmake(&l);
}

static void
finish_states(void **state)
{
	const enum chan_state ends[] = {CHAN_EOF, CHAN_CLOSED};

	for (int i = 0; i < 2; i++) {
		struct lane l;

		make(&l, 0);
		assert_int_equal(chan_rx_state(&l.rx), CHAN_OPEN);
		assert_true(chan_rx_arm(&l.rx));
		put(&l, 0);
		chan_tx_finish(&l.tx, ends[i]); /* publishes too */
		assert_true(rung(&l));
		assert_int_equal(chan_rx_state(&l.rx), ends[i]);
		assert_int_equal(chan_rx_avail(&l.rx), 1);
		chan_rx_advance(&l.rx, 1);
		assert_false(chan_rx_arm(&l.rx)); /* nothing to wait for */
		chan_tx_finish(&l.tx, ends[!i]);
		assert_int_equal(chan_rx_state(&l.rx), ends[i]); /* the first one stays */
		unmake(&l);
	}
}

static void
finish_wakes(void **state)
{
	struct lane l;

	make(&l, 0);
	assert_true(chan_rx_arm(&l.rx));
	chan_tx_finish(&l.tx, CHAN_EOF);
	assert_true(rung(&l));
	unmake(&l);
}

/* Each field that chan_rx_map must not trust. */
static void
map_refuses(void **state)
{
	struct chan_ring *r;
	struct chan_rx rx;
	struct lane l;
	int small = os_shm_create("small", 64), twice = os_shm_create("twice", 2 * POOL);

	make(&l, 0);
	r = l.tx.ring;
#define REFUSED(field, value, err)                                                       \
	do {                                                                             \
		__typeof__(r->field) was = r->field;                                     \
		r->field = (value);                                                      \
		assert_int_equal(                                                        \
			chan_rx_map(&rx, l.pool_fd, l.tx.ring_fd, l.tx.cursor_fd), err); \
		r->field = was;                                                          \
	} while (0)
	REFUSED(magic, 7, -EPROTO);
	REFUSED(version, CHAN_VERSION + 1, -EPROTONOSUPPORT);
	REFUSED(slots, 0, -EPROTO);
	REFUSED(slots, 12, -EPROTO);
	REFUSED(slots, 2 * SLOTS, -EPROTO);
	REFUSED(slots, 0x80000000, -EPROTO);
	REFUSED(desc_off, 192, -EPROTO);
	REFUSED(pool_bytes, POOL - 1, -EPROTO);
	REFUSED(tail, SLOTS + 1, -EPROTO);
	assert_int_equal(chan_rx_map(&rx, l.pool_fd, small, l.tx.cursor_fd), -EPROTO);
	assert_int_equal(chan_rx_map(&rx, l.pool_fd, l.tx.cursor_fd, l.tx.ring_fd), -EPROTO);
	assert_int_equal(chan_rx_map(&rx, twice, l.tx.ring_fd, l.tx.cursor_fd), -EPROTO);
	assert_int_equal(chan_rx_map(&rx, l.pool_fd, l.tx.ring_fd, small), -EPROTO);
	assert_true(chan_rx_map(&rx, l.pool_fd, -1, l.tx.cursor_fd) < 0);
	assert_int_equal(chan_rx_map(&rx, l.pool_fd, l.tx.ring_fd, l.tx.cursor_fd), 0);
	chan_rx_unmap(&rx);
	unmake(&l);
	close(small);
	close(twice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_refuses),
		cmocka_unit_test(rights),
		cmocka_unit_test(cycle_from_zero),
		cmocka_unit_test(cycle_over_the_top),
		cmocka_unit_test(lying_cursor),
		cmocka_unit_test(reclaim),
		cmocka_unit_test(bad_descriptors),
		cmocka_unit_test(one_ring_per_sleep),
		cmocka_unit_test(finish_states),
		cmocka_unit_test(finish_wakes),
		cmocka_unit_test(map_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
