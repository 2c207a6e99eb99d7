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
	engine->mixed[i].link = link;
	engine->reason[i] = reason;
	for (uint32_t f = 0; f < PKT_FIELDS_MAX; f++)
		engine->digests[f][i] = digests[f];
}

/* Tags of the datagrams of which a packet has the first fragment: one, more in tunnels, or
 * none. Returns how many. */
static uint32_t
firsts(const struct pkt_flow *flow, uint64_t *tags)
{
	uint32_t n = flow->nfrags - (flow->later ? 1u : 0u);

	for (uint32_t i = 0; i < n; i++)
		tags[i] = flow->frag[i];
	return n;
}

/* Those of a packet that was held: the first fragment of a tunnel's packet can have a later one
 * of a datagram inside. */
static uint32_t
held_firsts(const struct dp_engine *engine, const struct dp_held *held, uint64_t *tags)
{
	struct pkt_flow flow;

	pkt_parse(held->pkt.data, held->pkt.len, engine->links[held->link].link, &engine->conf,
		&flow);
	return firsts(&flow, tags);
}

/* Out of the hold, on the list of what leaves it now. */
static void
take(struct dp_engine *engine, struct dp_held *held)
{
	struct dp_leaving *l = &engine->leaving;

	l->pkts[l->npkts++] = *held;
	l->ntags += held_firsts(engine, held, &l->tags[l->ntags]);
	dp_hold_remove(&engine->hold, held);
}

static void
take_tag(struct dp_engine *engine, uint64_t tag)
{
	struct dp_held *held;

	while ((held = dp_hold_of_tag(&engine->hold, tag)) != NULL) {
		take(engine, held);
		engine->own.frag_followed_pkts++;
	}
}

/* The flow of these datagrams is known now: so is that of all fragments of theirs that are
 * held, and of the datagrams that begin in those. */
static void
take_all(struct dp_engine *engine, uint64_t ts_ns, const uint64_t digests[PKT_FIELDS_MAX])
{
	struct dp_leaving *l = &engine->leaving;

	while (l->ntags > 0) {
		uint64_t tag = l->tags[--l->ntags];
		enum pkt_frag_put_result result =
			pkt_frag_put(engine->frags, tag, ts_ns, digests);

		engine->own.frag_forgotten_pkts +=
			result == PKT_FRAG_EVICTED || result == PKT_FRAG_BUSY;
		take_tag(engine, tag);
	}
}

/* In the order in which they came. */
static void
leave(struct dp_engine *engine, const uint64_t digests[PKT_FIELDS_MAX])
{
	struct dp_leaving *l = &engine->leaving;

	for (uint32_t i = 1; i < l->npkts; i++) {
		struct dp_held held = l->pkts[i];
		uint32_t k = i;

		for (; k > 0 && (int32_t)(l->pkts[k - 1].order - held.order) > 0; k--)
			l->pkts[k] = l->pkts[k - 1];
		l->pkts[k] = held;
	}
	for (uint32_t i = 0; i < l->npkts; i++)
		mix_add(engine, &l->pkts[i].pkt, l->pkts[i].link, l->pkts[i].reason, digests);
	l->npkts = 0;
}

/* By its first fragment, if another engine has met it meanwhile, else by its addresses. */
static void
release(struct dp_engine *engine, struct dp_held *held)
{
	uint64_t digests[PKT_FIELDS_MAX], ts_ns = held->pkt.ts_ns;
	bool found = pkt_frag_find(engine->frags, held->tag, ts_ns, digests);

	for (uint32_t f = 0; f < PKT_FIELDS_MAX && !found; f++)
		digests[f] = held->fallback[f];
	if (found)
		engine->own.frag_followed_pkts++;
	else
		engine->own.frag_orphan_pkts++;
	take(engine, held);
	take_all(engine, ts_ns, digests);
	leave(engine, digests);
}

static void
release_due(struct dp_engine *engine, uint32_t link, uint64_t now_ns)
{
	struct dp_held *held;

	while ((held = dp_hold_expired(&engine->hold, link, now_ns)) != NULL)
		release(engine, held);
}

static void
hold(struct dp_engine *engine, const struct io_pkt *pkt, uint64_t tag, uint8_t reason,
	const uint64_t fallback[PKT_FIELDS_MAX])
{
	struct dp_held *held, packet = {.pkt = *pkt,
				      .order = engine->held++,
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
	struct dp_leaving *l = &engine->leaving;
	uint64_t digests[PKT_FIELDS_MAX];
	struct pkt_flow flow;

	pkt_digests(pkt->data, pkt->len, link, &engine->conf, digests, &flow);
	if (flow.later) {
		uint64_t tag = flow.frag[flow.nfrags - 1];

		if (!pkt_frag_find(engine->frags, tag, pkt->ts_ns, digests)) {
			hold(engine, pkt, tag, flow.reason, digests);
			return;
		}
		take_tag(engine, tag); /* held, and another engine met the first one */
		engine->own.frag_followed_pkts++;
	} else {
		engine->own.frag_first_pkts++;
	}
	l->ntags += firsts(&flow, &l->tags[l->ntags]);
	take_all(engine, pkt->ts_ns, digests);
	leave(engine, digests);
	mix_add(engine, pkt, engine->link, flow.reason, digests);
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
