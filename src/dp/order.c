/*
 * dp/order: an engine with several streams reads its links in rounds into the reorder buffer,
 * and hands on what is in order.  Called by engine.c in the place of one link's rx.  Engine
 * thread only.
 *
 * Interfaces: a round reads every link until it has no more; what is older than the beginning
 * of the round by the window leaves then.  Files: the link that is behind is read, and what no
 * link can go before any more leaves.
 */
#include "dp.h"
#include "os.h"

/* At most n packets of a link into the buffer; how many came. */
static uint32_t
receive(struct dp_engine *engine, uint32_t number, uint32_t n)
{
	struct dp_link *link = &engine->links[number];
	int got = link->ops->rx(link->priv, engine->ahead, n);

	if (got < 0) {
		dp_link_end(engine, link, got);
		return 0;
	}
	if (got > 0 && !engine->reorder->exact)
		dp_reorder_clock(engine->reorder, os_clock_real_ns());
	dp_reorder_add(engine->reorder, number, engine->ahead, (uint32_t)got);
	return (uint32_t)got;
}

/* One pass over the links; false: all have no more, or there is no room. */
static bool
pass(struct dp_engine *engine)
{
	struct dp_reorder *r = engine->reorder;
	bool more = false;

	for (uint32_t i = 0; i < engine->nlinks; i++) {
		uint32_t number = r->turn;

		if (dp_reorder_room(r) < engine->batch) {
			r->press = engine->batch;
			return false;
		}
		r->turn = r->turn + 1 < engine->nlinks ? r->turn + 1 : 0;
		if (!engine->links[number].ended)
			more |= receive(engine, number, engine->batch) == engine->batch;
	}
	return more;
}

static void
round_live(struct dp_engine *engine)
{
	struct dp_reorder *r = engine->reorder;
	uint64_t now_ns = os_clock_real_ns();

	dp_reorder_clock(r, now_ns);
	r->press = 0;
	while (pass(engine))
		;
	r->until_ns = engine->live > 0 ? now_ns - r->window_ns : UINT64_MAX;
	r->until_link = DP_MAX_LINKS;
}

/* The link that is behind all others, but for those in `without`; -1: there is none. */
static int
behind(const struct dp_engine *engine, uint32_t without)
{
	const struct dp_reorder *r = engine->reorder;
	int found = -1;

	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (!engine->links[i].ended && (without & (1u << i)) == 0 &&
			(found < 0 || r->links[i].newest_ns < r->links[found].newest_ns))
			found = (int)i;
	return found;
}

/* A pipe can be quiet for ever; it does not hold the others for longer than the window.  That a
 * source has no frames to read into is not its being quiet. */
static bool
quiet(const struct dp_engine *engine, uint32_t number)
{
	struct dp_reorder *r = engine->reorder;
	struct dp_reorder_link *from = &r->links[number];
	uint64_t now_ns;

	if (engine->pool.nfree < engine->batch || engine->pool.nlfree == 0)
		return false;
	now_ns = os_clock_mono_ns();
	if (from->quiet_ns == 0)
		from->quiet_ns = now_ns;
	return now_ns - from->quiet_ns >= r->window_ns;
}

static void
round_exact(struct dp_engine *engine)
{
	struct dp_reorder *r = engine->reorder;
	uint32_t share = DP_REORDER_MAX / engine->nlinks, without = 0;
	int number;

	if (share > engine->batch)
		share = engine->batch;
	while ((number = behind(engine, without)) >= 0 && r->links[number].waiting == 0) {
		if (receive(engine, (uint32_t)number, share) > 0)
			r->links[number].quiet_ns = 0;
		else if (engine->links[number].ended)
			continue;
		else if (!quiet(engine, (uint32_t)number))
			break;
		else
			without |= 1u << number;
	}
	number = behind(engine, without);
	r->until_ns = number >= 0 ? r->links[number].newest_ns : UINT64_MAX;
	r->until_link = number >= 0 ? (uint32_t)number : DP_MAX_LINKS;
}

static bool
ahead_fill(struct dp_engine *engine)
{
	engine->nahead = dp_reorder_take(
		engine->reorder, engine->ahead, engine->batch, &engine->own.late_pkts);
	engine->ahead_link = engine->ahead[0].link;
	return engine->nahead > 0;
}

bool
dp_order_receive(struct dp_engine *engine)
{
	if (engine->pool.nfree < 2 * engine->batch)
		dp_take_back(engine, true);
	if (ahead_fill(engine)) /* the round before brought more than a burst */
		return true;
	if (engine->reorder->exact)
		round_exact(engine);
	else
		round_live(engine);
	return ahead_fill(engine);
}

uint64_t
dp_order_due_ns(const struct dp_engine *engine)
{
	const struct dp_reorder *r = engine->reorder;

	return r == NULL || r->n == 0 ? UINT64_MAX : dp_reorder_due_ns(r, os_clock_real_ns());
}

void
dp_order_leave(struct dp_engine *engine)
{
	struct dp_reorder *r = engine->reorder;
	uint64_t late = 0;
	struct io_pkt pkt;

	if (r == NULL)
		return;
	r->until_ns = UINT64_MAX;
	while (dp_reorder_take(r, &pkt, 1, &late) > 0)
		io_pool_put(&engine->pool, pkt.frame);
}
