/*
 * os/lock: a file whose lock says whether the daemon that took it lives; the file of a socket
 * can't.  The kernel gives the lock back when the process ends, however it does.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A daemon that ends in good order unlinks its lock: whoever had it open holds nothing. */
static bool
still_there(int fd, const char *path)
{
	struct stat held, there;

	return fstat(fd, &held) == 0 && lstat(path, &there) == 0 &&
	       held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

int
os_lock_take(const char *path)
{
	int fd, err;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			err = errno;
			close(fd);
			return err == EWOULDBLOCK ? -EADDRINUSE : -err;
		}
		if (still_there(fd, path))
			return fd;
		close(fd);
	}
}
