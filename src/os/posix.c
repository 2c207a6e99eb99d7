/*
 * os/posix: the part of os.h that is the same on every system: clocks, mapping, folders.  Used
 * by every layer and by the library in the application's process; keeps no state.
 */
#include "os.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* can't fail for these two clocks */
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
os_clock_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
os_clock_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void
os_sleep_ns(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

	(void)nanosleep(&ts, NULL); /* a signal ends it early: that is the contract */
}

/* Pages of such an object are charged when they are touched, so there is nothing to ask for
 * with MAP_NORESERVE. */
int
os_shm_map(int fd, size_t bytes, bool writable, void **out)
{
	void *mem =
		mmap(NULL, bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		return -errno;
	*out = mem;
	return 0;
}

void
os_shm_unmap(void *mem, size_t bytes)
{
	if (mem != NULL)
		munmap(mem, bytes);
}

static int
ring_place(int fd, uint8_t *at, size_t bytes)
{
	void *mem = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);

	return mem == MAP_FAILED ? -errno : 0;
}

int
os_ring_map(const char *label, size_t bytes, void **out)
{
	int fd = os_shm_create(label, bytes), rc = 0;
	void *room;

	if (fd < 0)
		return fd;
	room = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (room == MAP_FAILED)
		rc = -errno;
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		rc = ring_place(fd, (uint8_t *)room + i * bytes, bytes);
		if (rc < 0)
			munmap(room, 2 * bytes);
	}
	close(fd);
	if (rc == 0)
		*out = room;
	return rc;
}

void
os_ring_unmap(void *ring, size_t bytes)
{
	if (ring != NULL)
		munmap(ring, 2 * bytes);
}

int
os_shm_size(int fd, size_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0)
		return -EINVAL;
	*bytes = (size_t)st.st_size;
	return 0;
}

static int
make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* mkdir -p; path is changed while at work and restored. */
static int
make_path(char *path, mode_t mode)
{
	int err = 0;

	for (char *p = path + 1; *p != '\0' && err == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		err = make_dir(path, mode);
		*p = '/';
	}
	return err != 0 ? err : make_dir(path, mode);
}

/* The value of an environment variable that names a folder; NULL if it says nothing usable. */
static const char *
env_dir(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

static int
join(char *buf, size_t size, const char *dir, const char *rest)
{
	int len = snprintf(buf, size, "%s%s", dir, rest);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int
under_home(char *buf, size_t size, const char *rest)
{
	const char *home = env_dir("HOME");

	return home != NULL ? join(buf, size, home, rest) : -ENOENT;
}

int
os_rundir(char *buf, size_t size, bool create)
{
	const char *given = getenv("PACF_RUNDIR"), *xdg = env_dir("XDG_RUNTIME_DIR");
	bool root = geteuid() == 0;
	int err;

	if (given != NULL && given[0] != '\0')
		err = join(buf, size, given, "");
	else if (root)
		err = join(buf, size, os_sys_root_rundir, "");
	else if (xdg != NULL)
		err = join(buf, size, xdg, "/pacf");
	else
		err = under_home(buf, size, "/.local/state/pacf/run");
	if (err == 0 && create)
		err = make_path(buf, root ? 0755 : 0700);
	return err;
}

int
os_statedir(char *buf, size_t size, bool create)
{
	const char *xdg = env_dir("XDG_STATE_HOME");
	int err;

	if (xdg != NULL)
		err = join(buf, size, xdg, "/pacf");
	else
		err = under_home(buf, size, "/.local/state/pacf");
	if (err == 0 && create)
		err = make_path(buf, 0700);
	return err;
}

const char *
os_rundir_of_root(void)
{
	return os_sys_root_rundir;
}

/* What lies above: who may write there could put another folder in this one's place. */
static int
above_check(const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(path, real) == NULL)
		return -errno;
	for (char *slash; (slash = strrchr(real, '/')) != NULL;) {
		*slash = '\0';
		if (stat(real[0] != '\0' ? real : "/", &st) < 0)
			return -errno;
		if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
			return -EACCES;
	}
	return 0;
}

int
os_rundir_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return -EPERM;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return -EACCES;
	return above_check(path);
}

int
os_fd_private(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}
