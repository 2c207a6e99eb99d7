/*
 * ctl/engine: engines over their life: new, link, start, stop, delete.  Called by the shell;
 * every public function takes ctl->lock.  Allowed: new -> stopped; stopped -> running (start),
 * running -> stopped (stop); link and unlink only when stopped; delete stops first.
 */
#include "state.h"
#include "os.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
ctl_engine_offline(const struct ctl_engine *engine)
{
	return engine->ops->offline;
}

static bool
name_ok(const char *name, size_t size)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_.-", name[i]) == NULL)
			return false;
	return n > 0 && n < size;
}

static int
type_refuse(const char *type, struct ctl_err *err)
{
	if (strcmp(type, "netmap") == 0 && access("/dev/netmap", F_OK) != 0)
		return ctl_fail(err, -ENODEV,
			"type \"netmap\" needs the netmap kernel module (/dev/netmap is "
			"missing); "
			"this build has: %s",
			io_source_names());
	return ctl_fail(err, -EINVAL, "no engine type \"%s\" in this build; it has: %s", type,
		io_source_names());
}

static int
new_check(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	const struct ctl_engine *engine;
	unsigned count = 0;

	if (!name_ok(args->name, sizeof(engine->name)))
		return ctl_fail(err, -EINVAL,
			"engine name \"%s\" is not usable: 1 to 31 letters, digits, \"_\", "
			"\".\" or \"-\"",
			args->name);
	if (io_source_find(args->type) == NULL)
		return type_refuse(args->type, err);
	if (args->cpu >= 0 && args->cpu >= os_cpu_count())
		return ctl_fail(err, -EINVAL, "cpu=%d: this machine has CPUs 0 to %d",
			args->cpu, os_cpu_count() - 1);
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	{
		count++;
		if (strcmp(engine->name, args->name) == 0)
			return ctl_fail(err, -EEXIST,
				"engine \"%s\" exists already; delete it first or choose "
				"another name",
				args->name);
	}
	if (count == CTL_MAX_ENGINES)
		return ctl_fail(err, -ENOSPC,
			"engine \"%s\": there are %d engines already, the most there can be",
			args->name, CTL_MAX_ENGINES);
	return 0;
}

static struct dp_engine *
dp_make(struct ctl *ctl, const char *name)
{
	struct dp_engine *dp =
		aligned_alloc(CHAN_LINE, (sizeof(*dp) + CHAN_LINE - 1) / CHAN_LINE * CHAN_LINE);

	if (dp == NULL)
		return NULL;
	memset(dp, 0, sizeof(*dp));
	snprintf(dp->name, sizeof(dp->name), "%s", name);
	dp->ctl_bell_fd = ctl->bell_fd;
	dp->bell_fd = os_bell_create();
	if (dp->bell_fd >= 0)
		return dp;
	free(dp);
	return NULL;
}

static int
engine_make(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	struct ctl_engine *engine = calloc(1, sizeof(*engine));

	if (engine != NULL)
		engine->dp = dp_make(ctl, args->name);
	if (engine == NULL || engine->dp == NULL) {
		free(engine);
		return ctl_fail(err, -ENOMEM, "engine \"%s\": out of memory or descriptors",
			args->name);
	}
	snprintf(engine->name, sizeof(engine->name), "%s", args->name);
	engine->ops = io_source_find(args->type);
	engine->cpu = args->cpu;
	engine->buffers = args->buffers;
	engine->ctl = ctl;
	TAILQ_INSERT_TAIL(&ctl->engines, engine, entry);
	return 0;
}

int
ctl_engine_new(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	int rc;

	pthread_mutex_lock(&ctl->lock);
	rc = new_check(ctl, args, err);
	if (rc == 0)
		rc = engine_make(ctl, args, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

static void
link_close(struct ctl_engine *engine, uint32_t i)
{
	struct dp_link *link = &engine->dp->links[i];

	if (engine->links[i].open)
		link->ops->close(link->priv);
	engine->links[i].open = false;
}

void
ctl_engine_free(struct ctl_engine *engine)
{
	ctl_engine_halt(engine);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			ctl_channel_free(engine, i);
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		link_close(engine, i);
		free(engine->dp->links[i].priv);
	}
	for (uint32_t i = 0; i < engine->ngroups; i++)
		free(engine->groups[i]);
	close(engine->dp->bell_fd);
	free(engine->dp);
	free(engine);
}

int
ctl_engine_delete(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL) {
		TAILQ_REMOVE(&ctl->engines, engine, entry);
		ctl_engine_free(engine);
		ctl_attach_retry(ctl);
	}
	pthread_mutex_unlock(&ctl->lock);
	return engine != NULL ? 0 : -ENOENT;
}

uint64_t
ctl_engine_frames(const struct ctl_engine *engine)
{
	uint64_t frames = 2 * IO_BURST_MAX +
			  engine->dp->nlinks * (engine->ops->pool_frames + engine->dp->batch);

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL && engine->channels[i]->transport == CTL_PACF)
			frames += engine->channels[i]->slots;
	return frames;
}

static int
start_pool(struct ctl_engine *engine, struct ctl_err *err)
{
	uint64_t need = ctl_engine_frames(engine);
	uint64_t frames = need + (uint64_t)CTL_GROWTH_RINGS * CTL_RING_SLOTS;
	int rc;

	if (engine->buffers != 0 && engine->buffers < need)
		return ctl_fail(err, -EINVAL,
			"engine \"%s\": buffers=%u is too few: its channels and links need "
			"%llu; set "
			"buffers=%llu or leave it out",
			engine->name, engine->buffers, (unsigned long long)need,
			(unsigned long long)need);
	if (engine->buffers != 0)
		frames = engine->buffers;
	rc = io_pool_create(
		&engine->dp->pool, (uint32_t)frames, (DP_MAX_SINKS + 1) * DP_LARGE_QUOTA);
	if (rc < 0)
		return ctl_fail(err, rc, "engine \"%s\": cannot get %llu buffers: %s",
			engine->name, (unsigned long long)frames, strerror(-rc));
	return 0;
}

static int
link_open(struct ctl_engine *engine, uint32_t i, struct ctl_err *err)
{
	struct ctl_link_state *state = &engine->links[i];
	struct dp_link *link = &engine->dp->links[i];
	struct io_source_cfg cfg = {.ifname = state->ifname,
		.qid = state->args.qid,
		.speed = state->args.speed,
		.loop = state->args.loop};
	struct io_err io_err;
	int rc;

	memset(link->priv, 0, link->ops->priv_bytes);
	rc = link->ops->open(link->priv, &cfg, &state->info, &io_err);
	if (rc < 0)
		return ctl_fail(err, rc, "%s", io_err.text);
	state->open = true;
	state->used = false;
	link->link = pkt_link_from_dlt(state->info.dlt);
	return 0;
}

static int
start_sources(struct ctl_engine *engine, struct ctl_err *err)
{
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		struct dp_link *link = &engine->dp->links[i];
		struct io_err io_err;
		int rc;

		if (engine->links[i].used)
			link_close(engine, i);
		rc = engine->links[i].open ? 0 : link_open(engine, i, err);
		if (rc < 0)
			return rc;
		rc = link->ops->start(link->priv, &engine->dp->pool, &io_err);
		if (rc < 0)
			return ctl_fail(err, rc, "%s", io_err.text);
		engine->links[i].used = true;
		link->ended = false;
		atomic_store(&link->failed, false);
	}
	return 0;
}

static int
start_check(const struct ctl_engine *engine, struct ctl_err *err)
{
	if (engine->state == CTL_RUNNING)
		return ctl_fail(
			err, -EALREADY, "engine \"%s\" is running already", engine->name);
	if (engine->dp->nlinks == 0)
		return ctl_fail(err, -EINVAL,
			"engine \"%s\" has no link: pkteng.link({engine=\"%s\", ifname=...}) "
			"first",
			engine->name, engine->name);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL) {
			int rc = ctl_channel_check(engine, engine->channels[i], err);

			if (rc < 0)
				return rc;
		}
	return 0;
}

struct thread_start {
	struct ctl_engine *engine;
	sem_t ready;
	int rc;
};

static void *
thread_main(void *arg)
{
	struct thread_start *start = arg;
	struct ctl_engine *engine = start->engine;
	int rc = engine->cpu >= 0 ? os_thread_pin(engine->cpu) : 0;

	start->rc = rc;
	sem_post(&start->ready);
	if (rc == 0)
		dp_engine_run(engine->dp);
	return NULL;
}

/* Signals are the main thread's. */
static int
thread_create_quiet(pthread_t *thread, void *(*body)(void *), void *arg)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static int
start_thread(struct ctl_engine *engine, struct ctl_err *err)
{
	struct thread_start start = {.engine = engine};
	int rc;

	atomic_store(&engine->dp->next, engine->plan);
	atomic_store(&engine->dp->stop, false);
	atomic_store(&engine->dp->ended, false);
	sem_init(&start.ready, 0, 0);
	rc = thread_create_quiet(&engine->thread, thread_main, &start);
	if (rc == 0) {
		while (sem_wait(&start.ready) < 0)
			;
		rc = start.rc;
		if (rc < 0)
			pthread_join(engine->thread, NULL);
	}
	sem_destroy(&start.ready);
	if (rc < 0)
		return ctl_fail(err, rc, "engine \"%s\": cannot start its thread%s: %s",
			engine->name, engine->cpu >= 0 ? " on that CPU" : "", strerror(-rc));
	return 0;
}

static int
engine_start(struct ctl_engine *engine, struct ctl_err *err)
{
	struct ctl *ctl = engine->ctl;
	int rc;

	engine->seed = ctl->hash_key_set      ? ctl->hash_key
		       : engine->ops->offline ? PKT_DEFAULT_KEY
					      : ctl->random_key;
	pkt_key_expand(&engine->dp->key, engine->seed);
	rc = start_pool(engine, err);
	if (rc < 0)
		return rc;
	rc = start_sources(engine, err);
	if (rc < 0)
		goto pool;
	rc = ctl_sinks_open(engine, err);
	if (rc < 0)
		goto pool;
	rc = ctl_plan_build(engine, &engine->plan);
	if (rc < 0) {
		ctl_fail(err, rc, "engine \"%s\": out of memory for its plan", engine->name);
		goto sinks;
	}
	rc = start_thread(engine, err);
	if (rc == 0) {
		engine->state = CTL_RUNNING;
		engine->started_ns = os_clock_mono_ns();
		return 0;
	}
	ctl_plan_free(engine->plan);
	engine->plan = NULL;
sinks:
	ctl_sinks_close(engine);
pool:
	io_pool_destroy(&engine->dp->pool);
	return rc;
}

int
ctl_engine_start(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL) {
		rc = start_check(engine, err);
		if (rc == 0)
			rc = engine_start(engine, err);
		if (rc == 0)
			ctl_attach_retry(ctl);
	}
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

/* The thread is gone: what lanes still hold comes back, then nothing may be held any more. */
static void
lanes_reclaim(struct ctl_engine *engine)
{
	struct io_pool *pool = &engine->dp->pool;

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];
		uint32_t frame;

		if (ch == NULL || ch->lane == NULL)
			continue;
		ch->sink->own.unread_pkts += chan_tx_waiting(&ch->lane->tx);
		ch->sink->own.waiting_pkts = 0;
		while (chan_tx_reclaim(&ch->lane->tx, &frame))
			io_pool_put(pool, frame);
		ch->sink->touched = true;
		engine->dp->touched[engine->dp->ntouched++] = (uint8_t)i;
	}
	dp_split_finish(engine->dp);
	assert(io_pool_held(pool) == 0);
}

void
ctl_engine_halt(struct ctl_engine *engine)
{
	if (engine->state != CTL_RUNNING)
		return;
	atomic_store_explicit(&engine->dp->stop, true, memory_order_release);
	os_bell_ring(engine->dp->bell_fd);
	pthread_join(engine->thread, NULL);
	lanes_reclaim(engine);
	engine->state = CTL_STOPPED;
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL) {
			ctl_plan_retire(engine, engine->channels[i]);
			engine->channels[i]->was_attached = false;
		}
	ctl_sinks_close(engine);
	ctl_plan_free(engine->plan);
	engine->plan = NULL;
	io_pool_destroy(&engine->dp->pool);
}

int
ctl_engine_stop(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = 0;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine == NULL)
		rc = -ENOENT;
	else if (engine->state != CTL_RUNNING)
		rc = ctl_fail(err, -EALREADY, "engine \"%s\" is not running", name);
	else
		ctl_engine_halt(engine);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

static int
link_check(
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
	if (args->offline_args && !engine->ops->offline)
		return ctl_fail(err, -EINVAL,
			"speed and loop are for capture files; type \"%s\" reads interfaces",
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

static int
link_add(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
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
	rc = link_open(engine, i, err);
	if (rc == 0 && i > 0 && state->info.linktype != engine->links[0].info.linktype) {
		rc = ctl_fail(err, -EINVAL,
			"\"%s\" has link type %u, \"%s\" has %u: one engine reads one link "
			"type; use two engines",
			state->ifname, state->info.linktype, engine->links[0].ifname,
			engine->links[0].info.linktype);
		link_close(engine, i);
	}
	if (rc < 0) {
		free(link->priv);
		return rc;
	}
	if (engine->dp->batch == 0 || args->batch != 0)
		engine->dp->batch = args->batch != 0 ? args->batch : IO_BURST;
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
	if (engine != NULL)
		rc = link_check(engine, args, err);
	if (rc == 0)
		rc = link_add(engine, args, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

static void
link_remove(struct ctl_engine *engine, uint32_t i)
{
	struct dp_engine *dp = engine->dp;

	link_close(engine, i);
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
