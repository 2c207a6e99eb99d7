/*
 * ctl/frames: see frames.h.  Called by run.c, channel.c and visit.c under ctl->lock.
 */
#include "state.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint32_t
ctl_channel_frames(const struct ctl_channel *ch)
{
	return ch->transport == CTL_PACF || ch->transport == CTL_NETMAP ? ch->slots : 0;
}

static uint32_t
rings(const struct ctl_engine *engine)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		n += engine->channels[i] != NULL && engine->channels[i]->transport == CTL_PACF;
	return n;
}

uint64_t
ctl_engine_frames(const struct ctl_engine *engine)
{
	uint64_t frames = 2 * IO_BURST_MAX + DP_HOLD_MAX + ctl_reorder_frames(engine);

	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		frames += engine->links[i].info.pool_frames + engine->dp->batch;
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			frames += ctl_channel_frames(engine->channels[i]);
	return frames;
}

/* Large frames with so many rings; as many as one ring holds are for bursts. */
static uint32_t
large_frames(const struct ctl_engine *engine, uint32_t n)
{
	n = n < DP_MAX_SINKS ? n : DP_MAX_SINKS;
	return (n + 1) * DP_LARGE_QUOTA + DP_HOLD_LARGE + ctl_reorder_large(engine);
}

/* On the node of the engine's CPU; in huge pages if there are enough of them. */
static int
pool_make(struct ctl_engine *engine, uint32_t frames)
{
	struct io_pool *pool = &engine->dp->pool;
	int node = engine->cpu >= 0 ? os_cpu_node(engine->cpu) : -1;
	int rc = io_pool_create_on(pool, frames,
		large_frames(engine, rings(engine) + CTL_GROWTH_RINGS), node, true);

	return rc == 0 ? 0
		       : io_pool_create_on(
				 pool, frames, large_frames(engine, DP_MAX_SINKS), node, false);
}

int
ctl_pool_get(struct ctl_engine *engine, struct ctl_err *err)
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
	rc = pool_make(engine, (uint32_t)frames);
	if (rc < 0)
		return ctl_fail(err, rc, "engine \"%s\": cannot get %llu buffers: %s",
			engine->name, (unsigned long long)frames, strerror(-rc));
	return 0;
}

int
ctl_pool_room(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	bool ring = ch->transport == CTL_PACF;
	uint64_t need = ctl_engine_frames(engine) + ctl_channel_frames(ch);

	if (engine->state != CTL_RUNNING)
		return 0;
	if (need > engine->dp->pool.frames)
		return ctl_fail(err, -ENOSPC,
			"channel \"%s\" needs %llu buffers in all, engine \"%s\" has %u: stop "
			"it first, or make it "
			"with buffers=%llu",
			ch->spelled, (unsigned long long)need, engine->name,
			engine->dp->pool.frames, (unsigned long long)need);
	if (ring && large_frames(engine, rings(engine) + 1) > engine->dp->pool.large)
		return ctl_fail(err, -ENOSPC,
			"channel \"%s\": engine \"%s\" has its buffers in huge pages, with "
			"room "
			"for %u channels more than it was started with: stop it first",
			ch->spelled, engine->name, CTL_GROWTH_RINGS);
	return 0;
}

static void
bytes_text(size_t bytes, const char *form, char *out, size_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	double value = (double)bytes / 1024;
	int unit = 0;

	for (; value >= 1024 && unit < 2; unit++)
		value /= 1024;
	snprintf(out, size, form, value, units[unit]);
}

void
ctl_pool_text(const struct ctl_engine *engine, char *out, size_t size)
{
	const struct io_pool *pool = &engine->dp->pool;
	bool huge = pool->page_bytes > 65536; /* the largest ordinary pages there are */
	char all[32], page[32], node[32] = "";

	bytes_text(pool->bytes, "%.1f %s", all, sizeof(all));
	bytes_text(pool->page_bytes, "%.0f %s", page, sizeof(page));
	if (pool->node >= 0)
		snprintf(node, sizeof(node), ", node %d", pool->node);
	snprintf(out, size, "%s%s, %s pages%s", huge ? "" : "up to ", all, page, node);
}
