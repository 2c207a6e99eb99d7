/*
 * ctl/hold: the memory of channels with when_detached = hold, and what their applications left
 * in their lanes.  Called by channel.c, lanes.c, plan.c and run.c; under ctl->lock, but for
 * ctl_hold_make.  Invariant: the memory is all there before the engine sees it, so that the
 * engine's thread never waits for the system to find some.
 */
#include "state.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HOLD_DEFAULT (UINT64_C(64) << 20)
#define HOLD_LEAST   UINT64_C(4096)
#define HOLD_MOST    (UINT64_C(1) << 40)
#define HOLD_SPARE   (UINT64_C(64) << 20) /* of the system's memory that stays free */

int
ctl_hold_args(struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	if (ch->when_detached != CTL_POLICY_HOLD) {
		if (args->hold_bytes != 0)
			return ctl_fail(err, -EINVAL,
				"channel \"%s\": hold_bytes=%llu is for when_detached=\"hold\"",
				ch->spelled, (unsigned long long)args->hold_bytes);
		return 0;
	}
	if (ch->transport != CTL_PACF || ch->action == CTL_DROP)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": when_detached=\"hold\" keeps packets for an "
			"application that comes back, so it is for pacf: channels of action "
			"SAMPLE or COPY",
			ch->spelled);
	ch->hold.bytes = args->hold_bytes != 0 ? args->hold_bytes : HOLD_DEFAULT;
	if (ch->hold.bytes < HOLD_LEAST || ch->hold.bytes > HOLD_MOST)
		return ctl_fail(err, -EINVAL, "hold_bytes=%llu: %llu to %llu bytes",
			(unsigned long long)ch->hold.bytes, (unsigned long long)HOLD_LEAST,
			(unsigned long long)HOLD_MOST);
	ch->hold.bytes -= ch->hold.bytes % DP_BACKLOG_ALIGN;
	return 0;
}

static int
shortage(const struct ctl_channel *ch, uint64_t has, struct ctl_err *err)
{
	return ctl_fail(err, -ENOMEM,
		"channel \"%s\" needs %llu MiB to hold packets in, this machine has %llu MiB "
		"to spare: set hold_bytes to less",
		ch->spelled, (unsigned long long)(ch->hold.bytes >> 20),
		(unsigned long long)(has >> 20));
}

/* Written once, so that the pages are there. */
static int
memory_commit(struct dp_backlog *b, uint64_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	memset(mem, 0, bytes);
	b->mem = mem;
	b->bytes = bytes;
	return 0;
}

int
ctl_hold_make(struct ctl_channel *ch, struct ctl_err *err)
{
	uint64_t has = os_memory_available();

	if (ch->when_detached != CTL_POLICY_HOLD)
		return 0;
	has = has > HOLD_SPARE ? has - HOLD_SPARE : 0;
	if (ch->hold.bytes > has)
		return shortage(ch, has, err);
	ch->hold.backlog = calloc(1, sizeof(*ch->hold.backlog));
	if (ch->hold.backlog != NULL && memory_commit(ch->hold.backlog, ch->hold.bytes) == 0)
		return 0;
	ctl_hold_free(ch->hold.backlog);
	ch->hold.backlog = NULL;
	return shortage(ch, has, err);
}

void
ctl_hold_free(struct dp_backlog *b)
{
	if (b == NULL)
		return;
	if (b->mem != NULL)
		munmap(b->mem, b->bytes);
	free(b);
}

void
ctl_lane_free(struct dp_lane *lane)
{
	if (lane == NULL)
		return;
	chan_tx_destroy(&lane->tx);
	free(lane);
}

void
ctl_hold_clear(struct ctl_hold *hold)
{
	ctl_hold_free(hold->backlog);
	ctl_lane_free(hold->rest);
	hold->backlog = NULL;
	hold->rest = NULL;
}

/* The engine has taken over a plan: has it done with the lane, or is it a rest now? */
void
ctl_lane_retired(struct ctl_channel *ch, struct dp_lane *lane)
{
	struct dp_backlog *b = ch->sink->backlog;

	if (b != NULL && b->rest == lane)
		ch->hold.rest = lane;
	else
		ctl_lane_free(lane);
}

void
ctl_rest_review(struct ctl_channel *ch)
{
	struct dp_backlog *b = ch->sink->backlog;

	if (ch->hold.rest == NULL || b->rest == ch->hold.rest)
		return;
	ctl_lane_free(ch->hold.rest);
	ch->hold.rest = NULL;
}

void
ctl_hold_end(struct ctl_engine *engine, struct ctl_channel *ch)
{
	if (ch->sink->backlog != NULL)
		dp_backlog_drop(engine->dp, ch->sink);
}

/* What is held is told to the next application as packets of its link type, so packets of
 * another one are given up. */
void
ctl_holds_start(struct ctl_engine *engine)
{
	uint32_t linktype = engine->links[0].info.linktype;

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];

		if (ch == NULL || ch->sink->backlog == NULL)
			continue;
		if (ch->hold.linktype != linktype)
			dp_backlog_drop(engine->dp, ch->sink);
		ch->hold.linktype = linktype;
	}
}
