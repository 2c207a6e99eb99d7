/*
 * ctl/plan: specifications -> an immutable plan -> the engine thread.  Under ctl->lock.
 * Invariant: engine->plan is what the thread uses or is about to; the one before it is freed
 * only after the thread has acknowledged.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_POLL_NS 20000u

bool
ctl_policy_waits(const struct ctl_engine *engine, enum ctl_policy policy)
{
	return policy == CTL_POLICY_WAIT ||
	       (policy != CTL_POLICY_DROP && policy != CTL_POLICY_HOLD &&
		       ctl_engine_offline(engine));
}

/* Filter, snaplen and sample; what they don't ask for stays 0. */
static void
route_rules(struct dp_plan *plan, struct dp_route *route, const struct ctl_engine *engine,
	const struct ctl_channel *ch)
{
	char key_name[sizeof("sample:") + CTL_IFNAME_MAX];

	if (ch->filter_text != NULL)
		route->filter = &ch->filter;
	route->snaplen = ch->snaplen; /* a file's is its sink's to cut */
	if (ch->sample > 1) {
		snprintf(key_name, sizeof(key_name), "sample:%s", ch->name);
		route->sample = ch->sample;
		route->sample_key = pkt_group_key(engine->seed, key_name);
		plan->fields |= 1u << PKT_FIELDS_5TUPLE;
	}
	if (route->filter != NULL || route->snaplen != 0 || route->sample != 0)
		plan->plain = false;
}

static void
plan_drop(struct dp_plan *plan, const struct ctl_channel *ch)
{
	if (ch->filter_text != NULL)
		plan->drop[plan->ndrop++] = &ch->filter;
	else
		plan->drop_all = true;
}

static void
plan_route(struct dp_plan *plan, const struct ctl_engine *engine, uint32_t number)
{
	const struct ctl_channel *ch = engine->channels[number];
	struct dp_route *route = &plan->routes[number];

	if (ch->closing && ch->lane == NULL)
		return;
	*route = (struct dp_route){
		.sink = ch->sink,
		.lane = ch->lane,
		.closed = ch->closing,
		.wait_full = ctl_policy_waits(engine, ch->when_full),
		.wait_detached = ctl_policy_waits(engine, ch->when_detached),
	};
	plan->nroutes = number + 1;
	if (ch->closing)
		return;
	if (ch->action == CTL_DROP)
		plan_drop(plan, ch);
	else
		route_rules(plan, route, engine, ch);
	if (ch->action == CTL_COPY)
		plan->copy[plan->ncopy++] = (uint8_t)number;
	if (ch->transport == CTL_PACF && (route->wait_full || route->wait_detached))
		plan->any_wait = true;
	if ((ch->transport == CTL_NETMAP || ch->transport == CTL_PCAP) && route->wait_full)
		plan->any_wait = true;
	if (ch->lane != NULL && engine->dp->pool.nregions > 0)
		plan->adopt = true;
}

/* Adds the group unless it has no member. */
static int
plan_group(struct dp_plan *plan, const struct ctl_engine *engine, uint32_t number)
{
	struct ctl_group *from = engine->groups[number];
	uint8_t members[DP_MAX_SINKS];
	struct dp_group *group;

	if (from->map[0] == DP_NOBODY)
		return 0;
	group = malloc(sizeof(*group));
	if (group == NULL)
		return -ENOMEM;
	group->stat = &from->stat;
	group->fields = ctl_group_fields(from);
	group->key = pkt_group_key(engine->seed, from->name);
	ctl_group_map(engine, number, group->map);
	plan->groups[plan->ngroups++] = group;
	if (ctl_group_members(engine, number, members) < 2)
		return 0; /* it does not matter whose they are */
	plan->fields |= 1u << group->fields;
	if (group->fields != PKT_FIELDS_5TUPLE)
		plan->plain = false;
	return 0;
}

void
ctl_plan_free(struct dp_plan *plan)
{
	if (plan == NULL)
		return;
	for (uint32_t i = 0; i < plan->ngroups; i++)
		free(plan->groups[i]);
	free(plan);
}

int
ctl_plan_build(struct ctl_engine *engine, struct dp_plan **out)
{
	struct dp_plan *plan = calloc(1, sizeof(*plan));

	*out = NULL;
	if (plan == NULL)
		return -ENOMEM;
	plan->generation = engine->generation + 1;
	plan->plain = true;
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			plan_route(plan, engine, i);
	for (uint32_t i = 0; i < engine->ngroups; i++)
		if (plan_group(plan, engine, i) < 0) {
			ctl_plan_free(plan);
			return -ENOMEM;
		}
	engine->generation = plan->generation;
	*out = plan;
	return 0;
}

static void
plan_hand_over(struct ctl_engine *engine, struct dp_plan *plan)
{
	struct dp_engine *dp = engine->dp;

	/* Pairs with the thread's acquire load: it sees a complete plan. */
	atomic_store_explicit(&dp->next, plan, memory_order_release);
	os_bell_ring(dp->bell_fd);
	/* Pairs with the thread's release store: it uses the old plan no more. */
	while (atomic_load_explicit(&dp->acked, memory_order_acquire) != plan->generation)
		os_sleep_ns(ACK_POLL_NS);
	ctl_plan_free(engine->plan);
	engine->plan = plan;
}

int
ctl_plan_publish(struct ctl_engine *engine, struct ctl_err *err)
{
	struct dp_plan *plan;

	if (engine->state != CTL_RUNNING)
		return 0;
	if (ctl_plan_build(engine, &plan) < 0)
		return ctl_fail(err, -ENOMEM,
			"engine \"%s\": out of memory for a new plan; the old one stays",
			engine->name);
	plan_hand_over(engine, plan);
	return 0;
}

int
ctl_plan_retire(struct ctl_engine *engine, struct ctl_channel *ch)
{
	struct dp_lane *lane = ch->lane;
	struct dp_plan *plan;

	if (lane == NULL)
		return 0;
	ch->lane = NULL;
	if (engine->state == CTL_RUNNING) {
		if (ctl_plan_build(engine, &plan) < 0) {
			ch->lane = lane;
			return -ENOMEM;
		}
		plan->retired[0].lane = lane;
		plan->retired[0].sink = ch->sink;
		plan->retired[0].keep = !ch->closing;
		plan->nretired = 1;
		plan_hand_over(engine, plan);
	}
	ctl_lane_retired(ch, lane);
	return 0;
}
