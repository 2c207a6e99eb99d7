/*
 * remote/send: one message into a socket, whatever the other end does.
 */
#include "remote.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ASK_MS	  100 /* how often give_up is asked */
#define MAX_PARTS 4

struct parts {
	uint32_t head[2], numbers[3];
	struct iovec iov[MAX_PARTS];
	int n;
};

static void
add(struct parts *p, const void *bytes, size_t n)
{
	p->iov[p->n++] = (struct iovec){.iov_base = (void *)bytes, .iov_len = n};
	p->head[0] += (uint32_t)n;
}

static void
compose(struct parts *p, const struct remote_message *msg)
{
	memset(p, 0, sizeof(*p));
	p->iov[p->n++] = (struct iovec){.iov_base = p->head, .iov_len = sizeof(p->head)};
	p->head[1] = (uint32_t)msg->type;
	switch (msg->type) {
	case REMOTE_HELLO:
	case REMOTE_WELCOME:
		p->numbers[0] = REMOTE_MAGIC;
		p->numbers[1] = REMOTE_VERSION;
		p->numbers[2] = msg->number;
		add(p, p->numbers, 12);
		break;
	case REMOTE_EVAL:
		p->numbers[0] = msg->flags;
		p->numbers[1] = (uint32_t)msg->name_bytes;
		add(p, p->numbers, 8);
		break;
	case REMOTE_NAMES:
		p->numbers[0] = (uint32_t)msg->name_bytes;
		add(p, p->numbers, 4);
		break;
	case REMOTE_WIDTH:
		p->numbers[0] = msg->number;
		add(p, p->numbers, 4);
		break;
	case REMOTE_DONE:
		p->numbers[0] = msg->flags;
		p->numbers[1] = msg->number;
		add(p, p->numbers, 8);
		break;
	case REMOTE_COMPLETE:
	case REMOTE_INTERRUPT:
	case REMOTE_OUT:
	case REMOTE_ERR:
	case REMOTE_GOODBYE:
		break;
	}
	if (msg->name_bytes > 0)
		add(p, msg->name, msg->name_bytes);
	if (msg->text_bytes > 0)
		add(p, msg->text, msg->text_bytes);
}

/* n bytes are gone. */
static void
advance(struct parts *p, size_t n)
{
	int i = 0;

	while (i < p->n && n >= p->iov[i].iov_len)
		n -= p->iov[i++].iov_len;
	p->n -= i;
	memmove(p->iov, p->iov + i, (size_t)p->n * sizeof(p->iov[0]));
	if (p->n > 0) {
		p->iov[0].iov_base = (char *)p->iov[0].iov_base + n;
		p->iov[0].iov_len -= n;
	}
}

int
remote_send(int sock, const struct remote_message *msg, bool (*give_up)(void *arg), void *arg)
{
	struct pollfd fd = {.fd = sock, .events = POLLOUT};
	struct parts parts;
	ssize_t n;

	compose(&parts, msg);
	while (parts.n > 0) {
		struct msghdr out = {.msg_iov = parts.iov, .msg_iovlen = 0};

		out.msg_iovlen += parts.n; /* of another type on each system */
		n = sendmsg(sock, &out, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			advance(&parts, (size_t)n);
			continue;
		}
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (give_up != NULL && give_up(arg))
			return -ECANCELED;
		poll(&fd, 1, ASK_MS);
	}
	return 0;
}
