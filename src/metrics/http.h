/*
 * metrics/http: what of HTTP and of addresses is ours to understand; pure functions, used by
 * the server.
 */
#ifndef PACF_METRICS_HTTP_H
#define PACF_METRICS_HTTP_H

#include "metrics.h"

#include <sys/socket.h>

/* The format that a request's Accept (NULL: none) likes best: OpenMetrics if it is named, and
 * no less welcome than text. */
enum metrics_format http_format(const char *accept);
const char *http_type(enum metrics_format format);

/* A listening socket, *fd the caller's to close, and where it is. */
int http_listen(
	const char *listen, char address[METRICS_ADDRESS_MAX], int *fd, struct ctl_err *err);

#endif
