/*
 * What only libpcap on Linux has.  Called by the program.
 */
#include "shim.h"

/* A channel carries every protocol; filters choose. */
int
pcap_set_protocol_linux(pcap_t *p, int protocol)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_set_protocol_linux)(p, protocol);
	return s->dead ? PCAP_ERROR_ACTIVATED : 0;
}
