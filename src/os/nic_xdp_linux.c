/*
 * os/nic_xdp_linux: what a driver can do for XDP, by generic netlink's family "netdev" (kernel:
 * Documentation/netlink/specs/netdev.yaml, include/uapi/linux/netdev.h; Linux 6.3 and later).
 * Called by io.  Nothing is kept.
 */
#include "nic.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* linux/netdev.h, which older systems' headers lack. */
#define NETDEV_VERSION	    1
#define NETDEV_GET	    1 /* NETDEV_CMD_DEV_GET */
#define NETDEV_IFINDEX	    1 /* NETDEV_A_DEV_... */
#define NETDEV_XDP_FEATURES 3
#define NETDEV_ZC_SEGS	    4
#define NETDEV_RX_METADATA  5
#define ACT_BASIC	    1u /* NETDEV_XDP_ACT_... */
#define ACT_REDIRECT	    2u
#define ACT_ZEROCOPY	    8u
#define ACT_RX_SG	    32u
#define METADATA_STAMP	    1u /* NETDEV_XDP_RX_METADATA_... */
#define METADATA_TAG	    4u

#define REPLY_BYTES	    8192

struct ask {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	struct nlattr attr;
	char value[GENL_NAMSIZ];
};

/* One request with one attribute; the reply's attributes. */
static int
ask(int fd, uint16_t family, uint8_t version, uint8_t cmd, uint16_t type, const void *value,
	uint16_t bytes, char *reply, const struct nlattr **first)
{
	struct ask a = {
		.head = {.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN + NLA_HDRLEN + NLA_ALIGN(bytes)),
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST},
		.genl = {.cmd = cmd, .version = version},
		.attr = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = type}};
	const struct nlmsghdr *msg = (const void *)reply;
	ssize_t got;

	memcpy(a.value, value, bytes);
	if (send(fd, &a, a.head.nlmsg_len, 0) < 0)
		return -errno;
	got = recv(fd, reply, REPLY_BYTES, 0);
	if (got < 0)
		return -errno;
	if (!NLMSG_OK(msg, (uint32_t)got))
		return -EPROTO;
	if (msg->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(msg))->error;
	*first = (const void *)((const char *)NLMSG_DATA(msg) + GENL_HDRLEN);
	return (int)(msg->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN));
}

/* The attribute's number, of 16, 32 or 64 bits; 0 if it is not there. */
static uint64_t
number(const struct nlattr *a, int left, uint16_t type)
{
	uint64_t value = 0;

	while (left >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= left) {
		uint32_t bytes = a->nla_len - NLA_HDRLEN;
		uint16_t half;
		uint32_t word;

		if ((a->nla_type & NLA_TYPE_MASK) == type) {
			const char *data = (const char *)a + NLA_HDRLEN;

			if (bytes == sizeof(half))
				return memcpy(&half, data, sizeof(half)), half;
			if (bytes == sizeof(word))
				return memcpy(&word, data, sizeof(word)), word;
			if (bytes == sizeof(value))
				memcpy(&value, data, sizeof(value));
			return value;
		}
		left -= (int)NLA_ALIGN(a->nla_len);
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
	return 0;
}

static int
read_features(int fd, uint32_t index, struct os_nic_xdp *out)
{
	static const char family[] = "netdev";
	_Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
	const struct nlattr *a;
	uint64_t acts, metadata;
	uint16_t id;
	int left = ask(fd, GENL_ID_CTRL, 1, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, family,
		sizeof(family), reply, &a);

	if (left < 0)
		return left == -ENOENT ? -ENOTSUP : left;
	id = (uint16_t)number(a, left, CTRL_ATTR_FAMILY_ID);
	left = ask(fd, id, NETDEV_VERSION, NETDEV_GET, NETDEV_IFINDEX, &index, sizeof(index),
		reply, &a);
	if (left < 0)
		return left;
	acts = number(a, left, NETDEV_XDP_FEATURES);
	metadata = number(a, left, NETDEV_RX_METADATA);
	out->native = (acts & ACT_BASIC) != 0 && (acts & ACT_REDIRECT) != 0;
	out->zerocopy = (acts & ACT_ZEROCOPY) != 0;
	out->parts = (acts & ACT_RX_SG) != 0;
	out->zerocopy_parts = (uint32_t)number(a, left, NETDEV_ZC_SEGS);
	out->stamps = (metadata & METADATA_STAMP) != 0;
	out->tags = (metadata & METADATA_TAG) != 0;
	return 0;
}

int
os_nic_xdp(const char *name, struct os_nic_xdp *out)
{
	uint32_t index = if_nametoindex(name);
	int fd, rc;

	memset(out, 0, sizeof(*out));
	if (index == 0)
		return -ENODEV;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	rc = read_features(fd, index, out);
	close(fd);
	return rc;
}
