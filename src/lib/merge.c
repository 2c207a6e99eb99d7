/*
 * lib/merge: the packets of several lanes in the order of their time stamps.  Called by recv.c
 * on the thread that uses the handle.
 *
 * The packet with the smallest time stamp goes first.  While a lane is empty it might yet bring
 * a smaller one, so what the others have is held until that lane has something too, or for the
 * window: when it begins the tails are marked, and when it ends everything before the marks may
 * pass.  So no packet passes sooner than LIB_WINDOW_NS after it could be seen, and none is held
 * for more than two windows.
 *
 * Invariant: fifo holds, from fifo_out to fifo_in, the lane of each packet that is out.
 */
#include "lib.h"
#include "os.h"

/* Positions wrap: is a before b? */
static bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* True if the lane has a packet in cur; otherwise *open is set if one may still come. */
static bool
lane_load(struct pacf *p, struct lib_lane *lane, bool *open)
{
	enum chan_state state;

	if (lane->has)
		return true;
	if (lane->broken)
		return false;
	state = chan_rx_state(&lane->rx); /* before avail: see chan.h */
	if (chan_rx_avail(&lane->rx) == 0) {
		if (state == CHAN_OPEN && !p->gone)
			*open = true;
		return false;
	}
	lane->has = chan_rx_peek(&lane->rx, 0, &lane->cur);
	lane->broken = !lane->has;
	return lane->has;
}

/* The lane whose packet is the oldest, -1 if there is none. */
static int
oldest(struct pacf *p, bool *open)
{
	int best = -1;

	for (uint32_t i = 0; i < p->nlanes; i++) {
		if (!lane_load(p, &p->lane[i], open))
			continue;
		if (best < 0 || p->lane[i].cur.ts_ns < p->lane[best].cur.ts_ns)
			best = (int)i;
	}
	return best;
}

static void
begin_window(struct pacf *p, uint64_t now)
{
	p->window_ns = now;
	for (uint32_t i = 0; i < p->nlanes; i++) {
		struct lib_lane *lane = &p->lane[i];

		lane->mark = lane->rx.next + chan_rx_avail(&lane->rx);
	}
}

/* May this lane's packet go although another lane is empty? */
static bool
may_pass(struct pacf *p, struct lib_lane *lane)
{
	uint64_t now;

	if (before(lane->rx.next, lane->pass))
		return true;
	now = os_clock_mono_ns();
	if (p->window_ns != 0 && now - p->window_ns >= LIB_WINDOW_NS) {
		for (uint32_t i = 0; i < p->nlanes; i++)
			p->lane[i].pass = p->lane[i].mark;
		p->window_ns = 0;
		if (before(lane->rx.next, lane->pass)) {
			begin_window(p, now);
			return true;
		}
	}
	if (p->window_ns == 0 || !before(lane->rx.next, lane->mark))
		begin_window(p, now);
	p->held_ns = p->window_ns + LIB_WINDOW_NS;
	return false;
}

static void
hand_out(struct pacf *p, int i, struct pacf_pkt *pkt)
{
	struct lib_lane *lane = &p->lane[i];

	*pkt = (struct pacf_pkt){.data = lane->rx.pool + lane->cur.off,
		.ts_ns = lane->cur.ts_ns,
		.caplen = lane->cur.len,
		.len = lane->cur.wirelen};
	p->fifo[p->fifo_in++ & p->fifo_mask] = (uint8_t)i;
	chan_rx_advance(&lane->rx, 1);
	lane->has = false;
	/* Never left behind, so that differences stay small for ever. */
	if (before(lane->pass, lane->rx.next))
		lane->pass = lane->rx.next;
	if (before(lane->mark, lane->rx.next))
		lane->mark = lane->rx.next;
}

int
lib_merge(struct pacf *p, struct pacf_pkt *pkts, int n)
{
	p->held_ns = 0;
	for (int got = 0; got < n; got++) {
		bool open = false;
		int i = oldest(p, &open);

		if (i < 0 || (open && !may_pass(p, &p->lane[i])))
			return got;
		hand_out(p, i, &pkts[got]);
	}
	return n;
}

void
lib_merge_release(struct pacf *p, uint32_t n)
{
	uint32_t counts[LIB_MAX_LANES] = {0}, out = p->fifo_in - p->fifo_out;

	if (n > out)
		n = out;
	while (n-- > 0)
		counts[p->fifo[p->fifo_out++ & p->fifo_mask]]++;
	for (uint32_t i = 0; i < p->nlanes; i++)
		if (counts[i] != 0)
			chan_rx_release(&p->lane[i].rx, counts[i]);
}
