/*
 * ctl/explain: what the files of ctl_explain share: explain.c reads packets, explain_place.c
 * says where they go, explain_show.c tells it.
 */
#ifndef PACF_CTL_EXPLAIN_H
#define PACF_CTL_EXPLAIN_H

#include "state.h"

/* What a channel makes of the packet. */
enum explain_verdict {
	EXPLAIN_TAKEN,
	EXPLAIN_FILTERED,
	EXPLAIN_UNSAMPLED,
	EXPLAIN_NOBODY /* the group has no channel */
};

struct explain_place {
	char group[CHAN_NAME_MAX]; /* "": a COPY channel */
	char channel[CTL_IFNAME_MAX];
	enum explain_verdict verdict;
	enum pkt_fields fields;
	uint32_t bucket;
	uint32_t owned; /* buckets of the channel */
	uint32_t snaplen, sample;
};

/* Where one packet goes in an engine; without engine: the bucket of group "default". */
struct explain_places {
	bool engine;
	bool dropped;		      /* by a DROP channel, whose name is next */
	char dropper[CTL_IFNAME_MAX]; /* "": several */
	uint32_t n;
	struct explain_place place[DP_MAX_SINKS + DP_MAX_GROUPS];
};

struct explain_packet {
	uint64_t number; /* in the file, from 1 */
	const struct io_pkt *pkt;
	struct pkt_flow flow;
	bool outer; /* the tunnels setting */
	uint64_t digests[PKT_FIELDS_MAX];
	enum dp_follow_way way;
	uint64_t first; /* number of the first fragment, if it follows one */
	struct explain_places places;
};

/* explain_place.c: whether a DROP channel takes it, before it is asked which flow it is of.
 * Under ctl->lock. */
bool explain_dropped(const struct ctl_engine *engine, const struct io_pkt *pkt);
/* explain_place.c: fills p->places from the rest, under ctl->lock: by the plan that the engine
 * has, or would be started with.  -ENOMEM. */
int explain_places(struct explain_packet *p, struct ctl_engine *engine, struct ctl_err *err);
/* What an engine of the default key makes of it that has no channel. */
void explain_places_default(struct explain_packet *p);

/* explain_show.c: one table.  Under no lock. */
void explain_show(const struct explain_packet *p, const struct ctl_visitor *v);

#endif
