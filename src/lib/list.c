/*
 * lib/list: finding the daemon, and pacf_list.  Called on the application's threads; keeps no
 * state.
 */
#include "lib.h"
#include "os.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Then a user without a daemon of his own means root's. */
static bool
nobody_there(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ECONNREFUSED;
}

int
lib_connect(char *errbuf)
{
	char dir[256];
	int sock, err = os_rundir(dir, sizeof(dir), false);

	if (err != 0 && err != -ENOENT)
		return lib_fail(errbuf, err,
			"don't know where to look for a pacf daemon (%s): set PACF_RUNDIR",
			strerror(-err));
	sock = err == 0 ? chan_attach_connect(dir) : err;
	if (nobody_there(sock) && getenv("PACF_RUNDIR") == NULL) {
		snprintf(dir, sizeof(dir), "%s", os_rundir_of_root());
		sock = chan_attach_connect(dir);
	}
	switch (sock) {
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
		return lib_fail(errbuf, -ENOENT,
			"no pacf daemon answers in %.160s: start one (bin/pacf) or set "
			"PACF_RUNDIR",
			dir);
	case -EACCES:
	case -EPERM:
		return lib_fail(errbuf, -EACCES,
			"the pacf daemon in %.160s does not let this user in: join the group "
			"of its "
			"attach.sock",
			dir);
	case -ENAMETOOLONG:
		return lib_fail(errbuf, sock,
			"%.160s is too long for a socket's path: set PACF_RUNDIR to a shorter "
			"one",
			dir);
	}
	if (sock < 0)
		return lib_fail(errbuf, sock, "connecting to the pacf daemon in %.160s: %s",
			dir, strerror(-sock));
	return sock;
}

/* A LIST reply carries no descriptors; a daemon that sends some is broken. */
static int
next_entry(int sock, struct chan_reply *rep)
{
	int fds[CHAN_MAX_FDS], nfds, err = chan_recv_reply(sock, rep, fds, &nfds);

	for (int i = 0; i < nfds; i++)
		close(fds[i]);
	return err;
}

int
pacf_list(struct pacf_info *out, int n)
{
	struct chan_request req = {.op = CHAN_OP_LIST};
	struct chan_reply rep;
	int count = 0, err, sock = lib_connect(NULL);

	if (sock < 0)
		return sock == -ENOENT ? 0 : sock;
	err = chan_send_request(sock, &req);
	while (err == 0) {
		err = next_entry(sock, &rep);
		if (err == 0)
			err = rep.status;
		if (err != 0)
			break;
		if (count < n) {
			struct pacf_info *info = &out[count];

			*info = (struct pacf_info){.linktype = rep.linktype,
				.snaplen = rep.snaplen,
				.ts_digits = rep.ts_digits,
				.busy_pid = rep.busy_pid};
			lib_name_show(rep.name, info->name);
			snprintf(info->description, sizeof(info->description), "%.*s",
				(int)sizeof(info->description) - 1, rep.text);
		}
		count++;
	}
	close(sock);
	return err == -ENODATA ? count : err;
}
