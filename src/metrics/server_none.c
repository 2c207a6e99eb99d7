/*
 * metrics/server_none: of a build without libmicrohttpd.
 */
#include "metrics.h"

#include <errno.h>
#include <stdio.h>

int
metrics_serve(struct ctl *ctl, const char *listen, char address[METRICS_ADDRESS_MAX],
	struct ctl_err *err)
{
	(void)ctl;
	(void)address;
	snprintf(err->text, sizeof(err->text),
		"cannot serve metrics at \"%.64s\": this pacf was built without libmicrohttpd; "
		"install it (libmicrohttpd-dev) and build again",
		listen);
	return -ENOTSUP;
}

void
metrics_stop(void)
{
}
