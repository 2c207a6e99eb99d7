/*
 * ctl: the control plane.  Engines by name: what they should be (specifications), how they come
 * to be it (plans published to engine threads), who is attached, what they counted.  The shell,
 * remote shells and tools see this header and nothing below it.
 *
 * Thread-safe: one lock inside, never held while waiting or sleeping.  Functions return 0 or
 * -errno and fill err->text with one sentence that quotes the input and says what would work.
 */
#ifndef PACF_CTL_H
#define PACF_CTL_H

#include "breaker.h"

#include <stdbool.h>
#include <stdint.h>

#define CTL_ERR_MAX	 1024
#define CTL_MAX_CHANNELS 255 /* per engine */
#define CTL_MAX_ENGINES	 64
#define CTL_MAX_LINKS	 16 /* per engine */

struct ctl;
struct ctl_err {
	char text[CTL_ERR_MAX];
};

/* Makes an empty control plane; no thread, socket or file yet (they come with the first channel
 * that needs them). */
int ctl_open(struct ctl **out, struct ctl_err *err);
/* Before anything else: what a pacf that was killed left changed on interfaces is put back;
 * what could not be is said on standard error.  A pacf that lives is left alone. */
void ctl_recover(void);
/* When that was: nanoseconds since 1970. */
uint64_t ctl_started_ns(const struct ctl *ctl);
/* Stops and deletes everything. */
void ctl_close(struct ctl *ctl);

#define CTL_UDP_PORTS 32 /* of all tunnels of an engine */
struct ctl_udp_tunnel {
	const char *name;
	uint32_t nports; /* 0: this tunnel is not looked for */
	uint16_t ports[CTL_UDP_PORTS];
};
struct ctl_engine_args {
	const char *name;
	const char *type;
	int cpu;	     /* -1: not pinned */
	uint32_t buffers;    /* frames; 0: as many as the channels need */
	const char *tunnels; /* inner, outer: which flow counts; NULL: inner */
	const struct ctl_udp_tunnel *udp_tunnels; /* those whose ports are not IANA's */
	uint32_t nudp_tunnels;
};
int ctl_engine_new(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err);
int ctl_engine_delete(struct ctl *ctl, const char *engine, struct ctl_err *err);
int ctl_engine_start(struct ctl *ctl, const char *engine, struct ctl_err *err);
int ctl_engine_stop(struct ctl *ctl, const char *engine, struct ctl_err *err);

struct ctl_link_args {
	const char *engine, *ifname;
	uint32_t batch; /* 0: default */
	int qid;	/* -1: all */
	double speed;
	uint64_t loop;	   /* passes over a capture file, 0: for ever */
	bool offline_args; /* speed or loop was given: refused for a live source */
	bool live_args;	   /* mode, busy_poll or offload was: refused for files */
	int mode;	   /* enum io_mode: 0 best, 1 zero-copy, 2 native, 3 generic */
	bool busy_poll, fix_offload;
};
int ctl_link(struct ctl *ctl, const struct ctl_link_args *args, struct ctl_err *err);
int ctl_unlink(struct ctl *ctl, const char *engine, const char *ifname, struct ctl_err *err);

struct ctl_channel_args {
	const char *engine, *channel;
	const char *action;	   /* NULL: SAMPLE */
	const char *group;	   /* NULL: "default" */
	uint32_t size;		   /* ring slots, 0: default; rounded up to a power of two */
	const char *when_full;	   /* drop, wait; NULL: by the source */
	const char *when_detached; /* drop, wait, rebalance, hold; NULL: by the source */
	uint64_t hold_bytes;	   /* hold: at most so much; 0: 64 MiB */
	const char *filter;	   /* pcap expression; NULL: every packet */
	uint32_t snaplen;	   /* bytes of a packet handed on; 0: all */
	uint32_t sample;	   /* 1 in so many flows; 0: all */
	const char *fields; /* what the group splits by, pkt_fields_name; NULL: as it does */
	const char *owner, *mode; /* who may have it: "user:group", "0660"; guard.h */
	/* pcap: channels; 0 or NULL: no limit, one file, all kept, 32 MiB (4 where it waits).
	 */
	double file_size;	    /* millions of bytes */
	uint32_t rotate_seconds;    /* a new file at multiples of so many */
	uint32_t filecount, buffer; /* files kept; MiB between engine and disk */
	const char *compress;	    /* zstd, none */
};
/* Names of hosts in a filter may be looked up, which can take seconds; the lock is not held
 * meanwhile.  That goes for ctl_engine_start too, if a channel was opened before its link. */
int ctl_channel_open(struct ctl *ctl, const struct ctl_channel_args *args, struct ctl_err *err);
int ctl_channel_close(
	struct ctl *ctl, const char *engine, const char *channel, struct ctl_err *err);

/* What pcap: channels have written is complete when it returns, and goes on in new files;
 * engine or channel NULL: all of them.  Waits for slow disks, up to 10 s: -ETIMEDOUT. */
int ctl_rotate(struct ctl *ctl, const char *engine, const char *channel, struct ctl_err *err);

/* How far an engine's capture files are read. */
struct ctl_progress {
	uint64_t done_bytes, total_bytes; /* total 0: unknown */
	uint64_t received_pkts;
};
/* Who waits; progress (or NULL) is called about five times a second on the calling thread. */
struct ctl_waiter {
	struct ctl_breaker *breaker; /* NULL: not to be interrupted */
	void (*progress)(void *arg, const struct ctl_progress *p);
	void *arg;
};
/* Returns when the engine's sources have ended and every sink is drained.  timeout_s < 0: no
 * limit; -ETIMEDOUT; -EINTR when the waiter's breaker is broken; -EIO when a source ended early
 * (err says why).  waiter NULL: nobody looks or interrupts. */
int ctl_wait(struct ctl *ctl, const char *engine, double timeout_s,
	const struct ctl_waiter *waiter, struct ctl_err *err);

/* Key of the flow hash for engines started from now on. */
void ctl_hash_key(struct ctl *ctl, uint64_t key);

/*
 * Everything there is to see, as a walk: tables with named or listed members, strings, numbers.
 * engine NULL: all engines as members of one table by name; else that engine's table.
 * The walk runs under the lock; visitors must not call ctl.
 *
 * Per engine: name, type, auto (list of {type, usable, got, why, fix}, of an engine whose type
 * was to be found), state, cpu, cpu_actual (as the system says
 * of the thread; not if it may use several), buffers, memory (while it runs), tunnels,
 * generation, uptime_s, heartbeat_age_s (while it runs: since its thread last turned), error
 * (if a source failed); counters (table by counter name, from counters.def); reasons (table by
 * parse reason); links: list of {ifname, state, mode, note, stamps, linktype, batch, source
 * counters
 * ..., rate_pps}; channels: list of {channel, action, group, kind, state, pid, program, size,
 * waiting, counters ...; held, hold_bytes if it holds; filter, snaplen, sample if set}; groups:
 * list of {group, fields, received_pkts, closed: sums of the counters of its closed channels}.
 */
struct ctl_visitor {
	void *arg;
	void (*open)(void *arg,
		const char *key); /* table; key NULL: next member of a list, or the root */
	void (*close)(void *arg);
	void (*str)(void *arg, const char *key, const char *value);
	void (*num)(void *arg, const char *key, uint64_t value);
	void (*real)(void *arg, const char *key, double value);
};
int ctl_visit(
	struct ctl *ctl, const char *engine, const struct ctl_visitor *v, struct ctl_err *err);

/*
 * The flows that fill an engine's channels (NULL: all of them), at most n of each, largest
 * first: list of {channel, pkts, bytes, bound_pkts, flows: list of {family, src, dst, sport,
 * dport, proto, protocol, ethertype, pkts, error_pkts, bytes, share}}.  A flow has at least
 * pkts - error_pkts; one that is not told has at most bound_pkts.  Up to a second old.
 */
#define CTL_TOP_MAX 16
int ctl_top(struct ctl *ctl, const char *engine, const char *channel, uint32_t n,
	const struct ctl_visitor *v, struct ctl_err *err);

/*
 * Where packets of a capture file go, and why: one unnamed table for each, with lists `layers`,
 * `groups`, `copies` and the table `key`.  Later fragments follow their first one as if the
 * engine read this file only; they come in the order in which it would hand them on.  No lock
 * is held while the visitor is called.  -EINTR when the breaker is broken.
 */
struct ctl_explain_args {
	const char *engine; /* NULL: the default key, and no channels */
	const char *file;
	uint64_t packet;	     /* counted from 1; 0: all */
	struct ctl_breaker *breaker; /* or NULL */
};
int ctl_explain(struct ctl *ctl, const struct ctl_explain_args *args,
	const struct ctl_visitor *v, struct ctl_err *err);

/*
 * What is to be known of an interface before it is captured from, and of this machine: one
 * table {ifname, up, mtu, card: {driver, ...}, offloads, irqs, engines: list of {type, usable,
 * got, why, fix}, ..., host}; ifname NULL: {interfaces: list of such, host}.  What the system
 * does not tell is left out.  Reads only, changes nothing.  -ENODEV.
 */
int ctl_doctor(const char *ifname, const struct ctl_visitor *v, struct ctl_err *err);

/* Do the engines' threads turn?  name: of the first that does not.  -EBUSY: the control plane
 * itself is held up, for a second by now. */
struct ctl_pulse {
	uint32_t engines, running, stalled;
	char name[32];
};
int ctl_pulse(struct ctl *ctl, struct ctl_pulse *out);

/* Names for completion and error sentences: calls fn for each engine, or (engine given) each of
 * its channels or links. */
enum ctl_kind { CTL_ENGINES, CTL_CHANNELS, CTL_LINKS };
void ctl_names(struct ctl *ctl, enum ctl_kind kind, const char *engine,
	void (*fn)(void *arg, const char *name), void *arg);

#endif
