/*
 * os/netif_freebsd: interfaces by netintro(4) and route(4).  Called by io and ctl.  Nothing is
 * kept.
 */
#include "netif.h"

#include <errno.h>
#include <fcntl.h>
#include <net/bpf.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/route.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/sysctl.h>
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

bool
os_netif_is_up(int sock, const char *name)
{
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, name, strnlen(name, sizeof(req.ifr_name) - 1));
	return ioctl(sock, SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_UP) != 0;
}

/* bpf(4): the interface is promiscuous for as long as the descriptor is open. */
int
os_netif_promisc(const char *name)
{
	struct ifreq req;
	int err, fd = open("/dev/bpf", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memset(&req, 0, sizeof(req));
	strlcpy(req.ifr_name, name, sizeof(req.ifr_name));
	if (ioctl(fd, BIOCSETIF, &req) == 0 && ioctl(fd, BIOCPROMISC) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int
os_netmap_is_emulated(const char *name)
{
	struct ifreq req;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, name, strnlen(name, sizeof(req.ifr_name) - 1));
	rc = ioctl(fd, SIOCGIFCAP, &req) < 0 ? -errno : (req.ifr_reqcap & IFCAP_NETMAP) == 0;
	close(fd);
	return rc;
}

int
os_netmap_admode_begin(int mode, int *lock)
{
	int before;
	size_t len = sizeof(before);

	*lock = -1; /* there is no file that stands for it */
	if (sysctlbyname("dev.netmap.admode", &before, &len, &mode, sizeof(mode)) < 0)
		return -errno;
	return before;
}

void
os_netmap_admode_end(int before, int lock)
{
	(void)lock;
	(void)sysctlbyname("dev.netmap.admode", NULL, NULL, &before, sizeof(before));
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
