/*
 * Test of dp/stats: every snapshot of a running engine adds up, none goes backwards, and
 * counters.def says what each counter is.
 */
#include "rig.h"

#include <ctype.h>

#define N	  20000u
#define NO_LIMIT  UINT32_MAX
#define SNAPSHOTS 20000

static struct traffic traffic;
static struct rig r;
static struct consumer c[4];
static _Atomic bool read_done;

/* Everything is monotonic but the gauges, which come last. */
static void
assert_grew(const struct dp_view *a, const struct dp_view *b)
{
	const uint64_t *x = (const uint64_t *)&a->engine, *y = (const uint64_t *)&b->engine;

	for (size_t i = 0; i < DP_WORDS(a->engine); i++)
		assert_true(y[i] >= x[i]);
	for (uint32_t s = 0; s < RIG_CHANNELS; s++) {
		x = (const uint64_t *)&a->sinks[s];
		y = (const uint64_t *)&b->sinks[s];
		for (size_t i = 0; i < DP_WORDS(a->sinks[s]) - 2; i++)
			assert_true(y[i] >= x[i]);
	}
}

/* Fast, slow and absent consumers, files that fail, two groups and a copy: endless traffic. */
static void
busy_engine(void)
{
	uint32_t failing;

	rig_init(&r, &traffic, 0, 2 * IO_BURST_MAX + 4 * 256);
	for (uint32_t i = 0; i < 4; i++) {
		consumer_start(&c[i], &r, rig_open(&r, RIG_SAMPLE, 0, 256, false), NO_LIMIT);
		c[i].pause_us = i * 300;
	}
	rig_open(&r, RIG_SAMPLE, 0, 64, false);
	rig_record(&r, RIG_COPY, 0);
	failing = rig_record(&r, RIG_SAMPLE, 1);
	r.channels[failing].record.takes = N / 2;
	rig_record(&r, RIG_SAMPLE, 1);
	rig_start(&r);
}

static void
snapshots_add_up(void **state)
{
	static struct dp_view view[2];
	uint64_t start;

	busy_engine();
	rig_view(&r, &view[1]);
	start = view[1].engine.received_pkts;
	/* Until all kinds of loss have been seen too, however the threads are scheduled. */
	for (int i = 0; i < SNAPSHOTS || view[1].engine.received_pkts < start + 10 * N; i++) {
		rig_view(&r, &view[i & 1]);
		rig_check_ledger(&r, &view[i & 1]);
		assert_grew(&view[!(i & 1)], &view[i & 1]);
		if (i % 500 == 0)
			rig_publish(&r);
	}
	assert_true(view[1].sinks[4].drop_no_consumer_pkts > 0);
	rig_stop(&r);
	rig_view(&r, &view[0]);
	rig_check_ledger(&r, &view[0]);
	for (int i = 0; i < 4; i++) {
		consumer_join(&c[i], CHAN_CLOSED);
		assert_int_equal(atomic_load(&c[i].count),
			rig_counters(&r, (uint32_t)i)->delivered_pkts);
		consumer_free(&c[i]);
	}
	rig_free(&r);
}

/* Short looks at an engine that has much to write: what is half written is not seen. */
static void
no_half_written(void **state)
{
	static struct dp_view view;
	uint64_t last = 0;

	rig_init(&r, &traffic, 0, 4096);
	for (int i = 0; i < 70; i++) {
		uint32_t number = rig_record(&r, RIG_COPY, 0);

		r.channels[number].record.takes = 0;
	}
	rig_start(&r);
	for (uint32_t i = 0; i < 500000 || view.engine.received_pkts < 10 * N; i++) {
		dp_view_read(r.engine, NULL, 0, NULL, 0, &view);
		assert_true(view.engine.received_pkts == view.links[0].received_pkts);
		assert_true(view.engine.received_pkts >= last);
		last = view.engine.received_pkts;
	}
	rig_free(&r);
}

static void *
read_one(void *arg)
{
	dp_view_read(r.engine, NULL, 0, NULL, 0, arg);
	atomic_store(&read_done, true);
	return NULL;
}

/* A reader that comes while the counters are being written gets what is written. */
static void
reader_waits(void **state)
{
	static struct dp_view view;
	pthread_t reader;

	rig_init(&r, &traffic, 1, 4096);
	atomic_store(&read_done, false);
	atomic_store(&r.engine->seq, 1);
	assert_int_equal(pthread_create(&reader, NULL, read_one, &view), 0);
	os_sleep_ns(20000000);
	assert_false(atomic_load(&read_done));
	atomic_store(&r.engine->shared[0], 42);
	atomic_store(&r.engine->seq, 2);
	pthread_join(reader, NULL);
	assert_int_equal(view.engine.received_pkts, 42);
	rig_free(&r);
}

/* Absent sinks are left out, not read. */
static void
absent_sinks(void **state)
{
	struct dp_sink *none[3] = {NULL};
	static struct dp_view view;

	rig_init(&r, &traffic, 1, 2048);
	rig_publish(&r);
	memset(&view, 0xee, sizeof(view));
	dp_view_read(r.engine, none, 3, NULL, 0, &view);
	assert_int_equal(view.engine.received_pkts, 0);
	assert_true(view.sinks[0].received_pkts == UINT64_C(0xeeeeeeeeeeeeeeee));
	rig_free(&r);
}

struct declared {
	const char *set, *name, *help;
};
static const struct declared declared[] = {
#define DP_ENGINE_COUNTER(name, help)  {"engine", #name, help},
#define DP_LINK_COUNTER(name, help)    {"link", #name, help},
#define DP_CHANNEL_COUNTER(name, help) {"channel", #name, help},
#include "counters.def"
#undef DP_ENGINE_COUNTER
#undef DP_LINK_COUNTER
#undef DP_CHANNEL_COUNTER
};
#define DECLARED (sizeof(declared) / sizeof(declared[0]))

static bool
has_unit(const char *name)
{
	static const char *const units[] = {"_pkts", "_bytes", "_turns"};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(name), u = strlen(units[i]);

		if (n > u && strcmp(name + n - u, units[i]) == 0)
			return true;
	}
	return false;
}

static void
counters_are_described(void **state)
{
	for (size_t i = 0; i < DECLARED; i++) {
		const struct declared *d = &declared[i];

		for (const char *p = d->name; *p != '\0'; p++)
			assert_true(islower((unsigned char)*p) || *p == '_');
		assert_true(has_unit(d->name));
		assert_true(strlen(d->help) > 20);
		assert_true(islower((unsigned char)d->help[0])); /* shown after the name */
		assert_int_not_equal(d->help[strlen(d->help) - 1], '.');
		for (size_t k = 0; k < i; k++)
			assert_false(strcmp(declared[k].set, d->set) == 0 &&
				     strcmp(declared[k].name, d->name) == 0);
	}
	/* Nothing is counted that is not declared, but for the reasons and the gauge. */
	assert_int_equal(DECLARED, DP_WORDS(struct dp_engine_counters) - PKT_REASONS +
					   DP_WORDS(struct dp_link_counters) +
					   DP_WORDS(struct dp_channel_counters) - 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_described),
		cmocka_unit_test(absent_sinks),
		cmocka_unit_test(reader_waits),
		cmocka_unit_test(no_half_written),
		cmocka_unit_test(snapshots_add_up),
	};
	int failed;

	traffic_make(&traffic, N, 300, 200);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
