/*
 * io/afpacket_ring: a packet socket with a receive ring shared with the kernel (TPACKET_V3:
 * packet(7), kernel document networking/packet_mmap).  Used by source_afpacket only: control
 * opens and closes, the engine thread takes packets.
 *
 * The ring is blocks, each filled by the kernel with packets and handed over when it is full or
 * a millisecond old.  Its status word is the hand-over: what the kernel wrote before it says
 * "user" is complete; what we read before we say "kernel" is done with.
 */
#ifndef PACF_IO_AFPACKET_RING_H
#define PACF_IO_AFPACKET_RING_H

#include "io.h"
#include "netif.h"

#include <linux/if_packet.h>
#include <stdatomic.h>
#include <sys/queue.h>

/* So long may a packet lie in a block that is not full yet: a millisecond, by a timer that
 * kernels with 250 ticks a second round up to theirs. */
#define AFP_DELAY_NS UINT64_C(5000000)

#define AFP_BLOCKS   256u /* of a ring, if there is memory */

struct afp_ring {
	int fd;
	uint8_t *mem;
	uint32_t block_bytes, nblocks;
	unsigned ifindex;
	int qid;
	int fanout; /* group; -1: none */
	bool entered;
	LIST_ENTRY(afp_ring) entry; /* among those that may share their interface, if entered */
	/* Engine. */
	uint32_t block;			 /* the one being read, or next to be */
	uint32_t left;			 /* packets of it not taken yet */
	const struct tpacket3_hdr *next; /* of these the first */
	uint64_t taken_pkts;
	/* Control: kernel's figures so far (reading them sets them to zero there). */
	uint64_t seen_pkts, drop_pkts; /* seen: dropped ones too */
	uint64_t told_pkts;	       /* of drop_pkts: counted by the source for good */
};

#define AFP_TAG_AT 12u /* where a tag belongs: behind the two MAC addresses */

/* A packet as it lies in the ring. */
struct afp_pkt {
	const uint8_t *data;
	uint64_t ts_ns;
	uint32_t len, wirelen; /* without a tag that the kernel has taken out */
	uint32_t status;
	uint16_t tci, tpid; /* of that tag, if tpid is not 0; then len >= AFP_TAG_AT */
};

/* Opens, but does not receive yet.  0 or -errno with a sentence; on failure nothing is held. */
int afp_ring_open(
	struct afp_ring *ring, const struct os_netif *netif, int qid, struct io_err *err);
/* From here on packets come.  Rings of this process on one interface without qid share its
 * packets; in the microsecond in which one joins the others, packets may come twice. */
int afp_ring_bind(struct afp_ring *ring, const struct os_netif *netif, struct io_err *err);
/* False once the interface that it is bound to was deleted or taken to another namespace; it
 * may be back since, even with its index, but the socket gets nothing of it. */
bool afp_ring_alive(const struct afp_ring *ring);
/* Counts to the last moment; the figures stay. */
void afp_ring_close(struct afp_ring *ring);
/* Adds the kernel's figures since the last time.  Any one thread at a time. */
void afp_ring_count(struct afp_ring *ring);

/* Engine: looks at the next packet that came in; false: there is none now.  step: it is done
 * with. */
bool afp_ring_peek(struct afp_ring *ring, struct afp_pkt *out);
void afp_ring_step(struct afp_ring *ring);

/* The packet with its tag put back where it was: len (+4) bytes to `to`. */
void afp_pkt_copy(const struct afp_pkt *pkt, uint8_t *to);
static inline uint32_t
afp_pkt_tag_bytes(const struct afp_pkt *pkt)
{
	return pkt->tpid != 0 ? 4 : 0;
}

#endif
