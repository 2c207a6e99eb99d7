/*
 * Test of metrics/accept and metrics/address: which format which request gets, and where a
 * server listens.
 */
#include "http.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OPEN "application/openmetrics-text"

static void
formats(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {{NULL, METRICS_TEXT}, {"", METRICS_TEXT}, {"*/*", METRICS_TEXT},
		{"text/html,application/xhtml+xml,*/*;q=0.8", METRICS_TEXT},
		{OPEN, METRICS_OPENMETRICS},
		{"Application/OpenMetrics-Text", METRICS_OPENMETRICS},
		/* Prometheus 2.42 */
		{OPEN ";version=1.0.0," OPEN ";version=0.0.1;q=0.75,text/plain;version=0.0.4;"
		      "q=0.5,*/*;q=0.1",
			METRICS_OPENMETRICS},
		/* Prometheus 3 */
		{OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPEN
		      ";version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;"
		      "version=0.0.4;q=0.3,*/*;q=0.2",
			METRICS_OPENMETRICS},
		{"text/plain ; q=0.9 , " OPEN " ; q=0.901", METRICS_OPENMETRICS},
		{"text/plain;q=0.9," OPEN ";q=0.89", METRICS_TEXT},
		{"text/plain," OPEN ";q=0.5", METRICS_TEXT}, {OPEN ";q=0", METRICS_TEXT},
		{OPEN ";version=0.0.1", METRICS_TEXT}, {OPEN ";q=x", METRICS_TEXT},
		{OPEN "x", METRICS_TEXT}, {OPEN ";version=\"1.0.0\"", METRICS_OPENMETRICS},
		{",;,;;q=;q,=;" OPEN, METRICS_TEXT}, {";;,," OPEN ",", METRICS_OPENMETRICS},
		{"text/plain;q=1.5," OPEN ";q=2", METRICS_TEXT}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_format(cases[i].accept) != cases[i].format)
			fail_msg("%s: the other format", cases[i].accept);
}

static void
wrong_addresses(void **state)
{
	static const char *const wrong[] = {"", ":", "9464", ":9464", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536",
		"127.0.0.1:000001", "127.0.0.1:1 ", "::1:9464", "[::1]", "[::1]9464",
		"[127.0.0.1]:9464", "[]:9464", "[:9464", "localhost:9464", "256.0.0.1:9464",
		"127.0.0.1:9464:9464",
		"1111111111111111111111111111111111111111111111111111111111111111111:1"};
	char address[METRICS_ADDRESS_MAX], text[128];
	struct ctl_err err;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (http_listen(wrong[i], address, &fd, &err) != -EINVAL)
			fail_msg("%s was taken", wrong[i]);
		snprintf(text, sizeof(text), "cannot serve metrics at \"%.64s\": it must be",
			wrong[i]);
		assert_memory_equal(err.text, text, strlen(text));
	}
	/* Documentation's: nobody has it. */
	assert_true(http_listen("192.0.2.1:9464", address, &fd, &err) < 0);
	assert_non_null(strstr(err.text, "192.0.2.1:9464"));
}

static void
listens(void **state)
{
	static const char *const any[] = {"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"};
	char address[METRICS_ADDRESS_MAX], again[METRICS_ADDRESS_MAX];
	struct ctl_err err;
	int fd, second;

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (http_listen(any[i], address, &fd, &err) < 0) {
			if (any[i][0] == '[' && access("/proc/net/if_inet6", F_OK) != 0)
				continue; /* a system without IPv6 */
			fail_msg("%s", err.text);
		}
		/* The same, but for the port. */
		assert_memory_equal(address, any[i], strlen(any[i]) - 1);
		assert_true(atoi(strrchr(address, ':') + 1) > 0);
		assert_int_equal(http_listen(address, again, &second, &err), -EADDRINUSE);
		assert_non_null(strstr(err.text, "choose another port"));
		close(fd);
		assert_int_equal(http_listen(address, again, &second, &err), 0);
		assert_string_equal(address, again);
		close(second);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(wrong_addresses),
		cmocka_unit_test(listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
