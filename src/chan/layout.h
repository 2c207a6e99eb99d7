/*
 * chan/layout: the bytes that daemon and application share.  Version CHAN_VERSION; a change of
 * any field, size or meaning here is a new version.  One lane is three memory objects:
 *
 *   pool    packets, many frames; the application maps it read-only (sealed)
 *   ring    one chan_ring and its descriptors; the application maps it read-only (sealed)
 *   cursor  one page with one 64-bit word, the only thing an application can write and the only
 *           thing the daemon reads from it
 *
 * Who writes what: the engine thread writes the ring; the application writes the cursor word.
 * Positions are 32-bit, free-running, compared by difference; slot = position & (slots - 1).
 *
 * The cursor word is (ticket << 32 | head).  head: everything before it has been given back.
 * ticket: odd while the application sleeps or is about to; it grows by one at each change, so
 * that the engine rings once per sleep.
 */
#ifndef PACF_CHAN_LAYOUT_H
#define PACF_CHAN_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define CHAN_MAGIC     UINT32_C(0x46434150) /* "PACF" in little-endian memory */
#define CHAN_VERSION   1u
#define CHAN_PAGE      4096u
#define CHAN_MIN_SLOTS 8u
#define CHAN_MAX_SLOTS (1u << 20)
#define CHAN_LINE      64

struct chan_desc {
	uint64_t off;	  /* bytes from the start of the pool */
	uint64_t ts_ns;	  /* capture time, nanoseconds since the epoch */
	uint32_t len;	  /* bytes there */
	uint32_t wirelen; /* bytes on the wire */
	uint32_t flags;	  /* 0; reserved */
	uint32_t reserved;
};
static_assert(sizeof(struct chan_desc) == 32, "two descriptors a cache line");

enum chan_state {
	CHAN_OPEN = 0,	 /* more may come */
	CHAN_EOF = 1,	 /* no more after tail: the sources have ended */
	CHAN_CLOSED = 2, /* no more after tail: the channel or engine was closed or stopped */
};

struct chan_ring {
	/* written once, before the descriptor is handed over */
	uint32_t magic, version;
	uint32_t slots;	   /* power of two */
	uint32_t desc_off; /* bytes from the start of this struct to descriptor 0 */
	uint64_t pool_bytes;
	uint32_t linktype;  /* LINKTYPE_ value */
	uint32_t snaplen;   /* no packet is longer, bytes */
	uint32_t ts_digits; /* decimal digits of a second that the source knows: 6 or 9 */
	uint32_t live; /* 1: of an interface, which goes on when the daemon is back; 0: files */
	uint32_t reserved[6];
	/* written by the engine on every publish */
	_Alignas(CHAN_LINE) _Atomic uint32_t tail;
	_Atomic uint32_t state; /* enum chan_state */
	/* written by the engine now and then: since this application attached */
	_Alignas(CHAN_LINE) _Atomic uint64_t received_pkts; /* for this application */
	_Atomic uint64_t dropped_pkts;			    /* of these, not delivered */
	_Atomic uint64_t source_drop_pkts; /* lost before the engine saw them */
};
static_assert(sizeof(struct chan_ring) == 3 * CHAN_LINE, "one line per rate of change");

struct chan_cursor {
	_Atomic uint64_t word;
};

static inline uint64_t
chan_ring_bytes(uint32_t slots)
{
	return CHAN_PAGE + (uint64_t)slots * sizeof(struct chan_desc);
}

#endif
