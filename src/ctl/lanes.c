/*
 * ctl/lanes: the lanes of applications over their life.  Called by attach.c, channel.c and
 * run.c under ctl->lock.  Invariants: a channel has at most one client, and a client that is
 * ATTACHED has a lane in every running engine that has its channel.  A channel that is closed
 * while an application has its lane stays as `closing`, without traffic, until the application
 * is gone: what is in the ring is the application's to read, and its frames are not given away.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
ctl_channel_is(const struct ctl_channel *ch, const char *name)
{
	return ch != NULL && !ch->closing && ch->transport == CTL_PACF &&
	       (name == NULL || strcmp(ch->name, name) == 0);
}

void
ctl_lanes_shared(struct ctl_engine *engine, const struct ctl_channel *ch)
{
	struct ctl_engine *other;
	const struct ctl_channel *same;

	CTL_FOREACH_CHANNEL(engine->ctl, other, same, i, ch->name)
	if (other != engine) {
		atomic_store_explicit(&other->dp->alone, false, memory_order_relaxed);
		atomic_store_explicit(&engine->dp->alone, false, memory_order_relaxed);
	}
}

int
ctl_lanes_count(struct ctl *ctl, const char *name)
{
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;
	int n = 0;
	bool waiting = false;

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, name)
	{
		n++;
		if (engine->state != CTL_RUNNING)
			waiting = true;
	}
	return n == 0 ? -ENOENT : waiting ? -EAGAIN : n;
}

bool
ctl_lane_comes(const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	struct ctl *ctl = engine->ctl;
	const struct ctl_client *client;
	const struct ctl_engine *other;
	const struct ctl_channel *same;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	if ((client->state == CTL_CLIENT_PENDING || client->state == CTL_CLIENT_ATTACHED) &&
		strcmp(client->channel, ch->name) == 0)
		break;
	if (client == NULL)
		return false;
	/* One that waits gets its lanes of all engines at once. */
	CTL_FOREACH_CHANNEL(ctl, other, same, i, ch->name)
	if (other != engine && other->state != CTL_RUNNING)
		return client->state == CTL_CLIENT_ATTACHED;
	return true;
}

/* The longest packet that the channel's applications get. */
static uint32_t
channel_snaplen(const struct ctl_channel *ch, const struct io_source_info *info)
{
	return ch->snaplen != 0 && ch->snaplen < info->snaplen ? ch->snaplen : info->snaplen;
}

void
ctl_reply_fill(
	struct chan_reply *rep, const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	const struct io_source_info *info = &engine->links[0].info;

	rep->linktype = UINT32_MAX;
	if (engine->dp->nlinks == 0)
		return;
	rep->linktype = info->linktype;
	rep->snaplen = channel_snaplen(ch, info);
	rep->ts_digits = info->ts_digits;
}

static int
lane_make(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_client *client)
{
	const struct io_source_info *info = &engine->links[0].info;
	struct chan_tx_cfg cfg = {.slots = ch->slots,
		.pool_bytes = engine->dp->pool.bytes,
		.linktype = info->linktype,
		.snaplen = channel_snaplen(ch, info),
		.ts_digits = info->ts_digits,
		.live = engine->ops->live,
		.bell_fd = client->bell_fd};
	int rc;

	ch->lane = calloc(1, sizeof(*ch->lane));
	if (ch->lane == NULL)
		return -ENOMEM;
	rc = chan_tx_create(&ch->lane->tx, &cfg);
	if (rc == 0)
		return 0;
	free(ch->lane);
	ch->lane = NULL;
	return rc;
}

static int
lane_send(const struct ctl_engine *engine, const struct ctl_channel *ch,
	struct ctl_client *client)
{
	const int fds[] = {engine->dp->pool.fd, ch->lane->tx.ring_fd, ch->lane->tx.cursor_fd};
	struct chan_reply rep = {.lanes = 1};
	int rc;

	ctl_reply_fill(&rep, engine, ch);
	snprintf(rep.name, sizeof(rep.name), "%s", ch->name);
	rc = chan_send_reply(client->sock, &rep, fds, 3);
	chan_tx_sent(&ch->lane->tx);
	return rc;
}

/* Makes and sends one lane, then lets its engine use it. */
static int
lane_open(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_client *client)
{
	struct ctl_err err;
	int rc = lane_make(engine, ch, client);

	if (rc < 0)
		return rc;
	rc = lane_send(engine, ch, client);
	if (rc == 0)
		rc = ctl_plan_publish(engine, &err);
	if (rc < 0) {
		while (ctl_plan_retire(engine, ch) == -ENOMEM)
			os_sleep_ns(1000000); /* the lane can't go while its engine uses it */
		return rc;
	}
	ctl_rest_review(ch);
	ch->client = client;
	ch->was_attached = true;
	return 0;
}

int
ctl_lanes_open(struct ctl *ctl, struct ctl_client *client)
{
	struct ctl_engine *engine;
	struct ctl_channel *ch;
	int rc;

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	if (engine->state == CTL_RUNNING && ch->lane == NULL) {
		rc = lane_open(engine, ch, client);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void
ctl_client_detach(struct ctl *ctl, struct ctl_client *client)
{
	struct ctl_engine *engine;

	client->state = CTL_CLIENT_GONE; /* plans that are made from now on do without it */
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];

		if (ch == NULL || ch->client != client)
			continue;
		while (ctl_plan_retire(engine, ch) == -ENOMEM)
			os_sleep_ns(1000000); /* the lane can't go while its engine uses it */
		ch->client = NULL;
		if (ch->closing)
			ctl_channel_free(engine, i);
	}
}

/* Is there a channel that it can still get packets from? */
static bool
client_served(const struct ctl *ctl, const struct ctl_client *client)
{
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	if (ch->client == client)
		return true;
	return false;
}

void
ctl_clients_review(struct ctl *ctl)
{
	struct ctl_client *client;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	if (client->state == CTL_CLIENT_ATTACHED && !client_served(ctl, client))
		client->state = CTL_CLIENT_LEAVING;
	os_bell_ring(ctl->bell_fd);
}

void
ctl_liars_detach(struct ctl *ctl)
{
	struct ctl_engine *engine;

	TAILQ_FOREACH(engine, &ctl->engines, entry)
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		if (ch != NULL && ch->lane != NULL && ch->client != NULL &&
			atomic_load_explicit(&ch->lane->lied, memory_order_acquire))
			ctl_client_detach(ctl, ch->client);
	}
}
