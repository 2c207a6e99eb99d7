/*
 * ctl/tend: live links over the life of their interfaces, and threads that don't turn.  One
 * thread, from the first start of an engine to the end of ctl, wakes when an interface changes
 * and some times a second, and has each source and sink look after itself.  What has changed is
 * told in one line of the log.
 */
#include "state.h"
#include "log.h"
#include "netif.h"
#include "os.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEND_MS 250

static void
state_tell(const struct ctl_engine *engine, const char *name, const struct io_status *now)
{
	static const char *const states[] = {"up", "down", "gone"};

	os_log(now->state == IO_UP ? OS_LOG_NOTICE : OS_LOG_WARNING,
		"engine \"%s\": \"%s\" is %s%s%s%s%s", engine->name, name, states[now->state],
		now->mode[0] != '\0' ? ": " : "", now->mode, now->text[0] != '\0' ? "; " : "",
		now->text);
}

static bool
status_same(const struct io_status *a, const struct io_status *b)
{
	return a->state == b->state && strcmp(a->mode, b->mode) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

static void
link_tend(struct ctl_engine *engine, uint32_t i, bool tell)
{
	struct ctl_link_state *state = &engine->links[i];
	struct dp_link *link = &engine->dp->links[i];
	struct io_status now;

	memset(&now, 0, sizeof(now));
	link->ops->tend(link->priv, &now);
	if (tell && !status_same(&now, &state->status))
		state_tell(engine, state->ifname, &now);
	if (tell && now.state != IO_GONE)
		ctl_offload_again(engine, i);
	state->status = now;
}

static void
drops_tell(struct ctl_engine *engine)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		struct io_source_counters c;

		ctl_link_counters(engine, i, &c);
		sum += c.source_drop_pkts;
	}
	atomic_store_explicit(&engine->dp->source_drop_pkts, sum, memory_order_relaxed);
}

void
ctl_sink_tend(const struct ctl_engine *engine, struct ctl_channel *ch, bool tell)
{
	struct io_status now;

	if (!ch->sink_open || ch->sink->ops->tend == NULL)
		return;
	memset(&now, 0, sizeof(now));
	ch->sink->ops->tend(ch->sink->priv, &now);
	if (tell && !status_same(&now, &ch->status))
		state_tell(engine, ch->spelled, &now);
	ch->status = now;
}

static void
engine_tend(struct ctl_engine *engine, bool tell)
{
	for (uint32_t i = 0; i < engine->dp->nlinks && engine->ops->live; i++)
		link_tend(engine, i, tell);
	if (engine->ops->live)
		drops_tell(engine);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			ctl_sink_tend(engine, engine->channels[i], tell);
}

void
ctl_tend_links(struct ctl_engine *engine)
{
	engine_tend(engine, false);
}

static void *
tend_main(void *arg)
{
	struct ctl *ctl = arg;
	struct ctl_engine *engine;

	os_thread_name("pacf-tend");
	pthread_mutex_lock(&ctl->lock);
	while (!ctl->tend_stop) {
		struct pollfd fds[2] = {{.fd = ctl->tend_bell_fd, .events = POLLIN},
			{.fd = ctl->watch_fd, .events = POLLIN}};
		bool running = false;

		TAILQ_FOREACH(engine, &ctl->engines, entry)
		running |= engine->state == CTL_RUNNING;
		pthread_mutex_unlock(&ctl->lock);
		poll(fds, 2, running ? TEND_MS : -1);
		if (fds[0].revents != 0)
			os_bell_drain(ctl->tend_bell_fd);
		if (fds[1].revents != 0)
			os_netwatch_drain(ctl->watch_fd);
		pthread_mutex_lock(&ctl->lock);
		TAILQ_FOREACH(engine, &ctl->engines, entry)
		if (engine->state == CTL_RUNNING) {
			engine_tend(engine, true);
			ctl_beat_tell(engine);
		}
	}
	pthread_mutex_unlock(&ctl->lock);
	return NULL;
}

/* Where interfaces can't be watched, engines that read none run all the same. */
static int
watch_start(struct ctl *ctl, bool live)
{
	int fd = ctl->watch_fd < 0 ? os_netwatch_open() : ctl->watch_fd;

	if (fd < 0 && live)
		return fd;
	ctl->watch_fd = fd;
	return 0;
}

static void
watch_close(struct ctl *ctl)
{
	if (ctl->watch_fd >= 0)
		close(ctl->watch_fd);
	ctl->watch_fd = -1;
}

static int
tend_start(struct ctl *ctl, bool live)
{
	sigset_t before;
	int rc;

	ctl->tend_bell_fd = os_bell_create();
	if (ctl->tend_bell_fd < 0)
		return ctl->tend_bell_fd;
	rc = watch_start(ctl, live);
	if (rc < 0) {
		close(ctl->tend_bell_fd);
		return rc;
	}
	os_signals_block(&before);
	rc = pthread_create(&ctl->tender, NULL, tend_main, ctl);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;
	watch_close(ctl);
	close(ctl->tend_bell_fd);
	return -rc;
}

int
ctl_tend_up(struct ctl *ctl, bool live, struct ctl_err *err)
{
	int rc;

	if (ctl->tend_up) {
		rc = watch_start(ctl, live);
		os_bell_ring(ctl->tend_bell_fd);
	} else
		rc = tend_start(ctl, live);
	if (rc < 0)
		return ctl_fail(
			err, rc, "cannot watch the system's interfaces: %s", strerror(-rc));
	ctl->tend_up = true;
	return 0;
}

void
ctl_tend_down(struct ctl *ctl)
{
	if (!ctl->tend_up)
		return;
	pthread_mutex_lock(&ctl->lock);
	ctl->tend_stop = true;
	pthread_mutex_unlock(&ctl->lock);
	os_bell_ring(ctl->tend_bell_fd);
	pthread_join(ctl->tender, NULL);
	watch_close(ctl);
	close(ctl->tend_bell_fd);
	ctl->tend_up = ctl->tend_stop = false;
}
