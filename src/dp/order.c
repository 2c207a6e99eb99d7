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

#define READS_MAX  16u /* bursts of one link in a round */
#define STRANGE_NS UINT64_C(1000000000)

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

/* Of links that have more, none brings anything older than its newest; of those that mix
 * streams that is not known.  One whose stamps are strange does not hold the others. */
static void
until_set(struct dp_engine *engine, uint64_t now_ns, uint32_t dry)
{
	struct dp_reorder *r = engine->reorder;
	int number = behind(engine, dry);

	r->until_ns = engine->live > 0 ? now_ns - r->window_ns : UINT64_MAX;
	r->until_link = DP_MAX_LINKS;
	for (; number >= 0; number = behind(engine, dry)) {
		const struct dp_reorder_link *link = &r->links[number];

		dry |= 1u << number;
		if (link->mixed)
			r->until_ns = 0;
		if (link->newest_ns + STRANGE_NS < now_ns || link->newest_ns >= r->until_ns)
			continue;
		r->until_ns = link->newest_ns;
		r->until_link = (uint32_t)number;
	}
}

/* Who is behind is read first, so that what there is too much of is in order as well. */
static void
round_live(struct dp_engine *engine)
{
	struct dp_reorder *r = engine->reorder;
	uint64_t now_ns = os_clock_real_ns();
	uint32_t dry = 0, done = 0, reads[DP_MAX_LINKS] = {0};
	int number;

	dp_reorder_clock(r, now_ns);
	r->press = 0;
	while (dp_reorder_room(r) >= engine->batch && (number = behind(engine, done)) >= 0) {
		bool more = receive(engine, (uint32_t)number, engine->batch) == engine->batch;

		if (!more)
			dry |= 1u << number;
		if (!more || ++reads[number] == READS_MAX)
			done |= 1u << number;
	}
	until_set(engine, now_ns, dry);
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
	if (ahead_fill(engine) || engine->reorder->exact)
		return engine->nahead > 0;
	if (dp_reorder_room(engine->reorder) < engine->batch)
		engine->reorder->press = engine->batch;
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
		dp_packet_leave(engine, &pkt, pkt.link);
}
