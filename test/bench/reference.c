/*
 * bench/reference: the least that could be called dispatch: prefetched load of addresses and
 * ports at fixed offsets (of the innermost header, which it is told and needs not find; of
 * later fragments it takes what is there), one multiplication as the hash, a descriptor, and
 * every 64 packets a publish.  No parsing, no counters, no room to look for, nothing to take
 * back, and rings that nobody reads.  Called by stint.c on the engine's thread.
 */
#include "bench.h"

#include <string.h>

#define AHEAD	    16u
#define FRAME(r, i) ((r)->pool + (size_t)((i) & (BENCH_FLOWS - 1)) * IO_FRAME_BYTES)

void
bench_reference_init(struct bench_reference *r, struct io_pool *pool, uint32_t l3)
{
	const struct chan_tx_cfg cfg = {
		.slots = BENCH_SLOTS, .pool_bytes = pool->bytes, .bell_fd = -1};

	r->pool = pool->base;
	r->l3 = l3;
	/* Half way round from the engine: neither warms the cache for the other. */
	r->pos = BENCH_FLOWS / 2;
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		bench_check(chan_tx_create(&r->lane[c], &cfg), "a ring of the reference");
}

void
bench_reference_free(struct bench_reference *r)
{
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		chan_tx_destroy(&r->lane[c]);
}

static inline uint64_t
one_hash(const uint8_t *ip)
{
	uint64_t addresses;
	uint32_t ports;

	memcpy(&addresses, ip + 12, sizeof(addresses));
	memcpy(&ports, ip + 20, sizeof(ports));
	return (addresses ^ (uint64_t)ports << 16) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline void
put(struct bench_reference *r, struct chan_desc *const *desc, uint32_t *tail, uint32_t c,
	const uint8_t *data, uint32_t len)
{
	desc[c][tail[c]++ & (BENCH_SLOTS - 1)] = (struct chan_desc){
		.off = (uint64_t)(data - r->pool), .ts_ns = r->pos, .len = len, .wirelen = len};
}

void
bench_reference_run(struct bench_reference *r, uint32_t n, uint32_t len, bool copy)
{
	struct chan_desc *desc[BENCH_CHANNELS];
	uint32_t tail[BENCH_CHANNELS];

	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		desc[c] = r->lane[c].desc;
		tail[c] = r->lane[c].tail;
	}
	for (uint32_t done = 0; done < n;) {
		for (uint32_t i = 0; i < IO_BURST && done < n; i++, done++, r->pos++) {
			const uint8_t *data = FRAME(r, r->pos);
			uint32_t c = (uint32_t)(one_hash(data + r->l3) >> 62);

			__builtin_prefetch(FRAME(r, r->pos + AHEAD));
			if (!copy) {
				put(r, desc, tail, c, data, len);
				continue;
			}
			for (c = 0; c < BENCH_CHANNELS; c++)
				put(r, desc, tail, c, data, len);
		}
		/* Release, as chan_tx_publish: it costs what a store costs. */
		for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
			atomic_store_explicit(
				&r->lane[c].ring->tail, tail[c], memory_order_release);
	}
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		r->lane[c].tail = tail[c];
}

uint64_t
bench_reference_read(const struct bench_reference *r, uint32_t n)
{
	const struct chan_desc *desc = r->lane[0].desc;
	uint64_t sum = 0, begin = bench_cpu_ns();

	for (uint32_t i = 0; i < n; i++) {
		const struct chan_desc *d = &desc[i & (BENCH_SLOTS - 1)];

		__builtin_prefetch(r->pool + desc[(i + AHEAD) & (BENCH_SLOTS - 1)].off);
		sum += bench_touch(r->pool + d->off, d->len);
	}
	/* The sum is used, or the loop would be left out. */
	__asm__ volatile("" : : "r"(sum));
	return (bench_cpu_ns() - begin) * 1000 / n;
}
