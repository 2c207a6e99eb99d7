/*
 * Fuzz target of the attach server: what an application may send, and what it gets.  Input: one
 * byte (bit 0: a stranger, who may not have channel x{1; bit 1: the engine runs), then
 * messages, each behind its length (2 bytes, little-endian; bit 15: with descriptors that
 * nobody asked for).  Each goes through a socket as one message.
 *
 * Checked: every reply is whole, its texts end, nothing of a channel that one may not have is
 * told or handed out, and no descriptor is left open.  Run by libFuzzer (-Dfuzz=true) and, over
 * the corpus, by replay.c as a test.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGER 54321u
#define MESSAGES 16 /* of an input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctl *ctl;
static char folder[64];
static uint32_t lanes_due; /* of an ATTACH that went well */

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
capture_write(const char *path)
{
	const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	const uint32_t record[4] = {1, 1, 60, 60};
	const uint8_t packet[60] = {2};
	FILE *f = fopen(path, "w");

	must(f != NULL && fwrite(head, sizeof(head), 1, f) == 1 &&
		fwrite(record, sizeof(record), 1, f) == 1 &&
		fwrite(packet, sizeof(packet), 1, f) == 1 && fclose(f) == 0);
}

static void
clean_up(void)
{
	char path[128];

	ctl_close(ctl);
	snprintf(path, sizeof(path), "%s/in.pcap", folder);
	unlink(path);
	rmdir(folder);
}

/* An engine with a channel for everybody and one for root; once. */
static void
set_up(void)
{
	static const struct ctl_engine_args engine = {.name = "e", .type = "mem", .cpu = -1};
	const struct ctl_channel_args open = {
		.engine = "e", .channel = "x{0", .when_full = "drop", .when_detached = "drop"};
	struct ctl_channel_args closed = open;
	struct ctl_link_args link = {.engine = "e", .qid = -1, .loop = 0};
	struct ctl_err err;
	char path[128];

	snprintf(folder, sizeof(folder), "/tmp/pacf-fuzz-XXXXXX");
	must(mkdtemp(folder) != NULL && setenv("PACF_RUNDIR", folder, 1) == 0);
	snprintf(path, sizeof(path), "%s/in.pcap", folder);
	capture_write(path);
	link.ifname = path;
	closed.channel = "x{1";
	closed.owner = "0";
	must(ctl_open(&ctl, &err) == 0 && ctl_engine_new(ctl, &engine, &err) == 0 &&
		ctl_link(ctl, &link, &err) == 0 && ctl_channel_open(ctl, &open, &err) == 0 &&
		ctl_channel_open(ctl, &closed, &err) == 0);
	atexit(clean_up);
}

/* The engine as the input wants it. */
static void
engine_be(bool running)
{
	static bool runs;
	struct ctl_err err;

	if (running != runs)
		must((running ? ctl_engine_start : ctl_engine_stop)(ctl, "e", &err) == 0);
	runs = running;
}

static void
send_one(int sock, const uint8_t *data, size_t size, bool with_fds)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(5 * sizeof(int))];
	} control = {.buf = {0}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[5] = {0, 1, 2, 0, 1};
	struct cmsghdr *c;

	if (with_fds) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(c), fds, sizeof(fds));
	}
	(void)sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The sentence that names the channels there are: behind the name that was asked for. */
static const char *
told(const char *text)
{
	static const char mark[] = "; the daemon has";
	const char *last = "";

	for (const char *p = text; (p = strstr(p, mark)) != NULL; p++)
		last = p;
	return last;
}

static void
reply_check(const struct chan_reply *rep, int nfds, bool stranger)
{
	bool secret = strcmp(rep->name, "x{1") == 0;

	must(!stranger || nfds == 0 || !secret);
	must(!stranger || !secret || rep->status == -EACCES || rep->status == -EPROTO);
	must(!stranger || strstr(told(rep->text), "x}1") == NULL);
	if (rep->status < 0) {
		must(nfds == 0 && (rep->text[0] != '\0' || rep->status == -ENODATA));
		return;
	}
	if (nfds == 1) { /* the bell */
		must(rep->lanes == 1 && lanes_due == 0);
		lanes_due = 1;
	} else if (nfds == 3) {
		must(lanes_due == 1);
		lanes_due = 2;
	} else {
		must(nfds == 0);
	}
}

/* All that has come. */
static void
replies_read(int sock, bool stranger)
{
	struct chan_reply rep;
	int fds[CHAN_MAX_FDS], nfds, rc;

	while ((rc = chan_recv_reply(sock, &rep, fds, &nfds)) == 0) {
		reply_check(&rep, nfds, stranger);
		for (int i = 0; i < nfds; i++)
			close(fds[i]);
	}
	must(rc == -EAGAIN || rc == -EPIPE);
}

/* The server's event loop, for one client. */
static void
talk(struct ctl_client *client, int sock, const uint8_t *data, size_t size, bool stranger)
{
	for (int i = 0; i < MESSAGES && size >= 2; i++) {
		size_t n = (size_t)(data[0] | (data[1] & 127) << 8);
		bool with_fds = data[1] >> 7;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		send_one(sock, data, n, with_fds);
		data += n;
		size -= n;
		ctl_client_event(ctl, client);
		replies_read(sock, stranger);
		if (client->state == CTL_CLIENT_GONE)
			return;
		must(client->state != CTL_CLIENT_NEW);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_client client = {.bell_fd = -1, .program = "fuzz", .pid = 1};
	int socks[2], before, after;
	bool stranger;

	if (size == 0)
		return 0;
	if (ctl == NULL)
		set_up();
	stranger = (data[0] & 1) != 0;
	engine_be((data[0] & 2) != 0);
	lanes_due = 0;
	pthread_mutex_lock(&ctl->lock);
	before = dup(0);
	close(before);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, socks) == 0);
	client.sock = socks[0];
	client.uid = stranger ? STRANGER : 0;
	TAILQ_INSERT_TAIL(&ctl->clients, &client, entry);
	talk(&client, socks[1], data + 1, size - 1, stranger);
	ctl_client_detach(ctl, &client);
	TAILQ_REMOVE(&ctl->clients, &client, entry);
	must(lanes_due != 1);
	if (client.bell_fd >= 0)
		close(client.bell_fd);
	close(socks[0]);
	close(socks[1]);
	after = dup(0);
	close(after);
	must(before == after);
	pthread_mutex_unlock(&ctl->lock);
	return 0;
}
