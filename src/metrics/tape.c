/*
 * metrics/tape: see tape.h.  The visitor's functions run under ctl's lock: they copy, no more.
 */
#include "tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more of size bytes each; NULL: none. */
static void *
grow(void *list, uint32_t *room, uint32_t used, size_t n, size_t size)
{
	size_t more = ((size_t)used + n) * 2 + 256;
	void *bigger;

	if (used + n <= *room)
		return list;
	if (more > UINT32_MAX)
		return NULL;
	bigger = realloc(list, more * size);
	if (bigger != NULL)
		*room = (uint32_t)more;
	return bigger;
}

static uint32_t
text_add(struct tape *tape, const char *text)
{
	size_t bytes = text != NULL ? strlen(text) + 1 : 1;
	char *bigger = grow(tape->text, &tape->text_room, tape->ntext, bytes, 1);
	uint32_t at = tape->ntext;

	if (bigger == NULL) {
		tape->failed = true;
		return 0;
	}
	tape->text = bigger;
	memcpy(tape->text + at, text != NULL ? text : "", bytes);
	tape->ntext += (uint32_t)bytes;
	return at;
}

static struct tape_rec *
rec_add(struct tape *tape, enum tape_kind kind, const char *key)
{
	static struct tape_rec nowhere;
	struct tape_rec *bigger;

	if (tape->failed)
		return &nowhere;
	bigger = grow(tape->recs, &tape->recs_room, tape->nrecs, 1, sizeof(*bigger));
	if (bigger == NULL) {
		tape->failed = true;
		return &nowhere;
	}
	tape->recs = bigger;
	bigger += tape->nrecs++;
	bigger->kind = kind;
	bigger->key = text_add(tape, key);
	return bigger;
}

static void
on_open(void *arg, const char *key)
{
	struct tape *tape = arg;
	uint32_t at = tape->nrecs;

	rec_add(tape, TAPE_TABLE, key);
	if (tape->depth == TAPE_DEPTH)
		tape->failed = true;
	if (!tape->failed)
		tape->open[tape->depth++] = at;
}

static void
on_close(void *arg)
{
	struct tape *tape = arg;

	if (!tape->failed)
		tape->recs[tape->open[--tape->depth]].value.end = tape->nrecs;
}

static void
on_str(void *arg, const char *key, const char *value)
{
	struct tape *tape = arg;
	uint32_t str = text_add(tape, value);

	rec_add(tape, TAPE_STR, key)->value.str = str;
}

static void
on_num(void *arg, const char *key, uint64_t value)
{
	rec_add(arg, TAPE_NUM, key)->value.num = value;
}

static void
on_real(void *arg, const char *key, double value)
{
	rec_add(arg, TAPE_REAL, key)->value.real = value;
}

int
tape_take(struct tape *tape, struct ctl *ctl)
{
	const struct ctl_visitor v = {tape, on_open, on_close, on_str, on_num, on_real};
	struct ctl_err err;
	int rc;

	memset(tape, 0, sizeof(*tape));
	rc = ctl_visit(ctl, NULL, &v, &err);
	return rc < 0 ? rc : tape->failed ? -ENOMEM : 0;
}

void
tape_free(struct tape *tape)
{
	free(tape->recs);
	free(tape->text);
}

uint32_t
tape_next(const struct tape *tape, uint32_t rec)
{
	return tape->recs[rec].kind == TAPE_TABLE ? tape->recs[rec].value.end : rec + 1;
}

const char *
tape_key(const struct tape *tape, uint32_t rec)
{
	return tape->text + tape->recs[rec].key;
}

uint32_t
tape_find(const struct tape *tape, uint32_t table, const char *key, enum tape_kind kind)
{
	TAPE_FOREACH(tape, table, rec)
	if (tape->recs[rec].kind == kind && strcmp(tape_key(tape, rec), key) == 0)
		return rec;
	return 0;
}

const char *
tape_str(const struct tape *tape, uint32_t table, const char *key)
{
	uint32_t rec = tape_find(tape, table, key, TAPE_STR);

	return rec != 0 ? tape->text + tape->recs[rec].value.str : "";
}
