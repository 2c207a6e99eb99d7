/*
 * The remote shells of a process, on the fake control plane, by their messages: what they share
 * and what not, what ends them, and many of them at once: sanitizers look on.
 */
#include "remote.h"
#include "shell.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PEERS  8
#define ROUNDS 60

static struct ctl *ctl;
static struct shell *sh;
static char dir[64];

static int
setup(void **state)
{
	struct ctl_err err = {""};

	(void)state;
	strcpy(dir, "/tmp/pacf-guests.XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("PACF_RUNDIR", dir, 1);
	assert_int_equal(ctl_open(&ctl, &err), 0);
	assert_int_equal(shell_open(&sh, ctl, &err), 0);
	assert_true(shell_run_text(sh, "count = 0\n"
				       "pkteng.new{name='e', type='pcap'}\n"
				       "pkteng.link{engine='e', ifname='endless'}\n"));
	assert_int_equal(shell_serve(sh, &err), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shell_serve_end(sh);
	shell_close(sh);
	ctl_close(ctl);
	return rmdir(dir);
}

struct peer {
	int sock;
	struct remote_reader in;
	struct remote_message msg; /* the last that came */
	char out[4096], err[4096]; /* the beginning of what the last command printed */
	pthread_t thread;
	unsigned seed, commands;
};

static void
say(struct peer *p, enum remote_type type, uint32_t flags, const char *text)
{
	const struct remote_message msg = {.type = type,
		.flags = flags,
		.number = 80,
		.text = text,
		.text_bytes = text != NULL ? strlen(text) : 0};

	assert_int_equal(remote_send(p->sock, &msg, NULL, NULL), 0);
}

/* 0: the end. */
static enum remote_type
hear(struct peer *p)
{
	struct pollfd fd = {.fd = p->sock, .events = POLLIN};
	int rc;

	while ((rc = remote_reader_next(&p->in, &p->msg)) == 0) {
		assert_int_equal(poll(&fd, 1, 60000), 1);
		if (remote_reader_fill(&p->in, p->sock) == 0)
			return 0;
	}
	assert_int_equal(rc, 1);
	return p->msg.type;
}

static void
keep(char *buf, size_t size, const struct remote_message *msg)
{
	size_t used = strlen(buf), n = msg->text_bytes;

	n = n < size - used - 1 ? n : size - used - 1;
	memcpy(buf + used, msg->text, n);
	buf[used + n] = '\0';
}

static void
peer_open(struct peer *p)
{
	memset(&p->in, 0, sizeof(p->in));
	p->sock = remote_connect(dir);
	assert_true(p->sock >= 0);
	say(p, REMOTE_HELLO, 0, NULL);
	assert_int_equal(hear(p), REMOTE_WELCOME);
	assert_int_equal(p->msg.number, getpid());
}

static void
peer_close(struct peer *p)
{
	close(p->sock);
	remote_reader_free(&p->in);
}

/* The flags of DONE. */
static uint32_t
answer(struct peer *p)
{
	enum remote_type type;

	p->out[0] = p->err[0] = '\0';
	while ((type = hear(p)) == REMOTE_OUT || type == REMOTE_ERR)
		keep(type == REMOTE_OUT ? p->out : p->err, sizeof(p->out), &p->msg);
	assert_int_equal(type, REMOTE_DONE);
	return p->msg.flags;
}

static uint32_t
run(struct peer *p, const char *lua)
{
	say(p, REMOTE_EVAL, REMOTE_LAST, lua);
	return answer(p);
}

static void
two_shells(void **state)
{
	struct peer a = {.sock = -1}, b = {.sock = -1};

	(void)state;
	peer_open(&a);
	peer_open(&b);
	assert_int_equal(run(&a, "x = 5"), 0);
	assert_int_equal(run(&b, "x"), 0);
	assert_string_equal(b.out, "5\n");
	assert_int_equal(run(&b, "io.stderr:write('e') error('no', 0)"), REMOTE_FAILED);
	assert_string_equal(b.err, "eerror: no\n");
	assert_string_equal(b.out, "");
	say(&a, REMOTE_EVAL, 0, "for i = 1, 2 do");
	assert_int_equal(answer(&a), REMOTE_MORE);
	say(&a, REMOTE_COMPLETE, 0, "pkteng.wai");
	assert_int_equal(hear(&a), REMOTE_NAMES);
	assert_memory_equal(a.msg.name, "t", a.msg.name_bytes);
	assert_int_equal(run(&a, "os.exit(7)"), REMOTE_LEAVING);
	assert_int_equal(a.msg.number, 7);
	assert_int_equal(hear(&a), REMOTE_GOODBYE);
	assert_int_equal(hear(&a), 0);
	assert_int_equal(run(&b, "coroutine.isyieldable()"), 0);
	assert_string_equal(b.out, "false\n");
	assert_int_equal(run(&b, "coroutine.yield()"), REMOTE_FAILED);
	peer_close(&a);
	peer_close(&b);
}

static void
the_bar(void **state)
{
	struct peer p = {.sock = -1};

	(void)state;
	peer_open(&p);
	assert_int_equal(run(&p, "pkteng.wait{engine='e', timeout=0.4}"), 0);
	assert_string_equal(p.out, "false\ttimeout\n");
	assert_non_null(strstr(p.err, "packets/s"));
	assert_string_equal(p.err + strlen(p.err) - 4, "\r\033[K");
	say(&p, REMOTE_EVAL, REMOTE_LAST, "pkteng.wait('e')");
	assert_int_equal(hear(&p), REMOTE_ERR);
	say(&p, REMOTE_INTERRUPT, 0, NULL);
	assert_int_equal(answer(&p), REMOTE_FAILED);
	assert_non_null(strstr(p.err, "error: interrupted\n"));
	peer_close(&p);
}

static void
second_daemon(void **state)
{
	struct ctl_err err = {""};
	struct shell *other;
	char pid[32];

	(void)state;
	/* Another process would be told so by its pid file; the socket itself knows, too. */
	assert_int_equal(shell_open(&other, ctl, &err), 0);
	assert_int_equal(shell_serve(other, &err), -EADDRINUSE);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, dir));
	shell_close(other);
}

static void
shutdown_ends_all(void **state)
{
	struct peer a = {.sock = -1}, b = {.sock = -1}, c = {.sock = -1};

	(void)state;
	peer_open(&a);
	peer_open(&b);
	peer_open(&c);
	say(&b, REMOTE_EVAL, REMOTE_LAST, "print('on') while true do end");
	assert_int_equal(hear(&b), REMOTE_OUT);
	assert_int_equal(run(&a, "pacf.shutdown()"), REMOTE_LEAVING);
	assert_string_equal(a.out, "Goodbye!\n");
	assert_int_equal(shell_wait_end(sh), 0);
	shell_serve_end(sh);
	assert_int_equal(hear(&b), REMOTE_GOODBYE);
	assert_memory_equal(b.msg.text, "the daemon ended", b.msg.text_bytes);
	assert_int_equal(hear(&c), REMOTE_GOODBYE);
	assert_int_equal(hear(&c), 0);
	assert_int_equal(remote_connect(dir), -ENOENT);
	peer_close(&a);
	peer_close(&b);
	peer_close(&c);
}

static const char *const works[] = {"local t = {} for i = 1, 3000 do t[i] = {i} end",
	"pacf.sleep(0.001)", "print(('x'):rep(3000))", "collectgarbage()",
	("co = coroutine.create(function() while true do coroutine.yield(1) end end) "
	 "coroutine.resume(co)"),
	"pcall(coroutine.resume, co)", "pacf.stats()",
	"setmetatable({}, {__gc = function() gone = (gone or 0) + 1 end})",
	"local function f(n) return n == 0 and 0 or 1 + f(n - 1) end f(150)",
	"pkteng.wait{engine='e', timeout=0}",
	"for i = 1, 5000 do shared = (shared or 0) + i end"};
#define WORKS (sizeof(works) / sizeof(works[0]))

static void
one_round(struct peer *p, unsigned what)
{
	char lua[256];

	p->commands++;
	if (what < WORKS) {
		snprintf(lua, sizeof(lua), "count = count + 1 %s", works[what]);
		assert_int_equal(run(p, lua), 0);
	} else if (what < WORKS + 2) {
		say(p, REMOTE_EVAL, REMOTE_LAST,
			what == WORKS ? "count = count + 1 while true do pcall(error) end"
				      : "count = count + 1 pacf.sleep(60)");
		usleep(p->seed % 3000);
		say(p, REMOTE_INTERRUPT, 0, NULL);
		assert_int_equal(answer(p), REMOTE_FAILED);
	} else {
		assert_int_equal(run(p, "count = count + 1"), 0);
		say(p, REMOTE_EVAL, REMOTE_LAST,
			what % 2 ? "while true do end" : "while true do print(1) end");
		peer_close(p);
		peer_open(p);
	}
}

static void *
many_rounds(void *arg)
{
	struct peer *p = arg;

	peer_open(p);
	for (int i = 0; i < ROUNDS; i++)
		one_round(p, (unsigned)rand_r(&p->seed) % (WORKS + 4));
	peer_close(p);
	return NULL;
}

static void
many_at_once(void **state)
{
	static struct peer peers[PEERS];
	struct peer last = {.sock = -1};

	(void)state;
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i].seed = i + 1;
		assert_int_equal(
			pthread_create(&peers[i].thread, NULL, many_rounds, &peers[i]), 0);
	}
	for (unsigned i = 0; i < PEERS; i++)
		pthread_join(peers[i].thread, NULL);
	peer_open(&last);
	for (unsigned i = 0; i < PEERS; i++)
		last.commands += peers[i].commands;
	assert_int_equal(run(&last, "count"), 0);
	assert_int_equal(atoi(last.out), last.commands);
	peer_close(&last);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_shells, setup, teardown),
		cmocka_unit_test_setup_teardown(the_bar, setup, teardown),
		cmocka_unit_test_setup_teardown(second_daemon, setup, teardown),
		cmocka_unit_test_setup_teardown(shutdown_ends_all, setup, teardown),
		cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
