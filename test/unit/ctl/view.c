/*
 * rig: see rig.h; here the statistics: a visitor that keeps every value under its path.
 */
#include "rig.h"

#include <stdio.h>

#define MAX_VALUES 20000
#define MAX_DEPTH  8

struct value {
	char path[96], text[128];
	uint64_t num;
};
static struct value values[MAX_VALUES];
static uint32_t nvalues;

static struct level {
	char path[96];
	uint32_t items; /* unnamed members so far */
} levels[MAX_DEPTH];
static int depth;

static void
join(char *out, size_t size, const char *key)
{
	struct level *at = &levels[depth];
	char number[16];

	if (key == NULL) {
		snprintf(number, sizeof(number), "%u", at->items++);
		key = number;
	}
	if (snprintf(out, size, "%s%s%s", at->path, at->path[0] ? "." : "", key) >= (int)size)
		fail_msg("path of \"%s\" is too long", key);
}

static void
visit_open(void *arg, const char *key)
{
	assert_true(depth + 1 < MAX_DEPTH);
	if (depth < 0)
		levels[0].path[0] = '\0'; /* the root has no name */
	else
		join(levels[depth + 1].path, sizeof(levels[0].path), key);
	levels[++depth].items = 0;
}

static void
visit_close(void *arg)
{
	assert_true(depth >= 0);
	depth--;
}

static struct value *
value_add(const char *key)
{
	struct value *v = &values[nvalues++];

	assert_true(nvalues < MAX_VALUES && depth >= 0 && key != NULL);
	join(v->path, sizeof(v->path), key);
	v->text[0] = '\0';
	v->num = 0;
	return v;
}

static void
visit_str(void *arg, const char *key, const char *text)
{
	snprintf(value_add(key)->text, sizeof(values[0].text), "%s", text);
}

static void
visit_num(void *arg, const char *key, uint64_t num)
{
	value_add(key)->num = num;
}

static void
visit_real(void *arg, const char *key, double real)
{
	assert_true(real >= 0);
	value_add(key);
}

void
view_take(const char *engine)
{
	const struct ctl_visitor v = {
		NULL, visit_open, visit_close, visit_str, visit_num, visit_real};

	nvalues = 0;
	depth = -1;
	OK(ctl_visit(ctl, engine, &v, &err));
	assert_int_equal(depth, -1); /* every table was closed */
}

int
view_explain(const char *engine, const char *file, uint64_t packet)
{
	const struct ctl_explain_args args = {engine, file, packet, rig_breaker};
	const struct ctl_visitor v = {
		NULL, visit_open, visit_close, visit_str, visit_num, visit_real};
	int rc;

	nvalues = 0;
	depth = -1;
	rc = ctl_explain(ctl, &args, &v, &err);
	assert_int_equal(depth, -1);
	return rc;
}

static const struct value *
find(const char *path)
{
	for (uint32_t i = 0; i < nvalues; i++)
		if (strcmp(values[i].path, path) == 0)
			return &values[i];
	return NULL;
}

bool
view_has(const char *path)
{
	return find(path) != NULL;
}

uint64_t
view_num(const char *path)
{
	if (find(path) == NULL)
		fail_msg("no \"%s\" in the statistics", path);
	return find(path)->num;
}

const char *
view_str(const char *path)
{
	if (find(path) == NULL)
		fail_msg("no \"%s\" in the statistics", path);
	return find(path)->text;
}

/* The sum of the members of a list. */
static uint64_t
sum(const char *list, const char *key)
{
	uint64_t total = 0;
	char path[96];

	for (uint32_t i = 0;; i++) {
		snprintf(path, sizeof(path), "%s.%u.%s", list, i, key);
		if (!view_has(path))
			return total;
		total += view_num(path);
	}
}

static void
channel_check(uint32_t i)
{
	static const char *const parts[] = {"delivered_pkts", "drop_ring_full_pkts",
		"drop_large_full_pkts", "drop_no_consumer_pkts", "drop_sink_error_pkts",
		"filtered_pkts", "unsampled_pkts", "drop_hold_full_pkts",
		"drop_disk_slow_pkts"};
	uint64_t total = 0;
	char path[96];

	for (int k = 0; k < 9; k++) {
		snprintf(path, sizeof(path), "channels.%u.%s", i, parts[k]);
		total += view_num(path);
	}
	snprintf(path, sizeof(path), "channels.%u.held", i);
	if (view_has(path))
		total += view_num(path);
	snprintf(path, sizeof(path), "channels.%u.received_pkts", i);
	assert_int_equal(view_num(path), total);
}

void
view_check_ledger(void)
{
	uint64_t received = view_num("counters.received_pkts"), reasons = 0, sampled = 0;
	char path[96];

	assert_int_equal(received, sum("links", "received_pkts"));
	assert_int_equal(view_num("counters.received_bytes"), sum("links", "received_bytes"));
	assert_int_equal(received, view_num("counters.distributed_pkts") +
					   view_num("counters.drop_rule_pkts") +
					   view_num("counters.drop_no_channel_pkts"));
	for (uint32_t i = 0; i < nvalues; i++)
		if (strncmp(values[i].path, "reasons.", 8) == 0)
			reasons += values[i].num;
	assert_int_equal(view_num("counters.distributed_pkts"), reasons);
	for (uint32_t i = 0;
		snprintf(path, sizeof(path), "channels.%u.action", i), view_has(path); i++) {
		channel_check(i);
		if (strcmp(view_str(path), "SAMPLE") != 0)
			continue;
		snprintf(path, sizeof(path), "channels.%u.received_pkts", i);
		sampled += view_num(path);
	}
	sampled += sum("groups", "closed.received_pkts");
	assert_int_equal(sampled, sum("groups", "received_pkts"));
}
