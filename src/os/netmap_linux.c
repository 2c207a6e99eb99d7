/*
 * os/netmap_linux: how netmap has an interface open, and how it shall be opened.  Called by
 * io/netmap_port.c.  netmap does not say; but while it emulates, it puts a queueing discipline
 * of its own, "netmapemu", on the interface's transmit queues, unless its parameter
 * generic_txqdisc is off.
 * Requests: rtnetlink(7), <linux/rtnetlink.h>.
 */
#include "netif.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
};

static bool
is_netmaps(struct nlmsghdr *msg)
{
	struct tcmsg *tc = NLMSG_DATA(msg);
	struct rtattr *attr = TCA_RTA(tc);
	int left = (int)TCA_PAYLOAD(msg);

	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == TCA_KIND)
			return strncmp(RTA_DATA(attr), "netmapemu", RTA_PAYLOAD(attr)) == 0;
	return false;
}

/* 1: found; 0: more may come; -ENOENT: that was the last. */
static int
answer_look(struct nlmsghdr *msg, size_t len, int index)
{
	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR)
			return -ENOENT;
		if (((struct tcmsg *)NLMSG_DATA(msg))->tcm_ifindex == index && is_netmaps(msg))
			return 1;
	}
	return 0;
}

static int
parameter_open(const char *name)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/netmap/parameters/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A digit, or -errno. */
static int
parameter_read(const char *name)
{
	char text = 0;
	ssize_t n;
	int fd = parameter_open(name);

	if (fd < 0)
		return fd;
	n = read(fd, &text, 1);
	close(fd);
	return n == 1 && text >= '0' && text <= '9' ? text - '0' : -EIO;
}

static int
parameter_write(int fd, int value)
{
	char text = (char)('0' + value);

	return pwrite(fd, &text, 1, 0) == 1 ? 0 : -errno;
}

int
os_netmap_is_emulated(const char *name)
{
	struct request request = {.header = {.nlmsg_len = sizeof(request),
					  .nlmsg_type = RTM_GETQDISC,
					  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)if_nametoindex(name)}};
	_Alignas(struct nlmsghdr) char answer[16384];
	int rc = 0, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		rc = -errno;
	while (rc == 0) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		rc = n <= 0 ? -EIO
			    : answer_look((struct nlmsghdr *)(void *)answer, (size_t)n,
				      request.tc.tcm_ifindex);
	}
	close(fd);
	if (rc == -ENOENT)
		rc = parameter_read("generic_txqdisc") > 0 ? 0 : -ENODATA;
	return rc;
}

int
os_netmap_admode_begin(int mode, int *lock)
{
	int before, rc;

	*lock = parameter_open("admode");
	if (*lock < 0)
		return *lock;
	rc = flock(*lock, LOCK_EX) < 0 ? -errno : 0;
	before = parameter_read("admode");
	if (rc == 0)
		rc = before < 0 ? before : parameter_write(*lock, mode);
	if (rc == 0)
		return before;
	close(*lock);
	*lock = -1;
	return rc;
}

void
os_netmap_admode_end(int before, int lock)
{
	(void)parameter_write(lock, before);
	close(lock);
}
