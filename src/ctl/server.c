/*
 * ctl/server: the thread that watches the attach socket and every application's connection.  It
 * takes ctl->lock for each event and waits without it; only it frees clients while it runs.
 */
#include "state.h"
#include "os.h"
#include "privileges.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS  4096
#define FULL_POLL_MS 100 /* without descriptors: how often a new client is tried again */

static void
client_free(struct ctl *ctl, struct ctl_client *client)
{
	TAILQ_REMOVE(&ctl->clients, client, entry);
	close(client->sock);
	if (client->bell_fd >= 0)
		close(client->bell_fd);
	free(client);
}

static bool
without_channel(const struct ctl_client *client)
{
	return client->state == CTL_CLIENT_NEW || client->state == CTL_CLIENT_LISTING;
}

/* Those that have a channel are as many as there are channels: only the others need a limit. */
static void
client_limit(struct ctl *ctl, struct ctl_client *client)
{
	const struct ctl_client *other;
	char text[CHAN_TEXT_MAX];
	unsigned n = 0;

	TAILQ_FOREACH(other, &ctl->clients, entry)
	n += other->uid == client->uid && without_channel(other);
	if (n <= CTL_CONNECTS_MAX || ctl_client_trusted(client))
		return;
	snprintf(text, sizeof(text),
		"uid %u has %d connections to the daemon that have no channel, the most there "
		"may be; end some of those programs",
		(unsigned)client->uid, CTL_CONNECTS_MAX);
	ctl_client_refuse(client, -EMFILE, text);
}

/* Another user's connection may not stay for ever without a channel.  How long poll may take
 * until the next one's time is over; -1: there is none. */
static int
idle_expire(struct ctl *ctl)
{
	uint64_t now = os_clock_mono_ns(), most = CTL_CONNECT_IDLE_S * UINT64_C(1000000000);
	struct ctl_client *client;
	uint64_t next = UINT64_MAX;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	{
		if (!without_channel(client) || ctl_client_trusted(client))
			continue;
		if (now - client->since_ns >= most)
			client->state = CTL_CLIENT_GONE;
		else if (client->since_ns + most - now < next)
			next = client->since_ns + most - now;
	}
	return next == UINT64_MAX ? -1 : (int)(next / 1000000 + 1);
}

static void
client_accept(struct ctl *ctl)
{
	int sock = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ctl_client *client;
	struct os_cred cred = {0};

	ctl->server_full = sock < 0 && (errno == EMFILE || errno == ENFILE ||
					       errno == ENOBUFS || errno == ENOMEM);
	if (sock < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL || os_peer_cred(sock, &cred) < 0) {
		free(client);
		close(sock);
		return;
	}
	client->sock = sock;
	client->bell_fd = -1;
	client->pid = cred.pid;
	client->uid = cred.uid;
	client->since_ns = os_clock_mono_ns();
	os_proc_name(cred.pid, client->program, sizeof(client->program));
	TAILQ_INSERT_TAIL(&ctl->clients, client, entry);
	client_limit(ctl, client);
}

static void
clients_sweep(struct ctl *ctl)
{
	struct ctl_client *client = TAILQ_FIRST(&ctl->clients);

	while (client != NULL) {
		struct ctl_client *next = TAILQ_NEXT(client, entry);

		if (client->state == CTL_CLIENT_GONE)
			client_free(ctl, client);
		client = next;
	}
}

static nfds_t
poll_fill(struct ctl *ctl, struct pollfd *fds, struct ctl_client **who)
{
	struct ctl_client *client;
	nfds_t n = 2;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	{
		if (n == MAX_CLIENTS)
			break;
		who[n] = client;
		fds[n++] = (struct pollfd){.fd = client->sock,
			.events = client->state == CTL_CLIENT_LISTING ? POLLOUT : POLLIN};
	}
	fds[0] = (struct pollfd){.fd = ctl->bell_fd, .events = POLLIN};
	/* Full: new ones wait in the socket's queue until somebody leaves. */
	fds[1] = (struct pollfd){
		.fd = n < MAX_CLIENTS && !ctl->server_full ? ctl->listen_fd : -1,
		.events = POLLIN};
	return n;
}

static void *
server_main(void *arg)
{
	static struct pollfd fds[MAX_CLIENTS];
	static struct ctl_client *who[MAX_CLIENTS];
	struct ctl *ctl = arg;
	int timeout;

	os_thread_name("pacf-attach");
	os_thread_role(OS_ROLE_SERVER);
	pthread_mutex_lock(&ctl->lock);
	while (!ctl->server_stop) {
		nfds_t n;

		timeout = idle_expire(ctl);
		clients_sweep(ctl);
		n = poll_fill(ctl, fds, who);
		if (ctl->server_full && (timeout < 0 || timeout > FULL_POLL_MS))
			timeout = FULL_POLL_MS;
		ctl->server_full = false;
		pthread_mutex_unlock(&ctl->lock);
		poll(fds, n, timeout);
		pthread_mutex_lock(&ctl->lock);
		if (fds[0].revents != 0)
			os_bell_drain(ctl->bell_fd);
		ctl_liars_detach(ctl);
		/* Only this thread frees clients, so `who` is still good. */
		for (nfds_t i = 2; i < n; i++)
			if (fds[i].revents != 0)
				ctl_client_event(ctl, who[i]);
		if (fds[1].revents != 0)
			client_accept(ctl);
	}
	pthread_mutex_unlock(&ctl->lock);
	return NULL;
}

static int
server_start(struct ctl *ctl)
{
	sigset_t before;
	int rc;

	os_signals_block(&before);
	rc = pthread_create(&ctl->server, NULL, server_main, ctl);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

/* Who could replace the socket could answer in our place. */
static int
rundir_check(const char *rundir, struct ctl_err *err)
{
	int rc = os_rundir_check(rundir);

	if (rc == -EPERM)
		return ctl_fail(err, rc,
			"%s belongs to another user, who could replace the sockets in it: set "
			"PACF_RUNDIR to a folder of your own",
			rundir);
	if (rc == -EACCES)
		return ctl_fail(err, rc,
			"others may write into %s, or into a folder above it, and could "
			"replace "
			"the sockets in it: chmod go-w, or set PACF_RUNDIR to another folder",
			rundir);
	return rc < 0 ? ctl_fail(err, rc, "%s: %s; set PACF_RUNDIR to another folder", rundir,
				strerror(-rc))
		      : 0;
}

int
ctl_attach_up(struct ctl *ctl, struct ctl_err *err)
{
	char rundir[512];
	int rc;

	if (ctl->server_up)
		return 0;
	rc = os_rundir(rundir, sizeof(rundir), true);
	if (rc < 0)
		return ctl_fail(err, rc, "no folder for the attach socket: %s; set PACF_RUNDIR",
			strerror(-rc));
	rc = rundir_check(rundir, err);
	if (rc < 0)
		return rc;
	rc = chan_attach_listen(rundir, &ctl->lock_fd);
	if (rc == -EADDRINUSE)
		return ctl_fail(err, rc,
			"another pacf already serves %s: stop it, or set PACF_RUNDIR to "
			"another folder",
			rundir);
	if (rc < 0)
		return ctl_fail(err, rc,
			"cannot listen in %s: %s; set PACF_RUNDIR to a folder of your own",
			rundir, strerror(-rc));
	ctl->listen_fd = rc;
	rc = ctl_access_apply(ctl, err);
	if (rc == 0 && (rc = server_start(ctl)) < 0)
		ctl_fail(err, rc, "cannot start the attach server: %s", strerror(-rc));
	if (rc < 0) {
		chan_attach_unlisten(rundir, ctl->listen_fd, ctl->lock_fd);
		ctl->listen_fd = ctl->lock_fd = -1;
		return rc;
	}
	ctl->server_up = true;
	return 0;
}

void
ctl_attach_down(struct ctl *ctl)
{
	char rundir[512];

	if (!ctl->server_up)
		return;
	pthread_mutex_lock(&ctl->lock);
	ctl->server_stop = true;
	pthread_mutex_unlock(&ctl->lock);
	os_bell_ring(ctl->bell_fd);
	pthread_join(ctl->server, NULL);
	while (!TAILQ_EMPTY(&ctl->clients))
		client_free(ctl, TAILQ_FIRST(&ctl->clients));
	if (os_rundir(rundir, sizeof(rundir), false) == 0) {
		chan_attach_unlisten(rundir, ctl->listen_fd, ctl->lock_fd);
	} else {
		close(ctl->listen_fd);
		close(ctl->lock_fd);
	}
	ctl->listen_fd = ctl->lock_fd = -1;
	ctl->server_up = false;
}
