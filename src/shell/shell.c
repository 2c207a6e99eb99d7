/*
 * shell: opens the Lua state and runs scripts at the local seat.  Called by main, on the main
 * thread.
 */
#include "internal.h"
#include "os.h"
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
load_prelude(lua_State *L)
{
	luaL_openlibs(L);
	lua_io_open(L);
	lua_newtable(L); /* 1: core */
	luaL_setfuncs(L, lua_pacf_core, 0);
	luaL_setfuncs(L, lua_pkteng_core, 0);
	luaL_setfuncs(L, lua_metrics_core, 0);
	lua_newtable(L); /* 2: what the chunks of the prelude share */
	lua_pushvalue(L, 2);
	lua_setfield(L, LUA_REGISTRYINDEX, "pacf.prelude");
	for (const struct shell_chunk *c = shell_prelude; c->name != NULL; c++) {
		if (luaL_loadbufferx(L, c->text, c->bytes, c->name, "t") != LUA_OK)
			return lua_error(L);
		lua_pushvalue(L, 1);
		lua_pushvalue(L, 2);
		lua_call(L, 2, 0);
	}
	return 0;
}

int
seat_open(struct seat *seat, struct shell *sh, const struct seat_ops *ops)
{
	seat->ops = ops;
	seat->sh = sh;
	seat->exit_code = -1;
	return ctl_breaker_open(&seat->breaker);
}

void
seat_close(struct seat *seat)
{
	ctl_breaker_close(seat->breaker);
}

static void
on_signal(void *arg)
{
	const struct shell *sh = arg;

	ctl_break(sh->local.breaker);
}

static int
open_lua(struct shell *sh, struct ctl_err *err)
{
	const char *text;

	sh->lua = sh->local.lua = luaL_newstate();
	if (sh->lua == NULL)
		return -ENOMEM;
	seat_sit(&sh->local);
	lua_pushcfunction(sh->lua, load_prelude);
	if (lua_pcall(sh->lua, 0, 0, 0) == LUA_OK)
		return 0;
	text = lua_tostring(sh->lua, -1);
	snprintf(err->text, sizeof(err->text), "the shell can't start: %s",
		text != NULL ? text : "not enough memory");
	return -ENOMEM;
}

int
shell_open(struct shell **out, struct ctl *ctl, struct ctl_err *err)
{
	struct shell *sh = calloc(1, sizeof(*sh));
	int rc = -ENOMEM;

	*out = NULL;
	if (sh == NULL)
		goto fail;
	sh->ctl = ctl;
	gil_init(&sh->gil);
	sh->stop_fd = os_bell_create();
	rc = sh->stop_fd < 0 ? sh->stop_fd : seat_open(&sh->local, sh, &seat_local);
	if (rc == 0)
		rc = open_lua(sh, err);
	if (rc < 0)
		goto fail;
	eval_watch(&sh->local);
	term_signals_install(on_signal, sh);
	*out = sh;
	return 0;

fail:
	if (err->text[0] == '\0')
		snprintf(err->text, sizeof(err->text), "the shell can't start: %s",
			strerror(-rc));
	shell_close(sh);
	return rc;
}

void
shell_close(struct shell *sh)
{
	if (sh == NULL)
		return;
	shell_serve_end(sh);
	if (sh->lua != NULL)
		lua_close(sh->lua);
	term_signals_restore();
	seat_close(&sh->local);
	if (sh->stop_fd >= 0)
		close(sh->stop_fd);
	gil_destroy(&sh->gil);
	free(sh);
}

void
shell_stop(struct shell *sh)
{
	atomic_store(&sh->stop, true);
	os_bell_ring(sh->stop_fd);
}

/* A signal breaks what the local seat waits for, and nobody takes that here. */
int
shell_wait_end(struct shell *sh)
{
	struct pollfd fds[2] = {{.fd = sh->stop_fd, .events = POLLIN},
		{.fd = ctl_breaker_fd(sh->local.breaker), .events = POLLIN}};

	while (!atomic_load(&sh->stop) && !shell_leaving(sh)) {
		poll(fds, 2, -1);
		if (!shell_leaving(sh))
			ctl_breaker_take(sh->local.breaker);
	}
	return local_fatal(&sh->local);
}

bool
shell_leaving(const struct shell *sh)
{
	return seat_left(&sh->local);
}

int
shell_status(const struct shell *sh)
{
	if (local_fatal(&sh->local) != 0)
		return 128 + local_fatal(&sh->local);
	if (sh->local.exit_code >= 0)
		return sh->local.exit_code;
	return sh->local.failed ? 1 : 0;
}

bool
shell_finish(struct shell *sh, enum eval result)
{
	if (result == EVAL_FAILED)
		sh->local.failed = true;
	return result == EVAL_OK && !shell_leaving(sh);
}

bool
shell_run_file(struct shell *sh, const char *path)
{
	return shell_finish(sh, eval_file(&sh->local, path));
}

bool
shell_run_text(struct shell *sh, const char *text)
{
	return shell_finish(sh, eval_text(&sh->local, text, true));
}

/* Calls a function of the prelude with strings, of which the last may be NULL. */
static bool
run_prelude(struct shell *sh, const char *name, const char *one, const char *two, int nargs)
{
	lua_State *L = sh->lua;
	bool entered = gil_enter(&sh->gil), ok;

	eval_watch(&sh->local);
	lua_pushstring(L, one); /* NULL: nil */
	if (nargs == 2)
		lua_pushstring(L, two);
	ok = eval_prelude(&sh->local, name, nargs, 1);
	seat_flush(&sh->local);
	gil_exit(&sh->gil, entered);
	return shell_finish(sh, ok ? EVAL_OK : EVAL_FAILED) || ok;
}

bool
shell_explain(struct shell *sh, const char *file, const char *packet)
{
	bool ok = run_prelude(sh, "explain_file", file, packet, 2);

	lua_settop(sh->lua, 0);
	return ok && !shell_leaving(sh);
}

bool
shell_doctor(struct shell *sh, const char *ifname)
{
	bool ok = run_prelude(sh, "doctor_print", ifname, NULL, 1);

	/* Nothing works: that is its answer, and no error. */
	sh->local.failed |= ok && !lua_toboolean(sh->lua, -1);
	lua_settop(sh->lua, 0);
	return ok && !shell_leaving(sh);
}
