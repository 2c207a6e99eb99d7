/*
 * Test of engines over their life: the table of what is allowed in which state, names that are
 * unknown or taken, restarts, failures of the source, and waiting for the end.
 */
#include "rig.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum step { NEW, LINK, UNLINK, OPEN, CLOSE, START, STOP, DELETE, WAIT, STEPS };
enum life { ABSENT, EMPTY, LINKED, READY, RUNNING, LIVES };

static int
take(enum step step)
{
	switch (step) {
	case NEW:
		return rig_new("e");
	case LINK:
		return rig_link("e", 0);
	case UNLINK:
		return ctl_unlink(ctl, "e", rig_capture, &err);
	case OPEN:
		return rig_open_copy("e", "x{0", "drop");
	case CLOSE:
		return ctl_channel_close(ctl, "e", "x{0", &err);
	case START:
		return ctl_engine_start(ctl, "e", &err);
	case STOP:
		return ctl_engine_stop(ctl, "e", &err);
	case DELETE:
		return ctl_engine_delete(ctl, "e", &err);
	default:
		return ctl_wait(ctl, "e", 0.05, NULL, &err);
	}
}

static const int table[LIVES][STEPS] = {
	/*	     NEW	LINK	 UNLINK	  OPEN	   CLOSE    START      STOP DELETE
	   WAIT */
	[ABSENT] = {0, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
	[EMPTY] = {-EEXIST, 0, -ENOENT, 0, -ENOENT, -EINVAL, -EALREADY, 0, -EINVAL},
	[LINKED] = {-EEXIST, -EEXIST, 0, 0, -ENOENT, 0, -EALREADY, 0, -EINVAL},
	[READY] = {-EEXIST, -EEXIST, 0, -EEXIST, 0, 0, -EALREADY, 0, -EINVAL},
	[RUNNING] = {-EEXIST, -EBUSY, -EBUSY, -EEXIST, 0, -EALREADY, 0, 0, -ETIMEDOUT},
};

static void
reach(enum life life)
{
	static const enum step way[] = {NEW, LINK, OPEN, START};

	for (int i = 0; i < (int)life; i++)
		OK(take(way[i]));
}

static void
transitions(void **state)
{
	for (int life = 0; life < LIVES; life++)
		for (int step = 0; step < STEPS; step++) {
			int rc;

			reach((enum life)life);
			memset(&err, 0, sizeof(err));
			rc = take((enum step)step);
			if (rc != table[life][step])
				fail_msg("life %d step %d: %d, not %d: %s", life, step, rc,
					table[life][step], err.text);
			if (rc < 0) /* one sentence with the name in it */
				assert_non_null(strstr(err.text, "e\""));
			if (life != ABSENT || step == NEW) {
				rc = ctl_engine_delete(ctl, "e", &err);
				assert_int_equal(rc, step == DELETE ? -ENOENT : 0);
			}
		}
}

static void
unknown_names(void **state)
{
	REFUSED(ctl_engine_start(ctl, "e0", &err), -ENOENT, "\"e0\"", "pkteng.new");
	rig_engine("alpha", "x{0");
	OK(rig_new("beta"));
	REFUSED(ctl_engine_stop(ctl, "alhpa", &err), -ENOENT, "\"alhpa\"", "alpha, beta");
	REFUSED(ctl_channel_close(ctl, "alpha", "x{1", &err), -ENOENT, "x{1", "pacf:x{0");
	REFUSED(ctl_channel_close(ctl, "beta", "x{1", &err), -ENOENT, "x{1", "has none");
	REFUSED(ctl_unlink(ctl, "alpha", "none.pcap", &err), -ENOENT, "none.pcap", rig_capture);
	REFUSED(ctl_unlink(ctl, "beta", "none.pcap", &err), -ENOENT, "none.pcap", "has none");
	REFUSED(ctl_visit(ctl, "gamma", &(struct ctl_visitor){0}, &err), -ENOENT, "\"gamma\"",
		"alpha");
}

/* Same packets again, counters go on, no descriptor is lost. */
static void
restarts(void **state)
{
	int fd = dup(0), again;

	close(fd);
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(rig_open_copy("e", "x{0", "drop"));
	OK(ctl_channel_open(ctl,
		&(struct ctl_channel_args){.engine = "e", .channel = "pcap:/dev/null"}, &err));
	for (uint32_t i = 1; i <= 5; i++) {
		OK(ctl_engine_start(ctl, "e", &err));
		OK(ctl_wait(ctl, "e", 30, NULL, &err));
		view_take("e");
		view_check_ledger();
		assert_string_equal(view_str("state"), "ended");
		assert_int_equal(view_num("counters.received_pkts"), i * RIG_PKTS);
		assert_int_equal(view_num("channels.1.delivered_pkts"), i * RIG_PKTS);
		OK(ctl_engine_stop(ctl, "e", &err));
		view_take("e");
		assert_string_equal(view_str("state"), "stopped");
		assert_int_equal(view_num("counters.received_pkts"), i * RIG_PKTS);
	}
	OK(ctl_engine_delete(ctl, "e", &err));
	ctl_close(ctl);
	again = dup(0);
	assert_true(again <= fd);
	close(again);
	OK(ctl_open(&ctl, &err));
}

/* What can be read is delivered, then one error; and it stays safe to look at afterwards. */
static void
broken_capture(void **state)
{
	static const char *const types[] = {"mem", "pcap"};
	char path[128];

	snprintf(path, sizeof(path), "%s/cut.pcap", rig_dir);
	for (int i = 0; i < 2; i++) {
		struct ctl_engine_args args = {.name = types[i], .type = types[i], .cpu = -1};
		struct ctl_link_args link = {
			.engine = types[i], .ifname = path, .qid = -1, .loop = 1};

		rig_write(path, 10, 1, true);
		OK(ctl_engine_new(ctl, &args, &err));
		OK(ctl_link(ctl, &link, &err));
		OK(rig_open_copy(types[i], "x{0", "drop"));
		OK(ctl_engine_start(ctl, types[i], &err));
		REFUSED(ctl_wait(ctl, types[i], 30, NULL, &err), -EIO, path, "truncated");
		view_take(types[i]);
		assert_string_equal(view_str("links.0.state"), "failed");
		assert_non_null(strstr(view_str("error"), "truncated"));
		assert_int_equal(view_num("counters.received_pkts"), 10);
		OK(ctl_engine_stop(ctl, types[i], &err));
		assert_int_equal(unlink(path), 0);
		REFUSED(ctl_engine_start(ctl, types[i], &err), -ENOENT, path, NULL);
		view_take(types[i]);
		assert_string_equal(view_str("state"), "stopped");
		rig_write(path, 10, 1, false);
		OK(ctl_engine_start(ctl, types[i], &err));
		OK(ctl_wait(ctl, types[i], 30, NULL, &err));
		view_take(types[i]);
		assert_false(view_has("error"));
		assert_int_equal(view_num("counters.received_pkts"), 20);
	}
}

static void
link_types(void **state)
{
	char path[128];
	struct ctl_link_args args = {.engine = "e", .ifname = path, .qid = -1, .loop = 1};

	snprintf(path, sizeof(path), "%s/radio.pcap", rig_dir);
	rig_write(path, 10, 147, false); /* the user's own: not parsed */
	rig_engine("e", "x{0");
	REFUSED(ctl_link(ctl, &args, &err), -EINVAL, path, "link type 147");
	OK(ctl_unlink(ctl, "e", rig_capture, &err));
	OK(ctl_link(ctl, &args, &err));
	REFUSED(ctl_engine_start(ctl, "e", &err), -EINVAL, "pacf:x{0", "action=\"COPY\"");
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	REFUSED(rig_open("e", "x{1"), -EINVAL, "pacf:x{1", "link type 147");
	OK(rig_open_copy("e", "x{1", "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
}

static void
one_file_one_writer(void **state)
{
	char channel[160], missing[160];

	snprintf(channel, sizeof(channel), "pcap:%s/out.pcap", rig_dir);
	snprintf(missing, sizeof(missing), "pcap:%s/none/out.pcap", rig_dir);
	rig_engine("e", channel);
	OK(rig_new("f"));
	REFUSED(rig_open("f", channel), -EEXIST, channel, "engine \"e\"");
	OK(rig_open("e", missing));
	REFUSED(ctl_engine_start(ctl, "e", &err), -ENOENT, "none/out.pcap", NULL);
	OK(ctl_channel_close(ctl, "e", missing, &err));
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(rig_open("e", missing), -ENOENT, "none/out.pcap", NULL);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
}

static void *
interrupt_soon(void *arg)
{
	os_sleep_ns(50000000);
	ctl_break(rig_breaker);
	return NULL;
}

static void
progress_seen(void *arg, const struct ctl_progress *p)
{
	++*(int *)arg;
	assert_int_equal(p->total_bytes, 0); /* endless */
}

static void
waiting(void **state)
{
	int shown = 0;
	const struct ctl_waiter looks = {NULL, progress_seen, &shown};
	const struct ctl_waiter waiter = {.breaker = rig_breaker};
	pthread_t other;
	uint64_t start;

	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open_copy("e", "x{0", "drop"));
	OK(ctl_engine_start(ctl, "e", &err));
	start = os_clock_mono_ns();
	REFUSED(ctl_wait(ctl, "e", 0.5, &looks, &err), -ETIMEDOUT, "\"e\"", "0.5 s");
	assert_in_range(os_clock_mono_ns() - start, 500000000, UINT64_C(20000000000));
	assert_true(shown >= 1);
	REFUSED(ctl_wait(ctl, "e", 0, NULL, &err), -ETIMEDOUT, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&other, NULL, interrupt_soon, NULL), 0);
		if (i == 0)
			REFUSED(ctl_wait(ctl, "e", -1, &waiter, &err), -EINTR, "\"e\"", NULL);
		else
			assert_int_equal(ctl_sleep(rig_breaker, 1e10), -EINTR);
		pthread_join(other, NULL);
	}
	assert_int_equal(ctl_sleep(rig_breaker, 0.01), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(transitions),
		TEST(unknown_names),
		TEST(restarts),
		TEST(link_types),
		TEST(one_file_one_writer),
		TEST(waiting),
		TEST(broken_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
