/*
 * ctl/selection: which packets a channel wants: filter, snaplen, sample, the fields of its
 * group, and what becomes of its share while nobody reads it.  Called by args, channel.c, run.c
 * and plan.c, under ctl->lock unless said otherwise.
 */
#include "state.h"

#include <errno.h>
#include <string.h>

struct ctl_filter_link
ctl_filter_link(const struct ctl_engine *engine)
{
	const struct io_source_info *info = &engine->links[0].info;

	if (engine->dp->nlinks == 0)
		return (struct ctl_filter_link){.linktype = 1};
	return (struct ctl_filter_link){.linktype = info->linktype, .swapped = info->swapped};
}

static bool
link_is(const struct ctl_filter_link *a, const struct ctl_filter_link *b)
{
	return a->linktype == b->linktype && a->swapped == b->swapped;
}

int
ctl_filter_ready(
	struct ctl_channel *ch, const struct ctl_filter_link *link, struct ctl_err *err)
{
	struct pkt_filter filter;
	int rc;

	if (ch->expression == NULL ||
		(ch->filter.insns != NULL && link_is(&ch->filter_link, link)))
		return 0;
	rc = ctl_filter_compile(&filter, ch->expression, link, err);
	if (rc < 0)
		return rc;
	ctl_filter_free(&ch->filter);
	ch->filter = filter;
	ch->filter_link = *link;
	return 0;
}

int
ctl_group_fields(struct ctl_engine *engine, const struct ctl_channel_args *args, uint32_t group,
	bool fresh, struct ctl_err *err)
{
	struct ctl_group *g = engine->groups[group];
	int fields;

	if (args->fields == NULL)
		return 0;
	fields = pkt_fields_from_name(args->fields);
	if (fields < 0)
		return ctl_fail(err, -EINVAL,
			"fields=\"%s\": use one of 5tuple, 3tuple, 2tuple, vlan+5tuple",
			args->fields);
	if (!fresh && (enum pkt_fields)fields != g->fields)
		return ctl_fail(err, -EEXIST,
			"channel \"%s\": group \"%s\" is split by %s already; all its channels "
			"share "
			"that",
			args->channel, g->name, pkt_fields_name(g->fields));
	g->fields = (enum pkt_fields)fields;
	return 0;
}

void
ctl_plan_select(
	struct dp_plan *plan, const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	struct dp_route *route = &plan->routes[plan->nroutes - 1];
	char name[sizeof("sample:") + CTL_IFNAME_MAX] = "sample:";

	route->filter = ch->expression != NULL ? &ch->filter : NULL;
	route->snaplen = ch->snaplen;
	route->sample = ch->sample;
	if (ch->sample > 1) {
		route->sample_key = pkt_group_key(engine->seed, strcat(name, ch->spelled));
		plan->fields |= 1u << PKT_FIELDS_5TUPLE;
	}
	if (ch->action == CTL_DROP)
		return;
	if (route->filter != NULL || route->snaplen != 0 || route->sample > 1)
		plan->plain = false;
}

void
ctl_plan_map(const struct ctl_engine *engine, uint32_t group, const uint8_t *members,
	uint32_t n, uint8_t *map)
{
	bool absent[DP_MAX_SINKS];

	for (uint32_t i = 0; i < n; i++) {
		const struct ctl_channel *ch = engine->channels[members[i]];

		absent[i] = ch->when_detached == CTL_POLICY_REBALANCE && ch->lane == NULL;
	}
	dp_map_rebalance(engine->groups[group]->map, members, n, absent, map);
}
