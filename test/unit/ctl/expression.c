/*
 * Test of ctl/expression: what compiles means what the header says; what does not is told with
 * its place; several threads at once.
 */
#include "expression.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct ctl_filter_link ether = {.linktype = 1}, loopback = {.linktype = 0},
				    other_loopback = {.linktype = 0, .swapped = true},
				    raw = {.linktype = 101};

static struct ctl_err err;

/* Each is refused, at that word and position (0: without). */
static const struct {
	const char *expression, *cause, *word;
	unsigned position;
} wrong[] = {
	{"tcp prot 80", "syntax error", "prot", 5},
	{"prot", "", "prot", 1},
	{"udp or or tcp", "syntax error", "or", 8},
	{"tcp port 80 and prot 3 or udp", "prot", "prot", 17},
	{"(tcp or udp) and) ip6", "syntax error", ")", 17},
	{"tcp)", "syntax error", ")", 4},
	{"  tcp\n\tudp", "syntax error", "udp", 8},
	{"vlan 5000", "4095", "5000", 6},
	{"port 70000", "65535", "70000", 6},
	{"udp and port 70000 and tcp", "65535", "70000", 14},
	{"net 1.2.3.4/33", "mask", "1.2.3.4/33", 5},
	{"tcp port nosuchport", "unknown port", "nosuchport", 10},
	{"port xyz and xyz", "unknown port", "xyz", 6},
	{"ip proto nosuchproto and tcp", "unknown", "nosuchproto", 10},
	{"udp and tcp[2:3] = 4", "data size", "[2:3]", 12},
	{"ether host 1.2.3.4 or arp", "illegal", "1.2.3.4", 12},
	{"tcp and $", "syntax error", "$", 9},
	{"len > 4294967296", "4294967296", "4294967296", 7},
	{"tcp and inbound", "savefile", "inbound", 9},
	{"tcp port", "syntax error", "at its end", 9},
	{"(tcp or udp", "syntax error", "at its end", 12},
	{"tcp and ", "syntax error", "at its end", 9},
	{"!", "syntax error", "at its end", 2},
	{"ip and arp", "rejects all packets", NULL, 0},
};

static const char *const sentences[][2] = {
	{"tcp prot 80", "filter \"tcp prot 80\": syntax error at \"prot\" (position 5)"},
	{"tcp port", "filter \"tcp port\": syntax error at its end (position 9)"},
	{"tcp and port xyz", "filter \"tcp and port xyz\": unknown port 'xyz' (position 14)"},
	{"len / 0 = 1", "filter \"len / 0 = 1\": division by zero, at \"0\" (position 7)"},
	{"ip and arp", "filter \"ip and arp\": expression rejects all packets"},
};

static void
assert_has(const char *part)
{
	if (strstr(err.text, part) == NULL)
		fail_msg("no '%s' in: %s", part, err.text);
}

static void
refusals(void **state)
{
	struct pkt_filter filter;
	char part[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (ctl_filter_compile(&filter, wrong[i].expression, &ether, &err) != -EINVAL)
			fail_msg("not refused: %s", wrong[i].expression);
		assert_has("filter \"");
		assert_has(wrong[i].cause);
		assert_null(strpbrk(err.text, "\n\t"));
		assert_int_equal(strstr(err.text, "position") != NULL, wrong[i].position > 0);
		if (wrong[i].position == 0)
			continue;
		assert_has(wrong[i].word);
		snprintf(part, sizeof(part), "(position %u)", wrong[i].position);
		assert_has(part);
	}
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++) {
		assert_int_equal(
			ctl_filter_compile(&filter, sentences[i][0], &ether, &err), -EINVAL);
		assert_string_equal(err.text, sentences[i][1]);
	}
}

/* Of a long expression the place of the error is shown, and everything fits. */
static void
long_expressions(void **state)
{
	static char text[20000];
	struct pkt_filter filter;
	size_t len = 0;

	for (int i = 0; len < 12000; i++)
		len += (size_t)sprintf(
			text + len, i == 300 ? "or udp prot %d " : "or port %d ", 1000 + i);
	memcpy(text, "  ", 2);
	assert_int_equal(ctl_filter_compile(&filter, text, &ether, &err), -EINVAL);
	assert_has("port 1299 or udp prot 1300 or port 1301");
	assert_has("at \"prot\" (position ");
	assert_int_equal(
		atoi(strstr(err.text, "position ") + 9), strstr(text, "prot") - text + 1);
	assert_true(strlen(err.text) < 300);
	memset(text, 'x', 19999);
	memcpy(text, "vlan tcp ", 9);
	assert_int_equal(ctl_filter_compile(&filter, text, &ether, &err), -EINVAL);
	assert_true(strlen(err.text) < CTL_ERR_MAX - 1);
}

/* Ethernet, some tags, IPv4, TCP. */
static uint32_t
frame(uint8_t *out, const uint16_t *tags, int ntags)
{
	static const uint8_t ip[] = {0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0,
		0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0,
		0, 0, 0};
	uint8_t *p = out + 12;

	memset(out, 2, 12);
	for (int i = 0; i < ntags; i++, p += 4)
		memcpy(p, (uint8_t[]){0x81, 0, (uint8_t)(tags[i] >> 8), (uint8_t)tags[i]}, 4);
	memcpy(p, ip, sizeof(ip));
	return (uint32_t)(p - out + (int)sizeof(ip));
}

static bool
matches(const char *expression, const uint8_t *data, uint32_t len)
{
	struct pkt_filter filter;
	bool yes;

	if (ctl_filter_compile(&filter, expression, &ether, &err) != 0)
		fail_msg("%s", err.text);
	yes = pkt_filter_match(&filter, data, len, len);
	ctl_filter_free(&filter);
	assert_null(filter.insns);
	ctl_filter_free(&filter);
	return yes;
}

/* Expression, and whether it matches no tag, tag 7, tags 5 and 7. */
static void
tags(void **state)
{
	static const struct {
		const char *expression;
		bool yes[3];
	} cases[] = {
		{"", {1, 1, 1}},
		{"tcp", {1, 0, 0}},
		{"tcp port 80", {1, 0, 0}},
		{"vlan", {0, 1, 1}},
		{"vlan 7", {0, 1, 0}},
		{"vlan 7 and tcp", {0, 1, 0}},
		{"vlan 5 and vlan 7 and tcp", {0, 0, 1}},
		{"vlan 7 and vlan 5 and tcp", {0, 0, 0}},
		{"tcp or (vlan and tcp)", {1, 1, 0}},
		{"tcp or (vlan and (tcp or (vlan and tcp)))", {1, 1, 1}},
		{"vlan or tcp", {0, 1, 1}},
	};
	uint8_t bytes[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int n = 0; n < 3; n++) {
			uint32_t len = frame(bytes, (uint16_t[]){n == 1 ? 7 : 5, 7}, n);

			if (matches(cases[i].expression, bytes, len) != cases[i].yes[n])
				fail_msg("%s: %d tags", cases[i].expression, n);
		}
	}
}

static void
other_arguments(void **state)
{
	static const uint32_t snaplens[] = {0, 1, 64, 262144, 262145, UINT32_MAX};
	struct pkt_filter filter;

	for (size_t i = 0; i < sizeof(snaplens) / sizeof(*snaplens); i++) {
		uint8_t bytes[128];
		uint32_t len = frame(bytes, NULL, 0);

		assert_int_equal(ctl_filter_compile(&filter, "tcp",
					 &(struct ctl_filter_link){
						 .linktype = 1, .snaplen = snaplens[i]},
					 &err),
			0);
		assert_true(filter.ninsns > 0);
		assert_true(pkt_filter_match(&filter, bytes, len, len));
		ctl_filter_free(&filter);
	}
	/* Raw IP has no VLAN tags. */
	assert_int_equal(ctl_filter_compile(&filter, "vlan 3", &raw, &err), -EINVAL);
	assert_has("filter \"vlan 3\"");
}

/* The family of LINKTYPE_NULL is the writer's: its number by its system, in its byte
 * order. */
static void
loopbacks(void **state)
{
	static const uint32_t inet6[] = {24, 28, 30};
	uint8_t bytes[44] = {[4] = 0x60, [10] = 6};
	struct pkt_filter native, other;

	assert_int_equal(ctl_filter_compile(&native, "ip6 and tcp", &loopback, &err), 0);
	assert_int_equal(ctl_filter_compile(&other, "ip6 and tcp", &other_loopback, &err), 0);
	for (size_t i = 0; i < 3; i++) {
		uint32_t family = inet6[i];

		memcpy(bytes, &family, 4);
		assert_true(pkt_filter_match(&native, bytes, 44, 44));
		assert_false(pkt_filter_match(&other, bytes, 44, 44));
		family = __builtin_bswap32(family);
		memcpy(bytes, &family, 4);
		assert_false(pkt_filter_match(&native, bytes, 44, 44));
		assert_true(pkt_filter_match(&other, bytes, 44, 44));
	}
	ctl_filter_free(&native);
	ctl_filter_free(&other);
}

static void *
compile_often(void *arg)
{
	for (int i = 0; i < 100; i++) {
		struct pkt_filter filter;
		struct ctl_err mine;

		if (ctl_filter_compile(&filter, "tcp port 80 and host 10.0.0.1", &ether, &mine))
			return arg;
		ctl_filter_free(&filter);
		if (ctl_filter_compile(&filter, "tcp port 80 and hots 10.0.0.1", &ether,
			    &mine) != -EINVAL ||
			strstr(mine.text, "'hots' (position 17)") == NULL)
			return arg;
	}
	return NULL;
}

static void
threads(void **state)
{
	pthread_t thread[3];
	void *failed;

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, compile_often, thread), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
		cmocka_unit_test(other_arguments),
		cmocka_unit_test(loopbacks),
		cmocka_unit_test(refusals),
		cmocka_unit_test(long_expressions),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
