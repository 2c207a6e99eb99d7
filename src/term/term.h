/*
 * term: the terminal's side of a shell, for bin/pacf and pacfctl alike: signals and the
 * standard input that they interrupt, and the prompt with line editing, history and completion.
 * It knows nothing of Lua: what runs a statement and what completes a name are the caller's
 * functions.
 *
 * One per process, used by the main thread, which owns SIGINT, SIGTERM, SIGHUP, SIGWINCH,
 * SIGPIPE and SIGXFSZ from term_signals_install to term_signals_restore.
 */
#ifndef PACF_TERM_H
#define PACF_TERM_H

#include <stdbool.h>
#include <stddef.h>

/* wake (or NULL) is called by the handler of SIGINT, SIGTERM and SIGHUP: async-signal-safe. */
void term_signals_install(void (*wake)(void *arg), void *arg);
void term_signals_restore(void);
/* SIGINT has come since it was last cleared; SIGTERM or SIGHUP has come: which, or 0. */
bool term_interrupted(void);
void term_clear_interrupt(void);
int term_terminated(void);
/* The terminal's size has changed since this was last asked. */
bool term_resized(void);

/* The next byte of standard input; waits without losing a signal.  TERM_SIGNAL while an
 * interrupt is not cleared or the process is to end; TERM_OTHER when descriptor `other` (-1:
 * none) has something, too. */
enum { TERM_EOF = -1, TERM_SIGNAL = -2, TERM_RESIZED = -3, TERM_OTHER = -4, TERM_TIMEOUT = -5 };
int term_input(int other);
/* The same, but waits no longer than so many milliseconds (< 0: for ever): TERM_TIMEOUT. */
int term_key(int other, long wait_ms);

/* Columns of the terminal on descriptor fd; 0: it is none. */
unsigned term_width(int fd);

/*
 * The whole screen of the terminal, which standard input and output must both be, until
 * term_full_leave: another screen than the shell's, without cursor, keys as they are typed
 * (Ctrl+C is a signal as ever).  0 or -errno.
 */
int term_full_enter(void);
/* Puts everything back as it was; not entered: nothing. */
void term_full_leave(void);
/* false: it does not say, and *width and *height stay. */
bool term_full_size(unsigned *width, unsigned *height);
/* Lines, each with its \n, over what is there; without a flicker. */
void term_full_paint(const char *text, size_t bytes);

/* What the prompt asks of its owner. */
enum term_taken { TERM_DONE, TERM_MORE, TERM_LEAVE };
struct term_shell {
	void *arg;
	int other; /* descriptor to be watched while a line is typed, or -1 */
	/* Runs a statement: MORE if it goes on in the next line. */
	enum term_taken (*take)(void *arg, const char *text);
	/* Tab: the text before the cursor.  *insert is what to insert, *names the names that
	 * fit, each with its final 0; they live until the next call. */
	bool (*complete)(void *arg, const char *line, size_t bytes, const char **insert,
		size_t *insert_bytes, const char **names, size_t *names_bytes);
	/* `other` has something: LEAVE ends the prompt. */
	enum term_taken (*on_other)(void *arg);
};
/* Until Ctrl+D, which says Goodbye!, LEAVE or a signal.  false: there is no memory for it. */
bool term_prompt(const struct term_shell *shell);

#endif
