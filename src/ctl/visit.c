/*
 * ctl/visit: everything there is to see, as one walk; whoever shows or stores it brings a
 * visitor. Called by shells under no lock; takes ctl->lock.  All counters of an engine are of
 * one moment.
 */
#include "state.h"
#include "auto.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM(v, key, value)  (v)->num((v)->arg, key, value)
#define STR(v, key, value)  (v)->str((v)->arg, key, value)
#define REAL(v, key, value) (v)->real((v)->arg, key, value)
#define OPEN(v, key)	    (v)->open((v)->arg, key)
#define CLOSE(v)	    (v)->close((v)->arg)

static void
view_take(const struct ctl_engine *engine, struct dp_view *view)
{
	struct dp_sink *sinks[DP_MAX_SINKS];
	struct dp_group_stat *groups[DP_MAX_GROUPS];

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		sinks[i] = engine->channels[i] != NULL ? engine->channels[i]->sink : NULL;
	for (uint32_t i = 0; i < engine->ngroups; i++)
		groups[i] = &engine->groups[i]->stat;
	dp_view_read(engine->dp, sinks, DP_MAX_SINKS, groups, engine->ngroups, view);
}

static double
uptime_s(const struct ctl_engine *engine)
{
	return engine->state == CTL_RUNNING
		       ? (double)(os_clock_mono_ns() - engine->started_ns) / 1e9
		       : 0;
}

static void
visit_counters(const struct ctl_visitor *v, const struct dp_engine_counters *c)
{
	OPEN(v, "counters");
#define DP_ENGINE_COUNTER(name, help) NUM(v, #name, c->name);
#include "counters.def"
#undef DP_ENGINE_COUNTER
	CLOSE(v);
	OPEN(v, "reasons");
	for (int i = 0; i < PKT_REASONS; i++)
		NUM(v, pkt_reason_name((enum pkt_reason)i), c->reasons[i]);
	CLOSE(v);
}

static const char *const states[] = {"up", "down", "gone"}; /* enum io_state */

static const char *
link_state(const struct ctl_engine *engine, uint32_t i)
{
	if (atomic_load(&engine->dp->links[i].failed))
		return "failed";
	if (engine->state != CTL_RUNNING)
		return "stopped";
	if (atomic_load(&engine->dp->ended))
		return "ended";
	return states[engine->links[i].status.state];
}

/* What the source says, and what is to be said about offloads. */
static void
visit_note(const struct ctl_visitor *v, const struct ctl_link_state *state)
{
	bool both = state->status.text[0] != '\0' && state->note[0] != '\0';
	char note[2 * IO_ERR_MAX + 2];

	snprintf(note, sizeof(note), "%s%s%s", state->status.text, both ? "; " : "",
		state->note);
	if (note[0] != '\0')
		STR(v, "note", note);
}

static void
visit_link(const struct ctl_visitor *v, const struct ctl_engine *engine, uint32_t i,
	const struct dp_link_counters *c)
{
	const struct ctl_link_state *state = &engine->links[i];
	struct io_source_counters source;
	double seconds = uptime_s(engine);

	ctl_link_counters(engine, i, &source);
	OPEN(v, NULL);
	STR(v, "ifname", state->ifname);
	STR(v, "state", link_state(engine, i));
	if (state->status.mode[0] != '\0')
		STR(v, "mode", state->status.mode);
	visit_note(v, state);
	if (state->info.stamps != NULL)
		STR(v, "stamps", state->info.stamps);
	NUM(v, "linktype", state->info.linktype);
	NUM(v, "batch", engine->dp->batch);
#define DP_LINK_COUNTER(name, help) NUM(v, #name, c->name);
#include "counters.def"
#undef DP_LINK_COUNTER
	NUM(v, "source_drop_pkts", source.source_drop_pkts);
	NUM(v, "no_frame_pkts", source.no_frame_pkts);
	NUM(v, "oversize_pkts", source.oversize_pkts);
	NUM(v, "super_pkts", source.super_pkts);
	NUM(v, "csum_partial_pkts", source.csum_partial_pkts);
	NUM(v, "done_bytes", source.done_bytes);
	NUM(v, "total_bytes", state->info.total_bytes);
	REAL(v, "rate_pps", seconds > 0 ? (double)c->received_pkts / seconds : 0);
	CLOSE(v);
}

static void
visit_consumer(const struct ctl_visitor *v, const struct ctl_channel *ch)
{
	if (ch->transport == CTL_PACF)
		STR(v, "state", ch->client != NULL ? "attached" : "detached");
	else if (ch->transport == CTL_NETDEV && ch->sink_open)
		STR(v, "state", states[ch->status.state]);
	else
		STR(v, "state", ch->sink_open ? "open" : "closed");
	if (ch->status.text[0] != '\0' && ch->sink_open)
		STR(v, "note", ch->status.text);
	NUM(v, "pid", ch->client != NULL ? (uint64_t)ch->client->pid : 0);
	STR(v, "program", ch->client != NULL ? ch->client->program : "");
}

static void
visit_channel_counters(const struct ctl_visitor *v, const struct dp_channel_counters *c)
{
#define DP_CHANNEL_COUNTER(name, help) NUM(v, #name, c->name);
#include "counters.def"
#undef DP_CHANNEL_COUNTER
}

static void
visit_channel(const struct ctl_visitor *v, const struct ctl_engine *engine,
	const struct ctl_channel *ch, const struct dp_channel_counters *c)
{
	static const char *const actions[] = {"SAMPLE", "COPY", "DROP"};

	OPEN(v, NULL);
	STR(v, "channel", ch->spelled);
	STR(v, "action", actions[ch->action]);
	STR(v, "group", ch->action == CTL_SAMPLE ? engine->groups[ch->group]->name : "");
	STR(v, "kind", ctl_transport_name(ch->transport));
	visit_consumer(v, ch);
	NUM(v, "size", ctl_channel_frames(ch));
	if (ch->filter_text != NULL)
		STR(v, "filter", ch->filter_text);
	if (ch->snaplen != 0)
		NUM(v, "snaplen", ch->snaplen);
	if (ch->sample > 1)
		NUM(v, "sample", ch->sample);
	NUM(v, "waiting", c->waiting_pkts);
	if (ch->when_detached == CTL_POLICY_HOLD) {
		NUM(v, "hold_bytes", ch->hold.bytes);
		NUM(v, "held", c->held_pkts);
	}
	visit_channel_counters(v, c);
	CLOSE(v);
}

/* Of the group's channels that were closed; some may still be read. */
static struct dp_channel_counters
closed_sum(const struct ctl_engine *engine, uint32_t group, const struct dp_view *view)
{
	struct dp_channel_counters sum = engine->groups[group]->closed;

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		if (ch != NULL && ch->closing && ch->action == CTL_SAMPLE && ch->group == group)
			ctl_counters_add(&sum, &view->sinks[i]);
	}
	return sum;
}

static void
visit_group(const struct ctl_visitor *v, const struct ctl_engine *engine, uint32_t group,
	const struct dp_view *view)
{
	struct dp_channel_counters closed = closed_sum(engine, group, view);

	OPEN(v, NULL);
	STR(v, "group", engine->groups[group]->name);
	STR(v, "fields", pkt_fields_name(ctl_group_fields(engine->groups[group])));
	NUM(v, "received_pkts", view->groups[group].received_pkts);
	OPEN(v, "closed");
	visit_channel_counters(v, &closed);
	CLOSE(v);
	CLOSE(v);
}

static void
visit_lists(const struct ctl_visitor *v, const struct ctl_engine *engine,
	const struct dp_view *view)
{
	OPEN(v, "links");
	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		visit_link(v, engine, i, &view->links[i]);
	CLOSE(v);
	OPEN(v, "channels");
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL && !engine->channels[i]->closing)
			visit_channel(v, engine, engine->channels[i], &view->sinks[i]);
	CLOSE(v);
	OPEN(v, "groups");
	for (uint32_t i = 0; i < engine->ngroups; i++)
		visit_group(v, engine, i, view);
	CLOSE(v);
}

static void
visit_failure(const struct ctl_visitor *v, const struct ctl_engine *engine)
{
	struct io_status status = {.text = ""};

	if (ctl_links_failed(engine, &status))
		STR(v, "error", status.text);
}

/* What was looked at, what is read by first. */
static void
visit_auto(const struct ctl_visitor *v, const struct ctl_auto *a)
{
	OPEN(v, "auto");
	for (uint32_t i = 0; i < a->n; i++) {
		const struct io_probe *probe = &a->rows[i].probe;

		OPEN(v, NULL);
		STR(v, "type", a->rows[i].type);
		STR(v, "usable", probe->usable ? "yes" : "no");
		STR(v, "got", probe->got);
		STR(v, "why", probe->why);
		STR(v, "fix", probe->fix);
		CLOSE(v);
	}
	CLOSE(v);
}

/* Where it really is. */
static void
visit_place(const struct ctl_visitor *v, const struct ctl_engine *engine)
{
	int cpu = os_thread_cpu(engine->thread);
	char memory[128];

	if (cpu >= 0)
		NUM(v, "cpu_actual", (uint64_t)cpu);
	ctl_pool_text(engine, memory, sizeof(memory));
	STR(v, "memory", memory);
}

static void
visit_engine(const struct ctl_visitor *v, struct ctl_engine *engine, const char *key,
	struct dp_view *view)
{
	bool running = engine->state == CTL_RUNNING;

	view_take(engine, view);
	OPEN(v, key);
	STR(v, "name", engine->name);
	STR(v, "type", engine->ops->name);
	if (engine->automatic != NULL)
		visit_auto(v, engine->automatic);
	STR(v, "state",
		!running			  ? "stopped"
		: atomic_load(&engine->dp->ended) ? "ended"
		: ctl_beat(engine)		  ? "stalled"
						  : "running");
	if (engine->cpu >= 0)
		NUM(v, "cpu", (uint64_t)engine->cpu);
	if (running)
		visit_place(v, engine);
	NUM(v, "buffers", running ? engine->dp->pool.frames : engine->buffers);
	STR(v, "tunnels", engine->conf.outer ? "outer" : "inner");
	NUM(v, "generation", engine->generation);
	REAL(v, "uptime_s", uptime_s(engine));
	if (running && !atomic_load(&engine->dp->ended)) /* ctl_beat has just looked */
		REAL(v, "heartbeat_age_s", ctl_beat_age_s(engine));
	visit_failure(v, engine);
	visit_counters(v, &view->engine);
	visit_lists(v, engine, view);
	CLOSE(v);
}

int
ctl_visit(struct ctl *ctl, const char *name, const struct ctl_visitor *v, struct ctl_err *err)
{
	struct dp_view *view = calloc(1, sizeof(*view));
	struct ctl_engine *engine = NULL;

	if (view == NULL)
		return ctl_fail(err, -ENOMEM, "out of memory for statistics");
	pthread_mutex_lock(&ctl->lock);
	if (name != NULL) {
		engine = ctl_engine_find(ctl, name, err);
		if (engine != NULL)
			visit_engine(v, engine, NULL, view);
	} else {
		OPEN(v, NULL);
		TAILQ_FOREACH(engine, &ctl->engines, entry)
		visit_engine(v, engine, engine->name, view);
		CLOSE(v);
	}
	pthread_mutex_unlock(&ctl->lock);
	free(view);
	return name != NULL && engine == NULL ? -ENOENT : 0;
}
