/*
 * io/source_pcap: packets from a capture file, as fast as possible or at a factor of the
 * recorded pace, in one or more passes.  Invariant: at most one packet is read ahead; while
 * `pending` its bytes are libpcap's and nothing more is read, so a lack of frames loses
 * nothing.
 */
#include "capture.h"
#include "os.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct pcap_source {
	struct io_capture capture;
	struct io_pool *pool;
	struct io_mem_pkt next; /* read ahead, if pending */
	uint64_t loop, pass;	/* passes wanted (0: for ever), passes completed */
	double speed;
	uint64_t ts0, start_ns; /* first time stamp of the pass, and when it was played */
	uint64_t due_ns;	/* of the packet pending; 0 = at once */
	int over;		/* IO_EOF or IO_ERROR once it is so */
	bool pending, started;	/* started: ts0 and start_ns are set */
	bool starved;		/* the last rx ended for want of a frame */
	_Atomic uint64_t oversize_pkts, done_bytes; /* engine writes */
};

static int
source_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct pcap_source *s = priv;
	int rc;

	if (!isfinite(cfg->speed) || cfg->speed < 0)
		return io_fail(err, -EINVAL,
			"speed %g: must be 0 (as fast as possible) or a factor such as 1 or "
			"2.5",
			cfg->speed);
	rc = io_capture_open(&s->capture, cfg->ifname, err);
	if (rc != 0)
		return rc;
	if (!s->capture.seekable && cfg->loop != 1) {
		io_capture_close(&s->capture);
		return io_fail(err, -EINVAL,
			"\"%.200s\": a pipe can be read once only; loop must be 1",
			cfg->ifname);
	}
	s->speed = cfg->speed;
	s->loop = cfg->loop;
	io_capture_info(&s->capture, info);
	if (__builtin_mul_overflow(info->total_bytes, s->loop, &info->total_bytes))
		info->total_bytes = 0;
	return 0;
}

static int
source_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	struct pcap_source *s = priv;

	(void)err;
	s->pool = pool;
	return 0;
}

/* When the packet just read ahead is due. */
static void
pace(struct pcap_source *s)
{
	double wait;

	if (s->speed == 0)
		return;
	if (!s->started) {
		s->started = true;
		s->ts0 = s->next.ts_ns;
		s->start_ns = os_clock_mono_ns();
	}
	s->due_ns = 0;
	if (s->next.ts_ns <= s->ts0)
		return;
	wait = (double)(s->next.ts_ns - s->ts0) / s->speed;
	s->due_ns = wait < 9e18 ? s->start_ns + (uint64_t)wait : UINT64_MAX;
}

/* The end of a pass.  A pass without packets ends an endless loop too. */
static void
next_pass(struct pcap_source *s)
{
	s->pass++;
	s->started = false;
	if (s->capture.records == 0 || s->pass == s->loop)
		s->over = IO_EOF;
	else if (io_capture_again(&s->capture) != 0)
		s->over = IO_ERROR;
}

static bool
too_large(const struct pcap_source *s, uint32_t len)
{
	return len > IO_LARGE_BYTES || (len > IO_FRAME_BYTES && s->pool->large == 0);
}

/* Makes a packet pending; false: none now, or over. */
static bool
read_ahead(struct pcap_source *s)
{
	while (s->over == 0 && !s->pending) {
		switch (io_capture_next(&s->capture, &s->next)) {
		case IO_CAPTURE_PACKET:
			s->pending = !too_large(s, s->next.len);
			if (!s->pending)
				atomic_fetch_add_explicit(
					&s->oversize_pkts, 1, memory_order_relaxed);
			break;
		case IO_CAPTURE_WAIT:
			return false;
		case IO_CAPTURE_END:
			next_pass(s); /* the turn ends: a pass may hold nothing to deliver */
			return false;
		case IO_CAPTURE_BROKEN:
			s->over = IO_ERROR;
			break;
		}
	}
	return s->pending;
}

static bool
deliver(struct pcap_source *s, struct io_pkt *out)
{
	uint32_t frame = io_pool_get(s->pool, s->next.len);

	s->starved = frame == IO_NO_FRAME;
	if (s->starved)
		return false;
	*out = (struct io_pkt){
		.data = s->pool->base + io_pool_off(s->pool, frame),
		.ts_ns = s->next.ts_ns,
		.len = s->next.len,
		.wirelen = s->next.wirelen,
		.frame = frame,
	};
	memcpy(out->data, s->next.data, s->next.len);
	s->pending = false;
	return true;
}

static void
note_progress(struct pcap_source *s)
{
	uint64_t whole = s->pass * s->capture.size;
	uint64_t done = s->over == 0 ? whole + io_capture_done(&s->capture) : whole;

	if (s->over != IO_ERROR)
		atomic_store_explicit(&s->done_bytes, done, memory_order_relaxed);
}

static int
source_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct pcap_source *s = priv;
	uint32_t got = 0;

	while (got < n) {
		if (!s->pending) {
			if (!read_ahead(s))
				break;
			pace(s);
		}
		if (s->due_ns != 0 && s->due_ns > os_clock_mono_ns())
			break;
		if (!deliver(s, &out[got]))
			break;
		got++;
	}
	note_progress(s);
	return got == 0 && s->over != 0 ? s->over : (int)got;
}

static uint64_t
source_idle(void *priv, struct io_wait *wait)
{
	struct pcap_source *s = priv;
	uint64_t now;

	if (!s->starved && !s->capture.seekable && wait != NULL && wait->n < IO_WAIT_MAX)
		wait->fds[wait->n++] = fileno(s->capture.file);
	if (s->starved || !s->capture.seekable)
		return UINT64_MAX;
	if (!s->pending)
		return 0;
	now = os_clock_mono_ns();
	return s->due_ns > now ? s->due_ns - now : 0;
}

static void
source_counters(void *priv, struct io_source_counters *out)
{
	const struct pcap_source *s = priv;

	*out = (struct io_source_counters){
		.oversize_pkts = atomic_load_explicit(&s->oversize_pkts, memory_order_relaxed),
		.done_bytes = atomic_load_explicit(&s->done_bytes, memory_order_relaxed),
	};
}

/* After IO_ERROR. */
static void
source_tend(void *priv, struct io_status *out)
{
	const struct pcap_source *s = priv;

	snprintf(out->text, sizeof(out->text), "%s", io_capture_failure(&s->capture));
}

static void
source_close(void *priv)
{
	struct pcap_source *s = priv;

	io_capture_close(&s->capture);
}

const struct io_source_ops io_source_pcap = {
	.name = "pcap",
	.priv_bytes = sizeof(struct pcap_source),
	.waits = true,
	.offline = true,
	.open = source_open,
	.start = source_start,
	.rx = source_rx,
	.idle = source_idle,
	.counters = source_counters,
	.tend = source_tend,
	.close = source_close,
};
