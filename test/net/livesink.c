/*
 * livesink: reads a channel and checks what comes, for tests and benchmarks of live interfaces:
 * netns.py starts it.  The packets are those of livegen and of netns.frame(); others are
 * counted.
 *
 * usage: livesink CHANNEL [FLOWS | sent]
 *
 * Reads a cache line of every packet.  FLOWS: remembers the last number of that many flows, and
 * counts what came out of order or was missing.  sent: a packet's number is the time when it
 * was sent, in ns since the epoch; delays are from there, else from the time stamp.  "attached"
 * on standard error when it has the channel; ends with it, or by SIGINT or SIGTERM.  On
 * standard output then, in one line: packets, bytes, lost (as libpacf says), others,
 * inversions, missing, flows seen, and of the delays the median, the 99th percentile and the
 * worst in ns.
 */
#include "livegen.h"

#include <pacf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST 256
/* Of delays: 16 steps for each power of two. */
#define STEPS 16
#define CELLS (64 * STEPS)

struct sink {
	uint64_t packets, bytes, others, inversions, missing, flows_seen;
	uint32_t flows;
	bool sent;
	uint64_t *next; /* by flow: the number expected, 0: not seen yet */
	uint64_t delay[CELLS], worst;
};

static struct pacf *channel;

static void
on_signal(int signo)
{
	(void)signo;
	pacf_interrupt(channel);
}

static unsigned
cell_of(uint64_t ns)
{
	unsigned bit;

	if (ns < STEPS)
		return (unsigned)ns;
	bit = 63u - (unsigned)__builtin_clzll(ns);
	return (bit - 3) * STEPS + (unsigned)(ns >> (bit - 4)) % STEPS;
}

/* The largest delay that falls into the cell. */
static uint64_t
cell_end(unsigned cell)
{
	unsigned bit = cell / STEPS + 3;

	return cell < STEPS ? cell : ((uint64_t)(STEPS + cell % STEPS + 1) << (bit - 4)) - 1;
}

static uint64_t
percentile(const struct sink *s, double part)
{
	uint64_t want = (uint64_t)(part * (double)s->packets), seen = 0;

	for (unsigned i = 0; i < CELLS; i++) {
		seen += s->delay[i];
		if (seen > want || seen == s->packets)
			return cell_end(i);
	}
	return s->worst;
}

/* The livegen packet behind the VLAN tags; NULL: it is another. */
static const struct livegen_frame *
frame_find(const struct pacf_pkt *p)
{
	const uint8_t *at = p->data;
	uint32_t left = p->caplen;

	while (left >= sizeof(struct livegen_frame)) {
		const struct livegen_frame *f = (const struct livegen_frame *)at;

		if (at[12] == 8 && at[13] == 0)
			return f->version == 0x45 && f->destination_port == htons(9) ? f : NULL;
		if (at[12] != 0x81 && at[12] != 0x88 && at[12] != 0x91)
			return NULL;
		at += 4;
		left -= 4;
	}
	return NULL;
}

static uint64_t
number_read(const struct livegen_frame *f)
{
	const uint8_t *at = (const uint8_t *)&f->number;
	uint64_t number = 0;

	for (unsigned i = 0; i < sizeof(f->number); i++)
		number = number << 8 | at[i];
	return number;
}

static void
order_check(struct sink *s, const struct livegen_frame *f)
{
	uint32_t flow = (uint32_t)ntohs(f->destination_low) << LIVEGEN_FLOW_BITS;
	uint64_t number = number_read(f);

	flow += ntohs(f->source_port) - LIVEGEN_PORT;
	if (flow >= s->flows) {
		s->others++;
		return;
	}
	if (s->next[flow] == 0)
		s->flows_seen++;
	else if (number < s->next[flow])
		s->inversions++;
	else
		s->missing += number - s->next[flow];
	if (number + 1 > s->next[flow])
		s->next[flow] = number + 1;
}

static void
burst_read(struct sink *s, const struct pacf_pkt *pkts, int n)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_REALTIME, &t);
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	for (int i = 0; i < n; i++) {
		const struct livegen_frame *f = frame_find(&pkts[i]);
		uint64_t from = s->sent && f != NULL ? number_read(f) : pkts[i].ts_ns;
		uint64_t delay = now > from ? now - from : 0;

		s->bytes += pkts[i].len;
		s->delay[cell_of(delay)]++;
		if (delay > s->worst)
			s->worst = delay;
		if (f == NULL)
			s->others++;
		else if (s->flows != 0)
			order_check(s, f);
	}
	s->packets += (uint64_t)n;
}

static void
report(const struct sink *s)
{
	struct pacf_stats stats;

	pacf_stats(channel, &stats);
	printf("packets %" PRIu64 " bytes %" PRIu64 " lost %" PRIu64 " others %" PRIu64
	       " inversions %" PRIu64 " missing %" PRIu64 " flows %" PRIu64 " p50_ns %" PRIu64
	       " p99_ns %" PRIu64 " worst_ns %" PRIu64 "\n",
		s->packets, s->bytes, stats.dropped_pkts, s->others, s->inversions, s->missing,
		s->flows_seen, percentile(s, 0.5), percentile(s, 0.99), s->worst);
}

int
main(int argc, char **argv)
{
	static struct sink s;
	struct sigaction action = {.sa_handler = on_signal};
	struct pacf_pkt pkts[BURST];
	char error[PACF_ERRBUF];
	int n;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: livesink CHANNEL [FLOWS | sent]\n");
		return 2;
	}
	s.sent = argc == 3 && strcmp(argv[2], "sent") == 0;
	s.flows = argc == 3 && !s.sent ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	s.next = calloc(s.flows + 1, sizeof(*s.next));
	if (s.next == NULL || pacf_open(&channel, argv[1], error) != 0) {
		fprintf(stderr, "livesink: %s\n", s.next == NULL ? "no memory" : error);
		return 1;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	fprintf(stderr, "attached\n");
	while ((n = pacf_recv(channel, pkts, BURST, -1)) > 0) {
		burst_read(&s, pkts, n);
		pacf_release(channel, n);
	}
	report(&s);
	pacf_close(channel);
	free(s.next);
	if (n == -EINTR || n == -ENODATA || n == -EPIPE)
		return 0;
	fprintf(stderr, "livesink: %s\n", pacf_strerror(n));
	return 1;
}
