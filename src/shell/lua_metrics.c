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
	struct gil *gil = gil_lend();
	int rc = 0;

	if (listen == NULL)
		metrics_stop();
	else
		rc = metrics_serve(seat_here()->sh->ctl, listen, address, &err);
	gil_return(gil);
	if (listen == NULL) {
		lua_pushboolean(L, 1);
		return 1;
	}
	if (rc < 0)
		return shell_result(L, rc, &err);
	lua_pushstring(L, address);
	return 1;
}

const luaL_Reg lua_metrics_core[] = {
	{"metrics", core_metrics},
	{NULL, NULL},
};
