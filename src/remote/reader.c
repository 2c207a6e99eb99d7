/*
 * remote/reader: messages out of a stream of bytes that anybody may have sent.
 *
 * Invariant: what comes out is of a known type, as long as its head said, and its texts lie in
 * it; nothing is kept beyond one message of the greatest length and one read.
 */
#include "remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_BYTES 8u
#define READ_BYTES 16384u

/* Room for n more bytes behind those that are there. */
static int
make_room(struct remote_reader *r, size_t n)
{
	size_t room = r->room;
	char *bigger;

	if (r->used > 0) {
		memmove(r->bytes, r->bytes + r->used, r->have - r->used);
		r->have -= r->used;
		r->used = 0;
	}
	if (r->have + n <= room)
		return 0;
	room = 2 * room > r->have + n ? 2 * room : r->have + n;
	bigger = realloc(r->bytes, room);
	if (bigger == NULL)
		return -ENOMEM;
	r->bytes = bigger;
	r->room = room;
	return 0;
}

int
remote_reader_fill(struct remote_reader *r, int sock)
{
	ssize_t n;
	int rc = make_room(r, READ_BYTES);

	if (rc < 0)
		return rc;
	do {
		n = recv(sock, r->bytes + r->have, READ_BYTES, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	r->have += (size_t)n;
	return (int)n;
}

int
remote_reader_add(struct remote_reader *r, const void *bytes, size_t n)
{
	int rc = make_room(r, n);

	if (rc < 0 || n == 0)
		return rc;
	memcpy(r->bytes + r->have, bytes, n);
	r->have += n;
	return 0;
}

void
remote_reader_free(struct remote_reader *r)
{
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}

/* The payload while it is taken apart. */
struct rest {
	const char *bytes;
	size_t n;
};

static bool
take_number(struct rest *rest, uint32_t *out)
{
	if (rest->n < sizeof(*out))
		return false;
	memcpy(out, rest->bytes, sizeof(*out));
	rest->bytes += sizeof(*out);
	rest->n -= sizeof(*out);
	return true;
}

static bool
take_name(struct rest *rest, uint32_t bytes, struct remote_message *out)
{
	if (bytes > rest->n)
		return false;
	out->name = rest->bytes;
	out->name_bytes = bytes;
	rest->bytes += bytes;
	rest->n -= bytes;
	return true;
}

static int
take_hello(struct rest *rest, struct remote_message *out)
{
	uint32_t magic, version;

	if (!take_number(rest, &magic) || magic != REMOTE_MAGIC || !take_number(rest, &version))
		return -EPROTO;
	if (version != REMOTE_VERSION)
		return -EPROTONOSUPPORT;
	return take_number(rest, &out->number) && rest->n == 0 ? 1 : -EPROTO;
}

static int
take_eval(struct rest *rest, struct remote_message *out)
{
	uint32_t bytes;

	if (!take_number(rest, &out->flags) || !take_number(rest, &bytes))
		return -EPROTO;
	if (bytes > REMOTE_NAME_MAX)
		return -EMSGSIZE;
	if (!take_name(rest, bytes, out) || memchr(out->name, '\0', bytes) != NULL)
		return -EPROTO;
	return rest->n <= REMOTE_TEXT_MAX ? 1 : -EMSGSIZE;
}

static int
take_names(struct rest *rest, struct remote_message *out)
{
	uint32_t bytes;

	if (!take_number(rest, &bytes) || !take_name(rest, bytes, out))
		return -EPROTO;
	return rest->n == 0 || rest->bytes[rest->n - 1] == '\0' ? 1 : -EPROTO;
}

static int
take_payload(struct rest *rest, struct remote_message *out)
{
	int rc = 1;

	switch (out->type) {
	case REMOTE_HELLO:
	case REMOTE_WELCOME:
		return take_hello(rest, out);
	case REMOTE_EVAL:
		rc = take_eval(rest, out);
		break;
	case REMOTE_NAMES:
		rc = take_names(rest, out);
		break;
	case REMOTE_WIDTH:
		return take_number(rest, &out->number) && rest->n == 0 ? 1 : -EPROTO;
	case REMOTE_DONE:
		return take_number(rest, &out->flags) && take_number(rest, &out->number) &&
				       rest->n == 0
			       ? 1
			       : -EPROTO;
	case REMOTE_INTERRUPT:
		return rest->n == 0 ? 1 : -EPROTO;
	case REMOTE_COMPLETE:
	case REMOTE_OUT:
	case REMOTE_ERR:
	case REMOTE_GOODBYE:
		break;
	}
	out->text = rest->bytes;
	out->text_bytes = rest->n;
	return rc;
}

static bool
known(const struct remote_reader *r, uint32_t type)
{
	return r->daemon ? type >= REMOTE_HELLO && type <= REMOTE_WIDTH
			 : type >= REMOTE_WELCOME && type <= REMOTE_GOODBYE;
}

int
remote_reader_next(struct remote_reader *r, struct remote_message *out)
{
	struct rest rest = {.n = r->have - r->used};
	uint32_t bytes, type;

	memset(out, 0, sizeof(*out));
	if (rest.n < HEAD_BYTES)
		return 0;
	rest.bytes = r->bytes + r->used;
	take_number(&rest, &bytes);
	take_number(&rest, &type);
	if (!known(r, type))
		return -EPROTO;
	if (bytes > REMOTE_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (rest.n < bytes)
		return 0;
	r->used += HEAD_BYTES + bytes;
	rest.n = bytes;
	out->type = (enum remote_type)type;
	return take_payload(&rest, out);
}
