/*
 * The daemon of fake.h.  The thread answers connections one after another until the listening
 * socket is shut down; the lanes are the test's.
 */
#include "fake.h"
#include "os.h"
#include "take.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static void
say(int conn, int status, const char *text)
{
	struct chan_reply rep = {.status = status};

	snprintf(rep.text, sizeof(rep.text), "%s", text);
	chan_send_reply(conn, &rep, NULL, 0);
}

static void
answer_attach(struct fake *f, int conn)
{
	struct chan_reply rep = {.lanes = f->lanes,
		.linktype = f->linktype != 0 ? f->linktype : 1,
		.snaplen = 2048,
		.ts_digits = 9};

	if (f->busy) {
		say(conn, -EBUSY, "channel \"eth3}0\" is open in tcpdump (pid 42)");
		return;
	}
	if (f->alien) {
		rep.magic = CHAN_MAGIC;
		rep.version = CHAN_VERSION + 1;
		send(conn, &rep, sizeof(rep) - 8, MSG_NOSIGNAL);
		return;
	}
	snprintf(rep.text, sizeof(rep.text), "engine e0, SAMPLE");
	chan_send_reply(conn, &rep, &f->bell, 1);
	for (uint32_t i = 0; i < (f->short_lanes ? f->lanes_sent : rep.lanes); i++) {
		int fds[3] = {f->pool_fd, f->tx[i].ring_fd, f->tx[i].cursor_fd};

		chan_send_reply(conn, &rep, fds, 3);
	}
}

static void
answer_list(struct fake *f, int conn)
{
	for (int i = 0; i < 3; i++) {
		struct chan_reply rep = {
			.linktype = i == 0 ? UINT32_MAX : 1, .busy_pid = (uint32_t)i};

		snprintf(rep.name, sizeof(rep.name), "eth3{%d", i);
		snprintf(rep.text, sizeof(rep.text), "engine e0, COPY");
		chan_send_reply(conn, &rep, NULL, 0);
	}
	say(conn, -ENODATA, "");
}

static void *
serve(void *arg)
{
	struct fake *f = arg;
	struct chan_request req;
	int conn;

	while ((conn = accept(f->sock, NULL, NULL)) >= 0) {
		bool keep = false;

		if (chan_recv_request(conn, &req) != 0)
			say(conn, -EPROTO, "bad request");
		else if (req.op == CHAN_OP_LIST)
			answer_list(f, conn);
		else if (strcmp(req.name, "eth3{0") != 0)
			say(conn, -ENOENT, "no such channel: this daemon has eth3}0");
		else {
			keep = !f->busy && !f->alien && !f->short_lanes;
			if (keep)
				f->conn = conn;
			answer_attach(f, conn);
		}
		if (!keep)
			close(conn);
	}
	return NULL;
}

static void
make_lane(struct fake *f, struct chan_tx *tx)
{
	struct chan_tx_cfg cfg = {.slots = FAKE_SLOTS,
		.pool_bytes = FAKE_POOL,
		.linktype = 1,
		.snaplen = 2048,
		.ts_digits = 9,
		.bell_fd = f->bell};

	assert_int_equal(chan_tx_create(tx, &cfg), 0);
}

void
fake_more(struct fake *f, int lane)
{
	struct chan_tx *tx = &f->tx[lane];
	struct chan_reply rep = {.lanes = 1};
	int fds[3];

	if ((uint32_t)lane < f->lanes)
		chan_tx_destroy(tx);
	else
		f->lanes++;
	make_lane(f, tx);
	memcpy(fds, (int[]){f->pool_fd, tx->ring_fd, tx->cursor_fd}, sizeof(fds));
	assert_int_equal(chan_send_reply(f->conn, &rep, fds, 3), 0);
}

static void
begin(struct fake *f, uint32_t lanes)
{
	void *mem;

	f->lanes = lanes;
	f->conn = -1;
	f->bell = os_bell_create();
	f->pool_fd = os_shm_create("pool", FAKE_POOL);
	assert_int_equal(os_shm_map(f->pool_fd, FAKE_POOL, true, &mem), 0);
	f->pool = mem;
	assert_int_equal(os_shm_seal(f->pool_fd, true), 0);
	for (uint32_t i = 0; i < lanes; i++)
		make_lane(f, &f->tx[i]);
	f->sock = chan_attach_listen(f->dir, &f->lock);
	assert_true(f->sock >= 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

void
fake_start(struct fake *f, uint32_t lanes)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/pacf-lib-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	setenv("PACF_RUNDIR", f->dir, 1);
	begin(f, lanes);
}

void
fake_again(struct fake *f, const struct fake *dead, uint32_t lanes)
{
	uint32_t linktype = f->linktype;

	memset(f, 0, sizeof(*f));
	memcpy(f->dir, dead->dir, sizeof(f->dir));
	f->guest = true;
	f->linktype = linktype;
	begin(f, lanes);
}

void
fake_die(struct fake *f)
{
	if (f->sock < 0)
		return;
	shutdown(f->sock, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->sock);
	close(f->lock);
	if (f->conn >= 0)
		close(f->conn);
	f->sock = -1;
}

void
fake_stop(struct fake *f)
{
	char cmd[96];

	if (f->lanes == 0)
		return; /* never started, or stopped */
	fake_die(f);
	for (uint32_t i = 0; i < f->lanes; i++)
		chan_tx_destroy(&f->tx[i]);
	os_shm_unmap(f->pool, FAKE_POOL);
	close(f->pool_fd);
	close(f->bell);
	f->lanes = 0;
	if (f->guest)
		return;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
}

/* As the engine does it, one frame at a time. */
static bool
take(struct chan_tx *lane, uint32_t *frame)
{
	struct chan_frames back = chan_tx_back(lane);
	bool got = chan_frames_next(&back, frame);

	chan_tx_took(lane, &back);
	return got;
}

void
fake_put(struct fake *f, int lane, uint64_t ts)
{
	uint64_t off = (ts * 64 + (uint64_t)lane * 16384) % FAKE_POOL;
	uint32_t frame;

	chan_tx_poll(&f->tx[lane]);
	while (chan_tx_room(&f->tx[lane]) == 0)
		assert_true(take(&f->tx[lane], &frame));
	memset(f->pool + off, (int)(uint8_t)ts, 60);
	chan_tx_put(&f->tx[lane], off, ts, 60, 1000, (uint32_t)ts);
	chan_tx_publish(&f->tx[lane]);
}

int
fake_back(struct fake *f, int lane)
{
	uint32_t frame;
	int n = 0;

	chan_tx_poll(&f->tx[lane]);
	assert_false(f->tx[lane].lied);
	while (take(&f->tx[lane], &frame))
		n++;
	return n;
}
