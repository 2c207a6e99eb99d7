/*
 * pkt/filter: runs compiled filters.  Engine thread, per packet; never reads past caplen, as
 * the machine checks each load against it.
 */
#include "filter.h"

#include <sys/types.h>
#include <pcap/bpf.h>

/* Packets ahead: about as many as the machine works through while a line comes from memory. */
#define AHEAD 4

bool
pkt_filter_match(
	const struct pkt_filter *filter, const uint8_t *data, uint32_t caplen, uint32_t wirelen)
{
	return bpf_filter(filter->insns, data, wirelen, caplen) != 0;
}

void
pkt_filter_burst(const struct pkt_filter *const *filters, uint32_t nfilters,
	const struct pkt_view *pkts, uint32_t n, uint64_t *matched)
{
	uint32_t words = PKT_FILTER_WORDS(n);

	for (uint32_t w = 0; w < nfilters * words; w++)
		matched[w] = 0;
	for (uint32_t i = 0; i < n && i < AHEAD; i++)
		__builtin_prefetch(pkts[i].data);
	for (uint32_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(pkts[i + AHEAD].data);
		for (uint32_t f = 0; f < nfilters; f++)
			matched[f * words + i / 64] |=
				(uint64_t)pkt_filter_match(filters[f], pkts[i].data,
					pkts[i].caplen, pkts[i].wirelen)
				<< i % 64;
	}
}
