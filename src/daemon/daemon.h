/*
 * daemon: the life of a pacf that has no prompt: it starts, says whether it works, runs until
 * it is told to end, and leaves nothing behind.  Sees os, ctl and shell; main.c calls it.
 *
 * Two ways: detached (-d), where the caller's process returns when the other one works or has
 * failed; and in the foreground (-F), for a supervisor.  The order of the start is in daemon.c.
 */
#ifndef PACF_DAEMON_H
#define PACF_DAEMON_H

#include "shell.h"

#include <pthread.h>
#include <stdatomic.h>

/* What -f and -e ask for, in order. */
struct daemon_job {
	char option;
	const char *value;
};

struct daemon_options {
	bool detach;		 /* -d */
	bool foreground;	 /* -F */
	const char *log_file;	 /* -l; NULL: none */
	const char *user;	 /* -u; NULL: stays who it is */
	struct daemon_job *jobs; /* room for argc of them */
	int njobs;
};

/* options.c: -1: go on; else the exit status, and what is wrong was said. */
int daemon_options_parse(int argc, char **argv, struct daemon_options *o);

/* daemon.c: all of it, to the exit status.  No thread may exist yet.  With detach, the caller's
 * process does not return from here. */
int daemon_run(const struct daemon_options *o);
/* Runs the jobs; false: one failed, or the shell is to be left. */
bool daemon_run_jobs(struct shell *sh, const struct daemon_options *o);

/* stdio.c: descriptors 0, 1 and 2 that were closed lead nowhere from now on, so that no socket
 * or file gets their number.  First of all. */
void daemon_stdio_open(void);

/*
 * pidfile.c: RUNDIR/pacf.pid, locked as long as its daemon lives: one whose daemon was killed
 * is taken over.  user: whom the daemon will become, or NULL.  0 or -errno with a sentence that
 * names the other's process.
 */
struct daemon_pidfile {
	char path[640]; /* "": not taken */
	int fd;
};
int daemon_pidfile_take(struct daemon_pidfile *file, const char *user, struct ctl_err *err);
void daemon_pidfile_drop(struct daemon_pidfile *file);

/*
 * detach.c: the daemon as a child of its caller until it works.  fork returns in the child
 * only; the parent waits, and exits with 0 after `ready`, with 1 if the child ended before.
 * ready: the session and the terminal are left; -EPIPE: the caller is gone, nobody wants it.
 */
int daemon_fork(int *report_fd, struct ctl_err *err);
int daemon_ready(int report_fd);

/*
 * notify.c: what systemd is told, by its own protocol: lines of "NAME=value" in a datagram to
 * the socket $NOTIFY_SOCKET.  Without one, nothing.  open takes the name, and how often
 * WATCHDOG=1 is wanted, out of the environment, so that programs started from here say nothing
 * in our name.
 */
struct daemon_notify {
	char path[128];	      /* "": nobody listens */
	uint64_t watchdog_ns; /* 0: no watchdog */
};
void daemon_notify_open(struct daemon_notify *n);
void daemon_notify_send(const struct daemon_notify *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * keeper.c: the thread that takes SIGTERM, SIGINT and SIGHUP, which all others block, and feeds
 * the watchdog as long as every engine turns.
 */
struct daemon_keeper {
	struct ctl *ctl;
	struct shell *shell;
	struct daemon_notify notify;
	pthread_t thread;
	_Atomic bool stop;
	bool up;
	char status[256]; /* as last told */
};
/* Before the shell takes the signals over: what a caller had ignored or blocked is not. */
void daemon_signals_default(void);
/* On the main thread, after the scripts. */
void daemon_signals_block(void);
int daemon_keeper_start(struct daemon_keeper *k, struct ctl_err *err);
void daemon_keeper_stop(struct daemon_keeper *k);

#endif
