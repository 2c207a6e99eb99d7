/*
 * dp/backlog: records in a ring of bytes; see backlog.h.  Engine thread, or control while no
 * engine runs.  Invariant: tail - head <= bytes, and from head to tail there are npkts records.
 */
#include "backlog.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct dp_record) == DP_BACKLOG_ALIGN, "a record's head is never split");

static uint64_t
at(const struct dp_backlog *b, uint64_t position)
{
	return position % b->bytes;
}

/* In two pieces, if the memory ends in between. */
static void
bytes_in(struct dp_backlog *b, uint64_t position, const uint8_t *data, uint32_t len)
{
	uint64_t from = at(b, position), first = b->bytes - from;

	if (first >= len) {
		memcpy(b->mem + from, data, len);
		return;
	}
	memcpy(b->mem + from, data, first);
	memcpy(b->mem, data + first, len - first);
}

static void
bytes_out(const struct dp_backlog *b, uint64_t position, uint8_t *data, uint32_t len)
{
	uint64_t from = at(b, position), first = b->bytes - from;

	if (first >= len) {
		memcpy(data, b->mem + from, len);
		return;
	}
	memcpy(data, b->mem + from, first);
	memcpy(data + first, b->mem, len - first);
}

static void
record_in(struct dp_backlog *b, uint64_t position, const struct dp_record *record,
	const uint8_t *data)
{
	memcpy(b->mem + at(b, position), record, sizeof(*record));
	bytes_in(b, position + sizeof(*record), data, record->len);
	b->npkts++;
}

static const struct dp_record *
record_at(const struct dp_backlog *b, uint64_t position)
{
	return (const struct dp_record *)(const void *)(b->mem + at(b, position));
}

void
dp_backlog_push(struct dp_backlog *b, const struct dp_record *record, const uint8_t *data)
{
	record_in(b, b->tail, record, data);
	b->tail += dp_backlog_cost(record->len);
}

/* Positions stay positive: a lap of the memory changes nothing. */
void
dp_backlog_unshift(struct dp_backlog *b, const struct dp_record *record, const uint8_t *data)
{
	if (b->head < b->bytes) {
		b->head += b->bytes;
		b->tail += b->bytes;
	}
	b->head -= dp_backlog_cost(record->len);
	record_in(b, b->head, record, data);
}

const struct dp_record *
dp_backlog_first(const struct dp_backlog *b)
{
	return record_at(b, b->head);
}

/* Empty, it begins at the front again: what was written last is warm. */
void
dp_backlog_take(struct dp_backlog *b, uint8_t *to)
{
	const struct dp_record *record = dp_backlog_first(b);

	if (to != NULL)
		bytes_out(b, b->head + sizeof(*record), to, record->len);
	b->head += dp_backlog_cost(record->len);
	if (--b->npkts == 0)
		b->head = b->tail = 0;
}

uint64_t
dp_backlog_cut(struct dp_backlog *b, uint64_t bytes)
{
	uint64_t end = b->head, kept = 0, before = b->npkts;

	while (kept < before) {
		uint64_t cost = dp_backlog_cost(record_at(b, end)->len);

		if (end + cost - b->head > bytes)
			break;
		end += cost;
		kept++;
	}
	b->tail = end;
	b->npkts = kept;
	if (kept == 0)
		b->head = b->tail = 0;
	return before - kept;
}
