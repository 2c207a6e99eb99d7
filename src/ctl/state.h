/*
 * ctl/state: what the control plane keeps, for its own files only.  Everything here is guarded
 * by ctl->lock unless a comment says otherwise.
 */
#ifndef PACF_CTL_STATE_H
#define PACF_CTL_STATE_H

#include "attach.h"
#include "ctl.h"
#include "dp.h"
#include "expression.h"

#include <pthread.h>
#include <sys/queue.h>

#define CTL_RING_SLOTS	 4096u /* default ring */
#define CTL_GROWTH_RINGS 16u   /* default rings that may be opened while the engine runs */
#define CTL_IFNAME_MAX	 1024

enum ctl_transport { CTL_PACF, CTL_PCAP };
enum ctl_action { CTL_SAMPLE, CTL_COPY, CTL_DROP };
enum ctl_policy { CTL_BY_SOURCE, CTL_POLICY_DROP, CTL_POLICY_WAIT, CTL_POLICY_REBALANCE };

struct ctl_client;

struct ctl_channel {
	char spelled[CTL_IFNAME_MAX]; /* canonical: "pacf:eth3{0", "pcap:PATH" */
	const char *name;	      /* into spelled, behind the transport */
	enum ctl_transport transport;
	enum ctl_action action;
	uint32_t group; /* index into the engine's groups; SAMPLE only */
	uint32_t slots;
	enum ctl_policy when_full, when_detached;
	char *expression; /* of the filter; NULL: everything */
	struct pkt_filter
		filter; /* the expression for filter_link; as long as a plan may use it */
	struct ctl_filter_link filter_link;
	uint32_t snaplen, sample; /* 0: all */
	struct dp_sink *sink;
	bool sink_open;
	struct dp_lane *lane; /* NULL: nobody attached */
	struct ctl_client *client;
	bool was_attached; /* since the engine started */
	bool closing;	   /* closed, kept for the application that still reads: lanes.c */
};

struct ctl_group {
	char name[CHAN_NAME_MAX];
	enum pkt_fields fields;
	struct dp_group_stat stat;
	struct dp_channel_counters closed; /* sums of its channels that were closed */
	uint8_t map[PKT_BUCKETS];
};

struct ctl_link_state {
	char ifname[CTL_IFNAME_MAX];
	struct ctl_link_args args; /* ifname and engine point elsewhere: unused */
	struct io_source_info info;
	bool open, used;
};

enum ctl_engine_state { CTL_STOPPED, CTL_RUNNING };

struct ctl_engine {
	TAILQ_ENTRY(ctl_engine) entry;
	char name[32];
	const struct io_source_ops *ops;
	int cpu;
	int cpu_rc; /* what pinning said */
	uint32_t buffers;
	enum ctl_engine_state state;
	struct ctl_link_state links[DP_MAX_LINKS];
	struct ctl_channel *channels[DP_MAX_SINKS]; /* by route number */
	struct ctl_group *groups[DP_MAX_GROUPS];
	uint32_t ngroups;
	struct dp_engine *dp;
	struct ctl_frags *frags; /* while it runs */
	struct dp_plan *plan;	 /* published; NULL while stopped */
	uint64_t generation, seed;
	uint64_t started_ns;
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
	uint32_t listed; /* LISTING: channels sent; the rest when its socket has room */
	pid_t pid;
	char program[64];
	char channel[CHAN_NAME_MAX];
};

struct ctl {
	pthread_mutex_t lock;
	TAILQ_HEAD(, ctl_engine) engines;
	TAILQ_HEAD(, ctl_client) clients;
	uint64_t hash_key, random_key;
	bool hash_key_set;
	/* The attach server; fds are -1 until it is up. */
	int listen_fd, lock_fd;
	int bell_fd; /* wakes the server: engines, start, close */
	bool server_up, server_stop;
	bool server_full; /* no descriptor for a new client: look again in a while */
	pthread_t server;
	/* Not under the lock. */
	int interrupt_fd;
	_Atomic bool interrupted;
};

/* Fills *err and returns rc (a negative errno). */
int ctl_fail(struct ctl_err *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ctl.c */
struct ctl_engine *ctl_engine_find(struct ctl *ctl, const char *name, struct ctl_err *err);

/* args.c */
int ctl_channel_parse(struct ctl_channel *ch, const char *spelled, struct ctl_err *err);
int ctl_channel_policies(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);
int ctl_channel_selection(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);
int ctl_channel_size(struct ctl_channel *ch, uint32_t size, struct ctl_err *err);

/* selection.c: which packets a channel wants. */
/* What filters of this engine are compiled for; Ethernet until there is a link. */
struct ctl_filter_link ctl_filter_link(const struct ctl_engine *engine);
/* Compiles the channel's expression unless that is done for this link already. */
int ctl_filter_ready(
	struct ctl_channel *ch, const struct ctl_filter_link *link, struct ctl_err *err);
/* The group's fields as this channel wants them. */
int ctl_group_fields(struct ctl_engine *engine, const struct ctl_channel_args *args,
	uint32_t group, bool fresh, struct ctl_err *err);
/* The part of the plan that says what a channel wants of its packets. */
void ctl_plan_select(
	struct dp_plan *plan, const struct ctl_engine *engine, const struct ctl_channel *ch);
/* The group's map, without the members that leave their share to others. */
void ctl_plan_map(const struct ctl_engine *engine, uint32_t group, const uint8_t *members,
	uint32_t n, uint8_t *map);

/* channel.c */
void ctl_channel_free(struct ctl_engine *engine, uint32_t number);
void ctl_counters_add(struct dp_channel_counters *sum, const struct dp_channel_counters *c);
int ctl_channel_check(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err);
int ctl_sinks_open(struct ctl_engine *engine, struct ctl_err *err);
void ctl_sinks_close(struct ctl_engine *engine);

/* plan.c: does this policy, of a channel of this engine, wait? */
bool ctl_policy_waits(const struct ctl_engine *engine, enum ctl_policy policy);
/* builds from the specifications and publishes; waits until the engine has taken over
 * and frees what the old plan had.  Not running: nothing.  -ENOMEM: the old plan stays. */
int ctl_plan_publish(struct ctl_engine *engine, struct ctl_err *err);
/* As publish, and retires this channel's lane: its memory is freed. */
int ctl_plan_retire(struct ctl_engine *engine, struct ctl_channel *ch);
int ctl_plan_build(struct ctl_engine *engine, struct dp_plan **out);
void ctl_plan_free(struct dp_plan *plan);
void ctl_group_update(struct ctl_engine *engine, uint32_t group);

/* server.c */
int ctl_attach_up(struct ctl *ctl, struct ctl_err *err);
void ctl_attach_down(struct ctl *ctl);

/* attach.c */
/* A client's connection has something to say; anything from one that waits or is attached is
 * its end. */
void ctl_client_event(struct ctl *ctl, struct ctl_client *client);
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
/* Running engines that have the channel; -EAGAIN if one of them does not run yet, -ENOENT. */
int ctl_lanes_count(struct ctl *ctl, const char *name);
/* What a reply says of an engine's packets. */
void ctl_reply_fill(struct chan_reply *rep, const struct ctl_engine *engine);
/* Every lane that the client lacks. */
int ctl_lanes_open(struct ctl *ctl, struct ctl_client *client);
/* Takes all its lanes back: it is gone, or is sent away. */
void ctl_client_detach(struct ctl *ctl, struct ctl_client *client);
/* After channels were closed or engines stopped: who can get nothing any more is LEAVING. */
void ctl_clients_review(struct ctl *ctl);
/* Lanes whose cursor lied: their applications are sent away. */
void ctl_liars_detach(struct ctl *ctl);

/* link.c */
int ctl_link_open(struct ctl_engine *engine, uint32_t i, struct ctl_err *err);
void ctl_link_close(struct ctl_engine *engine, uint32_t i);

/* run.c */
int ctl_engine_startable(const struct ctl_engine *engine, struct ctl_err *err);
void ctl_engine_key(struct ctl_engine *engine); /* stopped: seed and conf of its next start */
int ctl_engine_launch(struct ctl_engine *engine, struct ctl_err *err);
uint64_t ctl_engine_frames(
	const struct ctl_engine *engine); /* frames that rings and sources need */
bool ctl_engine_offline(const struct ctl_engine *engine);
void ctl_engine_halt(struct ctl_engine *engine); /* running or not */

/* frags.c: an engine's table of first fragments, from its start to its end.  -ENOMEM. */
int ctl_frags_get(struct ctl_engine *engine);
void ctl_frags_put(struct ctl_engine *engine);

/* engine.c */
void ctl_engine_free(struct ctl_engine *engine);

#endif
