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

static bool
forbidden(const struct ctl *ctl, const struct ctl_channel *ch, const struct ctl_client *client)
{
	return !ctl_access_allows(ctl, ch, client);
}

/* All engines' channels of that name have the same access.  True: refused. */
static bool
refuse_forbidden(struct ctl *ctl, struct ctl_client *client)
{
	char text[CHAN_TEXT_MAX];
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	if (forbidden(ctl, ch, client)) {
		ctl_access_sentence(ctl, ch, client, text, sizeof(text));
		reply_fail(client, -EACCES, text);
		return true;
	}
	return false;
}

/* "no channel "eth3}9"; there is eth3}0, eth3}1": those that it may have */
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
	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, NULL)
	{
		if (forbidden(ctl, ch, client))
			continue;
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

/* A pending application gets its lanes if all its engines run. */
static void
client_try(struct ctl *ctl, struct ctl_client *client)
{
	struct chan_reply rep = {0};
	struct ctl_engine *engine;
	struct ctl_channel *ch;
	struct ctl_err err;
	int n = ctl_lanes_count(ctl, client->channel), rc;

	if (n == -EAGAIN)
		return;
	if (refuse_forbidden(ctl, client)) /* it may be another channel of that name */
		return;
	if (n == -ENOENT) {
		refuse_unknown(ctl, client);
		return;
	}
	rep.lanes = (uint32_t)n;
	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
	ctl_reply_fill(&rep, engine, ch);
	snprintf(rep.name, sizeof(rep.name), "%s", client->channel);
	client->bell_fd = os_bell_create();
	rc = client->bell_fd < 0 ? client->bell_fd
				 : chan_send_reply(client->sock, &rep, &client->bell_fd, 1);
	client->state = CTL_CLIENT_ATTACHED;
	if (rc == 0)
		rc = ctl_lanes_open(ctl, client);
	if (rc < 0) {
		ctl_client_detach(ctl, client);
		CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
		(void)ctl_plan_publish(engine, &err); /* no memory: the next plan knows */
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
	else if (client->state == CTL_CLIENT_ATTACHED)
		(void)ctl_lanes_open(ctl, client); /* what fails is tried again next time */
	os_bell_ring(ctl->bell_fd);
}

static int
describe_send(struct ctl *ctl, struct ctl_client *client, const struct ctl_engine *engine,
	const struct ctl_channel *ch)
{
	static const char *const actions[] = {"SAMPLE", "COPY", "DROP"};
	const struct ctl_client *owner = channel_owner(ctl, ch->name);
	struct chan_reply rep = {.busy_pid = owner != NULL ? (uint32_t)owner->pid : 0};

	ctl_reply_fill(&rep, engine, ch);
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

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, name)
	return engine != until;
	return false;
}

/* The channels that it may have and that follow the first client->listed, as many as its socket
 * takes. */
static int
list_send(struct ctl *ctl, struct ctl_client *client)
{
	struct chan_reply end = {.status = -ENODATA};
	const struct ctl_engine *engine;
	const struct ctl_channel *ch;
	uint32_t n = 0;
	int rc;

	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, NULL)
	{
		if (forbidden(ctl, ch, client) || listed_before(ctl, engine, ch->name) ||
			n++ < client->listed)
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

	if (refuse_forbidden(ctl, client))
		return;
	CTL_FOREACH_CHANNEL(ctl, engine, ch, i, client->channel)
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

	if (refuse_forbidden(ctl, client))
		return;
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
ctl_client_refuse(struct ctl_client *client, int status, const char *text)
{
	reply_fail(client, status, text);
}

void
ctl_client_event(struct ctl *ctl, struct ctl_client *client)
{
	if (client->state == CTL_CLIENT_NEW)
		client_serve(ctl, client);
	else if (client->state == CTL_CLIENT_LISTING)
		serve_list(ctl, client);
	else
		ctl_client_detach(ctl, client);
}
