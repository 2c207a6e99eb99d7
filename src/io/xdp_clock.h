/*
 * io/xdp_clock: from the kernel program's clock (CLOCK_MONOTONIC) to real time.  Any thread;
 * pure.
 *
 * Two clocks cannot be read at once, and who reads them may be interrupted between: the
 * difference is known to lie between two bounds.  It changes when the clock is set, and seldom
 * else, so what was taken is kept for as long as it lies between them: stamps that jump by the
 * error of a measurement would put packets of a queue out of order.
 */
#ifndef PACF_IO_XDP_CLOCK_H
#define PACF_IO_XDP_CLOCK_H

#include <stdint.h>

/* Real time less monotonic: at least lo_ns, and at most width_ns more.  All modulo 2^64. */
struct xdp_clock_look {
	uint64_t lo_ns, width_ns;
};

/* Real time was read between two readings of the monotonic clock. */
static inline struct xdp_clock_look
xdp_clock_look(uint64_t before_ns, uint64_t real_ns, uint64_t after_ns)
{
	return (struct xdp_clock_look){real_ns - after_ns, after_ns - before_ns};
}

/* What is to be added to monotonic time from now on; offset_ns: what was up to now. */
static inline uint64_t
xdp_clock_offset(uint64_t offset_ns, struct xdp_clock_look look)
{
	return offset_ns - look.lo_ns <= look.width_ns ? offset_ns
						       : look.lo_ns + look.width_ns / 2;
}

/* The card's stamp, if its clock can be that of real time; else ours.  A clock that nobody has
 * set (PTP) counts from the start of the card, and would say nothing. */
#define XDP_CLOCK_OFF_NS UINT64_C(1000000000)
static inline uint64_t
xdp_clock_stamp(uint64_t real_ns, uint64_t card_ns)
{
	return card_ns - real_ns + XDP_CLOCK_OFF_NS <= 2 * XDP_CLOCK_OFF_NS ? card_ns : real_ns;
}

#endif
