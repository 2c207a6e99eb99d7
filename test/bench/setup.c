/*
 * bench/setup: engine, channels and plan.  Called by dispatch.c, before there are threads and
 * processes and after they have gone.
 */
#include "bench.h"
#include "os.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *
zeroed(size_t bytes)
{
	void *mem = aligned_alloc(CHAN_LINE, (bytes + CHAN_LINE - 1) / CHAN_LINE * CHAN_LINE);

	if (mem == NULL)
		bench_check(-1, "memory for the engine");
	return memset(mem, 0, bytes);
}

static void
setup_source(struct bench *b)
{
	struct io_source_cfg cfg = {.qid = -1, .loop = 0};
	struct dp_engine *e = b->engine;
	struct io_source_info info;
	struct io_err err;

	b->source = zeroed(io_source_mem.priv_bytes);
	io_mem_set(b->source, b->packets.pkts, BENCH_FLOWS, 1, true);
	bench_check(io_source_mem.open(b->source, &cfg, &info, &err), "open the mem source");
	bench_check(io_source_mem.start(b->source, &e->pool, &err), "start the mem source");
	e->links[0].ops = &bench_source;
	e->links[0].priv = b;
	e->links[0].link = PKT_LINK_ETHER;
	e->nlinks = 1;
}

static void
setup_engine(struct bench *b)
{
	struct dp_engine *e = b->engine = zeroed(sizeof(*e));

	strcpy(e->name, "bench");
	e->batch = IO_BURST;
	e->bell_fd = bench_check(os_bell_create(), "a bell");
	e->ctl_bell_fd = bench_check(os_bell_create(), "a bell");
	pkt_conf_init(&e->conf, BENCH_SEED);
	bench_check(io_pool_create(&e->pool, BENCH_FLOWS, 8), "the pool");
	e->follow.frags = pkt_frag_init(
		zeroed(pkt_frag_bytes(PKT_FRAG_ENTRIES)), PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
}

static void
setup_lane(struct bench *b, uint32_t c)
{
	struct chan_tx_cfg cfg = {.slots = BENCH_SLOTS,
		.pool_bytes = b->engine->pool.bytes,
		.linktype = 1,
		.snaplen = IO_LARGE_BYTES,
		.ts_digits = 9};

	b->bells[c] = cfg.bell_fd = bench_check(os_bell_create(), "a bell");
	bench_check(chan_tx_create(&b->lanes[c].tx, &cfg), "a ring");
}

static void
setup_plan(struct bench *b)
{
	static const uint8_t members[BENCH_CHANNELS] = {0, 1, 2, 3};
	struct dp_plan *plan = b->plan = zeroed(sizeof(*plan));

	plan->generation = 1;
	plan->plain = true;
	plan->fields = 1u << PKT_FIELDS_5TUPLE;
	plan->nroutes = BENCH_CHANNELS;
	plan->any_wait = b->what->wait;
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		plan->routes[c] = (struct dp_route){.sink = &b->sinks[c],
			.lane = &b->lanes[c],
			.wait_full = b->what->wait,
			.wait_detached = b->what->wait};
	if (b->what->copy) {
		memcpy(plan->copy, members, sizeof(members));
		plan->ncopy = BENCH_CHANNELS;
		return;
	}
	b->group = zeroed(sizeof(*b->group));
	b->group->stat = &b->group_stat;
	b->group->key = pkt_group_key(BENCH_SEED, "default");
	memset(b->group->map, DP_NOBODY, sizeof(b->group->map));
	dp_map_update(b->group->map, members, BENCH_CHANNELS);
	plan->groups[plan->ngroups++] = b->group;
}

void
bench_setup(struct bench *b, const struct bench_case *what)
{
	memset(b, 0, sizeof(*b));
	b->what = what;
	b->stint = what->copy ? BENCH_STINT_COPY : BENCH_STINT_SAMPLE;
	bench_packets_make(&b->packets, what);
	setup_engine(b);
	setup_source(b);
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		setup_lane(b, c);
	setup_plan(b);
	bench_reference_init(&b->reference, &b->engine->pool, bench_packets_l3(what->traffic));
}

void
bench_free(struct bench *b)
{
	bench_reference_free(&b->reference);
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		chan_tx_destroy(&b->lanes[c].tx);
		close(b->bells[c]);
	}
	io_source_mem.close(b->source);
	free(b->source);
	io_pool_destroy(&b->engine->pool);
	close(b->engine->bell_fd);
	close(b->engine->ctl_bell_fd);
	free(b->engine->follow.frags);
	free(b->engine);
	free(b->group);
	free(b->plan);
	bench_packets_free(&b->packets);
}
