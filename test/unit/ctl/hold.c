/*
 * Test of channels that hold: over the comings and goings of applications, a stop of the
 * engine, another link type and the channel's end; and what is refused.
 */
#include "rules.h"

#include <stdio.h>

static struct client c;

static uint64_t
channel_num(const char *key)
{
	char path[96];

	snprintf(path, sizeof(path), "channels.0.%s", key);
	view_take("e");
	return view_num(path);
}

static bool
ended(void)
{
	view_take("e");
	return strcmp(view_str("state"), "ended") == 0;
}

/* The capture is read, and all of it held, by a channel of that size. */
static void
hold_in(const char *action, uint32_t size)
{
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .action = action, .when_detached = "hold", .hold_bytes = 1 << 20,
		.size = size));
	OK(ctl_engine_start(ctl, "e", &err));
	UNTIL(ended());
	assert_int_equal(channel_num("held"), RIG_PKTS);
	assert_int_equal(channel_num("hold_bytes"), 1 << 20);
	view_check_ledger();
}

static void
hold_all(const char *action)
{
	hold_in(action, 0);
}

static void
detached(void)
{
	client_close(&c);
	UNTIL((view_take("e"), strcmp(view_str("channels.0.state"), "detached") == 0));
}

/* Each gets what the one before it had not given back, the last one the end. */
static void
one_after_the_other(void **state)
{
	hold_all("COPY");
	REFUSED(ctl_wait(ctl, "e", 0.05, NULL, &err), -ETIMEDOUT, "has not ended", NULL);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(client_attach(&c, "x{0"), 0);
		client_take(&c, i * 5);
		detached();
	}
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS - 19 * 20 / 2 * 5);
	OK(ctl_wait(ctl, "e", 20, NULL, &err));
	assert_int_equal(channel_num("delivered_pkts"), RIG_PKTS);
	assert_int_equal(channel_num("unread_pkts"), 0);
	view_check_ledger();
	detached();
}

/* It stops, and reads the capture once more. */
static void
over_a_stop(void **state)
{
	hold_all("SAMPLE");
	assert_int_equal(client_attach(&c, "x{0"), 0);
	client_take(&c, 10);
	detached();
	OK(ctl_engine_stop(ctl, "e", &err));
	assert_int_equal(channel_num("held") + channel_num("waiting"), RIG_PKTS - 10);
	view_check_ledger();
	OK(ctl_engine_start(ctl, "e", &err));
	UNTIL(ended());
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), 2 * RIG_PKTS - 10);
	view_take("e");
	view_check_ledger();
	detached();
}

/* What is held is of a link type that the engine does not read any more. */
static void
another_link_type(void **state)
{
	char path[160];
	const struct ctl_link_args args = {.engine = "e", .ifname = path, .qid = -1, .loop = 1};

	snprintf(path, sizeof(path), "%s/raw.pcap", rig_dir);
	rig_write(path, 7, 101, false);
	hold_all("COPY");
	OK(ctl_engine_stop(ctl, "e", &err));
	OK(ctl_unlink(ctl, "e", rig_capture, &err));
	OK(ctl_link(ctl, &args, &err));
	OK(ctl_engine_start(ctl, "e", &err));
	UNTIL(ended());
	assert_int_equal(channel_num("held"), 7);
	assert_int_equal(channel_num("drop_no_consumer_pkts"), RIG_PKTS);
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), 7);
	detached();
}

/* The channel is closed: running, with a rest; and stopped.  Its group's sums still hold. */
static void
closed(void **state)
{
	for (int stopped = 0; stopped < 2; stopped++) {
		hold_all("SAMPLE");
		assert_int_equal(client_attach(&c, "x{0"), 0);
		client_take(&c, 10);
		detached();
		if (stopped)
			OK(ctl_engine_stop(ctl, "e", &err));
		OK(ctl_channel_close(ctl, "e", "x{0", &err));
		view_take("e");
		view_check_ledger();
		assert_int_equal(view_num("groups.0.closed.received_pkts"), RIG_PKTS);
		assert_int_equal(view_num("groups.0.closed.delivered_pkts") +
					 view_num("groups.0.closed.drop_no_consumer_pkts"),
			RIG_PKTS);
		OK(ctl_engine_delete(ctl, "e", &err));
	}
}

/* An application reads on while its channel is closed: first it gets what is held. */
static void
closed_while_read(void **state)
{
	hold_in("COPY", 64); /* not all of it has gone into the ring, with the end behind it */
	assert_int_equal(client_attach(&c, "x{0"), 0);
	client_take(&c, 10);
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	assert_int_equal(client_drain(&c, CHAN_CLOSED), RIG_PKTS);
	client_close(&c);
}

static void
refused(void **state)
{
	OK(rig_new("e"));
	REFUSED(OPEN("pcap:/tmp/x", .when_detached = "hold"), -EINVAL, "pacf: channels", NULL);
	REFUSED(OPEN("x{0", .when_detached = "hold", .action = "DROP"), -EINVAL, "\"pacf:x{0\"",
		"SAMPLE or COPY");
	REFUSED(OPEN("x{0", .hold_bytes = 4096), -EINVAL, "hold_bytes=4096", "\"hold\"");
	REFUSED(OPEN("x{0", .when_detached = "hold", .hold_bytes = 4095), -EINVAL,
		"hold_bytes=4095", "4096 to 1099511627776");
	REFUSED(OPEN("x{0", .when_detached = "hold", .hold_bytes = UINT64_C(1) << 40), -ENOMEM,
		"needs 1048576 MiB", "set hold_bytes");
	REFUSED(OPEN("x{0", .when_full = "hold"), -EINVAL, "when_full=\"hold\"", "drop, wait");
	OK(OPEN("x{0", .when_detached = "hold"));
	assert_int_equal(channel_num("hold_bytes"), 64 << 20);
	REFUSED(OPEN("x{0", .when_detached = "hold"), -EEXIST, "open already", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(one_after_the_other), TEST(over_a_stop),
		TEST(another_link_type), TEST(closed), TEST(closed_while_read), TEST(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
