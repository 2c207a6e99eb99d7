/*
 * Test of attaching: who gets a channel, who is told what instead, and what becomes of an
 * application when its channel or engine changes.
 */
#include "rig.h"

#include <stdio.h>
#include <unistd.h>

static struct client c, d;

static bool
consumer_is(const char *state)
{
	view_take("e");
	return strcmp(view_str("channels.0.state"), state) == 0;
}

static void
before_the_start(void **state)
{
	rig_engine("e", "x{0");
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_answer(&c), 0);
	assert_int_equal(c.lanes, 1);
	assert_int_equal(c.rep.linktype, 1);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_string_equal(view_str("channels.0.state"), "attached");
	assert_int_equal(view_num("channels.0.pid"), getpid());
	assert_int_equal(view_num("channels.0.delivered_pkts"), RIG_PKTS);
	assert_int_equal(view_num("channels.0.unread_pkts"), 0);
	client_close(&c);
	UNTIL(consumer_is("detached"));
	assert_int_equal(view_num("channels.0.pid"), 0);
	/* After the end there is nothing more, and that is said at once. */
	assert_int_equal(client_attach(&d, "x{0"), 0);
	assert_int_equal(client_drain(&d, CHAN_EOF), 0);
	client_close(&d);
}

/* The engine waits for it, and it misses nothing. */
static void
after_the_start(void **state)
{
	rig_engine("e", "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(ctl_wait(ctl, "e", 0.05, NULL, &err), -ETIMEDOUT, NULL, NULL);
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	client_close(&c);
}

/* Nothing to read, and yet the end is waited for: by whoever opens it. */
static void
empty_capture(void **state)
{
	rig_write(rig_capture, 0, 1, false);
	rig_engine("e", "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(ctl_wait(ctl, "e", 0.1, NULL, &err), -ETIMEDOUT, NULL, NULL);
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), 0);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	client_close(&c);
}

static void
one_at_a_time(void **state)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	rig_engine("e", "x{0");
	client_ask(&c, CHAN_OP_ATTACH, "x{0"); /* waits, and has it already */
	client_ask(&d, CHAN_OP_QUERY, "x{0");
	UNTIL((client_close(&d), client_ask(&d, CHAN_OP_QUERY, "x{0"),
		client_answer_plain(&d) == 0 && d.rep.busy_pid == (uint32_t)getpid()));
	client_close(&d);
	assert_int_equal(client_attach(&d, "x{0"), -EBUSY);
	assert_non_null(strstr(d.rep.text, "\"pacf:x}0\" is in use by"));
	assert_non_null(strstr(d.rep.text, pid));
	assert_true(client_hung_up(&d));
	client_close(&d);
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_answer(&c), 0);
	assert_int_equal(client_attach(&d, "x{0"), -EBUSY);
	client_close(&d);
	client_take(&c, 10);
	client_close(&c);
	UNTIL(consumer_is("detached"));
	assert_int_equal(client_attach(&d, "x{0"), 0);
	/* What the first left in its ring is counted as its own; the rest is the second's. */
	client_drain(&d, CHAN_EOF);
	view_take("e");
	assert_int_equal(10 + view_num("channels.0.unread_pkts") + d.count[0], RIG_PKTS);
	client_close(&d);
}

static void
pending_hangs_up(void **state)
{
	rig_engine("e", "x{0");
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	client_close(&c);
	for (int rc = -EBUSY; rc == -EBUSY;) { /* until the daemon has noticed */
		client_ask(&c, CHAN_OP_QUERY, "x{0");
		assert_int_equal(client_answer_plain(&c), 0);
		rc = c.rep.busy_pid != 0 ? -EBUSY : 0;
		client_close(&c);
	}
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_answer(&c), 0);
	client_close(&c);
}

static void
wrong_names(void **state)
{
	static const char *const wrong[] = {"x{1", "", "x", "x}0", "pacf:x{0", "x{0 ", "X{0"};

	rig_engine("e", "x{0");
	OK(rig_open("e", "y{7"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(client_attach(&c, wrong[i]), -ENOENT);
		assert_non_null(strstr(c.rep.text, "pacf:x}0 pacf:y}7"));
		client_close(&c);
	}
	client_ask(&c, CHAN_OP_QUERY, "x{1");
	assert_int_equal(client_answer_plain(&c), -ENOENT);
	client_close(&c);
	OK(ctl_engine_delete(ctl, "e", &err));
	assert_int_equal(client_attach(&c, "x{0"), -ENOENT);
	assert_non_null(strstr(c.rep.text, "has none")); /* a whole sentence */
	client_close(&c);
}

/* Two engines have it: two lanes, once both run. */
static void
lane_per_engine(void **state)
{
	rig_engine("e", "x{0");
	rig_engine("f", "x{0");
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(ctl_wait(ctl, "e", 0.05, NULL, &err), -ETIMEDOUT, NULL, NULL);
	OK(ctl_engine_start(ctl, "f", &err));
	assert_int_equal(client_answer(&c), 0);
	assert_int_equal(c.lanes, 2);
	assert_int_equal(client_drain(&c, CHAN_EOF), 2 * RIG_PKTS);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	OK(ctl_wait(ctl, "f", 30, NULL, &err));
	client_close(&c);
}

/* Closed: what is in the ring stays the application's, whatever the engine receives meanwhile.
 */
static void
closed_under_it(void **state)
{
	static uint8_t before[4096][64];
	struct chan_desc desc;

	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open_copy("e", "x{0", "wait"));
	OK(rig_open_copy("e", "y{0", "wait"));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_attach(&d, "y{0"), 0);
	UNTIL(chan_rx_avail(&c.rx[0]) == 4096);
	for (uint32_t i = 0; i < 4096; i++) {
		assert_true(chan_rx_peek(&c.rx[0], i, &desc));
		memcpy(before[i], c.rx[0].pool + desc.off, desc.len < 64 ? desc.len : 64);
	}
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	assert_int_equal(chan_rx_state(&c.rx[0]), CHAN_CLOSED);
	OK(rig_open_copy("e", "x{0", "drop")); /* the name is free again */
	client_take(&d, 20 * RIG_PKTS);	       /* the other goes on */
	for (uint32_t i = 0; i < 4096; i++) {
		assert_true(chan_rx_peek(&c.rx[0], i, &desc));
		assert_memory_equal(
			before[i], c.rx[0].pool + desc.off, desc.len < 64 ? desc.len : 64);
	}
	assert_int_equal(client_drain(&c, CHAN_CLOSED), 4096);
	client_close(&c);
	OK(ctl_engine_stop(ctl, "e", &err));
	client_drain(&d, CHAN_CLOSED);
	client_close(&d);
}

/* Nobody reads it to its end: the application goes, and its frames come back. */
static void
closed_and_left(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open_copy("e", "y{0", "wait"));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_attach(&d, "y{0"), 0);
	for (int i = 0; i < 300; i++) { /* more than there are numbers for channels */
		OK(rig_open("e", "x{0"));
		assert_int_equal(client_attach(&c, "x{0"), 0);
		client_take(&d, 10);
		OK(ctl_channel_close(ctl, "e", "x{0", &err));
		client_close(&c);
		view_take("e");
		view_check_ledger();
	}
	client_close(&d);
}

/* One of two engines runs again: the application gets a lane of the new run. */
static void
lane_of_a_later_run(void **state)
{
	struct chan_rx *later = &c.rx[2];

	for (int i = 0; i < 2; i++) {
		OK(rig_new(i == 0 ? "e" : "f"));
		OK(rig_link(i == 0 ? "e" : "f", 0));
		OK(rig_open(i == 0 ? "e" : "f", "x{0"));
		OK(ctl_engine_start(ctl, i == 0 ? "e" : "f", &err));
		if (i == 0)
			assert_int_equal(client_attach(&c, "x{0"), 0);
	}
	client_lane(&c); /* f came later */
	assert_int_equal(c.lanes, 2);
	OK(ctl_engine_stop(ctl, "e", &err));
	assert_int_equal(chan_rx_state(&c.rx[0]), CHAN_CLOSED);
	assert_int_equal(chan_rx_state(&c.rx[1]), CHAN_OPEN);
	OK(ctl_engine_start(ctl, "e", &err));
	client_lane(&c);
	UNTIL(chan_rx_avail(later) == 4096);
	assert_int_equal(client_attach(&d, "x{0"), -EBUSY);
	client_close(&d);
	OK(ctl_engine_stop(ctl, "e", &err));
	OK(ctl_engine_stop(ctl, "f", &err));
	client_drain(&c, CHAN_CLOSED);
	client_close(&c);
}

/* A new run needs a new attachment; the old one ends with its run. */
static void
stop_and_start(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open("e", "x{0"));
	OK(ctl_engine_start(ctl, "e", &err));
	for (uint32_t i = 0; i < 3; i++) {
		UNTIL((client_attach(&c, "x{0") == 0) || (client_close(&c), false));
		client_take(&c, 100);
		OK(ctl_engine_stop(ctl, "e", &err));
		client_drain(&c, CHAN_CLOSED);
		client_close(&c);
		view_take("e");
		view_check_ledger();
		assert_int_equal(view_num("channels.0.waiting"), 0);
		assert_int_equal(view_num("channels.0.unread_pkts"),
			view_num("channels.0.delivered_pkts") - 100 * (i + 1));
		OK(ctl_engine_start(ctl, "e", &err));
	}
}

static void
deleted_while_pending(void **state)
{
	rig_engine("e", "x{0");
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	OK(ctl_engine_delete(ctl, "e", &err));
	/* Refused or hung up on, by whether the request had been read; never left waiting. */
	assert_true(client_answer(&c) < 0);
	client_close(&c);
}

static void
liar_is_sent_away(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open_copy("e", "x{0", "drop"));
	OK(rig_open_copy("e", "y{0", "wait"));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(client_attach(&d, "y{0"), 0);
	for (uint64_t lie = 1; lie != 0; lie <<= 8) {
		assert_int_equal(client_attach(&c, "x{0"), 0);
		client_take(&d, 100);
		atomic_store(&c.rx[0].cursor->word, lie * 0xfe + 0x7fffffff);
		client_take(&d, 10000);
		assert_true(client_hung_up(&c));
		client_close(&c);
		client_take(&d, 100);
	}
	view_take("e");
	view_check_ledger();
	client_close(&d);
}

/* Each once, whoever has it, however many: 255 replies are more than a socket's buffer. */
static void
list(void **state)
{
	const struct ctl_channel_args args = {.engine = "e", .channel = "x{0", .size = 8};
	struct ctl_channel_args more = args;
	char name[32];
	int n = 0;

	OK(rig_new("e"));
	OK(rig_new("f"));
	more.channel = name;
	for (int i = 0; i < CTL_MAX_CHANNELS; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		OK(ctl_channel_open(ctl, &more, &err));
	}
	OK(rig_open("f", "x{3"));
	client_ask(&c, CHAN_OP_LIST, "");
	os_sleep_ns(200000000); /* a slow reader */
	while (client_answer_plain(&c) == 0) {
		snprintf(name, sizeof(name), "x{%d", n++);
		assert_string_equal(c.rep.name, name);
		assert_string_equal(c.rep.text, "Host PACF engine e, SAMPLE");
	}
	assert_int_equal(c.error, 0);
	assert_int_equal(c.rep.status, -ENODATA);
	assert_int_equal(n, CTL_MAX_CHANNELS);
	client_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_the_start),
		TEST(after_the_start),
		TEST(empty_capture),
		TEST(one_at_a_time),
		TEST(pending_hangs_up),
		TEST(wrong_names),
		TEST(lane_per_engine),
		TEST(closed_under_it),
		TEST(closed_and_left),
		TEST(lane_of_a_later_run),
		TEST(stop_and_start),
		TEST(deleted_while_pending),
		TEST(liar_is_sent_away),
		TEST(list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
