/*
 * shell/lua_pacf: the functions of `core` that pacf.* is made of.  Called by the prelude with
 * checked arguments.
 */
#include "guard.h"
#include "internal.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLEEP_SLICE_S 0.5

int
shell_result(lua_State *L, int rc, const struct ctl_err *err)
{
	if (rc >= 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, err->text[0] != '\0' ? err->text : strerror(-rc));
	return 2;
}

/* version, process id and folder of the sockets */
static int
core_about(lua_State *L)
{
	char dir[512];
	int rc = os_rundir(dir, sizeof(dir), false);

	lua_pushstring(L, PACF_VERSION);
	lua_pushinteger(L, getpid());
	if (rc < 0)
		lua_pushnil(L);
	else
		lua_pushstring(L, dir);
	return 3;
}

/* sleep(seconds): true; nil and "interrupted" */
static int
core_sleep(lua_State *L)
{
	struct seat *seat = seat_here();
	struct ctl_err err = {"interrupted"};
	uint64_t start = os_clock_mono_ns();
	double seconds = lua_tonumber(L, 1), left = seconds;
	struct gil *gil;

	seat_flush(seat);
	gil = gil_lend();
	/* In slices: a signal just before the sleep begins is not slept through. */
	while (left > 0 && !seat_stop(seat)) {
		ctl_sleep(seat->breaker, left < SLEEP_SLICE_S ? left : SLEEP_SLICE_S);
		left = seconds - (double)(os_clock_mono_ns() - start) / 1e9;
	}
	gil_return(gil);
	return shell_result(L, seat_stop(seat) ? -EINTR : 0, &err);
}

static int
core_hash_key(lua_State *L)
{
	uint64_t key = (uint64_t)lua_tointeger(L, 1);
	struct gil *gil = gil_lend();

	ctl_hash_key(seat_here()->sh->ctl, key);
	gil_return(gil);
	return 0;
}

/* access(group or nil, mode or nil): true; nil and a sentence */
static int
core_access(lua_State *L)
{
	const char *group = lua_tostring(L, 1), *mode = lua_tostring(L, 2);
	struct ctl_err err = {""};
	struct gil *gil = gil_lend();
	int rc = ctl_access(seat_here()->sh->ctl, group, mode, &err);

	gil_return(gil);
	return shell_result(L, rc, &err);
}

#define KEEP_MAX 32

/* privileges(list of words, true, false or nil): true; nil and a sentence */
static int
core_privileges(lua_State *L)
{
	const char *keep[KEEP_MAX];
	struct ctl_err err = {""};
	int filter = lua_isnoneornil(L, 2) ? -1 : lua_toboolean(L, 2), rc;
	struct gil *gil;
	uint32_t n = 0;

	luaL_checkstack(L, KEEP_MAX, NULL);
	while (n < KEEP_MAX && lua_rawgeti(L, 1, (lua_Integer)n + 1) == LUA_TSTRING)
		keep[n++] = lua_tostring(L, -1); /* the string stays on the stack */
	gil = gil_lend();
	rc = ctl_privileges(seat_here()->sh->ctl, keep, n, filter, &err);
	gil_return(gil);
	return shell_result(L, rc, &err);
}

/* confine(): true, and a sentence or nothing; nil and a sentence */
static int
core_confine(lua_State *L)
{
	struct ctl_err err = {""};
	int rc = ctl_confine(shell_of(L)->ctl, NULL, &err);

	if (rc < 0)
		return shell_result(L, rc, &err);
	lua_pushboolean(L, 1);
	lua_pushstring(L, err.text[0] != '\0' ? err.text : NULL);
	return 2;
}

/* filtered(): boolean */
static int
core_filtered(lua_State *L)
{
	lua_pushboolean(L, ctl_filtered(shell_of(L)->ctl));
	return 1;
}

/* stats(engine or nil): table; nil and a sentence */
static int
core_stats(lua_State *L)
{
	return visit_push(L, shell_of(L)->ctl, lua_tostring(L, 1));
}

/* leave(code or nil): the shell ends when the running command does; code nil: says goodbye, and
 * the daemon ends too */
static int
core_leave(lua_State *L)
{
	struct seat *seat = seat_here();

	if (!seat->leaving && lua_isnoneornil(L, 1)) {
		seat_write(seat, SEAT_OUT, "Goodbye!\n", 9);
		seat_flush(seat);
		seat->shutdown = true;
		shell_stop(seat->sh);
	} else if (!seat->leaving) {
		seat->exit_code = (int)lua_tointeger(L, 1) & 0xff;
	}
	seat->leaving = true;
	return 0;
}

const luaL_Reg lua_pacf_core[] = {
	{"about", core_about},
	{"sleep", core_sleep},
	{"hash_key", core_hash_key},
	{"access", core_access},
	{"privileges", core_privileges},
	{"confine", core_confine},
	{"filtered", core_filtered},
	{"stats", core_stats},
	{"leave", core_leave},
	{NULL, NULL},
};
