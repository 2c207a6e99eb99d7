/*
 * shell/internal: what the files of this folder share; nobody else includes it.
 *
 * The C side offers a flat table `core` of small functions with positional, already checked
 * arguments; they return nil and a sentence on failure.  The Lua files in prelude build pacf.*
 * and pkteng.* on it: argument checks, help, tables of statistics, completion.  No C function
 * of the shell raises a Lua error while it is inside ctl.
 */
#ifndef PACF_SHELL_INTERNAL_H
#define PACF_SHELL_INTERNAL_H

#include "shell.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>

struct shell {
	struct ctl *ctl;
	lua_State *lua;
	struct ctl_breaker *breaker; /* ends what the running command waits for */
	bool interactive;	     /* at the prompt: SIGINT stops a command only */
	bool leaving;		     /* pacf.shutdown() or os.exit() */
	bool failed;
	int exit_code; /* from os.exit(), -1: none */
};

/* eval.c: one piece of Lua. */
enum eval { EVAL_OK, EVAL_FAILED, EVAL_MORE };
#define EVAL_CHUNK "=shell" /* name of chunks that are no file: not shown in errors */
/* Compiles and runs a statement or expression, prints its values, reports errors.  EVAL_MORE:
 * it is not complete and more may come (never with last). */
enum eval eval_text(struct shell *sh, const char *text, bool last);
enum eval eval_file(struct shell *sh, const char *path);
/* From now on Lua looks at the signal flags now and then. */
void eval_watch(struct shell *sh);
/* Calls function `name` of the prelude with nargs values from the stack; false: the error was
 * reported and nothing is pushed. */
bool eval_prelude(struct shell *sh, const char *name, int nargs, int nresults);

/* signals.c: signals and the standard input they interrupt. */
void signals_install(struct shell *sh);
void signals_restore(void);
/* The running command is to stop. */
bool signals_stop(const struct shell *sh);
/* SIGTERM, SIGHUP, or SIGINT in a script: its number, else 0. */
int signals_fatal(const struct shell *sh);
void signals_clear_interrupt(void);
/* The next byte of standard input; waits without losing a signal. */
enum { INPUT_EOF = -1, INPUT_SIGNAL = -2, INPUT_RESIZED = -3 };
int signals_input(const struct shell *sh);

/* Functions for `core`; the shell is in the Lua state's extra space. */
extern const luaL_Reg lua_pacf_core[];
extern const luaL_Reg lua_pkteng_core[];
extern const luaL_Reg lua_metrics_core[];
static inline struct shell *
shell_of(lua_State *L)
{
	return *(struct shell **)lua_getextraspace(L);
}
/* true, or nil and the sentence. */
int shell_result(lua_State *L, int rc, const struct ctl_err *err);

/* visit.c: statistics of one engine, or of all (NULL), as a Lua table; or nil and a sentence.
 */
int visit_push(lua_State *L, struct ctl *ctl, const char *engine);

/* visit.c: the flows of ctl_top (channel NULL: of all) as a list; or nil and a sentence. */
int visit_top(
	lua_State *L, struct ctl *ctl, const char *engine, const char *channel, uint32_t n);

/* visit.c: what ctl_doctor knows as a Lua table; or nil and a sentence. */
int visit_doctor(lua_State *L, const char *ifname);

/* visit.c: calls the Lua function at index fn with a table for each packet that ctl_explain
 * explains; pushes true, or nil and a sentence.  Raises what fn raises. */
int visit_explain(lua_State *L, struct ctl *ctl, const struct ctl_explain_args *args, int fn);

/* progress.c: the bar that pkteng.wait draws on a terminal. */
struct progress {
	bool shown;
	uint64_t start_ns, last_ns; /* monotonic */
	uint64_t start_bytes, last_pkts;
	double pps;
};
void progress_update(struct progress *bar, const struct ctl_progress *p, uint64_t now_ns);
/* The text of the bar, at most width columns. */
void progress_format(char *buf, size_t size, int width, const struct progress *bar,
	const struct ctl_progress *p, uint64_t now_ns);
void progress_draw(struct progress *bar, const struct ctl_progress *p, uint64_t now_ns);
void progress_erase(struct progress *bar);

/* The embedded prelude, made by tools/embed.py; ends with a NULL name. */
struct shell_chunk {
	const char *name;
	const char *text;
	size_t bytes;
};
extern const struct shell_chunk shell_prelude[];

#endif
