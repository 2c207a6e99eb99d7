/*
 * lib/handle: the life of a handle: open, info, stats, close.  Called on the thread that uses
 * it.
 *
 * Invariant: a handle that exists has at least one lane, all of them mapped and checked.  Its
 * socket stays open as long as it does: its end tells the daemon that we are gone.
 */
#include "lib.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
close_fds(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static int
not_understood(char *errbuf, int err, const char *name)
{
	if (err == -EPROTONOSUPPORT)
		return lib_fail(errbuf, err,
			"the pacf daemon that has \"%.128s\" is of another version than this "
			"library "
			"(%s): install both from one release",
			name, PACF_VERSION);
	if (err == -EPIPE)
		return lib_fail(errbuf, err,
			"the pacf daemon closed the connection while \"%.128s\" was being "
			"opened",
			name);
	return lib_fail(errbuf, err, "opening \"%.128s\": %s", name, pacf_strerror(err));
}

int
lib_answer(int sock, struct chan_reply *rep, int *bell)
{
	int fds[CHAN_MAX_FDS], nfds = 0, err = chan_recv_reply(sock, rep, fds, &nfds);

	if (err != 0) {
		rep->status = 0;
		return err;
	}
	if (rep->status == 0 && nfds == 1 && rep->lanes >= 1 && rep->lanes <= LIB_MAX_LANES) {
		*bell = fds[0];
		return 0;
	}
	close_fds(fds, nfds);
	return rep->status < 0 ? rep->status : -EPROTO;
}

/* Asks for the channel: how many lanes there are, and the bell. */
static int
request(int sock, const char *name, const char *bare, struct chan_reply *rep, int *bell,
	char *errbuf)
{
	struct chan_request req = {.op = CHAN_OP_ATTACH};
	int err;

	memcpy(req.name, bare, CHAN_NAME_MAX);
	rep->status = 0;
	err = chan_send_request(sock, &req);
	if (err == 0)
		err = lib_answer(sock, rep, bell);
	if (err == 0)
		return 0;
	if (rep->status >= 0)
		return not_understood(errbuf, err, name);
	return lib_fail(errbuf, rep->status, "%s",
		rep->text[0] != '\0' ? rep->text : pacf_strerror(rep->status));
}

void
lib_info_fill(struct pacf *p, const struct chan_reply *rep)
{
	const struct chan_ring *ring = p->lane[0].rx.ring;

	p->info.linktype = rep->linktype != UINT32_MAX ? rep->linktype : ring->linktype;
	p->info.snaplen = ring->snaplen;
	p->info.ts_digits = ring->ts_digits;
	p->info.busy_pid = (uint32_t)getpid();
	for (uint32_t i = 1; i < p->nlanes; i++)
		if (p->lane[i].rx.ring->snaplen > p->info.snaplen)
			p->info.snaplen = p->lane[i].rx.ring->snaplen;
	snprintf(p->info.description, sizeof(p->info.description), "%.*s",
		(int)sizeof(p->info.description) - 1, rep->text);
}

/* Takes over sock and bell, also when it fails. */
static int
make_handle(struct pacf **out, int sock, int bell, const struct chan_reply *rep)
{
	struct pacf *p = calloc(1, sizeof(*p));
	int err = 0;

	if (p == NULL) {
		close(sock);
		close(bell);
		return -ENOMEM;
	}
	p->sock = sock;
	p->bell_fd = bell;
	p->waitset = p->again.timer = -1;
	while (p->nlanes < rep->lanes && err == 0)
		err = lib_lane_add(p);
	if (err != 0) {
		pacf_close(p);
		return err;
	}
	lib_info_fill(p, rep);
	*out = p;
	return 0;
}

int
pacf_open(struct pacf **out, const char *name, char *errbuf)
{
	char bare[CHAN_NAME_MAX];
	struct chan_reply rep;
	int sock, bell = -1, err;

	*out = NULL;
	if (name == NULL)
		return lib_fail(errbuf, -EINVAL,
			"no channel name given: write NAME}ID, as in pacf:eth3}0");
	err = lib_name_parse(name, bare, errbuf);
	if (err != 0)
		return err;
	sock = lib_connect(errbuf);
	if (sock < 0)
		return sock;
	err = request(sock, name, bare, &rep, &bell, errbuf);
	if (err != 0) {
		close(sock);
		return err;
	}
	err = make_handle(out, sock, bell, &rep);
	if (err != 0)
		return not_understood(errbuf, err, name);
	memcpy((*out)->again.name, bare, sizeof(bare));
	lib_name_show(bare, (*out)->info.name);
	return 0;
}

void
pacf_info(const struct pacf *p, struct pacf_info *out)
{
	*out = p->info;
}

/* The figures of one lane are written by its engine at its leisure: they may be of slightly
 * different moments, which is why relaxed loads do. */
void
lib_stats_add(const struct pacf *p, struct pacf_stats *sum)
{
	for (uint32_t i = 0; i < p->nlanes; i++) {
		const struct chan_ring *r = p->lane[i].rx.ring;

		sum->received_pkts +=
			atomic_load_explicit(&r->received_pkts, memory_order_relaxed);
		sum->dropped_pkts +=
			atomic_load_explicit(&r->dropped_pkts, memory_order_relaxed);
		sum->source_drop_pkts +=
			atomic_load_explicit(&r->source_drop_pkts, memory_order_relaxed);
	}
}

int
pacf_stats(struct pacf *p, struct pacf_stats *out)
{
	*out = p->again.before;
	if (p->again.phase == LIB_UP && p->again.fatal == 0)
		lib_stats_add(p, out);
	return 0;
}

void
pacf_close(struct pacf *p)
{
	if (p == NULL)
		return;
	if (p->waitset >= 0)
		close(p->waitset);
	if (p->again.timer >= 0)
		close(p->again.timer);
	for (uint32_t i = 0; i < p->nlanes; i++)
		chan_rx_unmap(&p->lane[i].rx);
	close(p->bell_fd);
	if (p->sock >= 0)
		close(p->sock); /* last: now the daemon may take everything back */
	free(p->fifo);
	free(p);
}
