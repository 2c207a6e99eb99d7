/*
 * ctl/link: what the control plane keeps of an engine's sources.  Private to ctl, guarded by
 * ctl->lock; part of state.h.
 */
#ifndef PACF_CTL_LINK_H
#define PACF_CTL_LINK_H

#include "ctl.h"
#include "io.h"

#define CTL_IFNAME_MAX 1024

struct ctl_engine;

struct ctl_link_state {
	char ifname[CTL_IFNAME_MAX];
	struct ctl_link_args args; /* ifname and engine point elsewhere: unused */
	struct io_source_info info;
	bool open, used;
	struct io_status status;	  /* of a live link, as last tended */
	struct ctl_offload *offload;	  /* switched off for this link; or NULL */
	char note[IO_ERR_MAX];		  /* about offloads; or "" */
	unsigned index;			  /* of its interface, when that was looked at */
	struct io_source_counters before; /* sums up to when it was last closed */
};

/* link.c */
int ctl_link_open(struct ctl_engine *engine, uint32_t i, struct ctl_err *err);
void ctl_link_close(struct ctl_engine *engine, uint32_t i);
/* Before a start: files that were read are opened again. */
int ctl_links_reopen(struct ctl_engine *engine, struct ctl_err *err);
/* Live links give back all frames: the thread has ended, or never ran. */
void ctl_links_retire(struct ctl_engine *engine);
/* Has a link ended early?  Then *out, all zero before, says why. */
bool ctl_links_failed(const struct ctl_engine *engine, struct io_status *out);
/* Over all its starts. */
void ctl_link_counters(
	const struct ctl_engine *engine, uint32_t i, struct io_source_counters *out);

/* -ELOOP: the engine reads the interface that a channel wants to send out of. */
int ctl_links_loop(const struct ctl_engine *engine, const char *name, struct ctl_err *err);

/* tend.c: a thread of its own looks after live links, and after the engines' threads, while an
 * engine runs.  live: it must learn of changes of interfaces at once. */
int ctl_tend_up(struct ctl *ctl, bool live, struct ctl_err *err);
void ctl_tend_down(struct ctl *ctl); /* without the lock */
void ctl_tend_links(struct ctl_engine *engine);
/* beat.c: has the running engine's thread made no turn for so long?  As it is looked at some
 * times a second, that is known within two seconds.  tell: says so, on standard error, if that
 * has changed.  age: how long ago it was last seen to turn. */
#define CTL_STALLED_NS UINT64_C(1500000000)
struct ctl_beat {
	uint64_t turns, moved_ns; /* of its thread, and when they last changed */
	bool told;
};
bool ctl_beat(struct ctl_engine *engine);
void ctl_beat_tell(struct ctl_engine *engine);
double ctl_beat_age_s(const struct ctl_engine *engine);

/* An open sink looks after itself; tell: says so if it has changed. */
struct ctl_channel;
void ctl_sink_tend(const struct ctl_engine *engine, struct ctl_channel *ch, bool tell);

#endif
