/*
 * Test of the attach server against applications that misbehave: after each of them it serves
 * the next, and no descriptor is lost.
 */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct client c;

/* The lowest free descriptor. */
static int
lowest(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* An engine that runs for ever. */
static void
ready(void)
{
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(rig_open("e", "x{0"));
	OK(ctl_engine_start(ctl, "e", &err));
}

/* It still serves. */
static void
assert_serves(void)
{
	client_ask(&c, CHAN_OP_QUERY, "x{0");
	assert_int_equal(client_answer_plain(&c), 0);
	assert_string_equal(c.rep.name, "x{0");
	client_close(&c);
}

static void
raw(const void *bytes, size_t n)
{
	memset(&c, 0, sizeof(c));
	c.bell = -1;
	c.sock = chan_attach_connect(rig_dir);
	assert_true(c.sock >= 0);
	if (n > 0)
		assert_int_equal(send(c.sock, bytes, n, MSG_NOSIGNAL), n);
}

static struct chan_request
request(void)
{
	return (struct chan_request){.magic = CHAN_MAGIC,
		.version = CHAN_VERSION,
		.op = CHAN_OP_ATTACH,
		.name = "x{0"};
}

static void
wrong_version(void **state)
{
	struct chan_request req = request();

	ready();
	for (uint32_t v = 0; v < 4; v++) {
		if (v == CHAN_VERSION)
			continue;
		req.version = v;
		raw(&req, v == 3 ? 8 : sizeof(req)); /* its messages may be of another size */
		assert_int_equal(client_answer_plain(&c), -EPROTONOSUPPORT);
		assert_non_null(strstr(c.rep.text, "another version"));
		assert_true(client_hung_up(&c));
		client_close(&c);
	}
	assert_serves();
}

static void
garbage(void **state)
{
	static uint8_t bytes[100000];
	struct chan_request req;
	uint32_t random = 5;

	ready();
	for (size_t n = 1; n < sizeof(bytes); n = n * 3 + 1) {
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		raw(bytes, n);
		assert_true(client_hung_up(&c));
		client_close(&c);
	}
	for (size_t i = 0; i < sizeof(req); i += 3) { /* one byte of a good one is wrong */
		int rc;

		req = request();
		((uint8_t *)&req)[i] ^= 0x55;
		raw(&req, sizeof(req));
		rc = client_answer(&c);
		assert_true(rc < 0 || i >= 12);
		client_close(&c);
	}
	assert_serves();
}

static void
half_a_message(void **state)
{
	struct chan_request req = request();
	static uint8_t both[2 * sizeof(req)];

	ready();
	for (size_t n = 0; n < sizeof(req); n += 5) { /* and hang up */
		raw(&req, n);
		client_close(&c);
		raw(&req, n);
		if (n > 0)
			assert_true(client_hung_up(&c));
		client_close(&c);
	}
	memcpy(both, &req, sizeof(req));
	raw(both, sizeof(req) + 1);
	assert_true(client_hung_up(&c));
	client_close(&c);
	assert_serves();
}

static void
odd_requests(void **state)
{
	struct chan_request req = request();

	ready();
	for (uint32_t op = 0; op < 6; op++) {
		req.op = op == 5 ? UINT32_MAX : op;
		if (op == CHAN_OP_ATTACH || op == CHAN_OP_LIST || op == CHAN_OP_QUERY)
			continue;
		raw(&req, sizeof(req));
		assert_int_equal(client_answer_plain(&c), -EPROTO);
		client_close(&c);
	}
	req = request();
	memset(req.name, 'x', sizeof(req.name)); /* no end */
	raw(&req, sizeof(req));
	assert_true(client_hung_up(&c));
	client_close(&c);
	assert_serves();
}

/* Descriptors that nobody asked for are closed. */
static void
with_descriptors(void **state)
{
	struct chan_reply rep = {.status = 0};
	int fds[] = {0, 1, 2}, before;

	ready();
	assert_serves();
	before = lowest();
	for (int i = 0; i < 20; i++) {
		raw(NULL, 0);
		assert_int_equal(chan_send_reply(c.sock, &rep, fds, 3), 0);
		assert_true(client_hung_up(&c));
		client_close(&c);
	}
	assert_serves();
	UNTIL(lowest() == before);
}

/* An attached application has nothing more to say: saying it is leaving. */
static void
talks_when_attached(void **state)
{
	struct chan_request req = request();

	ready();
	assert_int_equal(client_attach(&c, "x{0"), 0);
	assert_int_equal(send(c.sock, &req, sizeof(req), MSG_NOSIGNAL), sizeof(req));
	assert_true(client_hung_up(&c));
	client_close(&c);
	assert_serves();
}

/* n connections that say nothing. */
static int *
idle_open(int n)
{
	int *socks = calloc((size_t)n, sizeof(*socks));

	assert_non_null(socks);
	for (int i = 0; i < n; i++) {
		socks[i] = chan_attach_connect(rig_dir);
		assert_true(socks[i] >= 0);
	}
	return socks;
}

static void
idle_close(int *socks, int n)
{
	for (int i = 0; i < n; i++)
		close(socks[i]);
	free(socks);
}

static void
many_idle(void **state)
{
	int before, *socks;

	ready();
	assert_serves();
	before = lowest();
	for (int round = 0; round < 3; round++) {
		socks = idle_open(300);
		assert_serves();
		/* Who was there in the round before may still be on its way out. */
		UNTIL(client_attach(&c, "x{0") == 0 || (client_close(&c), false));
		client_take(&c, 10);
		client_close(&c);
		idle_close(socks, 300);
	}
	UNTIL(lowest() == before);
}

/* As many as it takes at once, and one more, which waits until somebody leaves. */
static void
most_connections(void **state)
{
	const int most = 4094;
	struct client late;
	struct rlimit limit;
	int *socks, fds[CHAN_MAX_FDS], nfds;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < 8400 || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		skip();
	ready();
	socks = idle_open(most - 1);
	assert_serves(); /* one more is served, and gone */
	close(socks[0]);
	socks[0] = chan_attach_connect(rig_dir);
	client_ask(&c, CHAN_OP_ATTACH, "x{0");
	assert_int_equal(client_answer(&c), 0); /* at the limit, and stays */
	client_take(&c, 10);
	client_ask(&late, CHAN_OP_QUERY, "x{0");
	os_sleep_ns(100000000);
	assert_int_equal(recv(late.sock, fds, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	close(socks[7]);
	socks[7] = -1;
	assert_int_equal(chan_recv_reply(late.sock, &late.rep, fds, &nfds), 0);
	assert_int_equal(late.rep.status, 0);
	client_close(&late);
	client_close(&c);
	idle_close(socks, most - 1);
}

static double
cpu_seconds(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static bool
exhausted(void)
{
	int fd = dup(0);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/* Another process takes all of the daemon's descriptors: it neither spins nor stays deaf. */
static void
out_of_descriptors(void **state)
{
	struct rlimit limit, less;
	double before;
	pid_t child;

	OK(rig_new("e"));
	OK(rig_link("e", 1));
	OK(rig_open("e", "x{0"));
	assert_serves();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		os_sleep_ns(50000000);
		for (int i = 0; i < 60; i++)
			chan_attach_connect(rig_dir);
		for (;;)
			pause();
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = limit;
	less.rlim_cur = (rlim_t)lowest() + 8;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	UNTIL(exhausted());
	before = cpu_seconds();
	os_sleep_ns(1000000000);
	before = cpu_seconds() - before;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(before < 0.3);
	assert_serves();
}

static void
one_daemon_a_folder(void **state)
{
	struct ctl *first = ctl;
	char path[128];
	struct stat st;

	ready();
	snprintf(path, sizeof(path), "%s/%s", rig_dir, CHAN_SOCKET);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ctl_open(&ctl, &err), 0);
	OK(rig_new("e"));
	REFUSED(rig_open("e", "x{0"), -EADDRINUSE, rig_dir, "PACF_RUNDIR");
	ctl_close(ctl);
	ctl = first;
	assert_serves();
	ctl_close(ctl);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(ctl_open(&ctl, &err), 0);
	ready();
	assert_serves();
}

static void
unusable_folder(void **state)
{
	char path[256];

	OK(rig_new("e"));
	memset(path, 'x', sizeof(path));
	memcpy(path, rig_dir, strlen(rig_dir));
	path[strlen(rig_dir)] = '/';
	path[150] = '\0'; /* longer than a socket's address */
	assert_int_equal(setenv("PACF_RUNDIR", path, 1), 0);
	REFUSED(rig_open("e", "x{0"), -ENAMETOOLONG, path, "PACF_RUNDIR");
	assert_int_equal(setenv("PACF_RUNDIR", rig_capture, 1), 0);
	assert_true(rig_open("e", "x{0") < 0);
	assert_non_null(strstr(err.text, "PACF_RUNDIR"));
	assert_int_equal(setenv("PACF_RUNDIR", rig_dir, 1), 0);
	OK(rig_open("e", "x{0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wrong_version),
		TEST(garbage),
		TEST(half_a_message),
		TEST(odd_requests),
		TEST(with_descriptors),
		TEST(talks_when_attached),
		TEST(many_idle),
		TEST(most_connections),
		TEST(out_of_descriptors),
		TEST(one_daemon_a_folder),
		TEST(unusable_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
