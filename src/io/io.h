/*
 * io: where packets come from and go to, as small const tables of operations: one back end per
 * file.  open and close run on the control plane and may allocate and fail with a sentence; rx,
 * tx and flush run on the engine thread: they neither allocate nor log, and what goes wrong is
 * counted. `priv` is priv_bytes of zeroed memory, aligned for anything, that the caller owns.
 */
#ifndef PACF_IO_H
#define PACF_IO_H

#include "source.h"

#define IO_BURST     64u /* default burst */
#define IO_BURST_MAX 1024u
/* Large frames that a sink keeps for later at most. */
#define IO_SINK_LARGE 8u

/* Packets in memory for the mem source: set by C callers instead of a file name. */
struct io_mem_pkt {
	const uint8_t *data;
	uint32_t len, wirelen;
	uint64_t ts_ns;
};

/* How a pcap: channel records. */
struct io_record_cfg {
	uint64_t file_bytes; /* no file gets longer, as it is before compression; 0: no limit */
	uint32_t rotate_s;   /* a new file at multiples of so many seconds; 0: none */
	uint32_t filecount;  /* so many files are kept, the oldest goes; 0: all */
	uint32_t buffer_bytes; /* between engine and disk; a power of two */
	bool zstd;
	bool live; /* quiet periods end files too: packets have the time of day */
};

struct io_sink_cfg {
	const char *path; /* or interface */
	int dlt;
	uint32_t snaplen, ts_digits;
	uint32_t cut;	  /* bytes of a packet that are written at most; 0: all */
	uint32_t slots;	  /* of its queue, if it has one */
	bool keep_newest; /* a full queue lets go of its oldest packet, not of the new one */
	struct io_pool *pool; /* where the packets' frames are from */
	int bell_fd;	      /* wakes the engine */
	struct io_record_cfg record;
};

struct io_sink_ops {
	const char *name;
	size_t priv_bytes;
	bool waits; /* tx may wait, for a disk */
	/* What tx does not take found no room, but for what failed() tells; without: it failed.
	 */
	bool ring;
	bool cheap; /* tick makes no system call: it may follow each tx */
	/* Engine: what tx did not take found no room, because a disk is slow; NULL: never. */
	bool (*slow)(void *priv);
	int (*open)(void *priv, const struct io_sink_cfg *cfg, struct io_err *err);
	/* Engine: takes n packets; returns how many, and moves those to the front of the list:
	 * the rest is lost.  One that it keeps for later has a reference more. */
	uint32_t (*tx)(void *priv, const struct io_pkt **pkts, uint32_t n);
	/* Engine, after tx: how many packets of those that it did not take this sink can never
	 * take.  NULL: none. */
	uint32_t (*failed)(void *priv);
	/* Engine: how many packets tx would take now; NULL: as many as there are. */
	uint32_t (*room)(void *priv);
	/* Engine, when it has nothing to do: goes on with what is kept.  How many packets the
	 * reader has not taken yet; what was let go of since the last time is added to
	 * *unread_pkts.  NULL: keeps none. */
	uint32_t (*tick)(void *priv, uint64_t *unread_pkts);
	/* Engine: nothing more comes: every frame is given back, and counted so. */
	void (*leave)(void *priv, uint64_t *unread_pkts);
	/* Engine, when its sources have ended: nothing stays in a buffer; what can't be written
	 * now never will.  0 or -errno. */
	int (*flush)(void *priv);
	/* Control plane, as a source's; NULL: there is nothing to be done. */
	void (*tend)(void *priv, struct io_status *out);
	/* Control plane: what is written until now ends with its file.  A number that `rotated`
	 * will have reached then; NULL: writes no files. */
	uint32_t (*rotate)(void *priv);
	uint32_t (*rotated)(void *priv);
	/* Control plane, the engine does without it by now.  How many packets that it had taken
	 * it had to let go of, and has not told by tick or leave. */
	uint64_t (*close)(void *priv);
};

/* By name ("pcap", "mem", ...); NULL if there is none.  names: "mem, pcap", for error
 * sentences. */
const struct io_source_ops *io_source_find(const char *name);
const char *io_source_names(void);
/* Each in turn, from 0; NULL behind the last. */
const struct io_source_ops *io_source_at(size_t i);
const struct io_sink_ops *io_sink_find(const char *name);
/* Can pcap: channels be compressed? */
bool io_record_zstd(void);

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
/* Linux. */
extern const struct io_source_ops io_source_afpacket;
extern const struct io_source_ops io_source_afxdp;
extern const struct io_sink_ops io_sink_pcap;
extern const struct io_sink_ops io_sink_netdev;
void io_mem_set(void *priv, const struct io_mem_pkt *pkts, uint32_t n, int dlt, bool resident);

#endif
