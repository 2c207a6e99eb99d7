/*
 * io/capture: a capture file (pcap or pcapng) open for reading through libpcap, for the two
 * sources that read one.  open and close are control plane; next and again may be called on the
 * engine thread: they format nothing; the sentence of a failure is made by io_capture_failure.
 */
#ifndef PACF_IO_CAPTURE_H
#define PACF_IO_CAPTURE_H

#include "fail.h"
#include "io.h"

#include <pcap/pcap.h>

struct io_capture {
	FILE *file; /* owned by pcap once that is open */
	pcap_t *pcap;
	char *name, *text;  /* as given; the sentence of a failure */
	off_t first;	    /* where packets begin; only for seekable pcap */
	uint64_t size;	    /* bytes; 0 = not a regular file */
	uint64_t records;   /* read so far in this pass */
	uint32_t ts_digits; /* 6 or 9 */
	bool seekable, is_ng;
	bool standard;	       /* a magic number of plain pcap */
	bool classic, swapped; /* records are read by classic.c; in the other byte order */
	uint8_t *packet;       /* classic: the last packet, IO_LARGE_BYTES */
	uint32_t frac_ns;      /* classic: nanoseconds per unit of the fraction */
	char errbuf[PCAP_ERRBUF_SIZE]; /* libpcap's last message when there is no handle */
};

/* A record that claims more is damage, not a packet (libpcap allows no link type more). */
#define IO_CAPTURE_MAX (128u * 1024 * 1024)

enum io_capture_next { IO_CAPTURE_PACKET, IO_CAPTURE_WAIT, IO_CAPTURE_END, IO_CAPTURE_BROKEN };

/* "-" is standard input.  On failure nothing is held, -errno and a sentence in err. */
int io_capture_open(struct io_capture *c, const char *name, struct io_err *err);
void io_capture_close(struct io_capture *c);
void io_capture_info(const struct io_capture *c, struct io_source_info *info);

/* The next packet; *data is libpcap's and valid until the next call (frame is not set).  WAIT:
 * a pipe has nothing now. */
enum io_capture_next io_capture_next(struct io_capture *c, struct io_mem_pkt *out);
/* classic.c: reads one record of a pcap file as it was written.  libpcap cuts packets to the
 * snapshot length that the file's header claims, which some writers get wrong. */
enum io_capture_next io_classic_next(struct io_capture *c, struct io_mem_pkt *out);
/* Back to the first packet: 0, or -1 as for BROKEN.  pcap: a seek.  pcapng: libpcap keeps the
 * sections and interfaces that it has read, so this one takes a new handle: the one allocation
 * on the engine thread. */
int io_capture_again(struct io_capture *c);
/* Bytes of this pass behind the reader. */
uint64_t io_capture_done(const struct io_capture *c);
/* After BROKEN: one sentence, kept until close. */
const char *io_capture_failure(const struct io_capture *c);

#endif
