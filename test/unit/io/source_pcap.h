/*
 * source_pcap: what the tests of io/source_pcap share: one packet after the other, as it was
 * written, the end, and refusals.
 */
#ifndef SOURCE_PCAP_H
#define SOURCE_PCAP_H

#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MICRO 0xa1b2c3d4
#define NANO  0xa1b23c4d
#define SEC   UINT64_C(1000000000)

/* A file of file_save. */
static inline void
drop(char *name)
{
	assert_int_equal(unlink(name), 0);
	free(name);
}

static inline void
expect(struct rig *r, uint64_t ts, uint32_t caplen, uint32_t len, uint32_t seed)
{
	struct io_pkt p;

	assert_int_equal(rig_next(r, &p), 1);
	assert_int_equal(p.ts_ns, ts);
	assert_int_equal(p.len, caplen);
	assert_int_equal(p.wirelen, len);
	assert_ptr_equal(p.data, r->pool.base + io_pool_off(&r->pool, p.frame));
	assert_true(is_fill(p.data, seed, caplen));
	rig_put(r, &p);
}

static inline void
expect_end(struct rig *r, int end)
{
	struct io_pkt p;

	assert_int_equal(rig_next(r, &p), end);
	assert_int_equal(rig_next(r, &p), end); /* and stays so */
}

/* Opening it fails with that code, and a sentence that holds the word. */
static inline void
fails(const char *name, double speed, uint64_t loop, int code, const char *word)
{
	struct rig r;

	rig_init(&r, &io_source_pcap, RIG_FRAMES, 1);
	assert_int_equal(rig_open(&r, name, speed, loop), code);
	if (!strstr(r.err.text, word))
		fail_msg("\"%s\" lacks \"%s\"", r.err.text, word);
	rig_close(&r);
}

/* Two packets of two interfaces, 96 bytes each in the file. */
static inline void
make_ng(struct file *f)
{
	file_ng_section(f);
	file_ng_interface(f, 1, 65535, 6);
	file_ng_interface(f, 1, 65535, 9);
	file_ng_packet(f, 0, UINT64_C(1600000000123456), 61, 61, 1);
	file_ng_packet(f, 1, UINT64_C(1600000000123456789), 62, 9000, 2);
}

#endif
