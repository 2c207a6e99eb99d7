/*
 * pkt/sample: `sample` = 1 in n flows.  Engine thread, per packet.  A conversation is chosen
 * whole or not at all, and whether it is says nothing about its bucket: another multiplier, and
 * the high bits of the product where pkt_bucket takes the low ones.
 */
#ifndef PACF_PKT_SAMPLE_H
#define PACF_PKT_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* n of 0 or 1: every flow.  key: pkt_group_key of a name of its own; flows chosen with one key
 * and n are also chosen with it and any smaller n. */
static inline bool
pkt_flow_chosen(uint64_t digest, uint64_t key, uint32_t n)
{
	__extension__ unsigned __int128 m =
		(unsigned __int128)(digest ^ key) * UINT64_C(0xd6e8feb86659fd93);
	uint32_t even = (uint32_t)(((uint64_t)(m >> 64) ^ (uint64_t)m) >> 32);

	return (uint64_t)even * n >> 32 == 0;
}

#endif
