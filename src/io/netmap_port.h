/*
 * io/netmap_port: a netmap port held open: its descriptor, its memory, its rings.  Used by the
 * source and the sink; control plane opens and closes, the engine reaches rings.
 *
 * netmap maps its memory writable for everybody who has a port in it, so what is read from a
 * ring is checked before it is used: io_nm_buf, io_nm_space.
 */
#ifndef PACF_IO_NETMAP_PORT_H
#define PACF_IO_NETMAP_PORT_H

#include "io.h"
#include "netmap_sys.h"

#include <stdatomic.h>

#define IO_NM_VALE_SLOTS 64u /* of a packet, at most: netmap's switch checks no more (2026) */

struct io_nm_ask {
	const char *name;  /* as written, without "netmap:" */
	int qid;	   /* one ring; -1: all */
	uint64_t flags;	   /* NR_RX_RINGS_ONLY or NR_TX_RINGS_ONLY */
	uint32_t slots;	   /* of a ring, where netmap lets us choose; 0: its default */
	uint32_t extra;	   /* extra buffers; it may get fewer */
	enum io_mode mode; /* BEST; NATIVE: by the driver or not; GENERIC: emulated */
};

/* How netmap reaches the interface; ports that are no interface have their own ways. */
enum io_nm_way { IO_NM_ITSELF, IO_NM_NATIVE, IO_NM_EMULATED, IO_NM_UNTOLD };

/* A ring as it was when it was opened: its sizes are not read again from where others write. */
struct io_nm_ring {
	struct netmap_ring *ring;
	uint8_t *bufs; /* buffer 0 */
	uint32_t slots, buf_bytes;
	uint32_t nbufs; /* numbers from nbufs on are not buffers */
};

struct io_nm_port {
	int fd;
	unsigned ifindex; /* of the interface that it is of; 0: of none */
	int face_fd;	  /* a socket to ask how the interface is; -1: it is none itself */
	char name[NETMAP_NAMSZ];
	uint8_t *mem;
	size_t bytes;
	struct netmap_if *nif;
	uint16_t memory; /* ports with the same number share their memory */
	uint32_t extra;	 /* extra buffers it got */
	enum io_nm_way way;
	uint32_t most;		  /* bytes of a packet that can be sent */
	struct io_nm_ring *rings; /* those bound to the descriptor */
	uint32_t nrings;
};

/* 0, or -errno with a sentence; on failure nothing is held. */
int io_nm_open(struct io_nm_port *port, const struct io_nm_ask *ask, struct io_err *err);
void io_nm_close(struct io_nm_port *port);
/* Is there netmap, and could there be such a port?  0, or -errno with a sentence. */
int io_nm_check(const char *name, struct io_err *err);
/* How the interface of that name is, and its index now; a port of none is up, 0. */
enum io_state io_nm_state(const char *name, unsigned *index);
/* Is the name an interface's, not a VALE port's or a pipe's? */
bool io_nm_is_interface(const char *name);

/* Engine.  While an interface is down netmap keeps whoever syncs or polls it in the kernel,
 * where nothing ends him: so it is asked first, and never polled. */
bool io_nm_may_sync(const struct io_nm_port *port);

/* What was read from netmap's memory before this stays what it was, whoever writes there: the
 * compiler does not read it again.  There is no order with other CPUs to be kept: what the
 * kernel wrote, it wrote in this thread's own system calls. */
static inline void
io_nm_read_once(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}
static inline struct netmap_slot
io_nm_slot(const struct io_nm_ring *r, uint32_t i)
{
	struct netmap_slot slot = r->ring->slot[i];

	io_nm_read_once();
	return slot;
}
/* A buffer's bytes, NULL if there is no such buffer in the memory. */
static inline uint8_t *
io_nm_buf(const struct io_nm_ring *r, uint32_t index)
{
	return index >= 2 && index < r->nbufs ? r->bufs + (size_t)index * r->buf_bytes : NULL;
}
static inline uint32_t
io_nm_next(const struct io_nm_ring *r, uint32_t i)
{
	return i + 1 == r->slots ? 0 : i + 1;
}
/* Slots that are ours, from *head on; 0 also if somebody has scribbled on the cursors. */
static inline uint32_t
io_nm_space(const struct io_nm_ring *r, uint32_t *head)
{
	uint32_t tail = r->ring->tail;

	*head = r->ring->head;
	io_nm_read_once();
	if (*head >= r->slots || tail >= r->slots)
		return 0;
	return tail >= *head ? tail - *head : tail + r->slots - *head;
}
/* The slots before head are netmap's again. */
static inline void
io_nm_move(const struct io_nm_ring *r, uint32_t head)
{
	r->ring->head = r->ring->cur = head;
}

extern const struct io_source_ops io_source_netmap;
extern const struct io_sink_ops io_sink_netmap;

#endif
