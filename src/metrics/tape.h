/*
 * metrics/tape: a walk of ctl_visit, written down under ctl's lock to be read at leisure: one
 * record for each figure and each table, in the order of the walk.  A table is told by the
 * number of its record.
 */
#ifndef PACF_METRICS_TAPE_H
#define PACF_METRICS_TAPE_H

#include "ctl.h"

#include <stdbool.h>
#include <stddef.h>

#define TAPE_DEPTH 16

enum tape_kind { TAPE_TABLE, TAPE_STR, TAPE_NUM, TAPE_REAL };
struct tape_rec {
	enum tape_kind kind;
	uint32_t key; /* in text; "" for members of a list */
	union {
		uint64_t num;
		double real;
		uint32_t str; /* in text */
		uint32_t end; /* of a table: the first record that is not in it */
	} value;
};
struct tape {
	struct tape_rec *recs;
	char *text;
	uint32_t nrecs, recs_room, ntext, text_room;
	uint32_t open[TAPE_DEPTH], depth;
	bool failed; /* no memory, or too deep */
};

/* Of all engines; record 0 is the table of them.  -ENOMEM.  tape_free in any case. */
int tape_take(struct tape *tape, struct ctl *ctl);
void tape_free(struct tape *tape);

uint32_t tape_next(const struct tape *tape, uint32_t rec);
#define TAPE_FOREACH(tape, table, rec)                                        \
	for (uint32_t rec = (table) + 1; rec < (tape)->recs[table].value.end; \
		rec = tape_next(tape, rec))
const char *tape_key(const struct tape *tape, uint32_t rec);
/* The member of that name and kind; 0: there is none. */
uint32_t tape_find(
	const struct tape *tape, uint32_t table, const char *key, enum tape_kind kind);
/* "" if there is none. */
const char *tape_str(const struct tape *tape, uint32_t table, const char *key);

#endif
