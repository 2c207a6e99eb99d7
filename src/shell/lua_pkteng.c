/*
 * shell/lua_pkteng: the functions of `core` that pkteng.* is made of: one per call of ctl.
 * Called by the prelude with checked arguments; each returns true, or nil and a sentence.
 */
#include "internal.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Fills one tunnel from a list of ports on the top of the stack, which it takes off. */
static void
read_ports(lua_State *L, struct ctl_udp_tunnel *tunnel)
{
	tunnel->nports = (uint32_t)lua_rawlen(L, -1);
	for (uint32_t k = 0; k < tunnel->nports; k++) {
		lua_rawgeti(L, -1, (lua_Integer)k + 1);
		tunnel->ports[k] = (uint16_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* {vxlan = {4789}} at `at` (or nil), checked; what is returned lives on the stack, as do the
 * names. */
static struct ctl_udp_tunnel *
read_tunnels(lua_State *L, int at, uint32_t *n)
{
	struct ctl_udp_tunnel *tunnels;

	*n = 0;
	if (lua_isnil(L, at))
		return NULL;
	for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1))
		++*n;
	tunnels = lua_newuserdatauv(L, (*n + 1) * sizeof(*tunnels), 0);
	*n = 0;
	for (lua_pushnil(L); lua_next(L, at) != 0;) {
		tunnels[*n].name = lua_tostring(L, -2);
		read_ports(L, &tunnels[(*n)++]);
	}
	return tunnels;
}

/* engine_new(name, type, cpu, buffers, tunnels, udp_tunnels) */
static int
core_engine_new(lua_State *L)
{
	struct ctl_engine_args args = {
		.name = lua_tostring(L, 1),
		.type = lua_tostring(L, 2),
		.cpu = (int)lua_tointeger(L, 3),
		.buffers = (uint32_t)lua_tointeger(L, 4),
		.tunnels = lua_tostring(L, 5),
	};
	struct ctl_err err = {""};
	struct gil *gil;
	int rc;

	args.udp_tunnels = read_tunnels(L, 6, &args.nudp_tunnels);
	gil = gil_lend();
	rc = ctl_engine_new(seat_here()->sh->ctl, &args, &err);
	gil_return(gil);
	return shell_result(L, rc, &err);
}

static int
with_engine(lua_State *L, int (*call)(struct ctl *ctl, const char *engine, struct ctl_err *err))
{
	const char *engine = lua_tostring(L, 1);
	struct ctl_err err = {""};
	struct gil *gil = gil_lend();
	int rc = call(seat_here()->sh->ctl, engine, &err);

	gil_return(gil);
	return shell_result(L, rc, &err);
}

static int
core_engine_delete(lua_State *L)
{
	return with_engine(L, ctl_engine_delete);
}

static int
core_engine_start(lua_State *L)
{
	return with_engine(L, ctl_engine_start);
}

static int
core_engine_stop(lua_State *L)
{
	return with_engine(L, ctl_engine_stop);
}

/* link(engine, ifname, batch, qid, speed, loop, offline_args, live_args, mode, busy_poll,
 * offload) mode, offload: as args.lua has them, or nil */
static int
core_link(lua_State *L)
{
	static const char *const modes[] = {"best", "zerocopy", "native", "generic", NULL};
	const char *offload = lua_tostring(L, 11);
	const struct ctl_link_args args = {
		.engine = lua_tostring(L, 1),
		.ifname = lua_tostring(L, 2),
		.batch = (uint32_t)lua_tointeger(L, 3),
		.qid = (int)lua_tointeger(L, 4),
		.speed = lua_tonumber(L, 5),
		.loop = (uint64_t)lua_tointeger(L, 6),
		.offline_args = lua_toboolean(L, 7),
		.live_args = lua_toboolean(L, 8),
		.mode = luaL_checkoption(L, 9, "best", modes),
		.busy_poll = lua_toboolean(L, 10),
		.fix_offload = offload != NULL && strcmp(offload, "fix") == 0,
	};
	struct ctl_err err = {""};
	struct gil *gil = gil_lend();
	int rc = ctl_link(seat_here()->sh->ctl, &args, &err);

	gil_return(gil);
	return shell_result(L, rc, &err);
}

/* A link or channel of an engine. */
static int
with_part(lua_State *L,
	int (*call)(struct ctl *ctl, const char *engine, const char *part, struct ctl_err *err))
{
	const char *engine = lua_tostring(L, 1), *part = lua_tostring(L, 2);
	struct ctl_err err = {""};
	struct gil *gil = gil_lend();
	int rc = call(seat_here()->sh->ctl, engine, part, &err);

	gil_return(gil);
	return shell_result(L, rc, &err);
}

static int
core_unlink(lua_State *L)
{
	return with_part(L, ctl_unlink);
}

/* open_channel(engine, channel, action, group, size, when_full, when_detached, filter, snaplen,
 * sample, fields, owner, mode, hold_bytes, file_size, rotate_seconds, filecount, compress,
 * buffer) */
static int
core_open_channel(lua_State *L)
{
	const struct ctl_channel_args args = {
		.engine = lua_tostring(L, 1),
		.channel = lua_tostring(L, 2),
		.action = lua_tostring(L, 3),
		.group = lua_tostring(L, 4),
		.size = (uint32_t)lua_tointeger(L, 5),
		.when_full = lua_tostring(L, 6),
		.when_detached = lua_tostring(L, 7),
		.filter = lua_tostring(L, 8),
		.snaplen = (uint32_t)lua_tointeger(L, 9),
		.sample = (uint32_t)lua_tointeger(L, 10),
		.fields = lua_tostring(L, 11),
		.owner = lua_tostring(L, 12),
		.mode = lua_tostring(L, 13),
		.hold_bytes = (uint64_t)lua_tointeger(L, 14),
		.file_size = lua_tonumber(L, 15),
		.rotate_seconds = (uint32_t)lua_tointeger(L, 16),
		.filecount = (uint32_t)lua_tointeger(L, 17),
		.compress = lua_tostring(L, 18),
		.buffer = (uint32_t)lua_tointeger(L, 19),
	};
	struct ctl_err err = {""};
	struct gil *gil = gil_lend();
	int rc = ctl_channel_open(seat_here()->sh->ctl, &args, &err);

	gil_return(gil);
	return shell_result(L, rc, &err);
}

static int
core_close_channel(lua_State *L)
{
	return with_part(L, ctl_channel_close);
}

/* rotate(engine or nil, channel or nil) */
static int
core_rotate(lua_State *L)
{
	struct ctl_err err = {""};

	return shell_result(L,
		ctl_rotate(shell_of(L)->ctl, lua_tostring(L, 1), lua_tostring(L, 2), &err),
		&err);
}

struct waiting {
	struct seat *seat;
	struct progress bar;
};

/* Called by ctl_wait on this thread, without the lock of Lua. */
static void
on_progress(void *arg, const struct ctl_progress *p)
{
	struct waiting *w = arg;
	uint64_t now = os_clock_mono_ns();

	/* A signal that came just before ctl_wait began to wait. */
	if (seat_stop(w->seat))
		ctl_break(w->seat->breaker);
	progress_update(&w->bar, p, now);
	if (now != w->bar.start_ns) /* a rate needs two looks */
		progress_draw(&w->bar, w->seat, p, now);
}

static int
wait_for(struct seat *seat, const char *engine, double timeout, struct ctl_err *err)
{
	struct waiting w = {.seat = seat};
	const struct ctl_waiter waiter = {seat->breaker, on_progress, &w};
	uint64_t start = os_clock_mono_ns();
	double left = timeout;
	int rc;

	do {
		err->text[0] = '\0';
		rc = seat_stop(seat) ? -EINTR
				     : ctl_wait(seat->sh->ctl, engine, left, &waiter, err);
		if (timeout >= 0) {
			left = timeout - (double)(os_clock_mono_ns() - start) / 1e9;
			left = left > 0 ? left : 0;
		}
		/* An interrupt that nobody asked for: left over from an earlier command. */
	} while (rc == -EINTR && !seat_stop(seat));
	progress_erase(&w.bar, seat);
	return rc;
}

/* wait(engine, timeout or -1): true; false and "timeout"; nil and a sentence */
static int
core_wait(lua_State *L)
{
	const char *engine = lua_tostring(L, 1);
	double timeout = lua_tonumber(L, 2);
	struct ctl_err err;
	struct gil *gil;
	int rc;

	seat_flush(seat_here());
	gil = gil_lend();
	rc = wait_for(seat_here(), engine, timeout, &err);
	gil_return(gil);
	if (rc == -ETIMEDOUT) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "timeout");
		return 2;
	}
	if (rc == -EINTR && err.text[0] == '\0')
		snprintf(err.text, sizeof(err.text), "interrupted");
	return shell_result(L, rc, &err);
}

struct names {
	char *text; /* names, each with its final 0 */
	size_t len, room;
};

/* Under ctl's lock: no Lua here.  What does not fit is left out: names are for completion. */
static void
on_name(void *arg, const char *name)
{
	struct names *n = arg;
	int len = snprintf(n->text + n->len, n->room - n->len, "%s", name);

	if (len >= 0 && (size_t)len < n->room - n->len)
		n->len += (size_t)len + 1;
}

/* names(kind, engine or nil): list; kind: engines, channels, links */
static int
core_names(lua_State *L)
{
	static const char *const kinds[] = {"engines", "channels", "links", NULL};
	static const enum ctl_kind values[] = {CTL_ENGINES, CTL_CHANNELS, CTL_LINKS};
	enum ctl_kind kind = values[luaL_checkoption(L, 1, NULL, kinds)];
	const char *engine = lua_tostring(L, 2);
	struct names n = {.len = 0, .room = 64 * 1024};
	struct gil *gil;
	size_t at;

	n.text = lua_newuserdatauv(L, n.room, 0);
	gil = gil_lend();
	ctl_names(seat_here()->sh->ctl, kind, engine, on_name, &n);
	gil_return(gil);
	lua_newtable(L);
	for (at = 0; at < n.len; at += lua_rawlen(L, -1) + 1, lua_pop(L, 1)) {
		lua_pushstring(L, n.text + at);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
	}
	return 1;
}

/* explain(engine or nil, file, packet or 0 for all, function): calls it with a table for each
 */
static int
core_explain(lua_State *L)
{
	const struct ctl_explain_args args = {
		.engine = lua_tostring(L, 1),
		.file = lua_tostring(L, 2),
		.packet = (uint64_t)lua_tointeger(L, 3),
	};

	return visit_explain(L, shell_of(L)->ctl, &args, 4);
}

/* doctor(ifname or nil): table; nil and a sentence */
static int
core_doctor(lua_State *L)
{
	return visit_doctor(L, lua_tostring(L, 1));
}

/* top(engine, channel or nil, n): list; nil and a sentence */
static int
core_top(lua_State *L)
{
	return visit_top(L, shell_of(L)->ctl, lua_tostring(L, 1), lua_tostring(L, 2),
		(uint32_t)lua_tointeger(L, 3));
}

const luaL_Reg lua_pkteng_core[] = {
	{"engine_new", core_engine_new},
	{"engine_delete", core_engine_delete},
	{"engine_start", core_engine_start},
	{"engine_stop", core_engine_stop},
	{"link", core_link},
	{"unlink", core_unlink},
	{"open_channel", core_open_channel},
	{"close_channel", core_close_channel},
	{"rotate", core_rotate},
	{"wait", core_wait},
	{"names", core_names},
	{"explain", core_explain},
	{"top", core_top},
	{"doctor", core_doctor},
	{NULL, NULL},
};
