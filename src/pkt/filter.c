/*
 * pkt/filter: runs compiled filters.  Engine thread, per packet; never reads past caplen, as
 * the machine checks each load against it.
 */
#include "filter.h"

#include <sys/types.h>
#include <pcap/bpf.h>

bool
pkt_filter_match(
	const struct pkt_filter *filter, const uint8_t *data, uint32_t caplen, uint32_t wirelen)
{
	return bpf_filter(filter->insns, data, wirelen, caplen) != 0;
}
