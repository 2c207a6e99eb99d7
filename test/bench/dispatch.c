/*
 * bench/dispatch: what the data plane costs.  Runs the cases and prints, for each, the line
 *
 *	dispatch 64B 4ch: X Mpps, Y ns/pkt, reference Z ns/pkt, ratio R
 *
 * Y is processor time of the engine's thread per packet, X the rate that makes of one core; Z
 * the same of the reference loop (reference.c); R = Z/Y.  All are medians of the rounds.  What
 * is in Y: everything from receiving from the mem source to taking the frame back, and the
 * bells for consumers that sleep; those of the last case sleep as soon as they can, the others
 * poll.  Traffic is UDP unless the name says otherwise.  Only figures of one run can be
 * compared, as what else the machine does shows in all of them.  Exit status 1 if a packet was
 * not delivered and read, or a fragment did not follow its first one.
 */
#include "bench.h"
#include "os.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static const struct bench_case cases[] = {
	{"64B 4ch", 64, false, true, false, BENCH_UDP},
	{"1500B 4ch", 1500, false, true, false, BENCH_UDP},
	{"64B COPY to 4", 64, true, true, false, BENCH_UDP},
	{"64B 4ch when_full=drop", 64, false, false, false, BENCH_UDP},
	{"64B TCP 4ch", 64, false, true, false, BENCH_TCP},
	{"64B QinQ TCP 4ch", 64, false, true, false, BENCH_QINQ_TCP},
	{"128B VXLAN TCP 4ch", 128, false, true, false, BENCH_VXLAN_TCP},
	{"64B fragments 4ch", 64, false, true, false, BENCH_FRAGMENTS},
	{"64B 4ch consumers sleep", 64, false, true, true, BENCH_UDP},
};
static struct bench bench;

uint64_t
bench_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

int
bench_check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the rounds that count: fields are doubles, `at` which of them.  Returns the median. */
static double
spread(const struct bench *b, size_t at, double *least, double *most)
{
	double v[BENCH_ROUNDS];

	for (uint32_t i = 0; i < BENCH_ROUNDS; i++)
		memcpy(&v[i], (const char *)&b->rounds[i + 1] + at, sizeof(v[i]));
	qsort(v, BENCH_ROUNDS, sizeof(v[0]), ascending);
	*least = v[0];
	*most = v[BENCH_ROUNDS - 1];
	return v[BENCH_ROUNDS / 2];
}
#define SPREAD(b, field, least, most) \
	spread(b, offsetof(struct bench_round, field), least, most)

/* Every packet was read, by one consumer or by all; what the engine counted says the same. */
static void
ledger(const struct bench *b)
{
	uint64_t copies = b->what->copy ? BENCH_CHANNELS : 1, whole = b->pkts / BENCH_FLOWS;
	uint64_t sum = b->packets.sum * whole, got_sum = 0, got = 0, dropped = 0;
	uint32_t sleeps = 0;

	for (uint32_t i = 0; i < b->pkts % BENCH_FLOWS; i++)
		sum += bench_touch(b->packets.pkts[i].data, b->what->len);
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		const struct dp_channel_counters *own = &b->sinks[c].own;

		got += b->consumers[c].pkts;
		got_sum += b->consumers[c].sum;
		dropped += own->received_pkts - own->delivered_pkts;
		sleeps += (b->lanes[c].tx.rung + 1) / 2; /* the last ticket rung for */
	}
	printf("  %.1f M packets, dropped %.2f %%, turns that waited %llu; a consumer slept %u "
	       "times\n",
		(double)b->pkts / 1e6, 100.0 * (double)dropped / (double)(b->pkts * copies),
		(unsigned long long)b->engine->own.stalled_turns, sleeps);
	if (got == b->pkts * copies && got_sum == sum * copies && dropped == 0)
		return;
	fprintf(stderr, "bench: %llu packets were sent and %llu read, or not as sent\n",
		(unsigned long long)(b->pkts * copies), (unsigned long long)got);
	exit(1);
}

/* Of each pair one is the first, and its second one is never early. */
static void
fragments(const struct bench *b)
{
	const struct dp_engine_counters *own = &b->engine->own;

	if (b->what->traffic != BENCH_FRAGMENTS ||
		(own->frag_first_pkts == b->pkts / 2 && own->frag_followed_pkts == b->pkts / 2))
		return;
	fprintf(stderr, "bench: %llu fragments, of which %llu were first, and %llu followed\n",
		(unsigned long long)b->pkts, (unsigned long long)own->frag_first_pkts,
		(unsigned long long)own->frag_followed_pkts);
	exit(1);
}

/* Processor time of the processes, per packet, of which looking and finding nothing is a part
 * that says nothing: only for those that sleep instead. */
static void
report_consumers(const struct bench *b)
{
	double ns = 0, ref = 0;

	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		ns += (double)b->consumers[c].cpu_ns / (double)b->consumers[c].pkts;
		ref += (double)b->consumers[c].reference_ns / 1000;
	}
	ns /= BENCH_CHANNELS;
	ref /= BENCH_CHANNELS;
	printf("consumer %s: %.1f Mpps, %.1f ns/pkt, reference %.1f ns/pkt, ratio %.2f\n",
		b->what->name, 1000 / ns, ns, ref, ref / ns);
}

static void
report(const struct bench *b)
{
	double least, most, ref_least, ref_most, wall_least, wall_most;
	double ns = SPREAD(b, engine_cpu, &least, &most);
	double ref = SPREAD(b, reference_cpu, &ref_least, &ref_most);
	double wall = SPREAD(b, engine_wall, &wall_least, &wall_most);

	printf("dispatch %s: %.1f Mpps, %.1f ns/pkt, reference %.1f ns/pkt, ratio %.2f\n",
		b->what->name, 1000 / ns, ns, ref, ref / ns);
	printf("  %u rounds: %.1f to %.1f ns/pkt, wall %.1f (%.1f to %.1f); reference %.1f to "
	       "%.1f\n",
		BENCH_ROUNDS, least, most, wall, wall_least, wall_most, ref_least, ref_most);
	ledger(b);
	fragments(b);
	if (b->what->sleeps)
		report_consumers(b);
}

static void *
engine_main(void *arg)
{
	struct bench *b = arg;

	if (os_cpu_count() > 1)
		bench_check(os_thread_pin(0), "pin the engine");
	dp_engine_run(b->engine);
	return NULL;
}

static void
run(struct bench *b, const struct bench_case *what)
{
	pthread_t thread;

	bench_setup(b, what);
	bench_consumers_start(b, os_cpu_count() > 1 ? 1 : -1);
	atomic_store(&b->engine->next, b->plan);
	bench_check(-pthread_create(&thread, NULL, engine_main, b), "the engine's thread");
	bench_consumers_join(b);
	atomic_store(&b->engine->stop, true);
	os_bell_ring(b->engine->bell_fd);
	pthread_join(thread, NULL);
	report(b);
	munmap(b->consumers, BENCH_CHANNELS * sizeof(*b->consumers));
	bench_free(b);
}

int
main(int argc, char **argv)
{
	printf("%u flows, %u rounds of %u stints; engine on CPU 0, consumers on CPU 1, of %d\n",
		BENCH_FLOWS, BENCH_ROUNDS, BENCH_STINTS, os_cpu_count());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc < 2 || strstr(cases[i].name, argv[1]) != NULL)
			run(&bench, &cases[i]);
	return 0;
}
