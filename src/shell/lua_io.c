/*
 * shell/lua_io: print, io.write, io.read and the methods of files, so that what goes to or
 * comes from standard input and output goes to or comes from the seat whose command it is; all
 * other files are as Lua has them.  And os.execute, which others need not wait for.
 *
 * Called by Lua.  Text is written without the lock of Lua: it lies on the stack meanwhile.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SEAT_OUT or SEAT_ERR if the value at index `at` is that file of the process, else 0. */
static int
stream_of(lua_State *L, int at)
{
	const luaL_Stream *file = luaL_testudata(L, at, LUA_FILEHANDLE);

	if (file == NULL || file->closef == NULL)
		return 0;
	return file->f == stdout ? SEAT_OUT : file->f == stderr ? SEAT_ERR : 0;
}

/* Arguments from..to to the stream; false: errno says why not. */
static bool
write_all(lua_State *L, int from, int to, int stream)
{
	size_t n;
	bool ok = true;

	for (int i = from; i <= to; i++)
		luaL_checklstring(L, i, &n); /* turns numbers into text, or raises */
	for (int i = from; i <= to && ok; i++) {
		const char *text = lua_tolstring(L, i, &n);

		ok = seat_write(seat_here(), (enum seat_stream)stream, text, n);
	}
	return ok;
}

/* What a write returns: the file, on top, or nil and why not. */
static int
write_result(lua_State *L, bool ok)
{
	return ok ? 1 : luaL_fileresult(L, 0, NULL);
}

/* Calls Lua's own function, upvalue 1, with all arguments. */
static int
call_own(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* io.write; upvalue 2: io.output */
static int
io_write(lua_State *L)
{
	int stream;

	lua_pushvalue(L, lua_upvalueindex(2));
	lua_call(L, 0, 1);
	stream = stream_of(L, -1);
	if (stream != 0)
		return write_result(L, write_all(L, 1, lua_gettop(L) - 1, stream));
	lua_pop(L, 1);
	return call_own(L);
}

static int
file_write(lua_State *L)
{
	int stream = stream_of(L, 1);
	bool ok;

	if (stream == 0)
		return call_own(L);
	ok = write_all(L, 2, lua_gettop(L), stream);
	lua_pushvalue(L, 1);
	return write_result(L, ok);
}

/* io.flush and file:flush() */
static int
io_flush(lua_State *L)
{
	if (!seat_flush(seat_here()))
		return luaL_fileresult(L, 0, NULL);
	return call_own(L);
}

static int
io_print(lua_State *L)
{
	struct seat *seat = seat_here();
	int n = lua_gettop(L);
	luaL_Buffer line;
	const char *text;
	size_t len;

	/* All at once, so that a line is one even if several print. */
	luaL_buffinit(L, &line);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&line, '\t');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&line);
	}
	luaL_addchar(&line, '\n');
	luaL_pushresult(&line);
	text = lua_tolstring(L, -1, &len);
	seat_write(seat, SEAT_OUT, text, len);
	return 0;
}

/* Raises if this is the standard input of a seat that has none. */
static void
refuse_input(lua_State *L, int at)
{
	const luaL_Stream *file = luaL_testudata(L, at, LUA_FILEHANDLE);

	if (seat_here()->ops->remote && file != NULL && file->f == stdin)
		luaL_error(L, "a remote shell has no standard input to read from; put the "
			      "values into the command");
}

/* io.read, and io.lines without a name; upvalue 2: io.input */
static int
io_read(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_call(L, 0, 1);
	refuse_input(L, -1);
	lua_pop(L, 1);
	return call_own(L);
}

static int
io_lines(lua_State *L)
{
	return lua_isnoneornil(L, 1) ? io_read(L) : call_own(L);
}

/* file:read() and file:lines() */
static int
file_read(lua_State *L)
{
	refuse_input(L, 1);
	return call_own(L);
}

static int
os_execute(lua_State *L)
{
	const char *command = luaL_optstring(L, 1, NULL);
	struct gil *gil;
	int status, error;

	seat_flush(seat_here());
	gil = gil_lend();
	errno = 0;
	status = system(command);
	error = errno;
	gil_return(gil);
	if (command == NULL) {
		lua_pushboolean(L, status);
		return 1;
	}
	errno = error;
	return luaL_execresult(L, status);
}

/* The table is on top; its function `name` becomes fn, with the old one as upvalue 1, and
 * io.`other` as upvalue 2. */
static void
replace(lua_State *L, const char *name, lua_CFunction fn, const char *other)
{
	lua_getfield(L, -1, name);
	if (other != NULL)
		lua_getfield(L, -2, other);
	else
		lua_pushnil(L);
	lua_pushcclosure(L, fn, 2);
	lua_setfield(L, -2, name);
}

void
lua_io_open(lua_State *L)
{
	lua_pushcfunction(L, io_print);
	lua_setglobal(L, "print");
	lua_getglobal(L, "os");
	replace(L, "execute", os_execute, NULL);
	lua_pop(L, 1);
	lua_getglobal(L, "io");
	replace(L, "write", io_write, "output");
	replace(L, "flush", io_flush, NULL);
	replace(L, "read", io_read, "input");
	replace(L, "lines", io_lines, "input");
	lua_pop(L, 1);
	luaL_getmetatable(L, LUA_FILEHANDLE);
	lua_getfield(L, -1, "__index");
	replace(L, "write", file_write, NULL);
	replace(L, "flush", io_flush, NULL);
	replace(L, "read", file_read, NULL);
	replace(L, "lines", file_read, NULL);
	lua_pop(L, 2);
}
