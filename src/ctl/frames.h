/*
 * ctl/frames: an engine's pool: how many frames it has, and in what memory; and its reorder
 * buffer, which needs some of them.  Private to ctl, guarded by ctl->lock.
 *
 * A stalled application must never hold what another needs, so there is a frame for every ring
 * slot and what the links need, and DP_LARGE_QUOTA large ones for every lane there can be.  In
 * ordinary pages that is address space only, until frames are used; huge pages are committed at
 * once, so large frames are for the channels there are and CTL_GROWTH_RINGS more.
 */
#ifndef PACF_CTL_FRAMES_H
#define PACF_CTL_FRAMES_H

#include "ctl.h"

#include <stddef.h>

struct ctl_channel;
struct ctl_engine;

/* frames.c.  Made when an engine starts: -EINVAL if `buffers` is too few, -ENOMEM. */
int ctl_pool_get(struct ctl_engine *engine, struct ctl_err *err);
/* Frames that rings and sources need. */
uint64_t ctl_engine_frames(const struct ctl_engine *engine);
/* -ENOSPC: the engine runs, and its pool is too small for one channel more. */
int ctl_pool_room(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err);
/* "12.5 MiB, 2 MiB pages, node 0", of a running engine. */
void ctl_pool_text(const struct ctl_engine *engine, char *out, size_t size);

/* reorder.c: an engine's reorder buffer, if it has one, from its start to its end; the frames,
 * large ones apart, that it needs.  -ENOMEM. */
int ctl_reorder_get(struct ctl_engine *engine);
void ctl_reorder_put(struct ctl_engine *engine);
uint32_t ctl_reorder_frames(const struct ctl_engine *engine);
uint32_t ctl_reorder_large(const struct ctl_engine *engine);

/* Frames that a channel can hold, besides large ones. */
uint32_t ctl_channel_frames(const struct ctl_channel *ch);

#endif
