/*
 * Test of remote/reader and remote/send: every message comes out as it was sent, however the
 * bytes arrive; what is none is refused, at its head already; a peer that does not read is
 * waited for, or given up.
 */
#include "remote.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(s) .text = s, .text_bytes = sizeof(s) - 1
#define NAME(s) .name = s, .name_bytes = sizeof(s) - 1

static const struct remote_message to_daemon[] = {
	{.type = REMOTE_HELLO, .number = 80},
	{.type = REMOTE_EVAL, .flags = REMOTE_LAST, TEXT("x = 1")},
	{.type = REMOTE_EVAL, .flags = REMOTE_FILE | REMOTE_LAST, NAME("a.lua"), TEXT("a\0b")},
	{.type = REMOTE_EVAL},
	{.type = REMOTE_COMPLETE, TEXT("pkteng.st")},
	{.type = REMOTE_INTERRUPT},
	{.type = REMOTE_WIDTH, .number = 132},
};
static const struct remote_message to_shell[] = {
	{.type = REMOTE_WELCOME, .number = 4711},
	{.type = REMOTE_OUT, TEXT("text\n")},
	{.type = REMOTE_ERR, TEXT("error\n")},
	{.type = REMOTE_DONE, .flags = REMOTE_LEAVING, .number = 255},
	{.type = REMOTE_NAMES, NAME("art"), TEXT("start\0stop\0")},
	{.type = REMOTE_NAMES},
	{.type = REMOTE_GOODBYE, TEXT("the end")},
};
#define N(list) (sizeof(list) / sizeof(list[0]))

static void
assert_same(const struct remote_message *got, const struct remote_message *want)
{
	assert_int_equal(got->type, want->type);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->number, want->number);
	assert_int_equal(got->name_bytes, want->name_bytes);
	assert_int_equal(got->text_bytes, want->text_bytes);
	if (want->name_bytes > 0)
		assert_memory_equal(got->name, want->name, want->name_bytes);
	if (want->text_bytes > 0)
		assert_memory_equal(got->text, want->text, want->text_bytes);
}

/* All of them, sent into a pair of sockets; the bytes. */
static size_t
bytes_of(const struct remote_message *list, size_t n, char *buf, size_t size)
{
	int pair[2];
	ssize_t got;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(remote_send(pair[0], &list[i], NULL, NULL), 0);
	got = recv(pair[1], buf, size, 0);
	assert_true(got > 0);
	close(pair[0]);
	close(pair[1]);
	return (size_t)got;
}

/* They come in pieces of `piece` bytes. */
static void
check_pieces(bool daemon, const struct remote_message *list, size_t n, size_t piece)
{
	struct remote_reader r = {.daemon = daemon};
	struct remote_message msg;
	char buf[4096];
	size_t bytes = bytes_of(list, n, buf, sizeof(buf)), next = 0;

	for (size_t at = 0; at < bytes; at += piece) {
		size_t some = bytes - at < piece ? bytes - at : piece;

		assert_int_equal(remote_reader_add(&r, buf + at, some), 0);
		while (remote_reader_next(&r, &msg) == 1) {
			assert_true(next < n);
			assert_same(&msg, &list[next++]);
		}
	}
	assert_int_equal(next, n);
	remote_reader_free(&r);
}

static void
as_sent(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		check_pieces(true, to_daemon, N(to_daemon), piece);
		check_pieces(false, to_shell, N(to_shell), piece);
	}
	check_pieces(true, to_daemon, N(to_daemon), 4096);
}

/* What the reader says of a head and payload of numbers. */
static int
says(bool daemon, uint32_t bytes, uint32_t type, const uint32_t *payload, size_t n)
{
	struct remote_reader r = {.daemon = daemon};
	const uint32_t head[2] = {bytes, type};
	struct remote_message msg;
	int rc;

	assert_int_equal(remote_reader_add(&r, head, sizeof(head)), 0);
	assert_int_equal(remote_reader_add(&r, payload, n * sizeof(*payload)), 0);
	rc = remote_reader_next(&r, &msg);
	remote_reader_free(&r);
	return rc;
}

static void
refused(void **state)
{
	const uint32_t hello[] = {REMOTE_MAGIC, REMOTE_VERSION, 80};
	const uint32_t other[] = {REMOTE_MAGIC, REMOTE_VERSION + 1, 80};
	const uint32_t stranger[] = {REMOTE_MAGIC + 1, REMOTE_VERSION, 80};
	const uint32_t long_name[] = {0, REMOTE_NAME_MAX + 1};
	const uint32_t missing_name[] = {0, 1};
	const uint32_t zero_name[] = {0, 4, 0};
	const uint32_t endless_name[] = {0, 0x01010101};

	(void)state;
	assert_int_equal(says(true, 12, REMOTE_HELLO, hello, 3), 1);
	assert_int_equal(says(true, 12, REMOTE_HELLO, hello, 2), 0);
	assert_int_equal(says(true, 12, REMOTE_HELLO, other, 3), -EPROTONOSUPPORT);
	assert_int_equal(says(true, 12, REMOTE_HELLO, stranger, 3), -EPROTO);
	assert_int_equal(says(true, 8, REMOTE_HELLO, hello, 2), -EPROTO);
	assert_int_equal(says(true, 4, REMOTE_HELLO, hello, 1), -EPROTO);
	assert_int_equal(says(true, 12, REMOTE_WELCOME, hello, 3), -EPROTO);
	assert_int_equal(says(false, 12, REMOTE_HELLO, hello, 3), -EPROTO);
	assert_int_equal(says(true, 0, 0, NULL, 0), -EPROTO);
	assert_int_equal(says(true, 0, REMOTE_WIDTH + 1, NULL, 0), -EPROTO);
	assert_int_equal(says(false, 0, REMOTE_GOODBYE + 1, NULL, 0), -EPROTO);
	assert_int_equal(says(true, UINT32_MAX, REMOTE_EVAL, NULL, 0), -EMSGSIZE);
	assert_int_equal(says(true, REMOTE_PAYLOAD_MAX + 1, REMOTE_EVAL, NULL, 0), -EMSGSIZE);
	assert_int_equal(says(true, REMOTE_PAYLOAD_MAX, REMOTE_EVAL, NULL, 0), 0);
	assert_int_equal(says(true, 8, REMOTE_EVAL, long_name, 2), -EMSGSIZE);
	assert_int_equal(says(true, 8, REMOTE_EVAL, missing_name, 2), -EPROTO);
	assert_int_equal(says(true, 12, REMOTE_EVAL, zero_name, 3), -EPROTO);
	assert_int_equal(says(false, 4, REMOTE_NAMES, long_name + 1, 1), -EPROTO);
	assert_int_equal(says(false, 8, REMOTE_NAMES, endless_name, 2), -EPROTO);
	assert_int_equal(says(true, 4, REMOTE_INTERRUPT, hello, 1), -EPROTO);
	assert_int_equal(says(true, 8, REMOTE_WIDTH, hello, 2), -EPROTO);
	assert_int_equal(says(false, 4, REMOTE_DONE, hello, 1), -EPROTO);
}

static void
too_long(void **state)
{
	uint32_t bytes = 8 + REMOTE_TEXT_MAX + 1;
	uint32_t *payload = calloc(1, bytes + 4);

	(void)state;
	assert_non_null(payload);
	assert_int_equal(says(true, bytes, REMOTE_EVAL, payload, (bytes + 3) / 4), -EMSGSIZE);
	assert_int_equal(says(true, bytes - 1, REMOTE_EVAL, payload, (bytes + 3) / 4), 1);
	free(payload);
}

static unsigned asked;

static bool
give_up_later(void *arg)
{
	(void)arg;
	return ++asked == 3;
}

static void *
read_all(void *arg)
{
	struct remote_reader r = {.daemon = false};
	struct remote_message msg;
	static size_t total;

	total = 0;
	while (remote_reader_fill(&r, *(int *)arg) != 0)
		while (remote_reader_next(&r, &msg) == 1)
			total += msg.text_bytes;
	remote_reader_free(&r);
	return &total;
}

static void
nobody_reads(void **state)
{
	char *text = calloc(1, REMOTE_TEXT_MAX);
	const struct remote_message out = {
		.type = REMOTE_OUT, .text = text, .text_bytes = REMOTE_TEXT_MAX};
	pthread_t thread;
	void *total;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	asked = 0;
	assert_int_equal(remote_send(pair[0], &out, give_up_later, NULL), -ECANCELED);
	assert_int_equal(asked, 3);
	close(pair[1]);
	assert_int_equal(remote_send(pair[0], &out, NULL, NULL), -EPIPE);
	close(pair[0]);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &pair[1]), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(remote_send(pair[0], &out, NULL, NULL), 0);
	close(pair[0]);
	pthread_join(thread, &total);
	assert_int_equal(*(size_t *)total, 4 * REMOTE_TEXT_MAX);
	close(pair[1]);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sent),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_long),
		cmocka_unit_test(nobody_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
