/*
 * Unit test of io/afpacket_ring: blocks made here by hand, as the kernel lays them out
 * (networking/packet_mmap), are read in order, given back when they are done with, and tags are
 * put back where they were.
 */
#include "rig.h"
#include "afpacket_ring.h"

#include <linux/if_ether.h>
#include <string.h>

#define BLOCK	4096u
#define NBLOCKS 3u
#define FIRST	48u /* where the first packet of a block is */
#define MAC_AT	96u /* where a packet's bytes are, from its header */

static _Alignas(4096) uint8_t mem[NBLOCKS * BLOCK];

struct hand {
	uint32_t number; /* of the packet: its first bytes and its time stamp */
	uint32_t len;
	uint32_t status;
	uint16_t tci, tpid;
	uint8_t pkttype;
};

static struct afp_ring
ring_make(void)
{
	memset(mem, 0, sizeof(mem));
	return (struct afp_ring){.fd = -1,
		.mem = mem,
		.block_bytes = BLOCK,
		.nblocks = NBLOCKS,
		.qid = -1,
		.fanout = -1};
}

static struct tpacket_hdr_v1 *
block_head(uint32_t block)
{
	return &((struct tpacket_block_desc *)(void *)(mem + block * BLOCK))->hdr.bh1;
}

static bool
is_kernels(uint32_t block)
{
	return block_head(block)->block_status == TP_STATUS_KERNEL;
}

/* What a byte of a packet is. */
static uint8_t
byte_of(uint32_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + at);
}

static uint32_t
packet_lay(uint8_t *to, const struct hand *p)
{
	struct tpacket3_hdr *hdr = (void *)to;
	struct sockaddr_ll *from = (void *)(to + TPACKET_ALIGN(sizeof(*hdr)));

	*hdr = (struct tpacket3_hdr){.tp_sec = 1000 + p->number,
		.tp_nsec = 999999999 - p->number,
		.tp_snaplen = p->len,
		.tp_len = p->len + 7,
		.tp_status = p->status,
		.tp_mac = MAC_AT};
	hdr->hv1.tp_vlan_tci = p->tci;
	hdr->hv1.tp_vlan_tpid = p->tpid;
	from->sll_pkttype = p->pkttype;
	for (uint32_t i = 0; i < p->len; i++)
		to[MAC_AT + i] = byte_of(p->number, i);
	return TPACKET_ALIGN(MAC_AT + p->len);
}

/* The kernel fills a block and hands it over. */
static void
block_fill(uint32_t block, const struct hand *pkts, uint32_t n)
{
	uint8_t *at = mem + block * BLOCK + FIRST;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t bytes = packet_lay(at, &pkts[i]);

		((struct tpacket3_hdr *)(void *)at)->tp_next_offset = i + 1 < n ? bytes : 0;
		at += bytes;
	}
	*block_head(block) = (struct tpacket_hdr_v1){.num_pkts = n,
		.offset_to_first_pkt = FIRST,
		.block_status = TP_STATUS_USER | TP_STATUS_BLK_TMO};
}

static void
expect(struct afp_ring *ring, uint32_t number)
{
	struct afp_pkt pkt;

	assert_true(afp_ring_peek(ring, &pkt));
	assert_int_equal(pkt.data[0], byte_of(number, 0));
	assert_int_equal(
		pkt.ts_ns, (1000 + number) * UINT64_C(1000000000) + 999999999 - number);
	afp_ring_step(ring);
}

static void
expect_none(struct afp_ring *ring)
{
	struct afp_pkt pkt;

	assert_false(afp_ring_peek(ring, &pkt));
}

static void
packets_in_order(void **state)
{
	struct afp_ring ring = ring_make();
	const struct hand a[] = {{.number = 1, .len = 60}, {.number = 2, .len = 1514}};
	const struct hand b[] = {{.number = 3, .len = 61}};
	struct afp_pkt pkt;

	(void)state;
	expect_none(&ring);
	block_fill(0, a, 2);
	block_fill(1, b, 1);
	assert_true(afp_ring_peek(&ring, &pkt));
	assert_int_equal(pkt.len, 60);
	assert_int_equal(pkt.wirelen, 67);
	assert_int_equal(pkt.tpid, 0);
	assert_true(afp_ring_peek(&ring, &pkt)); /* looking takes nothing */
	expect(&ring, 1);
	expect(&ring, 2);
	expect(&ring, 3);
	expect_none(&ring);
	assert_int_equal(ring.taken_pkts, 3);
}

static void
blocks_go_back_when_read(void **state)
{
	struct afp_ring ring = ring_make();
	const struct hand two[] = {{.number = 1, .len = 60}, {.number = 2, .len = 60}};

	(void)state;
	block_fill(0, two, 2);
	expect(&ring, 1);
	assert_false(is_kernels(0)); /* one packet of it is left */
	expect(&ring, 2);
	assert_true(is_kernels(0));
	/* Many times around; a block that the kernel has not filled is not read, though the one
	 * behind it is full. */
	for (uint32_t i = 1; i < 10; i++) {
		block_fill((i + 1) % NBLOCKS, two, 1);
		expect_none(&ring);
		block_fill(i % NBLOCKS, two, 2);
		expect(&ring, 1);
		expect(&ring, 2);
		assert_true(is_kernels(i % NBLOCKS));
		assert_false(is_kernels((i + 1) % NBLOCKS));
		block_head((i + 1) % NBLOCKS)->block_status = TP_STATUS_KERNEL;
	}
}

static void
empty_block_is_passed(void **state)
{
	struct afp_ring ring = ring_make();
	const struct hand one[] = {{.number = 5, .len = 60}};

	(void)state;
	block_fill(0, one, 0);
	block_fill(1, one, 1);
	expect(&ring, 5);
	assert_true(is_kernels(0));
	assert_true(is_kernels(1));
}

static void
sent_is_passed(void **state)
{
	struct afp_ring ring = ring_make();
	const struct hand mixed[] = {{.number = 1, .len = 60, .pkttype = PACKET_OUTGOING},
		{.number = 2, .len = 60, .pkttype = PACKET_OTHERHOST},
		{.number = 3, .len = 60, .pkttype = PACKET_OUTGOING},
		{.number = 4, .len = 60, .pkttype = PACKET_MULTICAST},
		{.number = 5, .len = 60, .pkttype = PACKET_OUTGOING}};

	(void)state;
	block_fill(0, mixed, 5);
	block_fill(1, mixed, 1);
	expect(&ring, 2);
	expect(&ring, 4);
	expect_none(&ring);
	assert_true(is_kernels(0));
	assert_true(is_kernels(1));
	assert_int_equal(ring.taken_pkts, 6); /* not lost ones either */
}

/* The copy has the tag, or none if want_tpid is 0, and nothing behind its end is written. */
static void
copy_is(struct afp_ring *ring, const struct hand *p, uint16_t want_tpid)
{
	uint8_t to[2048], want[2048];
	uint32_t tag = want_tpid != 0 ? 4 : 0, n = 0;
	struct afp_pkt pkt;

	memset(to, 0xee, sizeof(to));
	memset(want, 0xee, sizeof(want));
	for (uint32_t i = 0; i < p->len; i++) {
		if (i == 12 && tag > 0) {
			want[n++] = (uint8_t)(want_tpid >> 8);
			want[n++] = (uint8_t)want_tpid;
			want[n++] = (uint8_t)(p->tci >> 8);
			want[n++] = (uint8_t)p->tci;
		}
		want[n++] = byte_of(p->number, i);
	}
	if (p->len == 12 && tag > 0) {
		memcpy(want + 12, (uint8_t[]){(uint8_t)(want_tpid >> 8), (uint8_t)want_tpid},
			2);
		memcpy(want + 14, (uint8_t[]){(uint8_t)(p->tci >> 8), (uint8_t)p->tci}, 2);
	}
	assert_true(afp_ring_peek(ring, &pkt));
	assert_int_equal(afp_pkt_tag_bytes(&pkt), tag);
	afp_pkt_copy(&pkt, to);
	assert_memory_equal(to, want, sizeof(to));
	afp_ring_step(ring);
}

#define TAGGED (TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID)

static void
tags_come_back(void **state)
{
	static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};
	struct afp_ring ring = ring_make();
	uint32_t block = 0;

	(void)state;
	/* Every priority and drop indicator, the ends of the identifiers. */
	for (uint32_t i = 0; i < 3 * 16 * 3; i++) {
		static const uint16_t vids[] = {0, 1, 4095};
		struct hand p = {.number = i,
			.len = 12 + i,
			.status = TAGGED,
			.tpid = tpids[i % 3],
			.tci = (uint16_t)(i / 9 << 12 | vids[i / 3 % 3])};

		block_fill(block, &p, 1);
		copy_is(&ring, &p, p.tpid);
		block = (block + 1) % NBLOCKS;
	}
}

static void
no_tag_is_made_up(void **state)
{
	struct afp_ring ring = ring_make();
	/* What is in the fields counts only if the status says so. */
	const struct hand pkts[] = {
		{.number = 1, .len = 60, .tpid = 0x8100, .tci = 5},
		{.number = 2, .len = 60, .tpid = 0x8100, .status = TP_STATUS_VLAN_TPID_VALID},
		{.number = 3, .len = 60, .tci = 7, .status = TP_STATUS_VLAN_VALID},
		{.number = 4, .len = 11, .tpid = 0x88a8, .tci = 7, .status = TAGGED},
	};

	(void)state;
	block_fill(0, pkts, 4);
	copy_is(&ring, &pkts[0], 0);
	copy_is(&ring, &pkts[1], 0);
	copy_is(&ring, &pkts[2], ETH_P_8021Q); /* kernels that do not say which: this one */
	copy_is(&ring, &pkts[3], 0);	       /* no place for it */
	expect_none(&ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_in_order),
		cmocka_unit_test(blocks_go_back_when_read),
		cmocka_unit_test(empty_block_is_passed),
		cmocka_unit_test(sent_is_passed),
		cmocka_unit_test(tags_come_back),
		cmocka_unit_test(no_tag_is_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
