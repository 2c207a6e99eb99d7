/*
 * io/xdp_probe: see xdp_probe.h.  The interface stays as it is: attaching a program makes many
 * drivers set up their rings anew, and packets are lost.  Kernels before 6.3 do not say what a
 * driver can; there a program is attached, and at once detached.
 */
#include "xdp_probe.h"
#include "fail.h"
#include "nic.h"
#include "pacf_xdp.h"
#include "xdp_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DLT_EN10MB_ 1 /* of libpcap's pcap/dlt.h, as os_netif.dlt */

static int
queues_check(const struct io_source_cfg *cfg, const struct os_netif *netif, struct io_err *err)
{
	if (cfg->qid < 0 && netif->rx_queues > XDP_SOURCE_QUEUES)
		return io_fail(err, -EINVAL,
			"\"%s\" has %u receive queues, more than the %u of one engine: use "
			"several, each with its qid",
			cfg->ifname, netif->rx_queues, XDP_SOURCE_QUEUES);
	if (cfg->qid >= (int)PACF_XDP_QUEUES)
		return io_fail(err, -EINVAL,
			"\"%s\": qid %d is beyond %u, the last that there "
			"can be",
			cfg->ifname, cfg->qid, PACF_XDP_QUEUES - 1);
	if (cfg->qid >= 0 && (uint32_t)cfg->qid >= netif->rx_queues)
		return io_fail(err, -EINVAL,
			"\"%s\" has %u receive queue%s: qid is 0 to %u, not %d", cfg->ifname,
			netif->rx_queues, netif->rx_queues == 1 ? "" : "s",
			netif->rx_queues - 1, cfg->qid);
	return 0;
}

int
xdp_probe_interface(const struct io_source_cfg *cfg, struct os_netif *netif, struct io_err *err)
{
	int rc = os_netif_read(cfg->ifname, netif);

	if (rc == -ENODEV)
		return io_fail(err, rc, "there is no interface \"%.60s\"; ip link lists them",
			cfg->ifname);
	if (rc < 0)
		return io_fail(err, rc, "\"%.60s\" cannot be read as an interface: %s",
			cfg->ifname, strerror(-rc));
	if (netif->dlt != DLT_EN10MB_)
		return io_fail(err, -EINVAL,
			"\"%s\" has no Ethernet frames, which XDP needs; use type \"afpacket\"",
			cfg->ifname);
	return queues_check(cfg, netif, err);
}

bool
xdp_probe_tags(const struct os_netif *netif)
{
	struct os_nic_xdp can;

	return os_nic_xdp(netif->name, &can) == 0 && can.native && can.tags &&
	       (netif->mtu <= XDP_PORT_MTU || can.parts);
}

/* The kernel does not say: try. */
static void
probe_trying(const struct io_source_cfg *cfg, const struct os_netif *netif, bool *native,
	struct io_probe *out)
{
	struct xdp_port *port;
	struct io_err err = {""};

	out->usable = xdp_port_get(netif, cfg->mode, &port, &err) == 0;
	snprintf(out->why, sizeof(out->why), "%s", out->usable ? port->why : err.text);
	if (!out->usable)
		return;
	*native = port->native;
	xdp_port_put(port);
}

/* What the driver says it can; why it is not better. */
static void
probe_reading(const struct os_netif *netif, const struct os_nic_xdp *can, bool *native,
	bool *zerocopy, struct io_probe *out)
{
	bool parts = netif->mtu > XDP_PORT_MTU;

	*native = can->native && (!parts || can->parts);
	*zerocopy = *native && can->zerocopy && (!parts || can->zerocopy_parts > 1);
	out->usable = true;
	if (!can->native)
		snprintf(out->why, sizeof(out->why), "its driver runs no XDP program");
	else if (!can->zerocopy && *native)
		snprintf(out->why, sizeof(out->why), "its driver has no zero-copy");
	else if (!*zerocopy) {
		snprintf(out->why, sizeof(out->why),
			"with an MTU of %u, packets need several buffers, which its driver "
			"does not give %s",
			netif->mtu, *native ? "without a copy" : "to XDP");
		snprintf(out->fix, sizeof(out->fix), "ip link set %s mtu %u", netif->name,
			XDP_PORT_MTU);
	}
}

static bool
mode_fits(enum io_mode mode, bool native, bool zerocopy)
{
	return mode == IO_MODE_ZEROCOPY ? zerocopy : mode != IO_MODE_NATIVE || native;
}

void
xdp_probe(const struct io_source_cfg *cfg, struct io_probe *out)
{
	bool native = false, zerocopy = false;
	struct os_netif netif;
	struct os_nic_xdp can;
	struct io_err err = {""};
	int rc = xdp_probe_interface(cfg, &netif, &err);

	if (rc == 0)
		rc = xdp_port_check(&netif, &err);
	if (rc < 0) {
		snprintf(out->why, sizeof(out->why), "%s", err.text);
		if (rc == -EPERM || rc == -EACCES)
			snprintf(out->fix, sizeof(out->fix),
				"run pacf as root, or: setcap "
				"cap_net_raw,cap_net_admin,cap_bpf,cap_ipc_lock+ep bin/pacf");
		return;
	}
	if (os_nic_xdp(netif.name, &can) == 0)
		probe_reading(&netif, &can, &native, &zerocopy, out);
	else
		probe_trying(cfg, &netif, &native, out);
	out->usable &= mode_fits(cfg->mode, native, zerocopy);
	native &= cfg->mode != IO_MODE_GENERIC;
	zerocopy &= native && cfg->mode != IO_MODE_NATIVE;
	out->rank = zerocopy ? IO_RANK_ZEROCOPY : native ? IO_RANK_NATIVE : IO_RANK_EMULATED;
	snprintf(out->got, sizeof(out->got), "%s, %u queue%s",
		zerocopy ? "zero-copy"
		: native ? "native copy"
			 : "generic",
		cfg->qid >= 0 ? 1 : netif.rx_queues,
		cfg->qid >= 0 || netif.rx_queues == 1 ? "" : "s");
}
