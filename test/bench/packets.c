/*
 * bench/packets: the traffic.  Called by setup.c.  Invariant: the flow of packet i is flow i's,
 * of fragments flow i / 2's, and the parser finds it behind the headers that the traffic has:
 * at the offset at which the reference reads without looking.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ETHER 14u
#define TAG   4u
#define IPV4  20u
#define UDP   8u
#define VXLAN 8u
#define PIECE 24u /* payload of a fragment; the rest of the frame is padding */

uint32_t
bench_packets_l3(enum bench_traffic traffic)
{
	switch (traffic) {
	case BENCH_QINQ_TCP:
		return ETHER + 2 * TAG;
	case BENCH_VXLAN_TCP:
		return ETHER + IPV4 + UDP + VXLAN + ETHER;
	default:
		return ETHER;
	}
}

static void
put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void
ipv4(uint8_t *p, uint32_t total, uint32_t id, uint32_t fragment, uint8_t proto)
{
	p[0] = 0x45;
	put16(p + 2, total);
	put16(p + 4, id);
	put16(p + 6, fragment);
	p[8] = 64;
	p[9] = proto;
}

/* Either direction, without a pattern: the order of the ends can't be guessed. */
static void
flow_put(uint8_t *p, uint32_t flow)
{
	const uint8_t addresses[8] = {
		10, 0, (uint8_t)(flow >> 8), (uint8_t)flow, 192, 0, 2, (uint8_t)(flow % 7)};
	uint32_t back = flow * UINT32_C(2654435761) >> 31;

	memcpy(p + 12, addresses + (back ? 4 : 0), 4);
	memcpy(p + 16, addresses + (back ? 0 : 4), 4);
	memcpy(p + (back ? 22 : 20), (const uint8_t[]){0x80, (uint8_t)(flow * 7)}, 2);
	put16(p + (back ? 20 : 22), 53);
}

/* Between two ends of tunnels; the source port is the flow's (RFC 7348). */
static void
vxlan_put(uint8_t *p, uint32_t len, uint32_t flow)
{
	static const uint8_t ends[8] = {198, 18, 0, 1, 198, 18, 0, 2};
	static const uint8_t inner[ETHER] = {2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 0x08, 0x00};
	uint8_t *udp = p + ETHER + IPV4;

	ipv4(p + ETHER, len - ETHER, flow, 0, 17);
	memcpy(p + ETHER + 12, ends, sizeof(ends));
	put16(udp, 0xc000 | (flow & 0x3fff));
	put16(udp + 2, 4789);
	put16(udp + 4, len - ETHER - IPV4);
	udp[UDP] = 0x08;
	udp[UDP + 6] = 7;
	memcpy(udp + UDP + VXLAN, inner, sizeof(inner));
}

static void
packet_fill(uint8_t *p, uint32_t len, uint32_t i, enum bench_traffic traffic)
{
	static const uint8_t head[ETHER] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
	static const uint8_t tags[] = {0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 9, 0x08, 0x00};
	uint32_t l3 = bench_packets_l3(traffic);
	bool tcp = traffic != BENCH_UDP && traffic != BENCH_FRAGMENTS;

	memcpy(p, head, sizeof(head));
	for (uint32_t k = l3 + IPV4 + UDP; k < len; k++)
		p[k] = (uint8_t)(i + k);
	if (traffic == BENCH_QINQ_TCP)
		memcpy(p + 12, tags, sizeof(tags));
	if (traffic == BENCH_VXLAN_TCP)
		vxlan_put(p, len, i);
	if (traffic == BENCH_FRAGMENTS) {
		/* More fragments; the last one, behind it. */
		ipv4(p + l3, IPV4 + PIECE, i / 2, i & 1 ? PIECE / 8 : 0x2000, 17);
		flow_put(p + l3, i / 2);
		return;
	}
	ipv4(p + l3, len - l3, 0, 0, tcp ? 6 : 17);
	flow_put(p + l3, i);
}

static void
packet_check(const uint8_t *data, uint32_t len, enum bench_traffic traffic)
{
	static struct pkt_conf conf;
	struct pkt_flow flow;

	if (conf.nudp == 0)
		pkt_conf_init(&conf, BENCH_SEED);
	pkt_parse(data, len, PKT_LINK_ETHER, &conf, &flow);
	if (flow.l3_off != bench_packets_l3(traffic) ||
		(flow.nfrags > 0) != (traffic == BENCH_FRAGMENTS))
		bench_check(-EINVAL, "the traffic is not what it should be");
}

void
bench_packets_make(struct bench_packets *p, const struct bench_case *what)
{
	uint32_t len = what->len;

	p->pkts = calloc(BENCH_FLOWS, sizeof(*p->pkts));
	p->bytes = calloc(BENCH_FLOWS, len);
	p->sum = 0;
	if (p->pkts == NULL || p->bytes == NULL)
		bench_check(-ENOMEM, "memory for the packets");
	for (uint32_t i = 0; i < BENCH_FLOWS; i++) {
		uint8_t *data = p->bytes + (size_t)i * len;

		packet_fill(data, len, i, what->traffic);
		packet_check(data, len, what->traffic);
		p->pkts[i] = (struct io_mem_pkt){
			.data = data, .len = len, .wirelen = len, .ts_ns = 1000 * (uint64_t)i};
		p->sum += bench_touch(data, len);
	}
}

void
bench_packets_free(struct bench_packets *p)
{
	free(p->pkts);
	free(p->bytes);
}
