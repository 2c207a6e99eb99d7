/*
 * chan/attach: the messages on the attach socket.  Called by the daemon's control plane and by
 * libpacf when it opens; never on an engine thread.
 *
 * Invariant: what comes out of a receive has the right size, magic and version, its strings
 * end, and every descriptor that came is either handed to the caller or closed.
 */
#include "attach.h"
#include "os.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct os_local attach = {CHAN_SOCKET, CHAN_LOCK, SOCK_SEQPACKET};

int
chan_attach_connect(const char *rundir)
{
	return os_local_connect(rundir, &attach);
}

int
chan_attach_listen(const char *rundir, int *lock_fd)
{
	return os_local_listen(rundir, &attach, lock_fd);
}

void
chan_attach_unlisten(const char *rundir, int listen_fd, int lock_fd)
{
	os_local_unlisten(rundir, &attach, listen_fd, lock_fd);
}

/* Nobody is let in in between who shall not be: the group comes first. */
int
chan_attach_admit(const char *rundir, gid_t group, mode_t mode)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int n = snprintf(path, sizeof(path), "%s/%s", rundir, CHAN_SOCKET);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (group != (gid_t)-1 && (chmod(path, 0600) < 0 || chown(path, (uid_t)-1, group) < 0))
		return -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* Room for the descriptors of one message, aligned as the system wants it. */
union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(CHAN_MAX_FDS * sizeof(int))];
};

/* MSG_EOR ends the message: Linux and FreeBSD before 15 do so anyway, later ones wait for it.
 */
static int
send_message(int sock, const void *data, size_t size, const int *fds, int nfds)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t bytes = (size_t)nfds * sizeof(int);
	union control control;
	struct cmsghdr *c;
	ssize_t n;

	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), fds, bytes);
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_EOR);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return (size_t)n == size ? 0 : -EPROTO;
}

int
chan_send_request(int sock, const struct chan_request *req)
{
	struct chan_request out = *req;

	out.magic = CHAN_MAGIC;
	out.version = CHAN_VERSION;
	return send_message(sock, &out, sizeof(out), NULL, 0);
}

int
chan_send_reply(int sock, const struct chan_reply *rep, const int *fds, int nfds)
{
	struct chan_reply out = *rep;

	if (nfds < 0 || nfds > CHAN_MAX_FDS)
		return -EINVAL;
	out.magic = CHAN_MAGIC;
	out.version = CHAN_VERSION;
	return send_message(sock, &out, sizeof(out), fds, nfds);
}

/* Takes the descriptors out of msg: the first CHAN_MAX_FDS into fds, the rest are closed.  How
 * many there were. */
static int
take_fds(struct msghdr *msg, int *fds)
{
	int fd, n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(fd)) <= c->cmsg_len;
			at += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (n++ < CHAN_MAX_FDS)
				fds[n - 1] = fd;
			else
				close(fd);
		}
	}
	return n;
}

/* Magic and version come first in every message of every version, so another version is known
 * as such even if its messages have another size. */
static int
check_message(const void *data, size_t size, size_t got, int flags)
{
	uint32_t word[2];

	if (got < sizeof(word))
		return -EPROTO;
	memcpy(word, data, sizeof(word));
	if (word[0] != CHAN_MAGIC)
		return -EPROTO;
	if (word[1] != CHAN_VERSION)
		return -EPROTONOSUPPORT;
	return got == size && (flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 ? 0 : -EPROTO;
}

/* fds may be NULL: then none may come. */
static int
recv_message(int sock, void *data, size_t size, int *fds, int *nfds)
{
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int err, came = 0, spare[CHAN_MAX_FDS];
	union control control;
	ssize_t n;

	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (fds == NULL)
		fds = spare;
	came = take_fds(&msg, fds);
	err = n == 0 ? -EPIPE : check_message(data, size, (size_t)n, msg.msg_flags);
	if (err == 0 && came > (fds == spare ? 0 : CHAN_MAX_FDS))
		err = -EPROTO;
	if (err == 0) {
		if (nfds != NULL)
			*nfds = came;
		return 0;
	}
	for (int i = 0; i < came && i < CHAN_MAX_FDS; i++)
		close(fds[i]);
	return err;
}

static bool
ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

int
chan_recv_request(int sock, struct chan_request *req)
{
	int err = recv_message(sock, req, sizeof(*req), NULL, NULL);

	return err == 0 && !ends(req->name, sizeof(req->name)) ? -EPROTO : err;
}

int
chan_recv_reply(int sock, struct chan_reply *rep, int *fds, int *nfds)
{
	int err;

	*nfds = 0;
	err = recv_message(sock, rep, sizeof(*rep), fds, nfds);
	if (err != 0 ||
		(ends(rep->name, sizeof(rep->name)) && ends(rep->text, sizeof(rep->text))))
		return err;
	for (int i = 0; i < *nfds; i++)
		close(fds[i]);
	*nfds = 0;
	return -EPROTO;
}
