/*
 * bench: what the files of the benchmark share.  One case is an engine, put together by hand as
 * the control plane does it, whose mem source is resident; four shared-memory channels; four
 * processes that open them with libpacf and touch every packet; and a reference loop, which
 * does on the same thread and over the same packets the least that could be called dispatch.
 *
 * The engine runs in *stints*: BENCH_STINT packets as fast as it can, then a pause, in the
 * source's rx, until the consumers have given everything back.  No ring can overflow in a
 * stint, so nothing is lost and nothing waits, although the four consumers share one CPU.  What
 * came back in a pause is taken back in the next stint, so all of the engine's work is timed,
 * and no pause.  A stint of the reference follows each of the engine's.
 *
 * Unless a case says that they sleep, the consumers go on polling in a pause.  So neither the
 * engine's stints begin with bells that a steady stream would not need, nor does the reference
 * have a quieter machine, where two CPUs are one core's threads.
 */
#ifndef BENCH_H
#define BENCH_H

#include "dp.h"

#include <sys/types.h>

#define BENCH_CHANNELS 4u
#define BENCH_FLOWS    65536u
#define BENCH_SLOTS    4096u /* the control plane's default ring */
#define BENCH_STINTS   40u   /* in a round */
#define BENCH_ROUNDS   15u   /* that count; one before them warms up */
#define BENCH_SEED     UINT64_C(0x1234567)
/* Alike for all cases of one kind: a ring gets a quarter of SAMPLE's packets, all of COPY's. */
#define BENCH_STINT_SAMPLE (BENCH_SLOTS * 5 / 2)
#define BENCH_STINT_COPY   (BENCH_SLOTS * 7 / 8)

/* Over IPv4 all; fragments: the first of a datagram, then the second and last. */
enum bench_traffic { BENCH_UDP, BENCH_TCP, BENCH_QINQ_TCP, BENCH_VXLAN_TCP, BENCH_FRAGMENTS };

struct bench_case {
	const char *name; /* "64B 4ch" */
	uint32_t len;
	bool copy, wait;
	bool sleeps; /* the consumers block at once when they have read all */
	enum bench_traffic traffic;
};

/* One round's figures, nanoseconds per packet. */
struct bench_round {
	double engine_cpu, engine_wall, reference_cpu;
};

/* Memory that the processes share: what each consumer did. */
struct bench_consumer {
	_Alignas(CHAN_LINE) uint64_t pkts, sum;
	uint64_t cpu_ns, reference_ns; /* of all packets; of one packet times 1000 */
	int end;		       /* what pacf_recv said last */
	pid_t pid;
};

struct bench_packets {
	struct io_mem_pkt *pkts;
	uint8_t *bytes;
	uint64_t sum; /* of bench_touch over all */
};

/* The reference's own rings; the packets are the pool's. */
struct bench_reference {
	struct chan_tx lane[BENCH_CHANNELS];
	const uint8_t *pool;
	uint32_t l3;  /* offset of the innermost IPv4 header */
	uint32_t pos; /* next packet */
};

struct bench {
	const struct bench_case *what;
	struct bench_packets packets;
	struct dp_engine *engine;
	struct dp_plan *plan;
	struct dp_group *group;
	struct dp_group_stat group_stat;
	struct dp_sink sinks[BENCH_CHANNELS];
	struct dp_lane lanes[BENCH_CHANNELS];
	int bells[BENCH_CHANNELS];
	struct bench_reference reference;
	struct bench_consumer *consumers;
	void *source; /* private state of the mem source */
	/* the stints: the engine thread's while it runs */
	uint32_t stint, left, stints_done, rounds_done;
	uint64_t pkts;
	uint64_t begin_cpu_ns, begin_wall_ns;
	uint64_t engine_cpu_ns, engine_wall_ns, reference_cpu_ns;
	struct bench_round rounds[BENCH_ROUNDS + 1];
};

/* What a consumer does with a packet: the addresses, and the last byte. */
static inline uint64_t
bench_touch(const uint8_t *data, uint32_t len)
{
	uint64_t addresses;

	__builtin_memcpy(&addresses, data + 26, sizeof(addresses));
	return addresses + data[len - 1];
}
uint64_t bench_cpu_ns(void); /* of the calling thread */
/* Ends the program with a sentence if rc < 0 (-errno). */
int bench_check(int rc, const char *what);

/* packets.c */
void bench_packets_make(struct bench_packets *p, const struct bench_case *what);
/* Offset of the IPv4 header of the flow, in bytes. */
uint32_t bench_packets_l3(enum bench_traffic traffic);
void bench_packets_free(struct bench_packets *p);

/* setup.c: everything but threads and processes. */
void bench_setup(struct bench *b, const struct bench_case *what);
void bench_free(struct bench *b);

/* stint.c: the source's table of operations: mem, in stints. */
extern const struct io_source_ops bench_source;

/* reference.c */
void bench_reference_init(struct bench_reference *r, struct io_pool *pool, uint32_t l3);
void bench_reference_free(struct bench_reference *r);
void bench_reference_run(struct bench_reference *r, uint32_t n, uint32_t len, bool copy);
/* The application's side of it: a thousandth of a nanosecond per packet. */
uint64_t bench_reference_read(const struct bench_reference *r, uint32_t n);

/* consumer.c: starts the processes and answers their attach requests; waits for their ends. */
void bench_consumers_start(struct bench *b, int cpu);
void bench_consumers_join(struct bench *b);

#endif
