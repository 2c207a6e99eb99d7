/*
 * Test of dp/order: the real engine with several links, each of which brings a part of the
 * traffic: as interfaces do, some time after the stamp, or as files do.
 */
#include "rig.h"

#include <stdlib.h>

#define N	 12000u
#define STREAMS	 4u
#define STEP_NS	 5000u /* between two stamps */
#define NO_LIMIT UINT32_MAX

/* A link: packets of the traffic whose number is its own modulo `of`; or uneven: one in ten is
 * the second link's. */
struct stream {
	uint32_t number, next, of, n;
	uint64_t epoch_ns; /* packet i's stamp is i steps after; 0: its stamp is i */
	uint64_t delay_ns; /* and so long after that it can be received */
	uint32_t calls;
	bool sulks; /* brings nothing every third time, as files do at their ends */
};

static struct traffic traffic;
static struct rig r;
static struct dp_view view;
static struct stream streams[STREAMS];
static struct dp_link saved;
static struct dp_reorder reorder;
static _Atomic uint32_t given; /* by all streams */
static bool uneven;
static uint64_t backlog_ns; /* of traffic is there when the engine starts */

static bool
is_of(const struct stream *s, uint32_t i)
{
	return (uneven ? i % 10 == 0 : i % s->of) == s->number;
}

static int
stream_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct stream *s = priv;
	uint64_t now_ns = os_clock_real_ns();
	uint32_t got = 0;

	if (s->next >= s->n)
		return IO_EOF;
	if (s->sulks && ++s->calls % 3 == 0)
		return 0;
	for (; got < n && s->next < s->n; s->next++) {
		const struct io_mem_pkt *p = &traffic.pkts[s->next];
		uint64_t ts_ns = s->epoch_ns == 0 ? p->ts_ns : s->epoch_ns + p->ts_ns * STEP_NS;
		uint32_t frame;

		if (!is_of(s, s->next))
			continue;
		if (ts_ns + s->delay_ns > now_ns)
			break;
		frame = io_pool_get(&r.engine->pool, p->len);
		if (frame == IO_NO_FRAME)
			break;
		out[got] = (struct io_pkt){
			.data = r.engine->pool.base + io_pool_off(&r.engine->pool, frame),
			.ts_ns = ts_ns,
			.len = p->len,
			.wirelen = p->wirelen,
			.frame = frame};
		memcpy(out[got++].data, p->data, p->len);
	}
	atomic_fetch_add(&given, got);
	return (int)got;
}

static uint64_t
stream_idle(void *priv, struct io_wait *wait)
{
	return 20000;
}

static const struct io_source_ops stream_ops = {
	.name = "stream", .rx = stream_rx, .idle = stream_idle};

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2 * IO_BURST_MAX + 6 * 128 + DP_REORDER_MAX);
	saved = r.engine->links[0];
	return 0;
}

static int
teardown(void **state)
{
	rig_stop(&r);
	rig_view(&r, &view);
	rig_check_ledger(&r, &view);
	assert_int_equal(r.held_at_end, 0);
	r.engine->links[0] = saved;
	r.engine->nlinks = 1;
	r.engine->reorder = NULL;
	rig_free(&r);
	return 0;
}

/* n links; delays of interfaces, NULL: files. */
static void
streams_set(uint32_t n, const uint64_t *delays, bool sorted)
{
	uint64_t epoch_ns = os_clock_real_ns() - backlog_ns;

	memset(streams, 0, sizeof(streams));
	atomic_store(&given, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct dp_link *link = &r.engine->links[i];

		streams[i] = (struct stream){.number = i,
			.of = n,
			.n = N,
			.epoch_ns = delays != NULL ? epoch_ns : 0,
			.delay_ns = delays != NULL ? delays[i] : 0,
			.sulks = delays == NULL};
		memset(link, 0, sizeof(*link));
		link->ops = &stream_ops;
		link->priv = &streams[i];
		link->link = PKT_LINK_ETHER;
	}
	r.engine->nlinks = n;
	r.engine->reorder = NULL;
	if (!sorted)
		return;
	r.engine->reorder = &reorder;
	dp_reorder_init(&reorder, delays == NULL, DP_REORDER_WINDOW_NS, r.engine->pool.frames);
}

static bool
ended(void)
{
	return atomic_load_explicit(&r.engine->ended, memory_order_acquire);
}

static uint32_t
inversions(const struct record *got)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < got->n; i++)
		n += got->seen[i] < got->seen[i - 1];
	return n;
}

/* Runs to the end; how often a packet is older than the one before it. */
static uint32_t
run(uint32_t n, const uint64_t *delays, bool sorted)
{
	uint32_t channel = rig_record(&r, RIG_COPY, 0);
	uint32_t of_links = 0;

	streams_set(n, delays, sorted);
	rig_start(&r);
	UNTIL(ended());
	rig_stop(&r);
	assert_int_equal(r.channels[channel].record.n, N);
	for (uint32_t i = 0; i < n; i++) {
		if (!uneven)
			assert_int_equal(r.engine->links[i].own.received_pkts, N / n);
		of_links += (uint32_t)r.engine->links[i].own.received_pkts;
	}
	assert_int_equal(r.engine->own.received_pkts, of_links);
	return inversions(&r.channels[channel].record);
}

static const uint64_t skew[STREAMS] = {0, 700000, 100000, 400000};

/* Two taps, one 0.7 ms behind: without the buffer answers come before questions. */
static void
taps_alone(void **state)
{
	assert_true(run(2, skew, false) > 0);
}

static void
taps(void **state)
{
	assert_int_equal(run(2, skew, true), 0);
	assert_int_equal(r.engine->own.late_pkts, 0);
}

static void
queues(void **state)
{
	assert_int_equal(run(4, skew, true), 0);
	assert_int_equal(r.engine->own.late_pkts, 0);
}

/* More than the buffer holds is there at once, as when the engine could not run for a while. */
static void
backlog(void **state)
{
	backlog_ns = (uint64_t)N * STEP_NS;
	assert_int_equal(run(4, skew, true), 0);
	assert_int_equal(r.engine->own.late_pkts, 0);
	backlog_ns = 0;
}

/* The same, and most of it on one of the links. */
static void
uneven_backlog(void **state)
{
	backlog_ns = (uint64_t)N * STEP_NS;
	uneven = true;
	assert_int_equal(run(2, skew, true), 0);
	assert_int_equal(r.engine->own.late_pkts, 0);
	uneven = false;
	backlog_ns = 0;
}

/* More behind than the window: delivered all the same, and counted. */
static void
beyond(void **state)
{
	static const uint64_t delays[2] = {0, 5000000};
	uint32_t n = run(2, delays, true);

	assert_true(n > 0);
	assert_true(r.engine->own.late_pkts >= n);
}

static void
files_alone(void **state)
{
	assert_true(run(4, NULL, false) > 0);
}

static void
files(void **state)
{
	for (r.engine->batch = 1; r.engine->batch <= IO_BURST_MAX; r.engine->batch *= 32) {
		assert_int_equal(run(4, NULL, true), 0);
		assert_int_equal(r.engine->own.late_pkts, 0);
		teardown(state);
		setup(state);
	}
}

/* Stopped in the middle: what waits in the buffer goes back, and was never received. */
static void
stopped(void **state)
{
	static const uint64_t delays[2] = {0, 0};
	uint32_t channel = rig_record(&r, RIG_COPY, 0);

	streams_set(2, delays, true);
	streams[0].n = streams[1].n = 2000;
	reorder.window_ns = UINT64_C(3600000000000);
	rig_start(&r);
	UNTIL(atomic_load(&given) > 1000);
	rig_stop(&r);
	assert_int_equal(r.channels[channel].record.n, 0);
	assert_int_equal(r.engine->own.received_pkts, 0);
	assert_int_equal(
		r.engine->links[0].own.drop_stop_pkts + r.engine->links[1].own.drop_stop_pkts,
		atomic_load(&given));
}

/* What a DROP rule takes is its own link's. */
static void
dropped(void **state)
{
	rig_open(&r, RIG_DROP, 0, 0, false);
	streams_set(4, skew, true);
	rig_start(&r);
	UNTIL(ended());
	rig_stop(&r);
	assert_int_equal(r.engine->own.drop_rule_pkts, N);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(r.engine->links[i].own.received_pkts, N / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(taps_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(taps, setup, teardown),
		cmocka_unit_test_setup_teardown(queues, setup, teardown),
		cmocka_unit_test_setup_teardown(backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(uneven_backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(beyond, setup, teardown),
		cmocka_unit_test_setup_teardown(files_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(files, setup, teardown),
		cmocka_unit_test_setup_teardown(stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(dropped, setup, teardown),
	};
	int failed;

	traffic_make(&traffic, N, 50, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
