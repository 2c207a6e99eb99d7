/*
 * ctl/auto: engines of type "auto": which source reads the first link, and why not another.
 * Private to ctl, guarded by ctl->lock.
 *
 * Such an engine is of type "auto" while it has no link.  The first link decides: a file is
 * read by pcap; an interface by the best of what works, as the sources' probes say.  From then
 * on it is an engine of that type, until its last link goes.
 */
#ifndef PACF_CTL_AUTO_H
#define PACF_CTL_AUTO_H

#include "ctl.h"
#include "io.h"

#define CTL_AUTO_MAX 8

struct ctl_engine;

struct ctl_auto_row {
	const char *type;
	const struct io_source_ops *ops; /* NULL: not in this build */
	struct io_probe probe;
};
/* What was looked at for the first link, best first; what is read by is the first usable. */
struct ctl_auto {
	uint32_t n;
	struct ctl_auto_row rows[CTL_AUTO_MAX];
};

/* The type of an engine that has not decided yet. */
extern const struct io_source_ops ctl_auto_ops;

/* ctl_link of an engine of this type. */
int ctl_auto_link(
	struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err);
/* The engine's last link has gone. */
void ctl_auto_forget(struct ctl_engine *engine);

/* link.c, for it. */
int ctl_link_check(
	const struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err);
int ctl_link_add(
	struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err);

#endif
