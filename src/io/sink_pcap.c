/*
 * io/sink_pcap: pcap: channels: the engine's end of a recorder (recorder.h), which writes
 * capture files by a thread of its own.  Here records are copied into its ring; nothing waits,
 * and there is a system call only to wake the writer.
 */
#include "os.h"
#include "recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What an ordinary packet takes at most; a large one. */
#define RECORD_BYTES (sizeof(struct rec_head) + IO_FRAME_BYTES)
#define RECORD_LARGE (sizeof(struct rec_head) + IO_LARGE_BYTES)

struct pcap_sink {
	struct recorder *recorder;
};

static int
writer_start(struct recorder *r, const char *path, struct io_err *err)
{
	sigset_t before;
	int rc;

	os_signals_block(&before);
	rc = pthread_create(&r->thread, NULL, rec_writer_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return io_fail(err, -rc, "\"pcap:%.200s\": no thread for writing it: %s", path,
			strerror(rc));
	return 0;
}

static int
ring_make(struct recorder *r, const struct io_sink_cfg *cfg, struct io_err *err)
{
	void *ring;
	int rc;

	r->bytes = cfg->record.buffer_bytes != 0 ? cfg->record.buffer_bytes : REC_BUFFER_BYTES;
	r->chunk = r->bytes / 4 < REC_CHUNK_BYTES ? (uint32_t)(r->bytes / 4) : REC_CHUNK_BYTES;
	r->bell_fd = os_bell_create();
	if (r->bell_fd < 0)
		return io_fail(err, r->bell_fd,
			"\"pcap:%.200s\": no descriptor for its writer: %s", cfg->path,
			strerror(-r->bell_fd));
	rc = os_ring_map("pacf-recorder", r->bytes, &ring);
	if (rc < 0) {
		close(r->bell_fd);
		return io_fail(err, rc,
			"\"pcap:%.200s\": no memory for a buffer of %llu MiB: %s", cfg->path,
			(unsigned long long)(r->bytes >> 20), strerror(-rc));
	}
	r->ring = ring;
	return 0;
}

static void
ring_free(struct recorder *r)
{
	os_ring_unmap(r->ring, r->bytes);
	close(r->bell_fd);
}

static int
sink_open(void *priv, const struct io_sink_cfg *cfg, struct io_err *err)
{
	struct pcap_sink *s = priv;
	struct recorder *r = aligned_alloc(REC_LINE, sizeof(*r));
	int rc;

	if (r == NULL)
		return io_fail(err, -ENOMEM, "\"pcap:\": out of memory");
	memset(r, 0, sizeof(*r));
	r->unit_ns = cfg->ts_digits == 9 ? 1 : 1000;
	r->cut = cfg->cut != 0 ? cfg->cut : UINT32_MAX;
	r->engine_bell_fd = cfg->bell_fd;
	rc = rec_files_open(&r->files, cfg, err);
	if (rc < 0)
		goto no_files;
	rc = ring_make(r, cfg, err);
	if (rc < 0)
		goto no_ring;
	rc = writer_start(r, cfg->path, err);
	if (rc < 0)
		goto no_writer;
	s->recorder = r;
	return 0;
no_writer:
	ring_free(r);
no_ring:
	rec_files_close(&r->files);
no_files:
	free(r);
	return rc;
}

static void
record_copy(const struct recorder *r, uint64_t at, const struct io_pkt *p, uint32_t caplen)
{
	uint8_t *to = r->ring + (at & (r->bytes - 1));
	const struct rec_head head = {
		.sec = (uint32_t)(p->ts_ns / 1000000000u),
		.frac = (uint32_t)(p->ts_ns % 1000000000u) / r->unit_ns,
		.caplen = caplen,
		.len = p->wirelen,
	};

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), p->data, caplen);
}

/* Whoever sleeps for want of records, or of enough of them. */
static void
writer_wake(struct recorder *r, uint64_t head)
{
	int asleep;

	/* In one order with the writer's store of asleep and its load of this. */
	atomic_store_explicit(&r->head, head, memory_order_seq_cst);
	asleep = atomic_load_explicit(&r->asleep, memory_order_seq_cst);
	if (asleep == REC_EMPTY ||
		(asleep == REC_GATHER &&
			head - atomic_load_explicit(&r->tail, memory_order_relaxed) >=
				r->chunk)) {
		atomic_store_explicit(&r->asleep, REC_AWAKE, memory_order_relaxed);
		os_bell_ring(r->bell_fd);
	}
}

static uint64_t
ring_free_bytes(struct recorder *r, uint64_t head, uint64_t want)
{
	if (r->bytes - (head - r->tail_seen) < want)
		/* Pairs with the writer's release: it is done with what lay there. */
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return r->bytes - (head - r->tail_seen);
}

static uint32_t
sink_tx(void *priv, const struct io_pkt **pkts, uint32_t n)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t i = 0;

	for (; i < n; i++) {
		uint32_t caplen = pkts[i]->len < r->cut ? pkts[i]->len : r->cut;
		uint64_t bytes = sizeof(struct rec_head) + caplen;

		if (ring_free_bytes(r, head, bytes) < bytes)
			break;
		record_copy(r, head, pkts[i], caplen);
		head += bytes;
	}
	r->put_pkts += i;
	if (i > 0)
		writer_wake(r, head);
	return i;
}

static bool
failing(struct recorder *r)
{
	return atomic_load_explicit(&r->failure, memory_order_relaxed) != 0;
}

static uint32_t
sink_room(void *priv)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t room = ring_free_bytes(r, head, IO_BURST_MAX * RECORD_BYTES);

	if (failing(r)) /* nobody is made to wait for a disk that is full */
		return UINT32_MAX;
	if (room >= RECORD_LARGE)
		return (uint32_t)(room / RECORD_BYTES);
	atomic_store_explicit(&r->starved, true, memory_order_relaxed);
	return 0;
}

static bool
sink_slow(void *priv)
{
	return !failing(((struct pcap_sink *)priv)->recorder);
}

static uint64_t
lost_tell(struct recorder *r)
{
	uint64_t lost = atomic_load_explicit(&r->lost_pkts, memory_order_relaxed);
	uint64_t more = lost - r->lost_told;

	r->lost_told = lost;
	return more;
}

static uint32_t
sink_tick(void *priv, uint64_t *unread_pkts)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;
	/* Pairs with the writer's release: what it counts as done and is lost is among lost. */
	uint64_t done = atomic_load_explicit(&r->done_pkts, memory_order_acquire);

	*unread_pkts += lost_tell(r);
	return (uint32_t)(r->put_pkts - done);
}

static int
sink_flush(void *priv)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;

	atomic_store_explicit(&r->finish, true, memory_order_release);
	os_bell_ring(r->bell_fd);
	return 0;
}

static void
sink_tend(void *priv, struct io_status *out)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;
	int failure = atomic_load_explicit(&r->failure, memory_order_relaxed);

	if (failure == 0)
		return;
	out->state = IO_DOWN;
	snprintf(out->text, sizeof(out->text),
		"it cannot be written: %s; packets that its buffer has no room for are dropped "
		"and "
		"counted until it can",
		strerror(failure));
}

static uint32_t
sink_rotate(void *priv)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;
	/* The writer's acquire: what is in the ring by now is in the file that it ends. */
	uint32_t number = atomic_fetch_add_explicit(&r->rotate, 1, memory_order_acq_rel) + 1;

	os_bell_ring(r->bell_fd);
	return number;
}

static uint32_t
sink_rotated(void *priv)
{
	struct recorder *r = ((struct pcap_sink *)priv)->recorder;

	/* Pairs with the writer's release: the file is closed. */
	return atomic_load_explicit(&r->rotated, memory_order_acquire);
}

static uint64_t
sink_close(void *priv)
{
	struct pcap_sink *s = priv;
	struct recorder *r = s->recorder;
	uint64_t lost;

	if (r == NULL)
		return 0;
	atomic_store_explicit(&r->stop, true, memory_order_release);
	os_bell_ring(r->bell_fd);
	pthread_join(r->thread, NULL);
	lost = lost_tell(r);
	ring_free(r);
	rec_files_close(&r->files);
	free(r);
	s->recorder = NULL;
	return lost;
}

const struct io_sink_ops io_sink_pcap = {
	.name = "pcap",
	.cheap = true,
	.priv_bytes = sizeof(struct pcap_sink),
	.open = sink_open,
	.tx = sink_tx,
	.slow = sink_slow,
	.room = sink_room,
	.tick = sink_tick,
	.flush = sink_flush,
	.tend = sink_tend,
	.rotate = sink_rotate,
	.rotated = sink_rotated,
	.close = sink_close,
};
