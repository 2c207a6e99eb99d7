/*
 * Test of fragments in a running engine: later ones go where their first one went, also when a
 * plan that asks for other digests comes while the burst that they are in is stalled.
 *
 * The traffic: the first fragments of all datagrams, then their second ones, and so on, all of
 * one pair of addresses: by what is in it, a later one goes where all of them would.  Among
 * them are whole packets, each of a flow of its own.
 */
#include "rig.h"

#include <stdlib.h>

#define DATAGRAMS 16u
#define N	  (4 * DATAGRAMS)
#define SINKS	  4u

static struct traffic traffic;
static struct rig r;
static struct consumer witness;
static struct dp_view view;
static void *table;

static bool
is_whole(uint32_t packet)
{
	return packet % 4 == 3;
}

/* The packet by which it goes. */
static uint32_t
leader_of(uint32_t packet)
{
	return is_whole(packet) ? packet : packet % DATAGRAMS;
}

static void
make_packets(void)
{
	traffic_make(&traffic, N, 1, 0);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t *p = traffic.bytes + (traffic.pkts[i].data - traffic.bytes);

		p[19] = (uint8_t)(i % DATAGRAMS + 1);
		p[20] = is_whole(i) ? 0 : 0x20; /* more follow */
		p[21] = (uint8_t)(is_whole(i) ? 0 : i / DATAGRAMS * 8);
		memcpy(p + 26, "\x0a\0\0\x01\x0a\0\0\x02", 8);
		p[34] = 0x40;
		p[35] = (uint8_t)i;
	}
}

static int
setup(void **state)
{
	rig_init(&r, &traffic, 1, 2 * IO_BURST_MAX + 4 * 128);
	table = aligned_alloc(PKT_FRAG_ALIGN, pkt_frag_bytes(64));
	assert_non_null(table);
	r.engine->follow.frags = pkt_frag_init(table, 64, PKT_FRAG_LIFE_NS);
	for (uint32_t i = 0; i < SINKS; i++)
		rig_record(&r, RIG_SAMPLE, 0);
	return 0;
}

static int
teardown(void **state)
{
	consumer_join(&witness, CHAN_EOF);
	assert_whole(&witness.got, N);
	rig_stop(&r);
	consumer_free(&witness);
	rig_free(&r);
	free(table);
	return 0;
}

/* The sink of sinks first..first+SINKS-1 that got a packet; SINKS: none. */
static uint32_t
sink_of(uint32_t first, uint32_t packet)
{
	uint32_t sink = SINKS;

	for (uint32_t s = 0; s < SINKS; s++) {
		const struct record *got = &r.channels[first + s].record;

		for (uint32_t i = 0; i < got->n; i++)
			if (got->seen[i] == packet) {
				assert_int_equal(sink, SINKS); /* once */
				sink = s;
			}
	}
	return sink;
}

/* Where the map has it by what is in it. */
static uint32_t
sink_wanted(uint32_t group, const char *name, uint32_t packet)
{
	uint64_t digests[PKT_FIELDS_MAX];
	struct pkt_flow flow;
	const struct io_mem_pkt *pkt = &traffic.pkts[packet];

	pkt_digests(pkt->data, pkt->len, PKT_LINK_ETHER, &r.engine->conf, digests, &flow);
	return r.maps[group]
		     [pkt_bucket(digests[r.fields[group]], pkt_group_key(RIG_SEED, name))];
}

static void
check_followed(void)
{
	uint32_t elsewhere = 0;

	for (uint32_t i = 0; i < N; i++) {
		uint32_t wanted = sink_wanted(0, "default", leader_of(i));

		assert_int_equal(sink_of(0, i), wanted);
		elsewhere += wanted != sink_wanted(0, "default", i);
	}
	assert_true(elsewhere > N / 4); /* or there is nothing to be seen */
}

static void
they_follow(void **state)
{
	consumer_start(&witness, &r, rig_open(&r, RIG_COPY, 0, 128, true), UINT32_MAX);
	rig_start(&r);
	UNTIL(atomic_load(&r.engine->ended));
	check_followed();
	rig_view(&r, &view);
	assert_int_equal(view.engine.frag_first_pkts, DATAGRAMS / 4 * 3);
	assert_int_equal(view.engine.frag_followed_pkts, (N - DATAGRAMS) / 4 * 3);
	assert_int_equal(view.engine.frag_held_pkts, 0);
}

/* The witness has room for so many packets; the next one, a later fragment, stalls the engine.
 * Then comes a group that splits by other fields. */
static void
plan_comes_while_stalled(uint32_t room, uint32_t batch)
{
	uint32_t first, number = rig_open(&r, RIG_COPY, 0, room, true);

	r.engine->batch = batch;
	consumer_start(&witness, &r, number, 0);
	rig_start(&r);
	UNTIL((rig_view(&r, &view), view.engine.stalled_turns > 0));
	assert_int_equal(view.engine.received_pkts, room);
	first = rig_record(&r, RIG_SAMPLE, 1);
	for (uint32_t i = 1; i < SINKS; i++)
		rig_record(&r, RIG_SAMPLE, 1);
	r.fields[1] = PKT_FIELDS_VLAN_5TUPLE;
	rig_publish(&r);
	atomic_store(&witness.limit, UINT32_MAX);
	UNTIL(atomic_load(&r.engine->ended));
	check_followed();
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(sink_of(first, i),
			i < room ? SINKS : sink_wanted(1, "one", leader_of(i)) - first);
}

static void
stalled_at_the_first_packet(void **state)
{
	plan_comes_while_stalled(DATAGRAMS, DATAGRAMS);
}

static void
stalled_in_the_middle(void **state)
{
	plan_comes_while_stalled(2 * DATAGRAMS, IO_BURST_MAX);
}

static void
stalled_at_a_first_fragment(void **state)
{
	plan_comes_while_stalled(DATAGRAMS / 2, IO_BURST_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_follow),
		TEST(stalled_at_the_first_packet),
		TEST(stalled_in_the_middle),
		TEST(stalled_at_a_first_fragment),
	};
	int failed;

	make_packets();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	traffic_free(&traffic);
	return failed;
}
