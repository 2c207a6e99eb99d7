/*
 * ctl/offload: what cards and system do to packets before they are captured, while links
 * capture. Private to ctl, guarded by ctl->lock.  offload.c reports or switches off;
 * offload_journal.c remembers on disk what to put back, also for a pacf that is killed.
 *
 * A journal is a small text file per interface in the runtime folder, locked (flock) by the
 * pacf that made it for as long as that lives.  Invariant: it is whole (its last line is "end")
 * before anything is changed, and is removed after everything is put back.
 */
#ifndef PACF_CTL_OFFLOAD_H
#define PACF_CTL_OFFLOAD_H

#include "ctl.h"
#include "nic.h"

#include <sys/queue.h>

#define CTL_PATH_MAX 1024

struct ctl_engine;

/* An interface whose offloads are switched off, for one link or several. */
struct ctl_offload {
	TAILQ_ENTRY(ctl_offload) entry;
	char name[OS_NETIF_NAME];
	unsigned index;
	uint32_t changed, wanted; /* as os_offloads, before */
	uint32_t users;
	int fd; /* the journal */
	char path[CTL_PATH_MAX];
};
TAILQ_HEAD(ctl_offloads, ctl_offload);

/* offload.c: before a live link's source starts; tells what falsifies packets, or switches it
 * off.  Never fails: the link's note says what could not be done. */
void ctl_offload_start(struct ctl_engine *engine, uint32_t i);
/* After it is closed, or was never started. */
void ctl_offload_stop(struct ctl_engine *engine, uint32_t i);
/* Its interface has come back: it may be another one, with everything on. */
void ctl_offload_again(struct ctl_engine *engine, uint32_t i);
/* Puts back; says on standard error what could not be.  `which` of the names of the set. */
void ctl_offload_put_back(const char *name, uint32_t changed, uint32_t wanted);
/* "gro and lro"; returns buf. */
const char *ctl_offload_names(uint32_t set, char *buf, size_t size);

/* offload_journal.c: makes and locks the file of o->name in o->path, o->fd.  -EBUSY: another
 * living pacf has it.  What a killed one left there is put back first. */
int ctl_journal_take(struct ctl_offload *o);
/* Writes it, before the change. */
int ctl_journal_write(struct ctl_offload *o);
/* Removes it, after all was put back. */
void ctl_journal_drop(struct ctl_offload *o);

#endif
