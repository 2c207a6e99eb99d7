/*
 * What the tests of libpacf share: one daemon, one handle.
 */
#ifndef PACF_TEST_SESSION_H
#define PACF_TEST_SESSION_H

#include "fake.h"
#include "pacf.h"

#define MS UINT64_C(1000000)

extern struct fake fake;
extern struct pacf *p;
extern struct pacf_pkt pkts[64];
extern char text[PACF_ERRBUF];

/* cmocka's set-up and clean-up: a daemon with a channel of one or two lanes, opened. */
int setup_one(void **state);
int setup_two(void **state);
int teardown(void **state);
/* Ends all lanes. */
void finish(enum chan_state how);
bool readable(int fd, int ms);

#define ONE(f) cmocka_unit_test_setup_teardown(f, setup_one, teardown)
#define TWO(f)                                                   \
	{                                                        \
#f " of two lanes", f, setup_two, teardown, NULL \
	}

#endif
