/*
 * io/afpacket_ring: see afpacket_ring.h.  Invariant: the block that is being read is ours until
 * its last packet was stepped over; then it is the kernel's again.
 */
#include "afpacket_ring.h"
#include "capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A block takes the largest packet there is (256 KiB less its header).  64 MiB are 50 ms of
 * 10 Gbit/s; and 256 blocks of a millisecond each, if little comes. */
#define BLOCK_BYTES  (256u * 1024)
#define BLOCKS_LEAST 8u
#define RETIRE_MS    1u

/* Of linux/if_packet.h from Linux 6.2 on; older kernels ignore it. */
#define FANOUT_IGNORE_OUTGOING 0x4000u

static int
socket_fail(const struct os_netif *netif, int error, const char *what, struct io_err *err)
{
	if (error == EPERM || error == EACCES)
		return io_fail(err, -error,
			"\"%s\": a packet socket needs the capability CAP_NET_RAW: run pacf as "
			"root, or setcap cap_net_raw,cap_net_admin+ep bin/pacf",
			netif->name);
	return io_fail(
		err, -error, "\"%s\": cannot %s: %s", netif->name, what, strerror(error));
}

static int
option(int fd, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, name, value, len) < 0 ? -errno : 0;
}

/* As many blocks as there is memory for. */
static int
ring_make(struct afp_ring *ring)
{
	int rc = -ENOMEM, version = TPACKET_V3;
	void *mem;

	rc = option(ring->fd, PACKET_VERSION, &version, sizeof(version));
	if (rc < 0)
		return rc;
	ring->block_bytes = BLOCK_BYTES;
	rc = -ENOMEM;
	for (ring->nblocks = AFP_BLOCKS; rc == -ENOMEM && ring->nblocks >= BLOCKS_LEAST;) {
		struct tpacket_req3 req = {.tp_block_size = BLOCK_BYTES,
			.tp_block_nr = ring->nblocks,
			.tp_frame_size = 2048,
			.tp_frame_nr = ring->nblocks * (BLOCK_BYTES / 2048),
			.tp_retire_blk_tov = RETIRE_MS};

		rc = option(ring->fd, PACKET_RX_RING, &req, sizeof(req));
		if (rc == -ENOMEM)
			ring->nblocks /= 2;
	}
	if (rc < 0)
		return rc;
	mem = mmap(NULL, (size_t)ring->nblocks * BLOCK_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, ring->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	ring->mem = mem;
	return 0;
}

/* Only packets of that queue.  The kernel keeps it as queue + 1, or 0 if the driver has but
 * one. */
static int
queue_only(int fd, int qid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_QUEUE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)qid + 1, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, qid == 0 ? 1 : 0, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (qid < 0)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno
										     : 0;
}

int
afp_ring_open(struct afp_ring *ring, const struct os_netif *netif, int qid, struct io_err *err)
{
	int rc, on = 1;

	memset(ring, 0, sizeof(*ring));
	ring->qid = qid;
	ring->fanout = -1;
	ring->ifindex = netif->index;
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* nothing until bind */
	if (ring->fd < 0)
		return socket_fail(netif, errno, "open a packet socket", err);
	rc = ring_make(ring);
	if (rc < 0)
		rc = socket_fail(netif, -rc, "make a receive ring", err);
	else if ((rc = option(ring->fd, PACKET_IGNORE_OUTGOING, &on, sizeof(on))) < 0)
		rc = socket_fail(netif, -rc, "leave out what it sends (Linux 4.20)", err);
	else if ((rc = queue_only(ring->fd, qid)) < 0)
		rc = socket_fail(netif, -rc, "choose a queue", err);
	if (rc < 0)
		afp_ring_close(ring);
	return rc;
}

bool
afp_ring_alive(const struct afp_ring *ring)
{
	struct sockaddr_ll addr;
	socklen_t len = sizeof(addr);

	return getsockname(ring->fd, (struct sockaddr *)&addr, &len) == 0 &&
	       addr.sll_ifindex == (int)ring->ifindex;
}

/* Rings of this process that are bound, without a queue of their own; control's lock guards it.
 */
static LIST_HEAD(, afp_ring) sharing = LIST_HEAD_INITIALIZER(sharing);

/* The group's own flag says whether it leaves out what is sent: the socket's no longer counts.
 */
static int
group_join(struct afp_ring *ring, int group)
{
	unsigned flags = FANOUT_IGNORE_OUTGOING | (group < 0 ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
	unsigned arg = (PACKET_FANOUT_HASH | flags) << 16 | (group < 0 ? 0 : (unsigned)group);
	socklen_t len = sizeof(arg);
	int rc = option(ring->fd, PACKET_FANOUT, &arg, sizeof(arg));

	if (rc == 0 && getsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &arg, &len) < 0)
		rc = -errno;
	if (rc == 0)
		ring->fanout = (int)(arg & 0xffff);
	return rc;
}

static struct afp_ring *
sharing_find(const struct afp_ring *ring)
{
	struct afp_ring *other;

	LIST_FOREACH(other, &sharing, entry)
	if (other->ifindex == ring->ifindex && afp_ring_alive(other))
		return other;
	return NULL;
}

/* Takes no packet, until it is opened. */
static int
shut(const struct afp_ring *ring)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog prog = {.len = 1, .filter = code};

	return setsockopt(ring->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0
		       ? -errno
		       : 0;
}

/*
 * The first ring of an interface joins a group only when a second one comes: finding the group
 * costs the kernel a look into every packet.  A ring must be bound to join, and would have all
 * packets until then, the other's too: so it is shut until just before.
 */
static int
share(struct afp_ring *ring, struct afp_ring *other)
{
	int rc = 0, unused = 0;

	if (other->fanout < 0)
		rc = group_join(other, -1);
	if (rc == 0 &&
		setsockopt(ring->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) < 0)
		rc = -errno;
	return rc < 0 ? rc : group_join(ring, other->fanout);
}

static int
share_fail(const struct os_netif *netif, int rc, struct io_err *err)
{
	if (rc == -EINVAL && !netif->up)
		return io_fail(err, rc,
			"\"%s\" is down: this kernel lets a second engine share it only while "
			"it is up; ip link set %s up",
			netif->name, netif->name);
	return socket_fail(netif, -rc, "share it with another engine", err);
}

int
afp_ring_bind(struct afp_ring *ring, const struct os_netif *netif, struct io_err *err)
{
	struct packet_mreq promisc = {
		.mr_ifindex = (int)netif->index, .mr_type = PACKET_MR_PROMISC};
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)netif->index};
	struct afp_ring *other = ring->qid < 0 ? sharing_find(ring) : NULL;
	int rc = option(ring->fd, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc));

	if (rc < 0)
		return socket_fail(netif, -rc, "make it promiscuous", err);
	if (other != NULL && (rc = shut(ring)) < 0)
		return share_fail(netif, rc, err);
	if (bind(ring->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return socket_fail(netif, errno, "receive from it", err);
	if (other != NULL && (rc = share(ring, other)) < 0)
		return share_fail(netif, rc, err);
	if (ring->qid < 0) {
		LIST_INSERT_HEAD(&sharing, ring, entry);
		ring->entered = true;
	}
	return 0;
}

void
afp_ring_count(struct afp_ring *ring)
{
	struct tpacket_stats_v3 stats;
	socklen_t len = sizeof(stats);

	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
		return;
	ring->seen_pkts += stats.tp_packets;
	ring->drop_pkts += stats.tp_drops;
}

/* Giving back the mapping takes a millisecond, in which packets come: they are counted behind
 * it.
 */
void
afp_ring_close(struct afp_ring *ring)
{
	if (ring->entered)
		LIST_REMOVE(ring, entry);
	if (ring->mem != NULL)
		munmap(ring->mem, (size_t)ring->nblocks * ring->block_bytes);
	if (ring->fd >= 0) {
		afp_ring_count(ring);
		close(ring->fd);
	}
	ring->mem = NULL;
	ring->fd = -1;
}

static struct tpacket_hdr_v1 *
block_at(const struct afp_ring *ring)
{
	struct tpacket_block_desc *block =
		(void *)(ring->mem + (size_t)ring->block * ring->block_bytes);

	return &block->hdr.bh1;
}

/* Pairs with the kernel's: the block's packets are all there. */
static bool
block_enter(struct afp_ring *ring)
{
	struct tpacket_hdr_v1 *block = block_at(ring);

	if ((__atomic_load_n(&block->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0)
		return false;
	ring->left = block->num_pkts;
	ring->next = (const void *)((const uint8_t *)block -
				    offsetof(struct tpacket_block_desc, hdr) +
				    block->offset_to_first_pkt);
	return true;
}

/* Pairs with the kernel's: our reads of it are done. */
static void
block_leave(struct afp_ring *ring)
{
	__atomic_store_n(&block_at(ring)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	ring->block = ring->block + 1 < ring->nblocks ? ring->block + 1 : 0;
}

/* The next packet's header; NULL: there is none now. */
static const struct tpacket3_hdr *
header_next(struct afp_ring *ring)
{
	while (ring->left == 0) {
		if (!block_enter(ring))
			return NULL;
		if (ring->left == 0)
			block_leave(ring);
	}
	return ring->next;
}

/* Sent by this host: a group of a kernel before 6.2 has them too. */
static bool
is_outgoing(const struct tpacket3_hdr *hdr)
{
	const struct sockaddr_ll *from =
		(const void *)((const uint8_t *)hdr + TPACKET_ALIGN(sizeof(*hdr)));

	return from->sll_pkttype == PACKET_OUTGOING;
}

bool
afp_ring_peek(struct afp_ring *ring, struct afp_pkt *out)
{
	const struct tpacket3_hdr *hdr = header_next(ring);

	while (hdr != NULL && is_outgoing(hdr)) {
		afp_ring_step(ring);
		hdr = header_next(ring);
	}
	if (hdr == NULL)
		return false;
	*out = (struct afp_pkt){
		.data = (const uint8_t *)hdr + hdr->tp_mac,
		.ts_ns = (uint64_t)hdr->tp_sec * 1000000000u + hdr->tp_nsec,
		.len = hdr->tp_snaplen,
		.wirelen = hdr->tp_len,
		.status = hdr->tp_status,
	};
	if (hdr->tp_status & TP_STATUS_VLAN_VALID && out->len >= AFP_TAG_AT) {
		out->tci = (uint16_t)hdr->hv1.tp_vlan_tci;
		out->tpid = hdr->tp_status & TP_STATUS_VLAN_TPID_VALID ? hdr->hv1.tp_vlan_tpid
								       : ETH_P_8021Q;
	}
	__builtin_prefetch((const uint8_t *)hdr + hdr->tp_next_offset);
	return true;
}

void
afp_ring_step(struct afp_ring *ring)
{
	ring->next = (const void *)((const uint8_t *)ring->next + ring->next->tp_next_offset);
	ring->taken_pkts++;
	if (--ring->left == 0)
		block_leave(ring);
}

void
afp_pkt_copy(const struct afp_pkt *pkt, uint8_t *to)
{
	if (pkt->tpid == 0) {
		memcpy(to, pkt->data, pkt->len);
		return;
	}
	memcpy(to, pkt->data, AFP_TAG_AT);
	to[AFP_TAG_AT] = (uint8_t)(pkt->tpid >> 8);
	to[AFP_TAG_AT + 1] = (uint8_t)pkt->tpid;
	to[AFP_TAG_AT + 2] = (uint8_t)(pkt->tci >> 8);
	to[AFP_TAG_AT + 3] = (uint8_t)pkt->tci;
	memcpy(to + AFP_TAG_AT + 4, pkt->data + AFP_TAG_AT, pkt->len - AFP_TAG_AT);
}
