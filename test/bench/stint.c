/*
 * bench/stint: the mem source, cut into stints; the clock starts and stops between them.
 * Everything here runs on the engine thread.  Invariant: when a stint begins, the consumers
 * have given back all that was published before.
 */
#include "bench.h"
#include "os.h"

#include <sched.h>

static bool
drained(const struct bench *b)
{
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		const struct chan_tx *tx = &b->lanes[c].tx;
		uint64_t word = atomic_load_explicit(&tx->cursor->word, memory_order_relaxed);

		if ((uint32_t)word != tx->published)
			return false;
	}
	return true;
}

/* The pause is a wait, of which the engine knows nothing: sleepers are woken before it. */
static void
wake_all(struct bench *b)
{
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		chan_tx_wake(&b->lanes[c].tx);
}

static void
reference_stint(struct bench *b)
{
	uint64_t begin = bench_cpu_ns();

	bench_reference_run(&b->reference, b->stint, b->what->len, b->what->copy);
	b->reference_cpu_ns += bench_cpu_ns() - begin;
}

static void
round_close(struct bench *b)
{
	double pkts = (double)b->stint * BENCH_STINTS;

	b->rounds[b->rounds_done++] = (struct bench_round){
		.engine_cpu = (double)b->engine_cpu_ns / pkts,
		.engine_wall = (double)b->engine_wall_ns / pkts,
		.reference_cpu = (double)b->reference_cpu_ns / pkts,
	};
	b->engine_cpu_ns = b->engine_wall_ns = b->reference_cpu_ns = 0;
	b->stints_done = 0;
}

/* Between two stints; false: that was the last. */
static bool
stint_next(struct bench *b)
{
	if (b->begin_cpu_ns != 0) {
		wake_all(b);
		b->engine_cpu_ns += bench_cpu_ns() - b->begin_cpu_ns;
		b->engine_wall_ns += os_clock_mono_ns() - b->begin_wall_ns;
		b->pkts += b->stint;
		while (!drained(b))
			os_sleep_ns(20000);
		reference_stint(b);
		if (++b->stints_done == BENCH_STINTS)
			round_close(b);
	}
	if (b->rounds_done == BENCH_ROUNDS + 1)
		return false;
	b->left = b->stint;
	b->begin_wall_ns = os_clock_mono_ns();
	b->begin_cpu_ns = bench_cpu_ns();
	return true;
}

static int
stint_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct bench *b = priv;
	int got;

	if (b->left == 0 && !stint_next(b))
		return IO_EOF;
	got = io_source_mem.rx(b->source, out, n < b->left ? n : b->left);
	if (got > 0)
		b->left -= (uint32_t)got;
	return got;
}

static uint64_t
stint_idle(void *priv, struct io_wait *wait)
{
	const struct bench *b = priv;

	return io_source_mem.idle(b->source, wait);
}

const struct io_source_ops bench_source = {
	.name = "mem, in stints", .rx = stint_rx, .idle = stint_idle};
