/*
 * A libpacf without a daemon, for the shim's tests.
 *
 * Packets are those added by fake_add(), or read from the file named by FAKE_PACF_FILE when the
 * double is part of a preloaded shim.  Each packet is handed out in memory of its own, which is
 * overwritten and freed when it is released: a shim that releases too early is found out by the
 * bytes, and by the address sanitizer.  One handle at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pcap/pcap.h>
#include "fake_pacf.h"

#define MOST_PACKETS (1 << 20)

struct fake_packet {
	uint8_t *data;
	uint32_t caplen, len;
	uint64_t ts_ns;
};

struct pacf {
	int next; /* packet to receive */
	uint8_t **out;
	int first_out, last_out; /* out[first_out..last_out) is not released */
	int ready_fd;		 /* always readable while there is something to receive */
	int pipe[2];
	_Atomic int interrupted;
};

struct fake fake;
static struct fake_packet *packets;
static int packet_count;

void
fake_reset(void)
{
	for (int i = 0; i < packet_count; i++)
		free(packets[i].data);
	free(packets);
	packets = NULL;
	packet_count = 0;
	memset(&fake, 0, sizeof(fake));
	fake.linktype = 1;
	fake.ts_digits = 9;
	fake.channels = 1;
}

void
fake_add(const void *data, uint32_t caplen, uint32_t len, uint64_t ts_ns)
{
	struct fake_packet *k;

	if (!packets)
		packets = calloc(MOST_PACKETS, sizeof(*packets));
	if (!packets || packet_count == MOST_PACKETS)
		abort();
	k = &packets[packet_count++];
	*k = (struct fake_packet){malloc(caplen ? caplen : 1), caplen, len, ts_ns};
	if (!k->data)
		abort();
	memcpy(k->data, data, caplen);
}

static void
load_file(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *f = pcap_open_offline_with_tstamp_precision(
		path, PCAP_TSTAMP_PRECISION_NANO, error);
	struct pcap_pkthdr *h;
	const u_char *data;

	if (!f) {
		fprintf(stderr, "fake libpacf: %s\n", error);
		abort();
	}
	fake_reset();
	/* Equal but for raw IP, which is enough for tests. */
	fake.linktype = pcap_datalink(f) == DLT_RAW ? 101 : (uint32_t)pcap_datalink(f);
	while (pcap_next_ex(f, &h, &data) == 1)
		fake_add(data, h->caplen, h->len,
			(uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec);
	pcap_close(f);
}

int
pacf_open(struct pacf **out, const char *name, char *errbuf)
{
	const char *path = getenv("FAKE_PACF_FILE");
	struct pacf *p;

	*out = NULL;
	snprintf(fake.opened, sizeof(fake.opened), "%s", name);
	if (path)
		load_file(path);
	if (fake.open_error || strchr(name, '{')) {
		if (errbuf)
			snprintf(errbuf, PACF_ERRBUF, "fake sentence about \"%s\"", name);
		return fake.open_error ? fake.open_error : -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->out = calloc((size_t)packet_count + 1, sizeof(*p->out));
	p->ready_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (!p->out || p->ready_fd < 0 || pipe2(p->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	fake.open_handles++;
	*out = p;
	return 0;
}

static int
wait_for_nothing(struct pacf *p, int timeout_ms)
{
	struct pollfd f = {.fd = p->pipe[0], .events = POLLIN};
	char byte[64];

	if (timeout_ms == 0)
		return 0;
	if (poll(&f, 1, timeout_ms) < 0)
		return -errno;
	while (read(p->pipe[0], byte, sizeof(byte)) > 0)
		;
	return atomic_exchange(&p->interrupted, 0) ? -EINTR : 0;
}

int
pacf_recv(struct pacf *p, struct pacf_pkt *pkts, int n, int timeout_ms)
{
	int i;

	if (fake.eintr_to_give > 0) {
		fake.eintr_to_give--;
		return -EINTR;
	}
	if (p->next == packet_count && fake.after == FAKE_WAIT)
		return wait_for_nothing(p, timeout_ms);
	if (p->next == packet_count)
		return fake.after == FAKE_END	   ? -ENODATA
		       : fake.after == FAKE_FORBID ? -EACCES
						   : -EPIPE;
	if (fake.largest_burst && n > fake.largest_burst)
		n = fake.largest_burst;
	for (i = 0; i < n && p->next < packet_count; i++, p->next++) {
		const struct fake_packet *k = &packets[p->next];
		uint8_t *copy = malloc(k->caplen ? k->caplen : 1);
		if (!copy)
			abort();
		memcpy(copy, k->data, k->caplen);
		p->out[p->last_out++] = copy;
		pkts[i] = (struct pacf_pkt){
			.data = copy, .ts_ns = k->ts_ns, .caplen = k->caplen, .len = k->len};
	}
	fake.unreleased += i;
	if (fake.unreleased > fake.largest_unreleased)
		fake.largest_unreleased = fake.unreleased;
	return i;
}

void
pacf_release(struct pacf *p, int n)
{
	if (n <= 0 || n > fake.unreleased)
		abort();
	fake.unreleased -= n;
	for (; n > 0; n--, p->first_out++) {
		memset(p->out[p->first_out], 0xdd, packets[p->first_out].caplen);
		free(p->out[p->first_out]);
	}
}

int
pacf_fd(struct pacf *p)
{
	return fake.after == FAKE_WAIT && p->next == packet_count ? p->pipe[0] : p->ready_fd;
}

void
pacf_interrupt(struct pacf *p)
{
	int saved = errno;

	atomic_store(&p->interrupted, 1);
	if (write(p->pipe[1], "", 1) < 0 && errno != EAGAIN)
		abort();
	errno = saved;
}

int
pacf_reconnect(struct pacf *p, int when)
{
	(void)p;
	fake.reconnect = when;
	return 0;
}

int
pacf_stats(struct pacf *p, struct pacf_stats *out)
{
	*out = (struct pacf_stats){(uint64_t)p->next + fake.dropped_pkts, fake.dropped_pkts,
		fake.source_drop_pkts};
	return 0;
}

static void
about(struct pacf_info *out, int id)
{
	memset(out, 0, sizeof(*out));
	out->linktype = fake.linktype;
	out->snaplen = 262144;
	out->ts_digits = fake.ts_digits;
	out->busy_pid = id == 1 ? 4711 : 0;
	snprintf(out->name, sizeof(out->name), "pacf:fake}%d", id);
	snprintf(out->description, sizeof(out->description), "fake channel %d", id);
}

void
pacf_info(const struct pacf *p, struct pacf_info *out)
{
	(void)p;
	about(out, 0);
}

int
pacf_list(struct pacf_info *out, int n)
{
	int channels = getenv("FAKE_PACF_FILE") ? 1 : fake.channels;

	for (int i = 0; i < n && i < channels; i++)
		about(&out[i], i);
	return channels;
}

void
pacf_close(struct pacf *p)
{
	if (!p)
		return;
	if (fake.unreleased)
		pacf_release(p, fake.unreleased);
	close(p->ready_fd);
	close(p->pipe[0]);
	close(p->pipe[1]);
	free(p->out);
	free(p);
	fake.open_handles--;
}

const char *
pacf_strerror(int err)
{
	return err == -EPIPE ? "the daemon closed the channel" : strerror(-err);
}

const char *
pacf_version(void)
{
	return "0.0.0";
}
