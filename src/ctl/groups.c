/*
 * ctl/groups: an engine's groups: who is in one, and which member has which bucket.  Called by
 * channel.c, plan.c and wait.c under ctl->lock.  Invariant: group->map is as if everybody were
 * there; it changes only when a channel joins or leaves, so that who comes back finds his own.
 */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ctl_group_find(struct ctl_engine *engine, const char *name, uint32_t *out, struct ctl_err *err)
{
	struct ctl_group *group;

	for (*out = 0; *out < engine->ngroups; ++*out)
		if (strcmp(engine->groups[*out]->name, name) == 0)
			return 0;
	if (strlen(name) >= sizeof(group->name) || name[0] == '\0')
		return ctl_fail(err, -EINVAL, "group \"%.40s\": 1 to %zu bytes", name,
			sizeof(group->name) - 1);
	if (engine->ngroups == DP_MAX_GROUPS)
		return ctl_fail(err, -ENOSPC,
			"group \"%s\": engine \"%s\" has %d groups already, the most there can "
			"be",
			name, engine->name, DP_MAX_GROUPS);
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return ctl_fail(err, -ENOMEM, "group \"%s\": out of memory", name);
	snprintf(group->name, sizeof(group->name), "%s", name);
	memset(group->map, DP_NOBODY, sizeof(group->map));
	group->fields = -1;
	engine->groups[engine->ngroups++] = group;
	return 0;
}

uint32_t
ctl_group_members(const struct ctl_engine *engine, uint32_t group, uint8_t *members)
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

int
ctl_group_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	const struct ctl_group *group = engine->groups[ch->group];
	uint8_t members[DP_MAX_SINKS];

	if (ch->fields < 0 || group->fields < 0 || group->fields == ch->fields ||
		ctl_group_members(engine, ch->group, members) == 0)
		return 0;
	return ctl_fail(err, -EINVAL,
		"channel \"%s\": fields=\"%s\", but group \"%s\" is split by \"%s\" already; "
		"leave "
		"fields out or use another group",
		ch->spelled, pkt_fields_name((enum pkt_fields)ch->fields), group->name,
		pkt_fields_name((enum pkt_fields)group->fields));
}

void
ctl_group_update(struct ctl_engine *engine, uint32_t group)
{
	uint8_t members[DP_MAX_SINKS];
	uint32_t n = ctl_group_members(engine, group, members);

	dp_map_update(engine->groups[group]->map, members, n);
}

enum pkt_fields
ctl_group_fields(const struct ctl_group *group)
{
	return group->fields < 0 ? PKT_FIELDS_5TUPLE : (enum pkt_fields)group->fields;
}

static bool
channel_absent(const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	return ch->transport == CTL_PACF && ch->lane == NULL && !ctl_lane_comes(engine, ch);
}

/* Everybody's absence matters, as who is away stands in for nobody; but only those who
 * rebalance give their share away. */
void
ctl_group_map(const struct ctl_engine *engine, uint32_t group, uint8_t *out)
{
	const uint8_t *base = engine->groups[group]->map;
	bool absent[DP_MAX_SINKS], keeps[DP_NOBODY + 1] = {false};
	uint8_t members[DP_MAX_SINKS];
	uint32_t n = ctl_group_members(engine, group, members);

	for (uint32_t i = 0; i < n; i++) {
		const struct ctl_channel *ch = engine->channels[members[i]];

		absent[i] = channel_absent(engine, ch);
		keeps[members[i]] = ch->when_detached != CTL_POLICY_REBALANCE;
	}
	dp_map_rebalance(base, members, n, absent, out);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		if (keeps[base[b]])
			out[b] = base[b];
}

bool
ctl_group_served(const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	uint8_t members[DP_MAX_SINKS];
	uint32_t n = ctl_group_members(engine, ch->group, members);

	for (uint32_t i = 0; i < n; i++) {
		const struct ctl_channel *member = engine->channels[members[i]];

		if (member->transport != CTL_PACF || member->was_attached)
			return true;
	}
	return false;
}

void
ctl_counters_add(struct dp_channel_counters *sum, const struct dp_channel_counters *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < DP_WORDS(*c); i++)
		to[i] += from[i];
}
