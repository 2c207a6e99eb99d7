/*
 * ctl/hold: what a channel with when_detached = hold has besides (backlog.h): memory, as much
 * as the user allows, from its opening to its end, and the lane that the last application left.
 * Private to ctl, guarded by ctl->lock but for ctl_hold_make.
 */
#ifndef PACF_CTL_HOLD_H
#define PACF_CTL_HOLD_H

#include "ctl.h"

struct ctl_channel;
struct ctl_engine;
struct dp_backlog;
struct dp_lane;

struct ctl_hold {
	uint64_t bytes;		    /* 0: it does not hold */
	struct dp_backlog *backlog; /* until it is its sink's */
	struct dp_lane *rest;	    /* freed when the engine has done with it */
	uint32_t linktype;	    /* of what is held */
};

/* After the policies: checks, and says how many bytes. */
int ctl_hold_args(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);
/* The memory, if the channel holds; without the lock, as it takes its time.  -ENOMEM: needs,
 * has and what to set. */
int ctl_hold_make(struct ctl_channel *ch, struct ctl_err *err);
void ctl_hold_free(struct dp_backlog *b);
/* Frees what it still has. */
void ctl_hold_clear(struct ctl_hold *hold);

void ctl_lane_free(struct dp_lane *lane);
/* The engine has acknowledged that this lane is none any more: frees it, unless it is the rest
 * now. */
void ctl_lane_retired(struct ctl_channel *ch, struct dp_lane *lane);
/* Frees the rest if the engine has it no more. */
void ctl_rest_review(struct ctl_channel *ch);
/* The channel goes, and what is held with it: nobody came for that. */
void ctl_hold_end(struct ctl_engine *engine, struct ctl_channel *ch);
/* Before an engine starts: what is held of another link type is given up. */
void ctl_holds_start(struct ctl_engine *engine);

#endif
