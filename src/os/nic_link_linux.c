/*
 * os/nic_link_linux: interfaces by rtnetlink(7) (linux/if_link.h), their XDP program by bpf(2),
 * devices by sysfs.  Called by ctl.  Nothing is kept.  What sysfs says counts only if it is of
 * the network namespace of the caller: /sys may have been mounted in another one.
 */
#include "nic.h"
#include "sys.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
sys_read(const char *name, const char *what, char *buf, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	return os_line_read(path, buf, size);
}

static int
sys_check(const char *name)
{
	unsigned index = if_nametoindex(name);
	char text[32];

	if (index == 0)
		return -ENODEV;
	if (sys_read(name, "ifindex", text, sizeof(text)) < 0 ||
		strtoul(text, NULL, 10) != index)
		return -ENOENT;
	return 0;
}

int
os_nic_node(const char *name, int *out)
{
	char text[32];
	int rc = sys_check(name);

	if (rc == 0)
		rc = sys_read(name, "device/numa_node", text, sizeof(text));
	if (rc == 0)
		*out = atoi(text);
	return rc;
}

int
os_nic_counters(const char *name, struct os_nic_counters *out)
{
	static const char *const files[] = {"statistics/rx_packets", "statistics/rx_dropped",
		"statistics/rx_missed_errors"};
	uint64_t *const values[] = {&out->rx_packets, &out->rx_dropped, &out->rx_missed};
	char text[32];
	int rc = sys_check(name);

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 3 && rc == 0; i++) {
		rc = sys_read(name, files[i], text, sizeof(text));
		*values[i] = rc == 0 ? strtoull(text, NULL, 10) : 0;
	}
	return rc;
}

/* The folder of its interrupts: the device's, or, of virtio, that of the device it is on. */
static DIR *
irqs_open(const char *name)
{
	static const char *const places[] = {"device/msi_irqs", "device/../msi_irqs"};
	DIR *dir = NULL;

	for (int i = 0; i < 2 && dir == NULL; i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, places[i]);
		dir = opendir(path);
	}
	return dir;
}

static int
irq_compare(const void *a, const void *b)
{
	const struct os_nic_irq *x = a, *y = b;

	return x->irq < y->irq ? -1 : x->irq > y->irq;
}

int
os_nic_irqs(const char *name, struct os_nic_irq *out, int max)
{
	int rc = sys_check(name), n = 0;
	struct dirent *entry;
	DIR *dir;

	if (rc < 0)
		return rc;
	dir = irqs_open(name);
	if (dir == NULL)
		return -ENOENT;
	while ((entry = readdir(dir)) != NULL) {
		char path[300];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (n++ >= max)
			continue;
		memset(&out[n - 1], 0, sizeof(out[n - 1]));
		out[n - 1].irq = (unsigned)strtoul(entry->d_name, NULL, 10);
		snprintf(path, sizeof(path), "/proc/irq/%s/smp_affinity_list", entry->d_name);
		os_line_read(path, out[n - 1].cpus, sizeof(out[n - 1].cpus));
	}
	closedir(dir);
	qsort(out, (size_t)(n < max ? n : max), sizeof(*out), irq_compare);
	return n;
}

static void
xdp_name(struct os_nic_link *out)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = out->xdp_id;
	fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	if (fd < 0)
		return;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0)
		snprintf(out->xdp_name, sizeof(out->xdp_name), "%.16s", info.name);
	close(fd);
}

#define FOREACH_ATTR(a, len) for (; RTA_OK(a, len); a = RTA_NEXT(a, len))

static void
xdp_read(struct rtattr *nest, struct os_nic_link *out)
{
	static const char *const modes[] = {"", "native", "generic", "offloaded", "several"};
	struct rtattr *a = RTA_DATA(nest);
	int len = (int)RTA_PAYLOAD(nest);
	uint8_t mode;

	FOREACH_ATTR(a, len)
	{
		if (a->rta_type == IFLA_XDP_ATTACHED) {
			mode = *(uint8_t *)RTA_DATA(a);
			snprintf(out->xdp_mode, sizeof(out->xdp_mode), "%s",
				mode <= 4 ? modes[mode] : "unknown");
		} else if (a->rta_type != IFLA_XDP_FLAGS && a->rta_type != IFLA_XDP_FD &&
			   RTA_PAYLOAD(a) == 4 && out->xdp_id == 0) {
			memcpy(&out->xdp_id, RTA_DATA(a),
				4); /* IFLA_XDP_PROG_ID and those by mode */
		}
	}
}

static void
kind_read(struct rtattr *nest, struct os_nic_link *out)
{
	struct rtattr *a = RTA_DATA(nest);
	int len = (int)RTA_PAYLOAD(nest);

	FOREACH_ATTR(a, len)
	if (a->rta_type == IFLA_INFO_KIND)
		snprintf(out->kind, sizeof(out->kind), "%.*s", (int)RTA_PAYLOAD(a),
			(const char *)RTA_DATA(a));
}

static int
link_read(struct nlmsghdr *msg, ssize_t got, struct os_nic_link *out)
{
	unsigned peer = 0;
	bool far = false;
	struct rtattr *a;
	int len;

	if (!NLMSG_OK(msg, (uint32_t)got))
		return -EPROTO;
	if (msg->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(msg))->error;
	a = IFLA_RTA(NLMSG_DATA(msg));
	len = (int)IFLA_PAYLOAD(msg);
	FOREACH_ATTR(a, len)
	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_PROMISCUITY:
		memcpy(&out->promiscuous, RTA_DATA(a), 4);
		break;
	case IFLA_LINKINFO:
		kind_read(a, out);
		break;
	case IFLA_LINK:
		memcpy(&peer, RTA_DATA(a), 4);
		break;
	case IFLA_LINK_NETNSID:
		far = true;
		break;
	case IFLA_XDP:
		xdp_read(a, out);
		break;
	default:
		break;
	}
	if (strcmp(out->kind, "veth") == 0 && !far)
		os_netif_name(peer, out->peer);
	return 0;
}

int
os_nic_link(const char *name, struct os_nic_link *out)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} ask = {.head = {.nlmsg_len = sizeof(ask),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = (int)if_nametoindex(name)}};
	_Alignas(struct nlmsghdr) char reply[32768];
	ssize_t got = -1;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	if (ask.info.ifi_index == 0)
		return -ENODEV;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		got = recv(fd, reply, sizeof(reply), 0);
	rc = got < 0 ? -errno : link_read((struct nlmsghdr *)(void *)reply, got, out);
	close(fd);
	if (rc == 0 && out->xdp_id != 0)
		xdp_name(out);
	return rc;
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
	struct stat ns;
	char boot[64];
	int rc = os_line_read("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));

	if (rc < 0)
		return rc;
	if (stat("/proc/self/ns/net", &ns) < 0)
		return -errno;
	return snprintf(buf, size, "%s-%llu", boot, (unsigned long long)ns.st_ino) < (int)size
		       ? 0
		       : -ENAMETOOLONG;
}
