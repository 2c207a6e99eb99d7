/*
 * metrics/server: libmicrohttpd answers GET /metrics, on a thread of its own.  Whoever connects
 * is a stranger: a request has a small buffer and is not waited for long, each connection is
 * good for one request, and when there are many the oldest one goes, so that a client that
 * holds what it has never keeps another out.
 */
#include "http.h"
#include "os.h"
#include "privileges.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define REQUEST_BYTES (16 * 1024)
#define IDLE_S	      10u
#define CONNECTIONS   32u
/* Beyond these the oldest goes: there is always room to accept. */
#define CONNECTIONS_KEPT 16u

/* Of the server's thread alone. */
struct client {
	TAILQ_ENTRY(client) entry;
	struct MHD_Connection *connection;
	bool sent_away;
};
struct server {
	struct MHD_Daemon *daemon;
	struct ctl *ctl;
	char listen[METRICS_ADDRESS_MAX], address[METRICS_ADDRESS_MAX];
	TAILQ_HEAD(clients, client) clients; /* oldest first */
	unsigned nclients;		     /* those not sent away */
};

/* One a process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct server *served;

static enum MHD_Result
reply(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
	const char *type)
{
	enum MHD_Result ok = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
		MHD_add_response_header(response, "Connection", "close") == MHD_YES &&
		(status != MHD_HTTP_METHOD_NOT_ALLOWED ||
			MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES))
		ok = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ok;
}

static enum MHD_Result
reply_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
	return reply(connection, status,
		MHD_create_response_from_buffer(
			strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT),
		"text/plain; charset=utf-8");
}

static enum MHD_Result
reply_metrics(struct server *server, struct MHD_Connection *connection)
{
	enum metrics_format format =
		http_format(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"));
	struct MHD_Response *response;
	size_t bytes;
	char *text;

	if (metrics_write(server->ctl, format, &text, &bytes) < 0)
		return reply_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	response = MHD_create_response_from_buffer(bytes, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	return reply(connection, MHD_HTTP_OK, response, http_type(format));
}

/* Called when a request's headers are there; a body is not read. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *body, size_t *body_bytes, void **state)
{
	(void)version;
	(void)body;
	(void)body_bytes;
	(void)state;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			"metrics are read with GET or HEAD\n");
	if (strcmp(url, "/metrics") != 0)
		return reply_text(
			connection, MHD_HTTP_NOT_FOUND, "Host PACF: metrics are at /metrics\n");
	return reply_metrics(arg, connection);
}

static void
oldest_send_away(struct server *server)
{
	const union MHD_ConnectionInfo *info;
	struct client *client;

	TAILQ_FOREACH(client, &server->clients, entry)
	if (!client->sent_away)
		break;
	if (client == NULL)
		return;
	client->sent_away = true;
	server->nclients--;
	info = MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL)
		shutdown(info->connect_fd, SHUT_RDWR);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_ConnectionNotificationCode what)
{
	static _Thread_local bool known;
	struct server *server = arg;
	struct client *client = *state;

	if (!known) /* the server's thread comes by for the first time: it needs no rights */
		os_thread_role(OS_ROLE_SERVER);
	known = true;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED && client != NULL) {
		TAILQ_REMOVE(&server->clients, client, entry);
		server->nclients -= !client->sent_away;
		free(client);
		*state = NULL;
	} else if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		client = calloc(1, sizeof(*client));
		if (client == NULL)
			return; /* it may stay until it times out */
		client->connection = connection;
		*state = client;
		TAILQ_INSERT_TAIL(&server->clients, client, entry);
		if (++server->nclients > CONNECTIONS_KEPT)
			oldest_send_away(server);
	}
}

/* Signals are the main thread's. */
static struct MHD_Daemon *
start_quiet(struct server *server, int fd)
{
	struct MHD_Daemon *daemon;
	sigset_t before;

	os_signals_block(&before);
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ITC,
		0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static int
server_open(struct server **out, struct ctl *ctl, const char *listen, struct ctl_err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int fd, rc;

	if (server == NULL) {
		snprintf(err->text, sizeof(err->text), "metrics: out of memory");
		return -ENOMEM;
	}
	server->ctl = ctl;
	TAILQ_INIT(&server->clients);
	rc = http_listen(listen, server->address, &fd, err);
	if (rc < 0) {
		free(server);
		return rc;
	}
	snprintf(server->listen, sizeof(server->listen), "%s", listen);
	server->daemon = start_quiet(server, fd);
	if (server->daemon == NULL) {
		close(fd);
		free(server);
		snprintf(err->text, sizeof(err->text),
			"cannot serve metrics at \"%.64s\": libmicrohttpd cannot start its "
			"thread",
			listen);
		return -EAGAIN;
	}
	*out = server;
	return 0;
}

static void
server_close(struct server *server)
{
	if (server == NULL)
		return;
	MHD_stop_daemon(server->daemon); /* and the listening socket */
	free(server);
}

int
metrics_serve(struct ctl *ctl, const char *listen, char address[METRICS_ADDRESS_MAX],
	struct ctl_err *err)
{
	struct server *server = NULL;
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (served == NULL ||
		(strcmp(served->listen, listen) != 0 && strcmp(served->address, listen) != 0)) {
		rc = server_open(&server, ctl, listen, err);
		if (rc == 0) {
			server_close(served);
			served = server;
		} else if (rc == -EADDRINUSE && served != NULL) {
			snprintf(err->text, sizeof(err->text),
				"cannot serve metrics at \"%.64s\": that is in use; they are "
				"served at \"%s\", which pacf.metrics({listen=false}) ends",
				listen, served->address);
		}
	}
	if (rc == 0)
		snprintf(address, METRICS_ADDRESS_MAX, "%s", served->address);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
metrics_stop(void)
{
	pthread_mutex_lock(&lock);
	server_close(served);
	served = NULL;
	pthread_mutex_unlock(&lock);
}
