/*
 * Test of metrics/page, families, tape and buf: what a scrape of a known control plane says,
 * line by line; that no counter is missing; and that all of it is text that can be parsed.
 */
#include "double.h"
#include "page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t bytes;

static void
take(enum metrics_format format)
{
	free(text);
	assert_int_equal(metrics_write(NULL, format, &text, &bytes), 0);
	assert_int_equal(strlen(text), bytes);
}

static int
end(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	double_engines = 1;
	return 0;
}

/* Is it a whole line, once? */
static void
assert_line(const char *line)
{
	size_t len = strlen(line);
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, line)) != NULL; p += len)
		n += (p == text || p[-1] == '\n') && p[len] == '\n';
	if (n != 1)
		fail_msg("%u times, not once: %s\nin\n%s", n, line, text);
}

#define NAMED	"channel=\"pacf:\\\\xff\\\"\\\\\\n\xc3\xa9{0\""
#define CHANNEL "engine=\"e0\"," NAMED

static void
lines(void **state)
{
	static const char *const wanted[] = {
		"process_start_time_seconds 1700000000.123",
		"pacf_build_info{version=\"" PACF_VERSION "\"} 1",
		"pacf_engine_info{engine=\"e0\",type=\"pcap\",tunnels=\"\",memory=\"\"} 1",
		"pacf_engine_state{engine=\"e0\",state=\"stalled\"} 1",
		"pacf_engine_state{engine=\"e0\",state=\"running\"} 0",
		"pacf_engine_failed{engine=\"e0\"} 0",
		"pacf_engine_heartbeat_age_seconds{engine=\"e0\"} 2.500",
		"pacf_link_info{engine=\"e0\",link=\"eth3\",mode=\"zero\\n\\\"copy\\\"\","
		"stamps=\"\"} 1",
		"pacf_link_state{engine=\"e0\",link=\"eth3\",state=\"down\"} 1",
		"pacf_channel_attached{" CHANNEL "} 1",
		"pacf_channel_consumer_info{" CHANNEL ",program=\"tcpdump\"} 1",
		"pacf_channel_backlog_packets{" CHANNEL "} 12",
		"pacf_channel_held_packets{" CHANNEL "} 5",
		"pacf_channel_size_packets{" CHANNEL "} 4096",
		"pacf_engine_flow_packets_total{engine=\"e0\",reason=\"ok\"} 7",
		"# TYPE pacf_channel_delivered_packets_total counter",
		"# HELP pacf_channel_filtered_packets_total of received: not for this channel, "
		"because its filter does not match",
	};

	(void)state;
	take(METRICS_TEXT);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_line(wanted[i]);
	assert_null(strstr(text, "# EOF"));
}

/* The names are made here anew, by other means. */
static void
counter_line(const struct ctl_counter *c, uint64_t value, const char *scope, const char *labels)
{
	static const char *const causes[][2] = {{"source_drop_pkts", "source"},
		{"no_frame_pkts", "no_frame"}, {"oversize_pkts", "oversize"}};
	char line[512], name[64], *unit;
	const char *cause = NULL;

	snprintf(name, sizeof(name), "%s", c->name);
	unit = strrchr(name, '_');
	assert_non_null(unit);
	*unit++ = '\0';
	for (int i = 0; i < 3; i++)
		if (strcmp(c->name, causes[i][0]) == 0)
			cause = causes[i][1];
	if (strncmp(name, "drop_", 5) == 0)
		cause = name + 5;
	unit = strcmp(unit, "pkts") == 0 ? "packets" : unit;
	if (cause != NULL)
		snprintf(line, sizeof(line),
			"pacf_%s_dropped_%s_total{engine=\"e0\"%s,cause=\"%s\"} %llu", scope,
			unit, labels, cause, (unsigned long long)value);
	else
		snprintf(line, sizeof(line), "pacf_%s_%s_%s_total{engine=\"e0\"%s} %llu", scope,
			name, unit, labels, (unsigned long long)value);
	assert_line(line);
}

static void
every_counter(void **state)
{
	static const char *const scopes[] = {"engine", "link", "channel", "group"};
	static const char *const labels[] = {
		"", ",link=\"eth3\"", ("," NAMED), ",group=\"default\""};
	uint32_t n;
	const struct ctl_counter *all = ctl_counters(&n);

	(void)state;
	take(METRICS_TEXT);
	assert_true(n > 25);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t value = double_value(all[i].scope, i);

		counter_line(&all[i], value, scopes[all[i].scope], labels[all[i].scope]);
		if (all[i].scope == CTL_OF_CHANNEL)
			counter_line(&all[i], value, "group_closed", labels[CTL_OF_GROUP]);
	}
}

static void
openmetrics(void **state)
{
	(void)state;
	take(METRICS_OPENMETRICS);
	assert_line("# TYPE pacf_channel_delivered_packets counter");
	assert_line("# TYPE pacf_engine_flow_packets counter");
	assert_line("# TYPE pacf_engine_state gauge");
	assert_line("pacf_engine_flow_packets_total{engine=\"e0\",reason=\"ok\"} 7");
	assert_string_equal(text + bytes - 6, "# EOF\n");
}

/* Families are in one piece, whatever there is: HELP, TYPE, then samples of that name only. */
static void
pieces(void **state)
{
	char family[128] = "";
	unsigned samples = 0;

	(void)state;
	double_engines = 300;
	take(METRICS_TEXT);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "),
				line + 7);
			assert_null(strchr(line, '"'));
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_memory_equal(line + 7, family, strlen(family));
		} else {
			assert_memory_equal(line, family, strlen(family));
			assert_true(strchr(" {", line[strlen(family)]) != NULL);
			samples++;
		}
	}
	assert_true(samples > 300 * 40);
	free(text);
	text = NULL;
	double_engines = 0;
	take(METRICS_OPENMETRICS);
	assert_line("pacf_build_info{version=\"" PACF_VERSION "\"} 1");
}

static void
labels(void **state)
{
	static const struct {
		const char *in, *out;
	} pairs[] = {{"", ""}, {"a b{}=,", "a b{}=,"}, {"\xc3", "\\\\xc3"},
		{"\xe2\x82\xac", "\xe2\x82\xac"}, {"\xe2\x82", "\\\\xe2\\\\x82"},
		{"\xc0\x80", "\\\\xc0\\\\x80"}, {"\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80"},
		{"\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"},
		{"\xf4\x90\x80\x80", "\\\\xf4\\\\x90\\\\x80\\\\x80"}, {"\x7f\t", "\x7f\t"}};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf buf = {0};

		buf_add(&buf, "");
		buf_label(&buf, pairs[i].in);
		assert_string_equal(buf.bytes, pairs[i].out);
		free(buf.bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test_teardown(lines, end),
		cmocka_unit_test_teardown(every_counter, end),
		cmocka_unit_test_teardown(openmetrics, end),
		cmocka_unit_test_teardown(pieces, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
