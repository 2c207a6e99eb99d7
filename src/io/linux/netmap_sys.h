/*
 * io/linux/netmap_sys: netmap's interface for programs, for a system without netmap's own
 * headers: what passes between a program and /dev/netmap.  The names, numbers and layouts are
 * netmap's (API version 14; FreeBSD's netmap(4) and <net/netmap.h> describe the same); only
 * what is used here is declared.  Included by netmap_port.c, source_netmap.c, sink_netmap.c.
 */
#ifndef PACF_NETMAP_SYS_H
#define PACF_NETMAP_SYS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/types.h>

#define NETMAP_API	    14
#define NETMAP_DEVICE	    "/dev/netmap"
#define NETMAP_NAMSZ	    64

#define NETMAP_REQ_REGISTER 1

enum { /* nr_mode */
	NR_REG_ALL_NIC = 1,
	NR_REG_ONE_NIC = 4,
};
#define NR_RX_RINGS_ONLY 0x2000u
#define NR_TX_RINGS_ONLY 0x4000u
#define NR_NO_TX_POLL	 0x20000u

#define NS_BUF_CHANGED	 0x0001u
#define NS_MOREFRAG	 0x0020u

struct nmreq_header {
	uint16_t nr_version, nr_reqtype;
	uint32_t nr_reserved;
	char nr_name[NETMAP_NAMSZ];
	uint64_t nr_options, nr_body; /* pointers */
};

struct nmreq_register {
	uint64_t nr_offset, nr_memsize; /* of the netmap_if in the memory; of the memory */
	uint32_t nr_tx_slots, nr_rx_slots;
	uint16_t nr_tx_rings, nr_rx_rings, nr_host_tx_rings, nr_host_rx_rings;
	uint16_t nr_mem_id, nr_ringid;
	uint32_t nr_mode;
	uint32_t nr_extra_bufs;
	uint32_t nr_pad;
	uint64_t nr_flags;
};

struct netmap_slot {
	uint32_t buf_idx;
	uint16_t len, flags;
	uint64_t ptr;
};

struct netmap_ring {
	int64_t buf_ofs; /* from here to buffer 0 */
	uint32_t num_slots, nr_buf_size;
	uint16_t ringid, dir;
	uint32_t head, cur, tail;
	uint32_t flags;
	uint32_t pad;
	struct timeval ts;
	uint64_t offset_mask, buf_align;
	_Alignas(128) uint8_t sem[128];
	struct netmap_slot slot[];
};

struct netmap_if {
	char ni_name[16];
	uint32_t ni_version, ni_flags;
	uint32_t ni_tx_rings, ni_rx_rings;
	uint32_t ni_bufs_head; /* of the extra buffers */
	uint32_t ni_host_tx_rings, ni_host_rx_rings;
	uint32_t ni_spare[3];
	ssize_t ring_ofs[]; /* tx, host tx, rx, host rx; 0: not bound to this descriptor */
};

#define NIOCTXSYNC _IO('i', 148)
#define NIOCRXSYNC _IO('i', 149)
#define NIOCCTRL   _IOWR('i', 151, struct nmreq_header)

static_assert(sizeof(struct nmreq_header) == 88, "netmap.h: nmreq_header");
static_assert(offsetof(struct nmreq_header, nr_name) == 8, "netmap.h: nr_name");
static_assert(offsetof(struct nmreq_header, nr_options) == 72, "netmap.h: nr_options");
static_assert(offsetof(struct nmreq_header, nr_body) == 80, "netmap.h: nr_body");
static_assert(sizeof(struct nmreq_register) == 56, "netmap.h: nmreq_register");
static_assert(offsetof(struct nmreq_register, nr_tx_slots) == 16, "netmap.h: nr_tx_slots");
static_assert(offsetof(struct nmreq_register, nr_tx_rings) == 24, "netmap.h: nr_tx_rings");
static_assert(offsetof(struct nmreq_register, nr_mem_id) == 32, "netmap.h: nr_mem_id");
static_assert(offsetof(struct nmreq_register, nr_mode) == 36, "netmap.h: nr_mode");
static_assert(offsetof(struct nmreq_register, nr_extra_bufs) == 40, "netmap.h: nr_extra_bufs");
static_assert(offsetof(struct nmreq_register, nr_flags) == 48, "netmap.h: nr_flags");
static_assert(sizeof(struct netmap_slot) == 16, "netmap.h: netmap_slot");
static_assert(offsetof(struct netmap_ring, num_slots) == 8, "netmap.h: num_slots");
static_assert(offsetof(struct netmap_ring, head) == 20, "netmap.h: head");
static_assert(offsetof(struct netmap_ring, ts) == 40, "netmap.h: ts");
static_assert(offsetof(struct netmap_ring, offset_mask) == 56, "netmap.h: offset_mask");
static_assert(offsetof(struct netmap_ring, sem) == 128, "netmap.h: sem");
static_assert(offsetof(struct netmap_ring, slot) == 256, "netmap.h: slot");
static_assert(offsetof(struct netmap_if, ni_bufs_head) == 32, "netmap.h: ni_bufs_head");
static_assert(offsetof(struct netmap_if, ring_ofs) == 56, "netmap.h: ring_ofs");

#endif
