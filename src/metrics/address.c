/*
 * metrics/address: a socket that listens where the user says, and nowhere else: an address and
 * a port, no names, no default.
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 128

static int
refuse(struct ctl_err *err, int rc, const char *listen, const char *why)
{
	snprintf(err->text, sizeof(err->text), "cannot serve metrics at \"%.64s\": %s", listen,
		why);
	return rc;
}

/* "ADDRESS:PORT", of which it is said by brackets if the address has colons. */
static bool
split(const char *listen, char host[METRICS_ADDRESS_MAX], const char **port)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon != NULL ? (size_t)(colon - listen) : 0;
	bool brackets = len > 2 && listen[0] == '[' && colon[-1] == ']';

	if (len == 0 || len >= METRICS_ADDRESS_MAX ||
		(!brackets && memchr(listen, ':', len) != NULL))
		return false;
	snprintf(host, METRICS_ADDRESS_MAX, "%.*s", (int)(brackets ? len - 2 : len),
		listen + brackets);
	*port = colon + 1;
	return brackets == (strchr(host, ':') != NULL) && **port != '\0' &&
	       strspn(*port, "0123456789") == strlen(*port) && strlen(*port) <= 5;
}

static int
parse(const char *listen, struct addrinfo **out, struct ctl_err *err)
{
	static const char usage[] = "it must be an address and a port, as in 127.0.0.1:9464 or "
				    "[::1]:9464";
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	char host[METRICS_ADDRESS_MAX];
	const char *port;
	unsigned number;

	if (!split(listen, host, &port) || sscanf(port, "%u", &number) != 1 || number > 65535)
		return refuse(err, -EINVAL, listen, usage);
	if (getaddrinfo(host, port, &hints, out) != 0)
		return refuse(err, -EINVAL, listen, usage);
	return 0;
}

/* As parse reads it. */
static int
told(int fd, char address[METRICS_ADDRESS_MAX])
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[METRICS_ADDRESS_MAX - 10], port[8];

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	snprintf(address, METRICS_ADDRESS_MAX, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s",
		host, port);
	return 0;
}

static int
set_up(int fd, const struct addrinfo *at)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (at->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int
http_listen(const char *listen, char address[METRICS_ADDRESS_MAX], int *fd, struct ctl_err *err)
{
	struct addrinfo *at = NULL;
	int rc = parse(listen, &at, err);

	if (rc < 0)
		return rc;
	*fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = *fd < 0 ? -errno : set_up(*fd, at);
	freeaddrinfo(at);
	if (rc == 0)
		rc = told(*fd, address);
	if (rc == 0)
		return 0;
	if (*fd >= 0)
		close(*fd);
	return refuse(err, rc, listen,
		rc == -EADDRINUSE ? "another program listens there already; choose another port"
				  : strerror(-rc));
}
