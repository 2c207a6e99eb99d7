/*
 * ctl/beat: does an engine's thread still turn?  It does at least a hundred times a second,
 * whatever there is to do, unless something holds it in the midst of a turn: a disk, a pipe, a
 * debugger.  Called under ctl->lock by tend.c some times a second, and by visit.c whenever
 * somebody looks; and by a daemon's watchdog.
 */
#include "state.h"
#include "log.h"
#include "os.h"

#include <errno.h>
#include <string.h>
#include <time.h>

bool
ctl_beat(struct ctl_engine *engine)
{
	uint64_t turns = atomic_load_explicit(&engine->dp->turns, memory_order_relaxed);
	uint64_t now_ns = os_clock_mono_ns();

	if (engine->state != CTL_RUNNING || engine->beat.moved_ns < engine->started_ns ||
		turns != engine->beat.turns) {
		engine->beat.turns = turns;
		engine->beat.moved_ns = now_ns;
	}
	return now_ns - engine->beat.moved_ns >= CTL_STALLED_NS;
}

double
ctl_beat_age_s(const struct ctl_engine *engine)
{
	return (double)(os_clock_mono_ns() - engine->beat.moved_ns) / 1e9;
}

void
ctl_beat_tell(struct ctl_engine *engine)
{
	bool stalled = ctl_beat(engine);

	if (stalled != engine->beat.told)
		os_log(stalled ? OS_LOG_ERR : OS_LOG_NOTICE, "engine \"%s\": %s", engine->name,
			stalled ? "its thread has not turned for 1.5 s: something holds it up"
				: "its thread turns again");
	engine->beat.told = stalled;
}

/* Whoever holds the lock may wait for an engine that does not turn. */
static int
lock_soon(pthread_mutex_t *lock)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec++;
	return pthread_mutex_timedlock(lock, &limit) == 0 ? 0 : -EBUSY;
}

int
ctl_pulse(struct ctl *ctl, struct ctl_pulse *out)
{
	struct ctl_engine *engine;

	memset(out, 0, sizeof(*out));
	if (lock_soon(&ctl->lock) < 0)
		return -EBUSY;
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	{
		out->engines++;
		out->running += engine->state == CTL_RUNNING;
		if (ctl_beat(engine) && out->stalled++ == 0)
			memcpy(out->name, engine->name, sizeof(out->name));
	}
	pthread_mutex_unlock(&ctl->lock);
	return 0;
}
