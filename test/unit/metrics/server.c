/*
 * Test of metrics/server: requests over real sockets, many at once, while the server moves and
 * stops; connections that hold what they have keep nobody out.
 */
#include "double.h"
#include "metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS	25
#define IDLE	100

static char address[METRICS_ADDRESS_MAX];

/* A connection to the address, or -1. */
static int
connected(const char *where)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	to.sin_port = htons((uint16_t)atoi(strrchr(where, ':') + 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The whole answer, "" if there is none; the caller's to free. */
static char *
asked(const char *where, const char *request)
{
	size_t len = 0, room = 1 << 20;
	char *text = malloc(room);
	int fd = connected(where);
	ssize_t n = 1;

	if (fd >= 0 &&
		send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		while (n > 0 && len < room - 1) {
			n = recv(fd, text + len, room - 1 - len, 0);
			len += n > 0 ? (size_t)n : 0;
		}
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return text;
}

/* Is this the answer's status, and is this in it? */
static bool
answers(const char *request, const char *status, const char *in)
{
	char *text = asked(address, request);
	bool good = strncmp(text, "HTTP/1.1 ", 9) == 0 &&
		    strncmp(text + 9, status, strlen(status)) == 0 && strstr(text, in) != NULL;

	if (!good)
		print_error("%.40s: %.300s\n", request, text);
	free(text);
	return good;
}

#define GET "GET /metrics HTTP/1.1\r\nHost: x\r\n"

static int
serve(void **state)
{
	struct ctl_err err;

	(void)state;
	double_engines = 1;
	if (metrics_serve(NULL, "127.0.0.1:0", address, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	metrics_stop();
	metrics_stop();
	assert_int_equal(connected(address), -1);
	return 0;
}

static void
requests(void **state)
{
	(void)state;
	assert_true(answers(GET "\r\n", "200", "\npacf_engine_failed{engine=\"e0\"} 0\n"));
	assert_true(answers(GET "\r\n", "200", "text/plain; version=0.0.4"));
	assert_true(answers(
		GET "Accept: application/openmetrics-text\r\n\r\n", "200", "\n# EOF\n"));
	assert_true(answers("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404", "/metrics"));
	assert_true(answers("PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n",
		"405", "Allow: GET, HEAD"));
	assert_true(answers(
		"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200", "Content-Length: "));
}

static void
idle_connections(void **state)
{
	int fds[IDLE];

	(void)state;
	for (int i = 0; i < IDLE; i++) {
		fds[i] = connected(address);
		assert_true(fds[i] >= 0);
		assert_true(send(fds[i], GET, sizeof(GET) - 1, MSG_NOSIGNAL) > 0 || i < IDLE);
	}
	assert_true(answers(GET "\r\n", "200", "pacf_engine_failed"));
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
}

static void *
scrapes(void *arg)
{
	const char *where = arg;
	size_t good = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char *text = asked(where, GET "\r\n");

		good += strstr(text, "pacf_build_info") != NULL;
		free(text);
	}
	return (void *)(uintptr_t)good;
}

/* All are answered while nobody stops the server, and none is waited for when somebody does. */
static void
many_at_once(void **state)
{
	pthread_t threads[THREADS];
	struct ctl_err err;
	char first[METRICS_ADDRESS_MAX], again[METRICS_ADDRESS_MAX];
	void *good;

	(void)state;
	double_engines = 20;
	memcpy(first, address, sizeof(first));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrapes, first), 0);
	for (int i = 0; i < 3; i++) { /* asked for where it is: nothing happens */
		assert_int_equal(metrics_serve(NULL, first, again, &err), 0);
		assert_string_equal(first, again);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &good), 0);
		assert_int_equal((uintptr_t)good, ROUNDS);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrapes, first), 0);
	/* A leading zero makes it another wish. */
	assert_int_equal(metrics_serve(NULL, "127.0.0.1:00", address, &err), 0);
	assert_string_not_equal(first, address);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], &good), 0);
	assert_int_equal(connected(first), -1);
	assert_true(answers(GET "\r\n", "200", "engine=\"e19\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests, serve, stop),
		cmocka_unit_test_setup_teardown(idle_connections, serve, stop),
		cmocka_unit_test_setup_teardown(many_at_once, serve, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
