/*
 * ctl/plan: specifications -> an immutable plan -> the engine thread.  Under ctl->lock.
 * Invariant: engine->plan is what the thread uses or is about to; the one before it is freed
 * only after the thread has acknowledged.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACK_POLL_NS 20000u

bool
ctl_policy_waits(const struct ctl_engine *engine, enum ctl_policy policy)
{
	/* Rebalance: it is only asked where all its group is absent. */
	return policy == CTL_POLICY_WAIT ||
	       ((policy == CTL_BY_SOURCE || policy == CTL_POLICY_REBALANCE) &&
		       ctl_engine_offline(engine));
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
	ctl_plan_select(plan, engine, ch);
	if (ch->action == CTL_DROP && ch->expression != NULL)
		plan->drop[plan->ndrop++] = &ch->filter;
	else if (ch->action == CTL_DROP)
		plan->drop_all = true;
	if (ch->action == CTL_COPY)
		plan->copy[plan->ncopy++] = (uint8_t)number;
	if (ch->transport == CTL_PACF && (route->wait_full || route->wait_detached))
		plan->any_wait = true;
}

static uint32_t
group_members(const struct ctl_engine *engine, uint32_t group, uint8_t *members)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		if (ch != NULL && !ch->closing && ch->action == CTL_SAMPLE &&
			ch->group == group)
			members[n++] = (uint8_t)i;
	}
	return n;
}

void
ctl_group_update(struct ctl_engine *engine, uint32_t group)
{
	uint8_t members[DP_MAX_SINKS];
	uint32_t n = group_members(engine, group, members);

	dp_map_update(engine->groups[group]->map, members, n);
}

/* Adds the group unless it has no member. */
static int
plan_group(struct dp_plan *plan, const struct ctl_engine *engine, uint32_t number)
{
	struct ctl_group *from = engine->groups[number];
	uint8_t members[DP_MAX_SINKS];
	struct dp_group *group;
	uint32_t n;

	if (from->map[0] == DP_NOBODY)
		return 0;
	group = malloc(sizeof(*group));
	if (group == NULL)
		return -ENOMEM;
	group->stat = &from->stat;
	group->fields = from->fields;
	group->key = pkt_group_key(engine->seed, from->name);
	n = group_members(engine, number, members);
	ctl_plan_map(engine, number, members, n, group->map);
	plan->groups[plan->ngroups++] = group;
	plan->plain &= group->fields == PKT_FIELDS_5TUPLE;
	if (n > 1) /* else it does not matter whose they are */
		plan->fields |= 1u << group->fields;
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
		plan->nretired = 1;
		plan_hand_over(engine, plan);
	}
	chan_tx_destroy(&lane->tx);
	free(lane);
	return 0;
}
