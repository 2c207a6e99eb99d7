/*
 * lib/recv: receiving, waiting and readiness.  Called on the thread that uses the handle,
 * except pacf_interrupt.
 *
 * Invariant, once pacf_fd has been called: between calls either the bell has been rung, or
 * every open lane is armed and empty (so the engine will ring it) and there is nothing else to
 * tell.
 */
#include "lib.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
/* Calls that find packets at once, between two looks for a further lane. */
#define HEAR_CALLS 64u

/* The one lane's packets: the usual case, without a copy of anything but the descriptor. */
static int
take_single(struct lib_lane *lane, struct pacf_pkt *pkts, int n)
{
	uint32_t i, avail = lane->broken ? 0 : chan_rx_avail(&lane->rx);
	struct chan_desc d;

	if (avail > (uint32_t)n)
		avail = (uint32_t)n;
	for (i = 0; i < avail; i++) {
		if (!chan_rx_peek(&lane->rx, i, &d)) {
			lane->broken = true;
			break;
		}
		pkts[i] = (struct pacf_pkt){.data = lane->rx.pool + d.off,
			.ts_ns = d.ts_ns,
			.caplen = d.len,
			.len = d.wirelen};
	}
	chan_rx_advance(&lane->rx, i);
	return (int)i;
}

static bool
has_packet(struct lib_lane *lane)
{
	return !lane->broken && chan_rx_avail(&lane->rx) != 0;
}

static bool
may_grow(const struct pacf *p, const struct lib_lane *lane)
{
	return !lane->broken && !p->gone && chan_rx_state(&lane->rx) == CHAN_OPEN;
}

/* 0: more may come; otherwise how it ended. */
static int
verdict(struct pacf *p)
{
	bool closed = false;

	if (p->again.fatal != 0)
		return p->again.fatal;
	if (p->again.phase != LIB_UP)
		return -EPIPE;
	for (uint32_t i = 0; i < p->nlanes; i++) {
		struct lib_lane *lane = &p->lane[i];
		enum chan_state state = chan_rx_state(&lane->rx); /* before avail: see chan.h */

		if (has_packet(lane))
			return 0;
		if (state == CHAN_OPEN && !lane->broken && !p->gone)
			return 0;
		closed |= state != CHAN_EOF || lane->broken;
	}
	return closed ? -EPIPE : -ENODATA;
}

/* Everything that can be had without waiting: packets, the end, an interrupt; 0: nothing. */
static int
take(struct pacf *p, struct pacf_pkt *pkts, int n)
{
	int got = 0;

	if (p->again.phase <= LIB_DOWN)
		got = p->nlanes == 1 ? take_single(&p->lane[0], pkts, n)
				     : lib_merge(p, pkts, n);
	if (got == 0)
		got = verdict(p);
	if (got == -EPIPE)
		got = lib_again(p) ? 0 : verdict(p);
	if (got == 0 && atomic_exchange_explicit(&p->interrupted, false, memory_order_relaxed))
		got = -EINTR;
	return got;
}

static void
ring(struct pacf *p)
{
	os_bell_ring(p->bell_fd);
	p->bell_on = true;
}

static void
drain(struct pacf *p)
{
	os_bell_drain(p->bell_fd);
	p->bell_on = false;
}

/* Is there anything that pacf_recv would return without waiting? */
static bool
ready(struct pacf *p)
{
	if (atomic_load_explicit(&p->interrupted, memory_order_relaxed))
		return true;
	for (uint32_t i = 0; i < p->nlanes; i++)
		if (has_packet(&p->lane[i]))
			return true;
	return p->again.phase == LIB_UP && verdict(p) != 0;
}

/* Announces sleep on all lanes that are empty and may grow.  False: something came since the
 * last look, which may be the end of a lane before it was armed: look again.  Packets that the
 * merge holds are no news. */
static bool
arm(struct pacf *p)
{
	for (uint32_t i = 0; i < p->nlanes; i++) {
		struct lib_lane *lane = &p->lane[i];

		if (!may_grow(p, lane) || has_packet(lane))
			continue;
		if (!chan_rx_arm(&lane->rx))
			return false;
	}
	return p->held_ns != 0 || !ready(p);
}

/* Awake again: spares the engine the ringing. */
static void
disarm(struct pacf *p)
{
	for (uint32_t i = 0; i < p->nlanes; i++)
		chan_rx_disarm(&p->lane[i].rx);
}

/* Waits for the bell, the daemon's end, or until_ns (monotonic; UINT64_MAX: for ever).  0 or
 * -EINTR. */
static int
sleep_until(struct pacf *p, uint64_t now, uint64_t until_ns)
{
	struct pollfd fds[2] = {
		{.fd = p->bell_fd, .events = POLLIN}, {.fd = p->sock, .events = POLLIN}};
	uint64_t ns = until_ns > now ? until_ns - now : 0;
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

	if (ppoll(fds, p->gone && p->again.phase == LIB_UP ? 1 : 2,
		    until_ns == UINT64_MAX ? NULL : &ts, NULL) < 0)
		return -errno;
	if (fds[0].revents != 0)
		drain(p);
	if (fds[1].revents != 0)
		lib_lanes_hear(p);
	return 0;
}

/* One sleep.  1: look again; 0: the time is up; -errno. */
static int
wait_more(struct pacf *p, uint64_t *deadline, int timeout_ms)
{
	uint64_t now = 0, until;
	uint32_t lanes = p->nlanes;
	bool was_gone = p->gone;
	int err;

	if (timeout_ms == 0) { /* only a look at the daemon */
		err = sleep_until(p, 0, 0);
		return err != 0 ? err : p->gone != was_gone || p->nlanes != lanes;
	}
	now = os_clock_mono_ns();
	if (*deadline == 0)
		*deadline =
			timeout_ms < 0 ? UINT64_MAX : now + (uint64_t)timeout_ms * NS_PER_MS;
	if (now >= *deadline)
		return 0;
	until = p->held_ns != 0 && p->held_ns < *deadline ? p->held_ns : *deadline;
	if (p->again.phase == LIB_DOWN && p->again.try_ns < until)
		until = p->again.try_ns;
	if (!arm(p))
		return 1;
	err = sleep_until(p, now, until);
	disarm(p);
	return err != 0 ? err : 1;
}

/*
 * Restores the invariant at the top of this file.  Packets that the merge holds back count as
 * ready: nothing else would wake the caller when their window ends.  In that case the bell is
 * rung anew even if it is on, silent in between, for those who are woken by edges.
 */
static void
settle(struct pacf *p)
{
	if (p->waitset < 0)
		return;
	if (!ready(p)) {
		drain(p);
		os_waitset_settle(p->waitset);
		/* Drained before armed: what is rung from here on stays.  An interrupt may have
		 * been drained; its flag was set before it rang. */
		if (arm(p))
			return;
	}
	if (p->held_ns != 0) {
		drain(p);
		os_waitset_settle(p->waitset);
	}
	if (!p->bell_on)
		ring(p);
}

int
pacf_recv(struct pacf *p, struct pacf_pkt *pkts, int n, int timeout_ms)
{
	uint64_t deadline = 0;
	int got;

	if (n <= 0)
		return n == 0 ? 0 : -EINVAL;
	if (++p->calls % HEAR_CALLS == 0)
		lib_lanes_hear(p);
	do {
		got = take(p, pkts, n);
		if (got != 0)
			break;
		got = wait_more(p, &deadline, timeout_ms);
	} while (got > 0);
	settle(p);
	return got;
}

void
pacf_release(struct pacf *p, int n)
{
	struct chan_rx *rx = &p->lane[0].rx;

	if (n <= 0 || p->nlanes == 0)
		return;
	if (p->nlanes > 1)
		lib_merge_release(p, (uint32_t)n);
	else
		chan_rx_release(rx,
			(uint32_t)n < rx->next - rx->head ? (uint32_t)n : rx->next - rx->head);
}

int
pacf_fd(struct pacf *p)
{
	const int fds[2] = {p->bell_fd, p->sock};

	if (p->waitset < 0) {
		p->waitset = os_waitset_create(fds, p->sock >= 0 ? 2 : 1);
		lib_again_watch(p);
		settle(p);
	}
	return p->waitset;
}

/* The flag before the bell: whoever drains the bell looks at the flag afterwards.  Ringing is a
 * system call on the same bell the engine rings, which orders the two. */
void
pacf_interrupt(struct pacf *p)
{
	atomic_store_explicit(&p->interrupted, true, memory_order_seq_cst);
	os_bell_ring(p->bell_fd);
}
