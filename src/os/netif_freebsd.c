/*
 * os/netif_freebsd: interfaces by netintro(4) and route(4).  Called by io and ctl.  Nothing is
 * kept.
 */
#include "netif.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/route.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

enum { DLT_NULL_ = 0, DLT_EN10MB_ = 1 }; /* of libpcap's pcap/dlt.h */

static int
dlt_of(int type)
{
	return type == IFT_ETHER || type == IFT_L2VLAN || type == IFT_BRIDGE ? DLT_EN10MB_
	       : type == IFT_LOOP					     ? DLT_NULL_
									     : -1;
}

int
os_netif_read(const char *name, struct os_netif *out)
{
	struct ifaddrs *all, *a;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= OS_NETIF_NAME)
		return -ENAMETOOLONG;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (a = all; a != NULL; a = a->ifa_next) {
		const struct if_data *data = a->ifa_data;

		if (strcmp(a->ifa_name, name) != 0 || a->ifa_addr == NULL ||
			a->ifa_addr->sa_family != AF_LINK)
			continue;
		memcpy(out->name, name, strlen(name) + 1);
		out->index = if_nametoindex(name);
		out->dlt = dlt_of(((const struct sockaddr_dl *)a->ifa_addr)->sdl_type);
		out->up = (a->ifa_flags & IFF_UP) != 0;
		out->running = (a->ifa_flags & IFF_DRV_RUNNING) != 0;
		out->mtu = data->ifi_mtu;
		out->rx_queues = 1; /* netmap knows better */
	}
	freeifaddrs(all);
	return out->index != 0 ? 0 : -ENODEV;
}

int
os_netif_name(unsigned index, char *out)
{
	return if_indextoname(index, out) != NULL ? 0 : -errno;
}

int
os_netwatch_open(void)
{
	int fd = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

void
os_netwatch_drain(int fd)
{
	char buf[8192];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
}
