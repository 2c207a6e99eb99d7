/*
 * Control of the fake libpacf, the double that the shim's tests use instead of a daemon.
 * fake_pacf.c implements pacf.h over packets that the test adds; see there.
 */
#ifndef FAKE_PACF_H
#define FAKE_PACF_H

#include "pacf.h"

/* What pacf_recv() answers when all packets have been received. */
enum fake_after { FAKE_END, FAKE_WAIT, FAKE_DIE, FAKE_FORBID };

struct fake {
	uint32_t linktype;
	uint32_t ts_digits;
	enum fake_after after;
	int open_error;	   /* what pacf_open() returns */
	int largest_burst; /* pacf_recv() returns no more than this at once */
	uint64_t dropped_pkts, source_drop_pkts;
	int channels; /* length of pacf_list(): "pacf:fake}0" and so on */
	/* Written by the fake. */
	int open_handles;
	int reconnect; /* what pacf_reconnect() was told */
	int unreleased;
	int largest_unreleased;
	int eintr_to_give; /* that many pacf_recv() are interrupted by "signals" */
	char opened[PACF_NAMELEN];
};

extern struct fake fake;

void fake_reset(void);
void fake_add(const void *data, uint32_t caplen, uint32_t len, uint64_t ts_ns);

#endif
