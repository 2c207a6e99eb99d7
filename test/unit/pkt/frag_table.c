/*
 * Test of pkt/frag: what is put is found, for as long as it lives; who is pushed out is the
 * oldest; threads never see halves of two entries, nor wait for one that stopped.
 */
#include "frag.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LIFE  UINT64_C(1000)
#define START UINT64_C(1000000)

static uint64_t seed = 1;

static uint64_t
rnd(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static struct pkt_frag *
table_new(uint32_t entries)
{
	size_t bytes = pkt_frag_bytes(entries);
	void *memory = aligned_alloc(PKT_FRAG_ALIGN, bytes);

	assert_non_null(memory);
	assert_int_equal(bytes % PKT_FRAG_ALIGN, 0);
	memset(memory, 0xaa, bytes);
	return pkt_frag_init(memory, entries, LIFE);
}

/* Digests by which tag and version can be told, and whether they are of one piece. */
static void
digests_of(uint64_t tag, uint64_t version, uint64_t *out)
{
	for (uint64_t d = 0; d < PKT_FRAG_DIGESTS; d++)
		out[d] = (tag ^ version) * (2 * d + 1);
}

static enum pkt_frag_put_result
put(struct pkt_frag *t, uint64_t tag, uint64_t now_ns, uint64_t version)
{
	uint64_t digests[PKT_FRAG_DIGESTS];

	digests_of(tag, version, digests);
	return pkt_frag_put(t, tag, now_ns, digests);
}

static bool
has(struct pkt_frag *t, uint64_t tag, uint64_t now_ns, uint64_t version)
{
	uint64_t want[PKT_FRAG_DIGESTS], got[PKT_FRAG_DIGESTS] = {1, 2, 3, 4};
	static const uint64_t untouched[PKT_FRAG_DIGESTS] = {1, 2, 3, 4};

	digests_of(tag, version, want);
	if (!pkt_frag_find(t, tag, now_ns, got)) {
		assert_memory_equal(got, untouched, sizeof(got));
		return false;
	}
	assert_memory_equal(got, want, sizeof(got));
	return true;
}

static void
put_is_found(void **state)
{
	static const uint64_t tags[] = {0, 2, UINT64_MAX, UINT64_C(1) << 63, 12345};
	struct pkt_frag *t = table_new(PKT_FRAG_ENTRIES);

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		assert_false(has(t, tags[i], START, 7));
		assert_int_equal(put(t, tags[i], START, 7), PKT_FRAG_NEW);
		assert_true(has(t, tags[i], START, 7));
	}
	assert_int_equal(put(t, 12345, START + 1, 8), PKT_FRAG_AGAIN);
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		assert_true(has(t, tags[i], START, tags[i] == 12345 ? 8 : 7));
	free(t);
}

static void
entries_expire(void **state)
{
	struct pkt_frag *t = table_new(4);

	assert_int_equal(put(t, 5, START, 0), PKT_FRAG_NEW);
	assert_true(has(t, 5, START + LIFE, 0));
	assert_false(has(t, 5, START + LIFE + 1, 0));
	assert_true(has(t, 5, START - LIFE, 0));
	assert_false(has(t, 5, START - LIFE - 1, 0)); /* the clock jumped back */
	assert_int_equal(put(t, 5, START + LIFE + 1, 1), PKT_FRAG_NEW);
	assert_true(has(t, 5, START + LIFE + 1, 1));
	/* Finding does not prolong. */
	for (uint64_t now = START + LIFE; now <= START + 2 * LIFE + 1; now += LIFE / 4)
		assert_true(has(t, 5, now, 1));
	assert_false(has(t, 5, START + 2 * LIFE + 2, 1));
	free(t);
}

static void
oldest_is_evicted(void **state)
{
	struct pkt_frag *t = table_new(1); /* one set of four */
	static const uint64_t times[] = {30, 10, 40, 20};

	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(put(t, i + 10, START + times[i], i), PKT_FRAG_NEW);
	assert_int_equal(put(t, 99, START + 50, 9), PKT_FRAG_EVICTED);
	assert_false(has(t, 11, START + 50, 1));
	assert_true(has(t, 10, START + 50, 0) && has(t, 12, START + 50, 2) &&
		    has(t, 13, START + 50, 3) && has(t, 99, START + 50, 9));
	/* An expired one goes before any other, wherever it is, and whatever its age. */
	assert_int_equal(put(t, 98, START + 31 + LIFE, 8), PKT_FRAG_NEW);
	assert_true(has(t, 12, START + 31 + LIFE, 2) && has(t, 99, START + 31 + LIFE, 9));
	assert_int_equal(put(t, 97, START - 10 * LIFE, 7), PKT_FRAG_NEW);
	assert_int_equal(put(t, 97, START - 10 * LIFE, 6), PKT_FRAG_AGAIN);
	assert_true(has(t, 97, START - 10 * LIFE, 6));
	free(t);
}

/* What a clock that jumped left is taken before any that lives, wherever it is. */
static void
expired_goes_first(void **state)
{
	for (uint64_t jumped = 10; jumped < 14; jumped++) {
		struct pkt_frag *t = table_new(4);

		for (uint64_t tag = 10; tag < 14; tag++)
			assert_int_equal(put(t, tag, START + 50 - tag, 0), PKT_FRAG_NEW);
		assert_int_equal(put(t, jumped, START + 5 * LIFE, 0), PKT_FRAG_NEW);
		for (uint64_t tag = 10; tag < 14; tag++)
			assert_int_equal(has(t, tag, START, 0), tag != jumped);
		assert_int_equal(put(t, 99, START, 0), PKT_FRAG_NEW);
		for (uint64_t tag = 10; tag < 14; tag++)
			assert_int_equal(has(t, tag, START, 0), tag != jumped);
		assert_true(has(t, 99, START, 0));
		free(t);
	}
}

/* What was put and neither replaced nor evicted is there: the results add up. */
static void
results_add_up(void **state)
{
	static const uint32_t sizes[] = {4, 10, 1000, PKT_FRAG_ENTRIES};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		struct pkt_frag *t = table_new(sizes[s]);
		uint32_t n[PKT_FRAG_PUT_RESULTS] = {0}, found = 0;
		uint64_t first = seed;

		for (uint32_t i = 0; i < sizes[s] / 2; i++)
			n[put(t, rnd(), START, i)]++;
		seed = first;
		for (uint32_t i = 0; i < sizes[s] / 2; i++)
			found += has(t, rnd(), START, i);
		assert_int_equal(n[PKT_FRAG_BUSY] + n[PKT_FRAG_AGAIN], 0);
		assert_int_equal(found, n[PKT_FRAG_NEW]);
		assert_int_equal(found + n[PKT_FRAG_EVICTED], sizes[s] / 2);
		/* Poisson: with two in a set on average, 1 in 24 finds its set full. */
		assert_true(n[PKT_FRAG_EVICTED] <= 1 + sizes[s] / 2 / 16);
		free(t);
	}
}

/* Endless first fragments: the table stays what it is. */
static void
flood_evicts_only(void **state)
{
	struct pkt_frag *t = table_new(64);
	uint32_t evicted = 0;

	for (uint32_t i = 0; i < 100000; i++)
		evicted += put(t, rnd(), START + i / 1000, i) == PKT_FRAG_EVICTED;
	assert_in_range(evicted, 100000 - 64, 100000);
	assert_int_equal(put(t, 3, START + 200, 1), PKT_FRAG_EVICTED);
	assert_true(has(t, 3, START + 200, 1));
	free(t);
}

/* A thread that stopped while it wrote: others go on without that set. */
static void
stopped_writer_stops_nobody(void **state)
{
	struct pkt_frag *t = table_new(4);
	_Atomic uint64_t *seq = (_Atomic uint64_t *)((uint8_t *)t + PKT_FRAG_ALIGN);

	assert_int_equal(put(t, 5, START, 0), PKT_FRAG_NEW);
	assert_int_equal(atomic_load(seq), 2);
	atomic_store(seq, 3);
	assert_int_equal(put(t, 6, START, 0), PKT_FRAG_BUSY);
	assert_false(has(t, 5, START, 0));
	atomic_store(seq, 4);
	assert_true(has(t, 5, START, 0));
	assert_int_equal(put(t, 6, START, 0), PKT_FRAG_NEW);
	free(t);
}

#define ROUNDS 400000
struct worker {
	pthread_t thread;
	struct pkt_frag *table;
	uint64_t number, found, torn, busy, again;
};

/* Tags 2 to 4, in one set, so that threads meet. */
static void
look(struct worker *w, uint64_t tag)
{
	uint64_t got[PKT_FRAG_DIGESTS], version;

	if (!pkt_frag_find(w->table, tag, START, got))
		return;
	version = got[0] ^ tag;
	w->found++;
	for (uint64_t d = 0; d < PKT_FRAG_DIGESTS; d++)
		w->torn += got[d] != (tag ^ version) * (2 * d + 1);
	w->torn += (version & 0xff) != 0 || version >> 8 >= ROUNDS;
}

/* 0 and 1 put all the time, 2 and 3 look all the time. */
static void *
work(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		enum pkt_frag_put_result r;

		if (w->number >= 2) {
			look(w, i % 3 + 2);
			continue;
		}
		r = put(w->table, (i + w->number) % 3 + 2, START, i << 8);
		w->busy += r == PKT_FRAG_BUSY;
		w->again += r == PKT_FRAG_AGAIN;
	}
	return NULL;
}

static void
threads_share(void **state)
{
	struct pkt_frag *t = table_new(4);
	struct worker w[4];
	uint64_t done = 0;

	for (uint64_t tag = 2; tag < 5; tag++)
		assert_int_equal(put(t, tag, START, 0), PKT_FRAG_NEW);
	for (uint64_t i = 0; i < 4; i++) {
		w[i] = (struct worker){.table = t, .number = i};
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].torn, 0);
		if (i < 2)
			assert_int_equal(w[i].again + w[i].busy, ROUNDS);
		done += w[i].again + w[i].found;
	}
	assert_true(done > ROUNDS / 4); /* of all four: one may be kept out by who runs where */
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_is_found),
		cmocka_unit_test(entries_expire),
		cmocka_unit_test(oldest_is_evicted),
		cmocka_unit_test(expired_goes_first),
		cmocka_unit_test(results_add_up),
		cmocka_unit_test(flood_evicts_only),
		cmocka_unit_test(stopped_writer_stops_nobody),
		cmocka_unit_test(threads_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
