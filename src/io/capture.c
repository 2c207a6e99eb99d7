/*
 * io/capture: reads pcap and pcapng through libpcap, on a stream of our own so that progress
 * can be told.  Called by the pcap source (engine thread) and the mem source (control plane).
 * Invariant: `pcap` and `file` are both open or both NULL.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAM_BYTES (256u * 1024)
#define TEXT_BYTES   (IO_ERR_MAX + PCAP_ERRBUF_SIZE)

int
io_fail(struct io_err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

/* libpcap has the mapping but no call for it; the file header that it would write tells. */
uint32_t
io_linktype(int dlt)
{
	uint32_t linktype = (uint32_t)dlt;
	char *header = NULL;
	size_t bytes = 0;
	pcap_t *dead = pcap_open_dead(dlt, (int)IO_LARGE_BYTES);
	FILE *memory = open_memstream(&header, &bytes);
	pcap_dumper_t *dump = dead && memory ? pcap_dump_fopen(dead, memory) : NULL;

	if (dump)
		pcap_dump_close(dump);
	else if (memory)
		fclose(memory);
	if (dump && bytes >= 24)
		memcpy(&linktype, header + 20, sizeof(linktype));
	free(header);
	if (dead)
		pcap_close(dead);
	return linktype & 0x03ffffff; /* the rest of the word is about frame check sequences */
}

static int
open_stream(struct io_capture *c, const char *name, struct io_err *err)
{
	int fd;

	if (strcmp(name, "-") != 0)
		c->file = fopen(name, "rbe");
	else if (isatty(STDIN_FILENO))
		return io_fail(err, -EINVAL,
			"\"-\": standard input is a terminal; pipe a capture into it");
	else if ((fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) >= 0 &&
		 !(c->file = fdopen(fd, "rb")))
		close(fd);
	if (!c->file)
		return io_fail(err, -errno,
			"\"%.200s\": cannot be opened: %s; give a pcap or pcapng file", name,
			strerror(errno));
	return 0;
}

static int
check_stream(struct io_capture *c, const char *name, struct io_err *err)
{
	struct stat st;
	int fd = fileno(c->file);

	if (fstat(fd, &st) != 0)
		return io_fail(err, -errno, "\"%.200s\": %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return io_fail(err, -EISDIR,
			"\"%.200s\": is a folder; give a pcap or pcapng file", name);
	c->seekable = S_ISREG(st.st_mode);
	c->size = c->seekable ? (uint64_t)st.st_size : 0;
	/* A pipe is read unbuffered, so that poll() tells whether a read would wait. */
	if (setvbuf(c->file, NULL, c->seekable ? _IOFBF : _IONBF,
		    c->seekable ? STREAM_BYTES : 0) != 0)
		return io_fail(err, -ENOMEM, "\"%.200s\": no memory to read it", name);
	/* Shared with other readers; the pcap sink takes it alone. */
	if (c->seekable && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return io_fail(err, -EBUSY,
			"\"%.200s\": a pcap: channel is writing it; close that channel first",
			name);
	return 0;
}

/* Looks at the first four bytes and puts them back. */
static int
check_magic(struct io_capture *c, const char *name, struct io_err *err)
{
	static const unsigned char nano[] = {0x4d, 0x3c, 0xb2, 0xa1},
				   ng[] = {0x0a, 0x0d, 0x0d, 0x0a};
	static const unsigned char nano_be[] = {0xa1, 0xb2, 0x3c, 0x4d};
	static const unsigned char micro[] = {0xd4, 0xc3, 0xb2, 0xa1},
				   micro_be[] = {0xa1, 0xb2, 0xc3, 0xd4};
	unsigned char m[4];
	int n = 0, byte;

	while (n < 4 && (byte = getc(c->file)) != EOF)
		m[n++] = (unsigned char)byte;
	if (n == 0 && ferror(c->file))
		return io_fail(
			err, -EIO, "\"%.200s\": cannot be read: %s", name, strerror(errno));
	if (n == 0)
		return io_fail(
			err, -EINVAL, "\"%.200s\": is empty; give a pcap or pcapng file", name);
	if (n >= 2 && ((m[0] == 0x1f && m[1] == 0x8b) || (m[0] == 0x28 && m[1] == 0xb5) ||
			      (m[0] == 0xfd && m[1] == '7')))
		return io_fail(
			err, -EINVAL, "\"%.200s\": is compressed; unpack it first", name);
	c->is_ng = n == 4 && memcmp(m, ng, 4) == 0;
	c->ts_digits =
		c->is_ng || (n == 4 && (!memcmp(m, nano, 4) || !memcmp(m, nano_be, 4))) ? 9 : 6;
	c->standard = n == 4 &&
		      (c->ts_digits == 9 || !memcmp(m, micro, 4) || !memcmp(m, micro_be, 4));
	clearerr(c->file);
	while (n > 0)
		if (ungetc(m[--n], c->file) == EOF)
			return io_fail(
				err, -EIO, "\"%.200s\": cannot be read from a pipe", name);
	return 0;
}

/* Which reader: classic.c for the formats of version 2.4, libpcap for all others. */
static int
choose_reader(struct io_capture *c)
{
	bool nano = c->ts_digits == 9;

	c->classic = !c->is_ng && pcap_major_version(c->pcap) == 2 &&
		     pcap_minor_version(c->pcap) == 4 && c->standard;
	if (!c->classic)
		return 0;
	c->frac_ns = nano ? 1 : 1000;
	c->swapped = pcap_is_swapped(c->pcap);
	c->packet = malloc(IO_LARGE_BYTES);
	return c->packet ? 0 : -1;
}

/* libpcap takes the stream over if it succeeds. */
static int
open_pcap(struct io_capture *c)
{
	c->errbuf[0] = '\0';
	c->pcap = pcap_fopen_offline_with_tstamp_precision(
		c->file, PCAP_TSTAMP_PRECISION_NANO, c->errbuf);
	return c->pcap ? 0 : -1;
}

int
io_capture_open(struct io_capture *c, const char *name, struct io_err *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	if (!name || name[0] == '\0')
		return io_fail(err, -EINVAL, "no file name given; give a pcap or pcapng file");
	c->name = strdup(name);
	c->text = calloc(1, TEXT_BYTES);
	rc = c->name && c->text
		     ? 0
		     : io_fail(err, -ENOMEM, "\"%.200s\": no memory to open it", name);
	if (rc == 0)
		rc = open_stream(c, name, err);
	if (rc == 0)
		rc = check_stream(c, name, err);
	if (rc == 0)
		rc = check_magic(c, name, err);
	if (rc == 0 && open_pcap(c) != 0)
		rc = io_fail(err, -EINVAL,
			"\"%.200s\": is not a capture that can be read: %.160s", name,
			c->errbuf);
	if (rc == 0 && choose_reader(c) != 0)
		rc = io_fail(err, -ENOMEM, "\"%.200s\": no memory to read it", name);
	if (rc != 0)
		io_capture_close(c);
	else if (c->seekable)
		c->first = ftello(c->file);
	return rc;
}

void
io_capture_close(struct io_capture *c)
{
	if (c->pcap)
		pcap_close(c->pcap);
	else if (c->file)
		fclose(c->file);
	free(c->packet);
	free(c->name);
	free(c->text);
	memset(c, 0, sizeof(*c));
}

void
io_capture_info(const struct io_capture *c, struct io_source_info *info)
{
	int snaplen = pcap_snapshot(c->pcap);

	info->dlt = pcap_datalink(c->pcap);
	info->linktype = io_linktype(info->dlt);
	/* The header's word is kept if it can be true; classic.c does not rely on it. */
	info->snaplen = !c->classic && snaplen > 0 && (uint32_t)snaplen < IO_LARGE_BYTES
				? (uint32_t)snaplen
				: IO_LARGE_BYTES;
	info->ts_digits = c->ts_digits;
	info->total_bytes = c->size;
	info->swapped = pcap_is_swapped(c->pcap) != 0;
	info->streams = 1;
	info->stamps = "file";
}

enum io_capture_next
io_capture_next(struct io_capture *c, struct io_mem_pkt *out)
{
	struct pollfd pfd = {.fd = fileno(c->file), .events = POLLIN};
	struct pcap_pkthdr *hdr;
	const u_char *data;
	uint64_t sec;
	int rc;

	if (!c->seekable && poll(&pfd, 1, 0) == 0)
		return IO_CAPTURE_WAIT;
	if (c->classic)
		return io_classic_next(c, out);
	rc = pcap_next_ex(c->pcap, &hdr, &data);
	if (rc != 1)
		return rc == PCAP_ERROR_BREAK ? IO_CAPTURE_END : IO_CAPTURE_BROKEN;
	c->records++;
	out->data = data;
	out->len = hdr->caplen;
	out->wirelen = hdr->len;
	/* pcap's seconds are 32 bits without a sign (to 2106), but come with one. */
	sec = c->is_ng ? (uint64_t)hdr->ts.tv_sec : (uint32_t)hdr->ts.tv_sec;
	out->ts_ns = sec * 1000000000u + (uint64_t)hdr->ts.tv_usec;
	return IO_CAPTURE_PACKET;
}

/* A second descriptor outlives the first handle, which closes its stream. */
static int
reopen(struct io_capture *c)
{
	int fd = fcntl(fileno(c->file), F_DUPFD_CLOEXEC, 3);

	pcap_close(c->pcap);
	c->pcap = NULL;
	c->file = NULL;
	snprintf(c->errbuf, sizeof(c->errbuf), "no descriptor or memory to read it again");
	if (fd < 0)
		return -1;
	c->file = fdopen(fd, "rb");
	if (!c->file) {
		close(fd);
		return -1;
	}
	/* A failure of the buffer only costs speed. */
	(void)setvbuf(c->file, NULL, _IOFBF, STREAM_BYTES);
	rewind(c->file);
	return open_pcap(c);
}

int
io_capture_again(struct io_capture *c)
{
	c->records = 0;
	if (c->is_ng)
		return reopen(c);
	clearerr(c->file);
	return fseeko(c->file, c->first, SEEK_SET);
}

uint64_t
io_capture_done(const struct io_capture *c)
{
	off_t at = c->seekable ? ftello(c->file) : 0;

	return at > 0 ? (uint64_t)at : 0;
}

const char *
io_capture_failure(const struct io_capture *c)
{
	const char *why = c->pcap && !c->classic ? pcap_geterr(c->pcap) : c->errbuf;

	snprintf(c->text, TEXT_BYTES, "\"%.300s\": %s after packet %llu: %s", c->name,
		strstr(why, "truncated") ? "truncated" : "damaged",
		(unsigned long long)c->records, why);
	return c->text;
}
