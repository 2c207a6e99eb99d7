/*
 * dp/policy: the general way to hand packets on: COPY channels and several groups, filters,
 * samples, snaplens; and DROP channels with a filter.  Engine thread only.  Invariant as in
 * split.c: a packet goes to all its channels at once, or is not touched.
 */
#include "route.h"
#include "sample.h"

static enum dp_verdict
route_verdict(const struct dp_engine *engine, const struct dp_route *route, uint32_t i)
{
	const struct io_pkt *pkt = &engine->burst[i];

	if (route->sample > 1 && !pkt_flow_chosen(engine->digests[PKT_FIELDS_5TUPLE][i],
					 route->sample_key, route->sample))
		return DP_UNSAMPLED;
	if (route->filter != NULL &&
		!pkt_filter_match(route->filter, pkt->data, pkt->len, pkt->wirelen))
		return DP_FILTERED;
	return DP_TAKE;
}

/* Each group's after the COPY channels. */
uint32_t
dp_packet_picks(const struct dp_engine *engine, uint32_t i, struct dp_pick *picks)
{
	const struct dp_plan *plan = engine->plan;
	uint32_t n = 0;

	for (uint32_t c = 0; c < plan->ncopy; c++)
		picks[n++].route = plan->copy[c];
	for (uint32_t g = 0; g < plan->ngroups; g++) {
		const struct dp_group *group = plan->groups[g];

		picks[n++].route =
			(uint8_t)group_pick(group, engine->digests[group->fields][i]);
	}
	for (uint32_t k = 0; k < n; k++)
		picks[k].verdict =
			(uint8_t)route_verdict(engine, &plan->routes[picks[k].route], i);
	return n;
}

static bool
packet_ready(const struct dp_engine *engine, const struct io_pkt *pkt,
	const struct dp_pick *picks, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (picks[k].verdict == DP_TAKE &&
			!route_ready(engine, &engine->plan->routes[picks[k].route], pkt))
			return false;
	return true;
}

static void
route_leave_out(struct dp_engine *engine, struct dp_pick pick, const struct io_pkt *pkt)
{
	struct dp_sink *sink = engine->plan->routes[pick.route].sink;

	route_touch(engine, pick.route, sink);
	sink_received(sink, pkt);
	if (pick.verdict == DP_FILTERED)
		sink->own.filtered_pkts++;
	else
		sink->own.unsampled_pkts++;
}

static void
packet_put(struct dp_engine *engine, const struct io_pkt *pkt, const struct dp_pick *picks,
	uint32_t n)
{
	uint32_t holders = 0;

	for (uint32_t k = 0; k < n; k++) {
		if (picks[k].verdict == DP_TAKE)
			holders += route_put(engine, picks[k].route, pkt);
		else
			route_leave_out(engine, picks[k], pkt);
	}
	if (holders == 0)
		io_pool_put(&engine->pool, pkt->frame);
	else if (holders > 1)
		engine->pool.refs[pkt->frame] = (uint16_t)holders;
}

bool
dp_packet_any(struct dp_engine *engine, uint32_t i)
{
	struct dp_pick picks[DP_MAX_SINKS + DP_MAX_GROUPS];
	uint32_t n = dp_packet_picks(engine, i, picks);

	if (engine->plan->any_wait && !packet_ready(engine, &engine->burst[i], picks, n))
		return false;
	packet_put(engine, &engine->burst[i], picks, n);
	return true;
}

uint32_t
dp_burst_any(struct dp_engine *engine)
{
	uint32_t i;

	for (i = engine->pos; i < engine->n; i++) {
		fetch_ahead(engine, i);
		if (!dp_packet_any(engine, i))
			break;
	}
	return i;
}

static bool
rule_matches(const struct dp_plan *plan, const struct io_pkt *pkt)
{
	for (uint32_t d = 0; d < plan->ndrop; d++)
		if (pkt_filter_match(plan->drop[d], pkt->data, pkt->len, pkt->wirelen))
			return true;
	return false;
}

void
dp_drop_matching(struct dp_engine *engine)
{
	struct dp_engine_counters *own = &engine->own;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < engine->n; i++) {
		const struct io_pkt *pkt = &engine->burst[i];
		struct dp_link_counters *link;

		if (!rule_matches(engine->plan, pkt)) {
			engine->burst[kept++] = *pkt;
			continue;
		}
		io_pool_put(&engine->pool, pkt->frame);
		link = &engine->links[dp_burst_is_mixed(engine) ? pkt->link : engine->link].own;
		link->received_pkts++;
		link->received_bytes += pkt->len;
		own->received_bytes += pkt->len;
	}
	own->received_pkts += engine->n - kept;
	own->drop_rule_pkts += engine->n - kept;
	engine->n = kept;
}
