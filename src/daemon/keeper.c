/*
 * daemon/keeper: one thread that waits for the signals of a daemon, and in between looks a few
 * times a second whether the data planes turn.  It tells systemd what it sees; its watchdog is
 * fed only while every engine turns, so that a daemon that does not work is started anew.
 */
#include "daemon.h"
#include "log.h"
#include "os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LOOK_NS UINT64_C(500000000) /* how often, at least, the engines are looked at */

static const int taken[] = {SIGTERM, SIGINT, SIGHUP};
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

static void
taken_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < TAKEN; i++)
		sigaddset(set, taken[i]);
}

void
daemon_signals_default(void)
{
	sigset_t set;

	taken_set(&set);
	for (size_t i = 0; i < TAKEN; i++)
		signal(taken[i], SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void
daemon_signals_block(void)
{
	sigset_t set;

	taken_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* SIGHUP: the log is opened anew by its name, and recorders go on in new files. */
static void
reload(struct daemon_keeper *k)
{
	struct ctl_err err = {""};
	int rc;

	daemon_notify_send(&k->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)(os_clock_mono_ns() / 1000));
	rc = os_log_reopen();
	if (rc < 0)
		os_log(OS_LOG_ERR,
			"the log can't be opened anew: %s; it goes on in the old file",
			strerror(-rc));
	else
		os_log(OS_LOG_INFO, "SIGHUP: files are opened anew");
	if (ctl_rotate(k->ctl, NULL, NULL, &err) < 0)
		os_log(OS_LOG_ERR, "%s", err.text);
	daemon_notify_send(&k->notify, "READY=1");
}

/* The watchdog is fed if all is well; what is seen is told when it has changed. */
static void
look(struct daemon_keeper *k)
{
	struct ctl_pulse pulse;
	char status[sizeof(k->status)];

	if (k->notify.path[0] == '\0')
		return;
	if (ctl_pulse(k->ctl, &pulse) < 0)
		snprintf(status, sizeof(status), "the control plane is held up");
	else if (pulse.stalled > 0)
		snprintf(status, sizeof(status),
			"%u of %u running engines do not turn: \"%s\" first", pulse.stalled,
			pulse.running, pulse.name);
	else {
		snprintf(status, sizeof(status), "%u of %u engines run", pulse.running,
			pulse.engines);
		if (k->notify.watchdog_ns > 0)
			daemon_notify_send(&k->notify, "WATCHDOG=1");
	}
	if (strcmp(status, k->status) != 0)
		daemon_notify_send(&k->notify, "STATUS=%s", status);
	memcpy(k->status, status, sizeof(status));
}

static void
take_signal(struct daemon_keeper *k, int signo)
{
	if (signo == SIGHUP) {
		reload(k);
		return;
	}
	os_log(OS_LOG_NOTICE, "%s: ends", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	shell_stop(k->shell);
}

static void *
keeper_main(void *arg)
{
	struct daemon_keeper *k = arg;
	uint64_t ns = LOOK_NS;
	struct timespec ts;
	sigset_t set;
	int signo;

	os_thread_name("pacf-keeper");
	taken_set(&set);
	/* A third: one that is late is no catastrophe. */
	if (k->notify.watchdog_ns > 0 && k->notify.watchdog_ns / 3 < ns)
		ns = k->notify.watchdog_ns / 3;
	ts = (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
	for (;;) {
		look(k);
		signo = sigtimedwait(&set, NULL, &ts);
		if (atomic_load(&k->stop))
			return NULL;
		if (signo > 0)
			take_signal(k, signo);
	}
}

/* All signals are blocked in it, and sigtimedwait takes its own. */
int
daemon_keeper_start(struct daemon_keeper *k, struct ctl_err *err)
{
	sigset_t before;
	int rc;

	os_signals_block(&before);
	rc = pthread_create(&k->thread, NULL, keeper_main, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		snprintf(err->text, sizeof(err->text), "cannot start the keeper's thread: %s",
			strerror(rc));
	k->up = rc == 0;
	return -rc;
}

void
daemon_keeper_stop(struct daemon_keeper *k)
{
	if (!k->up)
		return;
	atomic_store(&k->stop, true);
	pthread_kill(k->thread, SIGHUP); /* the flag is looked at first */
	pthread_join(k->thread, NULL);
	k->up = false;
}
