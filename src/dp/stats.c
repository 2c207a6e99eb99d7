/*
 * dp/stats: counters from the engine thread to whoever asks, consistent and without a lock. The
 * thread counts in plain memory and copies between two bursts, with `seq` odd meanwhile; a
 * reader repeats until it saw the same even `seq` before and after.
 */
#include "dp.h"

static void
words_store(_Atomic uint64_t *to, const void *from, size_t n)
{
	const uint64_t *word = from;

	for (size_t i = 0; i < n; i++)
		atomic_store_explicit(&to[i], word[i], memory_order_relaxed);
}

static void
words_load(void *to, _Atomic uint64_t *from, size_t n)
{
	uint64_t *word = to;

	for (size_t i = 0; i < n; i++)
		word[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
}

#define STORE(object) words_store((object)->shared, &(object)->own, DP_WORDS((object)->own))

void
dp_share(struct dp_engine *engine)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t seq = atomic_load_explicit(&engine->seq, memory_order_relaxed);

	atomic_store_explicit(&engine->seq, seq + 1, memory_order_relaxed);
	/* Orders the odd seq before the values: pairs with the reader's acquire fence. */
	atomic_thread_fence(memory_order_release);
	STORE(engine);
	for (uint32_t i = 0; i < engine->nlinks; i++)
		STORE(&engine->links[i]);
	for (uint32_t i = 0; i < plan->ngroups; i++)
		STORE(plan->groups[i]->stat);
	for (uint32_t i = 0; i < engine->ntouched; i++)
		STORE(plan->routes[engine->touched[i]].sink);
	/* Orders the values before the even seq: pairs with the reader's acquire load. */
	atomic_store_explicit(&engine->seq, seq + 2, memory_order_release);
}

void
dp_view_read(struct dp_engine *engine, struct dp_sink *const *sinks, uint32_t nsinks,
	struct dp_group_stat *const *groups, uint32_t ngroups, struct dp_view *out)
{
	uint32_t before, after;

	do {
		before = atomic_load_explicit(&engine->seq, memory_order_acquire);
		words_load(&out->engine, engine->shared, DP_WORDS(out->engine));
		for (uint32_t i = 0; i < engine->nlinks; i++)
			words_load(&out->links[i], engine->links[i].shared,
				DP_WORDS(out->links[i]));
		for (uint32_t i = 0; i < nsinks; i++)
			if (sinks[i] != NULL)
				words_load(&out->sinks[i], sinks[i]->shared,
					DP_WORDS(out->sinks[i]));
		for (uint32_t i = 0; i < ngroups; i++)
			words_load(
				&out->groups[i], groups[i]->shared, DP_WORDS(out->groups[i]));
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&engine->seq, memory_order_relaxed);
	} while (before != after || (before & 1));
}
