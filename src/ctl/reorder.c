/*
 * ctl/reorder: which engines put packets in order by their time stamps: those with more than
 * one stream, each in order by itself, whose stamps say when a packet came.  Called by run.c
 * under ctl->lock.  The buffer lives while the engine runs.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
streams(const struct ctl_engine *engine)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		const struct io_source_info *info = &engine->links[i].info;

		n += info->streams > 1 ? info->streams : 1;
	}
	return n;
}

/* Files at a pace of their own come as they did when they were recorded, and one that begins
 * again has stamps that do too. */
static bool
files_merge(const struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		if (engine->links[i].args.speed != 0 || engine->links[i].args.loop != 1)
			return false;
	return true;
}

/* Stamps that are made when a burst is fetched tell nothing that order of arrival does not. */
static bool
stamps_tell(const struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		const char *stamps = engine->links[i].info.stamps;

		if (stamps == NULL || strcmp(stamps, "burst") != 0)
			return true;
	}
	return false;
}

static bool
ordered(const struct ctl_engine *engine)
{
	if (streams(engine) < 2)
		return false;
	return engine->ops->offline ? files_merge(engine) : stamps_tell(engine);
}

/* From its stamp to its coming a packet of one link may take longer than one of another. */
static uint64_t
window_ns(const struct ctl_engine *engine)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		if (engine->links[i].info.delay_ns > most)
			most = engine->links[i].info.delay_ns;
	return DP_REORDER_WINDOW_NS + most;
}

uint32_t
ctl_reorder_frames(const struct ctl_engine *engine)
{
	return ordered(engine) ? DP_REORDER_MAX : 0;
}

uint32_t
ctl_reorder_large(const struct ctl_engine *engine)
{
	return ordered(engine) ? dp_reorder_large(engine->dp->nlinks, engine->dp->batch) : 0;
}

int
ctl_reorder_get(struct ctl_engine *engine)
{
	struct dp_engine *dp = engine->dp;

	dp->reorder = NULL;
	if (!ordered(engine))
		return 0;
	dp->reorder = malloc(sizeof(*dp->reorder));
	if (dp->reorder == NULL)
		return -ENOMEM;
	dp_reorder_init(dp->reorder, engine->ops->offline, window_ns(engine), dp->pool.frames);
	for (uint32_t i = 0; i < dp->nlinks; i++)
		dp->reorder->links[i].mixed = engine->links[i].info.streams > 1;
	return 0;
}

void
ctl_reorder_put(struct ctl_engine *engine)
{
	free(engine->dp->reorder);
	engine->dp->reorder = NULL;
}
