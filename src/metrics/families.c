/*
 * metrics/families: what is written of engines, links, channels and groups.  Counters come from
 * ctl_counters, each under its name with the unit spelled out, so none can be forgotten; what
 * else there is stands in the table here.
 */
#include "page.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 96

struct family {
	enum ctl_scope scope;
	const char *name;
	/* Writes the samples of an item; keys: members of its table, or states. */
	void (*write)(struct page *page, const struct family *family, const struct item *item);
	const char *keys;
	const char *help;
};

/* Splits "a b c": the next word into word; false: none is left. */
static bool
next_word(const char **words, char word[32])
{
	size_t len = strcspn(*words, " ");

	snprintf(word, 32, "%.*s", (int)len, *words);
	*words += len + ((*words)[len] == ' ');
	return len > 0;
}

static void
write_num(struct page *page, const struct family *family, const struct item *item)
{
	uint32_t rec = tape_find(&page->tape, item->table, family->keys, TAPE_NUM);

	if (rec != 0)
		page_num(page, family->name, item, "", page->tape.recs[rec].value.num);
}

static void
write_seconds(struct page *page, const struct family *family, const struct item *item)
{
	uint32_t rec = tape_find(&page->tape, item->table, family->keys, TAPE_REAL);

	if (rec != 0)
		buf_printf(&page->text, "%s{%s} %.3f\n", family->name,
			page->labels.bytes + item->labels, page->tape.recs[rec].value.real);
}

/* Of a capture file, whose size is known. */
static void
write_file(struct page *page, const struct family *family, const struct item *item)
{
	uint32_t total = tape_find(&page->tape, item->table, "total_bytes", TAPE_NUM);

	if (total != 0 && page->tape.recs[total].value.num != 0)
		write_num(page, family, item);
}

/* Not of files, which have no queue. */
static void
write_queue(struct page *page, const struct family *family, const struct item *item)
{
	uint32_t size = tape_find(&page->tape, item->table, "size", TAPE_NUM);

	if (size != 0 && page->tape.recs[size].value.num != 0)
		write_num(page, family, item);
}

/* Always 1; the strings are labels, those that there are. */
static void
write_info(struct page *page, const struct family *family, const struct item *item)
{
	const char *words = family->keys;
	char word[32];

	buf_printf(&page->text, "%s{%s", family->name, page->labels.bytes + item->labels);
	while (next_word(&words, word)) {
		buf_printf(&page->text, ",%s=\"", word);
		buf_label(&page->text, tape_str(&page->tape, item->table, word));
		buf_add(&page->text, "\"");
	}
	buf_add(&page->text, "} 1\n");
}

static void
write_states(struct page *page, const struct family *family, const struct item *item)
{
	const char *words = family->keys, *state = tape_str(&page->tape, item->table, "state");
	char word[32], label[64];

	while (next_word(&words, word)) {
		snprintf(label, sizeof(label), "state=\"%s\"", word);
		page_num(page, family->name, item, label, strcmp(word, state) == 0);
	}
}

static void
write_failed(struct page *page, const struct family *family, const struct item *item)
{
	page_num(page, family->name, item, "",
		tape_find(&page->tape, item->table, "error", TAPE_STR) != 0);
}

/* Applications attach to pacf: channels only. */
static void
write_attached(struct page *page, const struct family *family, const struct item *item)
{
	if (strcmp(tape_str(&page->tape, item->table, "kind"), "pacf") == 0)
		page_num(page, family->name, item, "",
			strcmp(tape_str(&page->tape, item->table, "state"), "attached") == 0);
}

static void
write_consumer(struct page *page, const struct family *family, const struct item *item)
{
	if (tape_str(&page->tape, item->table, "program")[0] != '\0')
		write_info(page, family, item);
}

static void
write_reasons(struct page *page, const struct family *family, const struct item *item)
{
	const struct tape *tape = &page->tape;
	uint32_t table = tape_find(tape, item->table, family->keys, TAPE_TABLE);
	char label[64];

	if (table == 0)
		return;
	TAPE_FOREACH(tape, table, rec)
	{
		snprintf(label, sizeof(label), "reason=\"%s\"", tape_key(tape, rec));
		page_num(page, family->name, item, label, tape->recs[rec].value.num);
	}
}

static const struct family gauges[] = {
	{CTL_OF_ENGINE, "pacf_engine_info", write_info, "type tunnels memory",
		"type: what reads its links; tunnels: whose flow counts in them; memory: what "
		"its "
		"buffers are in; always 1"},
	{CTL_OF_ENGINE, "pacf_engine_state", write_states, "stopped running ended stalled",
		"1 for the state that the engine is in, 0 for the others"},
	{CTL_OF_ENGINE, "pacf_engine_failed", write_failed, NULL,
		"1 if a source has ended early, by an error"},
	{CTL_OF_ENGINE, "pacf_engine_heartbeat_age_seconds", write_seconds, "heartbeat_age_s",
		"how long ago the running engine's thread was last seen to turn"},
	{CTL_OF_ENGINE, "pacf_engine_uptime_seconds", write_seconds, "uptime_s",
		"how long the engine has been running since its last start"},
	{CTL_OF_ENGINE, "pacf_engine_buffers", write_num, "buffers",
		"packet buffers of the running engine's pool"},
	{CTL_OF_LINK, "pacf_link_info", write_info, "mode stamps",
		"mode: how the back end gets packets; stamps: who makes time stamps; always 1"},
	{CTL_OF_LINK, "pacf_link_state", write_states, "up down gone failed stopped ended",
		"1 for the state that the link is in, 0 for the others"},
	{CTL_OF_LINK, "pacf_link_file_read_bytes", write_file, "done_bytes",
		"how far the capture file is read"},
	{CTL_OF_LINK, "pacf_link_file_size_bytes", write_file, "total_bytes",
		"size of the capture file"},
	{CTL_OF_CHANNEL, "pacf_channel_info", write_info, "action group kind",
		"action: SAMPLE, COPY or DROP; group: of SAMPLE; kind: its transport; always "
		"1"},
	{CTL_OF_CHANNEL, "pacf_channel_state", write_states,
		"attached detached open closed up down gone",
		"1 for the state of the channel's other end, 0 for the others"},
	{CTL_OF_CHANNEL, "pacf_channel_attached", write_attached, NULL,
		"1 if an application has the channel open, else 0"},
	{CTL_OF_CHANNEL, "pacf_channel_consumer_info", write_consumer, "program",
		"program: what has the channel open; always 1"},
	{CTL_OF_CHANNEL, "pacf_channel_backlog_packets", write_queue, "waiting",
		"packets in the channel that the application has not given back"},
	{CTL_OF_CHANNEL, "pacf_channel_held_packets", write_num, "held",
		"of received: kept for the channel's next application, not delivered yet"},
	{CTL_OF_CHANNEL, "pacf_channel_size_packets", write_queue, "size",
		"packets that may wait in the channel"},
};
static const struct family reasons = {CTL_OF_ENGINE, "pacf_engine_flow_packets_total",
	write_reasons, "reasons",
	"of received: by what their flow was told from, or why it was not"};

static void
write_gauge(struct page *page, const struct family *family)
{
	bool any = false;

	for (uint32_t i = 0; i < page->nitems; i++) {
		if (page->items[i].scope != family->scope)
			continue;
		if (!any)
			page_head(page, family->name, PAGE_GAUGE, family->help);
		any = true;
		family->write(page, family, &page->items[i]);
	}
}

/* What a packet is lost by, where there are several causes: "drop_rule_pkts" -> "rule". */
static bool
cause_of(const char *counter, char cause[NAME_MAX_BYTES])
{
	static const char *const others[][2] = {{"source_drop_pkts", "source"},
		{"no_frame_pkts", "no_frame"}, {"oversize_pkts", "oversize"}};
	size_t len = strlen(counter);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(counter, others[i][0]) == 0) {
			snprintf(cause, NAME_MAX_BYTES, "%s", others[i][1]);
			return true;
		}
	if (len < 10 || strncmp(counter, "drop_", 5) != 0 ||
		strcmp(counter + len - 5, "_pkts") != 0)
		return false;
	snprintf(cause, NAME_MAX_BYTES, "%.*s", (int)len - 10, counter + 5);
	return true;
}

/* pacf_channel_received_packets, of "received_pkts" */
static void
counter_name(char name[NAME_MAX_BYTES], const char *prefix, const char *counter)
{
	size_t len = strlen(counter);
	bool pkts = len > 5 && strcmp(counter + len - 5, "_pkts") == 0;

	snprintf(name, NAME_MAX_BYTES, "pacf_%s_%.*s%s", prefix, (int)(pkts ? len - 5 : len),
		counter, pkts ? "_packets" : "");
}

/* Whose counters, and in which of an item's tables they are. */
struct place {
	enum ctl_scope item, counter;
	const char *prefix;
	const char *table; /* NULL: the item's own */
};
static const struct place places[] = {
	{CTL_OF_ENGINE, CTL_OF_ENGINE, "engine", "counters"},
	{CTL_OF_LINK, CTL_OF_LINK, "link", NULL},
	{CTL_OF_CHANNEL, CTL_OF_CHANNEL, "channel", NULL},
	{CTL_OF_GROUP, CTL_OF_GROUP, "group", NULL},
	{CTL_OF_GROUP, CTL_OF_CHANNEL, "group_closed", "closed"},
};

static void
write_samples(struct page *page, const struct place *place, const char *name, const char *key,
	const char *more)
{
	for (uint32_t i = 0; i < page->nitems; i++) {
		const struct item *item = &page->items[i];
		uint32_t table = item->table, rec;

		if (item->scope != place->item)
			continue;
		if (place->table != NULL)
			table = tape_find(&page->tape, table, place->table, TAPE_TABLE);
		rec = table != 0 ? tape_find(&page->tape, table, key, TAPE_NUM) : 0;
		if (rec != 0)
			page_num(page, name, item, more, page->tape.recs[rec].value.num);
	}
}

static void
write_counter(struct page *page, const struct place *place, const struct ctl_counter *counter)
{
	char name[NAME_MAX_BYTES], samples[NAME_MAX_BYTES + 8], help[256];

	counter_name(name, place->prefix, counter->name);
	snprintf(samples, sizeof(samples), "%s_total", name);
	snprintf(help, sizeof(help), "%s%s",
		place->table != NULL && place->item == CTL_OF_GROUP
			? "sum over the group's closed channels: "
			: "",
		counter->help);
	page_head(page, name, PAGE_COUNTER, help);
	write_samples(page, place, samples, counter->name, "");
}

/* All causes of a scope in one family; its sentence is theirs. */
static void
write_dropped(struct page *page, const struct place *place, const struct ctl_counter *counters,
	uint32_t n)
{
	char name[NAME_MAX_BYTES], samples[NAME_MAX_BYTES + 8], cause[NAME_MAX_BYTES];
	char more[NAME_MAX_BYTES + 16], help[1024] = "packets lost, by cause";
	size_t used;

	counter_name(name, place->prefix, "dropped_pkts");
	snprintf(samples, sizeof(samples), "%s_total", name);
	for (uint32_t i = 0; i < n; i++)
		if (counters[i].scope == place->counter && cause_of(counters[i].name, cause)) {
			used = strlen(help);
			snprintf(help + used, sizeof(help) - used, "; %s: %s", cause,
				counters[i].help);
		}
	if (strchr(help, ';') == NULL)
		return;
	page_head(page, name, PAGE_COUNTER, help);
	for (uint32_t i = 0; i < n; i++)
		if (counters[i].scope == place->counter && cause_of(counters[i].name, cause)) {
			snprintf(more, sizeof(more), "cause=\"%s\"", cause);
			write_samples(page, place, samples, counters[i].name, more);
		}
}

void
families_write(struct page *page)
{
	uint32_t n;
	const struct ctl_counter *counters = ctl_counters(&n);
	char cause[NAME_MAX_BYTES];

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		write_gauge(page, &gauges[i]);
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		for (uint32_t i = 0; i < n; i++)
			if (counters[i].scope == places[p].counter &&
				!cause_of(counters[i].name, cause))
				write_counter(page, &places[p], &counters[i]);
		write_dropped(page, &places[p], counters, n);
	}
	page_head(page, "pacf_engine_flow_packets", PAGE_COUNTER, reasons.help);
	for (uint32_t i = 0; i < page->nitems; i++)
		if (page->items[i].scope == CTL_OF_ENGINE)
			write_reasons(page, &reasons, &page->items[i]);
}
