/*
 * ctl/doctor: what is to be known of an interface before it is captured from: facts only, what
 * to make of them says the shell (src/shell/prelude/doctor.lua).  Called by the shell; takes no
 * lock, and reads only.  What the system does not tell is left out of the walk.
 */
#include "ctl.h"
#include "host.h"
#include "io.h"
#include "nic.h"
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NUM(v, key, value) (v)->num((v)->arg, key, value)
#define STR(v, key, value) (v)->str((v)->arg, key, value)
#define OPEN(v, key)	   (v)->open((v)->arg, key)
#define CLOSE(v)	   (v)->close((v)->arg)
#define IRQS_MAX	   256

/* Only what is known. */
static void
str_known(const struct ctl_visitor *v, const char *key, const char *value)
{
	if (value[0] != '\0')
		STR(v, key, value);
}

static void
num_known(const struct ctl_visitor *v, const char *key, uint64_t value)
{
	if (value != 0)
		NUM(v, key, value);
}

static void
visit_face(const struct ctl_visitor *v, const struct os_netif *face)
{
	enum pkt_link link = pkt_link_from_dlt(face->dlt);

	STR(v, "ifname", face->name);
	NUM(v, "index", face->index);
	NUM(v, "up", face->up);
	NUM(v, "carrier", face->running);
	NUM(v, "mtu", face->mtu);
	NUM(v, "rx_queues", face->rx_queues);
	STR(v, "packets",
		face->dlt < 0		 ? "unknown"
		: link == PKT_LINK_ETHER ? "ethernet"
		: link == PKT_LINK_RAW	 ? "ip"
					 : "other");
}

static void
visit_nic(const struct ctl_visitor *v, const char *name)
{
	static const char *const rss[] = {"", "one-sided", "symmetric"};
	struct os_nic nic;

	if (os_nic_read(name, &nic) < 0)
		return;
	OPEN(v, "card");
	str_known(v, "driver", nic.driver);
	str_known(v, "version", nic.version);
	str_known(v, "bus", nic.bus);
	num_known(v, "rx_ring", nic.rx_ring);
	num_known(v, "rx_ring_max", nic.rx_ring_max);
	num_known(v, "queues", nic.queues);
	num_known(v, "queues_max", nic.queues_max);
	NUM(v, "queues_paired", nic.queues_paired);
	num_known(v, "rss_entries", nic.rss_entries);
	num_known(v, "rss_queues", nic.rss_queues);
	num_known(v, "rss_key_bytes", nic.rss_key_bytes);
	str_known(v, "rss", rss[nic.rss]);
	if (nic.numa >= 0) {
		char cpus[OS_NIC_TEXT];

		NUM(v, "node", (uint64_t)nic.numa);
		if (os_host_node_cpus(nic.numa, cpus, sizeof(cpus)) == 0)
			STR(v, "node_cpus", cpus);
	}
	CLOSE(v);
}

static void
visit_offloads(const struct ctl_visitor *v, const char *key, const char *name)
{
	struct os_offloads now;

	if (os_nic_offloads(name, &now) < 0)
		return;
	OPEN(v, key);
	for (int i = 0; i < OS_OFFLOADS; i++) {
		OPEN(v, NULL);
		STR(v, "offload", os_nic_offload_name((enum os_offload)i));
		NUM(v, "on", (now.on >> i) & 1);
		NUM(v, "changeable", (now.changeable >> i) & 1);
		CLOSE(v);
	}
	CLOSE(v);
}

static void
visit_link(const struct ctl_visitor *v, const char *name)
{
	struct os_nic_link link;

	if (os_nic_link(name, &link) < 0)
		return;
	str_known(v, "kind", link.kind);
	NUM(v, "promiscuous", link.promiscuous);
	if (link.peer[0] != '\0') {
		STR(v, "peer", link.peer);
		visit_offloads(v, "peer_offloads", link.peer);
	}
	if (link.xdp_id == 0)
		return;
	OPEN(v, "xdp");
	NUM(v, "id", link.xdp_id);
	str_known(v, "mode", link.xdp_mode);
	str_known(v, "name", link.xdp_name);
	CLOSE(v);
}

static void
visit_counters(const struct ctl_visitor *v, const char *name)
{
	struct os_nic_counters c;

	if (os_nic_counters(name, &c) < 0)
		return;
	OPEN(v, "counters");
	NUM(v, "rx_packets", c.rx_packets);
	NUM(v, "rx_dropped", c.rx_dropped);
	NUM(v, "rx_missed", c.rx_missed);
	CLOSE(v);
}

static void
visit_irqs(const struct ctl_visitor *v, const char *name)
{
	struct os_nic_irq irqs[IRQS_MAX];
	int n = os_nic_irqs(name, irqs, IRQS_MAX);

	if (n < 0)
		return;
	OPEN(v, "irqs");
	for (int i = 0; i < n && i < IRQS_MAX; i++) {
		OPEN(v, NULL);
		NUM(v, "irq", irqs[i].irq);
		str_known(v, "cpus", irqs[i].cpus);
		CLOSE(v);
	}
	CLOSE(v);
}

static void
visit_engine(const struct ctl_visitor *v, const struct io_source_ops *ops, const char *name)
{
	const struct io_source_cfg cfg = {.ifname = name, .qid = -1};
	struct io_probe probe;

	memset(&probe, 0, sizeof(probe));
	ops->probe(&cfg, &probe);
	OPEN(v, NULL);
	STR(v, "type", ops->name);
	NUM(v, "usable", probe.usable);
	NUM(v, "rank", probe.rank);
	str_known(v, "got", probe.got);
	str_known(v, "why", probe.why);
	str_known(v, "fix", probe.fix);
	CLOSE(v);
}

static void
visit_engines(const struct ctl_visitor *v, const char *name)
{
	const struct io_source_ops *ops;

	OPEN(v, "engines");
	for (uint32_t i = 0; (ops = io_source_at(i)) != NULL; i++)
		if (ops->probe != NULL)
			visit_engine(v, ops, name);
	CLOSE(v);
}

static void
visit_interface(const struct ctl_visitor *v, const struct os_netif *face)
{
	visit_face(v, face);
	visit_link(v, face->name);
	visit_nic(v, face->name);
	visit_offloads(v, "offloads", face->name);
	visit_counters(v, face->name);
	visit_irqs(v, face->name);
	visit_engines(v, face->name);
}

static void
visit_host(const struct ctl_visitor *v)
{
	struct os_host host;

	os_host_read(&host);
	OPEN(v, "host");
	str_known(v, "system", host.system);
	str_known(v, "program", host.program);
	NUM(v, "capabilities", host.caps_known);
	NUM(v, "net_raw", host.net_raw);
	NUM(v, "net_admin", host.net_admin);
	NUM(v, "bpf", host.bpf);
	NUM(v, "ipc_lock", host.ipc_lock);
	if (host.memlock_bytes != UINT64_MAX)
		NUM(v, "memlock_bytes", host.memlock_bytes);
	num_known(v, "huge_page_bytes", host.huge_page_bytes);
	NUM(v, "huge_pages", host.huge_pages);
	NUM(v, "huge_pages_free", host.huge_pages_free);
	NUM(v, "cpus", (uint64_t)host.cpus);
	NUM(v, "nodes", (uint64_t)host.nodes);
	NUM(v, "netmap", host.netmap);
	CLOSE(v);
}

struct name_list {
	char *text;
	size_t used, size;
};

/* As many as there is room for. */
static void
name_add(void *arg, const char *name)
{
	struct name_list *list = arg;
	int n = snprintf(list->text + list->used, list->size - list->used, "%s%s",
		list->used ? ", " : "", name);

	if (n > 0 && (size_t)n < list->size - list->used)
		list->used += (size_t)n;
	else
		list->text[list->used] = '\0';
}

static int
face_refuse(const char *name, int rc, struct ctl_err *err)
{
	char text[300] = "";
	struct name_list list = {.text = text, .size = sizeof(text)};

	if (rc != -ENODEV && rc != -ENXIO && rc != -ENAMETOOLONG)
		return ctl_fail(err, rc, "interface \"%s\": %s", name, strerror(-rc));
	os_nic_each(name_add, &list);
	return ctl_fail(
		err, -ENODEV, "there is no interface \"%.40s\"; there are %s", name, text);
}

static void
interface_list(void *arg, const char *name)
{
	const struct ctl_visitor *v = arg;
	struct os_netif face;

	if (os_netif_read(name, &face) < 0)
		return; /* gone since */
	OPEN(v, NULL);
	visit_interface(v, &face);
	CLOSE(v);
}

int
ctl_doctor(const char *name, const struct ctl_visitor *v, struct ctl_err *err)
{
	struct os_netif face;
	int rc = name != NULL ? os_netif_read(name, &face) : 0;

	if (rc < 0)
		return face_refuse(name, rc, err);
	OPEN(v, NULL);
	if (name != NULL) {
		os_netif_name(
			face.index, face.name); /* it may have been asked for by another */
		visit_interface(v, &face);
	} else {
		OPEN(v, "interfaces");
		rc = os_nic_each(interface_list, (void *)(uintptr_t)v);
		CLOSE(v);
	}
	visit_host(v);
	CLOSE(v);
	return rc < 0 ? ctl_fail(err, rc, "the interfaces can't be listed: %s", strerror(-rc))
		      : 0;
}
