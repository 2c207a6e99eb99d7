/*
 * shell/serve: the thread that watches the control socket and the sockets of all remote shells.
 * It reads and never waits for any of them; each has a thread of its own that runs its commands
 * (guest.c).
 *
 * Invariant: guests are made and freed on this thread only.
 */
#include "guest.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_GUESTS   64
#define FULL_POLL_MS 100  /* without descriptors: how often a new one is tried again */
#define END_MS	     3000 /* how long commands have to end when all is to end */

struct server {
	struct shell *sh;
	char rundir[512];
	int listen_fd, lock_fd, bell_fd;
	_Atomic bool stop;
	bool ended; /* all shells have, before the thread did */
	pthread_t thread;
	TAILQ_HEAD(, guest) guests;
	int nguests;
	bool full;
};

static void
refuse(int sock, const char *why)
{
	const struct remote_message msg = {
		.type = REMOTE_GOODBYE, .text = why, .text_bytes = strlen(why)};

	remote_send(sock, &msg, NULL, NULL); /* fits an empty socket's buffer */
	close(sock);
}

/* Whoever may connect by the socket's mode is looked at again: modes can be changed. */
static bool
may_enter(int sock)
{
	struct os_cred cred;

	return os_peer_cred(sock, &cred) == 0 && (cred.uid == 0 || cred.uid == geteuid());
}

static void
accept_one(struct server *server)
{
	int sock = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct guest *guest;

	server->full = sock < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
					   errno == ENOMEM);
	if (sock < 0)
		return;
	if (!may_enter(sock)) {
		refuse(sock, "only the daemon's own user and root may command it");
		return;
	}
	if (server->nguests == MAX_GUESTS) {
		refuse(sock, "the daemon serves 64 shells already; leave one of them first");
		return;
	}
	guest = guest_open(server->sh, sock, server->bell_fd);
	if (guest == NULL)
		return;
	TAILQ_INSERT_TAIL(&server->guests, guest, entry);
	server->nguests++;
}

static void
free_guest(struct server *server, struct guest *guest)
{
	TAILQ_REMOVE(&server->guests, guest, entry);
	server->nguests--;
	pthread_join(guest->thread, NULL);
	guest_close(guest);
}

static void
sweep(struct server *server)
{
	struct guest *guest = TAILQ_FIRST(&server->guests);

	while (guest != NULL) {
		struct guest *next = TAILQ_NEXT(guest, entry);

		if (atomic_load(&guest->finished))
			free_guest(server, guest);
		guest = next;
	}
}

static bool
all_finished(const struct server *server)
{
	struct guest *guest;

	TAILQ_FOREACH(guest, &server->guests, entry)
	if (!atomic_load(&guest->finished))
		return false;
	return true;
}

/* false: a command can't be ended: Lua's own functions, such as string.find, look at no
 * interrupt. */
static bool
end_all(struct server *server)
{
	struct pollfd bell = {.fd = server->bell_fd, .events = POLLIN};
	uint64_t until = os_clock_mono_ns() + END_MS * UINT64_C(1000000);
	struct guest *guest;

	TAILQ_FOREACH(guest, &server->guests, entry)
	guest_end(guest, "the daemon ended");
	while (!all_finished(server)) {
		if (os_clock_mono_ns() >= until)
			return false;
		poll(&bell, 1, FULL_POLL_MS);
		os_bell_drain(server->bell_fd);
	}
	while ((guest = TAILQ_FIRST(&server->guests)) != NULL)
		free_guest(server, guest);
	return true;
}

/* Those that are to end are not read from any more. */
static nfds_t
fill(struct server *server, struct pollfd *fds, struct guest **who)
{
	struct guest *guest;
	nfds_t n = 2;

	fds[0] = (struct pollfd){.fd = server->bell_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = server->full ? -1 : server->listen_fd, .events = POLLIN};
	TAILQ_FOREACH(guest, &server->guests, entry)
	{
		if (atomic_load(&guest->ended))
			continue;
		who[n] = guest;
		fds[n++] = (struct pollfd){.fd = guest->sock, .events = POLLIN};
	}
	return n;
}

static void *
server_main(void *arg)
{
	struct server *server = arg;
	struct pollfd fds[MAX_GUESTS + 2];
	struct guest *who[MAX_GUESTS + 2];
	nfds_t n;

	os_thread_name("pacf-control");
	while (!atomic_load(&server->stop)) {
		n = fill(server, fds, who);
		if (poll(fds, n, server->full ? FULL_POLL_MS : -1) < 0 && errno != EINTR)
			break;
		os_bell_drain(server->bell_fd);
		for (nfds_t i = 2; i < n; i++)
			if (fds[i].revents != 0)
				guest_read(who[i]);
		sweep(server);
		accept_one(server);
	}
	server->ended = end_all(server);
	return NULL;
}

static int
new_nursery(lua_State *L)
{
	struct shell *sh = lua_touserdata(L, 1);

	sh->nursery = lua_newthread(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, sh);
	return 0;
}

static int
nursery_open(struct shell *sh)
{
	bool entered = gil_enter(&sh->gil), ok;

	lua_pushcfunction(sh->lua, new_nursery);
	lua_pushlightuserdata(sh->lua, sh);
	ok = lua_pcall(sh->lua, 1, 0, 0) == LUA_OK;
	if (!ok)
		lua_pop(sh->lua, 1);
	gil_exit(&sh->gil, entered);
	return ok ? 0 : -ENOMEM;
}

/* Who has the socket. */
static void
name_rival(const char *rundir, char *buf, size_t size)
{
	int sock = remote_connect(rundir);
	struct os_cred cred = {0};
	char program[64];

	snprintf(buf, size, "another process");
	if (sock < 0)
		return;
	if (os_peer_cred(sock, &cred) == 0 && cred.pid != 0) {
		os_proc_name(cred.pid, program, sizeof(program));
		snprintf(buf, size, "process %d (%s)", (int)cred.pid, program);
	}
	close(sock);
}

static int
fail(const struct server *server, int rc, struct ctl_err *err)
{
	char rival[96];

	if (rc == -EADDRINUSE) {
		name_rival(server->rundir, rival, sizeof(rival));
		snprintf(err->text, sizeof(err->text),
			"a daemon runs already: %s has %s/" REMOTE_SOCKET
			"; pacfctl talks to it, and PACF_RUNDIR names another folder",
			rival, server->rundir);
	} else {
		snprintf(err->text, sizeof(err->text),
			"remote shells can't be served on %s/" REMOTE_SOCKET ": %s",
			server->rundir, strerror(-rc));
	}
	return rc;
}

static int
server_start(struct server *server)
{
	int rc = nursery_open(server->sh);

	server->bell_fd = os_bell_create();
	if (rc == 0 && server->bell_fd < 0)
		rc = server->bell_fd;
	if (rc == 0)
		rc = -pthread_create(&server->thread, NULL, server_main, server);
	if (rc == 0)
		return 0;
	if (server->bell_fd >= 0)
		close(server->bell_fd);
	remote_unlisten(server->rundir, server->listen_fd, server->lock_fd);
	return rc;
}

int
shell_serve(struct shell *sh, struct ctl_err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (server == NULL) {
		snprintf(err->text, sizeof(err->text),
			"remote shells can't be served: not enough memory");
		return -ENOMEM;
	}
	server->sh = sh;
	TAILQ_INIT(&server->guests);
	rc = os_rundir(server->rundir, sizeof(server->rundir), true);
	if (rc == 0)
		rc = server->listen_fd = remote_listen(server->rundir, &server->lock_fd);
	if (rc >= 0)
		rc = server_start(server);
	if (rc < 0) {
		rc = fail(server, rc, err);
		free(server);
		return rc;
	}
	sh->server = server;
	return 0;
}

/* No lock of Lua is held here: guests need it to end. */
bool
shell_serve_end(struct shell *sh)
{
	struct server *server = sh->server;

	if (server == NULL)
		return true;
	atomic_store(&server->stop, true);
	os_bell_ring(server->bell_fd);
	pthread_join(server->thread, NULL);
	remote_unlisten(server->rundir, server->listen_fd, server->lock_fd);
	sh->server = NULL;
	if (!server->ended)
		return false; /* what runs still needs it */
	close(server->bell_fd);
	free(server);
	return true;
}
