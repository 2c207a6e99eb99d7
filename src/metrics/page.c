/*
 * metrics/page: see page.h.  Called by the server for a scrape; between the tape and the text
 * no lock is held.
 */
#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
page_head(struct page *page, const char *name, enum page_type type, const char *help)
{
	/* Where OpenMetrics names the family, Prometheus's text names its samples. */
	const char *total =
		type == PAGE_COUNTER && page->format == METRICS_TEXT ? "_total" : "";

	buf_printf(&page->text, "# HELP %s%s ", name, total);
	buf_help(&page->text, help);
	buf_printf(&page->text, "\n# TYPE %s%s %s\n", name, total,
		type == PAGE_COUNTER ? "counter" : "gauge");
}

void
page_num(struct page *page, const char *name, const struct item *item, const char *more,
	uint64_t value)
{
	buf_printf(&page->text, "%s{%s%s%s} %llu\n", name, page->labels.bytes + item->labels,
		more[0] != '\0' ? "," : "", more, (unsigned long long)value);
}

static void
item_add(struct page *page, enum ctl_scope scope, uint32_t table, const char *engine,
	const char *label, const char *name)
{
	struct item *items = page->items;
	struct buf *labels = &page->labels;

	/* Doubles at every power of two. */
	if ((page->nitems & (page->nitems - 1)) == 0)
		items = realloc(items, (page->nitems * 2u + 1) * sizeof(*items));
	if (items == NULL) {
		labels->failed = true;
		return;
	}
	page->items = items;
	items[page->nitems++] = (struct item){scope, table, labels->len};
	buf_add(labels, "engine=\"");
	buf_label(labels, engine);
	if (label != NULL) {
		buf_printf(labels, "\",%s=\"", label);
		buf_label(labels, name);
	}
	buf_add(labels, "\"");
	labels->len++; /* past the end's 0 */
}

/* The members of one of an engine's lists. */
static void
items_of(struct page *page, uint32_t engine, const char *list, enum ctl_scope scope,
	const char *label, const char *named)
{
	const struct tape *tape = &page->tape;
	uint32_t table = tape_find(tape, engine, list, TAPE_TABLE);

	if (table == 0)
		return;
	TAPE_FOREACH(tape, table, member)
	item_add(page, scope, member, tape_key(tape, engine), label,
		tape_str(tape, member, named));
}

static void
items_find(struct page *page)
{
	const struct tape *tape = &page->tape;

	TAPE_FOREACH(tape, 0, engine)
	{
		item_add(page, CTL_OF_ENGINE, engine, tape_key(tape, engine), NULL, NULL);
		items_of(page, engine, "links", CTL_OF_LINK, "link", "ifname");
		items_of(page, engine, "channels", CTL_OF_CHANNEL, "channel", "channel");
		items_of(page, engine, "groups", CTL_OF_GROUP, "group", "group");
	}
}

static void
write_process(struct page *page, const struct ctl *ctl)
{
	page_head(page, "pacf_build_info", PAGE_GAUGE, "which Host PACF this is; always 1");
	buf_add(&page->text, "pacf_build_info{version=\"" PACF_VERSION "\"} 1\n");
	page_head(page, "process_start_time_seconds", PAGE_GAUGE,
		"when the daemon was started, in seconds since 1970");
	buf_printf(&page->text, "process_start_time_seconds %.3f\n",
		(double)ctl_started_ns(ctl) / 1e9);
}

int
metrics_write(struct ctl *ctl, enum metrics_format format, char **text, size_t *bytes)
{
	struct page page = {.format = format};
	int rc = tape_take(&page.tape, ctl);

	*text = NULL;
	if (rc == 0) {
		write_process(&page, ctl);
		items_find(&page);
		if (!page.labels.failed)
			families_write(&page);
		if (format == METRICS_OPENMETRICS)
			buf_add(&page.text, "# EOF\n");
		rc = page.labels.failed || page.text.failed ? -ENOMEM : 0;
	}
	tape_free(&page.tape);
	free(page.items);
	free(page.labels.bytes);
	if (rc < 0) {
		free(page.text.bytes);
		return rc;
	}
	*text = page.text.bytes;
	*bytes = page.text.len;
	return 0;
}
