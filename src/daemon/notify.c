/*
 * daemon/notify: systemd's notification protocol (sd_notify(3) documents it as stable), spoken
 * without its library: that would load five others into a privileged process, and is not there
 * on FreeBSD, for what is one datagram.  Called on the main thread and the keeper's.
 */
#include "daemon.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The watchdog is for us, unless it names another process. */
static uint64_t
watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) * 1000;
}

void
daemon_notify_open(struct daemon_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	memset(n, 0, sizeof(*n));
	/* "@name" is one of Linux's that are not in the file system. */
	if (path != NULL && (path[0] == '/' || path[0] == '@') &&
		strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(n->path, sizeof(n->path), "%s", path);
		n->watchdog_ns = watchdog_ns();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* Who does not listen any more misses it: there is nobody else to tell. */
static void
send_text(const char *path, const char *text)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&addr,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void
daemon_notify_send(const struct daemon_notify *n, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (n->path[0] == '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_text(n->path, text);
}
