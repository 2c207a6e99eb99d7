/*
 * rig: see rig.h; here the traffic, and what has to add up.
 */
#include "rig.h"

#include <stdlib.h>

#define HEADERS 42 /* Ethernet, IPv4, UDP */

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
packet_fill(uint8_t *p, uint32_t len, uint32_t flow, bool back, uint32_t number)
{
	const uint8_t client[4] = {
		10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8), (uint8_t)flow};
	const uint8_t server[4] = {192, 0, 2, (uint8_t)(flow % 7)};

	memset(p, 0, HEADERS);
	p[5] = p[11] = 1;
	put16(p + 12, 0x0800);
	p[14] = 0x45;
	put16(p + 16, len - 14);
	p[22] = 64;
	p[23] = 17;
	memcpy(p + 26, back ? server : client, 4);
	memcpy(p + 30, back ? client : server, 4);
	put16(p + 34, back ? 53 : 1024 + flow % 60000);
	put16(p + 36, back ? 1024 + flow % 60000 : 53);
	put16(p + 38, len - 34);
	for (uint32_t i = HEADERS; i < len; i++)
		p[i] = (uint8_t)(number * 31 + i);
}

void
traffic_make(struct traffic *t, uint32_t n, uint32_t flows, uint32_t large_every)
{
	size_t used = 0;
	uint64_t random = 1;

	t->n = n;
	t->pkts = calloc(n, sizeof(*t->pkts));
	t->flow = calloc(n, sizeof(*t->flow));
	t->bytes = malloc((size_t)n * 160 + (large_every ? n / large_every + 1 : 0) * 5000);
	assert_true(t->pkts && t->flow && t->bytes);
	for (uint32_t i = 0; i < n; i++) {
		bool large = large_every != 0 && i % large_every == large_every - 1;
		uint32_t len = large ? 5000 : 60 + i % 8 * 12;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		t->flow[i] = (uint32_t)(random >> 33) % flows;
		packet_fill(t->bytes + used, len, t->flow[i], random >> 32 & 1, i);
		t->pkts[i] = (struct io_mem_pkt){
			.data = t->bytes + used, .len = len, .wirelen = len, .ts_ns = i};
		used += len;
	}
}

void
traffic_free(struct traffic *t)
{
	free(t->pkts);
	free(t->flow);
	free(t->bytes);
}

void
rig_view(struct rig *r, struct dp_view *out)
{
	struct dp_sink *sinks[RIG_CHANNELS];
	struct dp_group_stat *groups[RIG_GROUPS];

	for (uint32_t i = 0; i < RIG_CHANNELS; i++)
		sinks[i] = r->channels[i].used ? &r->channels[i].sink : NULL;
	for (uint32_t i = 0; i < RIG_GROUPS; i++)
		groups[i] = &r->groups[i];
	dp_view_read(r->engine, sinks, RIG_CHANNELS, groups, RIG_GROUPS, out);
}

static void
channel_check(const struct rig_channel *ch, const struct dp_channel_counters *c)
{
	assert_int_equal(c->received_pkts,
		c->delivered_pkts + c->drop_ring_full_pkts + c->drop_large_full_pkts +
			c->drop_no_consumer_pkts + c->drop_hold_full_pkts +
			c->drop_sink_error_pkts + c->held_pkts);
	assert_true(c->delivered_bytes <= c->received_bytes);
	assert_true(c->unread_pkts + c->waiting_pkts <= c->delivered_pkts);
	if (ch->lane == NULL && ch->sink.backlog == NULL)
		assert_int_equal(c->waiting_pkts, 0);
	else
		assert_true(c->waiting_pkts <= ch->slots);
}

/* Channels that are open since the group or engine was: the caller sees to that. */
static void
sums_check(const struct rig *r, const struct dp_view *view)
{
	uint64_t group[RIG_GROUPS] = {0};

	for (uint32_t i = 0; i < RIG_CHANNELS; i++) {
		const struct rig_channel *ch = &r->channels[i];

		if (!ch->used)
			continue;
		channel_check(ch, &view->sinks[i]);
		if (ch->action == RIG_SAMPLE)
			group[ch->group] += view->sinks[i].received_pkts;
		if (ch->action == RIG_COPY)
			assert_int_equal(
				view->sinks[i].received_pkts, view->engine.distributed_pkts);
	}
	for (uint32_t g = 0; g < RIG_GROUPS; g++)
		assert_int_equal(group[g], view->groups[g].received_pkts);
}

void
rig_check_ledger(const struct rig *r, const struct dp_view *view)
{
	const struct dp_engine_counters *e = &view->engine;
	uint64_t reasons = 0, pkts = 0, bytes = 0;

	for (uint32_t i = 0; i < r->engine->nlinks; i++) {
		pkts += view->links[i].received_pkts;
		bytes += view->links[i].received_bytes;
	}
	assert_int_equal(e->received_pkts,
		e->distributed_pkts + e->drop_rule_pkts + e->drop_no_channel_pkts);
	assert_int_equal(e->received_pkts, pkts);
	assert_int_equal(e->received_bytes, bytes);
	for (int i = 0; i < PKT_REASONS; i++)
		reasons += e->reasons[i];
	assert_int_equal(e->distributed_pkts, reasons);
	sums_check(r, view);
}
