/*
 * libpacf: read packets from a channel of a Host PACF daemon on this machine.
 *
 * A channel is opened by the name "pacf:NAME}ID" (the daemon's side of it is "pacf:NAME{ID").
 * Packets lie in memory shared with the daemon, mapped read-only: nothing is copied, and
 * writing to a packet faults.  They are given back in the order they came.
 *
 * A handle belongs to one thread at a time; different handles are independent.  Functions that
 * return int return a negative errno value on failure; pacf_strerror() explains it.  Sizes are
 * in bytes, times in nanoseconds since the epoch.  Licence: BSD-2-Clause.
 */
#ifndef PACF_H
#define PACF_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ENODATA
#define ENODATA ENOATTR /* FreeBSD has no ENODATA of its own */
#endif

#define PACF_ERRBUF  320 /* room for the longest sentence of pacf_open() */
#define PACF_NAMELEN 104

struct pacf; /* an open channel */

struct pacf_pkt {
	const uint8_t *data; /* valid until released */
	uint64_t ts_ns;	     /* capture time */
	uint32_t caplen;     /* bytes at data */
	uint32_t len;	     /* bytes on the wire */
};

struct pacf_info {
	uint32_t linktype;	 /* LINKTYPE_ value, https://www.tcpdump.org/linktypes.html;
				    UINT32_MAX = not known yet */
	uint32_t snaplen;	 /* no packet is longer */
	uint32_t ts_digits;	 /* decimal digits of the second in time stamps: 6 or 9 */
	uint32_t busy_pid;	 /* pacf_list: process that has it open, 0 = free */
	char name[PACF_NAMELEN]; /* as to be given to pacf_open */
	char description[PACF_NAMELEN];
};

struct pacf_stats {
	uint64_t received_pkts;	   /* chosen by the daemon for this channel, past its filter and
				      sample, since it was opened here */
	uint64_t dropped_pkts;	   /* of these, lost because this application was too slow */
	uint64_t source_drop_pkts; /* lost before the daemon saw them, since then */
};

/* Opens a channel for this process alone.  On failure *out is NULL and errbuf (PACF_ERRBUF
 * bytes, or NULL) holds a sentence.  -ENOENT: no such channel or no daemon; -EBUSY: another
 * process has it; -EACCES; -EINVAL: not a channel name; -EPROTONOSUPPORT: daemon of another
 * version. */
int pacf_open(struct pacf **out, const char *name, char *errbuf);

/* Up to n packets.  Waits for the first at most timeout_ms (0: not at all, -1: for ever).
 * Returns how many were filled in; 0: none in that time; -ENODATA: end of the capture; -EPIPE:
 * the daemon closed the channel or died; -EINTR: a signal or pacf_interrupt() while waiting. */
int pacf_recv(struct pacf *p, struct pacf_pkt *pkts, int n, int timeout_ms);

/* Gives back the oldest n packets received and not yet given back. */
void pacf_release(struct pacf *p, int n);

/* A descriptor for poll, select, epoll, kqueue: readable when pacf_recv() would not wait.  It
 * stays the library's; do not read or close it. */
int pacf_fd(struct pacf *p);

/* Makes a pacf_recv() that waits, or the next one that would, return -EINTR.  Any thread;
 * async-signal-safe. */
void pacf_interrupt(struct pacf *p);

/* Whether pacf_recv(), instead of returning -EPIPE, waits until the daemon or the channel is
 * there again and goes on: never, which is so at first; if what the daemon reads is an
 * interface; or always.  The end of the capture stays the end.  -EINVAL. */
#define PACF_RECONNECT_NEVER  0
#define PACF_RECONNECT_LIVE   1
#define PACF_RECONNECT_ALWAYS 2
int pacf_reconnect(struct pacf *p, int when);

int pacf_stats(struct pacf *p, struct pacf_stats *out);
void pacf_info(const struct pacf *p, struct pacf_info *out);

/* The channels of the running daemon: fills up to n entries, returns how many there are (which
 * may be more); 0 if no daemon runs. */
int pacf_list(struct pacf_info *out, int n);

/* Gives everything back and closes.  NULL is allowed. */
void pacf_close(struct pacf *p);

/* Static text for a negative value returned by this library. */
const char *pacf_strerror(int err);
/* "MAJOR.MINOR.PATCH" of the library in use. */
const char *pacf_version(void);

#ifdef __cplusplus
}
#endif
#endif
