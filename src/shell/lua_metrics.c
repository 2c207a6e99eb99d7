/*
 * shell/lua_metrics: the functions of `core` that pacf.metrics is made of.  Called by the
 * prelude with checked arguments.
 */
#include "internal.h"
#include "metrics.h"

/* metrics(listen): the address; nil and a sentence.  metrics(): serves no more; true. */
static int
core_metrics(lua_State *L)
{
	const char *listen = lua_tostring(L, 1);
	char address[METRICS_ADDRESS_MAX];
	struct ctl_err err = {""};
	int rc;

	if (listen == NULL) {
		metrics_stop();
		lua_pushboolean(L, 1);
		return 1;
	}
	rc = metrics_serve(shell_of(L)->ctl, listen, address, &err);
	if (rc < 0)
		return shell_result(L, rc, &err);
	lua_pushstring(L, address);
	return 1;
}

const luaL_Reg lua_metrics_core[] = {
	{"metrics", core_metrics},
	{NULL, NULL},
};
