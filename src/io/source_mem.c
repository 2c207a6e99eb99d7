/*
 * io/source_mem: packets from an array in memory, the reference for what a source does.  With a
 * file name the array is that capture, read whole at open.  Two ways to hand out:
 *
 *   sequence  packets in order, each copied into a frame; without a frame it waits
 *   resident  start fills every ordinary frame once, rx hands out their bytes in order, as a
 * card's ring would, each against whatever frame is free: no copy.  The pool must have no other
 * source, and nobody writes to packets.
 */
#include "capture.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As little as a card's descriptor holds. */
struct resident {
	uint64_t ts_ns;
	uint32_t len, wirelen;
};

struct mem_source {
	const struct io_mem_pkt *pkts;
	struct io_mem_pkt *own_pkts; /* of a file: allocated here, as are its bytes */
	uint8_t *own_data;
	struct resident *ready; /* resident: what is in each ordinary frame */
	struct io_pool *pool;
	char *broken;  /* the sentence, if the file broke after its last packet here */
	uint64_t left; /* packets to hand out; UINT64_MAX: no end */
	uint32_t n, next;
	int dlt;
	bool set, resident, starved;
	_Atomic uint64_t oversize_pkts, done_bytes; /* engine writes */
};

/* A growing copy of a file; offsets become pointers at the end, when nothing moves any more. */
struct load {
	struct io_mem_pkt *pkts;
	uint8_t *data;
	size_t npkts, room, bytes, data_room;
};

void
io_mem_set(void *priv, const struct io_mem_pkt *pkts, uint32_t n, int dlt, bool resident)
{
	struct mem_source *m = priv;

	m->pkts = pkts;
	m->n = n;
	m->dlt = dlt;
	m->resident = resident;
	m->set = true;
}

static bool
grow(void **mem, size_t *room, size_t need, size_t unit)
{
	size_t want = *room ? *room : 4096;
	void *bigger;

	while (want < need)
		if (__builtin_mul_overflow(want, 2, &want))
			return false;
	if (want == *room)
		return true;
	bigger = reallocarray(*mem, want, unit);
	if (!bigger)
		return false;
	*mem = bigger;
	*room = want;
	return true;
}

static bool
load_one(struct load *load, const struct io_mem_pkt *pkt)
{
	void *pkts = load->pkts, *data = load->data;
	bool fits = load->npkts < UINT32_MAX &&
		    grow(&pkts, &load->room, load->npkts + 1, sizeof(*load->pkts)) &&
		    grow(&data, &load->data_room, load->bytes + pkt->len, 1);

	load->pkts = pkts;
	load->data = data;
	if (!fits)
		return false;
	load->pkts[load->npkts++] = *pkt;
	if (pkt->len)
		memcpy(load->data + load->bytes, pkt->data, pkt->len);
	load->bytes += pkt->len;
	return true;
}

/* All packets up to the end; *broken is a sentence if the end came early. */
static int
load_all(struct io_capture *c, struct load *load, char **broken)
{
	enum io_capture_next next;
	struct io_mem_pkt pkt;
	uint8_t *at;

	while ((next = io_capture_next(c, &pkt)) == IO_CAPTURE_PACKET)
		if (!load_one(load, &pkt))
			return -ENOMEM;
	if (next == IO_CAPTURE_BROKEN && !(*broken = strdup(io_capture_failure(c))))
		return -ENOMEM;
	at = load->data;
	for (size_t i = 0; i < load->npkts; i++) {
		load->pkts[i].data = at;
		at += load->pkts[i].len;
	}
	return 0;
}

static int
open_file(
	struct mem_source *m, const char *name, struct io_source_info *info, struct io_err *err)
{
	struct io_capture c;
	struct load load = {0};
	int rc = io_capture_open(&c, name, err);

	if (rc != 0)
		return rc;
	io_capture_info(&c, info);
	if (!c.seekable)
		rc = io_fail(err, -EINVAL,
			"\"%.200s\": mem reads files only; use type pcap for a pipe", name);
	else if (load_all(&c, &load, &m->broken) != 0)
		rc = io_fail(err, -ENOMEM,
			"\"%.200s\": does not fit into memory; use type pcap", name);
	io_capture_close(&c);
	if (rc != 0) {
		free(load.pkts);
		free(load.data);
		return rc;
	}
	m->own_pkts = load.pkts;
	m->own_data = load.data;
	m->pkts = load.pkts;
	m->n = (uint32_t)load.npkts;
	return 0;
}

static uint64_t
array_bytes(const struct mem_source *m)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->n; i++)
		bytes += m->pkts[i].len;
	return bytes;
}

static int
mem_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct mem_source *m = priv;
	int rc;

	if (cfg->speed != 0)
		return io_fail(err, -EINVAL,
			"speed %g: type mem knows no pace; leave speed out, or use type pcap",
			cfg->speed);
	if (m->set) {
		info->dlt = m->dlt;
		info->linktype = io_linktype(m->dlt);
		info->snaplen = IO_LARGE_BYTES;
		info->ts_digits = 9;
		info->swapped = false;
	} else if ((rc = open_file(m, cfg->ifname, info, err)) != 0)
		return rc;
	/* A broken file ends with its error after the first pass; an empty one at once. */
	m->left = m->broken ? m->n : UINT64_MAX;
	if (!m->broken && (cfg->loop != 0 || m->n == 0) &&
		__builtin_mul_overflow((uint64_t)m->n, cfg->loop, &m->left))
		m->left = UINT64_MAX - 1;
	if (__builtin_mul_overflow(array_bytes(m), cfg->loop, &info->total_bytes))
		info->total_bytes = 0;
	return 0;
}

static int
fill_frames(struct mem_source *m, struct io_err *err)
{
	struct io_pool *pool = m->pool;

	m->ready = calloc(pool->frames, sizeof(*m->ready));
	if (!m->ready)
		return io_fail(err, -ENOMEM, "mem: no memory for %u frames", pool->frames);
	for (uint32_t f = 0; f < pool->frames && m->n > 0; f++) {
		const struct io_mem_pkt *pkt = &m->pkts[f % m->n];

		if (pkt->len > IO_FRAME_BYTES)
			return io_fail(err, -EINVAL,
				"mem: packet %u has %u bytes; resident ones have at most %u",
				f % m->n, pkt->len, IO_FRAME_BYTES);
		m->ready[f] = (struct resident){
			.ts_ns = pkt->ts_ns, .len = pkt->len, .wirelen = pkt->wirelen};
		if (pkt->len)
			memcpy(pool->base + io_pool_off(pool, f), pkt->data, pkt->len);
	}
	return 0;
}

static int
mem_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	struct mem_source *m = priv;

	m->pool = pool;
	return m->resident ? fill_frames(m, err) : 0;
}

/* Only this thread writes, so no read-modify-write is needed. */
static void
count(_Atomic uint64_t *counter, uint64_t more)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

/*
 * The caller has seen to it that n frames are free and n packets left.  The frame that a packet
 * is handed out against need not be the one its bytes are in: as nobody writes, it only has to
 * be held and given back.  Taking the bytes from there as well would give one channel whole
 * bursts, since what it gives back together would go out together.
 *
 * The pool's fields are used here and not io_pool_get: kept in registers, a packet costs 2 to
 * 3 ns (with it and a prefetch of the bytes: 9; the engine prefetches them anyway, closer to
 * their use).
 */
static uint64_t
rx_resident(struct mem_source *m, struct io_pkt *out, uint32_t n)
{
	const struct resident *ready = m->ready;
	uint8_t *base = m->pool->base;
	const uint32_t *list = m->pool->free + m->pool->nfree - n;
	uint32_t next = m->next, end = m->pool->frames;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t frame = list[n - 1 - i];

		out[i] = (struct io_pkt){
			.data = base + (size_t)next * IO_FRAME_BYTES,
			.ts_ns = ready[next].ts_ns,
			.len = ready[next].len,
			.wirelen = ready[next].wirelen,
			.frame = frame,
		};
		bytes += ready[next].len;
		next = next + 1 == end ? 0 : next + 1;
	}
	m->next = next;
	m->pool->nfree -= n;
	return bytes;
}

static bool
too_large(const struct mem_source *m, uint32_t len)
{
	return len > IO_LARGE_BYTES || (len > IO_FRAME_BYTES && m->pool->large == 0);
}

static void
step(struct mem_source *m)
{
	m->next = m->next + 1 == m->n ? 0 : m->next + 1;
	if (m->left != UINT64_MAX)
		m->left--;
}

static uint32_t
rx_sequence(struct mem_source *m, struct io_pkt *out, uint32_t n, uint64_t *bytes)
{
	struct io_pool *pool = m->pool;
	uint32_t got = 0, skipped = 0;

	/* Skipped ones count towards the turn too: an endless loop of large packets must
	 * return. */
	for (; got + skipped < n && m->left > 0; step(m)) {
		const struct io_mem_pkt *pkt = &m->pkts[m->next];
		uint32_t frame;

		if (too_large(m, pkt->len)) {
			count(&m->oversize_pkts, 1);
			*bytes += pkt->len;
			skipped++;
			continue;
		}
		frame = io_pool_get(pool, pkt->len);
		m->starved = frame == IO_NO_FRAME;
		if (m->starved)
			break;
		out[got] = (struct io_pkt){
			.data = pool->base + io_pool_off(pool, frame),
			.ts_ns = pkt->ts_ns,
			.len = pkt->len,
			.wirelen = pkt->wirelen,
			.frame = frame,
		};
		if (pkt->len)
			memcpy(out[got].data, pkt->data, pkt->len);
		*bytes += pkt->len;
		got++;
	}
	return got;
}

static int
mem_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct mem_source *m = priv;
	uint64_t bytes = 0;

	if (m->left == 0)
		return m->broken ? IO_ERROR : IO_EOF;
	if (!m->resident) {
		n = rx_sequence(m, out, n, &bytes);
	} else {
		n = n < m->pool->nfree ? n : m->pool->nfree;
		n = n < m->left ? n : (uint32_t)m->left;
		bytes = rx_resident(m, out, n);
		m->starved = n == 0;
		m->left -= m->left == UINT64_MAX ? 0 : n;
	}
	count(&m->done_bytes, bytes);
	return (int)n;
}

static uint64_t
mem_idle(void *priv, struct io_wait *wait)
{
	struct mem_source *m = priv;

	return m->starved ? UINT64_MAX : 0;
}

static void
mem_counters(void *priv, struct io_source_counters *out)
{
	const struct mem_source *m = priv;

	*out = (struct io_source_counters){
		.oversize_pkts = atomic_load_explicit(&m->oversize_pkts, memory_order_relaxed),
		.done_bytes = atomic_load_explicit(&m->done_bytes, memory_order_relaxed),
	};
}

static void
mem_tend(void *priv, struct io_status *out)
{
	const struct mem_source *m = priv;

	if (m->broken)
		snprintf(out->text, sizeof(out->text), "%s", m->broken);
}

static void
mem_close(void *priv)
{
	struct mem_source *m = priv;

	free(m->own_pkts);
	free(m->own_data);
	free(m->ready);
	free(m->broken);
	m->own_pkts = NULL;
	m->own_data = NULL;
	m->ready = NULL;
	m->broken = NULL;
}

const struct io_source_ops io_source_mem = {
	.name = "mem",
	.priv_bytes = sizeof(struct mem_source),
	.offline = true,
	.open = mem_open,
	.start = mem_start,
	.rx = mem_rx,
	.idle = mem_idle,
	.counters = mem_counters,
	.tend = mem_tend,
	.close = mem_close,
};
