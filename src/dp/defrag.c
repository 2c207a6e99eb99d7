/*
 * dp/defrag: a burst with its fragments, each where it belongs.  Engine thread only, and only
 * for bursts that have fragments, or while some are held: what becomes of those is follow.c's
 * to say; here packets go through it, and their order becomes the burst that is split.
 *
 * Invariant: a packet is in the current burst or held, never both, and is counted as received
 * when it is handed on.
 */
#include "dp.h"
#include "os.h"

static void
mix_add(struct dp_engine *engine, const struct io_pkt *pkt, uint32_t link, uint8_t reason,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	uint32_t i = engine->n++;

	engine->mixed[i] = *pkt;
	engine->mixed[i].link = link;
	engine->reason[i] = reason;
	for (uint32_t f = 0; f < PKT_FIELDS_MAX; f++)
		engine->digests[f][i] = digests[f];
}

static void
mix_followed(struct dp_engine *engine)
{
	for (uint32_t i = 0; i < engine->follow.nout; i++) {
		const struct dp_followed *p = &engine->follow.out[i];

		mix_add(engine, &p->pkt, p->link, p->reason, p->digests);
	}
}

static void
release_due(struct dp_engine *engine, uint32_t link, uint64_t now_ns)
{
	dp_follow_due(&engine->follow, link, now_ns);
	mix_followed(engine);
}

static void
add_fragment(struct dp_engine *engine, const struct io_pkt *pkt, enum pkt_link link)
{
	struct dp_followed packet = {.pkt = *pkt,
		.number = ++engine->nfragments,
		.link = engine->link,
		.large = io_pool_is_large(&engine->pool, pkt->frame)};
	struct pkt_flow flow;

	pkt_digests(pkt->data, pkt->len, link, &engine->conf, packet.digests, &flow);
	dp_follow_packet(&engine->follow, &packet, &flow);
	mix_followed(engine);
}

static void
add_whole(struct dp_engine *engine, const struct io_pkt *pkt, enum pkt_link link)
{
	uint64_t digests[PKT_FIELDS_MAX] = {0};
	struct pkt_flow flow;
	uint8_t reason;

	if (engine->plan->fields == 1u << PKT_FIELDS_5TUPLE) {
		digests[PKT_FIELDS_5TUPLE] =
			pkt_digest(pkt->data, pkt->len, link, &engine->conf, &reason);
	} else {
		pkt_digests(pkt->data, pkt->len, link, &engine->conf, digests, &flow);
		reason = flow.reason;
	}
	mix_add(engine, pkt, engine->link, reason, digests);
}

/* Has the link ended, and its last packet been in a burst? */
static bool
link_over(const struct dp_engine *engine, uint32_t i)
{
	if (!engine->links[i].ended)
		return false;
	if (engine->reorder != NULL)
		return engine->nahead == 0 && engine->reorder->links[i].waiting == 0;
	return i != engine->ahead_link || engine->nahead == 0;
}

/* Of links that have ended nothing comes that could make it leave. */
static void
release_ended(struct dp_engine *engine)
{
	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (link_over(engine, i))
			release_due(engine, i, UINT64_MAX);
}

static void
mix_begin(struct dp_engine *engine)
{
	engine->burst = engine->mixed;
	engine->odd = true;
	engine->pos = engine->n = 0;
}

void
dp_defrag(struct dp_engine *engine)
{
	const struct io_pkt *raw = engine->burst;
	enum pkt_link link = engine->links[engine->link].link;
	uint32_t n = engine->n;
	bool follow = engine->plan->fields != 0; /* else nobody asks for the flow */
	uint8_t reasons[IO_BURST_MAX];

	for (uint32_t i = 0; i < n; i++)
		reasons[i] = engine->reason[i];
	mix_begin(engine);
	for (uint32_t i = 0; i < engine->nlinks && !follow; i++)
		release_due(engine, i, UINT64_MAX);
	for (uint32_t i = 0; i < n; i++) {
		if (engine->reorder != NULL)
			engine->link = raw[i].link;
		if (dp_hold_count(&engine->follow.hold) > 0)
			release_due(engine, engine->link, raw[i].ts_ns);
		if (!follow)
			add_whole(engine, &raw[i], link);
		else if (reasons[i] == PKT_FIRST_FRAGMENT || reasons[i] == PKT_FRAGMENT)
			add_fragment(engine, &raw[i], link);
		else
			add_whole(engine, &raw[i], link);
	}
	if (dp_hold_count(&engine->follow.hold) > 0)
		release_ended(engine);
}

bool
dp_defrag_rest(struct dp_engine *engine)
{
	if (dp_hold_count(&engine->follow.hold) == 0)
		return false;
	mix_begin(engine);
	for (uint32_t i = 0; i < engine->nlinks; i++)
		release_due(engine, i, UINT64_MAX);
	return engine->n > 0;
}

bool
dp_defrag_idle(struct dp_engine *engine)
{
	uint64_t now_ns;

	if (dp_hold_count(&engine->follow.hold) == 0)
		return false;
	now_ns = os_clock_real_ns();
	mix_begin(engine);
	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (!engine->links[i].ops->offline &&
			now_ns >= dp_hold_due_ns(&engine->follow.hold, i))
			release_due(engine, i, now_ns);
	return engine->n > 0;
}
