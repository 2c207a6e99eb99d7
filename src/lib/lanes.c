/*
 * lib/lanes: the lanes of a handle, those it is opened with and those that come later: an
 * engine that is started again, or opens the channel later, sends a lane of its own.  Called on
 * the thread that uses the handle.
 *
 * Invariant: with several lanes the fifo has room for every packet that can be out at once, and
 * knows the lane of each that is.
 */
#include "lib.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
receive(int sock, struct chan_rx *rx)
{
	int fds[CHAN_MAX_FDS], nfds;
	struct chan_reply rep;
	int err = chan_recv_reply(sock, &rep, fds, &nfds);

	if (err != 0)
		return err;
	if (rep.status != 0)
		err = rep.status < 0 ? rep.status : -EPROTO;
	else if (nfds != 3)
		err = -EPROTO;
	else
		err = chan_rx_map(rx, fds[0], fds[1], fds[2]);
	for (int i = 0; i < nfds; i++)
		close(fds[i]);
	return err;
}

/* Ended, read to its end, and given back. */
static bool
is_over(struct lib_lane *lane)
{
	enum chan_state state = chan_rx_state(&lane->rx); /* before avail: see chan.h */

	return lane->rx.next == lane->rx.head &&
	       (lane->broken || (state != CHAN_OPEN && chan_rx_avail(&lane->rx) == 0));
}

/* A place for a lane: a new one, or when there are none left one whose lane is over. */
static struct lib_lane *
place(struct pacf *p)
{
	if (p->nlanes < LIB_MAX_LANES)
		return &p->lane[p->nlanes];
	for (uint32_t i = 0; i < p->nlanes; i++)
		if (is_over(&p->lane[i]))
			return &p->lane[i];
	return NULL;
}

static uint32_t
fifo_size(const struct pacf *p, const struct chan_rx *more)
{
	uint64_t slots = more->mask + UINT64_C(1);
	uint32_t size = 1;

	for (uint32_t i = 0; i < p->nlanes; i++)
		slots += p->lane[i].rx.mask + UINT64_C(1);
	while (size < slots)
		size *= 2;
	return size;
}

/* Until there is a second lane, all that is out is the first one's. */
static uint32_t
fifo_copy(const struct pacf *p, uint8_t *to)
{
	uint32_t n = 0;

	if (p->fifo == NULL)
		return p->lane[0].rx.next - p->lane[0].rx.head;
	for (uint32_t i = p->fifo_out; i != p->fifo_in; i++)
		to[n++] = p->fifo[i & p->fifo_mask];
	return n;
}

static int
fifo_grow(struct pacf *p, const struct chan_rx *more)
{
	uint32_t size = fifo_size(p, more);
	uint8_t *fifo;

	if (p->nlanes == 0 || (p->fifo != NULL && size <= p->fifo_mask + 1))
		return 0;
	fifo = calloc(size, sizeof(*fifo));
	if (fifo == NULL)
		return -ENOMEM;
	p->fifo_in = fifo_copy(p, fifo);
	p->fifo_out = 0;
	free(p->fifo);
	p->fifo = fifo;
	p->fifo_mask = size - 1;
	return 0;
}

int
lib_lane_add(struct pacf *p)
{
	struct lib_lane *lane;
	struct chan_rx rx;
	int err = receive(p->sock, &rx);

	if (err != 0)
		return err;
	lane = place(p);
	err = lane == NULL ? -ENOSPC : fifo_grow(p, &rx);
	if (err != 0) {
		chan_rx_unmap(&rx);
		return err;
	}
	if (lane == &p->lane[p->nlanes])
		p->nlanes++;
	else
		chan_rx_unmap(&lane->rx);
	*lane = (struct lib_lane){.rx = rx, .mark = rx.next, .pass = rx.next};
	return 0;
}

void
lib_lanes_hear(struct pacf *p)
{
	struct pollfd fd = {.fd = p->sock, .events = POLLIN};

	while (p->sock >= 0 && !p->gone && p->again.phase == LIB_UP && poll(&fd, 1, 0) > 0)
		p->gone = lib_lane_add(p) != 0;
}
