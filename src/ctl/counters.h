/*
 * ctl/counters: every counter that ctl_visit shows, with its sentence, for those who must not
 * forget one.  Part of what the layers above ctl see, beside ctl.h.
 */
#ifndef PACF_CTL_COUNTERS_H
#define PACF_CTL_COUNTERS_H

#include <stdint.h>

/* Whose table it stands in.  A group's `closed` has those of a channel. */
enum ctl_scope { CTL_OF_ENGINE, CTL_OF_LINK, CTL_OF_CHANNEL, CTL_OF_GROUP };
struct ctl_counter {
	enum ctl_scope scope;
	const char *name; /* ends with _pkts, _bytes or _turns */
	const char *help;
};
/* All of them, in the order of counters.def; *n: how many.  They live as long as the program.
 */
const struct ctl_counter *ctl_counters(uint32_t *n);

#endif
