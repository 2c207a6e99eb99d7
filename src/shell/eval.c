/*
 * shell/eval: compiles and runs one piece of Lua in the shell's state, prints the values of
 * expressions and reports errors.  Called by shell.c and edit.c on the main thread; leaves the
 * Lua stack as it found it and everything printed flushed.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* How many Lua instructions run between two looks at the signal flags. */
#define WATCH_INSTRUCTIONS 1000

static void
on_count(lua_State *L, lua_Debug *ar)
{
	struct shell *sh = shell_of(L);

	(void)ar;
	if (!signals_stop(sh))
		return;
	/* At every instruction from here on, so that a pcall can't swallow it for good. */
	lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	lua_sethook(sh->lua, on_count, LUA_MASKCOUNT, 1);
	luaL_error(L, "interrupted");
}

void
eval_watch(struct shell *sh)
{
	lua_sethook(sh->lua, on_count, LUA_MASKCOUNT, WATCH_INSTRUCTIONS);
}

/* Any error value as a string. */
static int
on_error(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING)
		luaL_tolstring(L, 1, NULL);
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
report(struct shell *sh)
{
	const char *text = lua_tostring(sh->lua, -1);

	fflush(stdout);
	if (!shell_leaving(sh))
		fprintf(stderr, "error: %s\n", text != NULL ? strip_position(text) : "?");
	lua_pop(sh->lua, 1);
}

/* Calls the function under nargs values.  false: reported, nothing left. */
static bool
call(struct shell *sh, int nargs, int nresults)
{
	int handler = lua_gettop(sh->lua) - nargs;
	int rc;

	lua_pushcfunction(sh->lua, on_error);
	lua_insert(sh->lua, handler);
	rc = lua_pcall(sh->lua, nargs, nresults, handler);
	lua_remove(sh->lua, handler);
	if (rc == LUA_OK)
		return true;
	report(sh);
	return false;
}

bool
eval_prelude(struct shell *sh, const char *name, int nargs, int nresults)
{
	lua_State *L = sh->lua;

	lua_getfield(L, LUA_REGISTRYINDEX, "pacf.prelude");
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_insert(L, -1 - nargs);
	return call(sh, nargs, nresults);
}

/* Runs the compiled chunk on top of the stack and prints what it returns. */
static enum eval
run(struct shell *sh, bool print)
{
	lua_State *L = sh->lua;
	int base = lua_gettop(L);
	bool ok;

	/* A Ctrl+C from before this command is not for this command. */
	if (sh->interactive)
		signals_clear_interrupt();
	eval_watch(sh);
	ok = call(sh, 0, print ? LUA_MULTRET : 0);
	if (ok && !sh->leaving && lua_gettop(L) >= base) {
		ok = lua_checkstack(L, LUA_MINSTACK) &&
		     eval_prelude(sh, "show", lua_gettop(L) - base + 1, 0);
	}
	lua_settop(L, base - 1);
	eval_watch(sh);
	if (sh->interactive)
		signals_clear_interrupt();
	fflush(stdout);
	if (sh->leaving)
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

enum eval
eval_text(struct shell *sh, const char *text, bool last)
{
	lua_State *L = sh->lua;
	const char *start = text + strspn(text, " \t\r\n");
	bool equals = start[0] == '=';

	if (load(L, equals ? start + 1 : text, true) == LUA_OK)
		return run(sh, true);
	if (!equals) {
		lua_pop(L, 1);
		if (load(L, text, false) == LUA_OK)
			return run(sh, true);
	}
	if (!last && incomplete(L)) {
		lua_pop(L, 1);
		return EVAL_MORE;
	}
	report(sh);
	return EVAL_FAILED;
}

enum eval
eval_file(struct shell *sh, const char *path)
{
	if (luaL_loadfilex(sh->lua, path, "t") != LUA_OK) {
		report(sh);
		return EVAL_FAILED;
	}
	return run(sh, false);
}
