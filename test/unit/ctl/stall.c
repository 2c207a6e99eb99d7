/*
 * Test of engines whose thread makes no turns: a source holds it in rx, as a dead disk would.
 * With a registry of the test's own, in the place of io/registry.c.
 */
#include "io.h"
#include "rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic bool held, there;

static int
stuck_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *io_err)
{
	info->dlt = 1;
	info->linktype = 1;
	info->snaplen = 2048;
	return 0;
}
static int
stuck_start(void *priv, struct io_pool *pool, struct io_err *io_err)
{
	return 0;
}
static int
stuck_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	while (atomic_load(&held)) {
		atomic_store(&there, true);
		os_sleep_ns(1000000);
	}
	return 0;
}
static uint64_t
stuck_idle(void *priv, struct io_wait *wait)
{
	return UINT64_MAX;
}
static void
stuck_counters(void *priv, struct io_source_counters *out)
{
}
static void
stuck_tend(void *priv, struct io_status *out)
{
}
static void
stuck_close(void *priv)
{
}

static const struct io_source_ops stuck = {.name = "stuck",
	.priv_bytes = 8,
	.live = true,
	.open = stuck_open,
	.start = stuck_start,
	.rx = stuck_rx,
	.idle = stuck_idle,
	.counters = stuck_counters,
	.tend = stuck_tend,
	.close = stuck_close};

const struct io_source_ops *
io_source_at(size_t i)
{
	return i == 0 ? &stuck : NULL;
}
const struct io_source_ops *
io_source_find(const char *name)
{
	return strcmp(name, stuck.name) == 0 ? &stuck : NULL;
}
const char *
io_source_names(void)
{
	return stuck.name;
}
const struct io_sink_ops *
io_sink_find(const char *name)
{
	return NULL;
}

static const char *
state_of(const char *engine)
{
	view_take(engine);
	return view_str("state");
}

static void
start_engine(const char *name)
{
	const struct ctl_engine_args args = {.name = name, .type = "stuck", .cpu = -1};
	const struct ctl_link_args link = {
		.engine = name, .ifname = "x0", .qid = -1, .loop = 1};

	OK(ctl_engine_new(ctl, &args, &err));
	OK(ctl_link(ctl, &link, &err));
	OK(ctl_engine_start(ctl, name, &err));
}

/* One engine runs, and so many do not turn. */
static void
pulse(const char *name, uint32_t stalled)
{
	struct ctl_pulse now;

	OK(ctl_pulse(ctl, &now));
	assert_int_equal(now.engines, 1);
	assert_int_equal(now.running, 1);
	assert_int_equal(now.stalled, stalled);
	assert_string_equal(now.name, name);
}

/* Within two seconds, not at once; and over as soon as it turns. */
static void
stalled(void **state)
{
	uint64_t begin_ns;

	start_engine("e");
	assert_string_equal(state_of("e"), "running");
	begin_ns = os_clock_mono_ns();
	atomic_store(&held, true);
	UNTIL(atomic_load(&there));
	UNTIL(strcmp(state_of("e"), "stalled") == 0);
	assert_in_range((os_clock_mono_ns() - begin_ns) / 1000000, 1400, 2000);
	assert_true(view_has("heartbeat_age_s"));
	pulse("e", 1);
	atomic_store(&held, false);
	UNTIL(strcmp(state_of("e"), "running") == 0);
	pulse("", 0);
	OK(ctl_engine_stop(ctl, "e", &err));
	assert_string_equal(state_of("e"), "stopped");
}

/* It has nothing to do, and naps: that is not stalled.  Nor is one that was stopped for long.
 */
static void
idle(void **state)
{
	uint64_t begin_ns;

	start_engine("e");
	begin_ns = os_clock_mono_ns();
	while (os_clock_mono_ns() - begin_ns < UINT64_C(2500000000)) {
		assert_string_equal(state_of("e"), "running");
		os_sleep_ns(100000000);
	}
	OK(ctl_engine_stop(ctl, "e", &err));
	os_sleep_ns(UINT64_C(2200000000));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_string_equal(state_of("e"), "running");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(stalled), TEST(idle)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
