/*
 * Test of dp/hold: against a plain array that is searched from end to end, over random
 * histories; then each bound by itself.
 */
#include "hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct dp_hold hold;
static struct dp_held model[DP_HOLD_MAX + 1];
static uint32_t nmodel, serial;
static uint64_t seed = 5;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static struct dp_held
packet(uint64_t tag, uint32_t link, uint64_t ts_ns, bool large)
{
	return (struct dp_held){.pkt = {.frame = serial++, .ts_ns = ts_ns, .len = 60},
		.tag = tag,
		.fallback = {tag + 1, tag + 2, tag + 3, tag + 4},
		.link = link,
		.reason = PKT_FRAGMENT,
		.large = large};
}

/* The model's answers: index, or -1. */
static int
model_of_tag(uint64_t tag)
{
	for (uint32_t i = 0; i < nmodel; i++)
		if (model[i].tag == tag)
			return (int)i;
	return -1;
}

static int
model_in_the_way(uint64_t tag, bool large)
{
	uint32_t same = 0, nlarge = 0, first_large = 0;

	for (uint32_t i = nmodel; i > 0; i--) {
		same += model[i - 1].tag == tag;
		nlarge += model[i - 1].large;
		if (model[i - 1].large)
			first_large = i - 1;
	}
	if (same == DP_HOLD_PER_TAG)
		return model_of_tag(tag);
	if (large && nlarge == DP_HOLD_LARGE)
		return model_of_tag(model[first_large].tag);
	return nmodel == DP_HOLD_MAX ? 0 : -1;
}

static int
model_expired(uint32_t link, uint64_t now_ns)
{
	for (uint32_t i = 0; i < nmodel; i++) {
		uint64_t ts_ns = model[i].pkt.ts_ns;

		if (model[i].link != link)
			continue;
		if (now_ns >= ts_ns + DP_HOLD_NS || now_ns + DP_HOLD_NS <= ts_ns)
			return model_of_tag(model[i].tag);
		return -1;
	}
	return -1;
}

static void
assert_same(const struct dp_held *held, int i)
{
	if (i < 0) {
		assert_null(held);
		return;
	}
	assert_non_null(held);
	assert_memory_equal(&held->pkt, &model[i].pkt, sizeof(held->pkt));
	assert_true(held->tag == model[i].tag && held->link == model[i].link &&
		    held->large == model[i].large && held->reason == model[i].reason);
	assert_memory_equal(held->fallback, model[i].fallback, sizeof(held->fallback));
}

/* Returns whether there was something, and takes it out of both. */
static bool
take(struct dp_held *held, int i)
{
	assert_same(held, i);
	if (held == NULL)
		return false;
	dp_hold_remove(&hold, held);
	memmove(&model[i], &model[i + 1], (--nmodel - (uint32_t)i) * sizeof(*model));
	return true;
}

static void
add(struct dp_held p)
{
	while (take(
		dp_hold_in_the_way(&hold, p.tag, p.large), model_in_the_way(p.tag, p.large)))
		;
	dp_hold_add(&hold, &p);
	model[nmodel++] = p;
}

static void
check(void)
{
	assert_int_equal(dp_hold_count(&hold), nmodel);
	assert_same(dp_hold_oldest(&hold), nmodel > 0 ? 0 : -1);
	for (uint32_t l = 0; l < DP_MAX_LINKS; l++) {
		uint64_t due_ns = UINT64_MAX;

		for (uint32_t i = nmodel; i > 0; i--)
			if (model[i - 1].link == l)
				due_ns = model[i - 1].pkt.ts_ns + DP_HOLD_NS;
		assert_true(dp_hold_due_ns(&hold, l) == due_ns);
	}
}

static void
start(void)
{
	memset(&hold, 0xaa, sizeof(hold));
	dp_hold_init(&hold);
	nmodel = 0;
	check();
}

/* tags: how many there are; adds: out of 100 steps. */
static void
history(uint32_t tags, uint32_t adds)
{
	uint64_t now_ns = 1;

	start();
	for (int step = 0; step < 20000; step++) {
		/* All in one hash now and then. */
		uint64_t tag = (uint64_t)rnd(tags) * (tags % 2 ? DP_HOLD_HEADS : 1);

		now_ns += rnd(2000000);
		if (rnd(3000) == 0)
			now_ns += 3 * DP_HOLD_NS;
		if (rnd(100) < adds) {
			add(packet(tag, rnd(DP_MAX_LINKS), now_ns + rnd(1000), rnd(20) == 0));
		} else if (rnd(4) > 0) {
			while (take(dp_hold_of_tag(&hold, tag), model_of_tag(tag)))
				;
		} else if (rnd(20) == 0) {
			uint32_t link = rnd(DP_MAX_LINKS);

			while (take(dp_hold_expired(&hold, link, now_ns),
				model_expired(link, now_ns)))
				;
		} else {
			take(dp_hold_oldest(&hold), nmodel > 0 ? 0 : -1);
		}
		if (step % 16 == 0)
			check();
	}
	while (take(dp_hold_oldest(&hold), nmodel > 0 ? 0 : -1))
		;
	check();
}

static void
histories(void **state)
{
	history(1, 90);
	history(2, 90);
	history(9, 80);
	history(100, 60);
	history(1000, 95);
	history(1001, 95);
	history(100000, 99);
}

static void
full_pushes_out_the_oldest(void **state)
{
	start();
	for (uint32_t i = 0; i < DP_HOLD_MAX; i++)
		add(packet(i, 0, 100, false));
	assert_int_equal(dp_hold_count(&hold), DP_HOLD_MAX);
	assert_int_equal(dp_hold_in_the_way(&hold, 9999, false)->tag, 0);
	add(packet(9999, 0, 100, false));
	assert_null(dp_hold_of_tag(&hold, 0));
	assert_int_equal(dp_hold_count(&hold), DP_HOLD_MAX);
}

static void
one_tag_cannot_fill_it(void **state)
{
	start();
	add(packet(1, 0, 100, false));
	for (uint32_t i = 0; i < 10 * DP_HOLD_MAX; i++)
		add(packet(2, 0, 100, false));
	assert_int_equal(dp_hold_count(&hold), 1 + DP_HOLD_PER_TAG);
	assert_int_equal(dp_hold_of_tag(&hold, 1)->pkt.len, 60);
	/* The newest ones are there, in their order. */
	for (uint32_t i = 0; i < DP_HOLD_PER_TAG; i++) {
		assert_int_equal(
			dp_hold_of_tag(&hold, 2)->pkt.frame, serial - DP_HOLD_PER_TAG + i);
		dp_hold_remove(&hold, dp_hold_of_tag(&hold, 2));
	}
}

/* The large one leaves behind the small ones of its tag that came before. */
static void
large_ones_are_few(void **state)
{
	start();
	add(packet(1, 0, 100, false));
	for (uint32_t i = 0; i < DP_HOLD_LARGE; i++)
		add(packet(1 + i / 2, 0, 100, true));
	assert_null(dp_hold_in_the_way(&hold, 1, false));
	assert_int_equal(dp_hold_in_the_way(&hold, 77, true)->large, false);
	add(packet(77, 0, 100, true));
	assert_int_equal(dp_hold_count(&hold), DP_HOLD_LARGE);
	assert_int_equal(dp_hold_of_tag(&hold, 1)->large, true);
}

static void
expiry(void **state)
{
	const uint64_t s = DP_HOLD_NS;

	start();
	add(packet(1, 0, 10 * s, false));
	add(packet(1, 3, 50 * s, false)); /* a link with another clock */
	add(packet(2, 3, 50 * s + 1, false));
	assert_null(dp_hold_expired(&hold, 0, 11 * s - 1));
	assert_null(dp_hold_expired(&hold, 1, 1000 * s));
	assert_null(dp_hold_expired(&hold, 3, 49 * s + 1)); /* a little back in time */
	/* Link 3's is due; the older one of its tag goes first, whichever link it is of. */
	assert_int_equal(dp_hold_expired(&hold, 3, 51 * s)->link, 0);
	take(dp_hold_expired(&hold, 3, 51 * s), 0);
	take(dp_hold_expired(&hold, 3, 51 * s), 0);
	assert_null(dp_hold_expired(&hold, 3, 51 * s));
	take(dp_hold_expired(&hold, 3, 20 * s), 0); /* the capture began again */
	add(packet(4, 2, 5, false));
	take(dp_hold_expired(&hold, 2, UINT64_MAX), 0); /* the link has ended */
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_pushes_out_the_oldest),
		cmocka_unit_test(one_tag_cannot_fill_it),
		cmocka_unit_test(large_ones_are_few),
		cmocka_unit_test(expiry),
		cmocka_unit_test(histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
