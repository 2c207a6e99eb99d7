/*
 * shell/signals: signal handlers and the standard input that they interrupt.  Handlers set
 * flags and call ctl_break, nothing else; the flags are looked at by the Lua hook, by the
 * reader of standard input, and after each command.  A signal is never lost: it is blocked
 * except while waiting in pselect.
 */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted, terminated, resized;
static struct ctl_breaker *handler_breaker;
static pthread_t handler_thread;

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGPIPE, SIGXFSZ};
#define CAUGHT (int)(sizeof(caught) / sizeof(caught[0]))
static struct sigaction before[CAUGHT];

/* What a failed write tells already.  Caught, not ignored: programs started from here get the
 * default. */
static bool
only_an_error(int signo)
{
	return signo == SIGPIPE || signo == SIGXFSZ;
}

static void
on_signal(int signo)
{
	int saved = errno;

	if (!pthread_equal(pthread_self(), handler_thread)) {
		/* The kernel chose an engine thread: pass it to the one that waits. */
		pthread_kill(handler_thread, signo);
	} else if (signo == SIGWINCH) {
		resized = 1;
	} else if (!only_an_error(signo)) {
		if (signo == SIGINT)
			interrupted = 1;
		else
			terminated = signo;
		ctl_break(handler_breaker);
	}
	errno = saved;
}

void
signals_install(struct shell *sh)
{
	struct sigaction sa;

	handler_breaker = sh->breaker;
	handler_thread = pthread_self();
	interrupted = terminated = resized = 0;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal; /* no SA_RESTART: io.read() in a command ends too */
	sigemptyset(&sa.sa_mask);
	for (int i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &before[i]);
		/* nohup and background jobs: what was ignored stays ignored. */
		if (before[i].sa_handler != SIG_IGN || only_an_error(caught[i]))
			sigaction(caught[i], &sa, NULL);
	}
}

void
signals_restore(void)
{
	if (handler_breaker == NULL)
		return;
	for (int i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &before[i], NULL);
	handler_breaker = NULL;
}

int
signals_fatal(const struct shell *sh)
{
	if (terminated != 0)
		return terminated;
	return interrupted && !sh->interactive ? SIGINT : 0;
}

bool
signals_stop(const struct shell *sh)
{
	return interrupted || terminated != 0 || sh->leaving;
}

void
signals_clear_interrupt(void)
{
	interrupted = 0;
}

/* Waits until standard input is readable: 0, or what else happened. */
static int
wait_input(const struct shell *sh)
{
	sigset_t block, old;
	fd_set fds;
	int result = 0, n = 0;

	sigemptyset(&block);
	for (int i = 0; i < CAUGHT; i++)
		sigaddset(&block, caught[i]);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	while (result == 0) {
		if (signals_stop(sh)) {
			result = INPUT_SIGNAL;
		} else if (resized) {
			resized = 0;
			result = INPUT_RESIZED;
		} else if (n > 0) {
			break;
		} else {
			FD_ZERO(&fds);
			FD_SET(STDIN_FILENO, &fds);
			n = pselect(STDIN_FILENO + 1, &fds, NULL, NULL, NULL, &old);
			if (n < 0 && errno != EINTR)
				result = INPUT_EOF;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return result;
}

int
signals_input(const struct shell *sh)
{
	unsigned char byte;
	int result = wait_input(sh);
	ssize_t n;

	if (result != 0)
		return result;
	do {
		n = read(STDIN_FILENO, &byte, 1);
	} while (n < 0 && errno == EINTR && !signals_stop(sh));
	if (n < 0 && errno == EINTR)
		return INPUT_SIGNAL;
	return n == 1 ? byte : INPUT_EOF;
}
