/*
 * Test of pkt/frag: another thread writes exactly between two loads of one that looks, at each
 * place in turn.  Here the loads are where things happen, so frag.c is compiled into this test.
 */
#include <stdatomic.h>
#include <stdint.h>

static uint64_t hooked_load(_Atomic uint64_t *word, memory_order order);
#undef atomic_load_explicit
#define atomic_load_explicit hooked_load
#include "frag.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW 1000

static struct pkt_frag *table;
static int loads_left; /* until somebody writes; below 0: nobody does */
static uint64_t tag_put;

static void
put(uint64_t tag, uint64_t version)
{
	const uint64_t digests[PKT_FRAG_DIGESTS] = {version, version, version, version};

	assert_int_not_equal(pkt_frag_put(table, tag, NOW + version, digests), PKT_FRAG_BUSY);
}

static uint64_t
hooked_load(_Atomic uint64_t *word, memory_order order)
{
	(void)order;
	if (loads_left >= 0 && loads_left-- == 0)
		put(tag_put, 9);
	return *word; /* an atomic load too */
}

/* Four live entries; tag 2 the oldest.  Returns whether the put came in between. */
static bool
look_while(int loads, uint64_t put_tag, uint64_t *version)
{
	uint64_t got[PKT_FRAG_DIGESTS] = {0};
	bool found;

	loads_left = -1;
	pkt_frag_init(table, 4, 100);
	for (uint64_t i = 0; i < 4; i++)
		put(i + 2, i);
	tag_put = put_tag;
	loads_left = loads;
	found = pkt_frag_find(table, 2, NOW, got);
	for (int d = 1; d < PKT_FRAG_DIGESTS; d++)
		assert_int_equal(got[d], got[0]);
	*version = found ? got[0] : UINT64_MAX;
	return loads_left < 0;
}

/* The same tag again: the old digests or the new ones, of one piece. */
static void
replaced(void **state)
{
	uint64_t version;
	int at = 0, news = 0;

	for (; look_while(at, 2, &version); at++) {
		assert_true(version == 0 || version == 9);
		news += version == 9;
	}
	assert_in_range(at, PKT_FRAG_DIGESTS + 3, 20);
	assert_int_equal(news, at); /* all loads are before or at the second look at seq */
}

/* Another tag takes the place: the old digests or none. */
static void
evicted(void **state)
{
	uint64_t version;
	int at = 0, none = 0;

	for (; look_while(at, 7, &version); at++) {
		assert_true(version == 0 || version == UINT64_MAX);
		none += version == UINT64_MAX;
	}
	assert_int_equal(none, at);
}

/* Another entry of the set: found all the same. */
static void
neighbour(void **state)
{
	uint64_t version;

	for (int at = 0; look_while(at, 4, &version); at++)
		assert_int_equal(version, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced),
		cmocka_unit_test(evicted),
		cmocka_unit_test(neighbour),
	};

	table = aligned_alloc(PKT_FRAG_ALIGN, pkt_frag_bytes(4));
	return table == NULL || cmocka_run_group_tests(tests, NULL, NULL);
}
