/*
 * os/local: UNIX sockets in a daemon's folder.  Beside each is a file whose lock says whether
 * the daemon that took it lives; the socket's file can't.  The kernel gives the lock back when
 * the process ends, however it does.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
path_join(char *buf, size_t size, const char *dir, const char *file)
{
	int n = snprintf(buf, size, "%s/%s", dir, file);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int
address(struct sockaddr_un *addr, const char *dir, const struct os_local *what)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	return path_join(addr->sun_path, sizeof(addr->sun_path), dir, what->socket);
}

static int
fail_close(int fd)
{
	int err = -errno;

	close(fd);
	return err;
}

int
os_local_connect(const char *dir, const struct os_local *what)
{
	struct sockaddr_un addr;
	int fd, err = address(&addr, dir, what);

	if (err != 0)
		return err;
	fd = socket(AF_UNIX, (what->type & ~SOCK_NONBLOCK) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail_close(fd);
	return fd;
}

/* A daemon that ends in good order unlinks its lock: whoever had it open holds nothing. */
static bool
still_there(int fd, const char *path)
{
	struct stat held, there;

	return fstat(fd, &held) == 0 && lstat(path, &there) == 0 &&
	       held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

int
os_lock_take(const char *path, mode_t mode, int *fd)
{
	for (;;) {
		*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
		if (*fd < 0)
			return -errno;
		if (flock(*fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		if (still_there(*fd, path))
			return 0;
		close(*fd);
	}
}

/* Nobody can connect before listen, so the mode is right before anyone is served. */
static int
listen_at(const struct sockaddr_un *addr, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if ((unlink(addr->sun_path) < 0 && errno != ENOENT) ||
		bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
		chmod(addr->sun_path, 0600) < 0 || listen(fd, 64) < 0)
		return fail_close(fd);
	return fd;
}

int
os_local_listen(const char *dir, const struct os_local *what, int *lock_fd)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct sockaddr_un addr;
	int fd, lock, err = address(&addr, dir, what);

	*lock_fd = -1;
	if (err == 0)
		err = path_join(path, sizeof(path), dir, what->lock);
	if (err != 0)
		return err;
	err = os_lock_take(path, 0600, &lock);
	fd = err == 0 ? listen_at(&addr, what->type) : err;
	if (fd >= 0)
		*lock_fd = lock;
	else if (lock >= 0)
		close(lock);
	return fd;
}

/* Ours: the lock is still held. */
void
os_local_unlisten(const char *dir, const struct os_local *what, int listen_fd, int lock_fd)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	close(listen_fd);
	if (path_join(path, sizeof(path), dir, what->socket) == 0)
		unlink(path);
	if (path_join(path, sizeof(path), dir, what->lock) == 0)
		unlink(path);
	close(lock_fd);
}
