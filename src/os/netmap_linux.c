/*
 * os/netmap_linux: how netmap has an interface open.  Called by io/netmap_port.c.  netmap does
 * not say; but while it emulates, it puts a queueing discipline of its own, "netmapemu", on the
 * interface's transmit queues, unless its parameter generic_txqdisc is off.
 * Requests: rtnetlink(7), <linux/rtnetlink.h>.
 */
#include "netif.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
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
	return rc == -ENOENT ? 0 : rc;
}
