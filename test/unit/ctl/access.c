/*
 * Test of who may attach: owners and modes of channels against processes of other users, by
 * what the kernel says of them; what they are told, what they see, how many connections they
 * get.
 */
#include "rig.h"
#include "access.h"
#include "guard.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER	    65533u
#define OTHER_GROUP 65532u
#define EXTRA_GROUP 65531u

static int
open_for(const char *engine, const char *channel, const char *owner, const char *mode)
{
	const struct ctl_channel_args args = {
		.engine = engine, .channel = channel, .owner = owner, .mode = mode};

	return ctl_channel_open(ctl, &args, &err);
}

static void
ready(void)
{
	if (geteuid() != 0) {
		print_message("only root can be several users: skipped\n");
		skip();
	}
	assert_int_equal(chmod(rig_dir, 0755), 0);
	OK(rig_new("e"));
	OK(rig_link("e", 0));
	OK(open_for("e", "open{0", NULL, NULL)); /* the server is up */
	OK(ctl_access(ctl, "65532", "0666", &err));
}

/* What another user's process got: 0, or the refusal's status; the sentence is in `said`. */
static char said[CHAN_TEXT_MAX];

struct asked {
	int status;
	char text[CHAN_TEXT_MAX];
};

static int
ask_once(enum chan_op op, const char *name, char *text)
{
	struct chan_request req = {.op = op};
	int fds[CHAN_MAX_FDS], nfds, rc, sock = chan_attach_connect(rig_dir);
	struct chan_reply rep;

	text[0] = '\0';
	if (sock < 0)
		return sock;
	snprintf(req.name, sizeof(req.name), "%s", name);
	rc = chan_send_request(sock, &req);
	if (rc == 0)
		rc = chan_recv_reply(sock, &rep, fds, &nfds);
	while (rc == 0 && op == CHAN_OP_LIST && rep.status == 0) {
		strcat(text, rep.name);
		strcat(text, " ");
		rc = chan_recv_reply(sock, &rep, fds, &nfds);
	}
	if (rc == 0 && op != CHAN_OP_LIST)
		memcpy(text, rep.text, sizeof(rep.text));
	return rc < 0 ? rc : rep.status;
}

static int
ask_as(uid_t uid, gid_t gid, gid_t extra, enum chan_op op, const char *name)
{
	int pipes[2], status;
	struct asked asked;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		memset(&asked, 0, sizeof(asked));
		if (setgroups(extra != 0, &extra) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(1);
		asked.status = ask_once(op, name, asked.text);
		_exit(write(pipes[1], &asked, sizeof(asked)) != sizeof(asked));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(pipes[0], &asked, sizeof(asked)), sizeof(asked));
	close(pipes[0]);
	close(pipes[1]);
	memcpy(said, asked.text, sizeof(said));
	return asked.status;
}

static void
by_owner(void **state)
{
	ready();
	OK(open_for("e", "a{0", "65533", NULL));
	OK(open_for("e", "b{0", "65533:65532", NULL));
	OK(open_for("e", "c{0", ":65531", NULL));
	OK(open_for("e", "d{0", NULL, "0660"));
	OK(open_for("e", "f{0", NULL, "0600"));
	OK(open_for("e", "g{0", "65533", "0666"));
	OK(ctl_engine_start(ctl, "e", &err));
	/* His own, by any group. */
	assert_int_equal(ask_as(OTHER, 1, 0, CHAN_OP_ATTACH, "a{0"), 0);
	assert_int_equal(ask_as(OTHER, 1, 0, CHAN_OP_QUERY, "b{0"), 0);
	assert_int_equal(
		ask_as(OTHER, OTHER_GROUP, EXTRA_GROUP, CHAN_OP_QUERY, "f{0"), -EACCES);
	assert_string_equal(said, "channel \"pacf:f}0\" is for user root; you are uid 65533");
	/* By his group, or one of his others. */
	assert_int_equal(ask_as(1, OTHER_GROUP, 0, CHAN_OP_ATTACH, "a{0"), -EACCES);
	assert_string_equal(said, "channel \"pacf:a}0\" is for user 65533; you are uid 1");
	assert_int_equal(ask_as(1, OTHER_GROUP, 0, CHAN_OP_ATTACH, "b{0"), 0);
	assert_int_equal(ask_as(1, 1, OTHER_GROUP, CHAN_OP_QUERY, "b{0"), 0);
	assert_int_equal(ask_as(1, 1, EXTRA_GROUP, CHAN_OP_QUERY, "b{0"), -EACCES);
	assert_string_equal(
		said, "channel \"pacf:b}0\" is for user 65533 and group 65532; you are uid 1");
	assert_int_equal(ask_as(1, 1, EXTRA_GROUP, CHAN_OP_QUERY, "c{0"), 0);
	assert_int_equal(ask_as(OTHER, 1, 0, CHAN_OP_ATTACH, "c{0"), -EACCES);
	/* The socket's group, if the channel names none. */
	assert_int_equal(ask_as(1, 1, OTHER_GROUP, CHAN_OP_ATTACH, "d{0"), 0);
	assert_int_equal(ask_as(1, 1, EXTRA_GROUP, CHAN_OP_ATTACH, "d{0"), -EACCES);
	assert_string_equal(
		said, "channel \"pacf:d}0\" is for user root and group 65532; you are uid 1");
	/* Everybody, and always root. */
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_ATTACH, "g{0"), 0);
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_ATTACH, "open{0"), 0);
	for (const char *name = "abcdfg"; *name != '\0'; name++)
		assert_int_equal(
			ask_as(0, 0, 0, CHAN_OP_QUERY, (char[]){*name, '{', '0', 0}), 0);
}

/* What one may not have, one does not see, unless one asks for it by name. */
static void
hidden(void **state)
{
	ready();
	OK(open_for("e", "a{0", "65533", NULL));
	OK(open_for("e", "b{0", ":65531", NULL));
	assert_int_equal(ask_as(OTHER, 1, 0, CHAN_OP_LIST, ""), -ENODATA);
	assert_string_equal(said, "open{0 a{0 ");
	assert_int_equal(ask_as(OTHER, 1, EXTRA_GROUP, CHAN_OP_LIST, ""), -ENODATA);
	assert_string_equal(said, "open{0 a{0 b{0 ");
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_LIST, ""), -ENODATA);
	assert_string_equal(said, "open{0 ");
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_ATTACH, "nope{0"), -ENOENT);
	assert_string_equal(said, "no channel \"nope}0\"; the daemon has pacf:open}0");
}

/* One that waits for its engine is not let in by a channel of that name that is another's. */
static void
reopened(void **state)
{
	int pipes[2], status;
	char byte;
	pid_t pid;

	ready();
	OK(open_for("e", "a{0", "65533", NULL));
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(1) < 0 || setuid(OTHER) < 0 ||
			write(pipes[1], "x", 1) != 1)
			_exit(1);
		status = ask_once(CHAN_OP_ATTACH, "a{0", said);
		_exit(status == -ENOENT || status == -EACCES ? 0 : 2);
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	os_sleep_ns(20000000);
	OK(ctl_channel_close(ctl, "e", "a{0", &err));
	OK(open_for("e", "a{0", "1", NULL));
	OK(ctl_engine_start(ctl, "e", &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void
words(void **state)
{
	OK(rig_new("e"));
	REFUSED(open_for("e", "a{0", "no-such-user", NULL), -ENOENT, "\"pacf:a{0\"",
		"no user \"no-such-user\"");
	REFUSED(open_for("e", "a{0", ":no-such-group", NULL), -ENOENT, "no group",
		"\"no-such-group\"");
	REFUSED(open_for("e", "a{0", ":", NULL), -EINVAL, "owner=\":\"", "USER:GROUP");
	REFUSED(open_for("e", "a{0", "", NULL), -EINVAL, "owner=\"\"", "USER:GROUP");
	REFUSED(open_for("e", "a{0", NULL, "0640"), -EINVAL, "mode=\"0640\"", "\"0660\"");
	REFUSED(open_for("e", "a{0", NULL, "rw"), -EINVAL, "mode=\"rw\"", "\"0660\"");
	REFUSED(open_for("e", "a{0", NULL, "0777"), -EINVAL, "mode=\"0777\"", "\"0660\"");
	REFUSED(open_for("e", "pcap:/dev/null", "root", NULL), -EINVAL, "pcap:/dev/null",
		"owner and mode are for pacf: channels");
	REFUSED(ctl_access(ctl, "no-such-group", NULL, &err), -ENOENT, "pacf.access",
		"\"no-such-group\"");
	REFUSED(ctl_access(ctl, NULL, "0444", &err), -EINVAL, "mode=\"0444\"", NULL);
}

/* One name, one owner. */
static void
two_engines(void **state)
{
	OK(rig_new("e"));
	OK(rig_new("f"));
	OK(open_for("e", "a{0", "1", NULL));
	REFUSED(open_for("f", "a{0", NULL, NULL), -EINVAL, "pacf:a{0", "in engine \"e\"");
	REFUSED(open_for("f", "a{0", "1:1", NULL), -EINVAL, "pacf:a{0", "in engine \"e\"");
	OK(open_for("f", "a{0", "1", "0600"));
}

static mode_t
socket_mode(gid_t *group)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", rig_dir, CHAN_SOCKET);
	assert_int_equal(stat(path, &st), 0);
	*group = st.st_gid;
	return st.st_mode & 0777;
}

/* The system itself keeps others off the socket. */
static void
the_socket(void **state)
{
	gid_t group;

	ready();
	assert_int_equal(socket_mode(&group), 0666);
	OK(ctl_access(ctl, "65532", NULL, &err));
	assert_int_equal(socket_mode(&group), 0660);
	assert_int_equal(group, OTHER_GROUP);
	assert_int_equal(ask_as(1, OTHER_GROUP, 0, CHAN_OP_QUERY, "open{0"), 0);
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_QUERY, "open{0"), -EACCES);
	OK(ctl_access(ctl, NULL, "0600", &err));
	assert_int_equal(socket_mode(&group), 0600);
	assert_int_equal(ask_as(1, OTHER_GROUP, 0, CHAN_OP_QUERY, "open{0"), -EACCES);
}

static void
unsafe_folders(void **state)
{
	char path[128];

	OK(rig_new("e"));
	assert_int_equal(chmod(rig_dir, 0777), 0);
	REFUSED(open_for("e", "a{0", NULL, NULL), -EACCES, rig_dir, "chmod go-w");
	assert_int_equal(chmod(rig_dir, 0770), 0);
	REFUSED(open_for("e", "a{0", NULL, NULL), -EACCES, rig_dir, "chmod go-w");
	snprintf(path, sizeof(path), "%s/in", rig_dir);
	assert_int_equal(chmod(rig_dir, 0777), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(setenv("PACF_RUNDIR", path, 1), 0);
	REFUSED(open_for("e", "a{0", NULL, NULL), -EACCES, path, "a folder above it");
	assert_int_equal(chmod(rig_dir, 01777), 0); /* as /tmp */
	OK(open_for("e", "a{0", NULL, NULL));
	OK(ctl_channel_close(ctl, "e", "a{0", &err));
	if (geteuid() != 0)
		return;
	ctl_close(ctl);
	assert_int_equal(ctl_open(&ctl, &err), 0);
	OK(rig_new("e"));
	assert_int_equal(chown(path, OTHER, OTHER_GROUP), 0);
	REFUSED(open_for("e", "a{0", NULL, NULL), -EPERM, path, "another user");
	assert_int_equal(rmdir(path), 0);
}

/* One user's connections: 64 that have no channel, and 5 s until he says what he wants. */
static void
idle_child(int ready_fd)
{
	static int socks[CTL_CONNECTS_MAX + 1];
	struct chan_reply rep;
	int fds[CHAN_MAX_FDS], nfds;
	uint64_t start = os_clock_mono_ns();

	if (setgroups(0, NULL) < 0 || setgid(1) < 0 || setuid(OTHER) < 0)
		_exit(1);
	for (int i = 0; i < CTL_CONNECTS_MAX + 1; i++) {
		socks[i] = chan_attach_connect(rig_dir);
		if (socks[i] < 0)
			_exit(2);
	}
	if (chan_recv_reply(socks[CTL_CONNECTS_MAX], &rep, fds, &nfds) < 0 ||
		rep.status != -EMFILE || strstr(rep.text, "uid 65533 has 64") == NULL)
		_exit(3);
	if (write(ready_fd, "x", 1) != 1)
		_exit(4);
	for (int i = 0; i < CTL_CONNECTS_MAX; i++)
		if (recv(socks[i], &rep, sizeof(rep), 0) != 0) /* until we are sent away */
			_exit(5);
	if (os_clock_mono_ns() - start < (CTL_CONNECT_IDLE_S - 1) * UINT64_C(1000000000))
		_exit(6);
	_exit(ask_once(CHAN_OP_QUERY, "open{0", said) == 0 ? 0 : 7);
}

static void
many(void **state)
{
	int pipes[2], status;
	char byte;
	pid_t pid;

	ready();
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		idle_child(pipes[1]);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	/* Others are served meanwhile. */
	assert_int_equal(ask_as(1, 1, 0, CHAN_OP_QUERY, "open{0"), 0);
	assert_int_equal(ask_as(0, 0, 0, CHAN_OP_QUERY, "open{0"), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words),
		TEST(two_engines),
		TEST(by_owner),
		TEST(hidden),
		TEST(reopened),
		TEST(the_socket),
		TEST(unsafe_folders),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
