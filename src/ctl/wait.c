/*
 * ctl/wait: commands that take time.  They hold no lock while they wait, and an interrupt ends
 * them.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <string.h>

#define WAIT_POLL_NS 10000000u /* how often the engine is looked at */
#define PROGRESS_NS  200000000u

static uint64_t
seconds_ns(double seconds)
{
	return seconds < 0 || seconds > 1e9 ? UINT64_MAX : (uint64_t)(seconds * 1e9);
}

static void
progress_read(const struct ctl_engine *engine, struct ctl_progress *out)
{
	const struct dp_engine *dp = engine->dp;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < dp->nlinks; i++) {
		struct io_source_counters c = {0};

		dp->links[i].ops->counters(dp->links[i].priv, &c);
		out->done_bytes += c.done_bytes;
		out->total_bytes += engine->links[i].info.total_bytes;
	}
	out->received_pkts = atomic_load_explicit(&dp->shared[0], memory_order_relaxed);
}

#define GAUGE(name) (offsetof(struct dp_channel_counters, name) / sizeof(uint64_t))

static bool
gauge_zero(const struct ctl_channel *ch, size_t gauge)
{
	return atomic_load_explicit(&ch->sink->shared[gauge], memory_order_relaxed) == 0;
}

/* A channel that waits for its application also waits for it to see the end. */
static bool
channel_drained(const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	if (ch->action == CTL_DROP)
		return true;
	if (ch->transport == CTL_NETMAP && ctl_policy_waits(engine, ch->when_full))
		return gauge_zero(ch, GAUGE(waiting_pkts));
	if (ch->transport == CTL_PCAP) /* all of it is in the file, or lost */
		return gauge_zero(ch, GAUGE(waiting_pkts));
	if (ch->transport != CTL_PACF)
		return true;
	if (ch->when_detached == CTL_POLICY_HOLD)
		return gauge_zero(ch, GAUGE(waiting_pkts)) && gauge_zero(ch, GAUGE(held_pkts));
	if (ch->lane == NULL && ch->when_detached == CTL_POLICY_REBALANCE)
		return ctl_group_served(engine, ch) || !ctl_engine_offline(engine);
	if (ch->lane == NULL)
		return ch->was_attached || !ctl_policy_waits(engine, ch->when_detached);
	return gauge_zero(ch, GAUGE(waiting_pkts));
}

static bool
engine_drained(const struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL && !engine->channels[i]->closing &&
			!channel_drained(engine, engine->channels[i]))
			return false;
	return true;
}

static int
engine_failure(const struct ctl_engine *engine, struct ctl_err *err)
{
	struct io_status status = {.text = ""};

	return ctl_links_failed(engine, &status) ? ctl_fail(err, -EIO, "%s", status.text) : 0;
}

/* 1: over; 0: not yet; negative: over, badly. */
static int
wait_look(struct ctl *ctl, const char *name, struct ctl_progress *progress, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = 0;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine == NULL)
		rc = -ENOENT;
	else if (engine->state != CTL_RUNNING)
		rc = ctl_fail(err, -EINVAL,
			"engine \"%s\" is not running: pkteng.start({engine=\"%s\"}) first",
			name, name);
	else {
		progress_read(engine, progress);
		if (atomic_load_explicit(&engine->dp->ended, memory_order_acquire) &&
			engine_drained(engine)) {
			rc = engine_failure(engine, err);
			rc = rc < 0 ? rc : 1;
		}
	}
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

int
ctl_wait(struct ctl *ctl, const char *engine, double timeout_s, const struct ctl_waiter *waiter,
	struct ctl_err *err)
{
	static const struct ctl_waiter nobody;
	uint64_t start = os_clock_mono_ns(), limit = seconds_ns(timeout_s), shown = start;
	struct ctl_progress now;

	waiter = waiter != NULL ? waiter : &nobody;
	for (;;) {
		int rc = wait_look(ctl, engine, &now, err);
		uint64_t t = os_clock_mono_ns();

		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (t - start >= limit)
			return ctl_fail(err, -ETIMEDOUT,
				"engine \"%s\" has not ended after %g s", engine, timeout_s);
		if (waiter->progress != NULL && t - shown >= PROGRESS_NS) {
			waiter->progress(waiter->arg, &now);
			shown = t;
		}
		if (limit - (t - start) < WAIT_POLL_NS)
			rc = ctl_breaker_wait(waiter->breaker, limit - (t - start));
		else
			rc = ctl_breaker_wait(waiter->breaker, WAIT_POLL_NS);
		if (rc < 0)
			return ctl_fail(err, rc, "interrupted; engine \"%s\" goes on", engine);
	}
}
