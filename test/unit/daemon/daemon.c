/*
 * Test of the daemon's parts: the pid file with others that live, died or start at the same
 * time; folders in which others could replace it; standard descriptors that were closed; what
 * systemd is told.
 */
#include "daemon.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/pacf-daemon-XXXXXX";
static char path[256];

static long
pid_in_file(void)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return strtol(text, NULL, 10);
}

/* A child that takes the file, says so, and lives until it is killed. */
static pid_t
other(void)
{
	struct daemon_pidfile file;
	struct ctl_err err;
	char word;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (daemon_pidfile_take(&file, NULL, &err) < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &word, 1), 1);
	close(fds[0]);
	return pid;
}

static void
test_pidfile(void **state)
{
	struct daemon_pidfile file;
	struct ctl_err err;
	struct stat st;

	umask(077);
	assert_int_equal(daemon_pidfile_take(&file, NULL, &err), 0);
	assert_int_equal(pid_in_file(), getpid());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	daemon_pidfile_drop(&file);
	assert_int_equal(pid_in_file(), -1);
	daemon_pidfile_drop(&file);
}

static void
test_pidfile_of_another(void **state)
{
	struct daemon_pidfile file;
	struct ctl_err err;
	pid_t pid = other();
	char number[32];
	int status;

	snprintf(number, sizeof(number), "process %ld,", (long)pid);
	assert_int_equal(daemon_pidfile_take(&file, NULL, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, number));
	assert_non_null(strstr(err.text, folder));
	daemon_pidfile_drop(&file); /* nothing was taken */
	assert_int_equal(pid_in_file(), pid);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(pid_in_file(), pid);
	assert_int_equal(daemon_pidfile_take(&file, NULL, &err), 0);
	assert_int_equal(pid_in_file(), getpid());
	daemon_pidfile_drop(&file);
}

/* A shorter number than what was there; a link that somebody laid there. */
static void
test_pidfile_stale(void **state)
{
	struct daemon_pidfile file;
	struct ctl_err err;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	char text[32];

	assert_int_equal(write(fd, "99999999999999999\nand more\n", 27), 27);
	close(fd);
	assert_int_equal(daemon_pidfile_take(&file, NULL, &err), 0);
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	assert_int_equal(lseek(file.fd, 0, SEEK_END), strlen(text));
	daemon_pidfile_drop(&file);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_true(daemon_pidfile_take(&file, NULL, &err) < 0);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(unlink(path), 0);
}

static void
test_folder(void **state)
{
	static const mode_t bad[] = {0770, 0702, 01777};
	struct daemon_pidfile file;
	struct ctl_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(folder, bad[i]), 0);
		assert_int_equal(daemon_pidfile_take(&file, NULL, &err) < 0, true);
		assert_non_null(strstr(err.text, folder));
	}
	assert_int_equal(chmod(folder, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 1, 1), 0);
		assert_int_equal(daemon_pidfile_take(&file, NULL, &err) < 0, true);
		assert_int_equal(chown(folder, 0, 0), 0);
	}
	assert_int_equal(daemon_pidfile_take(&file, NULL, &err), 0);
	daemon_pidfile_drop(&file);
}

static void
test_stdio(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		close(0);
		close(2);
		daemon_stdio_open();
		fd = open(folder, O_RDONLY);
		_exit(fd > 2 && fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A socket as systemd's; name "@...": abstract. */
static int
listen_as_systemd(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	size_t len = strlen(name);

	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
expect_text(int fd, const char *text)
{
	char got[1024];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void
test_notify(void **state)
{
	struct daemon_notify n;
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/notify", folder);
	fd = listen_as_systemd(name);
	setenv("WATCHDOG_USEC", "3000000", 1);
	daemon_notify_open(&n);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_true(n.watchdog_ns == 3000000000u);
	daemon_notify_send(&n, "READY=1\nMAINPID=%d", 7);
	expect_text(fd, "READY=1\nMAINPID=7");
	close(fd);
	unlink(name);
	daemon_notify_send(&n, "STOPPING=1"); /* to nobody */

	/* The watchdog of another process. */
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	daemon_notify_open(&n);
	assert_true(n.watchdog_ns == 0);

	/* No systemd; a name that can't be one. */
	daemon_notify_open(&n);
	assert_string_equal(n.path, "");
	daemon_notify_send(&n, "READY=1");
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	daemon_notify_open(&n);
	assert_string_equal(n.path, "");
}

static void
test_notify_abstract(void **state)
{
	struct daemon_notify n;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@pacf-test-%ld", (long)getpid());
	fd = listen_as_systemd(name);
	daemon_notify_open(&n);
	daemon_notify_send(&n, "READY=1");
	expect_text(fd, "READY=1");
	close(fd);
}

static int
enter(void **state)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/pacf.pid", folder);
	return setenv("PACF_RUNDIR", folder, 1);
}

static int
leave(void **state)
{
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pidfile),
		cmocka_unit_test(test_pidfile_of_another),
		cmocka_unit_test(test_pidfile_stale),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_stdio),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_notify_abstract),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
