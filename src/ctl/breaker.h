/*
 * ctl/breaker: ends what somebody waits for.  Each caller of ctl that can be interrupted has a
 * breaker of its own and hands it to the calls that wait; whoever breaks it ends that caller's
 * wait, and nobody else's.
 *
 * A break is kept until it is taken: by the wait that it ends, or by ctl_breaker_take.  So one
 * that comes just before a wait begins is not lost, and several are one.
 */
#ifndef PACF_CTL_BREAKER_H
#define PACF_CTL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct ctl_breaker;

/* 0, or -errno when there is no memory or descriptor left. */
int ctl_breaker_open(struct ctl_breaker **out);
/* Nobody waits with it or breaks it any more. */
void ctl_breaker_close(struct ctl_breaker *breaker);
/* On any thread, and in signal handlers. */
void ctl_break(struct ctl_breaker *breaker);
/* The rest on the thread of its owner.  NULL is a breaker that nobody breaks. */
bool ctl_breaker_take(struct ctl_breaker *breaker);
/* Waits until ns have passed (0) or it is broken (-EINTR, taken). */
int ctl_breaker_wait(struct ctl_breaker *breaker, uint64_t ns);
/* The same in seconds, however many. */
int ctl_sleep(struct ctl_breaker *breaker, double seconds);
/* Readable while a break is kept, for waits of other kinds; only to be polled. */
int ctl_breaker_fd(const struct ctl_breaker *breaker);

#endif
