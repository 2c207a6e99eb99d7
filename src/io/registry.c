/*
 * io/registry: the back ends by name.  Called by the control plane; a new back end is a line
 * here.
 */
#include "io.h"

#include <string.h>

static const struct io_source_ops *const sources[] = {&io_source_mem, &io_source_pcap};
static const struct io_sink_ops *const sinks[] = {&io_sink_pcap, &io_sink_netdev};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct io_source_ops *
io_source_find(const char *name)
{
	for (size_t i = 0; i < COUNT(sources); i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	return NULL;
}

const struct io_source_ops *
io_source_at(size_t i)
{
	return i < COUNT(sources) ? sources[i] : NULL;
}

const char *
io_source_names(void)
{
	return "mem, pcap";
}

const struct io_sink_ops *
io_sink_find(const char *name)
{
	for (size_t i = 0; i < COUNT(sinks); i++)
		if (strcmp(sinks[i]->name, name) == 0)
			return sinks[i];
	return NULL;
}
