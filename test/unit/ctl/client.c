/*
 * rig: see rig.h; here the application's end: as libpacf attaches, in as few lines as it goes.
 */
#include "rig.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void
client_ask(struct client *c, enum chan_op op, const char *name)
{
	struct chan_request req = {.op = op};

	memset(c, 0, sizeof(*c));
	c->bell = -1;
	c->sock = chan_attach_connect(rig_dir);
	assert_true(c->sock >= 0);
	snprintf(req.name, sizeof(req.name), "%s", name);
	assert_int_equal(chan_send_request(c->sock, &req), 0);
}

static void
lane_map(struct client *c, uint32_t i)
{
	int fds[CHAN_MAX_FDS], nfds;

	assert_int_equal(chan_recv_reply(c->sock, &c->rep, fds, &nfds), 0);
	assert_int_equal(c->rep.status, 0);
	assert_int_equal(nfds, 3);
	assert_int_equal(chan_rx_map(&c->rx[i], fds[0], fds[1], fds[2]), 0);
	for (int k = 0; k < 3; k++)
		close(fds[k]);
}

int
client_answer(struct client *c)
{
	int fds[CHAN_MAX_FDS], nfds;

	c->error = chan_recv_reply(c->sock, &c->rep, fds, &nfds);
	if (c->error < 0 || c->rep.status < 0)
		return c->error < 0 ? c->error : c->rep.status;
	assert_int_equal(nfds, 1);
	c->bell = fds[0];
	c->lanes = c->rep.lanes;
	assert_in_range(c->lanes, 1, CLIENT_LANES);
	for (uint32_t i = 0; i < c->lanes; i++)
		lane_map(c, i);
	return 0;
}

void
client_lane(struct client *c)
{
	assert_in_range(c->lanes, 1, CLIENT_LANES - 1);
	lane_map(c, c->lanes++);
}

int
client_answer_plain(struct client *c)
{
	int fds[CHAN_MAX_FDS], nfds;

	c->error = chan_recv_reply(c->sock, &c->rep, fds, &nfds);
	assert_true(c->error < 0 || nfds == 0);
	return c->error < 0 ? c->error : c->rep.status;
}

int
client_attach(struct client *c, const char *name)
{
	client_ask(c, CHAN_OP_ATTACH, name);
	return client_answer(c);
}

static uint32_t
lane_take(struct client *c, uint32_t i, uint32_t most)
{
	uint32_t n = chan_rx_avail(&c->rx[i]);
	struct chan_desc d;

	n = n < most ? n : most;
	for (uint32_t k = 0; k < n; k++)
		assert_true(chan_rx_peek(&c->rx[i], k, &d));
	if (n > 0) {
		chan_rx_advance(&c->rx[i], n);
		chan_rx_release(&c->rx[i], n);
	}
	c->count[i] += n;
	return n;
}

uint32_t
client_drain(struct client *c, enum chan_state end)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < c->lanes; i++) {
		uint64_t limit = os_clock_mono_ns() + UINT64_C(30000000000);

		for (;;) {
			enum chan_state state = chan_rx_state(&c->rx[i]);

			if (lane_take(c, i, UINT32_MAX) > 0)
				continue;
			if (state == end)
				break;
			assert_int_equal(state, CHAN_OPEN);
			assert_true(os_clock_mono_ns() < limit);
			os_sleep_ns(100000);
		}
		total += c->count[i];
	}
	return total;
}

void
client_take(struct client *c, uint32_t n)
{
	while (n > 0) {
		UNTIL(chan_rx_avail(&c->rx[0]) > 0);
		n -= lane_take(c, 0, n);
	}
}

void
client_close(struct client *c)
{
	for (uint32_t i = 0; i < c->lanes; i++)
		chan_rx_unmap(&c->rx[i]);
	if (c->bell >= 0)
		close(c->bell);
	if (c->sock >= 0)
		close(c->sock);
	memset(c, 0, sizeof(*c));
	c->sock = c->bell = -1;
}

bool
client_hung_up(struct client *c)
{
	struct pollfd pfd = {.fd = c->sock, .events = POLLIN};
	char byte;

	return poll(&pfd, 1, 20000) == 1 && recv(c->sock, &byte, 1, MSG_DONTWAIT) <= 0;
}
