/*
 * os/linux: the system's own part of os.h for Linux (5.1 or later).  Used by every layer and by
 * the library in the application's process, so nothing here keeps state or touches signals.
 *
 * Invariant: no descriptor leaves this file without close-on-exec, and what is shared with an
 * application can't make the other end wait.
 */
#include "os.h"
#include "sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char os_sys_root_rundir[] = "/run/pacf";

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

int
os_shm_seal(int fd, bool read_only)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | (read_only ? F_SEAL_FUTURE_WRITE : 0);

	if (fcntl(fd, F_ADD_SEALS, seals) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

/*
 * The bell is a datagram socket connected to itself.  An eventfd is faster by half a
 * microsecond, but its O_NONBLOCK belongs to both ends: an application could clear it, fill the
 * counter, and have the engine wait in write() for ever.  Here each call brings its own
 * MSG_DONTWAIT.  Nobody else can send to the socket's (abstract, kernel-chosen) name, because
 * it is connected.
 */
int
os_bell_create(void)
{
	struct sockaddr_un self = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(self.sun_family);
	int err, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&self, len) < 0)
		goto fail;
	len = sizeof(self);
	if (getsockname(fd, (struct sockaddr *)&self, &len) < 0 ||
		connect(fd, (struct sockaddr *)&self, len) < 0)
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

/* A full queue is a bell that has been rung; any other failure is the other end's own doing. */
void
os_bell_ring(int fd)
{
	int saved = errno;

	(void)send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	errno = saved;
}

/* Bounded, so that an application that rings for ever can only keep itself busy. */
void
os_bell_drain(int fd)
{
	int saved = errno;
	char byte;

	for (int i = 0; i < 4096 && recv(fd, &byte, 1, MSG_DONTWAIT) >= 0; i++)
		;
	errno = saved;
}

int
os_waitset_create(const int *fds, int n)
{
	int err, set = epoll_create1(EPOLL_CLOEXEC);

	if (set < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.fd = fds[i]};

		if (epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &ev) < 0) {
			err = -errno;
			close(set);
			return err;
		}
	}
	return set;
}

int
os_waitset_add(int set, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int
os_timer_create(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void
os_timer_set(int fd, uint64_t ns)
{
	struct itimerspec when = {.it_value = {.tv_sec = (time_t)(ns / 1000000000u),
					  .tv_nsec = (long)(ns % 1000000000u)}};

	timerfd_settime(fd, 0, &when, NULL);
}

/* epoll asks each descriptor anew, whenever it is polled. */
void
os_waitset_settle(int set)
{
	(void)set;
}

int
os_thread_pin(int cpu)
{
	cpu_set_t set;
	int err;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	err = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (err != 0)
		return -err;
	CPU_ZERO(&set);
	err = pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	if (err != 0)
		return -err;
	return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set) ? 0 : -EINVAL;
}

void
os_signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, OS_CONFINE_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

int
os_thread_cpu(pthread_t thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (pthread_getaffinity_np(thread, sizeof(set), &set) != 0 || CPU_COUNT(&set) != 1)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return -1;
}

void
os_thread_name(const char *name)
{
	char cut[16]; /* what the kernel keeps; a longer one would be refused */

	snprintf(cut, sizeof(cut), "%s", name);
	(void)pthread_setname_np(pthread_self(), cut);
}

int
os_cpu_count(void)
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}

int
os_peer_cred(int sock, struct os_cred *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*out = (struct os_cred){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
	return 0;
}

/* The kernel says how much room they need if it is not enough. */
bool
os_peer_in_group(int sock, gid_t group)
{
	socklen_t len = 64 * sizeof(gid_t), room = 0;
	gid_t *groups = NULL, *more;
	struct os_cred cred;
	bool found = os_peer_cred(sock, &cred) == 0 && cred.gid == group;
	int rc = -1;

	for (; !found && rc < 0 && len > room; room = len) {
		more = realloc(groups, len);
		if (more == NULL)
			break;
		groups = more;
		rc = getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	}
	for (size_t i = 0; rc == 0 && i < len / sizeof(*groups); i++)
		found |= groups[i] == group;
	free(groups);
	return found;
}

/* A process chooses its own name: nothing in it may reach a terminal as a control character. */
void
os_proc_name(pid_t pid, char *buf, size_t size)
{
	char path[32], name[64];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	while (len > 0 && name[len - 1] == '\n')
		len--;
	if (len <= 0)
		name[0] = '?', len = 1;
	name[len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		if (!isprint((unsigned char)name[i]))
			name[i] = '?';
	snprintf(buf, size, "%s", name);
}
