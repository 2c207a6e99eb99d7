/*
 * dp/map: which channel of a group owns which bucket.  Pure; called by the control plane, which
 * puts the result into a plan.
 */
#ifndef PACF_DP_MAP_H
#define PACF_DP_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define DP_NOBODY 255

/* Moves as few buckets as possible so that members (route numbers, in order) own
 * equal shares (they differ by at most one bucket).  A fresh map is all DP_NOBODY. */
void dp_map_update(uint8_t *map, const uint8_t *members, uint32_t n);
/* The map while some members are away (absent[i]: members[i] is): their buckets of `base` are
 * dealt evenly to those who are there, no other moves.  A function of its arguments only: with
 * nobody absent, or all, it is `base`; one more absentee moves only what he had at that time,
 * and one more who is back only what he gets.  out may not be base. */
void dp_map_rebalance(const uint8_t *base, const uint8_t *members, uint32_t n,
	const bool *absent, uint8_t *out);

#endif
