/*
 * io/source_netmap: packets from a netmap port: a card's rings, a VALE port, a pipe.  The
 * port's extra buffers are a region of the pool; netmap_rx.c takes the packets.
 *
 * netmap keeps an interface from going away while somebody has a port of it.  So the port is
 * given up when its interface is gone, and opened again when it is back; the phases, and who
 * may leave each:
 *
 *   RUNNING  engine takes packets                              tend -> LEAVE
 *   LEAVE    engine waits until no buffer is held any more     engine -> LEFT
 *   LEFT     nobody touches the port: tend closes it, opens it again, -> RUNNING
 *
 * Invariant: each buffer is in a ring's slot, or behind a frame of the source's region, or on
 * the port's list of extra buffers.
 */
#include "fail.h"
#include "netif.h"
#include "netmap_rx.h"
#include "os.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXTRA_MAX 32768u /* extra buffers asked for at most; netmap has 163,840 by default */
/* Naps of an engine that reads an interface: idle costs a thousand turns a second. */
#define FACE_NAP_NS 1000000u
#define DLT_EN10MB_ 1 /* of libpcap's pcap/dlt.h */

enum phase { RUNNING, LEAVE, LEFT };

struct netmap_source {
	struct io_nm_port port;
	struct io_nm_rx rx;
	struct io_source_cfg cfg;
	char name[NETMAP_NAMSZ];
	int promisc_fd;
	bool dead;	   /* engine: netmap refuses to sync; poll would return at once */
	_Atomic int phase; /* enum phase */
};

static const char *
bare_name(const char *name)
{
	return strncmp(name, "netmap:", 7) == 0 ? name + 7 : name;
}

static int
source_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct netmap_source *s = priv;
	int rc;

	s->port.fd = s->port.face_fd = s->promisc_fd = -1;
	if (cfg->mode == IO_MODE_ZEROCOPY || cfg->busy_poll)
		return io_fail(err, -EINVAL,
			"\"%.100s\": with netmap, mode is native or generic (emulated), and "
			"busy_poll is for type \"afxdp\"",
			cfg->ifname);
	rc = io_nm_check(bare_name(cfg->ifname), err);
	if (rc < 0)
		return rc;
	s->cfg = *cfg;
	snprintf(s->name, sizeof(s->name), "%s", bare_name(cfg->ifname));
	info->dlt = DLT_EN10MB_;
	info->linktype = io_linktype(info->dlt);
	info->snaplen = IO_LARGE_BYTES;
	info->ts_digits = 9;
	info->streams = 1;
	info->stamps = "burst";
	/* A burst ends with a system call for each pipe: in a guest, 64 instead of 1024 let a
	 * sixth of the packets through (2026). */
	info->batch = IO_BURST_MAX;
	return 0;
}

/* The region's frames stand for this port's extra buffers. */
static void
region_set(struct netmap_source *s)
{
	const struct io_nm_ring *ring = &s->port.rings[0];
	struct io_region *r = s->rx.region;

	r->memory = s->port.memory;
	r->head = &s->port.nif->ni_bufs_head;
	r->bufs = ring->bufs;
	r->buf_bytes = ring->buf_bytes;
	r->nbufs = ring->nbufs;
	r->leaving = false;
	io_region_fill(r);
}

static int
region_make(struct netmap_source *s, struct io_err *err)
{
	int rc;

	if (s->port.extra < 2 * IO_BURST)
		return io_fail(err, -ENOMEM,
			"netmap:%s: netmap gave %u extra buffers, at least %u are needed; load "
			"the module with a larger buf_num or priv_buf_num",
			s->name, s->port.extra, 2 * IO_BURST);
	rc = io_region_add(s->rx.pool, s->port.extra, &s->rx.region);
	if (rc < 0)
		return io_fail(
			err, rc, "netmap:%s: no memory for %u buffers", s->name, s->port.extra);
	region_set(s);
	return 0;
}

static int
port_open(struct netmap_source *s, uint32_t extra, struct io_err *err)
{
	struct io_nm_ask ask = {.name = s->name,
		.qid = s->cfg.qid,
		.flags = NR_RX_RINGS_ONLY,
		.mode = s->cfg.mode,
		.extra = extra};
	int rc = io_nm_open(&s->port, &ask, err);

	if (rc < 0)
		return rc;
	s->rx.port = &s->port;
	s->rx.ring = s->rx.taken = 0;
	s->dead = false;
	if (io_nm_is_interface(s->name))
		s->promisc_fd = os_netif_promisc(s->name);
	return 0;
}

static void
port_close(struct netmap_source *s)
{
	if (s->port.fd >= 0)
		io_nm_close(&s->port);
	if (s->promisc_fd >= 0)
		close(s->promisc_fd);
	s->promisc_fd = -1;
}

static int
source_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	struct netmap_source *s = priv;
	int rc = port_open(s, pool->frames < EXTRA_MAX ? pool->frames : EXTRA_MAX, err);

	if (rc < 0)
		return rc;
	s->rx.pool = pool;
	rc = region_make(s, err);
	if (rc < 0)
		port_close(s);
	return rc;
}

/* Once every buffer is back, the port is tend's; sinks let go of what they keep. */
static void
leave(struct netmap_source *s)
{
	if (atomic_load_explicit(&s->phase, memory_order_relaxed) != LEAVE)
		return;
	s->rx.region->leaving = true;
	if (io_region_held(s->rx.region) > 0)
		return;
	io_region_empty(s->rx.region);
	atomic_store_explicit(&s->phase, LEFT, memory_order_release);
}

/* What was taken makes room in the rings only by a sync: not only when they are empty. */
static int
source_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct netmap_source *s = priv;
	uint64_t now = os_clock_real_ns();
	uint32_t got;

	/* Pairs with tend's: the port is open, and the region its. */
	if (atomic_load_explicit(&s->phase, memory_order_acquire) != RUNNING) {
		leave(s);
		return 0;
	}
	got = io_nm_rx_take(&s->rx, out, n, now);
	if (got > 0 && s->rx.taken < s->port.rings[0].slots / 4)
		return (int)got;
	if (!io_nm_may_sync(&s->port))
		return (int)got;
	s->dead = ioctl(s->port.fd, NIOCRXSYNC, NULL) < 0;
	s->rx.taken = 0;
	return (int)(got > 0 ? got : io_nm_rx_take(&s->rx, out, n, now));
}

static uint64_t
source_idle(void *priv, struct io_wait *wait)
{
	struct netmap_source *s = priv;

	if (io_nm_is_interface(s->name))
		return s->rx.taken > 0 ? FACE_NAP_NS / 20 : FACE_NAP_NS;
	if (wait != NULL && wait->n < IO_WAIT_MAX && !s->dead &&
		atomic_load_explicit(&s->phase, memory_order_acquire) == RUNNING)
		wait->fds[wait->n++] = s->port.fd;
	return UINT64_MAX;
}

static void
source_counters(void *priv, struct io_source_counters *out)
{
	struct netmap_source *s = priv;

	*out = (struct io_source_counters){
		.oversize_pkts =
			atomic_load_explicit(&s->rx.oversize_pkts, memory_order_relaxed),
		.no_frame_pkts =
			atomic_load_explicit(&s->rx.no_frame_pkts, memory_order_relaxed),
	};
}

static void
mode_tell(const struct netmap_source *s, struct io_status *out)
{
	static const char *const ways[] = {
		"", "native, ", "emulated, ", "native or emulated, "};
	uint32_t rings = s->port.nrings;

	snprintf(out->mode, sizeof(out->mode), "%s%u ring%s, %u extra buffers",
		ways[s->port.way], rings, rings == 1 ? "" : "s", s->port.extra);
	if (s->port.way == IO_NM_EMULATED)
		snprintf(out->text, sizeof(out->text),
			"emulated: every packet is copied in the kernel; type \"auto\" is "
			"faster");
	else if (io_nm_is_interface(s->name) && s->promisc_fd < 0)
		snprintf(out->text, sizeof(out->text), "not promiscuous: %s",
			strerror(-s->promisc_fd));
}

/* The interface is back, perhaps. */
static void
port_renew(struct netmap_source *s, struct io_status *out)
{
	struct io_err err = {""};

	port_close(s);
	if (out->state == IO_GONE)
		return;
	if (port_open(s, s->rx.region->n, &err) < 0) {
		snprintf(out->text, sizeof(out->text), "%s", err.text);
		return;
	}
	region_set(s);
	atomic_store_explicit(&s->phase, RUNNING, memory_order_release);
}

static void
source_tend(void *priv, struct io_status *out)
{
	struct netmap_source *s = priv;
	int phase = atomic_load_explicit(&s->phase, memory_order_acquire);
	unsigned index;

	if (s->rx.region == NULL)
		return;
	out->state = io_nm_state(s->name, &index);
	if (phase == LEFT)
		port_renew(s, out);
	else if (phase == RUNNING && index != s->port.ifindex)
		atomic_store_explicit(&s->phase, LEAVE, memory_order_release);
	if (s->port.fd >= 0)
		mode_tell(s, out);
}

/* VALE ports and pipes are nobody else's; an interface is taken only if netmap is named. */
static void
source_probe(const struct io_source_cfg *cfg, struct io_probe *out)
{
	const char *name = bare_name(cfg->ifname);
	struct io_err err = {""};

	out->rank = IO_RANK_ZEROCOPY;
	if (access(NETMAP_DEVICE, F_OK) != 0) {
		snprintf(out->why, sizeof(out->why),
			NETMAP_DEVICE " of its kernel module is missing");
		snprintf(out->fix, sizeof(out->fix), "modprobe netmap");
		return;
	}
	if (io_nm_check(name, &err) < 0)
		snprintf(out->why, sizeof(out->why), "%s", err.text);
	else if (name == cfg->ifname && io_nm_is_interface(name))
		snprintf(out->why, sizeof(out->why),
			"netmap takes an interface away from the host, so it has to be asked "
			"for: type=\"netmap\"");
	else
		out->usable = snprintf(out->got, sizeof(out->got), "netmap") > 0;
}

static void
source_close(void *priv)
{
	struct netmap_source *s = priv;

	if (s->rx.region != NULL && s->port.fd >= 0)
		io_region_empty(s->rx.region);
	s->rx.region = NULL;
	port_close(s);
}

const struct io_source_ops io_source_netmap = {
	.name = "netmap",
	.priv_bytes = sizeof(struct netmap_source),
	.live = true,
	.prompt = true,
	.open = source_open,
	.start = source_start,
	.rx = source_rx,
	.idle = source_idle,
	.counters = source_counters,
	.tend = source_tend,
	.probe = source_probe,
	.close = source_close,
};
