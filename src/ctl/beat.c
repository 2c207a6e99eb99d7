/*
 * ctl/beat: does an engine's thread still turn?  It does at least a hundred times a second,
 * whatever there is to do, unless something holds it in the midst of a turn: a disk, a pipe, a
 * debugger.  Called under ctl->lock by tend.c some times a second, and by visit.c whenever
 * somebody looks.
 */
#include "state.h"
#include "os.h"

#include <stdio.h>

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

void
ctl_beat_tell(struct ctl_engine *engine)
{
	bool stalled = ctl_beat(engine);

	if (stalled != engine->beat.told)
		fprintf(stderr, "pacf: engine \"%s\": %s\n", engine->name,
			stalled ? "its thread has not turned for 2 s: something holds it up"
				: "its thread turns again");
	engine->beat.told = stalled;
}
