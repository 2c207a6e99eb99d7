/*
 * Test of what an engine is told of others that have its channels: applications merge these,
 * so the engine must not let packets gather for long.
 */
#include "state.h"
#include "rig.h"

static bool
alone(const char *name)
{
	const struct ctl_engine *engine = ctl_engine_find(ctl, name, &err);

	assert_non_null(engine);
	return atomic_load(&engine->dp->alone);
}

static void
a_shared_channel(void **state)
{
	rig_engine("a", "x{0");
	OK(rig_open("a", "x{1"));
	rig_engine("b", "y{0");
	OK(ctl_engine_start(ctl, "a", &err));
	OK(ctl_engine_start(ctl, "b", &err));
	assert_true(alone("a"));
	assert_true(alone("b"));
	/* While both run. */
	OK(rig_open("b", "x{1"));
	assert_false(alone("a"));
	assert_false(alone("b"));
	OK(ctl_channel_close(ctl, "b", "pacf:x{1", &err));
	OK(ctl_engine_stop(ctl, "a", &err));
	OK(ctl_engine_start(ctl, "a", &err));
	assert_true(alone("a"));
	/* Before one of them starts. */
	OK(ctl_engine_stop(ctl, "b", &err));
	OK(rig_open("b", "x{0"));
	assert_false(alone("a"));
	OK(ctl_engine_start(ctl, "b", &err));
	assert_false(alone("b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(a_shared_channel)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
