/*
 * os/netif_linux: interfaces by netdevice(7), sysfs-class-net (kernel document
 * ABI/testing/sysfs-class-net-queues) and rtnetlink(7).  Called by io and ctl.  Nothing is
 * kept.
 */
#include "netif.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of libpcap's pcap/dlt.h, whose numbers never change. */
enum { DLT_EN10MB_ = 1, DLT_RAW_ = 12, DLT_IEEE802_11_ = 105, DLT_RADIOTAP_ = 127 };

static int
dlt_of(unsigned short arphrd)
{
	switch (arphrd) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return DLT_EN10MB_;
	case ARPHRD_NONE:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_PPP:
	case 519: /* ARPHRD_RAWIP of linux/if_arp.h */
		return DLT_RAW_;
	case ARPHRD_IEEE80211:
		return DLT_IEEE802_11_;
	case ARPHRD_IEEE80211_RADIOTAP:
		return DLT_RADIOTAP_;
	default:
		return -1;
	}
}

static uint32_t
queues_count(const char *name)
{
	char path[64];
	struct dirent *entry;
	uint32_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		n += strncmp(entry->d_name, "rx-", 3) == 0;
	if (dir != NULL)
		closedir(dir);
	return n > 0 ? n : 1;
}

static int
ask(int sock, unsigned long what, struct ifreq *req, const char *name)
{
	memset(req, 0, sizeof(*req));
	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
	return ioctl(sock, what, req) < 0 ? -errno : 0;
}

static int
read_by(int sock, const char *name, struct os_netif *out)
{
	struct ifreq req;
	int rc;

	if ((rc = ask(sock, SIOCGIFINDEX, &req, name)) < 0)
		return rc;
	out->index = (unsigned)req.ifr_ifindex;
	if ((rc = ask(sock, SIOCGIFFLAGS, &req, name)) < 0)
		return rc;
	out->up = (req.ifr_flags & IFF_UP) != 0;
	out->running = (req.ifr_flags & IFF_RUNNING) != 0;
	if ((rc = ask(sock, SIOCGIFMTU, &req, name)) < 0)
		return rc;
	out->mtu = (uint32_t)req.ifr_mtu;
	if ((rc = ask(sock, SIOCGIFHWADDR, &req, name)) < 0)
		return rc;
	out->dlt = dlt_of(req.ifr_hwaddr.sa_family);
	return 0;
}

int
os_netif_read(const char *name, struct os_netif *out)
{
	int rc, sock;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= OS_NETIF_NAME)
		return -ENAMETOOLONG;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	rc = read_by(sock, name, out);
	close(sock);
	if (rc < 0)
		return rc;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->rx_queues = queues_count(name);
	return 0;
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
	return ioctl(sock, SIOCGIFFLAGS, &req) == 0 &&
	       (~req.ifr_flags & (IFF_UP | IFF_RUNNING)) == 0;
}

int
os_netif_promisc(const char *name)
{
	struct packet_mreq req = {
		.mr_ifindex = (int)if_nametoindex(name), .mr_type = PACKET_MR_PROMISC};
	int err, fd;

	if (req.mr_ifindex == 0)
		return -errno;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* it receives nothing itself */
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &req, sizeof(req)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int
os_netwatch_open(void)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int err,
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* What was said does not matter: who wakes looks for himself; so does an overrun not. */
void
os_netwatch_drain(int fd)
{
	char buf[8192];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}
