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

static int
group_find(struct ctl_engine *engine, const char *name, uint32_t *out, struct ctl_err *err)
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
	engine->groups[engine->ngroups++] = group;
	return 0;
}

/* SAMPLE needs a link type whose flows can be told apart. */
int
ctl_channel_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
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
		if (other == engine || ch->transport == CTL_PCAP)
			return ctl_fail(err, -EEXIST,
				"channel \"%s\" is open already in engine \"%s\"", ch->spelled,
				other->name);
	}
	return 0;
}

static int
room_check(const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	uint64_t need = ctl_engine_frames(engine) + (ch->transport == CTL_PACF ? ch->slots : 0);

	if (engine->state == CTL_RUNNING && need > engine->dp->pool.frames)
		return ctl_fail(err, -ENOSPC,
			"channel \"%s\" needs %llu buffers in all, engine \"%s\" has %u: stop "
			"it first, or make it "
			"with buffers=%llu",
			ch->spelled, (unsigned long long)need, engine->name,
			engine->dp->pool.frames, (unsigned long long)need);
	return 0;
}

static int
sink_open(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_err *err)
{
	const struct io_source_info *info = &engine->links[0].info;
	struct io_sink_cfg cfg = {.path = ch->name,
		.dlt = info->dlt,
		.snaplen = info->snaplen,
		.cut = ch->snaplen,
		.ts_digits = info->ts_digits};
	struct io_err io_err;
	int rc;

	if (ch->sink->ops == NULL || ch->sink_open)
		return 0;
	rc = ch->sink->ops->open(ch->sink->priv, &cfg, &io_err);
	if (rc < 0)
		return ctl_fail(err, rc, "%s", io_err.text);
	ch->sink_open = true;
	return 0;
}

static void
sink_close(struct ctl_channel *ch)
{
	if (!ch->sink_open)
		return;
	ch->sink->ops->close(ch->sink->priv);
	memset(ch->sink->priv, 0, ch->sink->ops->priv_bytes);
	ch->sink_open = false;
}

int
ctl_sinks_open(struct ctl_engine *engine, struct ctl_err *err)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		int rc = engine->channels[i] != NULL
				 ? sink_open(engine, engine->channels[i], err)
				 : 0;

		if (rc < 0) {
			ctl_sinks_close(engine);
			return rc;
		}
	}
	return 0;
}

void
ctl_sinks_close(struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			sink_close(engine->channels[i]);
}

static void
selection_free(struct ctl_channel *ch)
{
	free(ch->expression);
	ctl_filter_free(&ch->filter);
}

static void
channel_destroy(struct ctl_channel *ch)
{
	sink_close(ch);
	if (ch->sink != NULL)
		free(ch->sink->priv);
	free(ch->sink);
	selection_free(ch);
	free(ch);
}

static struct ctl_channel *
channel_make(struct ctl_channel *like)
{
	struct ctl_channel *ch = malloc(sizeof(*ch));

	if (ch == NULL)
		return NULL;
	*ch = *like;
	ch->name = ch->spelled + 5;
	ch->sink = calloc(1, sizeof(*ch->sink));
	if (ch->sink != NULL && ch->transport == CTL_PCAP) {
		ch->sink->ops = io_sink_find("pcap");
		ch->sink->priv = calloc(1, ch->sink->ops->priv_bytes);
	}
	if (ch->sink != NULL && (ch->sink->ops == NULL || ch->sink->priv != NULL)) {
		/* The new one's now. */
		like->expression = NULL;
		like->filter = (struct pkt_filter){0};
		return ch;
	}
	free(ch->sink);
	free(ch);
	return NULL;
}

void
ctl_counters_add(struct dp_channel_counters *sum, const struct dp_channel_counters *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < DP_WORDS(*c); i++)
		to[i] += from[i];
}

/* What a closed channel got stays part of its group's ledger.  The engine is done with it. */
void
ctl_channel_free(struct ctl_engine *engine, uint32_t number)
{
	struct ctl_channel *ch = engine->channels[number];

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
		rc = sink_open(engine, ch, err);
	if (rc < 0) {
		channel_destroy(ch);
		return rc;
	}
	engine->channels[number] = ch;
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

static int
place_check(const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	int rc = clash_check(engine, ch, err);

	if (rc == 0)
		rc = room_check(engine, ch, err);
	if (rc == 0)
		rc = ctl_channel_check(engine, ch, err);
	if (rc == 0 && number_free(engine) == DP_MAX_SINKS)
		rc = ctl_fail(err, -ENOSPC,
			"channel \"%s\": engine \"%s\" has %d channels already, the most there "
			"can be",
			ch->spelled, engine->name, CTL_MAX_CHANNELS);
	return rc;
}

static int
engine_channel_open(struct ctl_engine *engine, struct ctl_channel *ch,
	const struct ctl_channel_args *args, struct ctl_err *err)
{
	struct ctl_filter_link link = ctl_filter_link(engine);
	uint32_t ngroups = engine->ngroups;
	int rc = place_check(engine, ch, err);

	/* Done before, unless the engine's link changed meanwhile. */
	if (rc == 0)
		rc = ctl_filter_ready(ch, &link, err);
	if (rc == 0 && ch->transport == CTL_PACF)
		rc = ctl_attach_up(engine->ctl, err);
	if (rc == 0 && ch->action == CTL_SAMPLE)
		rc = group_find(
			engine, args->group != NULL ? args->group : "default", &ch->group, err);
	if (rc == 0 && ch->action == CTL_SAMPLE)
		rc = ctl_group_fields(engine, args, ch->group, engine->ngroups > ngroups, err);
	return rc < 0 ? rc : channel_add(engine, ch, err);
}

/* What can be said without the engine. */
static int
channel_read(struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	int rc = ctl_channel_parse(ch, args->channel, err);

	if (rc == 0)
		rc = ctl_channel_policies(ch, args, err);
	if (rc == 0)
		rc = ctl_channel_selection(ch, args, err);
	if (rc == 0)
		rc = ctl_channel_size(ch, args->size, err);
	return rc;
}

/* Without the lock: names in it may be looked up in the network. */
static int
filter_compile(struct ctl *ctl, struct ctl_channel *ch, const char *name, struct ctl_err *err)
{
	struct ctl_filter_link link = {0};
	const struct ctl_engine *engine;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL)
		link = ctl_filter_link(engine);
	pthread_mutex_unlock(&ctl->lock);
	return engine != NULL ? ctl_filter_ready(ch, &link, err) : -ENOENT;
}

int
ctl_channel_open(struct ctl *ctl, const struct ctl_channel_args *args, struct ctl_err *err)
{
	struct ctl_channel ch = {0};
	struct ctl_engine *engine;
	int rc = channel_read(&ch, args, err);

	if (rc == 0)
		rc = filter_compile(ctl, &ch, args->engine, err);
	pthread_mutex_lock(&ctl->lock);
	engine = rc == 0 ? ctl_engine_find(ctl, args->engine, err) : NULL;
	if (rc == 0)
		rc = engine != NULL ? engine_channel_open(engine, &ch, args, err) : -ENOENT;
	if (rc == 0)
		ctl_attach_retry(ctl);
	pthread_mutex_unlock(&ctl->lock);
	if (rc < 0)
		selection_free(&ch);
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
