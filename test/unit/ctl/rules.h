/*
 * rules: what the tests of channels' rules (policy.c, filters.c, rebalance.c) share: channels
 * of engine "e", opened with any arguments, and a look at what the engine works by.
 */
#ifndef RULES_H
#define RULES_H

#include "rig.h"
#include "state.h"

static inline int
open_args(const char *channel, struct ctl_channel_args args)
{
	args.engine = "e";
	args.channel = channel;
	return ctl_channel_open(ctl, &args, &err);
}
#define OPEN(name, ...) open_args(name, (struct ctl_channel_args){__VA_ARGS__})

/* The only one. */
static inline struct ctl_engine *
engine(void)
{
	return TAILQ_FIRST(&ctl->engines);
}

/* A copy of what the engine works by; groups' maps stay where they are. */
static inline struct dp_plan
plan_now(void)
{
	struct dp_plan plan;

	pthread_mutex_lock(&ctl->lock);
	plan = *engine()->plan;
	pthread_mutex_unlock(&ctl->lock);
	return plan;
}

#endif
