/*
 * io/sink_pcap: a pcap file (draft-ietf-opsawg-pcap), written by the engine thread, one system
 * call per burst and nothing kept back, so that tx can say exactly what is in the file.
 * Invariant: bytes 0 .. end-1 are the header and whole records; whatever lies behind `end`
 * after a failure is cut off before anything else is written.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK 256u /* packets per system call; two iovecs each, IOV_MAX is 1024 */

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen, linktype;
};
struct record {
	uint32_t sec, frac, caplen, len;
};

struct pcap_sink {
	off_t end; /* where the next record goes */
	uint32_t unit_ns;
	uint32_t cut; /* bytes of a packet */
	int fd;	      /* -1: not open */
	bool regular;
	bool ragged; /* part of a record lies behind end */
	struct record records[CHUNK];
	struct iovec iov[2 * CHUNK];
};

/* Bytes written; -errno.  At an explicit place, so that the next try overwrites a part. */
static ssize_t
write_at(const struct pcap_sink *s, int n)
{
	ssize_t wrote;

	do
		wrote = pwritev(s->fd, s->iov, n, s->end);
	while (wrote < 0 && errno == EINTR);
	return wrote < 0 ? -errno : wrote;
}

static int
open_error(const char *path, int e, struct io_err *err)
{
	char *copy;

	switch (e) {
	case ENOENT:
	case ENOTDIR:
		copy = strdup(path);
		io_fail(err, -e,
			"\"pcap:%.150s\": there is no folder \"%.150s\"; make it first", path,
			copy ? dirname(copy) : "?");
		free(copy);
		return -e;
	case EISDIR:
		return io_fail(
			err, -e, "\"pcap:%.200s\": is a folder; give the name of a file", path);
	case ENXIO: /* a pipe without a reader */
		return io_fail(err, -EINVAL,
			"\"pcap:%.200s\": is a pipe or socket, whose reader could stop the "
			"engine; give a "
			"file, or use a pacf: channel",
			path);
	default:
		return io_fail(
			err, -e, "\"pcap:%.200s\": cannot be written: %s", path, strerror(e));
	}
}

static int
check_file(struct pcap_sink *s, const char *path, struct io_err *err)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return open_error(path, errno, err);
	s->regular = S_ISREG(st.st_mode);
	if ((!s->regular && !S_ISCHR(st.st_mode)) || isatty(s->fd))
		return open_error(path, ENXIO, err);
	/* The sources hold a shared lock: a file is never its own input, nor that of two
	 * channels. */
	if (s->regular && flock(s->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return io_fail(err, -EBUSY,
			"\"pcap:%.200s\": is being read or written by an engine; give another "
			"file",
			path);
	if (s->regular && ftruncate(s->fd, 0) != 0)
		return open_error(path, errno, err);
	return 0;
}

/* What readers may rely on: no record is longer. */
static uint32_t
header_snaplen(const struct io_sink_cfg *cfg)
{
	if (cfg->cut != 0)
		return cfg->cut;
	return cfg->snaplen > IO_LARGE_BYTES ? cfg->snaplen : IO_LARGE_BYTES;
}

static int
write_header(struct pcap_sink *s, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct file_header h = {
		.magic = cfg->ts_digits == 9 ? 0xa1b23c4d : 0xa1b2c3d4,
		.major = 2,
		.minor = 4,
		.snaplen = header_snaplen(cfg),
		.linktype = io_linktype(cfg->dlt),
	};
	ssize_t wrote;

	s->unit_ns = cfg->ts_digits == 9 ? 1 : 1000;
	s->cut = cfg->cut != 0 ? cfg->cut : UINT32_MAX;
	s->iov[0] = (struct iovec){.iov_base = &h, .iov_len = sizeof(h)};
	wrote = write_at(s, 1);
	if (wrote != (ssize_t)sizeof(h))
		return open_error(cfg->path, wrote < 0 ? (int)-wrote : ENOSPC, err);
	s->end = wrote;
	return 0;
}

static void
sink_close(void *priv)
{
	struct pcap_sink *s = priv;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct pcap_sink *s = priv;
	int rc;

	s->fd = -1;
	if (!cfg->path || cfg->path[0] == '\0')
		return io_fail(err, -EINVAL, "\"pcap:\": no file name; say pcap:FILE");
	/* Not to wait for the reader of a pipe; of no effect on files. */
	s->fd = open(cfg->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	if (s->fd < 0)
		return open_error(cfg->path, errno, err);
	rc = check_file(s, cfg->path, err);
	if (rc == 0)
		rc = write_header(s, cfg, err);
	if (rc != 0)
		sink_close(s);
	return rc;
}

static void
prepare(struct pcap_sink *s, const struct io_pkt *const *pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct io_pkt *p = pkts[i];
		uint32_t caplen = p->len < s->cut ? p->len : s->cut;

		s->records[i] = (struct record){
			.sec = (uint32_t)(p->ts_ns / 1000000000u),
			.frac = (uint32_t)(p->ts_ns % 1000000000u) / s->unit_ns,
			.caplen = caplen,
			.len = p->wirelen,
		};
		s->iov[2 * i] = (struct iovec){&s->records[i], sizeof(struct record)};
		s->iov[2 * i + 1] = (struct iovec){p->data, caplen};
	}
}

/* Moves `end` over the records that are whole within `wrote` bytes; how many of n these are. */
static uint32_t
settle(struct pcap_sink *s, uint32_t n, ssize_t wrote)
{
	uint32_t whole = 0;

	for (; whole < n; whole++) {
		ssize_t bytes = (ssize_t)(sizeof(struct record) + s->records[whole].caplen);

		if (bytes > wrote)
			break;
		wrote -= bytes;
		s->end += bytes;
	}
	s->ragged = wrote > 0;
	return whole;
}

/* True when nothing lies behind `end`. */
static bool
cut(struct pcap_sink *s)
{
	if (s->ragged && s->regular && ftruncate(s->fd, s->end) == 0)
		s->ragged = false;
	return !s->ragged;
}

static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct pcap_sink *s = priv;
	uint32_t done = 0;

	while (done < n && cut(s)) {
		uint32_t chunk = n - done < CHUNK ? n - done : CHUNK, whole;
		ssize_t wrote;

		prepare(s, pkts + done, chunk);
		wrote = write_at(s, (int)(2 * chunk));
		whole = settle(s, chunk, wrote);
		done += whole;
		/* No whole record: the place is full; the next burst tries again. */
		if (whole == 0) {
			cut(s);
			break;
		}
	}
	return done;
}

static int
sink_flush(void *priv)
{
	(void)priv; /* nothing is kept back */
	return 0;
}

const struct io_sink_ops io_sink_pcap = {
	.name = "pcap",
	.waits = true,
	.priv_bytes = sizeof(struct pcap_sink),
	.open = sink_open,
	.tx = sink_tx,
	.flush = sink_flush,
	.close = sink_close,
};
