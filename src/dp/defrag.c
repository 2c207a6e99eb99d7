/*
 * dp/defrag: later fragments go where their first one went.  Engine thread only, and only for
 * bursts that have fragments, or while some are held.  Nothing is reassembled: packets are told
 * their flow, and those that came before they can know it wait (hold.h).
 *
 * Invariant: a packet is in the current burst or held, never both, and is counted as received
 * when it is handed on.  What leaves the hold goes before the packet that made it leave, so
 * that fragments of one datagram stay in the order in which they came.
 */
#include "dp.h"
#include "os.h"

static void
mix_add(struct dp_engine *engine, const struct io_pkt *pkt, uint32_t link, uint8_t reason,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	uint32_t i = engine->n++;

	engine->mixed[i] = *pkt;
	engine->mixed_link[i] = (uint8_t)link;
	engine->reason[i] = reason;
	for (uint32_t f = 0; f < PKT_FIELDS_MAX; f++)
		engine->digests[f][i] = digests[f];
}

/* By its first fragment, if another engine has met it meanwhile, else by its addresses. */
static void
release(struct dp_engine *engine, struct dp_held *held)
{
	uint64_t digests[PKT_FIELDS_MAX];
	bool found = pkt_frag_find(engine->frags, held->tag, held->pkt.ts_ns, digests);

	mix_add(engine, &held->pkt, held->link, held->reason, found ? digests : held->fallback);
	if (found)
		engine->own.frag_followed_pkts++;
	else
		engine->own.frag_orphan_pkts++;
	dp_hold_remove(&engine->hold, held);
}

static void
release_due(struct dp_engine *engine, uint32_t link, uint64_t now_ns)
{
	struct dp_held *held;

	while ((held = dp_hold_expired(&engine->hold, link, now_ns)) != NULL)
		release(engine, held);
}

static void
release_tag(struct dp_engine *engine, uint64_t tag, const uint64_t digests[PKT_FIELDS_MAX])
{
	struct dp_held *held;

	while ((held = dp_hold_of_tag(&engine->hold, tag)) != NULL) {
		mix_add(engine, &held->pkt, held->link, held->reason, digests);
		engine->own.frag_followed_pkts++;
		dp_hold_remove(&engine->hold, held);
	}
}

/* Every datagram of which this packet has the first fragment: one, or more in tunnels. */
static void
remember(struct dp_engine *engine, const struct pkt_flow *flow, const struct io_pkt *pkt,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	uint32_t firsts = flow->nfrags - (flow->later ? 1u : 0u);

	for (uint32_t i = 0; i < firsts; i++) {
		enum pkt_frag_put_result result =
			pkt_frag_put(engine->frags, flow->frag[i], pkt->ts_ns, digests);

		engine->own.frag_forgotten_pkts +=
			result == PKT_FRAG_EVICTED || result == PKT_FRAG_BUSY;
		release_tag(engine, flow->frag[i], digests);
	}
}

static void
hold(struct dp_engine *engine, const struct io_pkt *pkt, uint64_t tag, uint8_t reason,
	const uint64_t fallback[PKT_FIELDS_MAX])
{
	struct dp_held *held, packet = {.pkt = *pkt,
				      .tag = tag,
				      .link = engine->link,
				      .reason = reason,
				      .large = io_pool_is_large(&engine->pool, pkt->frame)};

	for (uint32_t f = 0; f < PKT_FIELDS_MAX; f++)
		packet.fallback[f] = fallback[f];
	while ((held = dp_hold_in_the_way(&engine->hold, tag, packet.large)) != NULL)
		release(engine, held);
	dp_hold_add(&engine->hold, &packet);
	engine->own.frag_held_pkts++;
}

static void
add_fragment(struct dp_engine *engine, const struct io_pkt *pkt, enum pkt_link link)
{
	uint64_t digests[PKT_FIELDS_MAX], found[PKT_FIELDS_MAX], tag;
	struct pkt_flow flow;

	pkt_digests(pkt->data, pkt->len, link, &engine->conf, digests, &flow);
	if (!flow.later) {
		remember(engine, &flow, pkt, digests);
		mix_add(engine, pkt, engine->link, flow.reason, digests);
		engine->own.frag_first_pkts++;
		return;
	}
	tag = flow.frag[flow.nfrags - 1];
	if (!pkt_frag_find(engine->frags, tag, pkt->ts_ns, found)) {
		hold(engine, pkt, tag, flow.reason, digests);
		return;
	}
	release_tag(engine, tag, found);
	remember(engine, &flow, pkt, found);
	mix_add(engine, pkt, engine->link, flow.reason, found);
	engine->own.frag_followed_pkts++;
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

/* Of links that have ended nothing comes that could make it leave. */
static void
release_ended(struct dp_engine *engine)
{
	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (engine->links[i].ended && !(i == engine->ahead_link && engine->nahead > 0))
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
		if (dp_hold_count(&engine->hold) > 0)
			release_due(engine, engine->link, raw[i].ts_ns);
		if (!follow)
			add_whole(engine, &raw[i], link);
		else if (reasons[i] == PKT_FIRST_FRAGMENT || reasons[i] == PKT_FRAGMENT)
			add_fragment(engine, &raw[i], link);
		else
			add_whole(engine, &raw[i], link);
	}
	if (dp_hold_count(&engine->hold) > 0)
		release_ended(engine);
}

bool
dp_defrag_rest(struct dp_engine *engine)
{
	if (dp_hold_count(&engine->hold) == 0)
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

	if (dp_hold_count(&engine->hold) == 0)
		return false;
	now_ns = os_clock_real_ns();
	mix_begin(engine);
	for (uint32_t i = 0; i < engine->nlinks; i++)
		if (!engine->links[i].ops->offline &&
			now_ns >= dp_hold_due_ns(&engine->hold, i))
			release_due(engine, i, now_ns);
	return engine->n > 0;
}
