/*
 * pkt/frag: the table of first fragments.  Engine threads put and find; control makes it.
 *
 * Sets of WAYS entries.  A writer owns a set while `seq` is odd: it makes it so by
 * compare-and-swap, and gives up after TRIES.  A reader repeats, as often at most, until it saw
 * the same even `seq` before and after.
 *
 * Memory order: values are stored with release and loaded with acquire, instead of fences
 * (which thread sanitizers do not know).  A reader that sees a value of a writer thereby also
 * sees that writer's odd `seq` (or a later one) when it looks again, and starts over.
 */
#include "frag.h"

#include <assert.h>
#include <stdatomic.h>

#define WAYS  4
#define TRIES 256

/* A miss reads the first line only. */
struct set {
	_Alignas(PKT_FRAG_ALIGN) _Atomic uint64_t seq;
	_Atomic uint64_t tags[WAYS]; /* 0: empty */
	struct {
		_Atomic uint64_t ts_ns;
		_Atomic uint64_t digests[PKT_FRAG_DIGESTS];
	} entries[WAYS];
};

struct pkt_frag {
	_Alignas(PKT_FRAG_ALIGN) uint64_t life_ns;
	uint32_t nsets;
	struct set sets[];
};

static_assert(sizeof(struct set) == 256, "a set is four cache lines");

static uint32_t
sets_of(uint32_t entries)
{
	return entries < WAYS ? 1 : entries / WAYS + (entries % WAYS != 0);
}

size_t
pkt_frag_bytes(uint32_t entries)
{
	return sizeof(struct pkt_frag) + sets_of(entries) * sizeof(struct set);
}

struct pkt_frag *
pkt_frag_init(void *memory, uint32_t entries, uint64_t life_ns)
{
	struct pkt_frag *table = memory;

	assert((uintptr_t)memory % PKT_FRAG_ALIGN == 0);
	table->life_ns = life_ns;
	table->nsets = sets_of(entries);
	for (uint32_t i = 0; i < table->nsets; i++) {
		struct set *set = &table->sets[i];

		atomic_init(&set->seq, 0);
		for (uint32_t w = 0; w < WAYS; w++) {
			atomic_init(&set->tags[w], 0);
			atomic_init(&set->entries[w].ts_ns, 0);
			for (uint32_t d = 0; d < PKT_FRAG_DIGESTS; d++)
				atomic_init(&set->entries[w].digests[d], 0);
		}
	}
	return table;
}

/* The high half chooses the set, evenly for any number of sets. */
static struct set *
set_of(struct pkt_frag *table, uint64_t tag)
{
	return &table->sets[(tag >> 32) * table->nsets >> 32];
}

/* 0 means empty: whoever has that tag shares one with somebody else. */
static uint64_t
tag_stored(uint64_t tag)
{
	return tag != 0 ? tag : 1;
}

static bool
alive(const struct pkt_frag *table, uint64_t ts_ns, uint64_t now_ns)
{
	uint64_t apart_ns = now_ns > ts_ns ? now_ns - ts_ns : ts_ns - now_ns;

	return apart_ns <= table->life_ns;
}

static uint64_t
load(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void
store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/* Makes seq odd; false: somebody else keeps it so. */
static bool
set_enter(struct set *set)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t seq = atomic_load_explicit(&set->seq, memory_order_relaxed);

		/* Acquire: pairs with set_leave of the writer before. */
		if ((seq & 1) == 0 &&
			atomic_compare_exchange_weak_explicit(&set->seq, &seq, seq + 1,
				memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

static void
set_leave(struct set *set)
{
	uint64_t seq = atomic_load_explicit(&set->seq, memory_order_relaxed);

	/* Release: pairs with the reader's first load of seq, and with set_enter. */
	atomic_store_explicit(&set->seq, seq + 1, memory_order_release);
}

/* Where to put the tag: its own entry, else a free one, else the oldest. */
static enum pkt_frag_put_result
set_choose(const struct pkt_frag *table, struct set *set, uint64_t tag, uint64_t now_ns,
	uint32_t *way)
{
	enum pkt_frag_put_result result = PKT_FRAG_EVICTED;
	uint64_t oldest_ns = UINT64_MAX;

	for (uint32_t w = 0; w < WAYS; w++) {
		uint64_t ts_ns = load(&set->entries[w].ts_ns), stored = load(&set->tags[w]);
		bool free = stored == 0 || !alive(table, ts_ns, now_ns);

		if (stored == tag) {
			*way = w;
			return free ? PKT_FRAG_NEW : PKT_FRAG_AGAIN;
		}
		if (result == PKT_FRAG_NEW)
			continue;
		if (free || ts_ns < oldest_ns)
			*way = w;
		if (free)
			result = PKT_FRAG_NEW;
		oldest_ns = ts_ns < oldest_ns ? ts_ns : oldest_ns;
	}
	return result;
}

enum pkt_frag_put_result
pkt_frag_put(struct pkt_frag *table, uint64_t tag, uint64_t now_ns,
	const uint64_t digests[PKT_FRAG_DIGESTS])
{
	struct set *set = set_of(table, tag);
	enum pkt_frag_put_result result;
	uint32_t way = 0;

	if (!set_enter(set))
		return PKT_FRAG_BUSY;
	result = set_choose(table, set, tag_stored(tag), now_ns, &way);
	store(&set->tags[way], tag_stored(tag));
	store(&set->entries[way].ts_ns, now_ns);
	for (uint32_t d = 0; d < PKT_FRAG_DIGESTS; d++)
		store(&set->entries[way].digests[d], digests[d]);
	set_leave(set);
	return result;
}

static bool
set_look(const struct pkt_frag *table, struct set *set, uint64_t tag, uint64_t now_ns,
	uint64_t out[PKT_FRAG_DIGESTS])
{
	for (uint32_t w = 0; w < WAYS; w++) {
		if (load(&set->tags[w]) != tag)
			continue;
		for (uint32_t d = 0; d < PKT_FRAG_DIGESTS; d++)
			out[d] = load(&set->entries[w].digests[d]);
		return alive(table, load(&set->entries[w].ts_ns), now_ns);
	}
	return false;
}

bool
pkt_frag_find(
	struct pkt_frag *table, uint64_t tag, uint64_t now_ns, uint64_t out[PKT_FRAG_DIGESTS])
{
	struct set *set = set_of(table, tag);
	uint64_t seen[PKT_FRAG_DIGESTS] = {0};

	for (int i = 0; i < TRIES; i++) {
		uint64_t seq = load(&set->seq);
		bool found;

		if (seq & 1)
			continue;
		found = set_look(table, set, tag_stored(tag), now_ns, seen);
		if (atomic_load_explicit(&set->seq, memory_order_relaxed) != seq)
			continue;
		for (uint32_t d = 0; found && d < PKT_FRAG_DIGESTS; d++)
			out[d] = seen[d];
		return found;
	}
	return false;
}
