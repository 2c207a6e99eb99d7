/*
 * daemon: start, run, end.  The start goes up a ladder, of which each rung can fail with a
 * sentence on the caller's terminal; the end goes down again from wherever that was:
 *
 *     a process of its own; pid file and log; control plane and shell; scripts; its signals are
 *     the keeper's; engines are up: rights are given up; remote shells; ready is told
 */
#include "daemon.h"
#include "guard.h"
#include "log.h"
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct daemon {
	const struct daemon_options *o;
	struct daemon_pidfile pidfile;
	struct daemon_keeper keeper; /* with ctl and shell */
	int report_fd;		     /* to the caller; -1: none waits */
	bool serves;
};

bool
daemon_run_jobs(struct shell *sh, const struct daemon_options *o)
{
	bool ok = true;

	for (int i = 0; i < o->njobs && ok; i++) {
		ok = o->jobs[i].option == 'f' ? shell_run_file(sh, o->jobs[i].value)
					      : shell_run_text(sh, o->jobs[i].value);
	}
	return ok;
}

/* A sentence of our own; those of scripts were said. */
static bool
say(const struct ctl_err *err)
{
	fprintf(stderr, "pacf: %s\n", err->text);
	return false;
}

static bool
open_log(struct daemon *d, struct ctl_err *err)
{
	int rc = d->o->log_file != NULL ? os_log_to_file(d->o->log_file) : 0;

	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "cannot write the log %s: %s",
			d->o->log_file, strerror(-rc));
	return rc == 0;
}

static bool
open_planes(struct daemon *d)
{
	struct daemon_keeper *k = &d->keeper;
	struct ctl_err err = {""};

	if (daemon_pidfile_take(&d->pidfile, d->o->user, &err) < 0 || !open_log(d, &err))
		return say(&err);
	ctl_recover();
	if (ctl_open(&k->ctl, &err) < 0 || shell_open(&k->shell, k->ctl, &err) < 0)
		return say(&err);
	return true;
}

/* A script that leaves the shell has said that it wants no daemon. */
static bool
run_scripts(struct daemon *d)
{
	struct shell *sh = d->keeper.shell;
	bool ok = daemon_run_jobs(sh, d->o);

	fflush(stdout);
	daemon_signals_block();
	if (shell_leaving(sh) && shell_status(sh) == 0)
		fputs("pacf: a script left the shell: no daemon stays\n", stderr);
	return ok && !shell_leaving(sh);
}

/* What this system or build cannot do is no reason to stop. */
static bool
give_up_rights(struct daemon *d)
{
	struct ctl_err err = {""};

	if (ctl_confine(d->keeper.ctl, d->o->user, &err) < 0)
		return say(&err);
	if (err.text[0] != '\0')
		os_log(OS_LOG_INFO, "%s", err.text);
	return true;
}

/* Nothing that is told to anybody but the caller comes before it knows. */
static bool
tell_ready(struct daemon *d)
{
	struct daemon_keeper *k = &d->keeper;

	if (d->o->detach && d->o->log_file == NULL)
		os_log_to_syslog();
	if (d->report_fd >= 0 && daemon_ready(d->report_fd) < 0)
		return false;
	if (d->report_fd < 0 && d->o->log_file != NULL && os_log_take_stdio() < 0)
		return false;
	daemon_notify_send(&k->notify, "READY=1\nMAINPID=%ld", (long)getpid());
	os_log(OS_LOG_NOTICE, "version " PACF_VERSION " runs as process %ld", (long)getpid());
	return true;
}

static bool
start(struct daemon *d)
{
	struct ctl_err err = {""};

	if (!open_planes(d) || !run_scripts(d))
		return false;
	/* Engines are up, and nobody was told.  The control socket is of whom the process is
	 * now, and threads that come later have no more than it has. */
	if (!give_up_rights(d))
		return false;
	if (daemon_keeper_start(&d->keeper, &err) < 0 || shell_serve(d->keeper.shell, &err) < 0)
		return say(&err);
	d->serves = true;
	return tell_ready(d);
}

/* A shell that can't be ended has its Lua, and is left to the end of the process. */
static void
end(struct daemon *d, int status)
{
	struct daemon_keeper *k = &d->keeper;
	bool ended = true;

	daemon_notify_send(&k->notify, "STOPPING=1");
	if (d->serves)
		ended = shell_serve_end(k->shell);
	daemon_keeper_stop(k);
	if (ended)
		shell_close(k->shell);
	else
		os_log(OS_LOG_WARNING, "a command of a remote shell can't be interrupted: it "
				       "is ended with the process");
	metrics_stop();
	if (k->ctl != NULL)
		ctl_close(k->ctl);
	daemon_pidfile_drop(&d->pidfile);
	if (!ended)
		_exit(status);
}

int
daemon_run(const struct daemon_options *o)
{
	struct daemon d = {.o = o, .report_fd = -1};
	struct ctl_err err = {""};
	int status = EXIT_FAILURE;

	daemon_signals_default();
	if (o->detach && daemon_fork(&d.report_fd, &err) < 0) {
		say(&err);
		return EXIT_FAILURE;
	}
	daemon_notify_open(&d.keeper.notify);
	if (start(&d))
		status = shell_wait_end(d.keeper.shell);
	else if (d.keeper.shell != NULL && shell_status(d.keeper.shell) != 0)
		status = shell_status(d.keeper.shell);
	end(&d, status);
	return status;
}
