/*
 * A daemon for the tests of libpacf: one channel "eth3{0" of one or more lanes that the test
 * drives itself, and an attach socket that a thread answers.  Its end is fake_die.
 */
#ifndef PACF_TEST_FAKE_H
#define PACF_TEST_FAKE_H

#include "attach.h"
#include "chan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define FAKE_LANES 4
#define FAKE_SLOTS 16
#define FAKE_POOL  65536

struct fake {
	char dir[64];
	int sock, lock, bell, pool_fd;
	atomic_int
		conn; /* the application's connection: the thread's to set, before it answers */
	uint8_t *pool;
	uint32_t lanes;
	struct chan_tx tx[FAKE_LANES];
	pthread_t thread;
	bool guest;	   /* in another one's run directory, which is not its to remove */
	uint32_t linktype; /* 0: Ethernet */
	bool busy;	   /* refuse the next attach */
	bool alien;	   /* answer as another version would */
	atomic_bool short_lanes; /* send the bell and so many lanes, then go */
	uint32_t lanes_sent;
};

/* Starts it in a new run directory and points PACF_RUNDIR there. */
void fake_start(struct fake *f, uint32_t lanes);
/* The next daemon in the run directory of one that died; f: zeroed, or has a linktype. */
void fake_again(struct fake *f, const struct fake *dead, uint32_t lanes);
/* The process dies: all its sockets close. */
void fake_die(struct fake *f);
void fake_stop(struct fake *f);
/* A further lane in place of `lane` (or the next one), sent to the application that is
 * attached. */
void fake_more(struct fake *f, int lane);
/* One packet with this time stamp into a lane, published.  Its bytes are all `(uint8_t)ts`. */
void fake_put(struct fake *f, int lane, uint64_t ts);
/* Frames the application gave back since the last call. */
int fake_back(struct fake *f, int lane);

#endif
