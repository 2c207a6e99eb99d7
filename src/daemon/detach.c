/*
 * daemon/detach: from a command that somebody typed to a process of its own.  The child keeps
 * its caller's terminal, and is reached by its Ctrl+C, until it works; the parent waits for
 * that.  One fork, not two: a child that fails is its parent's to collect.
 */
#include "daemon.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKS 'w'

/* The caller's side: never returns. */
static void
wait_for(pid_t child, int fd)
{
	int status;
	ssize_t n;
	char word;

	do {
		n = read(fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1 && word == WORKS)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "pacf: the daemon was ended by signal %d (%s) as it started\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
							    : EXIT_FAILURE);
}

int
daemon_fork(int *report_fd, struct ctl_err *err)
{
	int fds[2];
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid > 0) {
			close(fds[1]);
			wait_for(pid, fds[0]);
		}
	}
	if (pid < 0) {
		snprintf(err->text, sizeof(err->text), "cannot become a daemon: %s",
			strerror(errno));
		return -errno;
	}
	close(fds[0]);
	*report_fd = fds[1];
	return 0;
}

/* Standard input leads nowhere only now: a script may have come from there. */
static int
leave_terminal(void)
{
	int rc = 0, fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc < 0 ? rc : os_log_take_stdio();
}

int
daemon_ready(int report_fd)
{
	static const char word = WORKS;
	ssize_t n;
	int rc = setsid() < 0 ? -errno : leave_terminal();

	if (rc < 0)
		return rc;
	do {
		n = write(report_fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	rc = n == 1 ? 0 : -errno;
	close(report_fd);
	return rc;
}
