/*
 * Test of dp/reorder: streams whose packets come with a skew, from a table, in rounds with a
 * clock of the test's own.
 */
#include "dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the above */
#include <cmocka.h>

#define WINDOW 1000u
#define N      20000u
#define EPOCH  UINT64_C(1000000000)

static struct dp_reorder r;
static struct io_pkt in[IO_BURST_MAX], out[N];
static uint64_t late;
static uint32_t got;

static const struct skew {
	const char *name;
	uint32_t streams, links, round; /* ns from round to round */
	uint32_t delay[4];		/* from stamp to arrival, of each stream */
	uint32_t gap;			/* between stamps, at most */
	bool late;
} skews[] = {
	{"no skew", 2, 2, 100, {0, 0}, 20, false},
	{"one behind", 2, 2, 100, {0, 900}, 20, false},
	{"queues of one link", 4, 1, 300, {0, 500, 990, 100}, 10, false},
	{"four links", 4, 4, 50, {10, 990, 300, 700}, 40, false},
	{"sparse", 3, 3, 5000, {0, 800, 400}, 9000, false},
	{"equal stamps", 2, 2, 100, {0, 900}, 1, false},
	{"beyond the window", 2, 2, 100, {0, 1500}, 20, true},
};

static void
start(bool exact)
{
	dp_reorder_init(&r, exact, WINDOW, 1000000);
	late = got = 0;
}

static void
add(uint32_t link, uint64_t ts_ns, uint32_t frame)
{
	struct io_pkt pkt = {.ts_ns = ts_ns, .frame = frame};

	dp_reorder_add(&r, link, &pkt, 1);
}

static void
take_at(uint64_t now_ns)
{
	r.until_ns = now_ns - WINDOW;
	r.until_link = DP_MAX_LINKS;
	got += dp_reorder_take(&r, out + got, N - got, &late);
}

/* Packet i has frame i; out in this order. */
static void
assert_frames(const uint32_t *frames, uint32_t n)
{
	assert_int_equal(got, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(out[i].frame, frames[i]);
}

static uint64_t stamps[N];
static uint32_t owners[N], next_of[4];

/* All that has come from a link's streams by now, stream by stream, as their queues are read.
 */
static void
bring(const struct skew *s, uint32_t link, uint64_t now_ns)
{
	for (uint32_t q = link; q < s->streams; q += s->links) {
		uint32_t n = 0;

		for (; next_of[q] < N; next_of[q]++) {
			uint32_t i = next_of[q];

			if (owners[i] != q)
				continue;
			if (stamps[i] + s->delay[q] > now_ns || n == IO_BURST_MAX)
				break;
			in[n++] = (struct io_pkt){.ts_ns = stamps[i], .frame = i};
		}
		dp_reorder_add(&r, link, in, n);
	}
}

static uint32_t
inversions(void)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < got; i++)
		n += out[i].ts_ns < out[i - 1].ts_ns;
	return n;
}

/* What is of one stream is in its order, late or not. */
static void
assert_streams(uint32_t streams)
{
	uint32_t last[4] = {0}, count = 0;

	for (uint32_t i = 0; i < got; i++) {
		uint32_t q = owners[out[i].frame];

		assert_true(out[i].frame >= last[q]);
		last[q] = out[i].frame;
		count += q < streams;
	}
	assert_int_equal(count, N);
}

static void
one_skew(const struct skew *s)
{
	uint64_t now_ns = EPOCH, ts_ns = EPOCH;

	srand(7);
	for (uint32_t i = 0; i < N; i++) {
		ts_ns += (uint32_t)rand() % (s->gap + 1);
		stamps[i] = ts_ns;
		owners[i] = (uint32_t)rand() % s->streams;
	}
	for (uint32_t q = 0; q < 4; q++)
		next_of[q] = 0;
	start(false);
	for (uint32_t i = 0; i < s->links; i++)
		r.links[i].mixed = s->streams > s->links;
	for (; got < N; now_ns += s->round) {
		uint32_t before = got;

		assert_true(now_ns < ts_ns + 10 * WINDOW + 10 * s->round);
		dp_reorder_clock(&r, now_ns);
		for (uint32_t link = 0; link < s->links; link++)
			bring(s, link, now_ns);
		take_at(now_ns);
		/* Nobody waits longer than the window, and nobody leaves sooner. */
		for (uint32_t i = before; i < got; i++)
			assert_true(out[i].ts_ns <= now_ns - WINDOW);
		assert_true(r.n == 0 || dp_reorder_due_ns(&r, now_ns) > 0);
	}
	assert_streams(s->streams);
	assert_int_equal(late > 0, s->late);
	if (!s->late)
		assert_int_equal(inversions(), 0);
	else
		assert_true(inversions() > 0 && inversions() <= late);
	assert_int_equal(r.n, 0);
}

static void
skewed(void **state)
{
	for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		print_message("%s\n", skews[i].name);
		one_skew(&skews[i]);
	}
}

/* Each of its own clock's mind. */
static void
strange_stamps(void **state)
{
	start(false);
	dp_reorder_clock(&r, EPOCH);
	add(0, EPOCH + 3600 * EPOCH, 0);
	add(1, EPOCH - 10, 1);
	add(2, 5, 2);
	assert_int_equal(dp_reorder_due_ns(&r, EPOCH), 0);
	take_at(EPOCH);
	assert_frames((const uint32_t[]){2}, 1);
	take_at(EPOCH + WINDOW - 1);
	assert_frames((const uint32_t[]){2, 1}, 2);
	assert_int_equal(dp_reorder_due_ns(&r, EPOCH + WINDOW - 1), 1);
	take_at(EPOCH + WINDOW);
	assert_frames((const uint32_t[]){2, 1, 0}, 3);
	assert_int_equal(out[2].ts_ns, EPOCH + 3600 * EPOCH);
	assert_int_equal(late, 0);
	/* It did not spoil the measure: this one waits. */
	dp_reorder_clock(&r, EPOCH + 2 * WINDOW);
	add(0, EPOCH + 2 * WINDOW, 3);
	take_at(EPOCH + 2 * WINDOW);
	assert_int_equal(got, 3);
}

static void
clock_set_back(void **state)
{
	start(false);
	dp_reorder_clock(&r, 2 * EPOCH);
	add(0, 2 * EPOCH - 5, 0);
	add(0, 2 * EPOCH, 1);
	dp_reorder_clock(&r, EPOCH);
	take_at(EPOCH);
	assert_frames((const uint32_t[]){0, 1}, 2);
	add(1, EPOCH - 2, 2);
	add(0, EPOCH - 3, 3);
	take_at(EPOCH);
	assert_int_equal(got, 2);
	take_at(EPOCH + WINDOW);
	assert_frames((const uint32_t[]){0, 1, 3, 2}, 4);
	assert_int_equal(late, 0);
}

static void
clock_set_forward(void **state)
{
	start(false);
	dp_reorder_clock(&r, EPOCH);
	add(0, EPOCH, 0);
	dp_reorder_clock(&r, 2 * EPOCH);
	take_at(2 * EPOCH);
	assert_frames((const uint32_t[]){0}, 1);
}

static void
late_ones(void **state)
{
	start(false);
	dp_reorder_clock(&r, EPOCH);
	add(0, EPOCH - 100, 0);
	take_at(EPOCH + WINDOW);
	/* Newer than the window's beginning, older than what has left: at once. */
	r.until_ns = 0;
	add(1, EPOCH - 101, 1);
	add(1, EPOCH - 99, 2);
	got += dp_reorder_take(&r, out + got, 10, &late);
	assert_frames((const uint32_t[]){0, 1}, 2);
	assert_int_equal(late, 1);
	assert_int_equal(r.n, 1);
}

/* The oldest leave, as many as asked for. */
static void
full(void **state)
{
	start(false);
	r.links[0].mixed = r.links[1].mixed = true;
	dp_reorder_clock(&r, EPOCH);
	for (uint32_t i = 0; i < DP_REORDER_MAX; i++)
		add(i % 2, EPOCH - i % 64, i);
	assert_int_equal(dp_reorder_room(&r), 0);
	take_at(EPOCH);
	assert_int_equal(got, 0);
	r.press = 128;
	got = dp_reorder_take(&r, out, 1000, &late);
	assert_int_equal(got, 128);
	assert_int_equal(dp_reorder_room(&r), 128);
	for (uint32_t i = 0; i < got; i++)
		assert_int_equal(out[i].ts_ns, EPOCH - 63 + i / 64);
	assert_int_equal(inversions(), 0);
}

static void
large_ones(void **state)
{
	dp_reorder_init(&r, false, WINDOW, 10);
	got = 0;
	dp_reorder_clock(&r, EPOCH);
	for (uint32_t i = 0; i < DP_REORDER_LARGE; i++) {
		assert_true(dp_reorder_room(&r) > 0);
		add(0, EPOCH - i, 10 + i);
	}
	assert_int_equal(dp_reorder_room(&r), 0);
	r.press = 1;
	got = dp_reorder_take(&r, out, 1, &late);
	assert_int_equal(dp_reorder_room(&r), DP_REORDER_MAX - DP_REORDER_LARGE + 1);
}

/* A queue's own order is worth more than its stamps, which a clock that is corrected makes. */
static void
own_order(void **state)
{
	for (int mixed = 0; mixed < 2; mixed++) {
		start(false);
		r.links[1].mixed = mixed;
		dp_reorder_clock(&r, EPOCH);
		add(1, EPOCH - 5, 0);
		add(1, EPOCH - 9, 1);
		add(0, EPOCH - 7, 2);
		take_at(EPOCH + WINDOW);
		if (mixed)
			assert_frames((const uint32_t[]){1, 2, 0}, 3);
		else
			assert_frames((const uint32_t[]){2, 0, 1}, 3);
		assert_int_equal(late, 0);
	}
}

/* A file's own order stays; equal stamps leave by link. */
static void
exact(void **state)
{
	const struct io_pkt a[] = {{.ts_ns = 5, .frame = 0}, {.ts_ns = 3, .frame = 1},
		{.ts_ns = 7, .frame = 2}},
			    b[] = {{.ts_ns = 4, .frame = 3}, {.ts_ns = 5, .frame = 4},
				    {.ts_ns = 7, .frame = 5}};

	start(true);
	dp_reorder_add(&r, 1, b, 3);
	dp_reorder_add(&r, 0, a, 3);
	r.until_ns = 7;
	r.until_link = 0;
	got = dp_reorder_take(&r, out, 10, &late);
	assert_frames((const uint32_t[]){3, 0, 1, 4, 2}, 5);
	r.until_link = 1;
	got += dp_reorder_take(&r, out + got, 10, &late);
	assert_frames((const uint32_t[]){3, 0, 1, 4, 2, 5}, 6);
	assert_int_equal(late, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skewed),
		cmocka_unit_test(strange_stamps),
		cmocka_unit_test(clock_set_back),
		cmocka_unit_test(clock_set_forward),
		cmocka_unit_test(late_ones),
		cmocka_unit_test(full),
		cmocka_unit_test(large_ones),
		cmocka_unit_test(own_order),
		cmocka_unit_test(exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
