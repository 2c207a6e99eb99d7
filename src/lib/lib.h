/*
 * lib: what the files of libpacf share: the handle, its lanes, and who does what.
 *
 *   text.c    names and sentences          list.c   pacf_list
 *   handle.c  open, info, stats, close     recv.c   recv, release, fd, interrupt
 *   lanes.c   lanes, also those that come later
 *   again.c   going on when the channel is there again
 *   merge.c   the next packets of several lanes in the order of their time stamps
 *
 * Everything in a handle belongs to the thread that uses it, except `interrupted`.
 */
#ifndef PACF_LIB_H
#define PACF_LIB_H

#include "attach.h"
#include "chan.h"
#include "pacf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIB_MAX_LANES 64
/* Merge window: how long an empty lane is waited for. */
#define LIB_WINDOW_NS UINT64_C(1000000)

struct lib_lane {
	struct chan_rx rx;
	bool broken; /* a descriptor pointed outside the pool: over */
	bool has;    /* several lanes: cur is the lane's next packet */
	struct chan_desc cur;
	uint32_t mark; /* several lanes: the tail when the window began */
	uint32_t pass; /* several lanes: before this, packets wait for nobody */
};

enum lib_phase { LIB_UP, LIB_DOWN, LIB_ASKED, LIB_LANES }; /* see again.c */
struct lib_again {
	int when; /* PACF_RECONNECT_ */
	enum lib_phase phase;
	int fatal; /* how it ended, when it could not go on; 0: it can */
	int timer; /* in the waitset; -1 until needed */
	uint64_t try_ns, pause_ns;
	struct chan_reply reply;
	struct pacf_stats before; /* of lanes that are no more */
	char name[CHAN_NAME_MAX];
};

struct pacf {
	struct lib_again again;
	int sock, bell_fd; /* sock: -1 while there is none */
	int waitset;	   /* what pacf_fd gives out; -1 until asked for */
	bool bell_on;	   /* we rang it ourselves and have not drained it since */
	bool gone;	   /* the daemon is */
	atomic_bool interrupted;
	uint32_t nlanes;
	uint64_t window_ns; /* several lanes: when the window began, monotonic; 0: none runs */
	uint64_t held_ns;   /* several lanes: packets are held back until then; 0: none are */
	/* several lanes: which lane each packet handed out came from, oldest first */
	uint8_t *fifo;
	uint32_t fifo_mask, fifo_in, fifo_out;
	struct pacf_info info;
	uint32_t calls; /* of pacf_recv: now and then it looks for further lanes */
	struct lib_lane lane[LIB_MAX_LANES];
};

/* Blocks for one lane's message on the socket and adds the lane.  0 or -errno (-EPIPE: the
 * daemon is gone).  An engine that starts later, or starts again, sends its lane then. */
int lib_lane_add(struct pacf *p);
/* Adds lanes that have come, if any, without waiting; sets p->gone at the daemon's end. */
void lib_lanes_hear(struct pacf *p);

/* Several lanes: up to n packets; sets held_ns if there are more that may not go yet. */
int lib_merge(struct pacf *p, struct pacf_pkt *pkts, int n);
/* Several lanes: gives back the oldest n (at most as many as are out). */
void lib_merge_release(struct pacf *p, uint32_t n);

/* recv.c found the end, other than the capture's: a step towards going on.  True: there is
 * nothing to tell (yet); false: it is the end, as `fatal` says or the lanes do. */
bool lib_again(struct pacf *p);
/* There is a waitset now: it has to wake for the next try. */
void lib_again_watch(struct pacf *p);
/* handle.c.  The answer to ATTACH: 0 with the bell, else -errno. */
int lib_answer(int sock, struct chan_reply *rep, int *bell);
void lib_info_fill(struct pacf *p, const struct chan_reply *rep);
/* Adds what the lanes' rings say. */
void lib_stats_add(const struct pacf *p, struct pacf_stats *sum);

/* "eth3}0" or "pacf:eth3}0" to the daemon's "eth3{0" (CHAN_NAME_MAX bytes).  0, or -EINVAL with
 * a sentence. */
int lib_name_parse(const char *name, char *out, char *errbuf);
/* The daemon's "eth3{0" to "pacf:eth3}0" (PACF_NAMELEN bytes). */
void lib_name_show(const char *name, char *out);
/* Writes a sentence to errbuf (PACF_ERRBUF bytes) unless that is NULL; returns err. */
int lib_fail(char *errbuf, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Connects to the daemon: a descriptor, or -errno with a sentence; -ENOENT: no daemon. */
int lib_connect(char *errbuf);

#endif
