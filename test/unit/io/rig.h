/*
 * rig: what the tests of io share: captures written byte by byte (not by libpcap, so that a
 * wrong reading cannot hide behind a wrong writing), and a source opened, started and read to
 * its end.
 */
#ifndef RIG_H
#define RIG_H

#include "io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above */
#include <cmocka.h>

/* A capture under construction. */
struct file {
	uint8_t *bytes;
	size_t len, size;
	bool swapped; /* numbers are written in the other byte order */
};
void file_u16(struct file *f, uint16_t v);
void file_u32(struct file *f, uint32_t v);
void file_fill(struct file *f, uint32_t seed, uint32_t n);
void file_pcap(struct file *f, uint32_t magic, uint32_t snaplen, uint32_t linktype);
/* A record with its bytes from file_fill(seed). */
void file_record(struct file *f, uint32_t sec, uint32_t frac, uint32_t caplen, uint32_t len,
	uint32_t seed);
void file_ng_section(struct file *f);
void file_ng_interface(struct file *f, uint16_t linktype, uint32_t snaplen, int tsresol);
void file_ng_packet(struct file *f, uint32_t interface, uint64_t ts, uint32_t caplen,
	uint32_t len, uint32_t seed);
/* Writes it out, under a name that is new; the caller frees the name.  Frees the bytes. */
char *file_save(struct file *f);
bool is_fill(const uint8_t *data, uint32_t seed, uint32_t n);

/* A source in use. */
struct rig {
	const struct io_source_ops *ops;
	void *priv;
	struct io_pool pool;
	struct io_source_info info;
	struct io_err err;
	struct io_status status;
};
#define RIG_FRAMES 64
/* Zeroed priv and a pool. */
void rig_init(struct rig *r, const struct io_source_ops *ops, uint32_t frames, uint32_t large);
/* open (and start if that went well); open's value. */
int rig_open(struct rig *r, const char *name, double speed, uint64_t loop);
/* One packet, waiting while rx says 0; IO_EOF and IO_ERROR as rx. */
int rig_next(struct rig *r, struct io_pkt *out);
void rig_put(struct rig *r, const struct io_pkt *pkt);
void rig_close(struct rig *r);
/* Why it ended, after IO_ERROR. */
const char *rig_failure(struct rig *r);
/* rx until the end, giving all back; the number of packets, and how it ended. */
uint64_t rig_drain(struct rig *r, int *end);

#endif
