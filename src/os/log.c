/*
 * os/log: the one log of the process: standard error, a file, or syslog.  Called by the control
 * plane's threads; a mutex keeps lines whole and is held while one is written.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048
#define LINE_ENDS      2 /* an end of line in front, if the last one was cut, and its own */

static struct {
	pthread_mutex_t lock;
	enum { TO_STDERR, TO_FILE, TO_SYSLOG } to;
	const char *path;
	int fd;
	bool stdio;	    /* standard output and error are the file as well */
	uint64_t lost;	    /* since the start */
	uint64_t lost_here; /* since the last line that was written */
	bool cut;	    /* the last line has no end */
	char cause[64];	    /* of lost_here */
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* systemd says which stream is its journal's: standard error may have been led elsewhere since.
 */
static bool
is_journal(void)
{
	const char *value = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return value != NULL && sscanf(value, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* The time, in UTC with milliseconds; what stands before a line in a file. */
static void
write_time(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03uZ ", date, (unsigned)(now.tv_nsec / 1000000) % 1000);
}

/* true: all of it was written. */
static bool
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		log_state.cut = (size_t)n < len && (n > 0 || log_state.cut);
	if (n >= 0 && (size_t)n < len)
		errno = ENOSPC;
	return n == (ssize_t)len;
}

static void
write_line(int fd, const char *before, const char *text)
{
	char line[LINE_MAX_BYTES + 64];
	int len = snprintf(
		line, sizeof(line), "%s%s%s\n", log_state.cut ? "\n" : "", before, text);

	if (len < 0 || (size_t)len >= sizeof(line))
		len = (int)sizeof(line) - 1;
	if (write_all(fd, line, (size_t)len)) {
		log_state.cut = false;
		return;
	}
	if (log_state.lost_here++ == 0)
		snprintf(log_state.cause, sizeof(log_state.cause), "%s", strerror(errno));
	log_state.lost++;
}

/* Where lines are missing, a line says how many; not before one can be written again. */
static bool
tell_lost(const char *before)
{
	char text[160];
	uint64_t lost = log_state.lost_here;

	snprintf(text, sizeof(text), "pacf: %llu lines of this log were lost here: %s",
		(unsigned long long)lost, log_state.cause);
	log_state.lost_here = 0;
	write_line(log_state.fd, before, text);
	if (log_state.lost_here == 0)
		return true;
	log_state.lost--; /* this one is nobody's */
	log_state.lost_here = lost;
	return false;
}

static void
to_file(const char *text)
{
	uint64_t before = log_state.lost_here;
	char now[48];

	write_time(now, sizeof(now));
	if (before > 0 && !tell_lost(now)) {
		log_state.lost++;
		log_state.lost_here++;
		return;
	}
	write_line(log_state.fd, now, text);
	if (before == 0 && log_state.lost_here > 0)
		syslog(LOG_WARNING, "pacf: lines of %s are lost: %s", log_state.path,
			log_state.cause);
}

static void
make_harmless(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
		if (*p < ' ' || *p == 127)
			*p = '?';
}

void
os_log(enum os_log_level level, const char *fmt, ...)
{
	static const char name[] = "pacf: ";
	char text[LINE_MAX_BYTES], mark[8] = "";
	int saved = errno;
	va_list ap;

	memcpy(text, name, sizeof(name));
	va_start(ap, fmt);
	vsnprintf(text + sizeof(name) - 1, sizeof(text) - sizeof(name) - LINE_ENDS, fmt, ap);
	va_end(ap);
	make_harmless(text);
	pthread_mutex_lock(&log_state.lock);
	switch (log_state.to) {
	case TO_FILE:
		to_file(text);
		break;
	case TO_SYSLOG:
		syslog((int)level, "%s", text + sizeof(name) - 1);
		break;
	case TO_STDERR:
		if (is_journal())
			snprintf(mark, sizeof(mark), "<%d>", (int)level);
		write_line(
			STDERR_FILENO, mark, mark[0] != '\0' ? text + sizeof(name) - 1 : text);
		break;
	}
	pthread_mutex_unlock(&log_state.lock);
	errno = saved;
}

static int
open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	return fd < 0 ? -errno : fd;
}

static int
lead_stdio(int fd)
{
	return dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0 ? -errno : 0;
}

int
os_log_to_file(const char *path)
{
	int fd = open_file(path);

	if (fd < 0)
		return fd;
	pthread_mutex_lock(&log_state.lock);
	log_state.path = path;
	log_state.fd = fd;
	log_state.to = TO_FILE;
	pthread_mutex_unlock(&log_state.lock);
	return 0;
}

void
os_log_to_syslog(void)
{
	openlog("pacf", LOG_PID, LOG_DAEMON);
	pthread_mutex_lock(&log_state.lock);
	log_state.to = TO_SYSLOG;
	pthread_mutex_unlock(&log_state.lock);
}

int
os_log_take_stdio(void)
{
	int rc, fd = log_state.fd;

	fflush(stdout);
	fflush(stderr);
	if (log_state.to != TO_FILE)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = lead_stdio(fd);
	if (fd != log_state.fd)
		close(fd);
	pthread_mutex_lock(&log_state.lock);
	log_state.stdio = rc == 0 && log_state.to == TO_FILE;
	pthread_mutex_unlock(&log_state.lock);
	return rc;
}

/* dup2 leaves no moment in which there is no log. */
int
os_log_reopen(void)
{
	int fd, rc = 0;

	if (log_state.to != TO_FILE)
		return 0;
	fd = open_file(log_state.path);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&log_state.lock);
	if (log_state.stdio)
		rc = lead_stdio(fd);
	close(log_state.fd);
	log_state.fd = fd;
	log_state.cut = false;
	pthread_mutex_unlock(&log_state.lock);
	return rc;
}

uint64_t
os_log_lost(void)
{
	uint64_t lost;

	pthread_mutex_lock(&log_state.lock);
	lost = log_state.lost;
	pthread_mutex_unlock(&log_state.lock);
	return lost;
}
