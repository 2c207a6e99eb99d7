/*
 * ctl/channel: channels of an engine: names, policies, opening and closing, also while it runs.
 * Called by the shell; public functions take ctl->lock.  Invariant: a channel's index is its
 * route number for as long as it is open.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SAMPLE needs a link type whose flows can be told apart. */
int
ctl_channel_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	if (ch->transport == CTL_NETDEV && ctl_links_loop(engine, ch->name, err) < 0)
		return -ELOOP;
	for (uint32_t i = 0; ch->action == CTL_SAMPLE && i < engine->dp->nlinks; i++)
		if (engine->dp->links[i].link == PKT_LINK_OTHER)
			return ctl_fail(err, -EINVAL,
				"channel \"%s\": \"%s\" has link type %u, whose flows can't be "
				"told apart, so it "
				"can't be split by SAMPLE; use action=\"COPY\"",
				ch->spelled, engine->links[i].ifname,
				engine->links[i].info.linktype);
	return 0;
}

/* Two writers of one file, or one name twice in an engine. */
static int
clash_check(const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	const struct ctl_engine *other;

	TAILQ_FOREACH(other, &engine->ctl->engines, entry)
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *c = other->channels[i];

		if (c == NULL || c->closing || strcmp(c->spelled, ch->spelled) != 0)
			continue;
		if (other == engine || ch->transport == CTL_PCAP || ch->transport == CTL_NETMAP)
			return ctl_fail(err, -EEXIST,
				"channel \"%s\" is open already in engine \"%s\"", ch->spelled,
				other->name);
		if (ctl_access_clash(other->name, &c->access, ch, err) < 0)
			return -EINVAL;
	}
	return 0;
}

static void
sink_free(struct dp_sink *sink)
{
	if (sink == NULL)
		return;
	ctl_hold_free(sink->backlog);
	free(sink->priv);
	free(sink->top);
	free(sink);
}

/* Nothing comes out of a DROP channel, so its flows are not counted. */
static struct dp_sink *
sink_make(enum ctl_action action)
{
	struct dp_sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL || action == CTL_DROP)
		return sink;
	sink->top = calloc(1, sizeof(*sink->top));
	if (sink->top != NULL)
		dp_top_clear(&sink->top->own);
	return sink;
}

static void
rules_free(struct ctl_channel *ch)
{
	ctl_filter_free(&ch->filter);
	free(ch->filter_text);
	ctl_hold_clear(&ch->hold);
}

static void
channel_destroy(struct ctl_channel *ch)
{
	ctl_sink_close(NULL, ch);
	rules_free(ch);
	sink_free(ch->sink);
	free(ch);
}

/* It takes over the filter. */
static struct ctl_channel *
channel_make(struct ctl_channel *like)
{
	struct ctl_channel *ch = malloc(sizeof(*ch));

	if (ch == NULL)
		return NULL;
	*ch = *like;
	ch->name = ch->spelled + (like->name - like->spelled);
	ch->sink = sink_make(ch->action);
	if (ch->sink != NULL && ch->transport != CTL_PACF) {
		ch->sink->ops = io_sink_find(ctl_transport_name(ch->transport));
		ch->sink->priv = calloc(1, ch->sink->ops->priv_bytes);
	}
	if (ch->sink != NULL && (ch->sink->ops == NULL || ch->sink->priv != NULL)) {
		like->filter = (struct pkt_filter){0};
		like->filter_text = NULL;
		ch->sink->backlog = like->hold.backlog;
		like->hold.backlog = ch->hold.backlog = NULL;
		return ch;
	}
	sink_free(ch->sink);
	free(ch);
	return NULL;
}

/* What a closed channel got stays part of its group's ledger.  The engine is done with it. */
void
ctl_channel_free(struct ctl_engine *engine, uint32_t number)
{
	struct ctl_channel *ch = engine->channels[number];

	ctl_hold_end(engine, ch);
	ctl_sink_close(engine, ch);
	if (ch->action == CTL_SAMPLE)
		ctl_counters_add(&engine->groups[ch->group]->closed, &ch->sink->own);
	engine->channels[number] = NULL;
	channel_destroy(ch);
}

static uint32_t
number_free(const struct ctl_engine *engine)
{
	uint32_t i = 0;

	while (i < DP_MAX_SINKS && engine->channels[i] != NULL)
		i++;
	return i;
}

/* Puts a checked channel in place and, if the engine runs, into its plan. */
static int
channel_add(struct ctl_engine *engine, struct ctl_channel *like, struct ctl_err *err)
{
	uint32_t number = number_free(engine);
	struct ctl_channel *ch = channel_make(like);
	int rc = 0;

	if (ch == NULL)
		return ctl_fail(err, -ENOMEM, "channel \"%s\": out of memory", like->spelled);
	if (engine->state == CTL_RUNNING)
		rc = ctl_sink_open(engine, ch, err);
	if (rc < 0) {
		channel_destroy(ch);
		return rc;
	}
	ch->hold.linktype = engine->links[0].info.linktype;
	engine->channels[number] = ch;
	ctl_lanes_shared(engine, ch);
	if (ch->action == CTL_SAMPLE)
		ctl_group_update(engine, ch->group);
	rc = ctl_plan_publish(engine, err);
	if (rc < 0) {
		engine->channels[number] = NULL;
		if (ch->action == CTL_SAMPLE)
			ctl_group_update(engine, ch->group);
		channel_destroy(ch);
	}
	return rc;
}

/* SAMPLE: into its group; the first to name fields says what the group is split by. */
static int
group_join(struct ctl_engine *engine, struct ctl_channel *ch, const char *name,
	struct ctl_err *err)
{
	uint8_t members[DP_MAX_SINKS];
	int rc = ctl_group_find(engine, name != NULL ? name : "default", &ch->group, err);
	struct ctl_group *group;
	int before;

	if (rc == 0)
		rc = ctl_group_check(engine, ch, err);
	if (rc < 0)
		return rc;
	group = engine->groups[ch->group];
	before = group->fields;
	if (ch->fields >= 0 || ctl_group_members(engine, ch->group, members) == 0)
		group->fields = ch->fields;
	rc = channel_add(engine, ch, err);
	if (rc < 0)
		group->fields = before;
	return rc;
}

static int
engine_channel_open(struct ctl_engine *engine, struct ctl_channel *ch, const char *group,
	struct ctl_err *err)
{
	int rc;

	rc = clash_check(engine, ch, err);
	if (rc == 0)
		rc = ctl_pool_room(engine, ch, err);
	if (rc == 0)
		rc = ctl_channel_check(engine, ch, err);
	if (rc == 0 && number_free(engine) == DP_MAX_SINKS)
		rc = ctl_fail(err, -ENOSPC,
			"channel \"%s\": engine \"%s\" has %d channels already, the most there "
			"can be",
			ch->spelled, engine->name, CTL_MAX_CHANNELS);
	if (rc == 0 && ch->transport == CTL_PACF)
		rc = ctl_attach_up(engine->ctl, err);
	if (rc < 0)
		return rc;
	return ch->action == CTL_SAMPLE ? group_join(engine, ch, group, err)
					: channel_add(engine, ch, err);
}

/* 1: its filter has to be compiled first, for *link. */
static int
channel_try(struct ctl *ctl, struct ctl_channel *ch, const struct ctl_channel_args *args,
	struct ctl_filter_link *link, struct ctl_err *err)
{
	struct ctl_engine *engine = ctl_engine_find(ctl, args->engine, err);
	int rc;

	if (engine == NULL)
		return -ENOENT;
	if (ch->filter_text != NULL) {
		rc = ctl_filters_link(engine, link, err);
		if (rc < 0)
			return rc;
		if (ch->filter.insns == NULL || !ctl_filters_same(&ch->filter_link, link))
			return 1;
	}
	rc = engine_channel_open(engine, ch, args->group, err);
	if (rc == 0)
		ctl_attach_retry(ctl);
	return rc;
}

int
ctl_channel_open(struct ctl *ctl, const struct ctl_channel_args *args, struct ctl_err *err)
{
	struct ctl_filter_link link;
	struct ctl_channel ch = {0};
	int rc = ctl_channel_spec(&ch, args, err);

	while (rc == 0) {
		pthread_mutex_lock(&ctl->lock);
		rc = channel_try(ctl, &ch, args, &link, err);
		pthread_mutex_unlock(&ctl->lock);
		if (rc <= 0)
			break;
		ctl_filter_free(&ch.filter);
		ch.filter_link = link;
		rc = ctl_filter_compile(&ch.filter, ch.filter_text, &link, err);
	}
	rules_free(&ch);
	return rc;
}

static int
number_find(const struct ctl_engine *engine, const char *spelled, struct ctl_err *err)
{
	struct ctl_channel like = {0};
	const char *some = NULL;
	int rc = ctl_channel_parse(&like, spelled, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < DP_MAX_SINKS; i++) {
		if (engine->channels[i] == NULL || engine->channels[i]->closing)
			continue;
		some = engine->channels[i]->spelled;
		if (strcmp(some, like.spelled) == 0)
			return i;
	}
	return ctl_fail(err, -ENOENT, "engine \"%s\" has no channel \"%s\"; %s%s", engine->name,
		like.spelled, some != NULL ? "it has " : "it has none",
		some != NULL ? some : "");
}

/* Out of the plan first; then, unless an application still has its lane, the object. */
static int
channel_remove(struct ctl_engine *engine, uint32_t number, struct ctl_err *err)
{
	struct ctl_channel *ch = engine->channels[number];
	int rc;

	ch->closing = true;
	if (ch->action == CTL_SAMPLE)
		ctl_group_update(engine, ch->group);
	rc = ctl_plan_publish(engine, err);
	if (rc < 0) {
		ch->closing = false;
		if (ch->action == CTL_SAMPLE)
			ctl_group_update(engine, ch->group);
		return rc;
	}
	if (ch->lane == NULL)
		ctl_channel_free(engine, number);
	ctl_clients_review(engine->ctl);
	return 0;
}

int
ctl_channel_close(struct ctl *ctl, const char *name, const char *channel, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL)
		rc = number_find(engine, channel, err);
	if (rc >= 0)
		rc = channel_remove(engine, (uint32_t)rc, err);
	if (rc == 0)
		ctl_attach_retry(ctl);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}
