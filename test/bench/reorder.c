/*
 * bench/reorder: what it costs to put the packets of several streams in order.  Prints, for 1,
 *2 and 4 streams, the line
 *
 *	reorder N streams: Y ns/pkt, reference Z ns/pkt
 *
 * Y: a packet of the buffer's whole way: into it with its burst, and out of it with another. Z:
 * the same packets copied into an array and out of it.  Each stream brings IO_BURST packets a
 * round, over the same stretch of time; the window holds about four rounds.  Medians of rounds,
 * on one CPU.
 */
#include "dp.h"
#include "os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS	15u
#define TURNS	4000u /* in a round */
#define STREAMS 4u
#define WINDOW	400000u

static struct dp_reorder r;
static struct io_pkt in[STREAMS][IO_BURST], out[STREAMS * IO_BURST], store[DP_REORDER_MAX];

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* 100 us of traffic: packet i of a stream somewhere in the i-th part of it. */
static void
bring(uint64_t from_ns, uint32_t streams)
{
	for (uint32_t s = 0; s < streams; s++)
		for (uint32_t i = 0; i < IO_BURST; i++)
			in[s][i].ts_ns = from_ns + (i * 100000 + s * 977 % 1500) / IO_BURST;
}

static double
turns(uint32_t streams)
{
	uint64_t now_ns = 1000000000, late = 0, ns = 0, got = 0;

	dp_reorder_init(&r, false, WINDOW, UINT32_MAX);
	for (uint32_t t = 0; t < TURNS; t++) {
		uint64_t begin;
		uint32_t n;

		bring(now_ns, streams);
		now_ns += 100000;
		begin = cpu_ns();
		dp_reorder_clock(&r, now_ns);
		for (uint32_t s = 0; s < streams; s++)
			dp_reorder_add(&r, s, in[s], IO_BURST);
		r.until_ns = now_ns - WINDOW;
		while ((n = dp_reorder_take(&r, out, IO_BURST, &late)) > 0)
			got += n;
		ns += cpu_ns() - begin;
	}
	if (late != 0 || got < (uint64_t)(TURNS - 5) * streams * IO_BURST) {
		fprintf(stderr, "reorder: %llu came out, %llu late\n", (unsigned long long)got,
			(unsigned long long)late);
		exit(1);
	}
	return (double)ns / (double)got;
}

static double
reference(uint32_t streams)
{
	uint32_t at = 0, from = 0, n = streams * IO_BURST;
	uint64_t ns = 0;

	for (uint32_t t = 0; t < TURNS; t++) {
		uint64_t begin;

		bring(t, streams);
		begin = cpu_ns();
		for (uint32_t s = 0; s < streams; s++, at = (at + IO_BURST) % DP_REORDER_MAX)
			memcpy(&store[at], in[s], sizeof(in[s]));
		for (uint32_t i = 0; i < n;
			i += IO_BURST, from = (from + IO_BURST) % DP_REORDER_MAX)
			memcpy(&out[i], &store[from], sizeof(in[0]));
		ns += cpu_ns() - begin;
	}
	return (double)ns / TURNS / n;
}

static void
measure(uint32_t streams)
{
	double cost[ROUNDS], copy[ROUNDS];

	turns(streams);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		cost[i] = turns(streams);
		copy[i] = reference(streams);
	}
	qsort(cost, ROUNDS, sizeof(cost[0]), ascending);
	qsort(copy, ROUNDS, sizeof(copy[0]), ascending);
	printf("reorder %u streams: %.1f ns/pkt (%.1f to %.1f), reference %.1f ns/pkt\n",
		streams, cost[ROUNDS / 2], cost[0], cost[ROUNDS - 1], copy[ROUNDS / 2]);
}

int
main(void)
{
	if (os_thread_pin(0) != 0)
		fprintf(stderr, "reorder: cannot be pinned to CPU 0\n");
	for (uint32_t streams = 1; streams <= STREAMS; streams *= 2)
		measure(streams);
	return 0;
}
