/*
 * term/signals: signal handlers and the standard input that they interrupt.  Handlers set flags
 * and call wake, nothing else; the flags are looked at by whoever runs a command, by the reader
 * of standard input, and after each command.  A signal is never lost: it is blocked except
 * while waiting in pselect.
 */
#include "term.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted, terminated, resized;
static void (*handler_wake)(void *arg);
static void *handler_arg;
static pthread_t handler_thread;
static bool installed;

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
		/* The kernel chose another thread: pass it to the one that waits. */
		pthread_kill(handler_thread, signo);
	} else if (signo == SIGWINCH) {
		resized = 1;
	} else if (!only_an_error(signo)) {
		if (signo == SIGINT)
			interrupted = 1;
		else
			terminated = signo;
		if (handler_wake != NULL)
			handler_wake(handler_arg);
	}
	errno = saved;
}

void
term_signals_install(void (*wake)(void *arg), void *arg)
{
	struct sigaction sa;

	handler_wake = wake;
	handler_arg = arg;
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
	installed = true;
}

void
term_signals_restore(void)
{
	if (!installed)
		return;
	for (int i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &before[i], NULL);
	handler_wake = NULL;
	installed = false;
}

bool
term_interrupted(void)
{
	return interrupted != 0;
}

void
term_clear_interrupt(void)
{
	interrupted = 0;
}

int
term_terminated(void)
{
	return terminated;
}

bool
term_resized(void)
{
	bool was = resized != 0;

	resized = 0;
	return was;
}

/* Waits until standard input or the other descriptor is readable, wait_ms at most (< 0: for
 * ever): 0: standard input is, or what else happened. */
static int
wait_input(int other, long wait_ms)
{
	const struct timespec limit = {wait_ms / 1000, wait_ms % 1000 * 1000000};
	int result = 0, n = 0, most = other > STDIN_FILENO ? other : STDIN_FILENO;
	sigset_t block, old;
	fd_set fds;

	sigemptyset(&block);
	for (int i = 0; i < CAUGHT; i++)
		sigaddset(&block, caught[i]);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	while (result == 0) {
		if (interrupted || terminated != 0) {
			result = TERM_SIGNAL;
		} else if (term_resized()) {
			result = TERM_RESIZED;
		} else if (n > 0) {
			if (other >= 0 && FD_ISSET(other, &fds))
				result = TERM_OTHER;
			break;
		} else {
			FD_ZERO(&fds);
			FD_SET(STDIN_FILENO, &fds);
			if (other >= 0)
				FD_SET(other, &fds);
			n = pselect(
				most + 1, &fds, NULL, NULL, wait_ms >= 0 ? &limit : NULL, &old);
			if (n < 0 && errno != EINTR)
				result = TERM_EOF;
			else if (n == 0)
				result = TERM_TIMEOUT;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return result;
}

int
term_key(int other, long wait_ms)
{
	unsigned char byte;
	int result = wait_input(other, wait_ms);
	ssize_t n;

	if (result != 0)
		return result;
	do {
		n = read(STDIN_FILENO, &byte, 1);
	} while (n < 0 && errno == EINTR && !interrupted && terminated == 0);
	if (n < 0 && errno == EINTR)
		return TERM_SIGNAL;
	return n == 1 ? byte : TERM_EOF;
}

int
term_input(int other)
{
	return term_key(other, -1);
}

unsigned
term_width(int fd)
{
	struct winsize ws;

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1 ? ws.ws_col : 80;
}
