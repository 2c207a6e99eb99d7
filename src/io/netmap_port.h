/*
 * io/netmap_port: a netmap port held open: its descriptor, its memory, its rings.  Used by the
 * source and the sink; control plane opens and closes, the engine reaches rings.
 *
 * netmap maps its memory writable for everybody who has a port in it, so what is read from a
 * ring is checked before it is used: io_nm_buf.
 */
#ifndef PACF_IO_NETMAP_PORT_H
#define PACF_IO_NETMAP_PORT_H

#include "io.h"
#include "netmap_sys.h"

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

struct io_nm_port {
	int fd;
	unsigned ifindex; /* of the interface that it is of; 0: of none */
	uint8_t *mem;
	size_t bytes;
	struct netmap_if *nif;
	uint16_t memory; /* ports with the same number share their memory */
	uint32_t extra;	 /* extra buffers it got */
	enum io_nm_way way;
	uint32_t first, last; /* rings bound: first .. last - 1 */
};

/* 0, or -errno with a sentence; on failure nothing is held. */
int io_nm_open(struct io_nm_port *port, const struct io_nm_ask *ask, struct io_err *err);
void io_nm_close(struct io_nm_port *port);
/* Is there netmap, and could there be such a port?  0, or -errno with a sentence. */
int io_nm_check(const char *name, struct io_err *err);
/* Ring i, NULL if it is not bound. */
/* How the interface of that name is, and its index now; a port of none is up, 0. */
enum io_state io_nm_state(const char *name, unsigned *index);
/* Is the name an interface's, not a VALE port's or a pipe's? */
bool io_nm_is_interface(const char *name);
struct netmap_ring *io_nm_rx_ring(const struct io_nm_port *port, uint32_t i);
struct netmap_ring *io_nm_tx_ring(const struct io_nm_port *port, uint32_t i);

/* A buffer's bytes, NULL if there is no such buffer in the memory. */
static inline uint8_t *
io_nm_buf(const struct io_nm_port *port, const struct netmap_ring *ring, uint32_t index)
{
	uint8_t *buf =
		(uint8_t *)(uintptr_t)ring + ring->buf_ofs + (size_t)index * ring->nr_buf_size;

	return index >= 2 && buf >= port->mem &&
			       buf + ring->nr_buf_size <= port->mem + port->bytes
		       ? buf
		       : NULL;
}
static inline uint32_t
io_nm_next(const struct netmap_ring *ring, uint32_t i)
{
	return i + 1 == ring->num_slots ? 0 : i + 1;
}
static inline uint32_t
io_nm_space(const struct netmap_ring *ring)
{
	uint32_t head = ring->head, tail = ring->tail;

	return tail >= head ? tail - head : tail + ring->num_slots - head;
}

extern const struct io_source_ops io_source_netmap;
extern const struct io_sink_ops io_sink_netmap;

#endif
