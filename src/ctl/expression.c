/*
 * ctl/expression: pcap filter expressions to programs, and where a wrong one is wrong.  Called
 * by the control plane; one thread at a time is inside libpcap.
 *
 * libpcap does not tell where an expression fails.  So its beginnings, cut between words, are
 * compiled with MARK behind them, which its scanner refuses in words of its own: if it
 * complains of MARK, it got that far and all words before are right so far; if of anything
 * else, that is in the words before.
 */
#include "expression.h"
#include "state.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define MARK	    "60606060606" /* more than 32 bits, and nobody's number */
#define MAX_SNAPLEN 262144
#define QUOTED	    200 /* characters of an expression in an error */

static pthread_mutex_t compiler = PTHREAD_MUTEX_INITIALIZER;

struct word {
	uint32_t off, len;
};

struct failure {
	const char *text;
	const struct ctl_filter_link *link;
	char message[PCAP_ERRBUF_SIZE]; /* libpcap's, of the whole */
	char mark[PCAP_ERRBUF_SIZE];	/* libpcap's, of MARK alone */
	char *trial;
	struct word *words;
	uint32_t nwords;
};

/*
 * A capture file without packets.  For pcap_open_dead libpcap makes programs that suit a live
 * interface of this system: they load what only the kernel knows ("inbound"), and know no other
 * system's AF_INET6 (LINKTYPE_NULL).
 */
static pcap_t *
empty_capture(const struct ctl_filter_link *link, char *message)
{
	uint32_t snaplen = link->snaplen - 1 < MAX_SNAPLEN ? link->snaplen : MAX_SNAPLEN;
	uint32_t words[6] = {0xa1b2c3d4, 0, 0, 0, snaplen, link->linktype};
	uint16_t version[2] = {PCAP_VERSION_MAJOR, PCAP_VERSION_MINOR};
	pcap_t *capture;
	FILE *file;

	for (int i = 0; i < 2; i++)
		version[i] = link->swapped ? __builtin_bswap16(version[i]) : version[i];
	for (int i = 0; i < 6; i++)
		words[i] = link->swapped ? __builtin_bswap32(words[i]) : words[i];
	memcpy(&words[1], version, sizeof(version));
	file = fmemopen(words, sizeof(words), "rb");
	if (file == NULL) {
		snprintf(message, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
		return NULL;
	}
	capture = pcap_fopen_offline(file, message);
	if (capture == NULL)
		fclose(file);
	return capture;
}

/* 0, or -EINVAL and libpcap's message. */
static int
compile(const char *text, const struct ctl_filter_link *link, struct bpf_program *out,
	char *message)
{
	pcap_t *capture;
	int rc = -EINVAL;

	pthread_mutex_lock(&compiler);
	capture = empty_capture(link, message);
	if (capture != NULL) {
		if (pcap_compile(capture, out, text, 1, 0) == 0)
			rc = 0;
		else
			snprintf(message, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(capture));
		pcap_close(capture);
	}
	pthread_mutex_unlock(&compiler);
	return rc;
}

/* Single characters that the scanner knows, or runs of what else is not blank; never a part of
 * one of the scanner's own words. */
static bool
word_next(const char *text, struct word *word)
{
	uint32_t at = word->off + word->len;

	at += (uint32_t)strspn(text + at, " \t\r\n");
	word->off = at;
	word->len = (uint32_t)strcspn(text + at, " \t\r\n()[]!<>=&|^");
	if (word->len == 0 && text[at] != '\0')
		word->len = text[at + 1] != '\0' && strchr("=&|<>", text[at + 1]) &&
					    strchr("!<>=&|", text[at])
				    ? 2
				    : 1;
	return word->len > 0;
}

/* Do the first n words fail whatever follows? */
static bool
fails_within(struct failure *f, uint32_t n)
{
	uint32_t end = f->words[n - 1].off + f->words[n - 1].len;
	char message[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program program;
	int rc;

	memcpy(f->trial, f->text, end);
	strcpy(f->trial + end, " " MARK);
	rc = compile(f->trial, f->link, &program, message);
	if (rc == 0)
		pcap_freecode(&program);
	return rc != 0 && strcmp(message, f->mark) != 0;
}

/* The word that the message quotes, if the expression has exactly one such. */
static bool
quoted_word(const struct failure *f, struct word *out)
{
	const char *open = strpbrk(f->message, "'\""),
		   *close = open ? strchr(open + 1, *open) : NULL;
	uint32_t found = 0;

	for (uint32_t i = 0; close != NULL && i < f->nwords; i++) {
		struct word w = f->words[i];

		if (w.len != (size_t)(close - open - 1) ||
			memcmp(f->text + w.off, open + 1, w.len) != 0)
			continue;
		*out = w;
		found++;
	}
	return found == 1;
}

/* What is wrong with "]" is what it closes. */
static struct word
widened(const struct failure *f, uint32_t i)
{
	uint32_t first = i;

	if (f->text[f->words[i].off] == ']')
		while (first > 0 && f->text[f->words[first].off] != '[')
			first--;
	return (struct word){.off = f->words[first].off,
		.len = f->words[i].off + f->words[i].len - f->words[first].off};
}

/* False: the words are right one by one. */
static bool
failing_word(struct failure *f, struct word *out)
{
	uint32_t low = 0, high = f->nwords; /* so many pass; so many fail */

	if (quoted_word(f, out))
		return true;
	if (f->mark[0] == '\0' || f->nwords == 0 || !fails_within(f, high))
		return false;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (fails_within(f, middle))
			high = middle;
		else
			low = middle;
	}
	*out = widened(f, high - 1);
	return true;
}

/* Of a long expression what is around `at`; one line. */
static void
quote(char *out, size_t size, const char *text, size_t at)
{
	size_t len = strlen(text);
	size_t from = len > QUOTED && at > QUOTED / 2 ? at - QUOTED / 2 : 0;
	size_t n;

	if (len > QUOTED && from > len - QUOTED)
		from = len - QUOTED;
	n = (size_t)snprintf(out, size, "%s%.*s%s", from > 0 ? "..." : "", QUOTED, text + from,
		len - from > QUOTED ? "..." : "");
	for (size_t i = 0; i < n && i < size; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = ' ';
}

static int
tell(struct failure *f, struct ctl_err *err)
{
	const char *message = f->message, *syntax = strstr(message, "syntax error");
	char whole[QUOTED + 8], part[QUOTED + 8], cut[41];
	struct word w = {.off = (uint32_t)strlen(f->text)};
	bool known = failing_word(f, &w);

	if (syntax != NULL)
		message = "syntax error";
	quote(whole, sizeof(whole), f->text, w.off);
	if (!known && syntax != NULL && f->mark[0] != '\0')
		return ctl_fail(err, -EINVAL, "filter \"%s\": %s at its end (position %u)",
			whole, message, w.off + 1);
	if (!known)
		return ctl_fail(err, -EINVAL, "filter \"%s\": %s", whole, message);
	snprintf(cut, sizeof(cut), "%.*s", (int)w.len, f->text + w.off);
	if (syntax == NULL && w.len > 1 && strstr(message, cut) != NULL)
		return ctl_fail(err, -EINVAL, "filter \"%s\": %s (position %u)", whole, message,
			w.off + 1);
	quote(part, sizeof(part), cut, 0);
	return ctl_fail(err, -EINVAL, "filter \"%s\": %s%s at \"%s\" (position %u)", whole,
		message, syntax == NULL ? "," : "", part, w.off + 1);
}

static int
explain(struct failure *f, struct ctl_err *err)
{
	size_t len = strlen(f->text);
	struct bpf_program program;
	int rc;

	f->trial = malloc(len + sizeof(" " MARK));
	f->words = calloc(len + 1, sizeof(*f->words));
	if (f->trial == NULL || f->words == NULL) {
		rc = ctl_fail(err, -ENOMEM, "no memory for a filter of %zu characters", len);
	} else {
		for (struct word w = {0}; word_next(f->text, &w);)
			f->words[f->nwords++] = w;
		if (compile(MARK, f->link, &program, f->mark) == 0)
			pcap_freecode(&program);
		if (strstr(f->mark, MARK) == NULL) /* a libpcap that says other things */
			f->mark[0] = '\0';
		rc = tell(f, err);
	}
	free(f->words);
	free(f->trial);
	return rc;
}

int
ctl_filter_compile(struct pkt_filter *out, const char *expression,
	const struct ctl_filter_link *link, struct ctl_err *err)
{
	struct failure f = {.text = expression, .link = link};
	struct bpf_program program;

	if (compile(expression, link, &program, f.message) != 0)
		return explain(&f, err);
	if (!bpf_validate(program.bf_insns, (int)program.bf_len)) {
		pcap_freecode(&program);
		return ctl_fail(err, -EINVAL,
			"filter \"%.200s\": libpcap made no valid program", expression);
	}
	*out = (struct pkt_filter){.insns = program.bf_insns, .ninsns = program.bf_len};
	return 0;
}

void
ctl_filter_free(struct pkt_filter *filter)
{
	struct bpf_program program = {.bf_len = filter->ninsns, .bf_insns = filter->insns};

	if (filter->insns != NULL)
		pcap_freecode(&program);
	*filter = (struct pkt_filter){0};
}
