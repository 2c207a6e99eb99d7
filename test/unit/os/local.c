/*
 * Test of the sockets in a daemon's folder: who has the lock has the socket, whoever else had
 * its file open.
 */
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct os_local what = {"a.sock", "a.lock", SOCK_STREAM};
static char dir[] = "/tmp/pacf-local.XXXXXX";
static char sock_path[64], lock_path[64];

static void
one_daemon(void **state)
{
	int lock, other, fd = os_local_listen(dir, &what, &lock), peer;
	struct stat st;

	(void)state;
	assert_true(fd >= 0 && lock >= 0);
	assert_int_equal(stat(sock_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(os_local_listen(dir, &what, &other), -EADDRINUSE);
	assert_int_equal(other, -1);
	peer = os_local_connect(dir, &what);
	assert_true(peer >= 0);
	close(peer);
	os_local_unlisten(dir, &what, fd, lock);
	assert_int_equal(access(sock_path, F_OK), -1);
	assert_int_equal(access(lock_path, F_OK), -1);
	assert_int_equal(os_local_connect(dir, &what), -ENOENT);
}

/* Its file was unlinked while it had the lock: that is another's now. */
static void
old_lock(void **state)
{
	int first, second, third, fd = os_local_listen(dir, &what, &first), fd2;

	(void)state;
	assert_true(fd >= 0);
	unlink(lock_path);
	fd2 = os_local_listen(dir, &what, &second);
	assert_true(fd2 >= 0);
	close(first);
	assert_int_equal(os_local_listen(dir, &what, &third), -EADDRINUSE);
	close(fd);
	os_local_unlisten(dir, &what, fd2, second);
}

/* A daemon that was killed leaves both files. */
static void
dead_daemon(void **state)
{
	int lock, fd = os_local_listen(dir, &what, &lock);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	close(lock);
	assert_int_equal(os_local_connect(dir, &what), -ECONNREFUSED);
	fd = os_local_listen(dir, &what, &lock);
	assert_true(fd >= 0);
	os_local_unlisten(dir, &what, fd, lock);
}

static void
refused(void **state)
{
	char deep[200];
	int lock;

	(void)state;
	snprintf(deep, sizeof(deep), "/tmp/%0150d", 0);
	assert_int_equal(os_local_listen(deep, &what, &lock), -ENAMETOOLONG);
	assert_int_equal(os_local_connect(deep, &what), -ENAMETOOLONG);
	assert_int_equal(os_local_listen("/nowhere", &what, &lock), -ENOENT);
	/* Somebody else's link is not followed. */
	assert_int_equal(symlink("/nowhere/else", lock_path), 0);
	assert_true(os_local_listen(dir, &what, &lock) < 0);
	assert_int_equal(lock, -1);
	unlink(lock_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_daemon),
		cmocka_unit_test(old_lock), cmocka_unit_test(dead_daemon),
		cmocka_unit_test(refused)};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(sock_path, sizeof(sock_path), "%s/%s", dir, what.socket);
	snprintf(lock_path, sizeof(lock_path), "%s/%s", dir, what.lock);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
