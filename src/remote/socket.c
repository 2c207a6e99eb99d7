/*
 * remote/socket: RUNDIR/control.sock, the daemon's end and pacfctl's.
 */
#include "remote.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
address(struct sockaddr_un *addr, const char *rundir)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/" REMOTE_SOCKET, rundir);
	return n < 0 || (size_t)n >= sizeof(addr->sun_path) ? -ENAMETOOLONG : 0;
}

static int
fail_close(int fd)
{
	int err = -errno;

	close(fd);
	return err;
}

int
remote_connect(const char *rundir)
{
	struct sockaddr_un addr;
	int fd, rc = address(&addr, rundir);

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail_close(fd);
	return fd;
}

static int
lock_path(char *buf, size_t size, const char *rundir)
{
	int n = snprintf(buf, size, "%s/" REMOTE_LOCK, rundir);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Nobody can connect before listen, so the mode is right before anyone is served. */
int
remote_listen(const char *rundir, int *lock_fd)
{
	char path[256];
	struct sockaddr_un addr;
	int fd, lock, rc = address(&addr, rundir);

	*lock_fd = -1;
	if (rc < 0 || (rc = lock_path(path, sizeof(path), rundir)) < 0)
		return rc;
	lock = os_lock_take(path);
	if (lock < 0)
		return lock;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_close(lock);
	if ((unlink(addr.sun_path) < 0 && errno != ENOENT) ||
		bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		chmod(addr.sun_path, 0600) < 0 || listen(fd, 64) < 0) {
		rc = fail_close(fd);
		close(lock);
		return rc;
	}
	*lock_fd = lock;
	return fd;
}

void
remote_unlisten(const char *rundir, int listen_fd, int lock_fd)
{
	char path[256];
	struct sockaddr_un addr;

	close(listen_fd);
	if (address(&addr, rundir) == 0)
		unlink(addr.sun_path);
	if (lock_path(path, sizeof(path), rundir) == 0)
		unlink(path);
	close(lock_fd);
}
