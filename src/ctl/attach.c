/*
 * ctl/attach: applications come and go.  Called by the server thread and by commands that
 * change channels, under ctl->lock.  Invariants: a channel has at most one client; a client
 * that is ATTACHED has a lane in every running engine that has its channel. An application that
 * comes before the engines run is kept PENDING: it waits in pacf_open().
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
channel_is(const struct ctl_channel *ch, const char *name)
{
	return ch != NULL && ch->transport == CTL_PACF &&
	       (name == NULL || strcmp(ch->name, name) == 0);
}

/* Every shared-memory channel of that name (NULL: of any); engine and ch are set for the body.
 */
#define FOREACH_CHANNEL(ctl, engine, ch, i, name)     \
	TAILQ_FOREACH(engine, &(ctl)->engines, entry) \
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)   \
		if (channel_is(ch = engine->channels[i], name))

static void
reply_fail(struct ctl_client *client, int status, const char *text)
{
	struct chan_reply rep = {.status = status};

	snprintf(rep.name, sizeof(rep.name), "%s", client->channel);
	snprintf(rep.text, sizeof(rep.text), "%s", text);
	chan_send_reply(client->sock, &rep, NULL, 0); /* if it is gone, it is gone */
	client->state = CTL_CLIENT_GONE;
}

static void
application_name(const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s", name);
	for (char *c = out; *c != '\0'; c++)
		if (*c == '{')
			*c = '}';
}

/* "no channel "eth3}9"; there is eth3}0, eth3}1" */
static void
refuse_unknown(struct ctl *ctl, struct ctl_client *client)
{
	char text[CHAN_TEXT_MAX], name[CHAN_NAME_MAX];
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;
	size_t start, used;

	application_name(client->channel, name, sizeof(name));
	start = used =
		(size_t)snprintf(text, sizeof(text), "no channel \"%s\"; the daemon has", name);
	FOREACH_CHANNEL(ctl, engine, ch, i, NULL)
	{
		application_name(ch->name, name, sizeof(name));
		if (used + strlen(name) + 8 < sizeof(text))
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, " pacf:%s", name);
	}
	if (used == start)
		snprintf(text + used, sizeof(text) - used, " none");
	reply_fail(client, -ENOENT, text);
}

static struct ctl_client *
channel_owner(struct ctl *ctl, const char *name)
{
	struct ctl_client *client;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	if ((client->state == CTL_CLIENT_PENDING || client->state == CTL_CLIENT_ATTACHED) &&
		strcmp(client->channel, name) == 0)
		return client;
	return NULL;
}

static void
refuse_busy(struct ctl_client *client, const struct ctl_client *owner)
{
	char text[CHAN_TEXT_MAX], name[CHAN_NAME_MAX];

	application_name(client->channel, name, sizeof(name));
	snprintf(text, sizeof(text),
		"channel \"pacf:%s\" is in use by %s (pid %d); one application a channel", name,
		owner->program, (int)owner->pid);
	reply_fail(client, -EBUSY, text);
}

/* Running engines that have the channel; -EAGAIN if one of them does not run yet, -ENOENT. */
static int
lanes_count(struct ctl *ctl, const char *name)
{
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;
	int n = 0;
	bool waiting = false;

	FOREACH_CHANNEL(ctl, engine, ch, i, name)
	{
		n++;
		if (engine->state != CTL_RUNNING)
			waiting = true;
	}
	return n == 0 ? -ENOENT : waiting ? -EAGAIN : n;
}

static void
info_fill(struct chan_reply *rep, const struct ctl_engine *engine)
{
	const struct io_source_info *info = &engine->links[0].info;

	rep->linktype = UINT32_MAX;
	if (engine->dp->nlinks == 0)
		return;
	rep->linktype = info->linktype;
	rep->snaplen = info->snaplen;
	rep->ts_digits = info->ts_digits;
}

static int
lane_make(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_client *client)
{
	const struct io_source_info *info = &engine->links[0].info;
	struct chan_tx_cfg cfg = {.slots = ch->slots,
		.pool_bytes = engine->dp->pool.bytes,
		.linktype = info->linktype,
		.snaplen = info->snaplen,
		.ts_digits = info->ts_digits,
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

	info_fill(&rep, engine);
	snprintf(rep.name, sizeof(rep.name), "%s", ch->name);
	rc = chan_send_reply(client->sock, &rep, fds, 3);
	chan_tx_sent(&ch->lane->tx);
	return rc;
}

/* Makes and sends every lane, then lets the engines use them. */
static int
lanes_open(struct ctl *ctl, struct ctl_client *client)
{
	struct ctl_engine *engine;
	struct ctl_channel *ch;
	struct ctl_err err;
	int rc;

	FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	{
		rc = lane_make(engine, ch, client);
		if (rc == 0)
			rc = lane_send(engine, ch, client);
		if (rc == 0)
			rc = ctl_plan_publish(engine, &err);
		if (rc < 0)
			return rc;
		ch->client = client;
		ch->was_attached = true;
	}
	return 0;
}

static void
client_detach(struct ctl *ctl, struct ctl_client *client)
{
	struct ctl_engine *engine;
	struct ctl_channel *ch;

	FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	{
		while (ctl_plan_retire(engine, ch) == -ENOMEM)
			os_sleep_ns(1000000); /* the lane can't go while its engine uses it */
		ch->client = NULL;
	}
	client->state = CTL_CLIENT_GONE;
}

/* A pending application gets its lanes if all its engines run. */
static void
client_try(struct ctl *ctl, struct ctl_client *client)
{
	struct chan_reply rep = {0};
	struct ctl_engine *engine;
	struct ctl_channel *ch;
	int n = lanes_count(ctl, client->channel), rc;

	if (n == -EAGAIN)
		return;
	if (n == -ENOENT) {
		refuse_unknown(ctl, client);
		return;
	}
	rep.lanes = (uint32_t)n;
	FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	info_fill(&rep, engine);
	snprintf(rep.name, sizeof(rep.name), "%s", client->channel);
	client->bell_fd = os_bell_create();
	rc = client->bell_fd < 0 ? client->bell_fd
				 : chan_send_reply(client->sock, &rep, &client->bell_fd, 1);
	client->state = CTL_CLIENT_ATTACHED;
	if (rc == 0)
		rc = lanes_open(ctl, client);
	if (rc < 0) {
		client_detach(ctl, client);
		reply_fail(client, rc, strerror(-rc));
	}
}

void
ctl_attach_retry(struct ctl *ctl)
{
	struct ctl_client *client;

	TAILQ_FOREACH(client, &ctl->clients, entry)
	if (client->state == CTL_CLIENT_PENDING)
		client_try(ctl, client);
	os_bell_ring(ctl->bell_fd);
}

void
ctl_attach_drop(struct ctl *ctl, const char *name)
{
	struct ctl_client *client = channel_owner(ctl, name);

	if (client != NULL && lanes_count(ctl, name) == -ENOENT)
		client->state = CTL_CLIENT_GONE;
	os_bell_ring(ctl->bell_fd);
}

static int
describe_send(struct ctl *ctl, struct ctl_client *client, const struct ctl_engine *engine,
	const struct ctl_channel *ch)
{
	static const char *const actions[] = {"SAMPLE", "COPY", "DROP"};
	const struct ctl_client *owner = channel_owner(ctl, ch->name);
	struct chan_reply rep = {.busy_pid = owner != NULL ? (uint32_t)owner->pid : 0};

	info_fill(&rep, engine);
	snprintf(rep.name, sizeof(rep.name), "%s", ch->name);
	snprintf(rep.text, sizeof(rep.text), "Host PACF engine %s, %s", engine->name,
		actions[ch->action]);
	return chan_send_reply(client->sock, &rep, NULL, 0);
}

/* A name that several engines have is listed once, by the first. */
static bool
listed_before(const struct ctl *ctl, const struct ctl_engine *until, const char *name)
{
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;

	FOREACH_CHANNEL(ctl, engine, ch, i, name)
	return engine != until;
	return false;
}

/* The channels that follow the first client->listed, as many as its socket takes. */
static int
list_send(struct ctl *ctl, struct ctl_client *client)
{
	struct chan_reply end = {.status = -ENODATA};
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;
	uint32_t n = 0;
	int rc;

	FOREACH_CHANNEL(ctl, engine, ch, i, NULL)
	{
		if (listed_before(ctl, engine, ch->name) || n++ < client->listed)
			continue;
		rc = describe_send(ctl, client, engine, ch);
		if (rc < 0)
			return rc;
		client->listed++;
	}
	return chan_send_reply(client->sock, &end, NULL, 0);
}

/* There can be more channels than a socket holds: the server calls again when there is room. */
static void
serve_list(struct ctl *ctl, struct ctl_client *client)
{
	client->state =
		list_send(ctl, client) == -EAGAIN ? CTL_CLIENT_LISTING : CTL_CLIENT_GONE;
}

static void
serve_query(struct ctl *ctl, struct ctl_client *client)
{
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;

	FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	{
		describe_send(ctl, client, engine, ch);
		client->state = CTL_CLIENT_GONE;
		return;
	}
	refuse_unknown(ctl, client);
}

static void
serve_attach(struct ctl *ctl, struct ctl_client *client)
{
	const struct ctl_client *owner = channel_owner(ctl, client->channel);

	if (owner != NULL) {
		refuse_busy(client, owner);
		return;
	}
	client->state = CTL_CLIENT_PENDING;
	client_try(ctl, client);
}

static void
client_serve(struct ctl *ctl, struct ctl_client *client)
{
	struct chan_request req;
	int rc = chan_recv_request(client->sock, &req);

	if (rc == -EPROTONOSUPPORT) {
		reply_fail(client, rc,
			"the daemon speaks another version of the attach protocol; use the "
			"libpacf that came with it");
		return;
	}
	if (rc < 0 || memchr(req.name, '\0', sizeof(req.name)) == NULL) {
		client->state = CTL_CLIENT_GONE;
		return;
	}
	memcpy(client->channel, req.name, sizeof(client->channel));
	if (req.op == CHAN_OP_ATTACH)
		serve_attach(ctl, client);
	else if (req.op == CHAN_OP_LIST)
		serve_list(ctl, client);
	else if (req.op == CHAN_OP_QUERY)
		serve_query(ctl, client);
	else
		reply_fail(client, -EPROTO, "unknown request");
}

void
ctl_client_event(struct ctl *ctl, struct ctl_client *client)
{
	if (client->state == CTL_CLIENT_NEW)
		client_serve(ctl, client);
	else if (client->state == CTL_CLIENT_LISTING)
		serve_list(ctl, client);
	else if (client->state == CTL_CLIENT_ATTACHED)
		client_detach(ctl, client);
	else
		client->state = CTL_CLIENT_GONE;
}

/* A lane whose cursor lied: its application is sent away. */
void
ctl_liars_detach(struct ctl *ctl)
{
	struct ctl_engine *engine;
	struct ctl_channel *ch;

	FOREACH_CHANNEL(ctl, engine, ch, i, NULL)
	if (ch->lane != NULL && ch->client != NULL &&
		atomic_load_explicit(&ch->lane->lied, memory_order_acquire))
		client_detach(ctl, ch->client);
}
