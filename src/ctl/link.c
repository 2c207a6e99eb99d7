/*
 * ctl/link: an engine's sources.  Called by the shell; public functions take ctl->lock.  Links
 * change only while the engine is stopped.
 */
#include "state.h"
#include "auto.h"
#include "netif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The second may be another name of the first. */
static bool
interface_is(const char *ifname, const char *name)
{
	struct os_netif a, b;

	if (strcmp(ifname, name) == 0)
		return true;
	return os_netif_read(ifname, &a) == 0 && os_netif_read(name, &b) == 0 &&
	       a.index == b.index;
}

int
ctl_links_loop(const struct ctl_engine *engine, const char *name, struct ctl_err *err)
{
	for (uint32_t i = 0; engine->ops->live && i < engine->dp->nlinks; i++)
		if (interface_is(engine->links[i].ifname, name))
			return ctl_fail(err, -ELOOP,
				"channel \"netdev:%s\": engine \"%s\" reads \"%s\", and would "
				"read what it sends there; send out of another interface",
				name, engine->name, engine->links[i].ifname);
	return 0;
}

void
ctl_link_close(struct ctl_engine *engine, uint32_t i)
{
	struct dp_link *link = &engine->dp->links[i];

	if (engine->links[i].open) {
		link->ops->close(link->priv);
		ctl_link_counters(engine, i, &engine->links[i].before);
	}
	ctl_offload_stop(engine, i);
	engine->links[i].open = false;
	atomic_store(&link->failed, false); /* its failure cannot be asked for any more */
}

int
ctl_link_open(struct ctl_engine *engine, uint32_t i, struct ctl_err *err)
{
	struct ctl_link_state *state = &engine->links[i];
	struct dp_link *link = &engine->dp->links[i];
	struct io_source_cfg cfg = {.ifname = state->ifname,
		.qid = state->args.qid,
		.speed = state->args.speed,
		.loop = state->args.loop,
		.mode = state->args.mode,
		.busy_poll = state->args.busy_poll,
		.fix_offload = state->args.fix_offload};
	struct io_err io_err;
	int rc = ctl_privileges_link(engine->ctl, link->ops, &state->args, err);

	if (rc < 0)
		return rc;
	memset(link->priv, 0, link->ops->priv_bytes);
	memset(&state->info, 0, sizeof(state->info));
	memset(&state->status, 0, sizeof(state->status));
	rc = link->ops->open(link->priv, &cfg, &state->info, &io_err);
	if (rc < 0)
		return ctl_fail(err, rc, "%s", io_err.text);
	state->open = true;
	state->used = false;
	link->link = pkt_link_from_dlt(state->info.dlt);
	return 0;
}

void
ctl_links_retire(struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < engine->dp->nlinks && engine->ops->live; i++)
		ctl_link_close(engine, i);
}

void
ctl_link_counters(const struct ctl_engine *engine, uint32_t i, struct io_source_counters *out)
{
	const struct io_source_counters *before = &engine->links[i].before;
	const struct dp_link *link = &engine->dp->links[i];
	struct io_source_counters now = {0};

	if (engine->links[i].open)
		link->ops->counters(link->priv, &now);
	now.source_drop_pkts += before->source_drop_pkts;
	now.no_frame_pkts += before->no_frame_pkts;
	now.oversize_pkts += before->oversize_pkts;
	now.super_pkts += before->super_pkts;
	now.csum_partial_pkts += before->csum_partial_pkts;
	*out = now;
}

bool
ctl_links_failed(const struct ctl_engine *engine, struct io_status *out)
{
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		const struct dp_link *link = &engine->dp->links[i];

		if (atomic_load_explicit(&link->failed, memory_order_acquire)) {
			link->ops->tend(link->priv, out);
			return true;
		}
	}
	return false;
}

int
ctl_links_reopen(struct ctl_engine *engine, struct ctl_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < engine->dp->nlinks && rc == 0; i++) {
		if (engine->links[i].used)
			ctl_link_close(engine, i);
		if (!engine->links[i].open)
			rc = ctl_link_open(engine, i, err);
	}
	return rc;
}

int
ctl_link_check(
	const struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	if (engine->state == CTL_RUNNING)
		return ctl_fail(err, -EBUSY,
			"engine \"%s\" is running: pkteng.stop({engine=\"%s\"}) before linking "
			"\"%s\"",
			engine->name, engine->name, args->ifname);
	if (strlen(args->ifname) >= CTL_IFNAME_MAX)
		return ctl_fail(err, -ENAMETOOLONG,
			"ifname \"%.60s...\" is longer than %d bytes", args->ifname,
			CTL_IFNAME_MAX - 1);
	if (args->batch > IO_BURST_MAX)
		return ctl_fail(
			err, -EINVAL, "batch=%u: at most %u", args->batch, IO_BURST_MAX);
	if (engine->ops == &ctl_auto_ops) /* asks again when it has decided */
		return 0;
	if (args->offline_args && !engine->ops->offline)
		return ctl_fail(err, -EINVAL,
			"speed and loop are for capture files; type \"%s\" reads interfaces",
			engine->ops->name);
	if (args->live_args && !engine->ops->live)
		return ctl_fail(err, -EINVAL,
			"qid, mode, busy_poll and offload are for interfaces; type "
			"\"%s\" reads capture files",
			engine->ops->name);
	if (engine->dp->nlinks == DP_MAX_LINKS)
		return ctl_fail(err, -ENOSPC,
			"engine \"%s\" has %d links already, the most there can be",
			engine->name, DP_MAX_LINKS);
	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		if (strcmp(engine->links[i].ifname, args->ifname) == 0)
			return ctl_fail(err, -EEXIST,
				"engine \"%s\" is linked with \"%s\" already", engine->name,
				args->ifname);
	return 0;
}

int
ctl_link_add(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	uint32_t i = engine->dp->nlinks;
	struct ctl_link_state *state = &engine->links[i];
	struct dp_link *link = &engine->dp->links[i];
	int rc;

	memset(state, 0, sizeof(*state));
	memset(link, 0, sizeof(*link));
	snprintf(state->ifname, sizeof(state->ifname), "%s", args->ifname);
	state->args = *args;
	link->ops = engine->ops;
	link->priv = calloc(1, engine->ops->priv_bytes);
	if (link->priv == NULL)
		return ctl_fail(err, -ENOMEM, "linking \"%s\": out of memory", args->ifname);
	rc = ctl_link_open(engine, i, err);
	if (rc == 0 && i > 0 && state->info.linktype != engine->links[0].info.linktype) {
		rc = ctl_fail(err, -EINVAL,
			"\"%s\" has link type %u, \"%s\" has %u: one engine reads one link "
			"type; use two engines",
			state->ifname, state->info.linktype, engine->links[0].ifname,
			engine->links[0].info.linktype);
		ctl_link_close(engine, i);
	}
	if (rc < 0) {
		free(link->priv);
		return rc;
	}
	if (engine->dp->batch == 0 || args->batch != 0)
		engine->dp->batch = args->batch != 0	     ? args->batch
				    : state->info.batch != 0 ? state->info.batch
							     : IO_BURST;
	engine->dp->nlinks++;
	return 0;
}

int
ctl_link(struct ctl *ctl, const struct ctl_link_args *args, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, args->engine, err);
	if (engine != NULL && engine->automatic != NULL)
		rc = ctl_auto_link(engine, args, err);
	else if (engine != NULL)
		rc = ctl_link_check(engine, args, err);
	if (rc == 0 && engine->automatic == NULL)
		rc = ctl_link_add(engine, args, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

static void
link_remove(struct ctl_engine *engine, uint32_t i)
{
	struct dp_engine *dp = engine->dp;

	ctl_link_close(engine, i);
	free(dp->links[i].priv);
	dp->nlinks--;
	memmove(&dp->links[i], &dp->links[i + 1], (dp->nlinks - i) * sizeof(dp->links[0]));
	memmove(&engine->links[i], &engine->links[i + 1],
		(dp->nlinks - i) * sizeof(engine->links[0]));
}

static int
engine_unlink(struct ctl_engine *engine, const char *ifname, struct ctl_err *err)
{
	if (engine->state == CTL_RUNNING)
		return ctl_fail(err, -EBUSY,
			"engine \"%s\" is running: pkteng.stop({engine=\"%s\"}) before "
			"unlinking \"%s\"",
			engine->name, engine->name, ifname);
	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		if (strcmp(engine->links[i].ifname, ifname) == 0) {
			link_remove(engine, i);
			if (engine->automatic != NULL && engine->dp->nlinks == 0)
				ctl_auto_forget(engine);
			return 0;
		}
	if (engine->dp->nlinks == 0)
		return ctl_fail(err, -ENOENT, "engine \"%s\" has no link \"%s\"; it has none",
			engine->name, ifname);
	return ctl_fail(err, -ENOENT, "engine \"%s\" has no link \"%s\"; it has \"%s\"%s",
		engine->name, ifname, engine->links[0].ifname,
		engine->dp->nlinks > 1 ? " and others" : "");
}

int
ctl_unlink(struct ctl *ctl, const char *name, const char *ifname, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL)
		rc = engine_unlink(engine, ifname, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}
