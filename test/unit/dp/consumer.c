/*
 * rig: see rig.h; here the application's end of a lane, as libpacf would be it.
 */
#include "rig.h"

#include <poll.h>
#include <stdlib.h>

/* Sleeps until the bell; the limit lets it notice that it is told to go. */
static void
consumer_sleep(struct consumer *c)
{
	struct pollfd pfd = {.fd = c->bell, .events = POLLIN};

	if (!chan_rx_arm(&c->rx))
		return;
	if (poll(&pfd, 1, 50) > 0)
		os_bell_drain(c->bell);
	chan_rx_disarm(&c->rx);
}

static void
consumer_take(struct consumer *c, uint32_t n)
{
	struct chan_desc d;

	for (uint32_t i = 0; i < n; i++) {
		const struct io_mem_pkt *sent;

		if (!chan_rx_peek(&c->rx, i, &d) || d.ts_ns >= c->traffic->n) {
			c->wrong = true;
			return;
		}
		sent = &c->traffic->pkts[d.ts_ns];
		if (d.len != sent->len || d.wirelen != sent->wirelen ||
			memcmp(c->rx.pool + d.off, sent->data, d.len) != 0)
			c->wrong = true;
		if (c->got.n < c->got.room)
			c->got.seen[c->got.n++] = d.ts_ns;
	}
}

static void *
consumer_main(void *arg)
{
	struct consumer *c = arg;
	uint32_t total = 0;

	while (!atomic_load(&c->gone)) {
		uint32_t limit = atomic_load(&c->limit), n;

		c->end = chan_rx_state(&c->rx); /* before avail: chan.h says why */
		n = chan_rx_avail(&c->rx);
		if (n == 0 && c->end != CHAN_OPEN)
			break;
		if (total == limit) {
			os_sleep_ns(100000);
			continue;
		}
		n = n < limit - total ? n : limit - total;
		n = n < 32 ? n : 32;
		if (n == 0) {
			consumer_sleep(c);
			continue;
		}
		consumer_take(c, n);
		chan_rx_advance(&c->rx, n);
		chan_rx_release(&c->rx, n);
		atomic_store(&c->count, total += n);
		if (c->pause_us != 0)
			os_sleep_ns(c->pause_us * UINT64_C(1000));
	}
	return NULL;
}

void
consumer_start(struct consumer *c, struct rig *r, uint32_t number, uint32_t limit)
{
	memset(c, 0, sizeof(*c));
	rig_attach(r, number, &c->rx);
	c->bell = r->channels[number].bell;
	c->traffic = r->traffic;
	c->got.room = r->traffic->n;
	c->got.seen = calloc(c->got.room, sizeof(*c->got.seen));
	assert_non_null(c->got.seen);
	atomic_store(&c->limit, limit);
	assert_int_equal(pthread_create(&c->thread, NULL, consumer_main, c), 0);
}

void
consumer_join(struct consumer *c, enum chan_state end)
{
	pthread_join(c->thread, NULL);
	assert_false(c->wrong);
	assert_int_equal(c->end, end);
	assert_int_equal(chan_rx_avail(&c->rx), 0);
}

void
consumer_kill(struct consumer *c)
{
	atomic_store(&c->gone, true);
	pthread_join(c->thread, NULL);
	assert_false(c->wrong);
}

void
consumer_free(struct consumer *c)
{
	chan_rx_unmap(&c->rx);
	free(c->got.seen);
}
