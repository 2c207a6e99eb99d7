/*
 * Names: which devices are channels, and the channels in the list of devices.
 * Called by the program (pcap_findalldevs, pcap_lookupnet) and by open.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shim.h"

#define PACF_PREFIX   "pacf:"
#define NETMAP_PREFIX "netmap:"

/* The daemon's channels, to be freed; returns how many.  None without a daemon. */
static int
list_channels(struct pacf_info **out)
{
	int room = 0, n;

	*out = NULL;
	/* More may have been opened since we asked how many there are. */
	while ((n = pacf_list(*out, room)) > room) {
		struct pacf_info *more = realloc(*out, (size_t)n * sizeof(**out));
		if (!more)
			return room;
		*out = more;
		room = n;
	}
	return n < 0 ? 0 : n;
}

static bool
channel_exists(const char *name)
{
	struct pacf_info *list;
	bool found = false;
	int n = list_channels(&list);

	for (int i = 0; i < n && !found; i++)
		found = strcmp(list[i].name, name) == 0;
	free(list);
	return found;
}

char *
shim_channel_name(const char *device)
{
	char *name;

	if (!device)
		return NULL;
	if (strncmp(device, PACF_PREFIX, strlen(PACF_PREFIX)) == 0)
		return strdup(device);
	if (strncmp(device, NETMAP_PREFIX, strlen(NETMAP_PREFIX)) != 0)
		return NULL;
	/* A name of netmap's, unless the daemon offers a channel under it. */
	if (asprintf(&name, PACF_PREFIX "%s", device + strlen(NETMAP_PREFIX)) < 0)
		return NULL;
	if (channel_exists(name))
		return name;
	free(name);
	return NULL;
}

int
pcap_lookupnet(const char *device, bpf_u_int32 *net, bpf_u_int32 *mask, char *errbuf)
{
	char *name = shim_channel_name(device);

	if (!name)
		return REAL(pcap_lookupnet)(device, net, mask, errbuf);
	free(name);
	*net = *mask = 0; /* a channel has no address of its own */
	return 0;
}

/* As pcap_freealldevs() of the real libpcap frees it: each string by itself. */
static pcap_if_t *
new_device(const struct pacf_info *info)
{
	pcap_if_t *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->name = strdup(info->name);
	if (info->busy_pid == 0)
		d->description = strdup(info->description);
	else if (asprintf(&d->description, "%s (in use by process %u)", info->description,
			 (unsigned)info->busy_pid) < 0)
		d->description = NULL;
	d->flags = PCAP_IF_UP | PCAP_IF_RUNNING | PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE;
	if (d->name && d->description)
		return d;
	free(d->name);
	free(d->description);
	free(d);
	return NULL;
}

/* Behind the interfaces: a program that takes the first of the list shall not take a channel.
 */
static int
append_channels(pcap_if_t **list, char *errbuf)
{
	struct pacf_info *channels;
	int n = list_channels(&channels);

	while (*list)
		list = &(*list)->next;
	for (int i = 0; i < n; i++) {
		*list = new_device(&channels[i]);
		if (!*list) {
			free(channels);
			snprintf(
				errbuf, PCAP_ERRBUF_SIZE, "no memory for the list of channels");
			return PCAP_ERROR;
		}
		list = &(*list)->next;
	}
	free(channels);
	return n;
}

int
pcap_findalldevs(pcap_if_t **list, char *errbuf)
{
	int status = REAL(pcap_findalldevs)(list, errbuf), n;

	if (status < 0)
		*list = NULL;
	n = append_channels(list, errbuf);
	if (n < 0) {
		pcap_freealldevs(*list);
		*list = NULL;
		return PCAP_ERROR;
	}
	/* Without the right to list interfaces a program can still use a channel. */
	return n > 0 ? 0 : status;
}
