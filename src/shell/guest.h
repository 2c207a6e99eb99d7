/*
 * shell/guest: a remote shell: its connection, its seat, and the thread that runs its commands.
 *
 * Two threads know it: the server's reads its socket, and hands over one piece of work at a
 * time; the guest's own runs that, and is the only one that writes to the socket.  What both
 * touch is under `lock`, or atomic.
 */
#ifndef PACF_SHELL_GUEST_H
#define PACF_SHELL_GUEST_H

#include "internal.h"
#include "remote.h"

#include <sys/queue.h>

#define GUEST_OUT_BYTES 8192u

enum guest_task { GUEST_NONE, GUEST_HELLO, GUEST_EVAL, GUEST_COMPLETE };
struct guest_work {
	enum guest_task task;
	uint32_t flags;
	char *name, *text; /* each with a final 0; whoever has the work frees them */
	size_t text_bytes;
};

struct guest {
	struct seat seat; /* first: the seat's functions find the guest */
	TAILQ_ENTRY(guest) entry;
	pthread_t thread;
	int sock;
	int done_fd;	      /* the server's bell, rung when `finished` */
	_Atomic bool stopped; /* an interrupt, for the command that runs */
	_Atomic bool ended;   /* its peer is gone, or is to be sent away */
	_Atomic bool gone;    /* nobody reads any more */
	_Atomic bool finished;
	_Atomic uint64_t ended_ns;
	_Atomic unsigned width;

	/* The server's thread. */
	struct remote_reader in;
	bool greeted;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool busy;		/* a piece of work is not answered yet */
	struct guest_work work; /* until its thread takes it */
	char bye[256];		/* why it is sent away */

	/* The guest's thread. */
	char out[GUEST_OUT_BYTES];
	size_t out_bytes;
};

/* Takes the socket over, also on failure.  NULL: no memory, descriptor or thread for it. */
struct guest *guest_open(struct shell *sh, int sock, int done_fd);
/* After it has finished. */
void guest_close(struct guest *guest);

/* The server's thread: the socket has something to say; false: there is nothing more to read.
 */
bool guest_read(struct guest *guest);
/* Any thread: it is to end, and is told why. */
void guest_end(struct guest *guest, const char *why);

#endif
