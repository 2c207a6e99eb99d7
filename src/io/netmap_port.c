/*
 * io/netmap_port: opens and closes netmap ports.  Called by the control plane.  Invariant: an
 * open port has a descriptor, a mapping and at least one ring.
 */
#include "netmap_port.h"
#include "fail.h"
#include "netif.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
is_vale(const char *name)
{
	return strncmp(name, "vale", 4) == 0 && strchr(name, ':') != NULL;
}

/* A pipe of an interface that does not exist would make one: netmap invents a port. */
static int
name_check(const char *name, struct io_err *err)
{
	char base[OS_NETIF_NAME];
	size_t n = strcspn(name, "{}");
	struct os_netif netif;

	if (*name == '\0' || strlen(name) >= NETMAP_NAMSZ)
		return io_fail(err, -EINVAL,
			"netmap name \"%.80s\" is not usable: 1 to %d bytes, as in eth3, "
			"vale0:a, eth3{0",
			name, NETMAP_NAMSZ - 1);
	if (is_vale(name))
		return 0;
	if (n >= sizeof(base))
		return io_fail(err, -ENODEV, "netmap name \"%s\": no interface \"%.*s\"", name,
			(int)n, name);
	memcpy(base, name, n);
	base[n] = '\0';
	if (os_netif_read(base, &netif) < 0)
		return io_fail(
			err, -ENODEV, "netmap name \"%s\": no interface \"%s\"", name, base);
	return 0;
}

int
io_nm_check(const char *name, struct io_err *err)
{
	if (access(NETMAP_DEVICE, F_OK) != 0)
		return io_fail(err, -ENODEV,
			"netmap:%.100s needs the netmap kernel module (" NETMAP_DEVICE
			" is missing); use type \"auto\" and channels \"pacf:...\"",
			name);
	if (access(NETMAP_DEVICE, R_OK | W_OK) != 0)
		return io_fail(err, -EACCES,
			"netmap:%.100s: may not open " NETMAP_DEVICE
			": run pacf as root, or give its user that file",
			name);
	return name_check(name, err);
}

enum io_state
io_nm_state(const char *name, unsigned *index)
{
	struct os_netif netif;
	char base[NETMAP_NAMSZ];

	*index = 0;
	if (is_vale(name))
		return IO_UP;
	snprintf(base, sizeof(base), "%.*s", (int)strcspn(name, "{}"), name);
	if (os_netif_read(base, &netif) < 0)
		return IO_GONE;
	*index = netif.index;
	return netif.up && netif.running ? IO_UP : IO_DOWN;
}

static int
register_fail(const char *name, int error, struct io_err *err)
{
	const char *why;

	switch (error) {
	case ENXIO:
		why = "there is no such port";
		break;
	case EBUSY:
		why = "another program has it";
		break;
	case ENOMEM:
		why = "netmap has no memory left for its rings; set its parameters higher: "
		      "priv_ring_num=400 priv_if_num=100 priv_buf_num=150000 (for VALE ports "
		      "that are made from then on), ring_num and buf_num (interfaces)";
		break;
	case EOPNOTSUPP:
		why = "its driver knows no netmap, and the emulation is off "
		      "(dev.netmap.admode)";
		break;
	case EINVAL:
		why = "netmap refuses it: not a ring of this interface, an MTU larger than a "
		      "buffer, or another version of netmap";
		break;
	default:
		why = strerror(error);
	}
	return io_fail(err, -error, "netmap:%s: %s", name, why);
}

static int
port_register(struct io_nm_port *port, const struct io_nm_ask *ask, struct nmreq_register *reg,
	struct io_err *err)
{
	struct nmreq_header header = {.nr_version = NETMAP_API,
		.nr_reqtype = NETMAP_REQ_REGISTER,
		.nr_body = (uintptr_t)reg};

	*reg = (struct nmreq_register){
		.nr_mode = ask->qid >= 0 ? NR_REG_ONE_NIC : NR_REG_ALL_NIC,
		.nr_ringid = ask->qid >= 0 ? (uint16_t)ask->qid : 0,
		.nr_tx_slots = ask->slots,
		.nr_rx_slots = ask->slots,
		.nr_extra_bufs = ask->extra,
		.nr_flags = ask->flags | NR_NO_TX_POLL};
	snprintf(header.nr_name, sizeof(header.nr_name), "%s", ask->name);
	if (ioctl(port->fd, NIOCCTRL, &header) < 0)
		return register_fail(ask->name, errno, err);
	port->memory = reg->nr_mem_id;
	port->extra = reg->nr_extra_bufs;
	port->bytes = reg->nr_memsize;
	return 0;
}

bool
io_nm_is_interface(const char *name)
{
	return strpbrk(name, ":{}") == NULL;
}

/* Under this mode of the whole system, for as long as it takes. */
static int
register_as(int admode, struct io_nm_port *port, const struct io_nm_ask *ask,
	struct nmreq_register *reg, struct io_err *err)
{
	int rc, lock, before = os_netmap_admode_begin(admode, &lock);

	if (before < 0)
		return io_fail(err, before,
			"netmap:%s: mode=\"%s\" needs netmap's setting admode, which cannot be "
			"changed: %s; leave mode out",
			ask->name, admode == 1 ? "native" : "generic", strerror(-before));
	rc = port_register(port, ask, reg, err);
	os_netmap_admode_end(before, lock);
	port->way = admode == 1 ? IO_NM_NATIVE : IO_NM_EMULATED;
	return rc;
}

/* What somebody else has open already stays as it is, whatever was asked for. */
static void
way_ask(struct io_nm_port *port, const char *name)
{
	int emulated = os_netmap_is_emulated(name);

	if (emulated >= 0)
		port->way = emulated ? IO_NM_EMULATED : IO_NM_NATIVE;
	else if (port->way == IO_NM_ITSELF)
		port->way = IO_NM_UNTOLD;
}

/* netmap itself takes the driver's way if there is one, else the emulation. */
static int
interface_register(struct io_nm_port *port, const struct io_nm_ask *ask,
	struct nmreq_register *reg, struct io_err *err)
{
	int rc;

	if (ask->mode == IO_MODE_NATIVE)
		rc = register_as(1, port, ask, reg, err);
	else if (ask->mode == IO_MODE_GENERIC)
		rc = register_as(2, port, ask, reg, err);
	else
		rc = port_register(port, ask, reg, err);
	if (rc == 0)
		way_ask(port, ask->name);
	if (ask->mode != IO_MODE_NATIVE ||
		(rc != -EOPNOTSUPP && (rc < 0 || port->way != IO_NM_EMULATED)))
		return rc;
	return io_fail(err, -EOPNOTSUPP,
		"netmap:%s: its driver knows no netmap, and mode=\"native\" asks for it; leave "
		"mode out for the emulation, or use type \"auto\"",
		ask->name);
}

/* Others may write into this memory what they like: is it n bytes of it? */
static bool
is_inside(const struct io_nm_port *port, uintptr_t at, size_t n)
{
	uintptr_t mem = (uintptr_t)port->mem;

	return at >= mem && n <= port->bytes && at - mem <= port->bytes - n;
}

/* The ring as it is now, if all of it, and its buffers, are in the memory. */
static bool
ring_note(const struct io_nm_port *port, uintptr_t at, struct io_nm_ring *r)
{
	uintptr_t bufs;

	r->ring = (struct netmap_ring *)at;
	if (at % 8 != 0 || !is_inside(port, at, sizeof(*r->ring)))
		return false;
	bufs = at + (uintptr_t)r->ring->buf_ofs;
	r->bufs = (uint8_t *)bufs;
	r->slots = r->ring->num_slots;
	r->buf_bytes = r->ring->nr_buf_size;
	io_nm_read_once();
	if (r->slots < 2 || r->buf_bytes < 64 || r->buf_bytes > UINT16_MAX + 1u ||
		!is_inside(port, at, sizeof(*r->ring) + r->slots * sizeof(r->ring->slot[0])) ||
		!is_inside(port, bufs, 3 * (size_t)r->buf_bytes))
		return false;
	r->nbufs = (uint32_t)(((uintptr_t)port->mem + port->bytes - bufs) / r->buf_bytes);
	return true;
}

/* Those that are bound to the descriptor. */
static int
rings_note(struct io_nm_port *port, const struct io_nm_ask *ask)
{
	bool rx = (ask->flags & NR_RX_RINGS_ONLY) != 0;
	uint32_t n = rx ? port->nif->ni_rx_rings : port->nif->ni_tx_rings;
	uint32_t first = rx ? port->nif->ni_tx_rings + port->nif->ni_host_tx_rings : 0;

	io_nm_read_once();
	if (n > UINT16_MAX || first > 2 * UINT16_MAX ||
		!is_inside(port, (uintptr_t)&port->nif->ring_ofs[first], n * sizeof(ssize_t)))
		return -EPROTO;
	port->rings = calloc(n > 0 ? n : 1, sizeof(*port->rings));
	if (port->rings == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		uintptr_t offset = (uintptr_t)port->nif->ring_ofs[first + i];

		if (offset == 0)
			continue;
		if (!ring_note(port, (uintptr_t)port->nif + offset, &port->rings[port->nrings]))
			return -EPROTO;
		port->nrings++;
	}
	return port->nrings > 0 ? 0 : -ENXIO;
}

static int
port_map(struct io_nm_port *port, const struct io_nm_ask *ask, const struct nmreq_register *reg,
	struct io_err *err)
{
	void *mem = mmap(NULL, port->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
	int rc;

	if (mem == MAP_FAILED)
		return io_fail(err, -errno, "netmap:%s: cannot map its memory: %s", ask->name,
			strerror(errno));
	port->mem = mem;
	port->nif = (struct netmap_if *)(port->mem + reg->nr_offset);
	rc = rings_note(port, ask);
	return rc < 0 ? io_fail(err, rc, "netmap:%s: no ring of it can be used: %s", ask->name,
				strerror(-rc))
		      : 0;
}

/* An interface's driver, and the emulation, send each slot as a packet of its own. */
static uint32_t
most_bytes(const struct io_nm_port *port, const char *name)
{
	uint32_t slots = port->rings[0].slots - 1;

	if (io_nm_is_interface(name))
		slots = 1;
	else if (strpbrk(name, "{}") == NULL && slots > IO_NM_VALE_SLOTS)
		slots = IO_NM_VALE_SLOTS;
	return slots * port->rings[0].buf_bytes;
}

static int
face_open(struct io_nm_port *port, struct io_err *err)
{
	port->face_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return port->face_fd < 0
		       ? io_fail(err, -errno, "netmap:%s: %s", port->name, strerror(errno))
		       : 0;
}

bool
io_nm_may_sync(const struct io_nm_port *port)
{
	return port->face_fd < 0 || os_netif_is_up(port->face_fd, port->name);
}

int
io_nm_open(struct io_nm_port *port, const struct io_nm_ask *ask, struct io_err *err)
{
	struct nmreq_register reg;
	int rc;

	memset(port, 0, sizeof(*port));
	port->fd = port->face_fd = -1;
	snprintf(port->name, sizeof(port->name), "%s", ask->name);
	rc = io_nm_check(ask->name, err);
	if (rc < 0)
		return rc;
	(void)io_nm_state(ask->name, &port->ifindex);
	port->fd = open(NETMAP_DEVICE, O_RDWR | O_CLOEXEC);
	if (port->fd < 0)
		return io_fail(err, -errno, "netmap:%s: cannot open " NETMAP_DEVICE ": %s",
			ask->name, strerror(errno));
	rc = io_nm_is_interface(ask->name) ? interface_register(port, ask, &reg, err)
					   : port_register(port, ask, &reg, err);
	if (rc == 0)
		rc = port_map(port, ask, &reg, err);
	if (rc == 0)
		port->most = most_bytes(port, ask->name);
	if (rc == 0 && io_nm_is_interface(ask->name))
		rc = face_open(port, err);
	if (rc < 0)
		io_nm_close(port);
	return rc;
}

void
io_nm_close(struct io_nm_port *port)
{
	if (port->mem != NULL)
		munmap(port->mem, port->bytes);
	if (port->fd >= 0)
		close(port->fd);
	if (port->face_fd >= 0)
		close(port->face_fd);
	free(port->rings);
	port->rings = NULL;
	port->nrings = 0;
	port->mem = NULL;
	port->nif = NULL;
	port->fd = port->face_fd = -1;
}
