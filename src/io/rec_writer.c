/*
 * io/rec_writer: the thread of a recorder.  It sleeps while the ring is empty; then it writes
 * at once, and from then on when a large piece has gathered or flush_ms are over.  What can't
 * be written stays in the ring and is tried again; every wait is for the bell.
 */
#include "os.h"
#include "recorder.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define LATE_S 1u /* a file's time is over by the clock: packets may be on their way */
#define LOOK_S 1u /* how often it is seen that the file was removed */

static struct rec_head
head_at(const struct recorder *r, uint64_t at)
{
	struct rec_head head; /* records follow each other without a gap */

	memcpy(&head, r->ring + (at & (r->bytes - 1)), sizeof(head));
	return head;
}

/* From `read` on: whole records that belong into the open file, as many as are written at once.
 * *pkts: how many they are. */
static uint64_t
piece_find(const struct recorder *r, uint64_t head, uint64_t *pkts)
{
	uint64_t n = 0;

	*pkts = 0;
	while (r->read + n != head) {
		struct rec_head h = head_at(r, r->read + n);
		uint64_t bytes = sizeof(h) + h.caplen;

		if (n > 0 && (n + bytes > r->chunk || rec_file_ends(&r->files, &h, n)))
			break;
		n += bytes;
		++*pkts;
	}
	return n;
}

static uint64_t
records_count(const struct recorder *r, uint64_t n)
{
	uint64_t pkts = 0;

	for (uint64_t at = 0; at < n; pkts++)
		at += sizeof(struct rec_head) + head_at(r, r->read + at).caplen;
	return pkts;
}

/* The engine may fill their place. */
static void
records_leave(struct recorder *r, uint64_t n, uint64_t pkts, uint64_t head)
{
	uint64_t done = atomic_load_explicit(&r->done_pkts, memory_order_relaxed);

	r->read += n;
	/* Pairs with the engine's acquire: their bytes are not read any more. */
	atomic_store_explicit(&r->tail, r->read, memory_order_release);
	/* Pairs with tick's acquire: lost_pkts is not behind. */
	atomic_store_explicit(&r->done_pkts, done + pkts, memory_order_release);
	if (atomic_load_explicit(&r->starved, memory_order_relaxed) &&
		head - r->read <= r->bytes / 2) {
		atomic_store_explicit(&r->starved, false, memory_order_relaxed);
		os_bell_ring(r->engine_bell_fd);
	}
}

/* A file that is full or damaged is left, if it has got something: another may do. */
static bool
file_gives_up(struct rec_files *f, int rc)
{
	if (!f->regular || rec_file_empty(f) || (rc != -EFBIG && rc != -EIO && !f->ragged))
		return false;
	rec_file_end(f);
	return true;
}

static int
ring_write(struct recorder *r, uint64_t head)
{
	struct rec_files *f = &r->files;

	while (r->read != head) {
		struct rec_head first = head_at(r, r->read);
		uint64_t n, pkts;
		ssize_t got;

		if (rec_file_ends(f, &first, 0)) {
			int rc;

			rec_file_end(f);
			rc = rec_file_next(f, first.sec);
			if (rc < 0)
				return rc;
		}
		rec_file_begin(f, first.sec);
		n = piece_find(r, head, &pkts);
		got = rec_file_put(f, r->ring + (r->read & (r->bytes - 1)), n);
		if (got < 0 && !file_gives_up(f, (int)got))
			return (int)got;
		if (got > 0 && (uint64_t)got < n)
			pkts = records_count(r, (uint64_t)got);
		if (got > 0)
			records_leave(r, (uint64_t)got, pkts, head);
	}
	return 0;
}

/* Nobody will try again. */
static void
ring_lose(struct recorder *r, uint64_t head)
{
	uint64_t pkts = records_count(r, head - r->read);
	uint64_t lost = atomic_load_explicit(&r->lost_pkts, memory_order_relaxed);

	atomic_store_explicit(&r->lost_pkts, lost + pkts, memory_order_relaxed);
	records_leave(r, head - r->read, pkts, head);
}

/* On demand.  The next one may have the first one's name, if that was moved away. */
static void
file_rotate(struct rec_files *f)
{
	if (f->fd >= 0 && f->regular && !rec_file_empty(f))
		rec_file_end(f);
	f->base = true;
}

/* A live engine has nothing for it: is its time over all the same? */
static bool
file_is_over(const struct rec_files *f)
{
	return f->cfg.live && f->fd >= 0 && f->end_s != 0 && !rec_file_empty(f) &&
	       rec_disk->now_s() >= f->end_s + LATE_S;
}

static int
sleep_ms(const struct rec_files *f, enum rec_sleep why)
{
	uint64_t now, left;

	if (why != REC_EMPTY)
		return why == REC_FAILED ? rec_disk->retry_ms : rec_disk->flush_ms;
	if (!f->cfg.live || f->fd < 0 || f->end_s == 0 || rec_file_empty(f))
		return -1;
	now = rec_disk->now_s();
	left = f->end_s + LATE_S > now ? f->end_s + LATE_S - now : 0;
	return left < 3600 ? (int)left * 1000 + 50 : 3600 * 1000;
}

/* Until the bell rings or it is time. */
static void
writer_sleep(struct recorder *r, enum rec_sleep why)
{
	struct pollfd bell = {.fd = r->bell_fd, .events = POLLIN};
	uint64_t head;

	/* In one order with the engine's store of head and its load of this: either it sees
	 * that the writer sleeps, or the writer what it has put. */
	atomic_store_explicit(&r->asleep, why, memory_order_seq_cst);
	head = atomic_load_explicit(&r->head, memory_order_seq_cst);
	if ((why == REC_EMPTY && head == r->read) ||
		(why == REC_GATHER && head - r->read < r->chunk) || why == REC_FAILED)
		poll(&bell, 1, sleep_ms(&r->files, why));
	atomic_store_explicit(&r->asleep, REC_AWAKE, memory_order_relaxed);
	os_bell_drain(r->bell_fd);
}

/* The file was removed, or its folder: what comes is not to be lost with it. */
static void
file_look(struct recorder *r, uint64_t *looked_s)
{
	uint64_t now = rec_disk->now_s();

	if (now - *looked_s < LOOK_S || r->files.fd < 0)
		return;
	*looked_s = now;
	if (!rec_file_there(&r->files)) {
		rec_file_end(&r->files);
		r->files.base = true;
	}
}

/* One turn; why to sleep after it. */
static enum rec_sleep
writer_turn(struct recorder *r, bool last)
{
	bool hurry = last || atomic_load_explicit(&r->finish, memory_order_acquire);
	uint32_t rotate = atomic_load_explicit(&r->rotate, memory_order_acquire);
	/* Pairs with the engine's store: the records are complete. */
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	bool any = head != r->read;
	int rc = ring_write(r, head);

	if (rc < 0 && hurry)
		ring_lose(r, head);
	if (any)
		atomic_store_explicit(&r->failure, -rc, memory_order_relaxed);
	if (rotate != atomic_load_explicit(&r->rotated, memory_order_relaxed))
		file_rotate(&r->files);
	/* Pairs with control's acquire: the file is closed. */
	atomic_store_explicit(&r->rotated, rotate, memory_order_release);
	if (!any && file_is_over(&r->files))
		rec_file_end(&r->files);
	if (hurry)
		os_bell_ring(r->engine_bell_fd);
	if (rc < 0 && !hurry)
		return REC_FAILED;
	return any && !hurry ? REC_GATHER : REC_EMPTY;
}

void *
rec_writer_main(void *recorder)
{
	struct recorder *r = recorder;
	uint64_t looked_s = 0;
	bool last;

	os_thread_name("pacf-recorder");
	do {
		enum rec_sleep why;

		/* Pairs with close: nothing is put afterwards. */
		last = atomic_load_explicit(&r->stop, memory_order_acquire);
		file_look(r, &looked_s);
		why = writer_turn(r, last);
		if (!last)
			writer_sleep(r, why);
	} while (!last);
	rec_file_end(&r->files);
	return NULL;
}
