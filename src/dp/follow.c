/*
 * dp/follow: see follow.h.  Called by defrag.c on the engine thread, only for fragments and
 * while some are held; and by the control plane to explain a packet.
 *
 * Invariant: a packet is in `out` or held, never both.  Between two calls no tag is pending:
 * all that the hold has waits for a first fragment that nobody has met, but for those that
 * another engine met meanwhile.
 */
#include "follow.h"

#include <string.h>

void
dp_follow_init(struct dp_follow *follow, struct dp_engine_counters *own)
{
	follow->own = own;
	follow->nout = follow->ntags = 0;
	dp_hold_init(&follow->hold);
}

/* Datagrams of which a packet has the first fragment: one, more in tunnels, or none. */
static uint32_t
firsts(const struct pkt_flow *flow)
{
	return flow->nfrags - (flow->later ? 1u : 0u);
}

static void
push(struct dp_follow *f, const uint64_t *tags, uint32_t n, uint64_t first)
{
	for (uint32_t i = 0; i < n; i++)
		f->tags[f->ntags++] = (struct dp_follow_tag){tags[i], first};
}

/* Out of the hold; its digests are set by settle.  The first fragment of a tunnel's packet can
 * have a later one of a datagram inside. */
static void
take(struct dp_follow *f, struct dp_held *held, enum dp_follow_way way, uint64_t first)
{
	f->out[f->nout++] = (struct dp_followed){.pkt = held->pkt,
		.number = held->number,
		.link = held->link,
		.large = held->large,
		.reason = held->reason,
		.way = (uint8_t)way,
		.first = first};
	push(f, held->firsts, held->nfirsts, held->number);
	dp_hold_remove(&f->hold, held);
}

static void
take_tag(struct dp_follow *f, uint64_t tag, uint64_t first)
{
	struct dp_held *held;

	while ((held = dp_hold_of_tag(&f->hold, tag)) != NULL) {
		take(f, held, DP_FOLLOW_WAITED, first);
		f->own->frag_followed_pkts++;
	}
}

static void
remember(struct dp_follow *f, const struct dp_follow_tag *t, uint64_t ts_ns,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	const uint64_t number[PKT_FRAG_DIGESTS] = {t->first};
	enum pkt_frag_put_result result = pkt_frag_put(f->frags, t->tag, ts_ns, digests);

	f->own->frag_forgotten_pkts += result == PKT_FRAG_EVICTED || result == PKT_FRAG_BUSY;
	if (f->numbers != NULL)
		pkt_frag_put(f->numbers, t->tag, ts_ns, number);
}

static bool
recall(struct dp_follow *f, uint64_t tag, uint64_t ts_ns, uint64_t digests[PKT_FIELDS_MAX],
	uint64_t *first)
{
	uint64_t number[PKT_FRAG_DIGESTS] = {0};

	if (!pkt_frag_find(f->frags, tag, ts_ns, digests))
		return false;
	if (f->numbers != NULL)
		pkt_frag_find(f->numbers, tag, ts_ns, number);
	*first = number[0];
	return true;
}

/* The flow of the pending datagrams is known now: so is that of all fragments of theirs that
 * are held, and of the datagrams that begin in those.  They go in the order in which they came.
 * begin: of `out`, what is before has its digests. */
static void
settle(struct dp_follow *f, uint32_t begin, uint64_t ts_ns,
	const uint64_t digests[PKT_FIELDS_MAX])
{
	while (f->ntags > 0) {
		struct dp_follow_tag t = f->tags[--f->ntags];

		remember(f, &t, ts_ns, digests);
		take_tag(f, t.tag, t.first);
	}
	for (uint32_t i = begin; i < f->nout; i++) {
		struct dp_followed packet = f->out[i];
		uint32_t k = i;

		memcpy(packet.digests, digests, sizeof(packet.digests));
		for (; k > begin && f->out[k - 1].number > packet.number; k--)
			f->out[k] = f->out[k - 1];
		f->out[k] = packet;
	}
}

/* By its first fragment, if another engine has met it meanwhile, else by its addresses. */
static void
release(struct dp_follow *f, struct dp_held *held, enum dp_follow_way way)
{
	uint64_t digests[PKT_FIELDS_MAX], first = 0, ts_ns = held->pkt.ts_ns;
	uint32_t begin = f->nout;

	if (recall(f, held->tag, ts_ns, digests, &first)) {
		way = DP_FOLLOW_WAITED;
		f->own->frag_followed_pkts++;
	} else {
		memcpy(digests, held->fallback, sizeof(digests));
		f->own->frag_orphan_pkts++;
	}
	take(f, held, way, first);
	settle(f, begin, ts_ns, digests);
}

static void
hold(struct dp_follow *f, const struct dp_followed *packet, const struct pkt_flow *flow)
{
	uint64_t tag = flow->frag[flow->nfrags - 1];
	struct dp_held *held, early = {.pkt = packet->pkt,
				      .number = packet->number,
				      .tag = tag,
				      .link = packet->link,
				      .reason = flow->reason,
				      .large = packet->large,
				      .nfirsts = (uint8_t)firsts(flow)};

	memcpy(early.fallback, packet->digests, sizeof(early.fallback));
	memcpy(early.firsts, flow->frag, early.nfirsts * sizeof(early.firsts[0]));
	while ((held = dp_hold_in_the_way(&f->hold, tag, packet->large)) != NULL)
		release(f, held, DP_FOLLOW_CROWDED);
	dp_hold_add(&f->hold, &early);
	f->own->frag_held_pkts++;
}

void
dp_follow_packet(
	struct dp_follow *f, const struct dp_followed *packet, const struct pkt_flow *flow)
{
	struct dp_followed p = *packet;

	f->nout = 0;
	p.reason = flow->reason;
	p.way = DP_FOLLOW_OWN;
	p.first = 0;
	if (flow->later) {
		uint64_t tag = flow->frag[flow->nfrags - 1];

		if (!recall(f, tag, p.pkt.ts_ns, p.digests, &p.first)) {
			hold(f, &p, flow);
			return;
		}
		p.way = DP_FOLLOW_KNOWN;
		take_tag(f, tag, p.first); /* held, and another engine met the first one */
		f->own->frag_followed_pkts++;
	} else if (flow->nfrags > 0) {
		f->own->frag_first_pkts++;
	}
	push(f, flow->frag, firsts(flow), p.number);
	settle(f, 0, p.pkt.ts_ns, p.digests);
	f->out[f->nout++] = p;
}

void
dp_follow_due(struct dp_follow *f, uint32_t link, uint64_t now_ns)
{
	struct dp_held *held;

	f->nout = 0;
	while ((held = dp_hold_expired(&f->hold, link, now_ns)) != NULL)
		release(f, held, DP_FOLLOW_ORPHAN);
}
