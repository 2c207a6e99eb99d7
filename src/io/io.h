/*
 * io: where packets come from and go to, as small const tables of operations: one back end per
 * file.  open and close run on the control plane and may allocate and fail with a sentence; rx,
 * tx and flush run on the engine thread: they neither allocate nor log, and what goes wrong is
 * counted. `priv` is priv_bytes of zeroed memory, aligned for anything, that the caller owns.
 */
#ifndef PACF_IO_H
#define PACF_IO_H

#include "pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IO_BURST     64u /* default burst */
#define IO_BURST_MAX 1024u
#define IO_ERR_MAX   400

/* One sentence that quotes the input and says what would work. */
struct io_err {
	char text[IO_ERR_MAX];
};

/* A packet between source and sinks.  The source hands over one reference to `frame`. */
struct io_pkt {
	uint8_t *data; /* in the pool */
	uint64_t ts_ns;
	uint32_t len, wirelen;
	uint32_t frame;
	uint32_t reserved;
};

struct io_source_cfg {
	const char *ifname; /* interface or file */
	int qid;	    /* -1: all */
	double speed; /* capture files: 0 = as fast as possible, else factor of recorded time */
	uint64_t loop; /* capture files: passes; 0 = for ever */
};

/* What open found out. */
struct io_source_info {
	int dlt;	   /* DLT_ of libpcap */
	uint32_t linktype; /* LINKTYPE_ value for applications and files */
	uint32_t snaplen;
	uint32_t ts_digits;   /* 6 or 9 */
	uint64_t total_bytes; /* size for progress, 0 = unknown */
	bool swapped; /* headers that are in the byte order of whoever wrote them are in the
			 other one */
};

struct io_source_counters {
	uint64_t source_drop_pkts; /* lost by kernel or card before we saw them */
	uint64_t no_frame_pkts;	   /* lost because no frame was free */
	uint64_t oversize_pkts;	   /* longer than the largest frame: lost */
	uint64_t done_bytes;	   /* of total_bytes, for progress */
};

#define IO_EOF	 (-1) /* rx: the source has ended */
#define IO_ERROR (-2) /* rx: the source has ended early; `failure` says why */

/* Packets in memory for the mem source: set by C callers instead of a file name. */
struct io_mem_pkt {
	const uint8_t *data;
	uint32_t len, wirelen;
	uint64_t ts_ns;
};

struct io_source_ops {
	const char *name;
	size_t priv_bytes;
	bool waits;   /* rx may wait, for a disk or for whoever writes into a pipe */
	bool offline; /* loses nothing by waiting: sinks wait by default, fixed hash key */
	uint32_t pool_frames; /* frames it needs for itself beyond the rings and a burst */
	/* Control plane; -errno with *err on failure. */
	int (*open)(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
		struct io_err *err);
	/* Control plane, before the engine thread runs; the pool outlives the source. */
	int (*start)(void *priv, struct io_pool *pool, struct io_err *err);
	/* Engine: at most n packets into out; 0 = none now; IO_EOF; IO_ERROR. */
	int (*rx)(void *priv, struct io_pkt *out, uint32_t n);
	/* Engine, after an rx of 0: nanoseconds until a packet may be due; UINT64_MAX = not
	 * known. */
	uint64_t (*idle_ns)(void *priv);
	/* Any thread: figures that another thread may be writing (relaxed loads). */
	void (*counters)(const void *priv, struct io_source_counters *out);
	/* Control plane, after IO_ERROR: a sentence. */
	const char *(*failure)(const void *priv);
	void (*close)(void *priv);
};

struct io_sink_cfg {
	const char *path;
	int dlt;
	uint32_t snaplen, ts_digits;
	uint32_t cut; /* bytes of a packet that are written, 0: all */
};

struct io_sink_ops {
	const char *name;
	size_t priv_bytes;
	int (*open)(void *priv, const struct io_sink_cfg *cfg, struct io_err *err);
	/* Engine: writes n packets; returns how many it took, the rest failed and is lost. */
	uint32_t (*tx)(void *priv, const struct io_pkt *const *pkts, uint32_t n);
	/* Engine, when it has nothing to do and before it ends: nothing stays in a buffer.  0
	 * or -errno. */
	int (*flush)(void *priv);
	/* Control plane. */
	void (*close)(void *priv);
};

/* By name ("pcap", "mem", ...); NULL if there is none.  names: "mem, pcap", for error
 * sentences. */
const struct io_source_ops *io_source_find(const char *name);
const char *io_source_names(void);
const struct io_sink_ops *io_sink_find(const char *name);

/*
 * The mem source: packets from an array, for tests, benchmark and tutorial; the reference for
 * what a source does.  Through the table, ifname is a capture file that is read into memory
 * once; C callers use io_mem_set between clearing priv and open: the array stays the caller's,
 * and must outlive the source. resident: frames are filled once at start (frame i holds packet
 * i mod n), then their bytes are handed out in order, as if a card had written them, each
 * against a free frame (io_pkt.frame), which is another one than the bytes are in: no copy.
 */
extern const struct io_source_ops io_source_mem;
extern const struct io_source_ops io_source_pcap;
extern const struct io_sink_ops io_sink_pcap;
void io_mem_set(void *priv, const struct io_mem_pkt *pkts, uint32_t n, int dlt, bool resident);

#endif
