/*
 * dp/engine: the thread's loop.  Called by the control plane's thread start; runs until `stop`.
 * Invariant: between two turns nothing is staged and everything put into a ring is visible; and
 * before the thread naps past the time when a sleeper is to be woken, ends or changes its plan,
 * every sleeper is woken and every counter shared.
 */
#include "dp.h"
#include "digest.h"
#include "os.h"

#define SPIN_TURNS 32u /* turns without progress before the first nap */
/* Full bursts, after which the next follows at once, until sleepers are woken and counters
 * shared.  A bell for an idle CPU costs as much as a burst.  A ring half full does not wait. */
#define BUSY_TURNS 64u
/* Smaller bursts: who sleeps is woken at once if nobody was for that long, else when that time
 * is over.  1 Mpps from AF_XDP over four channels: 267 ns of a packet in daemon and consumers;
 * with half of that time 314, without 360 (2026). */
#define WAKE_EVERY_NS 2000000u

void
dp_link_end(struct dp_engine *engine, struct dp_link *link, int why)
{
	link->ended = true;
	engine->live--;
	if (why == IO_ERROR)
		atomic_store_explicit(&link->failed, true, memory_order_release);
}

/* Every digest that groups may ask for, of packets first..n-1. */
static void
burst_digest_all(struct dp_engine *engine, uint32_t first, enum pkt_link link)
{
	uint64_t digests[PKT_FIELDS_MAX];
	struct pkt_flow flow;

	engine->odd = true;
	for (uint32_t i = first; i < engine->n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];

		if (engine->burst == engine->mixed && engine->reason[i] == PKT_FRAGMENT)
			continue; /* its first one's, all of them */
		pkt_digests(pkt->data, pkt->len, link, &engine->conf, digests, &flow);
		engine->reason[i] = flow.reason;
		for (uint32_t f = 0; f < PKT_FIELDS_MAX; f++)
			engine->digests[f][i] = digests[f];
	}
}

static void
burst_digest_plain(struct dp_engine *engine, enum pkt_link link)
{
	const struct io_pkt *burst = engine->burst;
	uint8_t odd = 0;

	for (uint32_t i = 0; i < engine->n; i++) {
		engine->digests[PKT_FIELDS_5TUPLE][i] = pkt_digest_inline(
			burst[i].data, burst[i].len, link, &engine->conf, &engine->reason[i]);
		odd |= engine->reason[i];
	}
	engine->odd = odd != PKT_OK;
}

static bool
burst_has_fragments(const struct dp_engine *engine)
{
	bool has = false;

	for (uint32_t i = 0; engine->odd && i < engine->n; i++)
		has |= engine->reason[i] == PKT_FRAGMENT ||
		       engine->reason[i] == PKT_FIRST_FRAGMENT;
	return has;
}

static void
burst_digest(struct dp_engine *engine, enum pkt_link link)
{
	const struct dp_plan *plan = engine->plan;
	bool held = dp_hold_count(&engine->follow.hold) > 0;

	/* Nobody gets any; and a plan with channels does not come before they are dropped. */
	if (plan->ngroups == 0 && plan->ncopy == 0 && !held)
		return;
	if ((plan->fields & ~(1u << PKT_FIELDS_5TUPLE)) != 0)
		burst_digest_all(engine, 0, link);
	else
		burst_digest_plain(engine, link);
	if (held || (plan->fields != 0 && engine->follow.frags != NULL &&
			    burst_has_fragments(engine)))
		dp_defrag(engine);
}

static void
plan_check(struct dp_engine *engine)
{
	/* Pairs with control's release store: the plan's contents are complete. */
	struct dp_plan *next = atomic_load_explicit(&engine->next, memory_order_acquire);
	uint32_t known;

	if (next == engine->plan)
		return;
	if (engine->ntouched > 0)
		dp_split_finish(engine);
	known = engine->plan != NULL ? engine->plan->fields : 0;
	dp_plan_enter(engine, next);
	if (engine->pos < engine->n && (next->fields & ~known) != 0)
		burst_digest_all(engine, engine->pos, engine->links[engine->link].link);
	if (atomic_load_explicit(&engine->ended, memory_order_relaxed))
		dp_lanes_finish(engine, CHAN_EOF);
	dp_split_finish(engine);
	/* Pairs with control's acquire: the old plan and its lanes are no longer used. */
	atomic_store_explicit(&engine->acked, next->generation, memory_order_release);
}

/* Receives from the next link in turn into `ahead`; false if nothing came. */
static bool
burst_receive(struct dp_engine *engine)
{
	bool low = engine->pool.nfree < 2 * engine->batch;
	struct dp_link *link;
	int got;

	if (engine->reorder != NULL)
		return dp_order_receive(engine);
	engine->ahead_link =
		engine->ahead_link + 1 < engine->nlinks ? engine->ahead_link + 1 : 0;
	link = &engine->links[engine->ahead_link];
	if (link->ended)
		return false;
	if (low)
		dp_take_back(engine, true);
	got = link->ops->rx(link->priv, engine->ahead, engine->batch);
	if (got < 0) {
		dp_link_end(engine, link, got);
		return false;
	}
	engine->nahead = (uint32_t)got;
	return got > 0;
}

/*
 * Makes the next burst the current one; false if there is none.  The one after it is received
 * at once, unless its source may wait for packets: so its headers, which miss the caches and
 * the TLB, can be fetched while this one is split.
 */
static bool
burst_next(struct dp_engine *engine)
{
	engine->pos = engine->n = 0;
	if (engine->nahead == 0 && !burst_receive(engine))
		return false;
	engine->burst = engine->ahead;
	engine->raw ^= 1;
	engine->ahead = engine->bursts[engine->raw ^ 1];
	engine->n = engine->nahead;
	engine->link = engine->ahead_link;
	engine->nahead = 0;
	if (!engine->eager)
		burst_receive(engine);
	dp_take_back(engine, false);
	if (engine->plan->ndrop > 0)
		dp_drop_matching(engine);
	engine->top_weight = dp_top_weight(&engine->tops, engine->n);
	burst_digest(engine, engine->links[engine->link].link);
	return true;
}

/* The sources have ended and the last packet is handed on: say so, once. */
static void
engine_end(struct dp_engine *engine)
{
	if (atomic_load_explicit(&engine->ended, memory_order_relaxed))
		return;
	for (uint32_t i = 0; i < engine->plan->nroutes; i++) {
		struct dp_sink *sink = engine->plan->routes[i].sink;

		if (sink != NULL && sink->ops != NULL)
			sink->ops->flush(sink->priv);
	}
	dp_lanes_finish(engine, CHAN_EOF);
	dp_top_tick(engine, true);
	atomic_store_explicit(&engine->ended, true, memory_order_release);
	os_bell_ring(engine->ctl_bell_fd);
}

/* Makes all visible that was split, and wakes who sleeps, unless that may wait: then for how
 * many nanoseconds; UINT64_MAX: it is done. */
static uint64_t
burst_finish(struct dp_engine *engine)
{
	uint64_t now;

	if (engine->ntouched == 0 && !engine->uncounted)
		return UINT64_MAX;
	now = os_clock_mono_ns();
	if (!engine->eager && now - engine->woke_ns < WAKE_EVERY_NS) {
		dp_split_show(engine);
		return WAKE_EVERY_NS - (now - engine->woke_ns);
	}
	engine->woke_ns = now;
	dp_split_finish(engine);
	return UINT64_MAX;
}

static void
engine_idle(struct dp_engine *engine, bool stalled)
{
	dp_take_back(engine, true);
	if (stalled && engine->ntouched > 0)
		dp_split_finish(engine);
	else
		dp_top_tick(engine, false);
	if (++engine->idle > SPIN_TURNS)
		dp_nap(engine, burst_finish(engine), stalled);
}

/* Nothing came: are there fragments that have waited long enough for their first one? */
static bool
burst_left(struct dp_engine *engine)
{
	if (engine->nahead > 0)
		return false;
	return engine->live == 0 ? dp_defrag_rest(engine) : dp_defrag_idle(engine);
}

static void
engine_turn(struct dp_engine *engine)
{
	uint32_t handed;
	bool stalled;

	plan_check(engine);
	dp_source_drop_share(engine);
	if (engine->pos < engine->n) {
		dp_take_back(engine, engine->pool.nfree < 2 * engine->batch);
	} else if (!burst_next(engine) && !burst_left(engine)) {
		if (engine->live == 0) {
			dp_split_finish(engine);
			engine_end(engine);
		}
		engine_idle(engine, false);
		return;
	}
	if (engine->plan->adopt)
		dp_adopt(engine);
	handed = dp_split(engine);
	engine->gathered += handed;
	if (handed > 0) {
		engine->idle = 0;
		engine->uncounted = true;
	}
	stalled = engine->pos < engine->n;
	engine->own.stalled_turns += stalled;
	if (stalled) {
		dp_split_finish(engine);
		engine_idle(engine, true);
	} else if (!engine->eager && engine->n == engine->batch && ++engine->busy < BUSY_TURNS)
		dp_split_show(engine);
	else
		burst_finish(engine);
}

/* What was received but not handed on was never counted as received. */
void
dp_packet_leave(struct dp_engine *engine, const struct io_pkt *pkt, uint32_t number)
{
	engine->links[number].own.drop_stop_pkts++;
	io_pool_put(&engine->pool, pkt->frame);
}

static void
burst_leave(struct dp_engine *engine, const struct io_pkt *burst, uint32_t n, uint32_t number)
{
	for (uint32_t i = 0; i < n; i++)
		dp_packet_leave(
			engine, &burst[i], dp_burst_is_mixed(engine) ? burst[i].link : number);
}

static void
engine_leave(struct dp_engine *engine)
{
	burst_leave(engine, engine->burst + engine->pos, engine->n - engine->pos, engine->link);
	while (dp_hold_count(&engine->follow.hold) > 0) {
		struct dp_held *held = dp_hold_oldest(&engine->follow.hold);

		dp_packet_leave(engine, &held->pkt, held->link);
		dp_hold_remove(&engine->follow.hold, held);
	}
	engine->burst = engine->ahead;
	burst_leave(engine, engine->burst, engine->nahead, engine->ahead_link);
	engine->pos = engine->n = engine->nahead = 0;
	dp_order_leave(engine);
	dp_lanes_finish(engine, CHAN_CLOSED);
	dp_take_back(engine, true);
	dp_backlogs_park(engine);
	dp_split_show(engine);
	dp_sinks_leave(engine);
	dp_split_finish(engine);
	dp_top_tick(engine, true);
}

void
dp_engine_run(struct dp_engine *engine)
{
	uint64_t turns = atomic_load_explicit(&engine->turns, memory_order_relaxed);

	os_thread_name(engine->name);
	engine->plan = NULL;
	engine->live = engine->nlinks;
	engine->pos = engine->n = engine->nahead = engine->idle = engine->busy = 0;
	engine->nap_ns = engine->gathered = engine->behind = 0;
	engine->woke_ns = 0;
	dp_follow_init(&engine->follow, &engine->own);
	engine->raw = 0;
	engine->burst = engine->bursts[0];
	engine->ahead = engine->bursts[1];
	while (!atomic_load_explicit(&engine->stop, memory_order_acquire)) {
		engine_turn(engine);
		atomic_store_explicit(&engine->turns, ++turns, memory_order_relaxed);
	}
	if (engine->plan == NULL)
		plan_check(engine);
	engine_leave(engine);
}
