/*
 * shell/seat: one of the shells of a daemon, as its Lua sees it: the local one (scripts,
 * standard input, the prompt) or that of a pacfctl.  A seat has a thread, a lua_State of the
 * one shared state, a breaker for what its command waits for, and a place where its output
 * goes.
 *
 * The thread finds its seat by seat_here(), not by its lua_State: coroutines that users make
 * belong to whichever shell runs them.
 */
#ifndef PACF_SHELL_SEAT_H
#define PACF_SHELL_SEAT_H

#include "ctl.h"

#include <lua.h>
#include <stddef.h>

struct seat;
enum seat_stream { SEAT_OUT = 1, SEAT_ERR = 2 };

/* Where output goes; called without the lock of Lua, which may therefore wait. */
struct seat_ops {
	/* false: it can't be written, errno says why. */
	bool (*write)(struct seat *seat, enum seat_stream stream, const char *bytes, size_t n);
	bool (*flush)(struct seat *seat);
	/* Columns of the terminal that errors go to; 0: it is none. */
	unsigned (*width)(struct seat *seat);
	/* The running command is to stop; the seat is to be left after it. */
	bool (*stop)(const struct seat *seat);
	bool (*ended)(const struct seat *seat);
	bool remote;
};

struct seat {
	const struct seat_ops *ops;
	struct shell *sh;
	lua_State *lua;
	struct ctl_breaker *breaker; /* ends what the running command waits for */
	bool interactive;	     /* an interrupt stops a command only */
	bool leaving;		     /* pacf.shutdown() or os.exit() */
	bool shutdown;		     /* the former */
	bool failed;
	int exit_code; /* from os.exit(), -1: none */
};

/* The calling thread's; set once, before it runs any Lua. */
struct seat *seat_here(void);
void seat_sit(struct seat *seat);

/* Lend the lock of Lua, if this thread has it, and write. */
bool seat_write(struct seat *seat, enum seat_stream stream, const char *bytes, size_t n);
bool seat_flush(struct seat *seat);
void seat_printf(struct seat *seat, enum seat_stream stream, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool seat_stop(const struct seat *seat);
bool seat_left(const struct seat *seat);

/* local.c: standard input and output, and signals. */
extern const struct seat_ops seat_local;

#endif
