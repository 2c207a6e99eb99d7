/*
 * metrics: the figures of all engines over HTTP, in the text format of Prometheus and in
 * OpenMetrics.  It sees the control plane (ctl.h, counters.h) and nothing below it, and asks it
 * as every shell does: by ctl_visit, which holds the lock while it walks; all that is slow
 * happens afterwards.
 *
 * One server a process, on a thread of its own.  Without libmicrohttpd (server_none.c) serving
 * fails with a sentence; the text can be had all the same.
 */
#ifndef PACF_METRICS_H
#define PACF_METRICS_H

#include "ctl.h"

#include <stddef.h>

#define METRICS_ADDRESS_MAX 64

/*
 * Serves at `listen`, which is an address and a port as in "127.0.0.1:9464" or "[::1]:9464"
 * (port 0: any that is free), and writes to `address` what it serves at.  Served elsewhere
 * before: there no more, if this succeeds.  ctl must live until metrics_stop.  Any thread; 0 or
 * -errno and a sentence.
 */
int metrics_serve(struct ctl *ctl, const char *listen, char address[METRICS_ADDRESS_MAX],
	struct ctl_err *err);
/* Returns when nobody is served any more; not served: nothing. */
void metrics_stop(void);

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };
/* What a scrape gets.  *text is the caller's to free. -ENOMEM. */
int metrics_write(struct ctl *ctl, enum metrics_format format, char **text, size_t *bytes);

#endif
