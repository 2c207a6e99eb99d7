/*
 * shell: opening and closing, and the three ways of feeding it that need no terminal.  main.c
 * calls this on the main thread.
 */
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
load_prelude(lua_State *L)
{
	luaL_openlibs(L);
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
shell_open(struct shell **out, struct ctl *ctl, struct ctl_err *err)
{
	struct shell *sh = calloc(1, sizeof(*sh));
	const char *text;

	*out = NULL;
	if (sh == NULL)
		goto no_memory;
	sh->ctl = ctl;
	sh->exit_code = -1;
	if (ctl_breaker_open(&sh->breaker) < 0)
		goto no_memory;
	sh->lua = luaL_newstate();
	if (sh->lua == NULL)
		goto no_memory;
	*(struct shell **)lua_getextraspace(sh->lua) = sh;
	lua_pushcfunction(sh->lua, load_prelude);
	if (lua_pcall(sh->lua, 0, 0, 0) != LUA_OK) {
		text = lua_tostring(sh->lua, -1);
		snprintf(err->text, sizeof(err->text), "the shell can't start: %s",
			text != NULL ? text : "not enough memory");
		shell_close(sh);
		return -ENOMEM;
	}
	eval_watch(sh);
	signals_install(sh);
	*out = sh;
	return 0;

no_memory:
	if (sh != NULL)
		ctl_breaker_close(sh->breaker);
	free(sh);
	snprintf(err->text, sizeof(err->text), "the shell can't start: not enough memory");
	return -ENOMEM;
}

void
shell_close(struct shell *sh)
{
	if (sh == NULL)
		return;
	lua_close(sh->lua);
	signals_restore();
	ctl_breaker_close(sh->breaker);
	free(sh);
}

bool
shell_leaving(const struct shell *sh)
{
	return sh->leaving || signals_fatal(sh) != 0;
}

int
shell_status(const struct shell *sh)
{
	if (signals_fatal(sh) != 0)
		return 128 + signals_fatal(sh);
	if (sh->exit_code >= 0)
		return sh->exit_code;
	return sh->failed ? 1 : 0;
}

static bool
finish(struct shell *sh, enum eval result)
{
	if (result == EVAL_FAILED)
		sh->failed = true;
	return result == EVAL_OK && !shell_leaving(sh);
}

bool
shell_run_file(struct shell *sh, const char *path)
{
	return finish(sh, eval_file(sh, path));
}

bool
shell_run_text(struct shell *sh, const char *text)
{
	return finish(sh, eval_text(sh, text, true));
}

bool
shell_explain(struct shell *sh, const char *file, const char *packet)
{
	bool ok;

	eval_watch(sh);
	lua_pushstring(sh->lua, file);
	lua_pushstring(sh->lua, packet); /* NULL: nil */
	ok = eval_prelude(sh, "explain_file", 2, 0);
	fflush(stdout);
	return finish(sh, ok ? EVAL_OK : EVAL_FAILED);
}

bool
shell_doctor(struct shell *sh, const char *ifname)
{
	bool ok;

	eval_watch(sh);
	lua_pushstring(sh->lua, ifname); /* NULL: nil */
	ok = eval_prelude(sh, "doctor_print", 1, 1);
	if (ok) {
		/* Nothing works: that is its answer, and no error. */
		sh->failed |= !lua_toboolean(sh->lua, -1);
		lua_pop(sh->lua, 1);
	}
	fflush(stdout);
	return finish(sh, ok ? EVAL_OK : EVAL_FAILED);
}

/* Appends a byte, keeps the text terminated; false: no memory. */
static bool
append(char **text, size_t *len, size_t *room, int byte)
{
	char *bigger;

	if (*len + 2 > *room) {
		bigger = realloc(*text, *room * 2 + 256);
		if (bigger == NULL)
			return false;
		*text = bigger;
		*room = *room * 2 + 256;
	}
	(*text)[(*len)++] = (char)byte;
	(*text)[*len] = '\0';
	return true;
}

bool
shell_run_input(struct shell *sh)
{
	char *text = NULL;
	size_t len = 0, room = 0;
	int byte;
	enum eval result;

	/* Byte by byte, so that io.read() in a command finds the very next one. */
	setvbuf(stdin, NULL, _IONBF, 0);
	do {
		byte = signals_input(sh);
		if (byte == INPUT_RESIZED)
			continue;
		if (byte == INPUT_SIGNAL)
			break;
		/* A 0 would cut the text short: it is not Lua anyway. */
		if (!append(&text, &len, &room,
			    byte == INPUT_EOF ? '\n'
			    : byte == 0	      ? '?'
					      : byte)) {
			fprintf(stderr, "error: not enough memory for this command\n");
			sh->failed = true;
			break;
		}
		if (byte != '\n' && byte != INPUT_EOF)
			continue;
		result = eval_text(sh, text, byte == INPUT_EOF);
		finish(sh, result);
		if (result != EVAL_MORE)
			len = 0;
	} while (byte != INPUT_EOF && !shell_leaving(sh));
	free(text);
	return !sh->failed && !shell_leaving(sh);
}
