/*
 * ctl/counters: the names and sentences of counters.def, and of what sources count, as a table.
 * Called by whoever writes figures for other programs; constant.
 */
#include "counters.h"

static const struct ctl_counter counters[] = {
#define DP_ENGINE_COUNTER(name, help)  {CTL_OF_ENGINE, #name, help},
#define DP_LINK_COUNTER(name, help)    {CTL_OF_LINK, #name, help},
#define DP_CHANNEL_COUNTER(name, help) {CTL_OF_CHANNEL, #name, help},
#include "counters.def"
#undef DP_ENGINE_COUNTER
#undef DP_LINK_COUNTER
#undef DP_CHANNEL_COUNTER
	/* struct io_source_counters */
	{CTL_OF_LINK, "source_drop_pkts", "packets lost before the engine could read them"},
	{CTL_OF_LINK, "no_frame_pkts", "packets lost because no buffer was free"},
	{CTL_OF_LINK, "oversize_pkts", "packets lost because they are longer than 256 KiB"},
	{CTL_OF_LINK, "super_pkts",
		"of received: longer than the MTU, because several were joined"},
	{CTL_OF_LINK, "csum_partial_pkts",
		"of received: with a checksum that the sender left to its card"},
	{CTL_OF_GROUP, "received_pkts", "packets dealt to the channels of this group"},
};

const struct ctl_counter *
ctl_counters(uint32_t *n)
{
	*n = sizeof(counters) / sizeof(counters[0]);
	return counters;
}
