/*
 * rig: what the tests of dp share: an engine with the mem source, put together by hand as the
 * control plane does it, channels that are lanes or recording sinks, and consumers that read a
 * lane on a thread of their own and check every byte.
 *
 * Packet i of the traffic has time stamp i.  All functions end the test if the machine fails.
 */
#ifndef RIG_H
#define RIG_H

#include "dp.h"
#include "os.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define RIG_CHANNELS 80
#define RIG_GROUPS   4
#define RIG_LARGE    64
#define RIG_SEED     UINT64_C(0x1234567)

struct traffic {
	struct io_mem_pkt *pkts;
	uint8_t *bytes;
	uint32_t *flow; /* of each packet */
	uint32_t n;
};
/* n packets of UDP in both directions of `flows` conversations; every large_every-th (0: none)
 * needs a large frame. */
void traffic_make(struct traffic *t, uint32_t n, uint32_t flows, uint32_t large_every);
void traffic_free(struct traffic *t);

/* What somebody got: the packets' time stamps in the order they came. */
struct record {
	uint64_t *seen;
	uint32_t n, room;
	uint32_t takes; /* as a sink: packets it takes before writing fails */
	uint32_t flushes;
};
/* That the record is 0, 1, ... n-1. */
void assert_whole(const struct record *got, uint32_t n);

enum rig_action { RIG_SAMPLE, RIG_COPY, RIG_DROP };
struct rig_channel {
	bool used;
	enum rig_action action;
	uint32_t group, slots;
	bool wait_full, wait_detached;
	struct dp_sink sink;
	struct record record; /* recording sinks only */
	struct dp_lane *lane, *rest;
	int bell;
};

struct rig {
	struct dp_engine *engine;
	struct dp_plan *plan;
	uint64_t generation;
	const struct traffic *traffic;
	struct rig_channel channels[RIG_CHANNELS];
	struct dp_group_stat groups[RIG_GROUPS];
	uint8_t maps[RIG_GROUPS][PKT_BUCKETS];
	enum pkt_fields fields[RIG_GROUPS]; /* of plans published from now on */
	pthread_t thread;
	bool running;
	uint32_t held_at_end; /* frames held when the thread had ended */
};
/* loop: passes over the traffic, 0: endless.  frames: of the pool. */
void rig_init(struct rig *r, const struct traffic *t, uint64_t loop, uint32_t frames);
/* Stops if needed; checks that every frame is back. */
void rig_free(struct rig *r);
/* The number of a new channel, the lowest free; in force with the next publish. */
uint32_t rig_open(
	struct rig *r, enum rig_action action, uint32_t group, uint32_t slots, bool wait);
/* One whose packets are recorded instead: a sink, as a file is. */
uint32_t rig_record(struct rig *r, enum rig_action action, uint32_t group);
/* Takes a channel out of plan and map; its counters stay readable until its number is used
 * again. */
void rig_close(struct rig *r, uint32_t number);
/* A lane for the channel, and the application's end of it. */
void rig_attach(struct rig *r, uint32_t number, struct chan_rx *rx);
/* From now on the channel holds so many bytes for whoever attaches. */
void rig_hold(struct rig *r, uint32_t number, uint64_t bytes);
/* The application is gone. */
void rig_detach(struct rig *r, uint32_t number);
/* Hands a plan with all of it to the engine and waits until it is in force. */
void rig_publish(struct rig *r);
void rig_start(struct rig *r);
void rig_stop(struct rig *r);
void rig_view(struct rig *r, struct dp_view *out);
/* Every sum that has to hold in any snapshot. */
void rig_check_ledger(const struct rig *r, const struct dp_view *view);
/* Without a thread: puts packets first..first+n-1 into the burst (n <= IO_BURST_MAX). */
void rig_load(struct rig *r, uint32_t first, uint32_t n);
/* As an engine's turns do, packets first..first+n-1. */
void rig_feed(struct rig *r, uint32_t first, uint32_t n);
static inline const struct dp_channel_counters *
rig_counters(const struct rig *r, uint32_t number)
{
	return &r->channels[number].sink.own;
}

/* consumer.c: reads a lane on its own thread until the lane ends or it is told to go. */
struct consumer {
	struct chan_rx rx;
	struct record got;
	const struct traffic *traffic;
	int bell;
	uint32_t pause_us;	/* after each burst */
	_Atomic uint32_t limit; /* it stops reading there, holding what it has */
	_Atomic uint32_t count;
	_Atomic bool gone;
	bool wrong; /* a packet was not what was sent */
	enum chan_state end;
	pthread_t thread;
};
void consumer_start(struct consumer *c, struct rig *r, uint32_t number, uint32_t limit);
/* Waits for the end of the lane; what it got was right. */
void consumer_join(struct consumer *c, enum chan_state end);
/* Sends it away in the middle. */
void consumer_kill(struct consumer *c);
void consumer_free(struct consumer *c);

/* Waits for a condition that another thread brings about. */
#define UNTIL(condition)                                                                      \
	do {                                                                                  \
		uint64_t limit_ns = os_clock_mono_ns() + UINT64_C(30000000000);               \
		while (!(condition)) {                                                        \
			if (os_clock_mono_ns() > limit_ns)                                    \
				fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition); \
			os_sleep_ns(200000);                                                  \
		}                                                                             \
	} while (0)

#endif
