/*
 * os/nic_freebsd: what is not known of cards there: nearly all.  Called by ctl, which says so.
 */
#include "nic.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

const char *
os_nic_offload_name(enum os_offload offload)
{
	static const char *const names[OS_OFFLOADS] = {
		"gro", "rx-gro-hw", "lro", "rxvlan", "tso", "gso", "tx"};

	return names[offload];
}

int
os_nic_offloads(const char *name, struct os_offloads *out)
{
	(void)name;
	memset(out, 0, sizeof(*out));
	return -ENOTSUP;
}

int
os_nic_offload_set(const char *name, uint32_t which, uint32_t wanted)
{
	(void)name, (void)which, (void)wanted;
	return -ENOTSUP;
}

int
os_nic_read(const char *name, struct os_nic *out)
{
	(void)name;
	memset(out, 0, sizeof(*out));
	out->numa = -1;
	return -ENOTSUP;
}

int
os_nic_counters(const char *name, struct os_nic_counters *out)
{
	(void)name;
	memset(out, 0, sizeof(*out));
	return -ENOTSUP;
}

int
os_nic_irqs(const char *name, struct os_nic_irq *out, int max)
{
	(void)name, (void)out, (void)max;
	return -ENOTSUP;
}

int
os_nic_link(const char *name, struct os_nic_link *out)
{
	(void)name;
	memset(out, 0, sizeof(*out));
	return -ENOTSUP;
}

int
os_nic_xdp(const char *name, struct os_nic_xdp *out)
{
	(void)name;
	memset(out, 0, sizeof(*out));
	return -ENOTSUP;
}

int
os_nic_each(void (*fn)(void *arg, const char *name), void *arg)
{
	struct if_nameindex *all = if_nameindex();

	if (all == NULL)
		return -errno;
	for (struct if_nameindex *i = all; i->if_index != 0; i++)
		fn(arg, i->if_name);
	if_freenameindex(all);
	return 0;
}

int
os_nic_place(char *buf, size_t size)
{
	(void)buf, (void)size;
	return -ENOTSUP;
}
