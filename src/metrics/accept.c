/*
 * metrics/accept: which format a request wants, by its Accept header: a list, separated by
 * commas, of types with parameters, separated by semicolons.  Any bytes may come.
 */
#include "http.h"

#include <string.h>
#include <strings.h>

/* One of the list's ranges, parsed: thousandths of its q. */
struct range {
	const char *type;
	size_t type_len;
	unsigned q;
	bool version_ok;
};

static size_t
skip_blanks(const char *p)
{
	return strspn(p, " \t");
}

/* "0.75" -> 750; what is no such number: 0. */
static unsigned
quality(const char *p, size_t len)
{
	unsigned q = 0, digit = 100;

	if (len == 0 || (p[0] != '0' && p[0] != '1'))
		return 0;
	q = p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < len && p[1] == '.' && digit > 0; i++, digit /= 10) {
		if (p[i] < '0' || p[i] > '9')
			break;
		q += (unsigned)(p[i] - '0') * digit;
	}
	return q < 1000 ? q : 1000;
}

static void
parameter(struct range *r, const char *p, size_t len)
{
	if (len > 2 && strncasecmp(p, "q=", 2) == 0)
		r->q = quality(p + 2, len - 2);
	else if (len > 8 && strncasecmp(p, "version=", 8) == 0)
		r->version_ok = p[8] == '1' || (p[8] == '"' && p[9] == '1');
}

/* One range; returns where the next begins. */
static const char *
range_read(const char *p, struct range *r)
{
	p += skip_blanks(p);
	*r = (struct range){p, strcspn(p, ",; \t"), 1000, true};
	p += strcspn(p, ",;");
	while (*p == ';') {
		p += 1 + skip_blanks(p + 1);
		parameter(r, p, strcspn(p, ",; \t"));
		p += strcspn(p, ",;");
	}
	return *p == ',' ? p + 1 : p;
}

static bool
is_type(const struct range *r, const char *type)
{
	return r->type_len == strlen(type) && strncasecmp(r->type, type, r->type_len) == 0;
}

enum metrics_format
http_format(const char *accept)
{
	unsigned open = 0, text = 0;
	struct range r;

	while (accept != NULL && *accept != '\0') {
		accept = range_read(accept, &r);
		if (is_type(&r, "application/openmetrics-text") && r.version_ok && r.q > open)
			open = r.q;
		else if (is_type(&r, "text/plain") && r.q > text)
			text = r.q;
	}
	return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

const char *
http_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}
