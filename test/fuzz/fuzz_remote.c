/*
 * Fuzz target of the control socket's messages.  Input: one byte (bit 0: the daemon's end; the
 * rest: how many bytes come at a time), then what a peer sends.  Run by libFuzzer (-Dfuzz=true)
 * and, over the corpus, by replay.c as a test.
 */
#include "remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

/* Every byte of a text is read, so that a sanitizer sees one that is not there. */
static size_t
sum(const char *bytes, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += (unsigned char)bytes[i];
	return total;
}

static void
check(const struct remote_message *msg, bool daemon)
{
	static volatile size_t seen;
	size_t read = sum(msg->name, msg->name_bytes) + sum(msg->text, msg->text_bytes);

	must(daemon ? msg->type >= REMOTE_HELLO && msg->type <= REMOTE_WIDTH
		    : msg->type >= REMOTE_WELCOME && msg->type <= REMOTE_GOODBYE);
	must(msg->name_bytes + msg->text_bytes <= REMOTE_PAYLOAD_MAX);
	must(msg->type != REMOTE_EVAL ||
		(msg->name_bytes <= REMOTE_NAME_MAX && msg->text_bytes <= REMOTE_TEXT_MAX));
	must(msg->type != REMOTE_NAMES || msg->text_bytes == 0 ||
		msg->text[msg->text_bytes - 1] == '\0');
	seen = seen + read;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct remote_reader r = {.daemon = size > 0 && (data[0] & 1)};
	size_t piece = size > 0 ? (data[0] >> 1) + 1 : 1;
	struct remote_message msg;
	int rc = 0;

	for (size_t at = 1; at < size && rc == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		must(remote_reader_add(&r, data + at, n) == 0);
		while ((rc = remote_reader_next(&r, &msg)) == 1)
			check(&msg, r.daemon);
		must(rc == 0 || rc == -EPROTO || rc == -EPROTONOSUPPORT || rc == -EMSGSIZE);
	}
	must(r.have <= 2 * (REMOTE_PAYLOAD_MAX + 8 + 128));
	remote_reader_free(&r);
	return 0;
}
