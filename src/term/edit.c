/*
 * term/edit: the prompt, with libedit: editing, history in the user's state folder, Tab.
 * Called on the main thread.  libedit's own signal handling is off; a signal ends the line.
 */
#include "term.h"
#include "os.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_LINES 1000

struct edit {
	const struct term_shell *shell;
	EditLine *el;
	History *hist;
	char file[512]; /* of the history; "": none */
	bool more;	/* the statement goes on */
	bool leave;	/* what is watched said so */
};

static struct edit *
edit_of(EditLine *el)
{
	struct edit *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	return e;
}

static char *
prompt(EditLine *el)
{
	static char first[] = "pacf> ", next[] = "      > ";

	return edit_of(el)->more ? next : first;
}

/* libedit's source of characters: 1, 0 at the end of input, -1 on a signal. */
static int
get_char(EditLine *el, wchar_t *out)
{
	struct edit *e = edit_of(el);
	mbstate_t state;
	char byte;
	size_t n;
	int c;

	memset(&state, 0, sizeof(state));
	for (;;) {
		c = term_input(e->shell->other);
		if (c == TERM_RESIZED) {
			el_resize(el);
			continue;
		}
		if (c == TERM_OTHER) {
			e->leave = e->shell->on_other(e->shell->arg) == TERM_LEAVE;
			if (!e->leave)
				continue;
		}
		if (c == TERM_SIGNAL || c == TERM_OTHER) {
			errno = EINTR;
			return -1;
		}
		if (c == TERM_EOF)
			return 0;
		byte = (char)c;
		n = mbrtowc(out, &byte, 1, &state);
		if (n == (size_t)-2)
			continue;
		if (n == (size_t)-1)
			*out = L'?';
		return 1;
	}
}

/* names: each with its final 0. */
static void
list_names(const char *names, size_t bytes)
{
	size_t column = 0, len;

	for (size_t at = 0; at < bytes; at += len + 1) {
		len = strlen(names + at);
		if (column > 0 && column + len + 2 > 79) {
			fputc('\n', stdout);
			column = 0;
		}
		fprintf(stdout, "%s%s", column > 0 ? "  " : "", names + at);
		column += len + 2;
	}
	fputc('\n', stdout);
	fflush(stdout);
}

static bool
several(const char *names, size_t bytes)
{
	return bytes > 0 && strlen(names) + 1 < bytes;
}

/* What is to be inserted need not end with a 0. */
static unsigned char
insert_text(EditLine *el, const char *insert, size_t bytes)
{
	char *text = strndup(insert, bytes);
	unsigned char action =
		text != NULL && el_insertstr(el, text) == 0 ? CC_REFRESH : CC_ERROR;

	free(text);
	return action;
}

/* Tab. */
static unsigned char
complete(EditLine *el, wint_t ch)
{
	const struct term_shell *shell = edit_of(el)->shell;
	const LineInfo *line = el_line(el);
	const char *insert = NULL, *names = NULL;
	size_t insert_bytes = 0, names_bytes = 0;

	(void)ch;
	if (!shell->complete(shell->arg, line->buffer, (size_t)(line->cursor - line->buffer),
		    &insert, &insert_bytes, &names, &names_bytes))
		return CC_REDISPLAY;
	if (insert_bytes > 0)
		return insert_text(el, insert, insert_bytes);
	if (!several(names, names_bytes))
		return CC_ERROR;
	fputc('\n', stdout);
	list_names(names, names_bytes);
	return CC_REDISPLAY;
}

static void
history_open(struct edit *e)
{
	char dir[480];
	HistEvent ev;

	e->hist = history_init();
	if (e->hist == NULL)
		return;
	history(e->hist, &ev, H_SETSIZE, HISTORY_LINES);
	history(e->hist, &ev, H_SETUNIQUE, 1);
	el_set(e->el, EL_HIST, history, e->hist);
	if (os_statedir(dir, sizeof(dir), true) < 0)
		return; /* no home folder: history lives as long as the shell */
	snprintf(e->file, sizeof(e->file), "%s/history", dir);
	history(e->hist, &ev, H_LOAD, e->file);
}

static void
history_close(struct edit *e)
{
	HistEvent ev;
	mode_t mask;

	if (e->hist == NULL)
		return;
	if (e->file[0] != '\0') {
		mask = umask(077);
		if (history(e->hist, &ev, H_SAVE, e->file) == -1 ||
			chmod(e->file, S_IRUSR | S_IWUSR) != 0)
			fprintf(stderr, "error: the history can't be saved in %s: %s\n",
				e->file, strerror(errno));
		umask(mask);
	}
	history_end(e->hist);
}

static bool
open_edit(struct edit *e)
{
	setlocale(LC_CTYPE, "");
	e->el = el_init("pacf", stdin, stdout, stderr);
	if (e->el == NULL) {
		fprintf(stderr, "error: the terminal can't be set up for line editing\n");
		return false;
	}
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_SIGNAL, 0);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_PROMPT, prompt);
	el_set(e->el, EL_GETCFN, get_char);
	/* The wide call: the narrow one leaks copies of the two strings. */
	el_wset(e->el, EL_ADDFN, L"pacf-complete", L"complete a name", complete);
	el_set(e->el, EL_BIND, "^I", "pacf-complete", NULL);
	history_open(e);
	el_source(e->el, NULL); /* the user's ~/.editrc */
	return true;
}

/* text + line as one new string; line NULL: nothing. */
static char *
join(char *text, const char *line)
{
	size_t old = text != NULL ? strlen(text) : 0;
	char *joined = realloc(text, old + strlen(line) + 1);

	if (joined == NULL)
		free(text);
	else
		strcpy(joined + old, line);
	return joined;
}

static void
enter_history(struct edit *e, const char *line)
{
	HistEvent ev;

	if (e->hist != NULL && line[strspn(line, " \t\r\n")] != '\0')
		history(e->hist, &ev, H_ENTER, line);
}

/* One line was typed: runs the statement if that completes it.  *text is what is left of it. */
static bool
take_line(struct edit *e, char **text, const char *line)
{
	enum term_taken taken;

	enter_history(e, line);
	*text = join(*text, line);
	if (*text == NULL) {
		fprintf(stderr, "error: not enough memory for this command\n");
		e->more = false;
		return true;
	}
	taken = e->shell->take(e->shell->arg, *text);
	e->more = taken == TERM_MORE;
	if (!e->more) {
		free(*text);
		*text = NULL;
	}
	return taken != TERM_LEAVE;
}

/* There is no line: is it only Ctrl+C?  What was typed is forgotten then. */
static bool
goes_on(struct edit *e, char **text)
{
	if (e->leave || term_terminated() != 0)
		return false;
	if (!term_interrupted()) { /* Ctrl+D, or the terminal is gone */
		fputs("\nGoodbye!\n", stdout);
		fflush(stdout);
		return false;
	}
	term_clear_interrupt();
	fputs("^C\n", stdout);
	fflush(stdout);
	free(*text);
	*text = NULL;
	e->more = false;
	return true;
}

bool
term_prompt(const struct term_shell *shell)
{
	struct edit e = {.shell = shell};
	char *text = NULL;
	const char *line;
	bool goes = true;
	int n = 0;

	if (!open_edit(&e))
		return false;
	term_clear_interrupt();
	while (goes && term_terminated() == 0) {
		/* Before the prompt is seen: el_gets would do it after, and a Ctrl+D in between
		 * be taken for the end of a line that nobody reads. */
		el_set(e.el, EL_PREP_TERM, 1);
		line = el_gets(e.el, &n);
		if (line != NULL && n > 0)
			goes = take_line(&e, &text, line);
		else
			goes = goes_on(&e, &text);
	}
	free(text);
	history_close(&e);
	el_end(e.el);
	return true;
}
