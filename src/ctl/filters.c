/*
 * ctl/filters: channels' filters fit their engine's packets.  Called by channel.c and engine.c
 * under ctl->lock, which is given up while an expression is compiled: names in it may be looked
 * up.  Invariant: a filter is only replaced while its engine is stopped, when no plan has it.
 */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKTYPE_NULL	  0
#define LINKTYPE_ETHERNET 1

int
ctl_filters_link(
	const struct ctl_engine *engine, struct ctl_filter_link *out, struct ctl_err *err)
{
	const struct ctl_link_state *first = &engine->links[0];

	*out = (struct ctl_filter_link){.linktype = LINKTYPE_ETHERNET};
	if (engine->dp->nlinks == 0)
		return 0;
	out->linktype = first->info.linktype;
	if (out->linktype != LINKTYPE_NULL)
		return 0;
	out->swapped = first->info.swapped;
	for (uint32_t i = 1; i < engine->dp->nlinks; i++)
		if (engine->links[i].info.swapped != out->swapped)
			return ctl_fail(err, -EINVAL,
				"engine \"%s\": \"%s\" and \"%s\" are of machines with "
				"different "
				"byte orders, so no filter can fit both; use two engines",
				engine->name, first->ifname, engine->links[i].ifname);
	return 0;
}

bool
ctl_filters_same(const struct ctl_filter_link *a, const struct ctl_filter_link *b)
{
	return a->linktype == b->linktype && a->swapped == b->swapped;
}

/* What is compiled without the lock: nothing in here is the control plane's. */
struct job {
	char engine[32], spelled[CTL_IFNAME_MAX], ifname[CTL_IFNAME_MAX];
	char *text;
	struct ctl_filter_link link;
	struct pkt_filter filter;
};

static struct ctl_channel *
next_stale(struct ctl_engine *engine, const struct ctl_filter_link *link)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];

		if (ch != NULL && !ch->closing && ch->filter_text != NULL &&
			!ctl_filters_same(&ch->filter_link, link))
			return ch;
	}
	return NULL;
}

static int
job_run(struct job *job, struct ctl_err *err)
{
	struct ctl_err why;
	int rc = ctl_filter_compile(&job->filter, job->text, &job->link, &why);

	if (rc < 0)
		return ctl_fail(err, rc,
			"channel \"%.100s\" on \"%.100s\" (link type %u): %.250s", job->spelled,
			job->ifname, job->link.linktype, why.text);
	return 0;
}

/* The channel may be gone or another's by now; then its filter is not needed. */
static void
job_install(struct ctl *ctl, struct job *job)
{
	struct ctl_engine *engine;
	struct ctl_err unused;

	engine = ctl_engine_find(ctl, job->engine, &unused);
	for (uint32_t i = 0; engine != NULL && i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];

		if (engine->state == CTL_RUNNING || ch == NULL || ch->filter_text == NULL ||
			strcmp(ch->spelled, job->spelled) != 0 ||
			strcmp(ch->filter_text, job->text) != 0)
			continue;
		ctl_filter_free(&ch->filter);
		ch->filter = job->filter;
		ch->filter_link = job->link;
		return;
	}
	ctl_filter_free(&job->filter);
}

int
ctl_filters_ready(struct ctl *ctl, struct ctl_engine *engine, struct ctl_err *err)
{
	struct job job = {0};
	const struct ctl_channel *ch;
	int rc = 0;

	for (uint32_t i = 0; i < DP_MAX_SINKS && job.text == NULL; i++)
		if (engine->channels[i] != NULL)
			job.text = engine->channels[i]->filter_text;
	if (job.text == NULL)
		return 0;
	rc = ctl_filters_link(engine, &job.link, err);
	ch = rc < 0 ? NULL : next_stale(engine, &job.link);
	if (ch == NULL)
		return rc;
	snprintf(job.engine, sizeof(job.engine), "%s", engine->name);
	snprintf(job.spelled, sizeof(job.spelled), "%s", ch->spelled);
	snprintf(job.ifname, sizeof(job.ifname), "%s", engine->links[0].ifname);
	job.text = strdup(ch->filter_text);
	if (job.text == NULL)
		return ctl_fail(err, -ENOMEM, "channel \"%s\": out of memory", ch->spelled);
	pthread_mutex_unlock(&ctl->lock);
	rc = job_run(&job, err);
	pthread_mutex_lock(&ctl->lock);
	if (rc == 0)
		job_install(ctl, &job);
	free(job.text);
	return rc < 0 ? rc : 1;
}
