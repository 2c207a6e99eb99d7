/*
 * io/source: what a source of packets is: a const table of operations, and what goes through
 * it.  Included by io.h only.
 */
#ifndef PACF_IO_SOURCE_H
#define PACF_IO_SOURCE_H

#include "pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IO_ERR_MAX 400

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
	uint32_t link; /* the engine's: which of its links it is from, where bursts mix them */
};

/* How a packet gets from the card to us, best first. */
enum io_mode { IO_MODE_BEST, IO_MODE_ZEROCOPY, IO_MODE_NATIVE, IO_MODE_GENERIC };

struct io_source_cfg {
	const char *ifname; /* interface or file */
	int qid;	    /* -1: all */
	double speed; /* capture files: 0 = as fast as possible, else factor of recorded time */
	uint64_t loop;	   /* capture files: passes; 0 = for ever */
	enum io_mode mode; /* interfaces: this one or none; BEST: the best that works */
	bool busy_poll;	   /* interfaces: the engine's thread does the driver's work */
	bool fix_offload;  /* interfaces: switch off what falsifies packets while capturing */
};

/* What open found out. */
struct io_source_info {
	int dlt;	   /* DLT_ of libpcap */
	uint32_t linktype; /* LINKTYPE_ value for applications and files */
	uint32_t snaplen;
	uint32_t ts_digits;   /* 6 or 9 */
	uint64_t total_bytes; /* size for progress, 0 = unknown */
	uint32_t pool_frames; /* frames it needs for itself beyond the rings and a burst; no
			       * application can hold these */
	uint32_t batch;	      /* burst that suits it; 0: the usual one */
	uint32_t streams;  /* queues whose packets rx mixes, not in the order of their stamps */
	uint64_t delay_ns; /* so long after its stamp rx may have a packet yet to bring */
	const char *stamps; /* who makes the time stamps: "file", "kernel", "xdp", "hardware",
			     * "burst" (when a burst is fetched); NULL: nobody says */
	uint32_t harmless;  /* interfaces: offloads (os/nic.h, 1 << enum os_offload) that do not
			     * falsify what this source gives: it has packets before GRO, or puts
			     * tags back */
	bool swapped; /* a capture file of a machine of the other byte order: what packets hold
		       * in their writer's order (LINKTYPE_NULL) is in that one */
};

struct io_source_counters {
	uint64_t source_drop_pkts; /* lost by kernel or card before we saw them */
	uint64_t no_frame_pkts;	   /* lost because no frame was free */
	uint64_t oversize_pkts;	   /* longer than the largest frame: lost */
	uint64_t super_pkts; /* received: longer than the MTU, joined by GRO, LRO or TSO */
	uint64_t
		csum_partial_pkts; /* received: their sender's card had yet to put a checksum */
	uint64_t done_bytes;	   /* of total_bytes, for progress */
};

/* Of an interface; a file is up. */
enum io_state { IO_UP, IO_DOWN, IO_GONE };
#define IO_MODE_TEXT 96
struct io_status {
	enum io_state state;
	char mode[IO_MODE_TEXT]; /* "native copy, 4 queues"; "" if there is nothing to say */
	char text[IO_ERR_MAX];	 /* why it ended, or why it is not better than that; or "" */
};

/* What the engine's thread may poll for when it has nothing to do. */
#define IO_WAIT_MAX 128u
struct io_wait {
	int fds[IO_WAIT_MAX]; /* readable when a packet may be there */
	uint32_t n;
};

/* How good it is, for type "auto"; values between these are for finer differences. */
enum io_rank {
	IO_RANK_EMULATED = 10, /* generic XDP, emulated netmap: worse than a packet socket */
	IO_RANK_SOCKET = 20,   /* one copy by the kernel, one by us */
	IO_RANK_NATIVE = 30,   /* the driver copies */
	IO_RANK_ZEROCOPY = 40,
};

/* Could this type read that interface? */
struct io_probe {
	bool usable;
	uint32_t rank;		/* of what it would get, enum io_rank; higher is better */
	char got[IO_MODE_TEXT]; /* "native copy, 4 queues" */
	char why[IO_ERR_MAX];	/* what is not usable or not better, and why; or "" */
	char fix[IO_ERR_MAX];	/* the command that would help; or "" */
};

#define IO_EOF	 (-1) /* rx: the source has ended */
#define IO_ERROR (-2) /* rx: the source has ended early; `failure` says why */

struct io_source_ops {
	const char *name;
	size_t priv_bytes;
	bool waits;   /* rx may wait, for a disk or for whoever writes into a pipe */
	bool offline; /* loses nothing by waiting: sinks wait by default, fixed hash key */
	bool prompt;  /* its rings are short: who has nothing to do polls it at once, and lets
		       * none  gather */
	bool live;    /* an interface: closed when the engine stops, opened when it starts */
	/* Control plane; -errno with *err on failure.  An interface is only looked at. */
	int (*open)(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
		struct io_err *err);
	/* Control plane, before the engine thread runs: from here on it captures.  The pool
	 * outlives the source. */
	int (*start)(void *priv, struct io_pool *pool, struct io_err *err);
	/* Engine: at most n packets into out; 0 = none now; IO_EOF; IO_ERROR. */
	int (*rx)(void *priv, struct io_pkt *out, uint32_t n);
	/* Engine, after an rx of 0: nanoseconds until a packet may be due (UINT64_MAX = not
	 * known); adds to *wait what to poll for (wait may be NULL). */
	uint64_t (*idle)(void *priv, struct io_wait *wait);
	/* Any thread but one at a time, also after close: figures that another thread may be
	 * writing (relaxed loads). */
	void (*counters)(void *priv, struct io_source_counters *out);
	/* Control plane, while the engine runs some times a second and when an interface has
	 * changed, and whenever somebody asks: what state it is in.  An interface that went
	 * away and came back is taken up again here.  *out is all zero. */
	void (*tend)(void *priv, struct io_status *out);
	/* Control plane; NULL for files.  Reads only; *out is all zero. */
	void (*probe)(const struct io_source_cfg *cfg, struct io_probe *out);
	/* Control plane, the engine thread is not running: every frame is given back. */
	void (*close)(void *priv);
};

#endif
