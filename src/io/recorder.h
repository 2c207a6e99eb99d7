/*
 * io/recorder: packets to capture files (draft-ietf-opsawg-pcap) by a thread of their own, so
 * that an engine never waits for a disk.  The engine copies records into a ring of bytes; the
 * writer takes them out in large pieces, compresses them if asked, and writes them, one file
 * after the other.
 *
 * Invariants: head and tail of the ring are at the begin of a record; a file holds whole
 * records (whole zstd frames of such) up to its `end`, and what a failed write left behind that
 * is cut off before anything else is done.  What can't be written stays in the ring, and is
 * tried again, until the ring's sources have ended or it is closed: then it is `lost`.
 */
#ifndef PACF_IO_RECORDER_H
#define PACF_IO_RECORDER_H

#include "fail.h"
#include "io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define REC_PATH_MAX	 1200	    /* a name with its number */
#define REC_CHUNK_BYTES	 (1u << 20) /* written at once, and a zstd frame, at most */
#define REC_BUFFER_BYTES (32u << 20)
#define REC_BUFFER_WAITS (4u << 20) /* for who loses nothing by waiting */
#define REC_LINE	 64

struct rec_head {
	uint32_t sec, frac, caplen, len;
};

/* What the tests put in the place of the system's. */
struct rec_disk {
	int (*open)(const char *path, int flags);
	ssize_t (*write)(int fd, const void *data, size_t n, off_t at);
	int (*cut)(int fd, off_t end);
	uint64_t (*now_s)(void);
	int retry_ms; /* after a failure */
	int flush_ms; /* how long a packet may be in the ring only */
};
extern const struct rec_disk rec_disk_real;
extern const struct rec_disk *rec_disk;

/* rec_name.c: paths with conversions of strftime(3), in local time, and numbers. */
bool rec_name_timed(const char *path);
int rec_name_check(const char *path, struct io_err *err);
/* -ENAMETOOLONG. */
int rec_name_make(const char *path, uint64_t sec, uint32_t number, char *out, size_t size);

/* rec_zstd.c's, or rec_zstd_none.c's. */
struct rec_zip;
struct rec_zip *rec_zip_open(void); /* NULL: no memory */
/* n bytes up to REC_CHUNK_BYTES + a record as one frame; its bytes, 0: it failed. */
size_t rec_zip_frame(struct rec_zip *zip, const void *data, size_t n, const void **out);
void rec_zip_close(struct rec_zip *zip);

/* A file that was written: only such a one is removed. */
struct rec_kept {
	char *path;
	dev_t dev;
	ino_t ino;
};
/* rec_file.c: the files, one after the other.  The opener's thread, then the writer's. */
struct rec_files {
	const char *path; /* as given */
	bool timed;	  /* it has conversions */
	struct io_record_cfg cfg;
	uint32_t magic, snaplen, linktype;
	struct rec_zip *zip;  /* NULL: not compressed */
	int fd;		      /* -1: none is open */
	bool regular, ragged; /* ragged: something lies behind `end` */
	bool base;	      /* the next one may have the first one's name again */
	off_t end;
	uint64_t raw_bytes;	 /* of this file, before compression */
	uint64_t begin_s, end_s; /* its time, if there is such a limit */
	dev_t dev;
	ino_t ino;
	char last[REC_PATH_MAX]; /* the name of the newest one, without its number */
	uint32_t number;
	struct rec_kept *kept; /* a ring of filecount */
	uint64_t nkept;
};
/* Of a path without conversions the first file is made here; of others the folder is looked at.
 */
int rec_files_open(struct rec_files *f, const struct io_sink_cfg *cfg, struct io_err *err);
/* The header of a file just opened; -errno. */
int rec_file_start(struct rec_files *f, const char *name);
/* -errno: and then nothing is open. */
int rec_file_next(struct rec_files *f, uint64_t sec);
/* Of its first record: when its time is over. */
void rec_file_begin(struct rec_files *f, uint64_t sec);
bool rec_file_empty(const struct rec_files *f);
/* Must a new one be begun for this record, with `more` bytes already on their way into it? */
bool rec_file_ends(const struct rec_files *f, const struct rec_head *head, uint64_t more);
/* Writes n bytes of whole records; bytes of those that are in the file now, or -errno if none
 * is. */
ssize_t rec_file_put(struct rec_files *f, const uint8_t *data, size_t n);
/* Is it still what is found under its name? */
bool rec_file_there(const struct rec_files *f);
void rec_file_end(struct rec_files *f);
void rec_files_close(struct rec_files *f);

enum rec_sleep { REC_AWAKE, REC_EMPTY, REC_GATHER, REC_FAILED };

struct recorder {
	struct rec_files files; /* the writer's, once its thread runs */
	uint8_t *ring;
	uint64_t bytes;
	uint32_t unit_ns, cut, chunk;
	int bell_fd, engine_bell_fd;
	pthread_t thread;
	/* Engine writes. */
	_Alignas(REC_LINE) _Atomic uint64_t head;
	uint64_t put_pkts, tail_seen, lost_told;
	_Atomic bool starved, finish;
	/* Writer writes. */
	_Alignas(REC_LINE) _Atomic uint64_t tail;
	_Atomic uint64_t done_pkts; /* written or lost */
	_Atomic uint64_t lost_pkts;
	_Atomic int failure; /* errno of what is failing now; 0: nothing is */
	_Atomic int asleep;  /* enum rec_sleep */
	_Atomic uint32_t rotated;
	uint64_t read; /* the tail, as the writer has it */
	/* Control writes. */
	_Alignas(REC_LINE) _Atomic uint32_t rotate;
	_Atomic bool stop;
};

/* rec_writer.c */
void *rec_writer_main(void *recorder);

#endif
