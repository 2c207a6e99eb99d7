/*
 * lib/again: a handle that goes on when its channel is there again: pacf_reconnect.  Called by
 * recv.c on the thread that uses the handle; nothing here waits.
 *
 *   UP     lanes are read.  When they end without the capture's end: DOWN
 *   DOWN   at try_ns the daemon is asked; no answer, or not now: later once more
 *   ASKED  the daemon has the request; it answers when its engines run
 *   LANES  the new lanes come in
 *
 * Invariant: packets that were handed out and not given back keep their memory, and their
 * connection, without which the daemon would fill it anew: while there are any, DOWN lasts.
 * Whatever waits for this handle wakes by the new connection, or in DOWN at try_ns.
 */
#include "lib.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_FIRST_NS UINT64_C(20000000)
#define PAUSE_LAST_NS  UINT64_C(500000000)

int
pacf_reconnect(struct pacf *p, int when)
{
	if (when < PACF_RECONNECT_NEVER || when > PACF_RECONNECT_ALWAYS)
		return -EINVAL;
	p->again.when = when;
	return 0;
}

static bool
wanted(const struct pacf *p)
{
	return p->again.when == PACF_RECONNECT_ALWAYS ||
	       (p->again.when == PACF_RECONNECT_LIVE && p->lane[0].rx.ring->live != 0);
}

static bool
holds_packets(const struct pacf *p)
{
	for (uint32_t i = 0; i < p->nlanes; i++)
		if (p->lane[i].rx.next != p->lane[i].rx.head)
			return true;
	return false;
}

static void
watch(struct pacf *p, int fd)
{
	if (p->waitset >= 0 && fd >= 0)
		(void)os_waitset_add(p->waitset, fd); /* without it, the next try notices */
}

static void
sock_close(struct pacf *p)
{
	if (p->sock >= 0)
		close(p->sock);
	p->sock = -1;
}

/* The next try, each time later. */
static void
pause_begin(struct pacf *p)
{
	struct lib_again *a = &p->again;

	a->phase = LIB_DOWN;
	a->try_ns = os_clock_mono_ns() + a->pause_ns;
	lib_again_watch(p);
	a->pause_ns = a->pause_ns * 2 < PAUSE_LAST_NS ? a->pause_ns * 2 : PAUSE_LAST_NS;
}

void
lib_again_watch(struct pacf *p)
{
	struct lib_again *a = &p->again;

	if (p->waitset < 0 || a->phase != LIB_DOWN)
		return;
	if (a->timer < 0) {
		a->timer = os_timer_create();
		watch(p, a->timer);
	}
	if (a->timer >= 0)
		os_timer_set(a->timer, a->pause_ns);
}

static void
timer_off(struct pacf *p)
{
	if (p->again.timer >= 0)
		os_timer_set(p->again.timer, 0);
}

/* It will not go on after all. */
static void
give_up(struct pacf *p, int err)
{
	sock_close(p);
	timer_off(p);
	p->again.phase = LIB_UP;
	p->again.fatal = err;
}

/* What may be otherwise the next time. */
static bool
passes(int err)
{
	return err == -ENOENT || err == -EBUSY || err == -EPIPE || err == -EAGAIN ||
	       err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -ENOBUFS;
}

static void
fail(struct pacf *p, int err)
{
	sock_close(p);
	if (passes(err))
		pause_begin(p);
	else
		give_up(p, err);
}

static void
lanes_forget(struct pacf *p)
{
	for (uint32_t i = 0; i < p->nlanes; i++)
		chan_rx_unmap(&p->lane[i].rx);
	memset(p->lane, 0, sizeof(p->lane));
	free(p->fifo);
	p->fifo = NULL;
	p->fifo_mask = p->fifo_in = p->fifo_out = p->nlanes = 0;
	p->window_ns = p->held_ns = 0;
}

static void
down(struct pacf *p)
{
	lib_stats_add(p, &p->again.before);
	if (p->gone || !holds_packets(p))
		sock_close(p);
	p->again.pause_ns = PAUSE_FIRST_NS;
	pause_begin(p);
	p->again.try_ns = os_clock_mono_ns(); /* the first time at once */
}

static bool
has_message(const struct pacf *p)
{
	struct pollfd fd = {.fd = p->sock, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static void
ask(struct pacf *p)
{
	struct chan_request req = {.op = CHAN_OP_ATTACH};
	int sock, err;

	if (p->sock >= 0 && has_message(p))
		sock_close(p); /* the daemon is gone, and with it who would fill our packets
				  anew */
	if (os_clock_mono_ns() < p->again.try_ns)
		return;
	if (holds_packets(p)) {
		pause_begin(p);
		return;
	}
	sock_close(p);
	sock = lib_connect(NULL);
	if (sock < 0) {
		fail(p, sock);
		return;
	}
	p->sock = sock;
	memcpy(req.name, p->again.name, sizeof(req.name));
	err = chan_send_request(sock, &req);
	if (err != 0) {
		fail(p, err);
		return;
	}
	p->again.phase = LIB_ASKED;
	timer_off(p);
	watch(p, sock);
}

/* The same number stands for the new bell, so that pacf_interrupt need not know. */
static int
bell_take(struct pacf *p, int bell)
{
	int err = dup2(bell, p->bell_fd) < 0 ? -errno : os_fd_private(p->bell_fd);

	close(bell);
	if (err != 0)
		return err;
	p->bell_on = false;
	watch(p, p->bell_fd);
	return 0;
}

static void
answer(struct pacf *p)
{
	struct chan_reply rep;
	int bell = -1, err;

	if (!has_message(p))
		return;
	err = lib_answer(p->sock, &rep, &bell);
	if (err == 0)
		err = bell_take(p, bell);
	if (err == 0 && rep.linktype != p->info.linktype)
		err = -EPROTOTYPE;
	if (err != 0) {
		fail(p, err);
		return;
	}
	lanes_forget(p);
	p->gone = false;
	p->again.phase = LIB_LANES;
	p->again.reply = rep;
}

static void
lane(struct pacf *p)
{
	int err;

	while (p->nlanes < p->again.reply.lanes && has_message(p)) {
		err = lib_lane_add(p);
		if (err != 0) {
			lanes_forget(p); /* the daemon takes back what is in them */
			fail(p, err);
			return;
		}
	}
	if (p->nlanes < p->again.reply.lanes)
		return;
	lib_info_fill(p, &p->again.reply);
	p->again.phase = LIB_UP;
}

bool
lib_again(struct pacf *p)
{
	struct lib_again *a = &p->again;

	if (a->phase == LIB_UP) {
		if (a->fatal != 0 || !wanted(p))
			return false;
		down(p);
	}
	if (a->phase == LIB_DOWN)
		ask(p);
	if (a->phase == LIB_ASKED)
		answer(p);
	if (a->phase == LIB_LANES)
		lane(p);
	return a->fatal == 0;
}
