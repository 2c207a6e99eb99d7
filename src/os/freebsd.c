/*
 * os/freebsd: the system's own part of os.h for FreeBSD (13 or later: memfd_create, eventfd).
 * Used by every layer and by the library in the application's process, so nothing here keeps
 * state or touches signals.
 *
 * Invariant: no descriptor leaves this file without close-on-exec, and what is shared with an
 * application can't make the other end wait.
 */
#include "os.h"
#include "sys.h"

#include <sys/param.h>
#include <sys/capsicum.h>
#include <sys/cpuset.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>
#include <sys/un.h>
#include <sys/user.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pthread_np.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char os_sys_root_rundir[] = "/var/run/pacf";

int
os_shm_create(const char *label, size_t bytes)
{
	int err, fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/*
 * There is no seal for future writers here.  The right to map for writing is taken from the
 * descriptor instead: it travels with the descriptor when that is sent, can't be regained, and
 * mappings that exist are not concerned.  The object has no name by which it could be opened
 * again.
 */
int
os_shm_seal(int fd, bool read_only)
{
	cap_rights_t rights;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	if (!read_only)
		return 0;
	cap_rights_init(&rights, CAP_MMAP_R, CAP_FSTAT);
	return cap_rights_limit(fd, &rights) < 0 ? -errno : 0;
}

/*
 * O_NONBLOCK of an eventfd belongs to both ends: an application that could clear it could fill
 * the counter and have the engine wait in write().  Without CAP_FCNTL and CAP_IOCTL it can't.
 */
int
os_bell_create(void)
{
	cap_rights_t rights;
	int err, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_EVENT, CAP_KQUEUE_EVENT, CAP_FSTAT);
	if (cap_rights_limit(fd, &rights) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A full counter is a bell that has been rung. */
void
os_bell_ring(int fd)
{
	int saved = errno;
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
	errno = saved;
}

void
os_bell_drain(int fd)
{
	int saved = errno;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
	errno = saved;
}

/* kqueuex(2) came with FreeBSD 14.  No fork gets between these two calls: a child has no
 * kqueues of its parent. */
int
os_waitset_create(const int *fds, int n)
{
	int err, set = kqueue();

	if (set < 0)
		return -errno;
	if (fcntl(set, F_SETFD, FD_CLOEXEC) < 0)
		goto fail;
	for (int i = 0; i < n; i++) {
		struct kevent ev;

		EV_SET(&ev, fds[i], EVFILT_READ, EV_ADD, 0, 0, NULL);
		if (kevent(set, &ev, 1, NULL, 0, NULL) < 0)
			goto fail;
	}
	return set;
fail:
	err = -errno;
	close(set);
	return err;
}

int
os_waitset_add(int set, int fd)
{
	struct kevent ev;

	EV_SET(&ev, fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
	return kevent(set, &ev, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

/* A queue with one timer in it, which poll(2) sees when it has fired. */
int
os_timer_create(void)
{
	return os_waitset_create(NULL, 0);
}

void
os_timer_set(int fd, uint64_t ns)
{
	struct kevent ev;

	EV_SET(&ev, 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
	(void)kevent(fd, &ev, 1, NULL, 0, NULL); /* there may be none */
	EV_SET(&ev, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_NSECONDS, (intptr_t)ns, NULL);
	if (ns != 0)
		(void)kevent(fd, &ev, 1, NULL, 0, NULL);
}

/*
 * kqueue(2): an event stays on the queue until somebody tries to retrieve it, and poll(2) sees
 * the queue.  Retrieving runs the filters: what is not readable any more leaves the queue, what
 * is stays on it, because none is EV_CLEAR.
 */
void
os_waitset_settle(int set)
{
	static const struct timespec now = {0, 0};
	struct kevent got[8];

	(void)kevent(set, NULL, 0, got, sizeof(got) / sizeof(got[0]), &now);
}

int
os_thread_pin(int cpu)
{
	cpuset_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof(set), &set) < 0)
		return errno == EDEADLK ? -EINVAL : -errno;
	CPU_ZERO(&set);
	if (cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof(set), &set) < 0)
		return -errno;
	return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set) ? 0 : -EINVAL;
}

void
os_signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

int
os_thread_cpu(pthread_t thread)
{
	cpuset_t set;

	CPU_ZERO(&set);
	if (pthread_getaffinity_np(thread, sizeof(set), &set) != 0 || CPU_COUNT(&set) != 1)
		return -1;
	return CPU_FFS(&set) - 1;
}

void
os_thread_name(const char *name)
{
	pthread_set_name_np(pthread_self(), name);
}

int
os_cpu_count(void)
{
	cpuset_t set;
	int n = 0;

	if (cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_PID, -1, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}

int
os_peer_cred(int sock, struct os_cred *out)
{
	struct xucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (cred.cr_version != XUCRED_VERSION)
		return -EPROTO;
	*out = (struct os_cred){.pid = cred.cr_pid, .uid = cred.cr_uid, .gid = cred.cr_gid};
	return 0;
}

/* The first of them is the process's own. */
bool
os_peer_in_group(int sock, gid_t group)
{
	struct xucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) < 0 ||
		cred.cr_version != XUCRED_VERSION)
		return false;
	for (int i = 0; i < cred.cr_ngroups && i < XU_NGROUPS; i++)
		if (cred.cr_groups[i] == group)
			return true;
	return false;
}

/* A process chooses its own name: nothing in it may reach a terminal as a control character. */
void
os_proc_name(pid_t pid, char *buf, size_t size)
{
	int mib[4] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, (int)pid};
	struct kinfo_proc proc;
	size_t len = sizeof(proc);

	if (sysctl(mib, 4, &proc, &len, NULL, 0) < 0 || len != sizeof(proc) || !proc.ki_comm[0])
		snprintf(buf, size, "?");
	else
		snprintf(buf, size, "%s", proc.ki_comm);
	for (; size > 0 && *buf != '\0'; buf++)
		if (!isprint((unsigned char)*buf))
			*buf = '?';
}
