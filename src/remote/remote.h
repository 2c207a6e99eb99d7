/*
 * remote: how pacfctl and a daemon talk: the control socket (RUNDIR/control.sock, a UNIX stream
 * socket), its messages, and who may connect.  Used by the daemon's shells and by pacfctl.
 *
 * A message is a head of 8 bytes and its payload:
 *
 *     uint32 bytes    of the payload, at most REMOTE_PAYLOAD_MAX
 *     uint32 type     enum remote_type
 *
 *   to the daemon                        payload
 *     HELLO      first, once             uint32 magic, version, width
 *     EVAL       run this                uint32 flags, name_bytes; name, text
 *     COMPLETE   names that fit          text before the cursor
 *     INTERRUPT  end what runs           -
 *     WIDTH      the terminal's          uint32 width: columns of standard error, or 0
 *   to pacfctl
 *     WELCOME    answers HELLO           uint32 magic, version, pid
 *     OUT, ERR   output of what runs     bytes
 *     DONE       answers EVAL            uint32 flags, code
 *     NAMES      answers COMPLETE        uint32 insert_bytes; insert; names, each ends with 0
 *     GOODBYE    last                    a sentence why, or nothing
 *
 * HELLO, EVAL and COMPLETE are answered one by one: the next may be sent when the answer has
 * come; INTERRUPT and WIDTH at any time.  Magic and version come first in every version.
 * Numbers are in the host's byte order: both ends are on one machine.
 */
#ifndef PACF_REMOTE_H
#define PACF_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_SOCKET	   "control.sock"
#define REMOTE_LOCK	   "control.lock"
#define REMOTE_MAGIC	   0x46434150u
#define REMOTE_VERSION	   1u
#define REMOTE_TEXT_MAX	   ((size_t)1 << 20) /* of a statement or a file */
#define REMOTE_NAME_MAX	   4096u
#define REMOTE_PAYLOAD_MAX (REMOTE_TEXT_MAX + REMOTE_NAME_MAX + 16)

enum remote_type {
	REMOTE_HELLO = 1,
	REMOTE_EVAL,
	REMOTE_COMPLETE,
	REMOTE_INTERRUPT,
	REMOTE_WIDTH,
	REMOTE_WELCOME = 65,
	REMOTE_OUT,
	REMOTE_ERR,
	REMOTE_DONE,
	REMOTE_NAMES,
	REMOTE_GOODBYE
};

/* Of EVAL: nothing follows this text; it is a file, of that name. */
enum { REMOTE_LAST = 1, REMOTE_FILE = 2 };
/* Of DONE: it went wrong; the statement is not complete; the shell is left, with code. */
enum { REMOTE_FAILED = 1, REMOTE_MORE = 2, REMOTE_LEAVING = 4 };

/* What came: the members that its type has; the rest is 0. */
struct remote_message {
	enum remote_type type;
	uint32_t flags;
	uint32_t number;  /* WELCOME: pid; DONE: code; HELLO, WIDTH: width */
	const char *name; /* EVAL: of the file; NAMES: what to insert */
	size_t name_bytes;
	const char *text; /* the rest of the payload */
	size_t text_bytes;
};

/* Takes messages out of what a socket brings.  Starts as all 0. */
struct remote_reader {
	bool daemon; /* whose end: which types are known */
	char *bytes;
	size_t have, room, used;
};
/* Reads what is there, without waiting: how many bytes, 0: the other end is closed, -EAGAIN, or
 * -errno. */
int remote_reader_fill(struct remote_reader *r, int sock);
/* The same from memory. */
int remote_reader_add(struct remote_reader *r, const void *bytes, size_t n);
/* 1: *out is a message, whose bytes live until the next call of any of these; 0: more has to
 * come.  -EPROTO: this is no message of ours; -EPROTONOSUPPORT: one of another version;
 * -EMSGSIZE: longer than allowed; after any of them the stream is of no use. */
int remote_reader_next(struct remote_reader *r, struct remote_message *out);
void remote_reader_free(struct remote_reader *r);

/* Sends all of it, msg->type decides what.  Waits while the other end does not read, and asks
 * give_up (or NULL) about ten times a second whether to go on: true ends it with -ECANCELED in
 * the middle.  0 or -errno, -EPIPE when the other end is gone. */
int remote_send(
	int sock, const struct remote_message *msg, bool (*give_up)(void *arg), void *arg);

/* pacfctl: a connected socket, or -errno (-ENOENT, -ECONNREFUSED: no daemon). */
int remote_connect(const char *rundir);
/* Daemon: listens there, mode 0600.  A dead daemon's socket is replaced; -EADDRINUSE if one is
 * alive.  *lock_fd is held until the end, when remote_unlisten removes both files. */
int remote_listen(const char *rundir, int *lock_fd);
void remote_unlisten(const char *rundir, int listen_fd, int lock_fd);

#endif
