/*
 * Test of remote/socket and os_lock_take: one listens, for its owner only; a dead one is
 * replaced, a living one is not; what ends in good order leaves nothing.
 */
#include "remote.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[128];

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/pacf-remote.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/" REMOTE_SOCKET, dir);
	return 0;
}

/* Fails if anything is left. */
static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
one_listens(void **state)
{
	int lock, fd = remote_listen(dir, &lock), other, sock;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(remote_listen(dir, &other), -EADDRINUSE);
	assert_int_equal(other, -1);
	sock = remote_connect(dir);
	assert_true(sock >= 0);
	close(sock);
	remote_unlisten(dir, fd, lock);
	assert_int_equal(remote_connect(dir), -ENOENT);
}

/* As a crash does: the lock goes, the files stay. */
static void
dead_one_is_replaced(void **state)
{
	int lock, fd, sock;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(remote_listen(dir, &lock) >= 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &lock, 0), child);
	assert_int_equal(lock, 0);
	assert_int_equal(remote_connect(dir), -ECONNREFUSED);
	fd = remote_listen(dir, &lock);
	assert_true(fd >= 0);
	sock = remote_connect(dir);
	assert_true(sock >= 0);
	close(sock);
	remote_unlisten(dir, fd, lock);
}

static void
bad_folders(void **state)
{
	char deep[300];
	int lock;

	(void)state;
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(remote_listen(deep, &lock), -ENAMETOOLONG);
	assert_int_equal(remote_connect(deep), -ENAMETOOLONG);
	assert_int_equal(remote_listen("/nowhere", &lock), -ENOENT);
	assert_int_equal(remote_connect("/nowhere"), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_listens, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_one_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_folders, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
