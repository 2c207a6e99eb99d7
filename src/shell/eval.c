/*
 * shell/eval: compiles and runs one piece of Lua at a seat, prints the values of expressions
 * and reports errors.  Called on the seat's thread; takes the lock of Lua for the time, leaves
 * the Lua stack as it found it and everything printed flushed.
 *
 * Invariant: all that may raise an error is inside one protected call of the seat's own state.
 * Outside of one, Lua would jump to the main thread's.
 */
#include "internal.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many Lua instructions run between two looks at who wants to stop it, or to run. */
#define WATCH_INSTRUCTIONS 1000

static void
on_count(lua_State *L, lua_Debug *ar)
{
	struct seat *seat = seat_here();

	(void)ar;
	gil_rest();
	if (!seat_stop(seat))
		return;
	/* At every instruction from here on, so that a pcall can't swallow it for good. */
	lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	lua_sethook(seat->lua, on_count, LUA_MASKCOUNT, 1);
	luaL_error(L, "interrupted");
}

void
eval_watch(struct seat *seat)
{
	lua_sethook(seat->lua, on_count, LUA_MASKCOUNT, WATCH_INSTRUCTIONS);
}

/* Any error value as a string, with what was probably meant. */
static int
on_error(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING) {
		luaL_tolstring(L, 1, NULL);
		return 1;
	}
	lua_getfield(L, LUA_REGISTRYINDEX, "pacf.prelude");
	lua_getfield(L, -1, "hint");
	lua_pushvalue(L, 1);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) != LUA_TSTRING)
		lua_settop(L, 1);
	return 1;
}

/* Without the "shell:1: " of chunks that are no file. */
static const char *
strip_position(const char *text)
{
	static const char mark[] = "shell:";
	const char *p = text + sizeof(mark) - 1;

	if (strncmp(text, mark, sizeof(mark) - 1) != 0)
		return text;
	p += strspn(p, "0123456789");
	return strncmp(p, ": ", 2) == 0 ? p + 2 : text;
}

/* Pops the error and prints it, unless it is only the way out of the shell. */
static void
report(struct seat *seat)
{
	const char *text = lua_tostring(seat->lua, -1);

	text = text != NULL ? strip_position(text) : "?";
	if (!seat_left(seat)) {
		seat_write(seat, SEAT_ERR, "error: ", 7);
		seat_write(seat, SEAT_ERR, text, strlen(text));
		seat_write(seat, SEAT_ERR, "\n", 1);
	}
	lua_pop(seat->lua, 1);
}

/* Calls the function under nargs values.  false: reported, nothing left. */
static bool
call(struct seat *seat, int nargs, int nresults)
{
	lua_State *L = seat->lua;
	int handler = lua_gettop(L) - nargs;
	int rc;

	lua_pushcfunction(L, on_error);
	lua_insert(L, handler);
	rc = lua_pcall(L, nargs, nresults, handler);
	lua_remove(L, handler);
	if (rc == LUA_OK)
		return true;
	report(seat);
	return false;
}

bool
eval_prelude(struct seat *seat, const char *name, int nargs, int nresults)
{
	lua_State *L = seat->lua;

	lua_getfield(L, LUA_REGISTRYINDEX, "pacf.prelude");
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_insert(L, -1 - nargs);
	return call(seat, nargs, nresults);
}

/* One piece of work within the protected call. */
struct work {
	struct seat *seat;
	void (*run)(struct work *work);
	const char *text, *name;
	size_t bytes;
	bool last, file;
	enum eval result;
	struct eval_names *names;
};

static int
protected_work(lua_State *L)
{
	struct work *work = lua_touserdata(L, 1);

	lua_settop(L, 0);
	work->run(work);
	return 0;
}

/* Neither of the two values that are pushed here needs memory. */
static void
work_do(struct work *work)
{
	struct seat *seat = work->seat;
	bool entered = gil_enter(&seat->sh->gil);

	lua_pushcfunction(seat->lua, protected_work);
	lua_pushlightuserdata(seat->lua, work);
	if (lua_pcall(seat->lua, 1, 0, 0) != LUA_OK) {
		report(seat);
		work->result = EVAL_FAILED;
	}
	gil_exit(&seat->sh->gil, entered);
}

/* Runs the compiled chunk on top of the stack and prints what it returns. */
static enum eval
run(struct seat *seat, bool print)
{
	lua_State *L = seat->lua;
	int base = lua_gettop(L);
	bool ok;

	/* A Ctrl+C from before this command is not for this command. */
	if (seat->interactive && !seat->ops->remote)
		term_clear_interrupt();
	eval_watch(seat);
	ok = call(seat, 0, print ? LUA_MULTRET : 0);
	if (ok && !seat->leaving && lua_gettop(L) >= base) {
		ok = lua_checkstack(L, LUA_MINSTACK) &&
		     eval_prelude(seat, "show", lua_gettop(L) - base + 1, 0);
	}
	lua_settop(L, base - 1);
	eval_watch(seat);
	if (seat->interactive && !seat->ops->remote)
		term_clear_interrupt();
	seat_flush(seat);
	if (seat->leaving)
		return EVAL_OK;
	return ok ? EVAL_OK : EVAL_FAILED;
}

/* Compiles text, or text as an expression; the chunk or the error is on the stack. */
static int
load(lua_State *L, const char *text, bool expression)
{
	int rc;

	lua_pushfstring(L, "%s%s", expression ? "return " : "", text);
	rc = luaL_loadbufferx(L, lua_tostring(L, -1), lua_rawlen(L, -1), EVAL_CHUNK, "t");
	lua_remove(L, -2);
	return rc;
}

/* The syntax error on the stack says that the text ended too early. */
static bool
incomplete(lua_State *L)
{
	static const char mark[] = "<eof>";
	size_t len;
	const char *text = lua_tolstring(L, -1, &len);

	return text != NULL && len >= sizeof(mark) - 1 &&
	       strcmp(text + len - (sizeof(mark) - 1), mark) == 0;
}

static enum eval
run_text(struct seat *seat, const char *text, bool last)
{
	lua_State *L = seat->lua;
	const char *start = text + strspn(text, " \t\r\n");
	bool equals = start[0] == '=';

	if (load(L, equals ? start + 1 : text, true) == LUA_OK)
		return run(seat, true);
	if (!equals) {
		lua_pop(L, 1);
		if (load(L, text, false) == LUA_OK)
			return run(seat, true);
	}
	if (!last && incomplete(L)) {
		lua_pop(L, 1);
		return EVAL_MORE;
	}
	report(seat);
	return EVAL_FAILED;
}

static void
work_text(struct work *work)
{
	work->result = run_text(work->seat, work->text, work->last);
}

static void
work_file(struct work *work)
{
	lua_State *L = work->seat->lua;
	int rc;

	if (work->text == NULL) {
		rc = luaL_loadfilex(L, work->name, "t");
	} else {
		lua_pushfstring(L, "@%s", work->name);
		rc = luaL_loadbufferx(L, work->text, work->bytes, lua_tostring(L, -1), "t");
		lua_remove(L, -2);
	}
	if (rc == LUA_OK) {
		work->result = run(work->seat, false);
	} else {
		report(work->seat);
		work->result = EVAL_FAILED;
	}
}

enum eval
eval_text(struct seat *seat, const char *text, bool last)
{
	struct work work = {.seat = seat, .run = work_text, .text = text, .last = last};

	work_do(&work);
	return work.result;
}

enum eval
eval_file(struct seat *seat, const char *path)
{
	struct work work = {.seat = seat, .run = work_file, .name = path};

	work_do(&work);
	return work.result;
}

/* The first line of a script may name its interpreter; that it is there still counts. */
enum eval
eval_chunk(struct seat *seat, const char *name, const char *text, size_t bytes)
{
	struct work work = {
		.seat = seat, .run = work_file, .name = name, .text = text, .bytes = bytes};

	if (bytes > 0 && text[0] == '#') {
		work.text = memchr(text, '\n', bytes);
		work.text = work.text != NULL ? work.text : text + bytes;
		work.bytes = bytes - (size_t)(work.text - text);
	}
	work_do(&work);
	return work.result;
}

/* On the stack: what to insert, and the list of names. */
static void
keep_names(lua_State *L, struct eval_names *out)
{
	luaL_Buffer all;
	size_t len;
	const char *text = luaL_tolstring(L, -2, &out->insert_bytes);
	int n = (int)lua_rawlen(L, -2);

	luaL_buffinit(L, &all);
	luaL_addlstring(&all, text, out->insert_bytes);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, 2, i);
		luaL_addvalue(&all);
		luaL_addchar(&all, '\0');
	}
	luaL_pushresult(&all);
	text = lua_tolstring(L, -1, &len);
	out->names_bytes = len - out->insert_bytes;
	out->text = malloc(len + 1);
	if (out->text != NULL)
		memcpy(out->text, text, len + 1);
}

static void
work_complete(struct work *work)
{
	lua_State *L = work->seat->lua;

	eval_watch(work->seat);
	lua_pushlstring(L, work->text, work->bytes);
	if (eval_prelude(work->seat, "complete", 1, 2) && lua_istable(L, 2))
		keep_names(L, work->names);
}

bool
eval_complete(struct seat *seat, const char *line, size_t bytes, struct eval_names *out)
{
	struct work work = {
		.seat = seat, .run = work_complete, .text = line, .bytes = bytes, .names = out};

	memset(out, 0, sizeof(*out));
	work_do(&work);
	return out->text != NULL;
}
