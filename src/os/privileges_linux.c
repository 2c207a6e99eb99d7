/*
 * os/privileges_linux: capabilities, securebits and no_new_privs belong to each thread, so each
 * gives up its own: a signal that no thread blocks (os_signals_block) has it do so in the
 * handler.  That is also why this calls the kernel itself: libcap-ng and libseccomp's own
 * loading are for the calling thread, and not for signal handlers.
 *
 * Invariant: when os_confine has returned 0, /proc said of every thread that it is confined.
 */
#include "privileges.h"
#include "os.h"
#include "sandbox.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 500 /* until every thread has taken its signal; tried a few times */

static const struct {
	unsigned right;
	unsigned number;
	const char *name;
} rights_known[] = {
	{OS_RIGHT_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW"},
	{OS_RIGHT_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{OS_RIGHT_BPF, CAP_BPF, "CAP_BPF"},
	{OS_RIGHT_LOCK, CAP_IPC_LOCK, "CAP_IPC_LOCK"},
	{OS_RIGHT_FILES, CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
};
#define NRIGHTS (sizeof(rights_known) / sizeof(rights_known[0]))

/* How far threads have to go.  A release store by os_confine, after what it is about was
 * written; acquired by the threads in confine_self. */
enum stage { FREE, UID_READY, CONFINED };
static _Atomic int stage;
static uint64_t kept;	  /* capabilities, by number */
static bool use_filter;	  /* before stage CONFINED */
static _Atomic int taken; /* signals, by threads that they moved on */

static _Thread_local enum os_role my_role;
static _Thread_local int my_stage;

void
os_rights_name(unsigned rights, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < NRIGHTS; i++) {
		if ((rights & rights_known[i].right) == 0)
			continue;
		rights &= ~rights_known[i].right;
		used += (size_t)snprintf(buf + used, used < size ? size - used : 0, "%s%s",
			used == 0     ? ""
			: rights != 0 ? ", "
				      : " and ",
			rights_known[i].name);
	}
}

static uint64_t
numbers(unsigned rights)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < NRIGHTS; i++)
		if ((rights & rights_known[i].right) != 0)
			mask |= UINT64_C(1) << rights_known[i].number;
	return mask;
}

static int
caps_read(uint64_t *permitted)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int
caps_write(uint64_t mask)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
		{.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)}};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

unsigned
os_rights_held(void)
{
	unsigned rights = 0;
	uint64_t mask;

	if (caps_read(&mask) < 0)
		return 0;
	for (size_t i = 0; i < NRIGHTS; i++)
		if ((mask >> rights_known[i].number & 1) != 0)
			rights |= rights_known[i].right;
	return rights;
}

/* Without CAP_SETPCAP these fail, but then there is little to lose; no_new_privs holds anyway.
 */
static void
ways_close(void)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
				   SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
				   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
				   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)prctl(PR_SET_SECUREBITS, bits, 0, 0, 0);
}

/* The calling thread, as far as the process is; async-signal-safe.  What fails shows in /proc.
 */
static void
confine_self(void)
{
	/* Pairs with the release in stage_go: kept and use_filter. */
	int to = atomic_load_explicit(&stage, memory_order_acquire);
	uint64_t have;

	if (to >= UID_READY && my_stage < UID_READY)
		(void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
	if (to >= CONFINED && my_stage < CONFINED) {
		ways_close();
		if (caps_read(&have) == 0)
			(void)caps_write(my_role == OS_ROLE_CONTROL ? have & kept : 0);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && use_filter)
			(void)os_sandbox_enter(my_role);
	}
	my_stage = to;
	atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
}

static void
on_confine(int signal)
{
	int saved = errno;

	(void)signal;
	confine_self();
	errno = saved;
}

/* A thread that comes later has inherited what its maker gave up; what it may not have beyond
 * that goes now. */
void
os_thread_role(enum os_role role)
{
	my_role = role;
	my_stage = FREE;
	confine_self();
}

/* One line's number in /proc/self/task/TID/status; -1: the thread is gone, or there is no such
 * line. */
static long long
status_read(const char *text, const char *key, int base)
{
	const char *line = strstr(text, key);

	return line != NULL ? (long long)strtoull(line + strlen(key), NULL, base) : -1;
}

/* What the system says of a thread, size - 1 bytes at most; how many, or -errno; 0: it has
 * ended. */
static ssize_t
thread_status(const char *tid, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = errno == ESRCH ? 0 : -errno;
	close(fd);
	return n;
}

/* Is the thread there, and not as confined as it shall be?  One that can't be looked at is. */
static bool
lags(const char *tid, int to, char *name, size_t size)
{
	char text[4096], *start;
	ssize_t n = thread_status(tid, text, sizeof(text));

	if (n == 0)
		return false;
	if (n < 0) {
		snprintf(name, size, "%.20s", tid);
		return true;
	}
	text[n] = '\0';
	if (strstr(text, "State:\tZ") != NULL || strstr(text, "State:\tX") != NULL)
		return false;
	if (to < CONFINED ||
		(status_read(text, "NoNewPrivs:\t", 10) == 1 &&
			((uint64_t)status_read(text, "CapPrm:\t", 16) & ~kept) == 0 &&
			(!use_filter || status_read(text, "Seccomp:\t", 10) == 2)))
		return false;
	/* The first line is its name. */
	start = text + strcspn(text, "\t") + 1;
	snprintf(name, size, "%.*s", (int)strcspn(start, "\n"), start);
	return true;
}

/* Signals every other thread that lags (or all of them once); how many there were. */
static int
threads_call(int to, bool all, char *name, size_t size)
{
	const pid_t self = (pid_t)syscall(SYS_gettid);
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	if (dir == NULL)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)atol(entry->d_name);

		if (tid == 0 || tid == self || (!all && !lags(entry->d_name, to, name, size)))
			continue;
		(void)syscall(SYS_tgkill, getpid(), tid, OS_CONFINE_SIGNAL);
		n++;
	}
	closedir(dir);
	return n;
}

/* Waits until n threads have taken a signal each.  One that ended meanwhile has not. */
static void
taken_wait(int n)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < WAIT_MS && atomic_load(&taken) < n; i++)
		(void)nanosleep(&ms, NULL);
}

/* All threads up to that stage, this one last. */
static int
stage_go(int to, char *note, size_t size)
{
	char name[32] = "", self[16];
	int rc;

	atomic_store(&taken, 0);
	atomic_store_explicit(&stage, to, memory_order_release);
	rc = threads_call(to, true, name, sizeof(name));
	for (int i = 0; i < 4 && rc > 0; i++) {
		taken_wait(rc);
		atomic_store(&taken, 0);
		rc = threads_call(to, false, name, sizeof(name));
	}
	confine_self();
	snprintf(self, sizeof(self), "%d", (int)syscall(SYS_gettid));
	if (rc > 0 || (rc == 0 && lags(self, to, name, sizeof(name))))
		rc = -EBUSY;
	if (rc < 0)
		snprintf(note, size,
			"thread \"%s\" of this process does not give up its rights: %s", name,
			strerror(-rc));
	return rc;
}

static int
user_become(const char *name, char *note, size_t size)
{
	const struct passwd *user = getpwnam(name);
	int rc;

	if (user == NULL) {
		snprintf(note, size, "this system has no user \"%s\"", name);
		return -ENOENT;
	}
	rc = stage_go(UID_READY, note, size);
	if (rc < 0)
		return rc;
	/* These are glibc's, which have every thread do so. */
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0) {
		rc = -errno;
		snprintf(note, size, "becoming user \"%s\": %s", name, strerror(-rc));
	}
	return rc;
}

/* Memory of AF_XDP sockets counts against this limit, but for who has CAP_IPC_LOCK.  True:
 * there is none any more. */
static bool
memory_unlimited(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	if (setrlimit(RLIMIT_MEMLOCK, &all) ==
		0) /* needs CAP_SYS_RESOURCE, or to be so already */
		return true;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	return false;
}

int
os_confine(const struct os_confine *what, long group, char *note, size_t size)
{
	struct sigaction action = {.sa_handler = on_confine, .sa_flags = SA_RESTART};
	gid_t only = (gid_t)group;
	int rc;

	note[0] = '\0';
	kept = numbers(
		memory_unlimited() ? what->rights & ~(unsigned)OS_RIGHT_LOCK : what->rights);
	rc = what->filter ? os_sandbox_make((what->rights & OS_RIGHT_BPF) != 0, note, size)
			  : -ENOSYS;
	use_filter = rc == 0;
	if (rc < 0 && rc != -ENOSYS)
		return rc;
	sigemptyset(&action.sa_mask);
	sigaction(OS_CONFINE_SIGNAL, &action, NULL);
	if (what->user != NULL) {
		rc = user_become(what->user, note, size);
		if (rc < 0)
			return rc;
	} else if (group >= 0) {
		(void)setgroups(1, &only); /* EPERM: who is not root has no others */
	}
	return stage_go(CONFINED, note, size);
}
