/*
 * Test of os/privileges on Linux: what a child process gives up, as /proc says of each of its
 * threads, and that what it gave up fails.  Each case is a process of its own, because there is
 * no way back.
 */
#include "os.h"
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NET_RAW	  (UINT64_C(1) << 13)
#define NET_ADMIN (UINT64_C(1) << 12)
#define SIGNALLED 1000 /* + the signal that ended a child */

/* In a child: what it found wrong, as its exit status. */
#define NEED(what)                                                                            \
	do {                                                                                  \
		if (!(what)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s: %s\n", __FILE__, __LINE__, #what, \
				strerror(errno));                                             \
			_exit(1);                                                             \
		}                                                                             \
	} while (0)

static char note[300];
static bool filtered; /* this build has a filter */

static int
child(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
confine(unsigned rights, bool filter)
{
	const struct os_confine what = {.rights = rights, .filter = filter};
	int rc = os_confine(&what, -1, note, sizeof(note));

	if (rc < 0)
		fprintf(stderr, "%s\n", note);
	NEED(rc == 0);
}

/* A number of /proc/self/task/TID/status. */
static uint64_t
status_of(pid_t tid, const char *key, int base)
{
	char path[64], text[4096], *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	fd = open(path, O_RDONLY);
	NEED(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	NEED(n > 0);
	text[n] = '\0';
	line = strstr(text, key);
	NEED(line != NULL);
	return strtoull(line + strlen(key), NULL, base);
}

static void
need_confined(pid_t tid, uint64_t caps)
{
	static const char *const sets[] = {"CapPrm:\t", "CapEff:\t"};

	for (size_t i = 0; i < 2; i++)
		NEED(status_of(tid, sets[i], 16) == caps);
	NEED(status_of(tid, "CapInh:\t", 16) == 0);
	NEED(status_of(tid, "CapAmb:\t", 16) == 0);
	NEED(status_of(tid, "CapBnd:\t", 16) == 0);
	NEED(status_of(tid, "NoNewPrivs:\t", 10) == 1);
	if (filtered)
		NEED(status_of(tid, "Seccomp:\t", 10) == 2);
}

/* A thread of a role, which waits in poll or in a lock as ours do. */
struct worker {
	pthread_t thread;
	enum os_role role;
	_Atomic pid_t tid;
	int bell;
};

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	os_thread_role(w->role);
	atomic_store(&w->tid, (pid_t)syscall(SYS_gettid));
	for (;;)
		os_sleep_ns(1000000000);
	return NULL;
}

static void
worker_start(struct worker *w, enum os_role role)
{
	sigset_t before;

	*w = (struct worker){.role = role};
	os_signals_block(&before);
	NEED(pthread_create(&w->thread, NULL, worker_main, w) == 0);
	NEED(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	while (atomic_load(&w->tid) == 0)
		os_sleep_ns(100000);
}

static void
every_thread_child(void)
{
	struct worker before[6], after[3];

	for (int i = 0; i < 6; i++)
		worker_start(&before[i], (enum os_role)(i % 3));
	confine(OS_RIGHT_NET_RAW | OS_RIGHT_NET_ADMIN, true);
	for (int i = 0; i < 3; i++)
		worker_start(&after[i], (enum os_role)i);
	need_confined(getpid(), NET_RAW | NET_ADMIN);
	for (int i = 0; i < 6; i++)
		need_confined(
			before[i].tid, i % 3 == OS_ROLE_CONTROL ? NET_RAW | NET_ADMIN : 0);
	for (int i = 0; i < 3; i++)
		need_confined(after[i].tid, i == OS_ROLE_CONTROL ? NET_RAW | NET_ADMIN : 0);
	NEED(os_rights_held() == (OS_RIGHT_NET_RAW | OS_RIGHT_NET_ADMIN));
}

static void
every_thread(void **state)
{
	assert_int_equal(child(every_thread_child), 0);
}

/* A thread that takes no signals is not passed over. */
static void *
deaf_main(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	os_thread_name("deaf");
	atomic_store((_Atomic int *)arg, 1);
	for (;;)
		pause();
	return NULL;
}

static void
deaf_child(void)
{
	const struct os_confine what = {.rights = 0, .filter = false};
	static _Atomic int ready;
	pthread_t thread;

	NEED(pthread_create(&thread, NULL, deaf_main, &ready) == 0);
	while (atomic_load(&ready) == 0)
		os_sleep_ns(100000);
	NEED(os_confine(&what, -1, note, sizeof(note)) == -EBUSY);
	NEED(strstr(note, "\"deaf\"") != NULL);
}

static void
deaf_thread(void **state)
{
	assert_int_equal(child(deaf_child), 0);
}

static void
rights_child(void)
{
	char path[] = "/tmp/pacf-confine-XXXXXX";
	int fd = mkstemp(path);

	NEED(fd >= 0 && fchmod(fd, 0) == 0 && fchown(fd, 1, 1) == 0);
	confine(OS_RIGHT_NET_RAW, false);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	NEED(fd >= 0);
	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){1 << 20}, sizeof(int)) < 0 &&
		errno == EPERM); /* CAP_NET_ADMIN */
	NEED(open(path, O_RDONLY) < 0 && errno == EACCES);
	NEED(setuid(1) < 0 && errno == EPERM);
	NEED(system("exit 7") == 7 << 8); /* no filter; but no rights come back */
	NEED(system("grep -q 'CapEff:.*0000000000000000' /proc/self/status") == 0);
	NEED(unlink(path) < 0 || true);
}

static void
rights(void **state)
{
	assert_int_equal(child(rights_child), 0);
}

static void
no_raw_child(void)
{
	confine(0, false);
	NEED(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
}

static void
no_raw(void **state)
{
	assert_int_equal(child(no_raw_child), 0);
}

/* The control plane's filter. */
static void
control_child(void)
{
	FILE *pipe;
	int fd;

	confine(OS_RIGHT_NET_RAW, true);
	NEED(system("true") == 127 << 8);
	pipe = popen("true", "r");
	NEED(pipe == NULL);
	NEED(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EPERM);
	NEED(kill(getppid(), 0) < 0 && errno == EPERM);
	NEED(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	NEED(syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == EPERM);
	NEED(setuid(0) < 0 && errno == EPERM);
	NEED(sethostname("x", 1) < 0 && errno == ENOSYS); /* on no list */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	NEED(fd >= 0 && listen(fd, 1) == 0);
	fd = open("/proc/self/status", O_RDONLY);
	NEED(fd >= 0);
}

static void
control(void **state)
{
	if (!filtered)
		skip();
	assert_int_equal(child(control_child), 0);
}

static long number;

static void
control_call(void)
{
	confine(OS_RIGHT_NET_RAW, true);
	syscall(number, 0, 0, 0, 0, 0, 0);
}

static void
data_call(void)
{
	confine(OS_RIGHT_NET_RAW, true);
	os_thread_role(OS_ROLE_DATA);
	syscall(number, 0, 0, 0, 0, 0, 0);
}

/* Calls that can only be an attack end the process. */
static void
attacks(void **state)
{
	static const long both[] = {SYS_ptrace, SYS_init_module, SYS_mount, SYS_unshare,
		SYS_process_vm_writev, SYS_kexec_load};
	static const long data[] = {SYS_execve, SYS_socket, SYS_connect, SYS_bpf};

	if (!filtered)
		skip();
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		number = both[i];
		assert_int_equal(child(control_call), SIGNALLED + SIGSYS);
		assert_int_equal(child(data_call), SIGNALLED + SIGSYS);
	}
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		number = data[i];
		assert_int_equal(child(control_call), 0);
		assert_int_equal(child(data_call), SIGNALLED + SIGSYS);
	}
}

/* A data thread waits, writes, allocates; opens nothing, and maps no code. */
static void
data_child(void)
{
	int bell = os_bell_create(), pipes[2];
	void *memory;

	NEED(bell >= 0 && pipe(pipes) == 0);
	confine(OS_RIGHT_NET_RAW, true);
	os_thread_role(OS_ROLE_DATA);
	os_bell_ring(bell);
	os_bell_drain(bell);
	NEED(write(pipes[1], "x", 1) == 1);
	memory = malloc(1 << 24);
	NEED(memory != NULL);
	memset(memory, 1, 1 << 24);
	free(memory);
	NEED(os_clock_mono_ns() > 0);
	NEED(open("/dev/null", O_RDONLY) < 0 && errno == EPERM);
	NEED(syscall(SYS_mmap, 0, 4096, 4 /* PROT_EXEC */, 0x22, -1, 0) == -1 &&
		errno == EPERM);
}

static void
data(void **state)
{
	if (!filtered)
		skip();
	assert_int_equal(child(data_child), 0);
}

static void
user_child(void)
{
	const struct os_confine what = {
		.rights = OS_RIGHT_NET_RAW, .filter = true, .user = "nobody"};
	struct worker w;

	worker_start(&w, OS_ROLE_CONTROL);
	NEED(os_confine(&what, -1, note, sizeof(note)) == 0);
	NEED(geteuid() == 65534 && getegid() != 0);
	NEED(status_of(w.tid, "Uid:\t", 10) == 65534);
	need_confined(w.tid, NET_RAW);
	need_confined(getpid(), NET_RAW);
	NEED(socket(AF_PACKET, SOCK_RAW, 0) >= 0);
}

static void
user(void **state)
{
	assert_int_equal(child(user_child), 0);
}

static void
no_user_child(void)
{
	const struct os_confine what = {.user = "no-such-user"};

	NEED(os_confine(&what, -1, note, sizeof(note)) == -ENOENT);
	NEED(strcmp(note, "this system has no user \"no-such-user\"") == 0);
}

static void
no_user(void **state)
{
	assert_int_equal(child(no_user_child), 0);
}

static void
names(void **state)
{
	char buf[100];

	os_rights_name(OS_RIGHT_NET_RAW, buf, sizeof(buf));
	assert_string_equal(buf, "CAP_NET_RAW");
	os_rights_name(OS_RIGHT_NET_RAW | OS_RIGHT_NET_ADMIN | OS_RIGHT_BPF, buf, sizeof(buf));
	assert_string_equal(buf, "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(every_thread),
		cmocka_unit_test(deaf_thread),
		cmocka_unit_test(rights),
		cmocka_unit_test(no_raw),
		cmocka_unit_test(control),
		cmocka_unit_test(attacks),
		cmocka_unit_test(data),
		cmocka_unit_test(user),
		cmocka_unit_test(no_user),
	};

	filtered = argc > 1 && strcmp(argv[1], "filtered") == 0;
	if (geteuid() != 0 || os_rights_held() != 31) {
		fprintf(stderr, "only root has something to give up: skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
