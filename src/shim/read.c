/*
 * Reading: pcap_loop, pcap_dispatch, pcap_next, pcap_next_ex, pcap_breakloop and what decides
 * how they wait.  Packets reach the program straight from the channel's memory; a burst is
 * given back when all of it was handed out, so a burst cut short by pcap_breakloop() goes on
 * with the next call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shim.h"

#define SHIM_END      (-1000) /* the capture has ended; below every value of libpcap */
#define NS_PER_S      1000000000u
#define WAIT_FOR_EVER (-1)
#define NS_PER_MS     1000000u

/* How long a call may wait: `limit_ms` as for pacf_recv, until `deadline_ns` if more than 0. */
struct patience {
	int limit_ms;
	uint64_t deadline_ns;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct patience
patience_of(const struct shim *s)
{
	struct patience w = {0, 0};

	if (s->nonblock)
		return w;
	w.limit_ms = s->timeout_ms > 0 ? s->timeout_ms : WAIT_FOR_EVER;
	if (w.limit_ms > 0)
		w.deadline_ns = now_ns() + (uint64_t)w.limit_ms * NS_PER_MS;
	return w;
}

static int
left_ms(const struct patience *w)
{
	uint64_t now;

	if (w->limit_ms <= 0)
		return w->limit_ms;
	now = now_ns();
	if (now >= w->deadline_ns)
		return 0;
	return (int)((w->deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

static bool
must_stop(struct shim *s)
{
	return atomic_load_explicit(&s->stop, memory_order_relaxed) != 0;
}

/* True once per pcap_breakloop(). */
static bool
take_stop(struct shim *s)
{
	return must_stop(s) && atomic_exchange_explicit(&s->stop, 0, memory_order_relaxed);
}

static void
give_back(struct shim *s, struct pacf *channel)
{
	if (s->count > 0)
		pacf_release(channel, s->count);
	s->count = s->next = 0;
}

static int
receive_error(struct shim *s, int err)
{
	if (err == -ENODATA)
		return SHIM_END;
	s->failed = true;
	if (err == -EACCES) /* only when it came back: who could open it has other rights now */
		return shim_error(s, PCAP_ERROR,
			"\"%s\" is there again, but uid %u may not have it: let that user in "
			"(pacf.access), or keep the rights (tcpdump -Z root)",
			s->name, (unsigned)geteuid());
	return shim_error(s, PCAP_ERROR, "reading \"%s\": %s", s->name, pacf_strerror(err));
}

/* Sees to it that a packet waits in the burst: 1, or 0 when the time is over, or a negative
 * status. No more than `want` are taken from the channel. */
static int
fill(struct shim *s, int want, const struct patience *w)
{
	struct pacf *channel = atomic_load_explicit(&s->channel, memory_order_relaxed);
	int wait_ms = w->limit_ms, n;

	if (s->next < s->count)
		return 1;
	give_back(s, channel);
	for (;;) {
		n = pacf_recv(channel, s->pkts, want, wait_ms);
		if (n != -EINTR)
			break;
		/* Either pcap_breakloop(), or some signal, for which libpcap goes on waiting.
		 */
		if (take_stop(s))
			return PCAP_ERROR_BREAK;
		wait_ms = left_ms(w);
	}
	if (n < 0)
		return receive_error(s, n);
	s->count = n;
	return n > 0;
}

/* Whether the handle's filter passes the packet; if so, its header is made. */
static bool
accept_packet(struct shim *s, const struct pacf_pkt *k, struct pcap_pkthdr *hdr)
{
	uint32_t caplen = k->caplen < s->snaplen ? k->caplen : s->snaplen;

	if (s->filter.bf_insns) {
		/* The filter sees the whole packet; it answers how much of it to keep. */
		uint32_t keep = bpf_filter(s->filter.bf_insns, k->data, k->len, k->caplen);
		if (keep == 0)
			return false;
		if (keep < caplen)
			caplen = keep;
	}
	hdr->ts.tv_sec = (time_t)(k->ts_ns / NS_PER_S);
	hdr->ts.tv_usec = (suseconds_t)(k->ts_ns % NS_PER_S);
	if (!s->nano)
		hdr->ts.tv_usec /= 1000;
	hdr->caplen = caplen;
	hdr->len = k->len;
	s->accepted_pkts++;
	return true;
}

/* Hands out at most cnt packets (<= 0: no limit) of the burst; returns how many. */
static int
hand_out(struct shim *s, int cnt, pcap_handler callback, u_char *user)
{
	struct pcap_pkthdr hdr;
	int done = 0;

	memset(&hdr, 0, sizeof(hdr));
	while (s->next < s->count && (cnt <= 0 || done < cnt) && !must_stop(s)) {
		/* Counted before the call: a callback may leave by longjmp(). */
		const struct pacf_pkt *k = &s->pkts[s->next++];
		if (!accept_packet(s, k, &hdr))
			continue;
		done++;
		callback(user, &hdr, k->data);
	}
	if (s->next == s->count)
		give_back(s, atomic_load_explicit(&s->channel, memory_order_relaxed));
	return done;
}

/* One buffer's worth: waits until something passes the filter, but not beyond `w`.  Returns how
 * many packets were handed out, 0 when the time is over, or a negative status, SHIM_END among
 * them. */
static int
read_burst(struct shim *s, int cnt, pcap_handler callback, u_char *user, struct patience w)
{
	int want = cnt > 0 && cnt < SHIM_BURST ? cnt : SHIM_BURST, done, status;

	for (;;) {
		/* With packets handed out, the answer is their number, and the stop is kept
		 * for the next call: so libpcap. */
		if (take_stop(s))
			return PCAP_ERROR_BREAK;
		status = fill(s, want, &w);
		if (status <= 0)
			return status;
		done = hand_out(s, cnt, callback, user);
		if (done > 0)
			return done;
		if (!must_stop(s) && left_ms(&w) == 0)
			return 0;
		w.limit_ms = left_ms(&w);
	}
}

int
pcap_loop(pcap_t *p, int cnt, pcap_handler callback, u_char *user)
{
	struct shim *s = shim_find(p);
	/* Whatever the mode: libpcap would run in circles without waiting. */
	const struct patience w = {WAIT_FOR_EVER, 0};
	int n, left = cnt;

	if (!s)
		return REAL(pcap_loop)(p, cnt, callback, user);
	if (!s->dead)
		return shim_unready(s);
	/* ngrep calls again for as long as the answer is not 0, and a lost channel never comes
	 * back. */
	if (s->failed)
		return 0;
	for (;;) {
		n = read_burst(s, left, callback, user, w);
		if (n == SHIM_END)
			return 0;
		if (n < 0)
			return n;
		if (cnt > 0 && (left -= n) <= 0)
			return 0;
	}
}

int
pcap_dispatch(pcap_t *p, int cnt, pcap_handler callback, u_char *user)
{
	struct shim *s = shim_find(p);
	int n;

	if (!s)
		return REAL(pcap_dispatch)(p, cnt, callback, user);
	if (!s->dead)
		return shim_unready(s);
	n = read_burst(s, cnt, callback, user, patience_of(s));
	/* A live capture has no end in libpcap, and 0 only says that nothing came in time:
	 * dumpcap, p0f and others call again at once, for ever.  "Stopped" is what makes them
	 * finish. */
	return n == SHIM_END ? PCAP_ERROR_BREAK : n;
}

/* The next packet that passes; it stays valid until the handle is read again. */
static int
read_one(struct shim *s, const u_char **data)
{
	struct patience w = patience_of(s);
	int status;

	for (;;) {
		if (take_stop(s))
			return PCAP_ERROR_BREAK;
		status = fill(s, s->fd_taken ? 1 : SHIM_BURST, &w);
		if (status <= 0)
			return status;
		while (s->next < s->count) {
			const struct pacf_pkt *k = &s->pkts[s->next++];
			if (accept_packet(s, k, &s->hdr)) {
				*data = k->data;
				return 1;
			}
		}
		w.limit_ms = left_ms(&w);
		if (w.limit_ms == 0)
			return 0;
	}
}

int
pcap_next_ex(pcap_t *p, struct pcap_pkthdr **hdr, const u_char **data)
{
	struct shim *s = shim_find(p);
	int n;

	if (!s)
		return REAL(pcap_next_ex)(p, hdr, data);
	if (!s->dead)
		return shim_unready(s);
	*hdr = &s->hdr;
	*data = NULL;
	n = read_one(s, data);
	return n == SHIM_END ? PCAP_ERROR_BREAK : n;
}

const u_char *
pcap_next(pcap_t *p, struct pcap_pkthdr *hdr)
{
	struct shim *s = shim_find(p);
	const u_char *data = NULL;

	if (!s)
		return REAL(pcap_next)(p, hdr);
	if (!s->dead) {
		shim_unready(s);
		return NULL;
	}
	if (read_one(s, &data) != 1)
		return NULL;
	*hdr = s->hdr;
	return data;
}

void
pcap_breakloop(pcap_t *p)
{
	struct shim *s = shim_find(p);
	struct pacf *channel;

	if (!s) {
		REAL(pcap_breakloop)(p);
		return;
	}
	/* Seen by the reader at the latest when pacf_interrupt() ends its wait, which orders
	 * the two. */
	atomic_store_explicit(&s->stop, 1, memory_order_release);
	channel = atomic_load_explicit(&s->channel, memory_order_acquire);
	if (channel)
		pacf_interrupt(channel);
}

int
pcap_setnonblock(pcap_t *p, int nonblock, char *errbuf)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_setnonblock)(p, nonblock, errbuf);
	s->nonblock = nonblock != 0;
	return 0;
}

int
pcap_getnonblock(pcap_t *p, char *errbuf)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_getnonblock)(p, errbuf);
	if (s->dead)
		return s->nonblock;
	shim_unready(s);
	snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", s->error);
	return SHIM_NOT_READY;
}

int
pcap_get_selectable_fd(pcap_t *p)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_get_selectable_fd)(p);
	if (!s->dead)
		return shim_unready_error(s);
	s->fd_taken = true;
	return pacf_fd(atomic_load_explicit(&s->channel, memory_order_relaxed));
}

int
pcap_fileno(pcap_t *p)
{
	struct shim *s = shim_find(p);

	if (!s)
		return REAL(pcap_fileno)(p);
	return s->dead ? pcap_get_selectable_fd(p) : shim_unready(s);
}

const struct timeval *
pcap_get_required_select_timeout(pcap_t *p)
{
	return shim_find(p) ? NULL : REAL(pcap_get_required_select_timeout)(p);
}
