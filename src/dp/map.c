/*
 * dp/map: bucket -> channel, kept even with the fewest moves.  Called by the control plane when
 * a channel joins or leaves a group.  Deterministic: the same history gives the same map.
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
