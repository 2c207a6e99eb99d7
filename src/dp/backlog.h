/*
 * dp/backlog: what a channel with when_detached = hold keeps while no application is attached,
 * and until the next one has caught up: packets, copied into memory of the channel's own,
 * oldest first, up to its cap.  So what is held takes no frame that another channel could need.
 * What an application had in its ring and had not given back when it went stays where it is, as
 * the `rest`: the ring's own frames, which the next application's ring takes over at once.
 *
 * A record is 16 bytes and the packet, up to the next multiple of 16.  Positions are
 * free-running bytes; a packet may go on at the beginning of the memory, its 16 bytes never do.
 *
 * Memory is made and freed by control with the channel; what is in it belongs to the engine
 * thread, or to control while no engine runs.  It outlives a stop of the engine.
 */
#ifndef PACF_DP_BACKLOG_H
#define PACF_DP_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#define DP_BACKLOG_ALIGN 16u

struct dp_lane;
struct dp_engine;
struct dp_route;
struct dp_sink;
struct io_pkt;

struct dp_record {
	uint64_t ts_ns;
	uint32_t len, wirelen;
};

struct dp_backlog {
	/* Set by control. */
	uint8_t *mem;
	uint64_t bytes; /* a multiple of DP_BACKLOG_ALIGN */
	uint64_t head, tail, npkts;
	uint64_t again;	      /* so many of the oldest were delivered before, and not read */
	struct dp_lane *rest; /* of the application that went; NULL: it left nothing */
	/* There is a lane, and what comes goes in here all the same: the ring was full, or the
	 * application has not caught up since it came. */
	bool behind;
};

/* What a packet of so many bytes takes. */
static inline uint64_t
dp_backlog_cost(uint32_t len)
{
	return sizeof(struct dp_record) +
	       ((uint64_t)len + DP_BACKLOG_ALIGN - 1) / DP_BACKLOG_ALIGN * DP_BACKLOG_ALIGN;
}
static inline bool
dp_backlog_room(const struct dp_backlog *b, uint32_t len)
{
	return b->bytes - (b->tail - b->head) >= dp_backlog_cost(len);
}

/* backlog.c.  Behind the newest; the caller has checked the room. */
void dp_backlog_push(struct dp_backlog *b, const struct dp_record *record, const uint8_t *data);
/* Before the oldest; the same. */
void dp_backlog_unshift(
	struct dp_backlog *b, const struct dp_record *record, const uint8_t *data);
/* The oldest; there is one. */
const struct dp_record *dp_backlog_first(const struct dp_backlog *b);
/* Its bytes go to `to`, or nowhere if that is NULL, and it is gone. */
void dp_backlog_take(struct dp_backlog *b, uint8_t *to);
/* The newest go, until what is left takes no more than so many bytes; how many went. */
uint64_t dp_backlog_cut(struct dp_backlog *b, uint64_t bytes);

/* keep.c, engine thread.  This packet goes into its channel's backlog, or is counted as lost
 * because that is full; either way no ring holds its frame: returns 0. */
uint32_t dp_backlog_keep(
	struct dp_engine *engine, const struct dp_route *route, const struct io_pkt *pkt);
/* A lane joins: it gets the rest of the one before it. */
void dp_backlog_join(struct dp_engine *engine, const struct dp_route *route);
/* A lane goes; keep: what is in it becomes the rest. */
void dp_backlog_part(
	struct dp_engine *engine, struct dp_lane *lane, struct dp_sink *sink, bool keep);
/* The channel is closed: nobody comes for what is held. */
void dp_backlog_drop(struct dp_engine *engine, struct dp_sink *sink);
/* Applications that are behind get of their backlogs what their rings take. */
void dp_backlogs_drain(struct dp_engine *engine);
/* The engine stops: rests are copied before all else that is held. */
void dp_backlogs_park(struct dp_engine *engine);

#endif
