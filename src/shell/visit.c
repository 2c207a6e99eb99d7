/*
 * shell/visit: the walks of ctl_visit, ctl_top, ctl_doctor and ctl_explain as Lua tables.  The
 * first runs under ctl's lock, where Lua must not run (an allocation may raise an error or
 * collect garbage), so it is written down first and read into Lua afterwards.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tape {
	char *bytes;
	size_t len, room;
	bool no_memory;
};

/* kind: '{' table, '}' its end, 's' string, 'n' whole number, 'r' real. */
static void
put(struct tape *t, const void *data, size_t len)
{
	char *bigger;

	if (t->no_memory)
		return;
	if (t->len + len > t->room) {
		bigger = realloc(t->bytes, (t->len + len) * 2 + 1024);
		if (bigger == NULL) {
			t->no_memory = true;
			return;
		}
		t->bytes = bigger;
		t->room = (t->len + len) * 2 + 1024;
	}
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

static void
put_head(struct tape *t, char kind, const char *key)
{
	put(t, &kind, 1);
	put(t, key != NULL ? key : "", key != NULL ? strlen(key) + 1 : 1);
}

static void
on_open(void *arg, const char *key)
{
	put_head(arg, '{', key);
}

static void
on_close(void *arg)
{
	put_head(arg, '}', NULL);
}

static void
on_str(void *arg, const char *key, const char *value)
{
	put_head(arg, 's', key);
	put(arg, value, strlen(value) + 1);
}

static void
on_num(void *arg, const char *key, uint64_t value)
{
	put_head(arg, 'n', key);
	put(arg, &value, sizeof(value));
}

static void
on_real(void *arg, const char *key, double value)
{
	put_head(arg, 'r', key);
	put(arg, &value, sizeof(value));
}

/* The value on top becomes a member of the table below it; "" = the next of a list. */
static void
set_member(lua_State *L, const char *key)
{
	if (key[0] != '\0')
		lua_setfield(L, -2, key);
	else
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* Stack: tape.  Returns the root table. */
static int
replay(lua_State *L)
{
	const struct tape *t = lua_touserdata(L, 1);
	const char *p = t->bytes, *end = t->bytes + t->len, *key;
	const char *keys[16];
	uint64_t num;
	double real;
	int depth = 0;
	char kind;

	lua_newtable(L); /* holds the root as its member 1 */
	while (p < end) {
		kind = *p++;
		key = p;
		p += strlen(p) + 1;
		if (kind == '{') {
			if (depth == (int)(sizeof(keys) / sizeof(keys[0])))
				return luaL_error(L, "statistics are nested too deeply");
			luaL_checkstack(L, 4, NULL);
			lua_newtable(L);
			keys[depth++] = key;
			continue;
		}
		if (kind == '}') {
			key = keys[--depth];
		} else if (kind == 's') {
			lua_pushstring(L, p);
			p += strlen(p) + 1;
		} else if (kind == 'n') {
			memcpy(&num, p, sizeof(num));
			lua_pushinteger(L, (lua_Integer)num);
			p += sizeof(num);
		} else {
			memcpy(&real, p, sizeof(real));
			lua_pushnumber(L, real);
			p += sizeof(real);
		}
		/* An all-engines root may be named by nothing, too. */
		set_member(L, depth == 0 ? "" : key);
	}
	lua_rawgeti(L, 2, 1);
	if (lua_isnil(L, -1))
		lua_newtable(L);
	return 1;
}

/* What a walk that ended with rc has left; the tape is gone. */
static int
tape_push(lua_State *L, struct tape *tape, int rc, const struct ctl_err *err)
{
	if (rc < 0) {
		free(tape->bytes);
		return shell_result(L, rc, err);
	}
	if (tape->no_memory) {
		free(tape->bytes);
		return shell_result(L, -ENOMEM, err);
	}
	lua_pushcfunction(L, replay);
	lua_pushlightuserdata(L, tape);
	rc = lua_pcall(L, 1, 1, 0);
	free(tape->bytes);
	if (rc != LUA_OK)
		return lua_error(L);
	return 1;
}

int
visit_push(lua_State *L, struct ctl *ctl, const char *engine)
{
	struct tape tape = {NULL, 0, 0, false};
	const struct ctl_visitor v = {&tape, on_open, on_close, on_str, on_num, on_real};
	struct ctl_err err = {""};

	struct gil *gil = gil_lend();
	int rc = ctl_visit(ctl, engine, &v, &err);

	gil_return(gil);
	return tape_push(L, &tape, rc, &err);
}

int
visit_doctor(lua_State *L, const char *ifname)
{
	struct tape tape = {NULL, 0, 0, false};
	const struct ctl_visitor v = {&tape, on_open, on_close, on_str, on_num, on_real};
	struct ctl_err err = {""};

	struct gil *gil = gil_lend();
	int rc = ctl_doctor(ifname, &v, &err);

	gil_return(gil);
	return tape_push(L, &tape, rc, &err);
}

int
visit_top(lua_State *L, struct ctl *ctl, const char *engine, const char *channel, uint32_t n)
{
	struct tape tape = {NULL, 0, 0, false};
	const struct ctl_visitor v = {&tape, on_open, on_close, on_str, on_num, on_real};
	struct ctl_err err = {""};

	struct gil *gil = gil_lend();
	int rc = ctl_top(ctl, engine, channel, n, &v, &err);

	gil_return(gil);
	return tape_push(L, &tape, rc, &err);
}

struct packets {
	struct tape tape; /* of the packet being told; first: the visitor's functions get it */
	int depth, fn, status;
	bool told; /* one at least */
	lua_State *L;
	struct ctl_explain_args args;
	struct gil *gil; /* lent while packets are read */
};

/* ctl_explain holds no lock, but it must come back: no error gets out of here. */
static void
packet_tell(struct packets *p)
{
	lua_State *L = p->L;

	if (p->status != LUA_OK || p->tape.no_memory)
		return;
	p->told = true;
	lua_pushvalue(L, p->fn);
	lua_pushcfunction(L, replay);
	lua_pushlightuserdata(L, &p->tape);
	p->status = lua_pcall(L, 1, 1, 0);
	if (p->status == LUA_OK)
		p->status = lua_pcall(L, 1, 0, 0);
	else
		lua_remove(L, -2);
	if (p->status != LUA_OK)
		ctl_break(p->args.breaker);
	p->tape.len = 0;
}

static void
on_packet_open(void *arg, const char *key)
{
	struct packets *p = arg;

	p->depth++;
	on_open(&p->tape, key);
}

static void
on_packet_close(void *arg)
{
	struct packets *p = arg;

	on_close(&p->tape);
	if (--p->depth > 0)
		return;
	gil_return(p->gil);
	packet_tell(p);
	gil_lend();
}

int
visit_explain(lua_State *L, struct ctl *ctl, const struct ctl_explain_args *args, int fn)
{
	struct packets p = {.fn = fn, .L = L, .args = *args};
	const struct ctl_visitor v = {
		&p, on_packet_open, on_packet_close, on_str, on_num, on_real};
	struct ctl_err err = {""};
	int rc;

	p.args.breaker = seat_here()->breaker;
	luaL_checkstack(L, 8, NULL);
	p.gil = gil_lend();
	do {
		rc = ctl_explain(ctl, &p.args, &v, &err);
		/* An interrupt that nobody asked for: left over from an earlier command. */
	} while (rc == -EINTR && !p.told && !seat_stop(seat_here()));
	gil_return(p.gil);
	free(p.tape.bytes);
	if (p.status != LUA_OK)
		return lua_error(L);
	if (p.tape.no_memory)
		return shell_result(L, -ENOMEM, &(struct ctl_err){""});
	return shell_result(L, rc, &err);
}
