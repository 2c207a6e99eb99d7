/*
 * rig: see rig.h; here the engine, its channels and plans.
 */
#include "rig.h"

#include <stdlib.h>
#include <unistd.h>

static void *
zeroed(size_t bytes)
{
	void *mem = calloc(1, bytes);

	assert_non_null(mem);
	return mem;
}

static uint32_t
record_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct record *r = priv;
	uint32_t i;

	for (i = 0; i < n && r->n < r->takes && r->n < r->room; i++)
		r->seen[r->n++] = pkts[i]->ts_ns;
	return i;
}

static int
record_flush(void *priv)
{
	((struct record *)priv)->flushes++;
	return 0;
}

static const struct io_sink_ops record_ops = {
	.name = "record", .tx = record_tx, .flush = record_flush};

void
assert_whole(const struct record *got, uint32_t n)
{
	assert_int_equal(got->n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(got->seen[i], i);
}

void
rig_init(struct rig *r, const struct traffic *t, uint64_t loop, uint32_t frames)
{
	struct io_source_cfg cfg = {.qid = -1, .loop = loop};
	struct io_source_info info;
	struct io_err err;
	struct dp_link *link;

	memset(r, 0, sizeof(*r));
	r->traffic = t;
	r->engine = aligned_alloc(CHAN_LINE, sizeof(*r->engine));
	assert_non_null(r->engine);
	memset(r->engine, 0, sizeof(*r->engine));
	memset(r->maps, DP_NOBODY, sizeof(r->maps));
	r->engine->batch = IO_BURST;
	r->engine->bell_fd = os_bell_create();
	r->engine->ctl_bell_fd = os_bell_create();
	pkt_conf_init(&r->engine->conf, RIG_SEED);
	assert_int_equal(io_pool_create(&r->engine->pool, frames, RIG_LARGE), 0);
	link = &r->engine->links[r->engine->nlinks++];
	link->ops = &io_source_mem;
	link->priv = zeroed(link->ops->priv_bytes);
	link->link = PKT_LINK_ETHER;
	io_mem_set(link->priv, t->pkts, t->n, 1, false);
	assert_int_equal(link->ops->open(link->priv, &cfg, &info, &err), 0);
	assert_int_equal(link->ops->start(link->priv, &r->engine->pool, &err), 0);
}

static void
plan_free(struct dp_plan *plan)
{
	for (uint32_t i = 0; plan != NULL && i < plan->ngroups; i++)
		free(plan->groups[i]);
	free(plan);
}

static void
lane_free(struct dp_lane **lane)
{
	chan_tx_destroy(&(*lane)->tx);
	free(*lane);
	*lane = NULL;
}

void
rig_hold(struct rig *r, uint32_t number, uint64_t bytes)
{
	struct dp_backlog *b = zeroed(sizeof(*b));

	b->mem = zeroed(bytes);
	b->bytes = bytes;
	r->channels[number].sink.backlog = b;
	r->channels[number].wait_detached = false;
}

static void
backlog_free(struct dp_sink *sink)
{
	if (sink->backlog == NULL)
		return;
	free(sink->backlog->mem);
	free(sink->backlog);
	sink->backlog = NULL;
}

/* The engine has a new plan: has it done with what an application left? */
static void
rest_review(struct rig_channel *ch)
{
	if (ch->rest != NULL && ch->sink.backlog->rest != ch->rest)
		lane_free(&ch->rest);
}

void
rig_free(struct rig *r)
{
	struct dp_link *link = &r->engine->links[0];

	rig_stop(r);
	for (uint32_t i = 0; i < RIG_CHANNELS; i++) {
		uint32_t frame;

		free(r->channels[i].record.seen);
		if (r->channels[i].sink.backlog != NULL)
			dp_backlog_drop(r->engine, &r->channels[i].sink);
		rest_review(&r->channels[i]);
		backlog_free(&r->channels[i].sink);
		if (r->channels[i].lane == NULL)
			continue;
		while (chan_tx_reclaim(&r->channels[i].lane->tx, &frame))
			io_pool_put(&r->engine->pool, frame);
		lane_free(&r->channels[i].lane);
		close(r->channels[i].bell);
	}
	assert_int_equal(io_pool_held(&r->engine->pool), 0);
	plan_free(r->plan);
	link->ops->close(link->priv);
	free(link->priv);
	io_pool_destroy(&r->engine->pool);
	close(r->engine->bell_fd);
	close(r->engine->ctl_bell_fd);
	free(r->engine);
}

static void
map_update(struct rig *r, uint32_t group)
{
	uint8_t members[RIG_CHANNELS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < RIG_CHANNELS; i++)
		if (r->channels[i].used && r->channels[i].action == RIG_SAMPLE &&
			r->channels[i].group == group)
			members[n++] = (uint8_t)i;
	dp_map_update(r->maps[group], members, n);
}

uint32_t
rig_open(struct rig *r, enum rig_action action, uint32_t group, uint32_t slots, bool wait)
{
	struct rig_channel *ch;
	uint32_t number = 0;

	while (r->channels[number].used)
		number++;
	assert_true(number < RIG_CHANNELS);
	ch = &r->channels[number];
	assert_null(ch->lane);
	rest_review(ch);
	backlog_free(&ch->sink);
	free(ch->record.seen);
	memset(ch, 0, sizeof(*ch));
	ch->used = true;
	ch->action = action;
	ch->group = group;
	ch->slots = slots;
	ch->wait_full = ch->wait_detached = wait;
	if (action == RIG_SAMPLE)
		map_update(r, group);
	return number;
}

uint32_t
rig_record(struct rig *r, enum rig_action action, uint32_t group)
{
	uint32_t number = rig_open(r, action, group, 0, false);
	struct rig_channel *ch = &r->channels[number];

	ch->record.room = 2 * r->traffic->n + 1;
	ch->record.takes = UINT32_MAX;
	ch->record.seen = zeroed(ch->record.room * sizeof(*ch->record.seen));
	ch->sink.ops = &record_ops;
	ch->sink.priv = &ch->record;
	return number;
}

void
rig_close(struct rig *r, uint32_t number)
{
	assert_null(r->channels[number].lane);
	r->channels[number].used = false;
	if (r->channels[number].action == RIG_SAMPLE)
		map_update(r, r->channels[number].group);
}

void
rig_attach(struct rig *r, uint32_t number, struct chan_rx *rx)
{
	struct rig_channel *ch = &r->channels[number];
	struct chan_tx_cfg cfg = {.slots = ch->slots,
		.pool_bytes = r->engine->pool.bytes,
		.linktype = 1,
		.snaplen = IO_LARGE_BYTES,
		.ts_digits = 9};

	ch->bell = cfg.bell_fd = os_bell_create();
	assert_true(ch->bell >= 0);
	ch->lane = zeroed(sizeof(*ch->lane));
	assert_int_equal(chan_tx_create(&ch->lane->tx, &cfg), 0);
	assert_int_equal(chan_rx_map(rx, r->engine->pool.fd, ch->lane->tx.ring_fd,
				 ch->lane->tx.cursor_fd),
		0);
}

static void
plan_groups(struct rig *r, struct dp_plan *plan)
{
	static const char *const names[RIG_GROUPS] = {"default", "one", "two", "three"};

	for (uint32_t g = 0; g < RIG_GROUPS; g++) {
		struct dp_group *group;

		if (r->maps[g][0] == DP_NOBODY)
			continue;
		group = zeroed(sizeof(*group));
		group->stat = &r->groups[g];
		group->key = pkt_group_key(RIG_SEED, names[g]);
		group->fields = r->fields[g];
		plan->fields |= 1u << group->fields;
		plan->plain &= group->fields == PKT_FIELDS_5TUPLE;
		memcpy(group->map, r->maps[g], sizeof(group->map));
		plan->groups[plan->ngroups++] = group;
	}
}

static struct dp_plan *
plan_build(struct rig *r)
{
	struct dp_plan *plan = zeroed(sizeof(*plan));

	plan->generation = ++r->generation;
	plan->plain = true;
	plan->fields = 1u << PKT_FIELDS_5TUPLE;
	for (uint32_t i = 0; i < RIG_CHANNELS; i++) {
		struct rig_channel *ch = &r->channels[i];

		if (!ch->used)
			continue;
		plan->routes[i] = (struct dp_route){.sink = &ch->sink,
			.lane = ch->lane,
			.wait_full = ch->wait_full,
			.wait_detached = ch->wait_detached};
		plan->nroutes = i + 1;
		plan->any_wait |= ch->wait_full || ch->wait_detached;
		plan->drop_all |= ch->action == RIG_DROP;
		if (ch->action == RIG_COPY)
			plan->copy[plan->ncopy++] = (uint8_t)i;
	}
	plan_groups(r, plan);
	return plan;
}

static void
hand_over(struct rig *r, struct dp_plan *plan)
{
	struct dp_engine *e = r->engine;

	if (r->running) {
		atomic_store_explicit(&e->next, plan, memory_order_release);
		os_bell_ring(e->bell_fd);
		UNTIL(atomic_load_explicit(&e->acked, memory_order_acquire) ==
			plan->generation);
	} else {
		dp_plan_enter(e, plan);
		dp_split_finish(e);
	}
	plan_free(r->plan);
	r->plan = plan;
	for (uint32_t i = 0; i < RIG_CHANNELS; i++)
		rest_review(&r->channels[i]);
}

void
rig_publish(struct rig *r)
{
	hand_over(r, plan_build(r));
}

void
rig_detach(struct rig *r, uint32_t number)
{
	struct rig_channel *ch = &r->channels[number];
	struct dp_lane *lane = ch->lane;
	struct dp_plan *plan;

	ch->lane = NULL;
	plan = plan_build(r);
	plan->retired[plan->nretired].lane = lane;
	plan->retired[plan->nretired].keep = ch->sink.backlog != NULL;
	plan->retired[plan->nretired++].sink = &ch->sink;
	hand_over(r, plan);
	close(ch->bell);
	if (ch->sink.backlog != NULL && ch->sink.backlog->rest == lane)
		ch->rest = lane;
	else
		lane_free(&lane);
}

static void *
thread_main(void *arg)
{
	dp_engine_run(arg);
	return NULL;
}

void
rig_start(struct rig *r)
{
	rig_publish(r);
	atomic_store(&r->engine->next, r->plan);
	assert_int_equal(pthread_create(&r->thread, NULL, thread_main, r->engine), 0);
	r->running = true;
}

void
rig_stop(struct rig *r)
{
	if (!r->running)
		return;
	atomic_store_explicit(&r->engine->stop, true, memory_order_release);
	os_bell_ring(r->engine->bell_fd);
	pthread_join(r->thread, NULL);
	r->running = false;
	r->held_at_end = io_pool_held(&r->engine->pool);
}

void
rig_load(struct rig *r, uint32_t first, uint32_t n)
{
	struct dp_engine *e = r->engine;

	e->burst = e->bursts[0];
	e->ahead = e->bursts[1];
	e->pos = 0;
	e->n = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct io_mem_pkt *p = &r->traffic->pkts[first + i];
		uint32_t frame = io_pool_get(&e->pool, p->len);

		assert_int_not_equal(frame, IO_NO_FRAME);
		e->burst[i] =
			(struct io_pkt){.data = e->pool.base + io_pool_off(&e->pool, frame),
				.ts_ns = p->ts_ns,
				.len = p->len,
				.wirelen = p->wirelen,
				.frame = frame};
		memcpy(e->burst[i].data, p->data, p->len);
		e->digests[PKT_FIELDS_5TUPLE][i] =
			pkt_digest(p->data, p->len, PKT_LINK_ETHER, &e->conf, &e->reason[i]);
	}
}

void
rig_feed(struct rig *r, uint32_t first, uint32_t n)
{
	while (n > 0) {
		uint32_t part = n < IO_BURST ? n : IO_BURST;

		rig_load(r, first, part);
		assert_int_equal(dp_split(r->engine), part);
		dp_split_finish(r->engine);
		first += part;
		n -= part;
	}
}
