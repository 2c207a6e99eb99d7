/*
 * pacfctl top: an engine's figures on the whole screen, once a second; or, without a terminal
 * or with -b, as plain text.  The daemon makes the picture (pacf.top_screen), which knows what
 * it showed the same watcher before; here it is painted, and keys are read.
 */
#include "pacfctl.h"
#include "os.h"
#include "term.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_WIDTH 100
#define NS_PER_MS   1000000u
#define LUA_MAX	    1024

struct top {
	struct talk talk;
	bool plain, unicode, help;
	unsigned long pictures; /* how many; 0: until it is ended */
	long wait_ms;
	const char *engine; /* asked for, or NULL */
	unsigned next, sort, width, height;
	char *text; /* what the daemon printed */
	size_t bytes, room;
	bool wrong; /* on standard error */
};

static void
on_print(void *arg, bool error, const char *bytes, size_t n)
{
	struct top *top = arg;
	char *bigger = realloc(top->text, top->bytes + n + 1);

	top->wrong |= error || bigger == NULL;
	if (bigger == NULL)
		return;
	top->text = bigger;
	memcpy(top->text + top->bytes, bytes, n);
	top->bytes += n;
	top->text[top->bytes] = '\0';
}

static void
lua_make(const struct top *top, char lua[LUA_MAX])
{
	size_t n = (size_t)snprintf(lua, LUA_MAX,
		"pacf.top_screen{id=\"pacfctl %ld\",width=%u,height=%u,next=%u,sort=%u,"
		"unicode=%s,colour=%s,help=%s",
		(long)getpid(), top->width, top->height, top->next, top->sort,
		top->unicode ? "true" : "false", top->plain ? "false" : "true",
		top->help ? "true" : "false");

	if (top->engine != NULL) {
		snprintf(lua + n, LUA_MAX - n, ",engine=");
		lua_quote(lua, LUA_MAX - 1, top->engine);
		n = strlen(lua);
	}
	snprintf(lua + n, LUA_MAX - n, "}");
}

/* One picture; false: there is none, and no more to be had. */
static bool
picture(struct top *top)
{
	struct talk_done done;
	char lua[LUA_MAX];

	if (!top->plain)
		term_full_size(&top->width, &top->height);
	lua_make(top, lua);
	top->bytes = 0;
	top->wrong = false;
	if (!talk_eval(&top->talk, NULL, lua, strlen(lua), true, &done) || top->text == NULL)
		return false;
	if (done.failed || done.leaving || top->wrong)
		return false;
	if (top->plain) {
		fwrite(top->text, 1, top->bytes, stdout);
		return fflush(stdout) == 0;
	}
	term_full_paint(top->text, top->bytes);
	return true;
}

/* false: quit. */
static bool
heed_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
	case TERM_EOF:
	case TERM_SIGNAL:
		return false;
	case 's':
		top->sort++;
		return true;
	case 'e':
	case '\t':
		top->next++;
		return true;
	case 'h':
	case '?':
		top->help = !top->help;
		return true;
	case TERM_OTHER:
		return talk_listen(&top->talk);
	default:
		return true;
	}
}

/* Until the next picture is due, or a key asks for one; false: quit. */
static bool
wait_next(struct top *top)
{
	uint64_t end_ns = os_clock_mono_ns() + (uint64_t)top->wait_ms * NS_PER_MS, now_ns;

	if (top->plain) {
		/* Standard input is not ours to read. */
		while ((now_ns = os_clock_mono_ns()) < end_ns) {
			if (term_interrupted() || term_terminated() != 0)
				return false;
			os_sleep_ns(end_ns - now_ns < 100u * NS_PER_MS ? end_ns - now_ns
								       : 100u * NS_PER_MS);
		}
		return true;
	}
	now_ns = os_clock_mono_ns();
	while (now_ns < end_ns) {
		int key = term_key(top->talk.sock, (long)((end_ns - now_ns) / NS_PER_MS) + 1);

		if (key != TERM_TIMEOUT)
			return heed_key(top, key);
		now_ns = os_clock_mono_ns();
	}
	return true;
}

static int
watch(struct top *top)
{
	bool shown = true, goes_on = true;

	if (!top->plain && term_full_enter() < 0) {
		fprintf(stderr, "pacfctl: top: the terminal can't be set up: %s; try -b\n",
			strerror(errno));
		return EXIT_FAILURE;
	}
	for (unsigned long n = 1; goes_on && shown; n++) {
		shown = picture(top);
		if (shown && n == top->pictures)
			break;
		goes_on = shown && wait_next(top);
	}
	term_full_leave();
	if (term_terminated() != 0)
		return 128 + term_terminated();
	if (term_interrupted())
		return top->plain ? 128 + 2 : 0; /* SIGINT; on a screen it is a way to quit */
	if (top->talk.ended && !top->plain)
		fputs("pacfctl: the daemon ended\n", stderr); /* the other screen is gone */
	else if (!shown && top->text != NULL)
		fputs(top->text, stderr);
	return shown && !top->talk.ended ? 0 : EXIT_FAILURE;
}

static int
bad_usage(int argc, char **argv, int c)
{
	if (c == ':')
		fprintf(stderr, "pacfctl: top: option -%c needs a number\n", optopt);
	else if (c == '?')
		fprintf(stderr,
			"pacfctl: top: unknown option -%c; it takes -b, -n N, -s SECONDS and "
			"an "
			"engine\n",
			optopt);
	else
		fprintf(stderr, "pacfctl: top: one engine at a time, not \"%s\" as well\n",
			argv[argc > optind + 1 ? optind + 1 : optind]);
	return EXIT_USAGE;
}

/* -1: go on, else the exit status. */
static int
parse(struct top *top, int argc, char **argv)
{
	char *end;
	double number;
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt(argc, argv, ":bn:s:")) != -1) {
		if (c == 'b') {
			top->plain = true;
			continue;
		}
		if (c != 'n' && c != 's')
			return bad_usage(argc, argv, c);
		number = strtod(optarg, &end);
		if (*end != '\0' || end == optarg || !(number >= (c == 'n' ? 1 : 0.1)) ||
			number > 1e6) {
			fprintf(stderr,
				"pacfctl: top: -%c %s: it must be a number, %s or more\n", c,
				optarg, c == 'n' ? "1" : "0.1");
			return EXIT_USAGE;
		}
		if (c == 'n')
			top->pictures = (unsigned long)number;
		else
			top->wait_ms = (long)(number * 1000);
	}
	if (argc > optind + 1)
		return bad_usage(argc, argv, 0);
	top->engine = argv[optind]; /* NULL behind the last */
	return -1;
}

int
pacfctl_top(int argc, char **argv)
{
	struct top top = {.talk = {.sock = -1, .print = on_print}, .wait_ms = 1000};
	int status = parse(&top, argc, argv);
	const char *columns = getenv("COLUMNS");

	if (status >= 0)
		return status;
	top.talk.arg = &top;
	top.plain |= !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
	if (top.plain && top.pictures == 0 && !isatty(STDOUT_FILENO))
		top.pictures = 1; /* into a pipe or a file: once, unless told otherwise */
	setlocale(LC_CTYPE, "");
	top.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	top.width = columns != NULL && atoi(columns) > 0 && atoi(columns) <= 1000
			    ? (unsigned)atoi(columns)
			    : PLAIN_WIDTH;
	term_signals_install(NULL, NULL);
	status = talk_open(&top.talk) ? watch(&top) : EXIT_FAILURE;
	talk_close(&top.talk);
	free(top.text);
	return status;
}
