/*
 * shell/edit: the prompt, with libedit: editing, history in the user's state folder, Tab.
 * Called by main on the main thread.  libedit's own signal handling is off; a signal ends the
 * line.
 */
#include "internal.h"
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
	struct shell *sh;
	EditLine *el;
	History *hist;
	char file[512]; /* of the history; "": none */
	bool more;	/* the statement goes on */
	bool eof;
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
		c = signals_input(e->sh);
		if (c == INPUT_RESIZED) {
			el_resize(el);
			continue;
		}
		if (c == INPUT_SIGNAL) {
			errno = EINTR;
			return -1;
		}
		if (c == INPUT_EOF) {
			e->eof = true;
			return 0;
		}
		byte = (char)c;
		n = mbrtowc(out, &byte, 1, &state);
		if (n == (size_t)-2)
			continue;
		if (n == (size_t)-1)
			*out = L'?';
		return 1;
	}
}

static void
list_names(lua_State *L, int list)
{
	size_t column = 0, len;
	const char *name;
	int n = (int)lua_rawlen(L, list);

	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, list, i);
		name = lua_tolstring(L, -1, &len);
		if (column > 0 && column + len + 2 > 79) {
			fputc('\n', stdout);
			column = 0;
		}
		fprintf(stdout, "%s%s", column > 0 ? "  " : "", name);
		column += len + 2;
		lua_pop(L, 1);
	}
	fputc('\n', stdout);
	fflush(stdout);
}

/* Tab: the prelude's complete(text before the cursor) gives the text to insert and the names.
 */
static unsigned char
complete(EditLine *el, wint_t ch)
{
	struct edit *e = edit_of(el);
	lua_State *L = e->sh->lua;
	const LineInfo *line = el_line(el);
	int top = lua_gettop(L);
	unsigned char action = CC_ERROR;
	size_t len;
	const char *insert;

	(void)ch;
	lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
	if (!eval_prelude(e->sh, "complete", 1, 2))
		return CC_REDISPLAY;
	insert = lua_tolstring(L, -2, &len);
	if (insert != NULL && len > 0) {
		action = el_insertstr(el, insert) == 0 ? CC_REFRESH : CC_ERROR;
	} else if (lua_istable(L, -1) && lua_rawlen(L, -1) > 1) {
		fputc('\n', stdout);
		list_names(L, lua_gettop(L));
		action = CC_REDISPLAY;
	}
	lua_settop(L, top);
	return action;
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
		e->sh->failed = true;
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

/* One line was typed: runs the statement if that completes it.  Returns what is left of it. */
static char *
take_line(struct edit *e, char *text, const char *line)
{
	enter_history(e, line);
	text = join(text, line);
	if (text == NULL) {
		fprintf(stderr, "error: not enough memory for this command\n");
		e->more = false;
		return NULL;
	}
	e->more = eval_text(e->sh, text, false) == EVAL_MORE;
	if (e->more)
		return text;
	free(text);
	return NULL;
}

void
shell_interact(struct shell *sh)
{
	struct edit e = {.sh = sh};
	char *text = NULL;
	const char *line;
	int n = 0;

	if (!open_edit(&e))
		return;
	sh->interactive = true;
	signals_clear_interrupt();
	while (!shell_leaving(sh)) {
		/* Before the prompt is seen: el_gets would do it after, and a Ctrl+D in between
		 * be taken for the end of a line that nobody reads. */
		el_set(e.el, EL_PREP_TERM, 1);
		line = el_gets(e.el, &n);
		if (line != NULL && n > 0) {
			text = take_line(&e, text, line);
			continue;
		}
		if (shell_leaving(sh))
			break;
		if (!signals_stop(sh)) { /* Ctrl+D, or the terminal is gone */
			fputs("\nGoodbye!\n", stdout);
			fflush(stdout);
			break;
		}
		/* Ctrl+C: forget what was typed. */
		signals_clear_interrupt();
		fputs("^C\n", stdout);
		fflush(stdout);
		free(text);
		text = NULL;
		e.more = false;
	}
	free(text);
	history_close(&e);
	el_end(e.el);
}
