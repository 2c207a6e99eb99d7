/*
 * ctl/state: what the control plane keeps, for its own files only.  Everything here is guarded
 * by ctl->lock unless a comment says otherwise.
 */
#ifndef PACF_CTL_STATE_H
#define PACF_CTL_STATE_H

#include "access.h"
#include "attach.h"
#include "ctl.h"
#include "dp.h"
#include "expression.h"
#include "link.h"
#include "offload.h"
#include "frames.h"
#include "hold.h"

#include <pthread.h>
#include <sys/queue.h>

#define CTL_RING_SLOTS	 4096u /* default ring */
#define CTL_GROWTH_RINGS 16u   /* default rings that may be opened while the engine runs */
#define CTL_SAMPLE_MAX	 2147483648u /* 1 in so many flows */

enum ctl_transport { CTL_PACF, CTL_PCAP, CTL_NETDEV, CTL_NETMAP };
enum ctl_action { CTL_SAMPLE, CTL_COPY, CTL_DROP };
enum ctl_policy {
	CTL_BY_SOURCE,
	CTL_POLICY_DROP,
	CTL_POLICY_WAIT,
	CTL_POLICY_REBALANCE,
	CTL_POLICY_HOLD
};

struct ctl_client;

struct ctl_channel {
	char spelled[CTL_IFNAME_MAX]; /* canonical: "pacf:eth3{0", "pcap:PATH", "netdev:IF" */
	const char *name;	      /* into spelled, behind the transport */
	enum ctl_transport transport;
	enum ctl_action action;
	uint32_t group;	  /* index into the engine's groups; SAMPLE only */
	uint32_t slots;	  /* of its ring, or of its netmap sink's queue */
	bool keep_newest; /* netmap: a full queue lets go of the oldest */
	enum ctl_policy when_full, when_detached;
	char *filter_text; /* NULL: every packet */
	struct pkt_filter
		filter; /* plans point here: freed after the last that has the channel */
	struct ctl_filter_link filter_link; /* what it was compiled for */
	uint32_t snaplen, sample;	    /* 0: all */
	int fields;			    /* asked for its group: enum pkt_fields, or -1 */
	struct ctl_access access;	    /* who may have it */
	struct dp_sink *sink;
	bool sink_open;
	struct io_record_cfg record; /* pcap: */
	struct io_status status;     /* of its sink, as last tended */
	struct dp_lane *lane;	     /* NULL: nobody attached */
	struct ctl_client *client;
	bool was_attached; /* since the engine started */
	struct ctl_hold hold;
	bool closing; /* closed, kept for the application that still reads: lanes.c */
};

struct ctl_group {
	char name[CHAN_NAME_MAX];
	struct dp_group_stat stat;
	struct dp_channel_counters closed; /* sums of its channels that were closed */
	uint8_t map[PKT_BUCKETS]; /* with everybody there; plans may have it rebalanced */
	int fields;		  /* enum pkt_fields; -1: nobody has said */
};

enum ctl_engine_state { CTL_STOPPED, CTL_RUNNING };

struct ctl_engine {
	TAILQ_ENTRY(ctl_engine) entry;
	char name[32];
	const struct io_source_ops *ops;
	int cpu;
	struct ctl_auto *automatic; /* type "auto": how ops was chosen; else NULL */
	uint32_t buffers;
	enum ctl_engine_state state;
	struct ctl_link_state links[DP_MAX_LINKS];
	struct ctl_channel *channels[DP_MAX_SINKS]; /* by route number */
	struct ctl_group *groups[DP_MAX_GROUPS];
	uint32_t ngroups;
	struct dp_engine *dp;
	struct ctl_frags *frags; /* while it runs */
	struct pkt_conf conf;	 /* what its dp->conf will be, but for the key */
	struct dp_plan *plan;	 /* published; NULL while stopped */
	uint64_t generation, seed, started_ns;
	struct ctl_beat beat;
	pthread_t thread;
	struct ctl *ctl;
};

enum ctl_client_state {
	CTL_CLIENT_NEW,
	CTL_CLIENT_LISTING,
	CTL_CLIENT_PENDING,
	CTL_CLIENT_ATTACHED,
	CTL_CLIENT_LEAVING, /* all it had is closed or stopped: it may read what is left */
	CTL_CLIENT_GONE
};

struct ctl_client {
	TAILQ_ENTRY(ctl_client) entry;
	int sock, bell_fd;
	enum ctl_client_state state;
	uint32_t listed;   /* LISTING: channels sent; the rest when its socket has room */
	uint64_t since_ns; /* connected */
	pid_t pid;
	uid_t uid;
	char program[64];
	char channel[CHAN_NAME_MAX];
};

struct ctl {
	pthread_mutex_t lock;
	uint64_t opened_ns; /* since 1970; constant */
	TAILQ_HEAD(, ctl_engine) engines;
	TAILQ_HEAD(, ctl_client) clients;
	struct ctl_offloads offloads;
	uint64_t hash_key, random_key;
	bool hash_key_set;
	struct ctl_access access; /* who may connect to the attach server */
	struct {
		unsigned keep, given_up; /* enum os_right */
		bool no_filter, confined, filtered;
	} privileges;
	/* The attach server; fds are -1 until it is up. */
	int listen_fd, lock_fd;
	int bell_fd; /* wakes the server: engines, start, close */
	bool server_up, server_stop;
	bool server_full; /* no descriptor for a new client: look again in a while */
	pthread_t server;
	/* tend.c; watch_fd is -1 until it is up. */
	int watch_fd, tend_bell_fd;
	bool tend_up, tend_stop;
	pthread_t tender;
};

/* Fills *err and returns rc (a negative errno). */
int ctl_fail(struct ctl_err *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ctl.c */
struct ctl_engine *ctl_engine_find(struct ctl *ctl, const char *name, struct ctl_err *err);

/* args.c */
int ctl_channel_parse(struct ctl_channel *ch, const char *spelled, struct ctl_err *err);
/* "pacf", ... */
const char *ctl_transport_name(enum ctl_transport transport);
/* All that was asked for; filter not compiled yet.  filter_text and what it holds are the
 * caller's to free, also on failure.  Without the lock. */
int ctl_channel_spec(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);
int ctl_engine_tunnels(
	struct pkt_conf *conf, const struct ctl_engine_args *args, struct ctl_err *err);

/* filters.c: what the engine's packets are; without a link, as if it were Ethernet.  -EINVAL:
 * its links differ. */
int ctl_filters_link(
	const struct ctl_engine *engine, struct ctl_filter_link *out, struct ctl_err *err);
bool ctl_filters_same(const struct ctl_filter_link *a, const struct ctl_filter_link *b);
/* Compiles what is not for the engine's link, without the lock: look again at everything if it
 * returns 1.  0: all are ready. */
int ctl_filters_ready(struct ctl *ctl, struct ctl_engine *engine, struct ctl_err *err);

/* record.c: how a pcap: channel records, and that others don't. */
int ctl_channel_record(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);

/* sinks.c */
int ctl_sinks_open(struct ctl_engine *engine, struct ctl_err *err);
void ctl_sinks_close(struct ctl_engine *engine);
int ctl_sink_open(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_err *err);
/* Counts what it could not write; engine NULL: nobody is told how it was. */
void ctl_sink_close(const struct ctl_engine *engine, struct ctl_channel *ch);

/* channel.c */
void ctl_channel_free(struct ctl_engine *engine, uint32_t number);
int ctl_channel_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err);

/* groups.c: an engine's groups: who is in one, and which of them has which bucket. */
/* The group of that name, made if there is none. */
int ctl_group_find(
	struct ctl_engine *engine, const char *name, uint32_t *out, struct ctl_err *err);
/* A channel that names fields wants to join: 0, or refused because the group has others. */
int ctl_group_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err);
uint32_t ctl_group_members(const struct ctl_engine *engine, uint32_t group, uint8_t *members);
/* After a channel joined or left. */
void ctl_group_update(struct ctl_engine *engine, uint32_t group);
enum pkt_fields ctl_group_fields(const struct ctl_group *group);
void ctl_counters_add(struct dp_channel_counters *sum, const struct dp_channel_counters *c);
/* The map as it is now: shares of those who are away go to those who are there. */
void ctl_group_map(const struct ctl_engine *engine, uint32_t group, uint8_t *out);
/* Does a member of this rebalancing channel's group see to its packets, or did one? */
bool ctl_group_served(const struct ctl_engine *engine, const struct ctl_channel *ch);

/* plan.c: does this policy, of a channel of this engine, wait? */
bool ctl_policy_waits(const struct ctl_engine *engine, enum ctl_policy policy);
/* builds from the specifications and publishes; waits until the engine has taken over
 * and frees what the old plan had.  Not running: nothing.  -ENOMEM: the old plan stays. */
int ctl_plan_publish(struct ctl_engine *engine, struct ctl_err *err);
/* As publish, and retires this channel's lane: its memory is freed. */
int ctl_plan_retire(struct ctl_engine *engine, struct ctl_channel *ch);
int ctl_plan_build(struct ctl_engine *engine, struct dp_plan **out);
void ctl_plan_free(struct dp_plan *plan);

/* server.c */
int ctl_attach_up(struct ctl *ctl, struct ctl_err *err);
void ctl_attach_down(struct ctl *ctl);

/* attach.c */
/* A client's connection has something to say; anything from one that waits or is attached is
 * its end. */
void ctl_client_event(struct ctl *ctl, struct ctl_client *client);
void ctl_client_refuse(struct ctl_client *client, int status, const char *text);
/* An engine started, or a channel came or went: applications that wait may get theirs, or learn
 * that it does not exist; those that are attached get the lanes they lack. */
void ctl_attach_retry(struct ctl *ctl);

/* lanes.c */
bool ctl_channel_is(const struct ctl_channel *ch, const char *name);
/* Every open shared-memory channel of that name (NULL: of any); engine and ch are set for the
 * body. */
#define CTL_FOREACH_CHANNEL(ctl, engine, ch, i, name) \
	TAILQ_FOREACH(engine, &(ctl)->engines, entry) \
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)   \
		if (ctl_channel_is(ch = engine->channels[i], name))
/* Applications merge what several engines have for them: these are told that they are not
 * alone, and stay so until they start again. */
void ctl_lanes_shared(struct ctl_engine *engine, const struct ctl_channel *ch);
/* Running engines that have the channel; -EAGAIN if one of them does not run yet, -ENOENT. */
int ctl_lanes_count(struct ctl *ctl, const char *name);
/* What a reply says of an engine's packets, as the channel has them. */
void ctl_reply_fill(
	struct chan_reply *rep, const struct ctl_engine *engine, const struct ctl_channel *ch);
/* An application is about to get this channel: it waits for nothing any more. */
bool ctl_lane_comes(const struct ctl_engine *engine, const struct ctl_channel *ch);
/* Every lane that the client lacks. */
int ctl_lanes_open(struct ctl *ctl, struct ctl_client *client);
/* Takes all its lanes back: it is gone, or is sent away. */
void ctl_client_detach(struct ctl *ctl, struct ctl_client *client);
/* After channels were closed or engines stopped: who can get nothing any more is LEAVING. */
void ctl_clients_review(struct ctl *ctl);
/* Lanes whose cursor lied: their applications are sent away. */
void ctl_liars_detach(struct ctl *ctl);

/* run.c.  startable opens the links that launch needs. */
int ctl_engine_startable(struct ctl_engine *engine, struct ctl_err *err);
void ctl_engine_key(struct ctl_engine *engine); /* stopped: seed and conf of its next start */
int ctl_engine_launch(struct ctl_engine *engine, struct ctl_err *err);
bool ctl_engine_offline(const struct ctl_engine *engine);
void ctl_engine_halt(struct ctl_engine *engine); /* running or not */

/* frags.c: an engine's table of first fragments, from its start to its end.  -ENOMEM. */
int ctl_frags_get(struct ctl_engine *engine);
void ctl_frags_put(struct ctl_engine *engine);

/* reorder.c: an engine's reorder buffer, if it has one, from its start to its end; the frames,
 * large ones apart, that it needs.  -ENOMEM. */
int ctl_reorder_get(struct ctl_engine *engine);
void ctl_reorder_put(struct ctl_engine *engine);
uint32_t ctl_reorder_frames(const struct ctl_engine *engine);
uint32_t ctl_reorder_large(const struct ctl_engine *engine);

/* privileges.c: does the process still have what this link, this channel needs?  -EPERM. */
int ctl_privileges_link(const struct ctl *ctl, const struct io_source_ops *ops,
	const struct ctl_link_args *args, struct ctl_err *err);
int ctl_privileges_channel(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err);

/* engine.c */
void ctl_engine_free(struct ctl_engine *engine);

#endif
