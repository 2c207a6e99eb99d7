/*
 * pkt/filter: does a packet match a compiled pcap filter?  Pure: any thread.  Control compiles
 * (ctl/expression.h) and owns the program; here it is only run, by libpcap's machine, which is
 * the reference for what an expression means.
 */
#ifndef PACF_PKT_FILTER_H
#define PACF_PKT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bpf_insn;

/* A checked program for one link type; insns NULL: matches everything. */
struct pkt_filter {
	struct bpf_insn *insns;
	uint32_t ninsns;
};

bool pkt_filter_match(const struct pkt_filter *filter, const uint8_t *data, uint32_t caplen,
	uint32_t wirelen);

#ifdef __cplusplus
}
#endif
#endif
