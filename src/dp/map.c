/*
 * dp/map: bucket -> channel, kept even with the fewest moves.  Called by the control plane when
 * a channel joins or leaves a group (dp_map_update: the same history gives the same map), and
 * when an application of a rebalancing group goes or comes (dp_map_rebalance: no history).
 */
#include "dp.h"

#include <string.h>

/* How many buckets each route should own; 0 for those that are no members. */
static void
share_targets(uint32_t *target, const uint8_t *members, uint32_t n)
{
	memset(target, 0, sizeof(uint32_t) * (DP_NOBODY + 1));
	for (uint32_t i = 0; i < n; i++)
		target[members[i]] = PKT_BUCKETS / n + (i < PKT_BUCKETS % n);
}

void
dp_map_update(uint8_t *map, const uint8_t *members, uint32_t n)
{
	uint32_t target[DP_NOBODY + 1], owned[DP_NOBODY + 1] = {0};
	uint32_t member = 0;

	share_targets(target, members, n);
	for (uint32_t b = 0; b < PKT_BUCKETS; b++) {
		if (owned[map[b]] < target[map[b]])
			owned[map[b]]++;
		else
			map[b] = DP_NOBODY;
	}
	for (uint32_t b = 0; b < PKT_BUCKETS && n > 0; b++) {
		if (map[b] != DP_NOBODY)
			continue;
		while (owned[members[member]] == target[members[member]])
			member++;
		map[b] = members[member];
		owned[map[b]]++;
	}
}

/* Spreads its argument over all bits (the finisher of splitmix64). */
static uint64_t
mixed(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/*
 * Each bucket has an order of its own in which the members stand in for its owner, whoever is
 * absent; it goes to the first who is present.  That is why nothing moves but what has to: who
 * goes, goes from the places that it had; who comes back, takes only places that are its own or
 * that it stands in for before those who have them now.
 *
 * Even: the owner's buckets are dealt one by one to its first stand-ins, those of each of them
 * one by one to its second ones, and so on (digits of `turn`, the bucket's number among its
 * owner's, in the mixed radix n-1, n-2, ...), each round beginning at another member.
 */
static uint32_t
stand_in(uint32_t owner, uint32_t turn, uint32_t n, const bool *absent)
{
	uint8_t others[DP_NOBODY];
	uint64_t round = mixed(owner + 1);
	uint32_t left = n - 1;

	for (uint32_t i = 0; i < left; i++)
		others[i] = (uint8_t)((owner + 1 + i) % n);
	for (; left > 0; left--) {
		uint32_t pick = (uint32_t)((turn + (round >> 32) % left) % left);
		uint32_t who = others[pick];

		if (!absent[who])
			return who;
		turn /= left;
		round = mixed(round + who + 1);
		memmove(others + pick, others + pick + 1, left - pick - 1);
	}
	return owner; /* not reached: somebody is there */
}

void
dp_map_rebalance(const uint8_t *base, const uint8_t *members, uint32_t n, const bool *absent,
	uint8_t *out)
{
	uint32_t position[DP_NOBODY + 1], turns[DP_NOBODY + 1] = {0}, away = 0;

	for (uint32_t i = 0; i < n; i++)
		away += absent[i];
	for (uint32_t r = 0; r <= DP_NOBODY; r++)
		position[r] = n;
	for (uint32_t i = 0; i < n; i++)
		position[members[i]] = i;
	for (uint32_t b = 0; b < PKT_BUCKETS; b++) {
		uint32_t owner = position[base[b]];

		out[b] = base[b];
		if (away < n && owner < n && absent[owner])
			out[b] = members[stand_in(owner, turns[owner]++, n, absent)];
	}
}
