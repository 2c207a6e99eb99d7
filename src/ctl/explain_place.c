/*
 * ctl/explain_place: where an explained packet goes in an engine: the decisions of dp/policy.c
 * and dp/split.c, one by one and with names.  Called by explain.c.
 */
#include "explain.h"
#include "sample.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct pkt_filter no_filter;

static enum explain_verdict
route_verdict(const struct dp_route *route, const struct explain_packet *p)
{
	const struct pkt_filter *filter = route->filter != NULL ? route->filter : &no_filter;

	if (route->sample > 1 && !pkt_flow_chosen(p->digests[PKT_FIELDS_5TUPLE],
					 route->sample_key, route->sample))
		return EXPLAIN_UNSAMPLED;
	return pkt_filter_match(filter, p->pkt->data, p->pkt->len, p->pkt->wirelen)
		       ? EXPLAIN_TAKEN
		       : EXPLAIN_FILTERED;
}

static struct explain_place *
place_add(struct explain_packet *p, const char *group)
{
	struct explain_place *place = &p->places.place[p->places.n++];

	memset(place, 0, sizeof(*place));
	snprintf(place->group, sizeof(place->group), "%s", group);
	return place;
}

static void
place_route(struct explain_place *place, const struct explain_packet *p,
	const struct ctl_engine *engine, const struct dp_plan *plan, uint8_t number)
{
	const struct dp_route *route = &plan->routes[number];

	snprintf(place->channel, sizeof(place->channel), "%s",
		engine->channels[number]->spelled);
	place->verdict = route_verdict(route, p);
	place->snaplen = route->snaplen;
	place->sample = route->sample;
}

static void
place_group(struct explain_packet *p, const struct ctl_engine *engine,
	const struct dp_plan *plan, const struct dp_group *group, const char *name)
{
	struct explain_place *place = place_add(p, name);
	uint8_t number;

	place->fields = group->fields;
	place->bucket = pkt_bucket(p->digests[group->fields], group->key);
	number = group->map[place->bucket];
	for (uint32_t b = 0; b < PKT_BUCKETS; b++)
		place->owned += group->map[b] == number;
	place_route(place, p, engine, plan, number);
}

/* A plan has only groups that have channels. */
static void
places_groups(
	struct explain_packet *p, const struct ctl_engine *engine, const struct dp_plan *plan)
{
	for (uint32_t i = 0, g = 0; i < engine->ngroups; i++) {
		const struct ctl_group *group = engine->groups[i];

		if (g < plan->ngroups && plan->groups[g]->stat == &group->stat)
			place_group(p, engine, plan, plan->groups[g++], group->name);
		else
			place_add(p, group->name)->verdict = EXPLAIN_NOBODY;
	}
}

bool
explain_dropped(const struct ctl_engine *engine, const struct io_pkt *pkt)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		if (ch == NULL || ch->closing || ch->action != CTL_DROP)
			continue;
		if (ch->filter_text == NULL ||
			pkt_filter_match(&ch->filter, pkt->data, pkt->len, pkt->wirelen))
			return true;
	}
	return false;
}

static void
places_drop(struct explain_packet *p, const struct ctl_engine *engine)
{
	uint32_t rules = 0;

	p->places.dropped = explain_dropped(engine, p->pkt);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		if (ch == NULL || ch->closing || ch->action != CTL_DROP || rules++ > 0)
			continue;
		snprintf(p->places.dropper, sizeof(p->places.dropper), "%s", ch->spelled);
	}
	if (rules > 1)
		p->places.dropper[0] = '\0';
}

int
explain_places(struct explain_packet *p, struct ctl_engine *engine, struct ctl_err *err)
{
	struct dp_plan *plan;

	if (ctl_plan_build(engine, &plan) < 0)
		return ctl_fail(err, -ENOMEM, "explaining a packet: out of memory");
	engine->generation--; /* it is never published */
	places_drop(p, engine);
	for (uint32_t i = 0; i < plan->ncopy; i++)
		place_route(place_add(p, ""), p, engine, plan, plan->copy[i]);
	places_groups(p, engine, plan);
	ctl_plan_free(plan);
	return 0;
}

void
explain_places_default(struct explain_packet *p)
{
	struct explain_place *place = place_add(p, "default");

	place->fields = PKT_FIELDS_5TUPLE;
	place->bucket = pkt_bucket(
		p->digests[place->fields], pkt_group_key(PKT_DEFAULT_KEY, place->group));
	place->verdict = EXPLAIN_NOBODY;
}
