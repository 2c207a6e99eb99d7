/*
 * metrics/page: the text of a scrape while it is made: the tape, what is on it (items: engines,
 * links, channels, groups, each with its labels), and the text so far.  Families (families.c)
 * say what is written of each item.
 */
#ifndef PACF_METRICS_PAGE_H
#define PACF_METRICS_PAGE_H

#include "counters.h"
#include "metrics.h"
#include "tape.h"

/* buf.c: text that grows; without memory it fails, for ever. */
struct buf {
	char *bytes;
	size_t len, room;
	bool failed;
};
void buf_add(struct buf *buf, const char *text);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *buf, const char *fmt, ...);
/* As between quotes of a label's value; bytes that are no UTF-8 become \xff, spelled out. */
void buf_label(struct buf *buf, const char *value);
/* As in a line of HELP. */
void buf_help(struct buf *buf, const char *text);

struct item {
	enum ctl_scope scope;
	uint32_t table; /* on the tape */
	size_t labels;	/* in page->labels: engine="e0",channel="pacf:eth3{0" */
};
struct page {
	enum metrics_format format;
	struct tape tape;
	struct buf labels, text;
	struct item *items;
	uint32_t nitems;
};

/* A family's first lines; name without _total, which counters get where they must. */
enum page_type { PAGE_COUNTER, PAGE_GAUGE };
void page_head(struct page *page, const char *name, enum page_type type, const char *help);
/* name{labels,more} value; more: "" or label="value". */
void page_num(struct page *page, const char *name, const struct item *item, const char *more,
	uint64_t value);

/* families.c: everything. */
void families_write(struct page *page);

#endif
