/*
 * Test of attach.h: messages, descriptors, and the listening socket's life.
 */
#include "attach.h"
#include "os.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static int pair[2];

static int
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static int
setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int
teardown(void **state)
{
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void
request(void **state)
{
	struct chan_request in = {.op = CHAN_OP_ATTACH, .name = "eth3{0"}, out;

	assert_int_equal(chan_send_request(pair[0], &in), 0);
	assert_int_equal(chan_recv_request(pair[1], &out), 0);
	assert_int_equal(out.op, CHAN_OP_ATTACH);
	assert_string_equal(out.name, "eth3{0");
}

static void
reply_with_fds(void **state)
{
	struct chan_reply in = {.status = -EBUSY, .lanes = 3, .text = "no"}, out;

	for (int n = 0; n <= CHAN_MAX_FDS; n++) {
		int fds[CHAN_MAX_FDS], nfds = -1, bell = os_bell_create();
		int give[CHAN_MAX_FDS] = {bell, bell, bell}, before = open_fds();

		assert_int_equal(chan_send_reply(pair[0], &in, give, n), 0);
		assert_int_equal(chan_recv_reply(pair[1], &out, fds, &nfds), 0);
		assert_int_equal(nfds, n);
		assert_int_equal(out.status, -EBUSY);
		assert_string_equal(out.text, "no");
		assert_int_equal(open_fds(), before + n);
		for (int i = 0; i < n; i++) {
			assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
			close(fds[i]);
		}
		close(bell);
	}
	assert_int_equal(chan_send_reply(pair[0], &in, NULL, CHAN_MAX_FDS + 1), -EINVAL);
}

static void
raw_send(const void *data, size_t size, int nfds)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	_Alignas(struct cmsghdr) char buf[CMSG_SPACE(16 * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (nfds > 0) {
		msg.msg_control = buf;
		msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		for (int i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &pair[0], sizeof(int));
	}
	assert_int_equal(sendmsg(pair[0], &msg, 0), (ssize_t)size);
}

/* Whatever comes that is not a reply: the right error, and no descriptor left open. */
static void
refused(const void *data, size_t size, int sent, int err)
{
	int fds[CHAN_MAX_FDS], nfds = -1, before = open_fds();
	struct chan_reply out;

	raw_send(data, size, sent);
	assert_int_equal(chan_recv_reply(pair[1], &out, fds, &nfds), err);
	assert_int_equal(nfds, 0);
	assert_int_equal(open_fds(), before);
}

static void
bad_replies(void **state)
{
	struct {
		struct chan_reply rep;
		char more[64];
	} m = {.rep = {.magic = CHAN_MAGIC, .version = CHAN_VERSION}};

	refused(&m, sizeof(m.rep) - 1, 1, -EPROTO);
	refused(&m, sizeof(m.rep) + 1, 3, -EPROTO);
	refused(&m, 4, 0, -EPROTO);
	refused(&m, sizeof(m.rep), 4, -EPROTO);
	refused(&m, sizeof(m.rep), 5, -EPROTO);
	refused(&m, sizeof(m.rep), 16, -EPROTO);
	m.rep.version++;
	refused(&m, sizeof(m.rep), 1, -EPROTONOSUPPORT);
	refused(&m, sizeof(m), 0, -EPROTONOSUPPORT); /* of another size as well */
	refused(&m, 8, 0, -EPROTONOSUPPORT);
	m.rep.version--;
	m.rep.magic++;
	refused(&m, sizeof(m.rep), 2, -EPROTO);
	m.rep.magic--;
	memset(m.rep.text, 'x', sizeof(m.rep.text));
	refused(&m, sizeof(m.rep), 2, -EPROTO);
}

static void
bad_requests(void **state)
{
	struct chan_request m = {.magic = CHAN_MAGIC, .version = CHAN_VERSION}, out;
	int before = open_fds();

	raw_send(&m, sizeof(m), 1); /* a request carries none */
	assert_int_equal(chan_recv_request(pair[1], &out), -EPROTO);
	raw_send(&m, sizeof(m), 9);
	assert_int_equal(chan_recv_request(pair[1], &out), -EPROTO);
	assert_int_equal(open_fds(), before);
	memset(m.name, 'x', sizeof(m.name));
	raw_send(&m, sizeof(m), 0);
	assert_int_equal(chan_recv_request(pair[1], &out), -EPROTO);
	m.version = 99;
	raw_send(&m, sizeof(m), 0);
	assert_int_equal(chan_recv_request(pair[1], &out), -EPROTONOSUPPORT);
}

static void
peer_gone(void **state)
{
	int fds[CHAN_MAX_FDS], nfds;
	struct chan_request req = {.op = CHAN_OP_LIST};
	struct chan_reply rep;

	close(pair[0]);
	assert_int_equal(chan_recv_reply(pair[1], &rep, fds, &nfds), -EPIPE);
	assert_int_equal(chan_send_request(pair[1], &req), -EPIPE); /* and no signal */
	pair[0] = dup(pair[1]);
}

static void
listen_once(void **state)
{
	char dir[] = "/tmp/pacf-chan-XXXXXX", path[64], cmd[64], deep[200];
	int sock, lock, lock2, client;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chan_attach_connect(dir), -ENOENT);
	sock = chan_attach_listen(dir, &lock);
	assert_true(sock >= 0 && lock >= 0);
	snprintf(path, sizeof(path), "%s/%s", dir, CHAN_SOCKET);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	client = chan_attach_connect(dir);
	assert_true(client >= 0);
	assert_int_equal(chan_attach_listen(dir, &lock2), -EADDRINUSE);
	assert_int_equal(lock2, -1);
	close(client);
	close(sock);
	close(lock); /* the daemon dies: its socket's file stays */
	assert_int_equal(chan_attach_connect(dir), -ECONNREFUSED);
	sock = chan_attach_listen(dir, &lock);
	assert_true(sock >= 0);
	client = chan_attach_connect(dir);
	assert_true(client >= 0);
	close(client);
	close(sock);
	close(lock);
	memset(deep, 'd', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(chan_attach_connect(deep), -ENAMETOOLONG);
	assert_int_equal(chan_attach_listen(deep, &lock), -ENAMETOOLONG);
	assert_int_equal(chan_attach_listen("/nonexistent", &lock), -ENOENT);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(request, setup, teardown),
		cmocka_unit_test_setup_teardown(reply_with_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_replies, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_gone, setup, teardown),
		cmocka_unit_test(listen_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
