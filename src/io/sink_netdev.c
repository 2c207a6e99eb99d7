/*
 * io/sink_netdev: packets out of a Linux interface, by a packet socket (packet(7)) that
 * receives nothing (protocol 0).  The engine thread sends bursts; control's tend binds the
 * socket anew when the interface was deleted and has come back.  Invariant: the socket is bound
 * to the interface of that index, or to none, and then nothing is sent.
 *
 * Packets go through the interface's queueing discipline: PACKET_QDISC_BYPASS would leave out
 * its queue, which is what takes up a burst, and tcpdump on the interface would see nothing;
 * over veth it gained nothing (0.7 to 0.9 us for a short packet with and without, 2026-11).
 */
#include "capture.h"
#include "netif.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK	    128u /* packets per system call */
#define SEND_BYTES  (4 << 20)
#define REFUSED_MAX 8u /* calls of a burst that the system refuses for want of room */
#define DLT_RAW_    12 /* of libpcap's pcap/dlt.h, as os_netif.dlt */
#define DLT_EN10MB_ 1

struct netdev_sink {
	char name[OS_NETIF_NAME];
	int fd; /* -1: not open */
	int dlt;
	uint32_t cut; /* bytes of a packet */
	unsigned index;
	_Atomic bool
		bound; /* tend -> engine; without order: the system serialises bind and send */
	struct mmsghdr msgs[CHUNK];
	struct iovec iov[CHUNK];
};

/* Can packets of the engine's kind go out there? */
static bool
dlt_fits(int dlt, const struct os_netif *face)
{
	return face->dlt == dlt && (dlt == DLT_EN10MB_ || dlt == DLT_RAW_);
}

static int
dlt_refuse(int dlt, const struct os_netif *face, struct io_err *err)
{
	if (face->dlt == DLT_EN10MB_ || face->dlt == DLT_RAW_)
		return io_fail(err, -EINVAL,
			"netdev:%s: the interface takes %s, the engine's packets have link "
			"type %u; use pcap:PATH, or an interface of the other kind",
			face->name,
			face->dlt == DLT_EN10MB_ ? "Ethernet frames"
						 : "IP packets without a link header",
			io_linktype(dlt));
	return io_fail(err, -EINVAL,
		"netdev:%s: is no Ethernet interface, and none of IP packets; use pcap:PATH",
		face->name);
}

static int
face_refuse(const char *name, int rc, struct io_err *err)
{
	if (rc == -ENODEV || rc == -ENXIO)
		return io_fail(err, -ENODEV,
			"netdev:%s: there is no interface \"%s\"; `ip link` lists those that "
			"exist",
			name, name);
	if (rc == -EPERM || rc == -EACCES)
		return io_fail(err, rc,
			"netdev:%s: sending needs CAP_NET_RAW: run pacf as root, or `setcap "
			"cap_net_raw,cap_net_admin+ep` on it",
			name);
	return io_fail(err, rc, "netdev:%s: cannot be opened: %s", name, strerror(-rc));
}

static int
sink_bind(struct netdev_sink *s, unsigned index)
{
	const struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = (int)index};

	if (bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	s->index = index;
	atomic_store_explicit(&s->bound, true, memory_order_relaxed);
	return 0;
}

static int
socket_open(struct netdev_sink *s, unsigned index)
{
	const int bytes = SEND_BYTES;

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* As much as we may have: what a card has not sent yet counts against it. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return sink_bind(s, index);
}

static void
msgs_prepare(struct netdev_sink *s)
{
	for (uint32_t i = 0; i < CHUNK; i++) {
		s->msgs[i].msg_hdr.msg_iov = &s->iov[i];
		s->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static uint64_t
sink_close(void *priv)
{
	struct netdev_sink *s = priv;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 0;
}

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct netdev_sink *s = priv;
	struct os_netif face;
	int rc;

	s->fd = -1;
	s->dlt = cfg->dlt;
	s->cut = cfg->cut != 0 ? cfg->cut : UINT32_MAX;
	rc = os_netif_read(cfg->path, &face);
	if (rc < 0)
		return face_refuse(cfg->path, rc, err);
	snprintf(s->name, sizeof(s->name), "%s", cfg->path);
	if (!dlt_fits(s->dlt, &face))
		return dlt_refuse(s->dlt, &face, err);
	msgs_prepare(s);
	rc = socket_open(s, face.index);
	if (rc < 0) {
		sink_close(s);
		return face_refuse(cfg->path, rc, err);
	}
	return 0;
}

static uint32_t
prepare(struct netdev_sink *s, const struct io_pkt *const *pkts, uint32_t n)
{
	n = n < CHUNK ? n : CHUNK;
	for (uint32_t i = 0; i < n; i++) {
		s->iov[i].iov_base = pkts[i]->data;
		s->iov[i].iov_len = pkts[i]->len < s->cut ? pkts[i]->len : s->cut;
	}
	return n;
}

/* Those that were sent, the n from `from` on, go behind the first `done`. */
static void
move_up(const struct io_pkt **pkts, uint32_t done, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n && done != from; i++) {
		const struct io_pkt *sent = pkts[from + i];

		pkts[from + i] = pkts[done + i];
		pkts[done + i] = sent;
	}
}

/*
 * The first packet that is refused ends a call, so each costs one more: too long or too short
 * is that packet's own fault.  Without room the next may find some, a few times; an interface
 * that is down or gone (told once more by an old error of the socket) takes none.
 */
static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct netdev_sink *s = priv;
	uint32_t done = 0, at = 0, refused = 0;

	while (at < n && refused < REFUSED_MAX &&
		atomic_load_explicit(&s->bound, memory_order_relaxed)) {
		int sent = sendmmsg(s->fd, s->msgs, prepare(s, pkts + at, n - at), 0);

		if (sent > 0) {
			move_up(pkts, done, at, (uint32_t)sent);
			done += (uint32_t)sent;
			at += (uint32_t)sent;
		} else if (errno == EMSGSIZE || errno == EINVAL) {
			at++;
		} else if (errno == ENOBUFS || errno == EAGAIN) {
			refused++;
			at++;
		} else if (refused++ > 0 && errno != EINTR) {
			break;
		}
	}
	return done;
}

static int
sink_flush(void *priv)
{
	(void)priv; /* nothing is kept back */
	return 0;
}

static void
tend_status(const struct os_netif *face, struct io_status *out)
{
	out->state = !face->up ? IO_DOWN : IO_UP;
	if (!face->up)
		snprintf(out->text, sizeof(out->text), "`ip link set %s up` lets packets out",
			face->name);
	else if (!face->running)
		snprintf(out->text, sizeof(out->text), "it has no carrier");
}

/* An interface that is renamed stays ours; one that was deleted is found again by its name. */
static void
sink_tend(void *priv, struct io_status *out)
{
	struct netdev_sink *s = priv;
	char name[OS_NETIF_NAME];
	struct io_err err = {""};
	struct os_netif face;
	bool same = os_netif_name(s->index, name) == 0;
	int rc = os_netif_read(same ? name : s->name, &face);

	out->state = IO_GONE;
	if (rc < 0) {
		atomic_store_explicit(&s->bound, false, memory_order_relaxed);
		return;
	}
	if (!same || !atomic_load_explicit(&s->bound, memory_order_relaxed)) {
		atomic_store_explicit(&s->bound, false, memory_order_relaxed);
		rc = dlt_fits(s->dlt, &face) ? sink_bind(s, face.index)
					     : dlt_refuse(s->dlt, &face, &err);
	}
	if (rc == 0)
		tend_status(&face, out);
	else
		snprintf(out->text, sizeof(out->text), "%s",
			err.text[0] != '\0' ? err.text : strerror(-rc));
}

const struct io_sink_ops io_sink_netdev = {
	.name = "netdev",
	.priv_bytes = sizeof(struct netdev_sink),
	.open = sink_open,
	.tx = sink_tx,
	.flush = sink_flush,
	.tend = sink_tend,
	.close = sink_close,
};
