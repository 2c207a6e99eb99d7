/*
 * Test of os.h: sealing, the bell, the waitset, peers, folders.
 */
#include "edges.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define BYTES 8192

static void
seal_read_only(void **state)
{
	char *old, *view;
	void *mem;
	size_t size = 0;
	int fd = os_shm_create("test", BYTES);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(os_shm_map(fd, BYTES, true, &mem), 0);
	old = mem;
	assert_int_equal(os_shm_seal(fd, true), 0);
	assert_true(os_shm_map(fd, BYTES, true, &mem) < 0);
	assert_int_equal(os_shm_map(fd, BYTES, false, &mem), 0);
	view = mem;
	assert_int_equal(mprotect(view, BYTES, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 2 * BYTES), -1);
	old[5000] = 'p';
	assert_int_equal(view[5000], 'p');
	assert_int_equal(os_shm_size(fd, &size), 0);
	assert_int_equal(size, BYTES);
	assert_true(os_shm_seal(fd, false) < 0); /* nothing can be changed any more */
	os_shm_unmap(old, BYTES);
	os_shm_unmap(view, BYTES);
	close(fd);
}

static void
seal_size_only(void **state)
{
	void *mem;
	int fd = os_shm_create("test", BYTES);

	assert_int_equal(os_shm_seal(fd, false), 0);
	assert_int_equal(os_shm_map(fd, BYTES, true, &mem), 0);
	memset(mem, 1, BYTES);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); /* can't be taken from others */
	os_shm_unmap(mem, BYTES);
	close(fd);
}

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
bell(void **state)
{
	int fd = os_bell_create();

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_false(readable(fd));
	os_bell_drain(fd);
	os_bell_ring(fd);
	os_bell_ring(fd);
	assert_true(readable(fd));
	os_bell_drain(fd);
	assert_false(readable(fd));
	close(fd);
}

/* Whoever shares the descriptor may make it blocking: ring and drain still return. */
static void
bell_never_blocks(void **state)
{
	int fd = os_bell_create();

	fcntl(fd, F_SETFL, 0);
	alarm(20);
	for (int i = 0; i < 100000; i++)
		os_bell_ring(fd);
	assert_true(readable(fd));
	for (int i = 0; i < 100 && readable(fd); i++)
		os_bell_drain(fd);
	assert_false(readable(fd));
	os_bell_drain(fd);
	os_bell_ring(fd);
	assert_true(readable(fd));
	alarm(0);
	close(fd);
}

static void
waitset_levels(void **state)
{
	int bells[2] = {os_bell_create(), os_bell_create()}, pair[2], set;
	struct timeval zero = {0};
	fd_set fds;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	set = os_waitset_create((int[]){bells[0], bells[1], pair[0]}, 3);
	assert_true(set >= 0);
	assert_false(readable(set));
	for (int i = 0; i < 2; i++) {
		os_bell_ring(bells[i]);
		assert_true(readable(set));
		assert_true(readable(set)); /* a level: it stays */
		FD_ZERO(&fds);
		FD_SET(set, &fds);
		assert_int_equal(select(set + 1, &fds, NULL, NULL, &zero), 1);
		os_waitset_settle(set);
		assert_true(readable(set)); /* nothing was read: it takes nothing back */
		os_bell_drain(bells[i]);
		os_waitset_settle(set);
		assert_false(readable(set));
	}
	close(pair[1]); /* hung up, and stays so */
	os_waitset_settle(set);
	assert_true(readable(set));
	assert_true(readable(set));
	close(pair[0]);
	close(set);
	close(bells[0]);
	close(bells[1]);
}

static void
waitset_edges(void **state)
{
	int fd = os_bell_create(), set = os_waitset_create(&fd, 1);
	int edges = edges_create(set, false);

	assert_true(edges >= 0);
	assert_int_equal(edges_wait(edges, 0), 0);
	for (int i = 0; i < 5; i++) {
		os_bell_ring(fd);
		assert_int_equal(edges_wait(edges, 0), 1);
		assert_int_equal(edges_wait(edges, 0), 0); /* an edge: reported once */
		os_bell_drain(fd);
		os_waitset_settle(set);
	}
	close(edges);
	close(set);
	close(fd);
}

static void
clocks(void **state)
{
	uint64_t a = os_clock_mono_ns(), b, real = os_clock_real_ns();

	os_sleep_ns(2000000);
	b = os_clock_mono_ns();
	assert_true(b - a >= 2000000);
	assert_true(real > UINT64_C(1600000000) * 1000000000);
}

static void *
thread(void *arg)
{
	char name[64];

	assert_true(os_cpu_count() >= 1);
	*(int *)arg = os_thread_pin(-1) == -EINVAL && os_thread_pin(1023) == -EINVAL &&
		      os_thread_pin(1 << 20) == -EINVAL;
	os_thread_name("a-name-longer-than-fifteen");
	if (pthread_getname_np(pthread_self(), name, sizeof(name)) != 0 ||
		strcmp(name, "a-name-longer-t") != 0)
		*(int *)arg = 0;
	return NULL;
}

static void
threads(void **state)
{
	pthread_t t;
	int ok = 0;

	assert_int_equal(pthread_create(&t, NULL, thread, &ok), 0);
	pthread_join(t, NULL);
	assert_int_equal(ok, 1);
}

static void
peers(void **state)
{
	struct os_cred cred;
	char name[32];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(os_peer_cred(pair[0], &cred), 0);
	assert_int_equal(cred.pid, getpid());
	assert_int_equal(cred.uid, geteuid());
	os_thread_name("evil\033[2J");
	os_proc_name(getpid(), name, sizeof(name));
	assert_string_equal(name, "evil?[2J");
	os_proc_name(0x7fffffff, name, sizeof(name));
	assert_string_equal(name, "?");
	os_proc_name(getpid(), name, 3);
	assert_string_equal(name, "ev");
	close(pair[0]);
	close(pair[1]);
}

static void
folders(void **state)
{
	char base[] = "/tmp/pacf-os-XXXXXX", want[256], got[256], tiny[8];
	struct stat st;

	assert_non_null(mkdtemp(base));
	snprintf(want, sizeof(want), "%s/a/b/run", base);
	setenv("PACF_RUNDIR", want, 1);
	assert_int_equal(os_rundir(got, sizeof(got), false), 0);
	assert_string_equal(got, want);
	assert_int_equal(stat(got, &st), -1);
	assert_int_equal(os_rundir(got, sizeof(got), true), 0);
	assert_int_equal(os_rundir(got, sizeof(got), true), 0);
	assert_int_equal(stat(got, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0755, 0);
	assert_int_equal(os_rundir(tiny, sizeof(tiny), false), -ENAMETOOLONG);
	unsetenv("PACF_RUNDIR");
	setenv("XDG_STATE_HOME", base, 1);
	assert_int_equal(os_statedir(got, sizeof(got), true), 0);
	snprintf(want, sizeof(want), "%s/pacf", base);
	assert_string_equal(got, want);
	assert_int_equal(stat(got, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	setenv("XDG_STATE_HOME", "relative", 1); /* says nothing, by the XDG rules */
	setenv("HOME", base, 1);
	assert_int_equal(os_statedir(got, sizeof(got), false), 0);
	snprintf(want, sizeof(want), "%s/.local/state/pacf", base);
	assert_string_equal(got, want);
	unsetenv("HOME");
	assert_int_equal(os_statedir(got, sizeof(got), false), -ENOENT);
	snprintf(want, sizeof(want), "rm -rf %s", base);
	assert_int_equal(system(want), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seal_read_only),
		cmocka_unit_test(seal_size_only),
		cmocka_unit_test(bell),
		cmocka_unit_test(bell_never_blocks),
		cmocka_unit_test(waitset_levels),
		cmocka_unit_test(waitset_edges),
		cmocka_unit_test(clocks),
		cmocka_unit_test(threads),
		cmocka_unit_test(peers),
		cmocka_unit_test(folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
