/*
 * chan/attach: the messages on the attach socket (RUNDIR/attach.sock, a UNIX socket of type
 * SOCK_SEQPACKET): one request and its replies per connection.  Descriptors travel as
 * SCM_RIGHTS. The connection stays open as long as the application is attached: its end is the
 * application's end (for the daemon) and the daemon's end (for the application).
 *
 *   ATTACH name  one reply with status 0 and lanes = n, carrying the bell, then n replies
 *                carrying pool, ring and cursor, and one more for each lane that comes later
 *   LIST         one reply for each channel (status 0), then one with status -ENODATA
 *   QUERY name   as LIST for one name
 *
 * A refusal is one reply with a status and a sentence.
 *
 * Numbers are in the host's byte order: both ends are on one machine.
 */
#ifndef PACF_CHAN_ATTACH_H
#define PACF_CHAN_ATTACH_H

#include "layout.h"

#include <sys/types.h>

#define CHAN_SOCKET   "attach.sock"
#define CHAN_LOCK     "attach.lock"
#define CHAN_NAME_MAX 96 /* "eth3{0" with its final 0; longer names are refused, never cut */
#define CHAN_TEXT_MAX 256
#define CHAN_MAX_FDS  3

enum chan_op { CHAN_OP_ATTACH = 1, CHAN_OP_LIST = 2, CHAN_OP_QUERY = 3 };

struct chan_request {
	uint32_t magic, version, op;
	uint32_t reserved;
	char name[CHAN_NAME_MAX]; /* daemon's spelling: name{id */
};

struct chan_reply {
	uint32_t magic, version;
	int32_t status;	   /* 0 or -errno */
	uint32_t lanes;	   /* ATTACH: how many lane messages follow */
	uint32_t linktype; /* LIST, QUERY and ATTACH; UINT32_MAX = not known yet */
	uint32_t snaplen;
	uint32_t ts_digits;
	uint32_t busy_pid; /* LIST, QUERY: who has it; 0 = free */
	char name[CHAN_NAME_MAX];
	char text[CHAN_TEXT_MAX]; /* status != 0: one sentence; LIST: the engine and action */
};

/* Blocking connect to RUNDIR/attach.sock.  A descriptor, or -errno (-ENOENT or -ECONNREFUSED:
 * no daemon). */
int chan_attach_connect(const char *rundir);
/* Daemon: binds and listens there, mode 0600.  A dead daemon's socket is replaced; -EADDRINUSE
 * if one is alive.  *lock_fd (a lock on RUNDIR/attach.lock) is held until unlisten, which
 * removes both. */
int chan_attach_listen(const char *rundir, int *lock_fd);
void chan_attach_unlisten(const char *rundir, int listen_fd, int lock_fd);
/* Who may connect from now on: the socket's group ((gid_t)-1: as it is) and mode. */
int chan_attach_admit(const char *rundir, gid_t group, mode_t mode);
/* One message each, never partial.  recv: 0 or -errno, -EPIPE when the peer is gone, -EPROTO
 * for a message of the wrong size or magic, -EPROTONOSUPPORT for the wrong version.  Received
 * descriptors are close-on-exec and the caller's; *nfds says how many came (too many are closed
 * and are -EPROTO). */
int chan_send_request(int sock, const struct chan_request *req);
int chan_recv_request(int sock, struct chan_request *req);
int chan_send_reply(int sock, const struct chan_reply *rep, const int *fds, int nfds);
int chan_recv_reply(int sock, struct chan_reply *rep, int *fds, int *nfds);

#endif
