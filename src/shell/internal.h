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

#include "gil.h"
#include "seat.h"
#include "shell.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>

struct server;

struct shell {
	struct ctl *ctl;
	lua_State *lua; /* the main one: the local seat's */
	struct gil gil;
	struct seat local;
	struct server *server; /* of remote shells; NULL: none */
	lua_State *nursery;    /* makes theirs; used under the lock only */
	int stop_fd;	       /* a bell: shell_stop */
	_Atomic bool stop;
};

/* eval.c: one piece of Lua. */
enum eval { EVAL_OK, EVAL_FAILED, EVAL_MORE };
#define EVAL_CHUNK "=shell" /* name of chunks that are no file: not shown in errors */
/* Compiles and runs a statement or expression, prints its values, reports errors.  EVAL_MORE:
 * it is not complete and more may come (never with last). */
enum eval eval_text(struct seat *seat, const char *text, bool last);
/* A script, and one whose text is here. */
enum eval eval_file(struct seat *seat, const char *path);
enum eval eval_chunk(struct seat *seat, const char *name, const char *text, size_t bytes);
/* From now on Lua looks now and then whether it is to stop. */
void eval_watch(struct seat *seat);
/* Calls function `name` of the prelude with nargs values from the stack; false: the error was
 * reported and nothing is pushed.  The caller has the lock of Lua. */
bool eval_prelude(struct seat *seat, const char *name, int nargs, int nresults);
/* Tab: text is what to insert and then the names, each with its final 0; the caller frees it.
 */
struct eval_names {
	char *text;
	size_t insert_bytes, names_bytes;
};
bool eval_complete(struct seat *seat, const char *line, size_t bytes, struct eval_names *out);

/* shell.c: an evaluation of the local seat has ended; true: well, and on it goes. */
bool shell_finish(struct shell *sh, enum eval result);
/* local.c: SIGTERM, SIGHUP, or SIGINT in a script: its number, else 0. */
int local_fatal(const struct seat *seat);
/* A seat's parts; the lua_State comes after.  0 or -errno. */
int seat_open(struct seat *seat, struct shell *sh, const struct seat_ops *ops);
void seat_close(struct seat *seat);

/* Functions for `core`. */
extern const luaL_Reg lua_pacf_core[];
extern const luaL_Reg lua_pkteng_core[];
extern const luaL_Reg lua_metrics_core[];
/* Puts print, io.write and their kin in the place of Lua's. */
void lua_io_open(lua_State *L);
static inline struct shell *
shell_of(lua_State *L)
{
	(void)L;
	return seat_here()->sh;
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
void progress_draw(
	struct progress *bar, struct seat *seat, const struct ctl_progress *p, uint64_t now_ns);
void progress_erase(struct progress *bar, struct seat *seat);

/* The embedded prelude, made by tools/embed.py; ends with a NULL name. */
struct shell_chunk {
	const char *name;
	const char *text;
	size_t bytes;
};
extern const struct shell_chunk shell_prelude[];

#endif
