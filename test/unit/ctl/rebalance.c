/*
 * Test of shares that go to others while an application is away.  Looks at the engine's map.
 */
#include "rules.h"

#include <stdio.h>

static struct client c, d;

static void
map_now(uint8_t *map)
{
	pthread_mutex_lock(&ctl->lock);
	memcpy(map, engine()->plan->groups[0]->map, PKT_BUCKETS);
	pthread_mutex_unlock(&ctl->lock);
}

/* Are so many applications waiting for the start (0: is nobody connected)? */
static bool
waiting(uint32_t n)
{
	const struct ctl_client *client;
	uint32_t pending = 0, others = 0;

	pthread_mutex_lock(&ctl->lock);
	TAILQ_FOREACH(client, &ctl->clients, entry)
	if (client->state == CTL_CLIENT_PENDING)
		pending++;
	else
		others++;
	pthread_mutex_unlock(&ctl->lock);
	return pending == n && others == 0;
}

/* Reads the map once it differs from the old one. */
static void
map_changes(const uint8_t *from, uint8_t *to)
{
	UNTIL((map_now(to), memcmp(from, to, PKT_BUCKETS) != 0));
}

static uint32_t
owned(const uint8_t *map, uint8_t route)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		n += map[b] == route;
	return n;
}

/* Only the buckets of `gone` are others', evenly those of `heirs`. */
static void
only_moved(const uint8_t *before, const uint8_t *after, uint8_t gone, const uint8_t *heirs,
	uint32_t n)
{
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		if (before[b] != gone)
			assert_int_equal(after[b], before[b]);
	assert_int_equal(owned(after, gone), 0);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t gain = owned(after, heirs[i]) - owned(before, heirs[i]);

		assert_in_range(gain, owned(before, gone) / n - 8, owned(before, gone) / n + 8);
	}
}

static void
rebalance(void **state)
{
	static uint8_t base[PKT_BUCKETS], one[PKT_BUCKETS], two[PKT_BUCKETS], now[PKT_BUCKETS];
	struct client who[4];
	char name[8];

	OK(rig_new("e"));
	OK(rig_link("e", 0));
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "x{%d", i);
		OK(OPEN(name, .when_full = "drop", .when_detached = "rebalance"));
		client_ask(&who[i], CHAN_OP_ATTACH, name);
		UNTIL(waiting((uint32_t)i + 1));
	}
	OK(ctl_engine_start(ctl, "e", &err));
	for (int i = 0; i < 4; i++)
		assert_int_equal(client_answer(&who[i]), 0);
	map_now(base);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(owned(base, i), PKT_BUCKETS / 4);
	client_close(&who[1]);
	map_changes(base, one);
	only_moved(base, one, 1, (const uint8_t[]){0, 2, 3}, 3);
	client_close(&who[3]);
	map_changes(one, two);
	only_moved(one, two, 3, (const uint8_t[]){0, 2}, 2);
	/* Back in the same order, and in the other one: everybody has what was his. */
	assert_int_equal(client_attach(&who[3], "x{3"), 0);
	map_now(now);
	assert_memory_equal(now, one, PKT_BUCKETS);
	assert_int_equal(client_attach(&who[1], "x{1"), 0);
	map_now(now);
	assert_memory_equal(now, base, PKT_BUCKETS);
	/* With nobody there: as if everybody were. */
	for (int i = 0; i < 4; i++)
		client_close(&who[i]);
	UNTIL((map_now(now), memcmp(now, base, PKT_BUCKETS) == 0));
	assert_int_equal(client_attach(&who[2], "x{2"), 0);
	map_now(now);
	assert_int_equal(owned(now, 2), PKT_BUCKETS);
	/* A channel that closes is not one whose application is away. */
	OK(ctl_channel_close(ctl, "e", "x{0", &err));
	map_now(now);
	assert_int_equal(owned(now, 2), PKT_BUCKETS);
	client_close(&who[2]);
}

/* Those who do not rebalance keep their share, and are no heirs while they are away. */
static void
rebalance_mixed(void **state)
{
	static uint8_t base[PKT_BUCKETS], map[PKT_BUCKETS];
	char file[128];

	snprintf(file, sizeof(file), "pcap:%s/out.pcap", rig_dir);
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .when_detached = "rebalance"));
	OK(OPEN("x{1", .when_detached = "drop"));
	OK(OPEN(file));
	memcpy(base, engine()->groups[0]->map, PKT_BUCKETS);
	OK(ctl_engine_start(ctl, "e", &err));
	map_now(map);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		assert_int_equal(map[b], base[b] == 0 ? 2 : base[b]);
	/* Nothing is lost of what was the first one's, and nobody waits for it. */
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	view_take("e");
	view_check_ledger();
	assert_int_equal(view_num("channels.0.received_pkts"), 0);
	assert_int_equal(view_num("channels.2.delivered_pkts") +
				 view_num("channels.1.drop_no_consumer_pkts"),
		RIG_PKTS);
}

/* Offline, with nobody there at all, the engine waits; the first to come gets everything. */
static void
rebalance_waits(void **state)
{
	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(OPEN("x{0", .when_detached = "rebalance"));
	OK(OPEN("x{1", .when_detached = "rebalance"));
	OK(ctl_engine_start(ctl, "e", &err));
	REFUSED(ctl_wait(ctl, "e", 0.1, NULL, &err), -ETIMEDOUT, NULL, NULL);
	assert_int_equal(client_attach(&c, "x{1"), 0);
	assert_int_equal(client_drain(&c, CHAN_EOF), RIG_PKTS);
	OK(ctl_wait(ctl, "e", 30, NULL, &err));
	client_close(&c);
}

/* Those who came before the start have all their packets from the first one on. */
static void
rebalance_before_the_start(void **state)
{
	uint64_t expected[2] = {0};

	for (int round = 0; round < 2; round++) {
		OK(rig_new("e"));
		OK(rig_link("e", 1));
		OK(OPEN("x{0", .when_detached = round ? "rebalance" : "wait"));
		OK(OPEN("x{1", .when_detached = round ? "rebalance" : "wait"));
		client_ask(&c, CHAN_OP_ATTACH, "x{0");
		client_ask(&d, CHAN_OP_ATTACH, "x{1");
		UNTIL(waiting(2));
		OK(ctl_engine_start(ctl, "e", &err));
		assert_int_equal(client_answer(&c), 0);
		assert_int_equal(client_answer(&d), 0);
		client_drain(&c, CHAN_EOF);
		client_drain(&d, CHAN_EOF);
		if (round == 0) {
			expected[0] = c.count[0];
			expected[1] = d.count[0];
		}
		assert_int_equal(c.count[0], expected[0]);
		assert_int_equal(d.count[0], expected[1]);
		client_close(&c);
		client_close(&d);
		OK(ctl_engine_delete(ctl, "e", &err));
		UNTIL(waiting(0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rebalance),
		TEST(rebalance_mixed),
		TEST(rebalance_waits),
		TEST(rebalance_before_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
