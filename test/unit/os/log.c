/*
 * Test of os/log: where lines go and what they look like, renamed files, and files that take no
 * more: each case in a process of its own, because a process has one log.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/pacf-log-XXXXXX";

/* Runs body in a child whose standard error is FOLDER/stderr; its exit status. */
static int
in_child(void (*body)(void))
{
	int status, fd;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fd = open("stderr", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
		dup2(fd, STDERR_FILENO);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *
content(const char *name)
{
	static char text[8192];
	FILE *f = fopen(name, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static bool
matches(const char *text, const char *pattern)
{
	regex_t re;
	bool found;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	if (!found)
		print_error("\"%s\" does not match %s\n", text, pattern);
	return found;
}

#define TIME "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "

static void
say_plain(void)
{
	unsetenv("JOURNAL_STREAM");
	errno = EXDEV;
	os_log(OS_LOG_WARNING, "engine \"%s\": %d\n\033[2Jx", "e\t0", 7);
	if (errno != EXDEV)
		_exit(1);
}

static void
test_stderr(void **state)
{
	assert_int_equal(in_child(say_plain), 0);
	assert_string_equal(content("stderr"), "pacf: engine \"e?0\": 7??[2Jx\n");
}

static void
say_journal(void)
{
	char id[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(id, sizeof(id), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", id, 1);
	os_log(OS_LOG_ERR, "one");
	os_log(OS_LOG_INFO, "two");
	snprintf(id, sizeof(id), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", id, 1);
	os_log(OS_LOG_ERR, "three");
}

static void
test_journal(void **state)
{
	assert_int_equal(in_child(say_journal), 0);
	assert_string_equal(content("stderr"), "<3>one\n<6>two\npacf: three\n");
}

static void
say_long(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	os_log(OS_LOG_ERR, "%s", text);
	os_log(OS_LOG_ERR, "next");
}

static void
test_long(void **state)
{
	assert_int_equal(in_child(say_long), 0);
	assert_true(matches(content("stderr"), "^pacf: x+\npacf: next\n$"));
	assert_true(strlen(content("stderr")) > 2000);
}

static void
say_rotated(void)
{
	if (os_log_to_file("log") < 0 || os_log_take_stdio() < 0)
		_exit(1);
	os_log(OS_LOG_ERR, "before");
	rename("log", "log.1");
	fputs("still before\n", stderr);
	if (os_log_reopen() < 0)
		_exit(2);
	os_log(OS_LOG_ERR, "after");
	fputs("after, too\n", stderr);
	puts("and this");
	fflush(stdout);
	/* A name that can't be had leaves everything as it is. */
	rename("log", "log.2");
	if (mkdir("log", 0700) < 0 || os_log_reopen() != -EISDIR)
		_exit(3);
	os_log(OS_LOG_ERR, "end");
	rmdir("log");
}

static void
test_rotated(void **state)
{
	struct stat st;

	assert_int_equal(in_child(say_rotated), 0);
	assert_true(matches(content("log.1"), "^" TIME "pacf: before\nstill before\n$"));
	assert_true(matches(content("log.2"),
		"^" TIME "pacf: after\nafter, too\nand this\n" TIME "pacf: end\n$"));
	assert_int_equal(stat("log.1", &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640u, 0);
	assert_string_equal(content("stderr"), "");
}

static void
limit(rlim_t bytes)
{
	struct rlimit rl;

	getrlimit(RLIMIT_FSIZE, &rl);
	rl.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &rl);
}

/* A file that has room for a line and a half, then for all again. */
static void
say_lost(void)
{
	signal(SIGXFSZ, SIG_IGN);
	if (os_log_to_file("full") < 0)
		_exit(1);
	limit(60);
	os_log(OS_LOG_ERR, "the first");
	os_log(OS_LOG_ERR, "the second");
	os_log(OS_LOG_ERR, "the third");
	os_log(OS_LOG_ERR, "the fourth");
	if (os_log_lost() != 3)
		_exit(2);
	limit(RLIM_INFINITY);
	os_log(OS_LOG_ERR, "the fifth");
	os_log(OS_LOG_ERR, "the sixth");
	if (os_log_lost() != 3)
		_exit(3);
}

static void
test_lost(void **state)
{
	assert_int_equal(in_child(say_lost), 0);
	assert_true(matches(content("full"),
		"^" TIME "pacf: the first\n[^\n]{0,30}\n" TIME
		"pacf: 3 lines of this log were lost here: [A-Z][^\n]+\n" TIME
		"pacf: the fifth\n" TIME "pacf: the sixth\n$"));
}

static void
say_nowhere(void)
{
	if (os_log_to_file("no/such/folder") != -ENOENT)
		_exit(1);
	os_log(OS_LOG_ERR, "here");
}

static void
test_nowhere(void **state)
{
	assert_int_equal(in_child(say_nowhere), 0);
	assert_string_equal(content("stderr"), "pacf: here\n");
}

static int
enter(void **state)
{
	return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

static int
leave(void **state)
{
	static const char *const names[] = {"stderr", "log", "log.1", "log.2", "full"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_rotated),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_nowhere),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
