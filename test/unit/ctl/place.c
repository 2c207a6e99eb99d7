/*
 * Test of where an engine is: the CPU of its thread as the system says it, and the memory of
 * its pool.
 */
#include "huge.h"
#include "rig.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFERS 8192u

static void
engine_on(int cpu)
{
	const struct ctl_engine_args args = {
		.name = "place", .type = "mem", .cpu = cpu, .buffers = BUFFERS};

	OK(ctl_engine_new(ctl, &args, &err));
	OK(rig_link("place", 0));
	OK(rig_open("place", "e{0"));
	OK(ctl_engine_start(ctl, "place", &err));
	view_take("place");
}

/* The thread that bears the engine's name. */
static pid_t
thread_of(const char *engine)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	pid_t found = 0;

	assert_non_null(dir);
	while (found == 0 && (entry = readdir(dir)) != NULL) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fgets(name, sizeof(name), f) != NULL &&
			strncmp(name, engine, strlen(engine)) == 0)
			found = atoi(entry->d_name);
		fclose(f);
	}
	closedir(dir);
	return found;
}

static void
cpu_is_read_back(void **state)
{
	cpu_set_t all;
	pid_t thread = 0;

	if (os_cpu_count() < 2)
		skip();
	engine_on(1);
	assert_int_equal(view_num("cpu"), 1);
	assert_int_equal(view_num("cpu_actual"), 1);
	UNTIL((thread = thread_of("place")) != 0);
	/* Somebody moves it: what was asked for is not what is. */
	CPU_ZERO(&all);
	CPU_SET(0, &all);
	assert_int_equal(sched_setaffinity(thread, sizeof(all), &all), 0);
	view_take("place");
	assert_int_equal(view_num("cpu"), 1);
	assert_int_equal(view_num("cpu_actual"), 0);
	CPU_SET(1, &all);
	assert_int_equal(sched_setaffinity(thread, sizeof(all), &all), 0);
	view_take("place");
	assert_false(view_has("cpu_actual"));
	OK(ctl_engine_stop(ctl, "place", &err));
	view_take("place");
	assert_false(view_has("cpu_actual"));
}

static void
not_pinned(void **state)
{
	engine_on(-1);
	assert_false(view_has("cpu"));
	assert_int_equal(view_has("cpu_actual"), os_cpu_count() == 1);
}

static void
check_traffic(void)
{
	struct client c;

	assert_int_equal(client_attach(&c, "e{0"), 0);
	client_take(&c, RIG_PKTS);
	client_close(&c);
}

static void
ordinary_pages(void **state)
{
	if (huge_read("free_hugepages") > 0)
		skip();
	engine_on(0);
	assert_non_null(strstr(view_str("memory"), "up to "));
	assert_non_null(strstr(view_str("memory"), " MiB, 4 KiB pages, node 0"));
	check_traffic();
	OK(ctl_engine_stop(ctl, "place", &err));
	view_take("place");
	assert_false(view_has("memory"));
}

/* 16 MiB of frames, large ones for 1 channel, 16 more, and bursts. */
static void
huge_pages(void **state)
{
	struct ctl_channel_args args = {.engine = "place", .action = "COPY", .size = 8};
	uint64_t free;

	if (!huge_reserve(40))
		skip();
	free = huge_read("free_hugepages");
	engine_on(0);
	assert_string_equal(view_str("memory"), "54.0 MiB, 2 MiB pages, node 0");
	assert_int_equal(huge_read("free_hugepages"), free - 27);
	check_traffic();
	for (int i = 1; i <= 16; i++) {
		char name[16];

		snprintf(name, sizeof(name), "e{%d", i);
		args.channel = name;
		OK(ctl_channel_open(ctl, &args, &err));
	}
	args.channel = "e{17";
	REFUSED(ctl_channel_open(ctl, &args, &err), -ENOSPC, "e{17", "stop it first");
	OK(ctl_engine_stop(ctl, "place", &err));
	assert_int_equal(huge_read("free_hugepages"), free);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(cpu_is_read_back), TEST(not_pinned),
		TEST(ordinary_pages), TEST(huge_pages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
