/*
 * bench/packets: the traffic.  Called by setup.c.  Invariant: no two packets are of one flow.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static void
packet_fill(uint8_t *p, uint32_t len, uint32_t flow)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45};
	const uint8_t addresses[8] = {
		10, 0, (uint8_t)(flow >> 8), (uint8_t)flow, 192, 0, 2, (uint8_t)(flow % 7)};
	uint32_t total = len - 14, back;

	memcpy(p, head, sizeof(head));
	p[16] = (uint8_t)(total >> 8);
	p[17] = (uint8_t)total;
	p[22] = 64;
	p[23] = 17;
	/* Either direction, without a pattern: the order of the ends can't be guessed. */
	back = flow * UINT32_C(2654435761) >> 31;
	memcpy(p + 26, addresses + (back ? 4 : 0), 4);
	memcpy(p + 30, addresses + (back ? 0 : 4), 4);
	memcpy(p + (back ? 36 : 34), (const uint8_t[]){0x80, (uint8_t)(flow * 7)}, 2);
	p[back ? 35 : 37] = 53;
	for (uint32_t i = 42; i < len; i++)
		p[i] = (uint8_t)(flow + i);
}

void
bench_packets_make(struct bench_packets *p, uint32_t len)
{
	p->pkts = calloc(BENCH_FLOWS, sizeof(*p->pkts));
	p->bytes = calloc(BENCH_FLOWS, len);
	p->sum = 0;
	if (p->pkts == NULL || p->bytes == NULL)
		bench_check(-1, "memory for the packets");
	for (uint32_t i = 0; i < BENCH_FLOWS; i++) {
		uint8_t *data = p->bytes + (size_t)i * len;

		packet_fill(data, len, i);
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
