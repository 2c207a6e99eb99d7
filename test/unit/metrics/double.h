/*
 * A control plane of one engine with names that are hard to write down: the double behind the
 * tests of metrics.  Every counter of ctl_counters is there, with a value of its own.
 */
#ifndef METRICS_DOUBLE_H
#define METRICS_DOUBLE_H

#include "counters.h"
#include "ctl.h"

#include <stddef.h>

/* The value that the walk gives to counter i, in the table of that scope. */
uint64_t double_value(enum ctl_scope scope, uint32_t i);
extern unsigned double_engines; /* how many times the engine is there: e0, e1, ... */

#endif
