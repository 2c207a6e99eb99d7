/*
 * Test of dp/backlog: records in a ring of bytes, against a list that does the same: pushed,
 * put before, taken and cut at random, at every place of the memory, which has no byte more.
 */
#include "backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define LONGEST 300u
#define ROUNDS	200000u
#define MOST	4096u

static struct dp_backlog b;
/* What should be in it: packet i has list[i] as its number, length and bytes come from that. */
static uint64_t list[2 * MOST];
static uint32_t first, end;
static uint64_t random_state = 7;

static uint32_t
dice(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % n;
}

static uint32_t
length(uint64_t number)
{
	return (uint32_t)(number * 2654435761u >> 7) % (LONGEST + 1);
}

static void
fill(uint8_t *to, uint64_t number)
{
	for (uint32_t i = 0; i < length(number); i++)
		to[i] = (uint8_t)(number * 31 + i);
}

static void
begin(uint64_t bytes)
{
	free(b.mem);
	b = (struct dp_backlog){.mem = malloc(bytes), .bytes = bytes};
	assert_non_null(b.mem);
	first = end = MOST;
}

static uint64_t
cost_from(uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = from; i < to; i++)
		sum += dp_backlog_cost(length(list[i]));
	return sum;
}

/* True: it was put in. */
static bool
put(uint64_t number, bool before)
{
	struct dp_record record = {number, length(number), length(number) + 3};
	uint8_t data[LONGEST];
	bool room = cost_from(first, end) + dp_backlog_cost(record.len) <= b.bytes;

	assert_int_equal(dp_backlog_room(&b, record.len), room);
	if (!room || end == 2 * MOST || first == 0)
		return false;
	fill(data, number);
	if (before) {
		dp_backlog_unshift(&b, &record, data);
		list[--first] = number;
	} else {
		dp_backlog_push(&b, &record, data);
		list[end++] = number;
	}
	return true;
}

static void
take(void)
{
	uint8_t got[LONGEST], want[LONGEST];
	const struct dp_record *record = dp_backlog_first(&b);
	uint32_t len = length(list[first]);

	assert_int_equal(record->ts_ns, list[first]);
	assert_int_equal(record->len, len);
	assert_int_equal(record->wirelen, len + 3);
	fill(want, list[first++]);
	dp_backlog_take(&b, got);
	assert_memory_equal(got, want, len);
}

static void
cut(void)
{
	uint64_t bytes = dice((uint32_t)b.bytes + 1);
	uint32_t kept = first;

	while (kept < end && cost_from(first, kept + 1) <= bytes)
		kept++;
	assert_int_equal(dp_backlog_cut(&b, bytes), end - kept);
	end = kept;
}

static void
at_random(void **state)
{
	static const uint64_t sizes[] = {16, 64, 336, 4096, 5008};

	for (uint32_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		begin(sizes[s]);
		for (uint32_t i = 0; i < ROUNDS; i++) {
			uint32_t what = dice(100);

			if (what < 50 || b.npkts == 0)
				put(i, what % 5 == 0);
			else if (what < 99)
				take();
			else
				cut();
			assert_int_equal(b.npkts, end - first);
			if (first == end || first < 32 || end > 2 * MOST - 32)
				begin(sizes[s]);
		}
	}
	free(b.mem);
	b.mem = NULL;
}

/* Filled to the last byte with packets of one length, and again from any place. */
static void
to_the_last_byte(void **state)
{
	struct dp_record record = {0, 16, 16};
	uint8_t data[16] = "sixteen bytes..";
	struct dp_backlog full = {.mem = malloc(320), .bytes = 320};

	for (uint32_t lap = 0; lap < 25; lap++) {
		while (full.npkts < 10)
			dp_backlog_push(&full, &record, data);
		assert_false(dp_backlog_room(&full, 0));
		for (int i = 0; i < 7; i++)
			dp_backlog_take(&full, NULL);
	}
	while (full.npkts > 0)
		dp_backlog_take(&full, NULL);
	assert_true(dp_backlog_room(&full, 304));
	assert_false(dp_backlog_room(&full, 305));
	free(full.mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_random), cmocka_unit_test(to_the_last_byte)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
