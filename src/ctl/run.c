/*
 * ctl/run: an engine's thread: everything it needs is prepared here, and given back when it has
 * ended.  Called by engine.c and ctl.c under ctl->lock.
 */
#include "state.h"
#include "os.h"
#include "privileges.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

static int
start_sources(struct ctl_engine *engine, struct ctl_err *err)
{
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		struct dp_link *link = &engine->dp->links[i];
		struct io_err io_err;
		int rc;

		ctl_offload_start(engine, i);
		rc = link->ops->start(link->priv, &engine->dp->pool, &io_err);
		if (rc < 0) {
			ctl_links_retire(engine);
			return ctl_fail(err, rc, "%s", io_err.text);
		}
		engine->links[i].used = true;
		link->ended = false;
		atomic_store(&link->failed, false);
	}
	return 0;
}

int
ctl_engine_startable(struct ctl_engine *engine, struct ctl_err *err)
{
	int rc;

	if (engine->state == CTL_RUNNING)
		return ctl_fail(
			err, -EALREADY, "engine \"%s\" is running already", engine->name);
	if (engine->dp->nlinks == 0)
		return ctl_fail(err, -EINVAL,
			"engine \"%s\" has no link: pkteng.link({engine=\"%s\", ifname=...}) "
			"first",
			engine->name, engine->name);
	rc = ctl_links_reopen(engine, err);
	for (uint32_t i = 0; i < DP_MAX_SINKS && rc == 0; i++)
		if (engine->channels[i] != NULL)
			rc = ctl_channel_check(engine, engine->channels[i], err);
	return rc;
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

	os_thread_role(OS_ROLE_DATA);
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
	sigset_t before;
	int rc;

	os_signals_block(&before);
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
	atomic_store(&engine->dp->alone, true);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			ctl_lanes_shared(engine, engine->channels[i]);
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

void
ctl_engine_key(struct ctl_engine *engine)
{
	const struct ctl *ctl = engine->ctl;

	engine->seed = ctl->hash_key_set      ? ctl->hash_key
		       : engine->ops->offline ? PKT_DEFAULT_KEY
					      : ctl->random_key;
	engine->dp->conf = engine->conf;
	pkt_key_expand(&engine->dp->conf.key, engine->seed);
}

int
ctl_engine_launch(struct ctl_engine *engine, struct ctl_err *err)
{
	int rc;

	ctl_engine_key(engine);
	rc = ctl_pool_get(engine, err);
	if (rc < 0)
		return rc;
	rc = start_sources(engine, err);
	if (rc < 0)
		goto pool;
	rc = ctl_tend_up(engine->ctl, engine->ops->live, err);
	if (rc == 0)
		rc = ctl_sinks_open(engine, err);
	if (rc < 0)
		goto sources;
	ctl_holds_start(engine);
	rc = ctl_plan_build(engine, &engine->plan);
	if (rc < 0) {
		ctl_fail(err, rc, "engine \"%s\": out of memory for its plan", engine->name);
		goto sinks;
	}
	rc = ctl_frags_get(engine);
	if (rc == 0)
		rc = ctl_reorder_get(engine);
	rc = rc < 0 ? ctl_fail(err, rc, "engine \"%s\": out of memory for fragments and order",
			      engine->name)
		    : start_thread(engine, err);
	if (rc == 0) {
		engine->state = CTL_RUNNING;
		ctl_tend_links(engine);
		engine->started_ns = os_clock_mono_ns();
		return 0;
	}
	ctl_reorder_put(engine);
	ctl_frags_put(engine);
	ctl_plan_free(engine->plan);
	engine->plan = NULL;
sinks:
	ctl_sinks_close(engine);
sources:
	ctl_links_retire(engine);
pool:
	io_pool_destroy(&engine->dp->pool);
	return rc;
}

/* The thread is gone: what lanes still hold comes back, then nothing may be held any more. */
static void
lanes_reclaim(struct ctl_engine *engine)
{
	struct io_pool *pool = &engine->dp->pool;

	ctl_sinks_close(engine); /* what they could not write is counted */
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];
		uint32_t frame;

		if (ch == NULL || (ch->lane == NULL && ch->sink->ops == NULL))
			continue;
		ch->sink->touched = true;
		engine->dp->touched[engine->dp->ntouched++] = (uint8_t)i;
		if (ch->lane == NULL)
			continue;
		ch->sink->own.unread_pkts += chan_tx_waiting(&ch->lane->tx);
		ch->sink->own.waiting_pkts = 0;
		while (chan_tx_reclaim(&ch->lane->tx, &frame))
			io_pool_put(pool, frame);
	}
	dp_split_finish(engine->dp);
	assert(io_pool_held(pool) == 0);
}

/* What applications have not read yet stays in their own mappings. */
static void
channels_halt(struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];

		if (ch == NULL)
			continue;
		ctl_plan_retire(engine, ch);
		ctl_rest_review(ch);
		ch->client = NULL;
		ch->was_attached = false;
		if (ch->closing)
			ctl_channel_free(engine, i);
	}
	ctl_clients_review(engine->ctl);
}

void
ctl_engine_halt(struct ctl_engine *engine)
{
	if (engine->state != CTL_RUNNING)
		return;
	atomic_store_explicit(&engine->dp->stop, true, memory_order_release);
	os_bell_ring(engine->dp->bell_fd);
	pthread_join(engine->thread, NULL);
	ctl_links_retire(engine);
	lanes_reclaim(engine);
	engine->state = CTL_STOPPED;
	channels_halt(engine);
	ctl_reorder_put(engine);
	ctl_frags_put(engine);
	ctl_plan_free(engine->plan);
	engine->plan = NULL;
	io_pool_destroy(&engine->dp->pool);
}
