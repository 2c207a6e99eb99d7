/*
 * dp/hold: early fragments, in lists through an array.  Engine thread only.
 *
 * Invariant: a packet is in the list of all, of its tag and of its link, and in that of the big
 * ones if it is large, each in order of arrival; a flow exists while it has packets.  All
 * operations take constant time, but for a walk over the flows of one hash (half a flow on
 * average; tags are keyed, so nobody can make it long).
 */
#include "hold.h"

#include <assert.h>

#define NONE UINT16_MAX

static_assert(DP_HOLD_PER_TAG <= DP_HOLD_MAX && DP_HOLD_MAX < NONE, "numbers fit 16 bits");

static const struct dp_hold_ends no_pkts = {NONE, NONE};

void
dp_hold_init(struct dp_hold *hold)
{
	*hold = (struct dp_hold){.all = no_pkts, .big = no_pkts};
	for (uint32_t i = 0; i < DP_MAX_LINKS; i++)
		hold->links[i] = no_pkts;
	for (uint32_t i = 0; i < DP_HOLD_HEADS; i++)
		hold->heads[i] = NONE;
	for (uint32_t i = 0; i < DP_HOLD_MAX; i++) {
		uint16_t next = i + 1 < DP_HOLD_MAX ? (uint16_t)(i + 1) : NONE;

		hold->pkts[i].next[DP_HOLD_ALL] = next;
		hold->flows[i].next = next;
	}
}

static struct dp_held *
held_at(struct dp_hold *hold, uint16_t i)
{
	return i == NONE ? NULL : &hold->pkts[i];
}

static void
list_append(struct dp_hold *hold, enum dp_hold_list kind, struct dp_hold_ends *ends, uint16_t i)
{
	hold->pkts[i].next[kind] = NONE;
	hold->pkts[i].prev[kind] = ends->last;
	if (ends->last == NONE)
		ends->first = i;
	else
		hold->pkts[ends->last].next[kind] = i;
	ends->last = i;
}

static void
list_remove(struct dp_hold *hold, enum dp_hold_list kind, struct dp_hold_ends *ends, uint16_t i)
{
	uint16_t next = hold->pkts[i].next[kind], prev = hold->pkts[i].prev[kind];

	if (prev == NONE)
		ends->first = next;
	else
		hold->pkts[prev].next[kind] = next;
	if (next == NONE)
		ends->last = prev;
	else
		hold->pkts[next].prev[kind] = prev;
}

static uint16_t *
head_of(struct dp_hold *hold, uint64_t tag)
{
	return &hold->heads[tag % DP_HOLD_HEADS];
}

static uint16_t
flow_find(struct dp_hold *hold, uint64_t tag)
{
	uint16_t flow = *head_of(hold, tag);

	while (flow != NONE && hold->flows[flow].tag != tag)
		flow = hold->flows[flow].next;
	return flow;
}

static uint16_t
flow_make(struct dp_hold *hold, uint64_t tag)
{
	uint16_t flow = hold->free_flow, *head = head_of(hold, tag);

	hold->free_flow = hold->flows[flow].next;
	hold->flows[flow] = (struct dp_hold_flow){.tag = tag, .pkts = no_pkts, .next = *head};
	*head = flow;
	return flow;
}

static void
flow_free(struct dp_hold *hold, uint16_t flow)
{
	uint16_t *at = head_of(hold, hold->flows[flow].tag);

	while (*at != flow)
		at = &hold->flows[*at].next;
	*at = hold->flows[flow].next;
	hold->flows[flow].next = hold->free_flow;
	hold->free_flow = flow;
}

/* The oldest with the same tag as pkts[i]. */
static struct dp_held *
first_of_flow(struct dp_hold *hold, uint16_t i)
{
	return &hold->pkts[hold->flows[hold->pkts[i].flow].pkts.first];
}

struct dp_held *
dp_hold_of_tag(struct dp_hold *hold, uint64_t tag)
{
	uint16_t flow = flow_find(hold, tag);

	return flow == NONE ? NULL : &hold->pkts[hold->flows[flow].pkts.first];
}

struct dp_held *
dp_hold_oldest(struct dp_hold *hold)
{
	return held_at(hold, hold->all.first);
}

struct dp_held *
dp_hold_in_the_way(struct dp_hold *hold, uint64_t tag, bool large)
{
	uint16_t flow = flow_find(hold, tag);

	if (flow != NONE && hold->flows[flow].npkts >= DP_HOLD_PER_TAG)
		return &hold->pkts[hold->flows[flow].pkts.first];
	if (large && hold->nlarge >= DP_HOLD_LARGE)
		return first_of_flow(hold, hold->big.first);
	return hold->npkts >= DP_HOLD_MAX ? dp_hold_oldest(hold) : NULL;
}

void
dp_hold_add(struct dp_hold *hold, const struct dp_held *packet)
{
	uint16_t i = hold->free_pkt, flow = flow_find(hold, packet->tag);
	struct dp_held *held;

	assert(i != NONE && packet->link < DP_MAX_LINKS);
	held = &hold->pkts[i];
	hold->free_pkt = held->next[DP_HOLD_ALL];
	*held = *packet;
	held->flow = flow != NONE ? flow : flow_make(hold, packet->tag);
	hold->flows[held->flow].npkts++;
	list_append(hold, DP_HOLD_TAG, &hold->flows[held->flow].pkts, i);
	list_append(hold, DP_HOLD_ALL, &hold->all, i);
	list_append(hold, DP_HOLD_LINK, &hold->links[held->link], i);
	if (held->large)
		list_append(hold, DP_HOLD_BIG, &hold->big, i);
	hold->nlarge += held->large;
	hold->npkts++;
	assert(hold->flows[held->flow].npkts <= DP_HOLD_PER_TAG &&
		hold->nlarge <= DP_HOLD_LARGE);
}

void
dp_hold_remove(struct dp_hold *hold, struct dp_held *held)
{
	uint16_t i = (uint16_t)(held - hold->pkts);
	struct dp_hold_flow *flow = &hold->flows[held->flow];

	list_remove(hold, DP_HOLD_TAG, &flow->pkts, i);
	list_remove(hold, DP_HOLD_ALL, &hold->all, i);
	list_remove(hold, DP_HOLD_LINK, &hold->links[held->link], i);
	if (held->large)
		list_remove(hold, DP_HOLD_BIG, &hold->big, i);
	hold->nlarge -= held->large;
	hold->npkts--;
	if (--flow->npkts == 0)
		flow_free(hold, held->flow);
	held->next[DP_HOLD_ALL] = hold->free_pkt;
	hold->free_pkt = i;
}

static bool
waited(const struct dp_held *held, uint64_t now_ns)
{
	uint64_t ts_ns = held->pkt.ts_ns;

	return (now_ns > ts_ns ? now_ns - ts_ns : ts_ns - now_ns) >= DP_HOLD_NS;
}

struct dp_held *
dp_hold_expired(struct dp_hold *hold, uint32_t link, uint64_t now_ns)
{
	uint16_t i = hold->links[link].first;

	return i != NONE && waited(&hold->pkts[i], now_ns) ? first_of_flow(hold, i) : NULL;
}

uint64_t
dp_hold_due_ns(const struct dp_hold *hold, uint32_t link)
{
	uint16_t i = hold->links[link].first;

	return i == NONE ? UINT64_MAX : hold->pkts[i].pkt.ts_ns + DP_HOLD_NS;
}
