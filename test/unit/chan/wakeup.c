/*
 * Lost wake-ups: an engine thread that publishes at random moments against an application
 * thread that goes to sleep at random moments, over one lane and its bell.
 *
 *   wakeup [ROUNDS] [VARIANT]
 *
 * A round is one announced sleep.  VARIANT is how the sleeper waits: poll, select; level or
 * edge, as event loops do; waitset-et (edges of a waitset, as pacf_fd gives out); default: each
 * in turn.  If nothing moves for 20 seconds, a wake-up was lost: exit status 1.
 *
 * Both ends use one mapping here, so that ThreadSanitizer sees that they share memory.
 */
#include "chan.h"
#include "edges.h"
#include "os.h"
#include "take.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#define SLOTS  64
#define POOL   (SLOTS * 64)
#define HANG_S 20

enum variant { POLL, SELECT, LEVEL, EDGE, WAITSET_ET, VARIANTS };
static const char *const names[VARIANTS] = {"poll", "select", "level", "edge", "waitset-et"};

static struct chan_tx tx;
static struct chan_rx rx;
static uint8_t *pool;
static enum variant variant;
static uint64_t rounds;
static _Atomic uint64_t slept; /* sleeps announced so far */
static _Atomic int running;

static void
check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "wakeup: %s: %s\n", names[variant], what);
	_exit(1);
}

static uint32_t
rnd(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Mostly nothing or very little, so as to meet the other end in the middle of its steps. */
static void
dawdle(uint32_t *seed)
{
	uint32_t r = rnd(seed), spins = r % 8 == 0 ? 0 : (r >> 8) % (1u << (r % 12));

	for (uint32_t i = 0; i < spins; i++)
		atomic_signal_fence(memory_order_seq_cst);
	if (r >> 26 == 0)
		sched_yield();
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

static void *
engine(void *arg)
{
	uint32_t seed = 12345, frame, n = 0;

	while (atomic_load_explicit(&slept, memory_order_relaxed) < rounds) {
		for (uint32_t k = 1 + rnd(&seed) % 3; k > 0; k--) {
			while (chan_tx_room(&tx) == 0) {
				chan_tx_poll(&tx);
				while (take(&tx, &frame))
					;
				sched_yield();
			}
			memset(pool + (n % SLOTS) * 64, (int)(n & 0xff), 64);
			chan_tx_put(&tx, (uint64_t)(n % SLOTS) * 64, n, 64, 64, n);
			n++;
		}
		chan_tx_publish(&tx);
		/* Usually let the other end catch up, so that it is about to sleep. */
		for (uint32_t r = rnd(&seed); r % 8 != 0 && chan_tx_waiting(&tx) != 0;) {
			chan_tx_poll(&tx);
			if (rnd(&seed) % 32 == 0)
				sched_yield();
		}
		dawdle(&seed);
	}
	check(!tx.lied, "the cursor was out of range");
	chan_tx_finish(&tx, CHAN_EOF);
	return NULL;
}

static int
wait_fd(int fd, int edges)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	fd_set set;

	switch (variant) {
	case POLL:
		return poll(&p, 1, -1);
	case SELECT:
		FD_ZERO(&set);
		FD_SET(fd, &set);
		return select(fd + 1, &set, NULL, NULL, NULL);
	default:
		return edges_wait(edges, -1);
	}
}

static void
consume(uint32_t *next)
{
	uint32_t n = chan_rx_avail(&rx);
	struct chan_desc d;

	for (uint32_t i = 0; i < n; i++, ++*next) {
		check(chan_rx_peek(&rx, i, &d), "bad descriptor");
		check(d.ts_ns == *next, "a packet is missing");
		check(rx.pool[d.off] == (*next & 0xff) && rx.pool[d.off + 63] == (*next & 0xff),
			"packet bytes are not there yet");
	}
	if (n == 0)
		return;
	chan_rx_advance(&rx, n);
	chan_rx_release(&rx, n);
}

static void *
application(void *arg)
{
	int bell = tx.bell_fd, set = os_waitset_create(&bell, 1);
	int edges = edges_create(variant == WAITSET_ET ? set : bell, variant == LEVEL);
	uint32_t seed = 777, next = 0;

	check(edges >= 0 && set >= 0, "nothing to wait with");
	for (;;) {
		enum chan_state state = chan_rx_state(&rx);

		consume(&next);
		if (state != CHAN_OPEN)
			break;
		dawdle(&seed);
		os_bell_drain(bell);
		os_waitset_settle(set);
		if (!chan_rx_arm(&rx))
			continue;
		atomic_fetch_add_explicit(&slept, 1, memory_order_relaxed);
		check(wait_fd(bell, edges) > 0, "waiting failed");
		if (rnd(&seed) % 2 == 0)
			chan_rx_disarm(&rx);
	}
	check(chan_rx_avail(&rx) == 0, "packets after the end");
	close(set);
	close(edges);
	atomic_store(&running, 0);
	return NULL;
}

static void
make_lane(void)
{
	struct chan_tx_cfg cfg = {
		.slots = SLOTS, .pool_bytes = POOL, .bell_fd = os_bell_create()};
	int fd = os_shm_create("pool", POOL);
	void *mem = NULL;

	check(fd >= 0 && os_shm_map(fd, POOL, true, &mem) == 0, "no memory");
	pool = mem;
	check(chan_tx_create(&tx, &cfg) == 0, "no lane");
	check(chan_rx_map(&rx, fd, tx.ring_fd, tx.cursor_fd) == 0, "the lane can't be mapped");
	close(fd);
}

static void
run(void)
{
	struct chan_rx own;
	const struct chan_cursor *cursor;
	uint64_t seen = UINT64_MAX;
	pthread_t a, b;
	int bell;

	make_lane();
	own = rx;
	cursor = tx.cursor;
	rx.ring = tx.ring;
	rx.desc = tx.desc;
	rx.pool = pool;
	tx.cursor = rx.cursor;
	bell = tx.bell_fd;
	atomic_store(&slept, 0);
	atomic_store(&running, 1);
	check(pthread_create(&a, NULL, application, NULL) == 0 &&
			pthread_create(&b, NULL, engine, NULL) == 0,
		"no threads");
	for (int still = 0; atomic_load(&running); still++) {
		os_sleep_ns(10000000);
		if (atomic_load(&slept) != seen)
			still = 0;
		seen = atomic_load(&slept);
		check(still < HANG_S * 100, "a wake-up was lost: nothing moves");
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	printf("%s: %llu sleeps, %u packets\n", names[variant], (unsigned long long)slept,
		tx.tail);
	tx.cursor = cursor;
	chan_rx_unmap(&own);
	chan_tx_destroy(&tx);
	os_shm_unmap(pool, POOL);
	close(bell);
}

int
main(int argc, char **argv)
{
	rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
	for (int v = 0; v < VARIANTS; v++) {
		if (argc > 2 && strcmp(argv[2], names[v]) != 0)
			continue;
		variant = (enum variant)v;
		run();
	}
	return 0;
}
