/*
 * Test of dp/follow: what goes on, in which order, by whose digests, and what is said of it.
 * Packets are named by their numbers; one's own digests are 100 times its number.
 */
#include "follow.h"
#include "stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct dp_follow *f;
static struct dp_engine_counters own;
static struct pkt_frag *tables[2];

static int
setup(void **state)
{
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	for (int i = 0; i < 2; i++) {
		void *memory = aligned_alloc(PKT_FRAG_ALIGN, pkt_frag_bytes(64));

		assert_non_null(memory);
		tables[i] = pkt_frag_init(memory, 64, PKT_FRAG_LIFE_NS);
	}
	f->frags = tables[0];
	f->numbers = tables[1];
	memset(&own, 0, sizeof(own));
	dp_follow_init(f, &own);
	return 0;
}

static int
teardown(void **state)
{
	free(tables[0]);
	free(tables[1]);
	free(f);
	return 0;
}

/* Tags as they stand in pkt_flow: outermost first, 0 ends; later: of the last one. */
static void
packet(uint64_t number, uint64_t ms, uint64_t outer, uint64_t inner, bool later)
{
	struct pkt_flow flow = {.later = later,
		.reason = outer == 0 ? PKT_OK
			  : later    ? PKT_FRAGMENT
				     : PKT_FIRST_FRAGMENT,
		.nfrags = (uint8_t)((outer != 0) + (inner != 0)),
		.frag = {outer, inner}};
	struct dp_followed p = {.number = number, .pkt = {.ts_ns = ms * MS, .frame = 7}};

	for (uint32_t i = 0; i < PKT_FIELDS_MAX; i++)
		p.digests[i] = 100 * number + i;
	dp_follow_packet(f, &p, &flow);
}

/* The i-th of what goes on: its number, whose digests it has, how, and after which. */
static void
assert_out(uint32_t i, uint64_t number, uint64_t leader, enum dp_follow_way way, uint64_t first)
{
	const struct dp_followed *p = &f->out[i];

	assert_true(i < f->nout);
	assert_int_equal(p->number, number);
	assert_int_equal(p->way, way);
	assert_int_equal(p->first, first);
	assert_int_equal(p->pkt.frame, 7);
	for (uint32_t d = 0; d < PKT_FIELDS_MAX; d++)
		assert_int_equal(p->digests[d], 100 * leader + d);
}

static void
assert_counters(uint64_t firsts, uint64_t followed, uint64_t held, uint64_t orphan)
{
	assert_int_equal(own.frag_first_pkts, firsts);
	assert_int_equal(own.frag_followed_pkts, followed);
	assert_int_equal(own.frag_held_pkts, held);
	assert_int_equal(own.frag_orphan_pkts, orphan);
}

static void
whole_packets_pass(void **state)
{
	packet(1, 0, 0, 0, false);
	assert_int_equal(f->nout, 1);
	assert_out(0, 1, 1, DP_FOLLOW_OWN, 0);
	assert_int_equal(f->out[0].reason, PKT_OK);
	assert_counters(0, 0, 0, 0);
}

static void
after_the_first(void **state)
{
	packet(1, 0, 11, 0, false);
	assert_out(0, 1, 1, DP_FOLLOW_OWN, 0);
	packet(2, 1, 11, 0, true);
	assert_int_equal(f->nout, 1);
	assert_out(0, 2, 1, DP_FOLLOW_KNOWN, 1);
	assert_int_equal(f->out[0].reason, PKT_FRAGMENT);
	assert_counters(1, 1, 0, 0);
}

static void
before_the_first(void **state)
{
	packet(1, 0, 11, 0, true);
	assert_int_equal(f->nout, 0);
	packet(2, 1, 12, 0, true);
	packet(3, 2, 11, 0, true);
	packet(4, 3, 11, 0, false);
	assert_int_equal(f->nout, 3);
	assert_out(0, 1, 4, DP_FOLLOW_WAITED, 4);
	assert_out(1, 3, 4, DP_FOLLOW_WAITED, 4);
	assert_out(2, 4, 4, DP_FOLLOW_OWN, 0);
	assert_int_equal(dp_hold_count(&f->hold), 1);
	assert_counters(1, 2, 3, 0);
}

/* Of datagram 11 in tunnel packets: 3 has the end of 11, and is the first fragment of the
 * tunnel's 21, whose others came before it.  All wait for the first one of 11; each follows the
 * one of its own datagram; they leave in the order in which they came. */
static void
a_datagram_begins_in_a_held_one(void **state)
{
	packet(1, 0, 21, 0, true);
	packet(2, 1, 21, 0, true);
	packet(3, 2, 21, 11, true);
	packet(4, 3, 21, 0, true);
	assert_int_equal(dp_hold_count(&f->hold), 4);
	packet(5, 4, 22, 11, false);
	assert_int_equal(f->nout, 5);
	assert_out(0, 1, 5, DP_FOLLOW_WAITED, 3);
	assert_out(1, 2, 5, DP_FOLLOW_WAITED, 3);
	assert_out(2, 3, 5, DP_FOLLOW_WAITED, 5);
	assert_out(3, 4, 5, DP_FOLLOW_WAITED, 3);
	assert_out(4, 5, 5, DP_FOLLOW_OWN, 0);
	packet(6, 5, 21, 0, true);
	assert_out(0, 6, 5, DP_FOLLOW_KNOWN, 3);
	packet(7, 6, 22, 0, true);
	assert_out(0, 7, 5, DP_FOLLOW_KNOWN, 5);
	assert_counters(1, 6, 4, 0);
}

/* The same with the first one there before: who follows it leads others. */
static void
a_datagram_begins_in_a_later_one(void **state)
{
	packet(1, 0, 21, 0, true);
	packet(2, 1, 11, 0, false);
	packet(3, 2, 21, 11, true);
	assert_int_equal(f->nout, 2);
	assert_out(0, 1, 2, DP_FOLLOW_WAITED, 3);
	assert_out(1, 3, 2, DP_FOLLOW_KNOWN, 2);
}

static void
nobody_came(void **state)
{
	packet(1, 0, 21, 11, true);
	packet(2, 500, 21, 0, true);
	dp_follow_due(f, 0, 999 * MS);
	assert_int_equal(f->nout, 0);
	dp_follow_due(f, 0, 1000 * MS);
	assert_int_equal(f->nout, 2);
	assert_out(0, 1, 1, DP_FOLLOW_ORPHAN, 0);
	assert_out(1, 2, 1, DP_FOLLOW_WAITED, 1); /* its first one is lost, not missing */
	packet(3, 1001, 12, 0, true);
	dp_follow_due(f, 1, UINT64_MAX); /* another link */
	assert_int_equal(f->nout, 0);
	dp_follow_due(f, 0, UINT64_MAX);
	assert_int_equal(f->nout, 1);
	assert_out(0, 3, 3, DP_FOLLOW_ORPHAN, 0);
	assert_counters(0, 1, 3, 2);
}

static void
too_many(void **state)
{
	for (uint64_t i = 1; i <= DP_HOLD_PER_TAG; i++)
		packet(i, i, 11, 0, true);
	assert_int_equal(f->nout, 0);
	packet(DP_HOLD_PER_TAG + 1, 100, 11, 0, true);
	assert_int_equal(f->nout, 1);
	assert_out(0, 1, 1, DP_FOLLOW_CROWDED, 0);
	packet(DP_HOLD_PER_TAG + 2, 101, 11, 0, false);
	assert_int_equal(f->nout, DP_HOLD_PER_TAG + 1);
	assert_out(0, 2, DP_HOLD_PER_TAG + 2, DP_FOLLOW_WAITED, DP_HOLD_PER_TAG + 2);
}

/* All that can be held leaves at once, and there is room for it. */
static void
as_many_as_can_be(void **state)
{
	uint32_t n = 0;

	packet(++n, 0, 1000, 2000, true); /* the outermost datagram begins in it */
	for (uint64_t d = 0; n < DP_HOLD_MAX; d++)
		for (uint32_t i = 0; i < DP_HOLD_PER_TAG && n < DP_HOLD_MAX; i++)
			packet(++n, 0, i == 0 ? 1001 + d : 1000 + d, i == 0 ? 1000 + d : 0,
				true);
	assert_int_equal(dp_hold_count(&f->hold), DP_HOLD_MAX);
	packet(n + 1, 1, 2000, 0, false);
	assert_int_equal(f->nout, DP_HOLD_MAX + 1);
	for (uint32_t i = 0; i <= DP_HOLD_MAX; i++) {
		assert_int_equal(f->out[i].number, i + 1);
		assert_int_equal(f->out[i].digests[0], 100 * (n + 1));
	}
	assert_int_equal(dp_hold_count(&f->hold), 0);
}

/* The table is shared: what is held follows whom another engine met, with the next fragment, or
 * when it has waited. */
static void
another_engine_met_it(void **state)
{
	const uint64_t digests[PKT_FRAG_DIGESTS] = {900, 901, 902, 903};

	packet(1, 0, 11, 0, true);
	packet(2, 1, 12, 0, true);
	pkt_frag_put(f->frags, 11, 2 * MS, digests);
	pkt_frag_put(f->frags, 12, 2 * MS, digests);
	packet(3, 3, 11, 0, true);
	assert_int_equal(f->nout, 2);
	assert_out(0, 1, 9, DP_FOLLOW_WAITED, 0); /* its number is not known */
	assert_out(1, 3, 9, DP_FOLLOW_KNOWN, 0);
	dp_follow_due(f, 0, 2000 * MS);
	assert_int_equal(f->nout, 1);
	assert_out(0, 2, 9, DP_FOLLOW_WAITED, 0);
	assert_counters(0, 3, 2, 0);
}

/* An engine does not ask for numbers. */
static void
without_numbers(void **state)
{
	f->numbers = NULL;
	packet(1, 0, 11, 0, false);
	packet(2, 1, 11, 0, true);
	assert_out(0, 2, 1, DP_FOLLOW_KNOWN, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_packets_pass),
		TEST(after_the_first),
		TEST(before_the_first),
		TEST(a_datagram_begins_in_a_held_one),
		TEST(a_datagram_begins_in_a_later_one),
		TEST(nobody_came),
		TEST(too_many),
		TEST(as_many_as_can_be),
		TEST(another_engine_met_it),
		TEST(without_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
