/*
 * io/classic: records of a pcap file, whole, whatever snapshot length its header claims
 * (libpcap cuts them to that).  Called by io_capture_next on the thread that reads.  Format:
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html, version 2.4.
 */
#include "capture.h"

#include <string.h>

#define RECORD_BYTES 16

static uint32_t
field(const struct io_capture *c, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return c->swapped ? __builtin_bswap32(v) : v;
}

static enum io_capture_next
broken(struct io_capture *c, const char *what, size_t got, size_t want)
{
	if (ferror(c->file))
		snprintf(c->errbuf, sizeof(c->errbuf), "the file cannot be read further");
	else
		snprintf(c->errbuf, sizeof(c->errbuf), "truncated %s: %zu of %zu bytes", what,
			got, want);
	return IO_CAPTURE_BROKEN;
}

/* The rest of a packet that no frame holds; it is skipped and its length told. */
static bool
skip(struct io_capture *c, uint32_t bytes)
{
	while (bytes > 0) {
		size_t part = bytes < IO_LARGE_BYTES ? bytes : IO_LARGE_BYTES;

		if (fread(c->packet, 1, part, c->file) != part)
			return false;
		bytes -= (uint32_t)part;
	}
	return true;
}

enum io_capture_next
io_classic_next(struct io_capture *c, struct io_mem_pkt *out)
{
	uint8_t record[RECORD_BYTES];
	size_t got = fread(record, 1, sizeof(record), c->file);
	uint32_t part;

	if (got == 0 && !ferror(c->file))
		return IO_CAPTURE_END;
	if (got < sizeof(record))
		return broken(c, "packet header", got, sizeof(record));
	out->len = field(c, record + 8);
	out->wirelen = field(c, record + 12);
	if (out->len > IO_CAPTURE_MAX) {
		snprintf(c->errbuf, sizeof(c->errbuf), "a packet of %u bytes, which cannot be",
			out->len);
		return IO_CAPTURE_BROKEN;
	}
	part = out->len < IO_LARGE_BYTES ? out->len : IO_LARGE_BYTES;
	got = fread(c->packet, 1, part, c->file);
	if (got < part || !skip(c, out->len - part))
		return broken(c, "packet data", got, out->len);
	c->records++;
	out->data = c->packet;
	out->ts_ns = (uint64_t)field(c, record) * 1000000000u +
		     (uint64_t)field(c, record + 4) * c->frac_ns;
	return IO_CAPTURE_PACKET;
}
