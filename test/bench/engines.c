/*
 * bench/engines: does a second engine bring as much as the first?  Prints the line
 *
 *	engines 64B 4ch: one X Mpps, two Y Mpps, ratio R
 *
 * Each engine has what an engine of its own has: thread, pool, resident mem source, rings,
 * channels' counters; one is on CPU 0, the other on CPU 1.  In a round each runs alone, and
 *then both at once; X is the mean of the two, Y the sum, R = Y/X, of which 2 is perfect and 1.8
 *what we ask for.  All are medians of the rounds.
 *
 * An engine runs in stints, as in bench.h, but nobody reads: between two stints, off the clock,
 * its own thread gives back what is in its rings, as applications would.  So no consumer takes
 * processor time from either engine, and nothing is dropped.
 *
 * Rates are of processor time, which is what two free CPUs would do; by the wall clock they are
 * the same if the CPUs were free, and the second line says whether they were.
 */
#include "bench.h"
#include "os.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENGINES 2
#define PHASES	3 /* of a round: each alone, then both */
#define ROUNDS	9
#define STINTS	150

static const struct bench_case what = {.name = "64B 4ch", .len = 64, .wait = true};

struct runner {
	struct bench b;
	struct chan_rx rx[BENCH_CHANNELS]; /* the applications' ends of the lanes */
	pthread_t thread;
	int cpu;
	uint32_t phase, stints;
	uint64_t begin_cpu_ns, begin_wall_ns, cpu_ns, wall_ns;
	double cpu_cost[ROUNDS + 1][PHASES], wall_cost[ROUNDS + 1][PHASES]; /* ns/pkt */
};
static struct runner runners[ENGINES];
/* Phases that have begun, and how many engines have done theirs in the one that runs. */
static _Atomic uint32_t begun, done;

uint64_t
bench_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

int
bench_check(int rc, const char *text)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "engines: %s: %s\n", text, strerror(-rc));
	exit(1);
}

static bool
takes_part(const struct runner *r, uint32_t phase)
{
	return phase % PHASES == ENGINES || phase % PHASES == (uint32_t)(r - runners);
}

static uint32_t
expected(uint32_t phase)
{
	return phase % PHASES == ENGINES ? ENGINES : 1;
}

/* All packets are read and given back. */
static void
rings_empty(struct runner *r)
{
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		uint32_t n = chan_rx_avail(&r->rx[c]);

		chan_rx_advance(&r->rx[c], n);
		chan_rx_release(&r->rx[c], n);
	}
}

static void
stint_close(struct runner *r)
{
	double pkts = (double)STINTS * r->b.stint;

	r->cpu_ns += bench_cpu_ns() - r->begin_cpu_ns;
	r->wall_ns += os_clock_mono_ns() - r->begin_wall_ns;
	if (++r->stints != STINTS)
		return;
	r->cpu_cost[r->phase / PHASES][r->phase % PHASES] = (double)r->cpu_ns / pkts;
	r->wall_cost[r->phase / PHASES][r->phase % PHASES] = (double)r->wall_ns / pkts;
	atomic_fetch_add(&done, 1);
}

/* The next phase that this engine is in; false: there is none. */
static bool
phase_wait(struct runner *r)
{
	do {
		while (atomic_load(&begun) <= r->phase)
			os_sleep_ns(100000);
		if (r->phase == (ROUNDS + 1) * PHASES)
			return false;
	} while (!takes_part(r, r->phase) && ++r->phase);
	r->stints = 0;
	r->cpu_ns = r->wall_ns = 0;
	return true;
}

static bool
phase_over(const struct runner *r)
{
	return r->stints >= STINTS &&
	       (atomic_load(&done) >= expected(r->phase) || atomic_load(&begun) > r->phase + 1);
}

/* Who is first goes on until the other has done as much: both run all the time. */
static bool
stint_next(struct runner *r)
{
	if (r->begin_cpu_ns != 0) {
		stint_close(r);
		r->b.pkts += r->b.stint;
		rings_empty(r);
	}
	if (r->begin_cpu_ns == 0 || phase_over(r)) {
		r->phase += r->begin_cpu_ns != 0;
		if (!phase_wait(r))
			return false;
	}
	r->b.left = r->b.stint;
	r->begin_wall_ns = os_clock_mono_ns();
	r->begin_cpu_ns = bench_cpu_ns();
	return true;
}

static int
runner_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	struct runner *r = priv;
	int got;

	if (r->b.left == 0 && !stint_next(r))
		return IO_EOF;
	got = io_source_mem.rx(r->b.source, out, n < r->b.left ? n : r->b.left);
	if (got > 0)
		r->b.left -= (uint32_t)got;
	return got;
}

static uint64_t
runner_idle(void *priv, struct io_wait *wait)
{
	const struct runner *r = priv;

	return io_source_mem.idle(r->b.source, wait);
}

static const struct io_source_ops runner_source = {
	.name = "mem, in stints", .rx = runner_rx, .idle = runner_idle};

static void *
runner_main(void *arg)
{
	struct runner *r = arg;

	bench_check(os_thread_pin(r->cpu), "pin an engine");
	dp_engine_run(r->b.engine);
	return NULL;
}

static void
runner_start(struct runner *r, int cpu)
{
	r->cpu = cpu;
	bench_setup(&r->b, &what);
	r->b.engine->links[0].ops = &runner_source;
	r->b.engine->links[0].priv = r;
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++)
		bench_check(chan_rx_map(&r->rx[c], r->b.engine->pool.fd,
				    r->b.lanes[c].tx.ring_fd, r->b.lanes[c].tx.cursor_fd),
			"map a ring");
	atomic_store(&r->b.engine->next, r->b.plan);
	bench_check(-pthread_create(&r->thread, NULL, runner_main, r), "an engine's thread");
}

/* What was sent was delivered. */
static void
runner_stop(struct runner *r)
{
	uint64_t got = 0;

	while (!atomic_load(&r->b.engine->ended))
		os_sleep_ns(1000000);
	atomic_store(&r->b.engine->stop, true);
	os_bell_ring(r->b.engine->bell_fd);
	pthread_join(r->thread, NULL);
	for (uint32_t c = 0; c < BENCH_CHANNELS; c++) {
		got += r->b.sinks[c].own.delivered_pkts;
		chan_rx_unmap(&r->rx[c]);
	}
	if (got != r->b.pkts || r->b.engine->own.stalled_turns != 0) {
		fprintf(stderr, "engines: %llu packets were sent and %llu delivered\n",
			(unsigned long long)r->b.pkts, (unsigned long long)got);
		exit(1);
	}
	bench_free(&r->b);
}

static void
phases_run(void)
{
	for (uint32_t phase = 0; phase < (ROUNDS + 1) * PHASES; phase++) {
		atomic_store(&done, 0);
		atomic_store(&begun, phase + 1);
		while (atomic_load(&done) < expected(phase))
			os_sleep_ns(1000000);
	}
	atomic_store(&begun, UINT32_MAX);
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v)
{
	qsort(v, ROUNDS, sizeof(v[0]), ascending);
	return v[ROUNDS / 2];
}

/* Of ns/pkt: what one did, what two did, and how that compares, medians of the rounds. */
static void
rates(bool wall, double *one, double *two, double *ratio)
{
	double ones[ROUNDS], twos[ROUNDS], ratios[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		ones[i] = twos[i] = 0;
		for (int k = 0; k < ENGINES; k++) {
			const struct runner *r = &runners[k];
			const double *ns = wall ? r->wall_cost[i + 1] : r->cpu_cost[i + 1];

			ones[i] += 1000 / ns[k] / ENGINES;
			twos[i] += 1000 / ns[ENGINES];
		}
		ratios[i] = twos[i] / ones[i];
	}
	*one = median(ones);
	*two = median(twos);
	*ratio = median(ratios);
}

int
main(void)
{
	double one, two, ratio, wall_one, wall_two, wall_ratio;

	if (os_cpu_count() < ENGINES) {
		printf("engines: skipped: this machine has but one CPU\n");
		return 77;
	}
	for (int i = 0; i < ENGINES; i++)
		runner_start(&runners[i], i);
	phases_run();
	for (int i = 0; i < ENGINES; i++)
		runner_stop(&runners[i]);
	rates(false, &one, &two, &ratio);
	rates(true, &wall_one, &wall_two, &wall_ratio);
	printf("engines %s: one %.1f Mpps, two %.1f Mpps, ratio %.2f\n", what.name, one, two,
		ratio);
	printf("  %d rounds; by the wall clock: one %.1f Mpps, two %.1f Mpps, ratio %.2f; the "
	       "CPUs "
	       "were ours for %.0f %% of the time with one engine, %.0f %% with two\n",
		ROUNDS, wall_one, wall_two, wall_ratio, 100 * wall_one / one,
		100 * wall_two / two);
	return 0;
}
