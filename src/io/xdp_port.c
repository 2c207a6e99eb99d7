/*
 * io/xdp_port: see xdp_port.h.  Invariant: a port in the table has users, and its program is
 * attached.
 */
#include "xdp_port.h"
#include "fail.h"
#include "nic.h"
#include "pacf_xdp.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacf_xdp.skel.h"

#define PORTS 64
#define OURS  "pacf_" /* names of all programs in xdp/pacf_xdp.bpf.c begin so */
/* linux/bpf.h of Linux 6.3 and later. */
#define XDP_DEV_BOUND_ONLY (1u << 6)

/* XDP leaves 256 bytes of a frame before the packet; Ethernet, and four tags. */
static_assert(XDP_PORT_MTU + 14 + 4 * 4 == IO_FRAME_BYTES - 256, "fits a frame");

static struct xdp_port *ports[PORTS];

/* What libbpf would print belongs into our sentences, or nowhere. */
static int
libbpf_silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int
rights_fail(const struct os_netif *netif, int error, const char *what, struct io_err *err)
{
	if (error == EPERM || error == EACCES)
		return io_fail(err, -error,
			"\"%s\": AF_XDP needs the capabilities CAP_NET_RAW, CAP_NET_ADMIN, "
			"CAP_BPF and (for its memory) CAP_IPC_LOCK: run pacf as root, or use "
			"type "
			"\"afpacket\"",
			netif->name);
	return io_fail(err, -error, "\"%s\": cannot %s: %s; type \"afpacket\" needs no XDP",
		netif->name, what, strerror(error));
}

/* The program that is there already, by id and name. */
static int
foreign_fail(const struct os_netif *netif, struct io_err *err)
{
	struct os_nic_link link;

	if (os_nic_link(netif->name, &link) < 0 || link.xdp_id == 0)
		return io_fail(err, -EBUSY,
			"\"%s\": another program has it for XDP; bpftool net shows which, or "
			"use type \"afpacket\"",
			netif->name);
	if (strncmp(link.xdp_name, OURS, strlen(OURS)) == 0)
		return io_fail(err, -EBUSY,
			"\"%s\": another pacf reads it (XDP program \"%s\", id %u): end that, "
			"or "
			"use type \"afpacket\"",
			netif->name, link.xdp_name, link.xdp_id);
	return io_fail(err, -EBUSY,
		"\"%s\": the XDP program \"%s\" (id %u) is on it, which is not ours and stays: "
		"end what put it there, or use type \"afpacket\"",
		netif->name, link.xdp_name, link.xdp_id);
}

static struct bpf_program *
program_of(const struct pacf_xdp_bpf *s, bool hints, bool frags)
{
	if (frags)
		return hints ? s->progs.pacf_hints_frags : s->progs.pacf_plain_frags;
	return hints ? s->progs.pacf_hints : s->progs.pacf_plain;
}

/* 0 and port->skeleton, or -errno. */
static int
program_load(struct xdp_port *port, bool hints, bool frags)
{
	struct pacf_xdp_bpf *s = pacf_xdp_bpf__open();
	struct bpf_program *one, *wanted;
	int rc;

	if (s == NULL)
		return -errno;
	wanted = program_of(s, hints, frags);
	bpf_object__for_each_program(one, s->obj) bpf_program__set_autoload(one, one == wanted);
	if (hints) {
		bpf_program__set_ifindex(wanted, port->ifindex);
		bpf_program__set_flags(wanted, bpf_program__flags(wanted) | XDP_DEV_BOUND_ONLY);
	}
	rc = pacf_xdp_bpf__load(s);
	if (rc < 0) {
		pacf_xdp_bpf__destroy(s);
		return rc;
	}
	port->skeleton = s;
	port->hints = hints;
	port->frags = frags;
	port->map_fd = bpf_map__fd(s->maps.xsks);
	return 0;
}

static int
program_attach(struct xdp_port *port, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	struct bpf_program *program = program_of(port->skeleton, port->hints, port->frags);

	port->link_fd =
		bpf_link_create(bpf_program__fd(program), (int)port->ifindex, BPF_XDP, &opts);
	return port->link_fd < 0 ? port->link_fd : 0;
}

static void
program_drop(struct xdp_port *port)
{
	if (port->skeleton != NULL)
		pacf_xdp_bpf__destroy(port->skeleton);
	port->skeleton = NULL;
}

/* One of the ways; 0 or -errno. */
static int
try_way(struct xdp_port *port, bool native, bool hints, bool frags)
{
	int rc = program_load(port, hints, frags);

	if (rc == 0)
		rc = program_attach(port, native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	if (rc < 0)
		program_drop(port);
	port->native = native;
	return rc;
}

/* With the driver's hints if it has them. */
static int
try_mode(struct xdp_port *port, bool native, bool frags)
{
	int rc = native ? try_way(port, true, true, frags) : -EOPNOTSUPP;

	if (rc < 0 && rc != -EBUSY && rc != -EEXIST && rc != -EPERM)
		rc = try_way(port, native, false, frags);
	return rc;
}

static int
attach_fail(const struct os_netif *netif, bool frags, int rc, struct io_err *err)
{
	if (rc == -EBUSY || rc == -EEXIST)
		return foreign_fail(netif, err);
	if (frags)
		return io_fail(err, rc,
			"\"%s\": its MTU of %u is more than a buffer holds (%u), and its "
			"driver or "
			"this kernel gives XDP no packets of several buffers (%s): set the MTU "
			"to "
			"%u or less, or use type \"afpacket\"",
			netif->name, netif->mtu, XDP_PORT_MTU, strerror(-rc), XDP_PORT_MTU);
	return rights_fail(netif, -rc, "attach an XDP program", err);
}

static int
port_attach(struct xdp_port *port, const struct os_netif *netif, enum io_mode mode,
	struct io_err *err)
{
	bool frags = netif->mtu > XDP_PORT_MTU;
	int rc = -EOPNOTSUPP;

	if (mode != IO_MODE_GENERIC)
		rc = try_mode(port, true, frags);
	if (rc < 0 && (mode == IO_MODE_NATIVE || mode == IO_MODE_ZEROCOPY) && rc != -EBUSY &&
		rc != -EEXIST && !frags)
		return io_fail(err, rc,
			"\"%s\": its driver runs no XDP program (%s), as mode=\"%s\" asks for; "
			"leave mode out, or use type \"afpacket\"",
			netif->name, strerror(-rc),
			mode == IO_MODE_NATIVE ? "native" : "zerocopy");
	if (rc < 0 && rc != -EBUSY && rc != -EEXIST && rc != -EPERM &&
		(mode == IO_MODE_BEST || mode == IO_MODE_GENERIC)) {
		if (mode == IO_MODE_BEST)
			snprintf(port->why, sizeof(port->why),
				"its driver runs no XDP program (%s)", strerror(-rc));
		rc = try_mode(port, false, frags);
	}
	return rc < 0 ? attach_fail(netif, frags, rc, err) : 0;
}

static struct xdp_port **
port_place(unsigned ifindex)
{
	struct xdp_port **free_place = NULL;

	for (int i = 0; i < PORTS; i++) {
		if (ports[i] != NULL && ports[i]->ifindex == ifindex)
			return &ports[i];
		if (ports[i] == NULL)
			free_place = &ports[i];
	}
	return free_place;
}

/* A card gives only what is for this host, otherwise. */
static int
port_promiscuous(struct xdp_port *port, const struct os_netif *netif, struct io_err *err)
{
	struct packet_mreq ask = {
		.mr_ifindex = (int)port->ifindex, .mr_type = PACKET_MR_PROMISC};
	int rc;

	port->promiscuous_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (port->promiscuous_fd >= 0 && setsockopt(port->promiscuous_fd, SOL_PACKET,
						 PACKET_ADD_MEMBERSHIP, &ask, sizeof(ask)) == 0)
		return 0;
	rc = errno;
	if (port->promiscuous_fd >= 0)
		close(port->promiscuous_fd);
	return rights_fail(netif, rc, "make it promiscuous", err);
}

static int
port_open(struct xdp_port *port, const struct os_netif *netif, enum io_mode mode,
	struct io_err *err)
{
	int rc = port_attach(port, netif, mode, err);

	if (rc < 0)
		return rc;
	rc = port_promiscuous(port, netif, err);
	if (rc < 0) {
		close(port->link_fd);
		program_drop(port);
	}
	return rc;
}

/* One more engine, which may not want it as it is. */
static int
port_share(struct xdp_port *port, const struct os_netif *netif, enum io_mode mode,
	struct io_err *err)
{
	bool native = mode == IO_MODE_NATIVE || mode == IO_MODE_ZEROCOPY;

	if (mode != IO_MODE_BEST && native != port->native)
		return io_fail(err, -EBUSY,
			"\"%s\": another engine has it in %s mode, and %s is asked for here: "
			"leave mode out, or stop that engine",
			netif->name, port->native ? "native" : "generic",
			native ? "native" : "generic");
	port->users++;
	return 0;
}

int
xdp_port_get(const struct os_netif *netif, enum io_mode mode, struct xdp_port **out,
	struct io_err *err)
{
	struct xdp_port **place = port_place(netif->index), *port;
	int rc;

	if (place == NULL)
		return io_fail(err, -ENOSPC, "\"%s\": %d interfaces have XDP already",
			netif->name, PORTS);
	if (*place != NULL) {
		rc = port_share(*place, netif, mode, err);
		*out = rc == 0 ? *place : NULL;
		return rc;
	}
	libbpf_set_print(libbpf_silent);
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return io_fail(err, -ENOMEM, "\"%s\": out of memory", netif->name);
	port->ifindex = netif->index;
	port->users = 1;
	rc = port_open(port, netif, mode, err);
	if (rc < 0) {
		free(port);
		return rc;
	}
	*place = *out = port;
	return 0;
}

void
xdp_port_put(struct xdp_port *port)
{
	if (--port->users > 0)
		return;
	for (int i = 0; i < PORTS; i++)
		if (ports[i] == port)
			ports[i] = NULL;
	close(port->link_fd);
	close(port->promiscuous_fd);
	program_drop(port);
	free(port);
}

int
xdp_port_join(const struct xdp_port *port, uint32_t queue, int sock)
{
	return bpf_map_update_elem(port->map_fd, &queue, &sock, BPF_ANY) < 0 ? -errno : 0;
}

void
xdp_port_leave(const struct xdp_port *port, uint32_t queue)
{
	(void)bpf_map_delete_elem(port->map_fd, &queue);
}

int
xdp_port_check(const struct os_netif *netif, struct io_err *err)
{
	struct xdp_port **place = port_place(netif->index);
	struct xdp_port port = {.ifindex = netif->index};
	struct os_nic_link link;
	int rc;

	if (place != NULL && *place != NULL)
		return 0;
	rc = os_nic_link(netif->name, &link);
	if (rc == 0 && link.xdp_id != 0)
		return foreign_fail(netif, err);
	libbpf_set_print(libbpf_silent);
	rc = program_load(&port, false, false);
	if (rc < 0)
		return rights_fail(netif, -rc, "load an XDP program", err);
	program_drop(&port);
	return 0;
}
