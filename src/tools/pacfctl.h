/*
 * pacfctl: the shell of a running daemon.  Each subcommand is a file of its own with a function
 * in the table of pacfctl.c; all talk to the daemon by what is declared here.  None of the
 * daemon's code is in it: it sends Lua and prints what comes back (remote.h).
 */
#ifndef PACFCTL_H
#define PACFCTL_H

#include "remote.h"

#include <stdbool.h>
#include <stddef.h>

#define EXIT_USAGE 2

/* A connection, and where what the daemon prints goes. */
struct talk {
	int sock; /* -1: none any more */
	int pid;  /* the daemon's */
	struct remote_reader in;
	/* NULL: to standard output and error.  Else called with each piece of either. */
	void (*print)(void *arg, bool error, const char *bytes, size_t n);
	void *arg;
	bool ended;	     /* the daemon has said goodbye, or is gone; it was told */
	bool leaving;	     /* it will end this shell, and maybe itself */
	unsigned width;	     /* as the daemon knows it */
	unsigned interrupts; /* sent so far */
};

/* How a command ended. */
struct talk_done {
	bool failed, more, leaving;
	int code; /* leaving: the exit status that was asked for */
};

/* Connects; false: a sentence on standard error says why not, and what would help. */
bool talk_open(struct talk *talk);
void talk_close(struct talk *talk);
/*
 * Runs Lua there until it has ended, printing what it prints; Ctrl+C (term_interrupted) ends it
 * there and is cleared.  name: of the file that it is from, or NULL; last: nothing follows.
 * false: the daemon is gone, which was said.
 */
bool talk_eval(struct talk *talk, const char *name, const char *text, size_t bytes, bool last,
	struct talk_done *done);
/* Names that fit; they live until the next call. */
bool talk_complete(
	struct talk *talk, const char *line, size_t bytes, struct remote_message *names);
/* Nothing was asked, but something came: false: the daemon is gone, which was said. */
bool talk_listen(struct talk *talk);
/* Runs one piece of Lua for a subcommand; the exit status. */
int talk_run(const char *lua);

/* console.c: the prompt, and commands from standard input.  The exit status. */
int console_prompt(struct talk *talk);
int console_input(struct talk *talk);
/* -e and -f: false: it failed, or leaves with *status. */
bool console_text(struct talk *talk, const char *lua, int *status);
bool console_file(struct talk *talk, const char *path, int *status);

/* Subcommands: argv[0] is their name; the exit status. */
int pacfctl_stats(int argc, char **argv);
int pacfctl_top(int argc, char **argv);
int pacfctl_split(int argc, char **argv);
int pacfctl_copy(int argc, char **argv);

/* Appends text as Lua writes it between quotes, whatever its bytes; cut if there is no room. */
void lua_quote(char *lua, size_t size, const char *text);

#endif
