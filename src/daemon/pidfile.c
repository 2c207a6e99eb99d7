/*
 * daemon/pidfile: the file that says which process is the daemon of a folder, and whose lock
 * says whether it lives.
 */
#include "daemon.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(struct ctl_err *err, int rc, const char *path)
{
	snprintf(err->text, sizeof(err->text),
		"cannot write %s: %s; set PACF_RUNDIR to a folder of your own", path,
		strerror(-rc));
	return rc;
}

/* Whose it is; it may not have written its number yet. */
static int
refuse(int fd, const char *rundir, struct ctl_err *err)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		snprintf(err->text, sizeof(err->text),
			"another daemon, process %ld, runs in %s: stop it with `kill %ld`, or "
			"set PACF_RUNDIR to another folder",
			pid, rundir, pid);
	else
		snprintf(err->text, sizeof(err->text),
			"another daemon starts in %s: set PACF_RUNDIR to another folder",
			rundir);
	return -EADDRINUSE;
}

/* The locked file; -EADDRINUSE: another's, and *fd is it. */
static int
open_locked(const char *path, int *fd)
{
	int rc = os_lock_take(path, 0644, fd);

	if (rc < 0)
		return rc;
	/* Whatever the umask: anybody may know the number. */
	return fchmod(*fd, 0644) < 0 ? -errno : 0;
}

static int
write_pid(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return -errno;
	if (pwrite(fd, text, (size_t)len, 0) != len)
		return errno != 0 ? -errno : -ENOSPC;
	return 0;
}

/* Is another there?  Asked before anything is changed. */
static int
check_free(const char *path, const char *rundir, struct ctl_err *err)
{
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		rc = refuse(fd, rundir, err);
	close(fd);
	return rc;
}

/* A daemon that became a user has given the folder to him: the next one begins as root. */
static void
take_back(const char *rundir, const char *user)
{
	const struct passwd *entry = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
	struct stat st;

	/* What fails here is found by the check that follows. */
	if (entry != NULL && stat(rundir, &st) == 0 && st.st_uid == entry->pw_uid)
		(void)!chown(rundir, 0, (gid_t)-1);
}

static int
check_folder(const char *rundir, const char *user, struct ctl_err *err)
{
	int rc;

	take_back(rundir, user);
	rc = os_rundir_check(rundir);
	if (rc < 0)
		snprintf(err->text, sizeof(err->text),
			"others could replace the sockets in %s: it must be yours, and "
			"writable by you alone; or set PACF_RUNDIR to a folder of your own",
			rundir);
	return rc;
}

static int
lock_and_write(struct daemon_pidfile *file, const char *rundir, struct ctl_err *err)
{
	int rc = open_locked(file->path, &file->fd);

	if (rc == -EADDRINUSE)
		return refuse(file->fd, rundir, err);
	if (rc == 0)
		rc = write_pid(file->fd);
	return rc < 0 ? fail(err, rc, file->path) : 0;
}

int
daemon_pidfile_take(struct daemon_pidfile *file, const char *user, struct ctl_err *err)
{
	char rundir[512];
	int rc = os_rundir(rundir, sizeof(rundir), true);

	file->fd = -1;
	snprintf(file->path, sizeof(file->path), "%s/pacf.pid", rc == 0 ? rundir : "");
	if (rc < 0)
		snprintf(err->text, sizeof(err->text),
			"no folder for the daemon's files: %s; set PACF_RUNDIR", strerror(-rc));
	if (rc == 0)
		rc = check_free(file->path, rundir, err);
	if (rc == 0)
		rc = check_folder(rundir, user, err);
	if (rc == 0)
		rc = lock_and_write(file, rundir, err);
	if (rc == 0)
		return 0;
	if (file->fd >= 0)
		close(file->fd);
	file->path[0] = '\0';
	return rc;
}

/* Before the lock goes, so that nobody finds it there without. */
void
daemon_pidfile_drop(struct daemon_pidfile *file)
{
	if (file->path[0] == '\0')
		return;
	unlink(file->path);
	close(file->fd);
	file->path[0] = '\0';
}
