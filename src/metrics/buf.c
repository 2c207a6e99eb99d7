/*
 * metrics/buf: text that grows, and how names get into it whatever bytes they have.
 */
#include "page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
room_for(struct buf *buf, size_t bytes)
{
	size_t room = (buf->len + bytes + 1) * 2 + 1024;
	char *bigger;

	if (buf->failed || buf->len + bytes < buf->room)
		return !buf->failed;
	bigger = realloc(buf->bytes, room);
	if (bigger == NULL) {
		buf->failed = true;
		return false;
	}
	buf->bytes = bigger;
	buf->room = room;
	return true;
}

static void
add_bytes(struct buf *buf, const char *bytes, size_t n)
{
	if (!room_for(buf, n))
		return;
	memcpy(buf->bytes + buf->len, bytes, n);
	buf->len += n;
	buf->bytes[buf->len] = '\0';
}

void
buf_add(struct buf *buf, const char *text)
{
	add_bytes(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !room_for(buf, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(buf->bytes + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
}

/* Length of the UTF-8 character there, 0: it is none. */
static size_t
character(const unsigned char *p)
{
	static const struct {
		unsigned char lead, most, low, high; /* the second byte's range */
		size_t bytes;
	} kinds[] = {{0x01, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4}};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (p[0] < kinds[k].lead || p[0] > kinds[k].most)
			continue;
		if (kinds[k].bytes > 1 && (p[1] < kinds[k].low || p[1] > kinds[k].high))
			return 0;
		for (size_t i = 2; i < kinds[k].bytes; i++)
			if (p[i] < 0x80 || p[i] > 0xbf)
				return 0;
		return kinds[k].bytes;
	}
	return 0;
}

void
buf_label(struct buf *buf, const char *value)
{
	for (const char *p = value; *p != '\0';) {
		size_t bytes = character((const unsigned char *)p);

		if (bytes == 0)
			buf_printf(buf, "\\\\x%02x", (unsigned char)*p);
		else if (*p == '\n')
			buf_add(buf, "\\n");
		else if (*p == '"' || *p == '\\')
			buf_printf(buf, "\\%c", *p);
		else
			add_bytes(buf, p, bytes);
		p += bytes != 0 ? bytes : 1;
	}
}

/* Sentences of ours: a quote is escaped by OpenMetrics alone, so there must be none. */
void
buf_help(struct buf *buf, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\' || *text == '\n')
			buf_add(buf, *text == '\n' ? "\\n" : "\\\\");
		else if (*text != '"')
			add_bytes(buf, text, 1);
}
