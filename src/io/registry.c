/*
 * io/registry: the back ends by name.  Called by the control plane; a new back end is a line
 * here, or in the list of the systems that have it (back_ends.h, one for each system).
 */
#include "netmap_port.h"
#include "back_ends.h"

#include <stdio.h>
#include <string.h>

static const struct io_source_ops *const sources[] = {
	&io_source_mem, &io_source_pcap, &io_source_netmap, BACK_ENDS_SOURCES};
static const struct io_sink_ops *const sinks[] = {
	&io_sink_pcap, &io_sink_netdev, &io_sink_netmap};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct io_source_ops *
io_source_find(const char *name)
{
	for (size_t i = 0; i < COUNT(sources); i++)
		if (sources[i] != NULL && strcmp(sources[i]->name, name) == 0)
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
	static char names[128]; /* the same whoever writes it */
	size_t n = 0;

	for (size_t i = 0; i < COUNT(sources); i++)
		if (sources[i] != NULL)
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				n > 0 ? ", " : "", sources[i]->name);
	return names;
}

const struct io_sink_ops *
io_sink_find(const char *name)
{
	for (size_t i = 0; i < COUNT(sinks); i++)
		if (strcmp(sinks[i]->name, name) == 0)
			return sinks[i];
	return NULL;
}
