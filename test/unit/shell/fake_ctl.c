/*
 * fake_ctl: the commands of the double behind the shell's tests.  What a link is called decides
 * what waiting does: "endless" never ends, "slow" takes half a second, "broken" fails, all
 * others have ended.
 */
#include "fake_ctl.h"
#include "guard.h"

#include <stdarg.h>
#include <stdlib.h>

#define TICK_NS 50000000u

int
fake_fail(struct ctl_err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return rc;
}

struct engine *
fake_find(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	for (int i = 0; i < ctl->n; i++) {
		if (strcmp(ctl->engines[i].name, name) == 0)
			return &ctl->engines[i];
	}
	fake_fail(err, -ENOENT, "there is no engine \"%s\"", name);
	return NULL;
}

static int
find_item(const struct item *items, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(items[i].name, name) == 0)
			return i;
	}
	return -1;
}

int
ctl_open(struct ctl **out, struct ctl_err *err)
{
	(void)err;
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void
ctl_close(struct ctl *ctl)
{
	/* So that a test sees that the end was a clean one. */
	if (getenv("FAKE_CTL_SAYS_CLOSED") != NULL)
		fputs("ctl closed\n", stderr);
	free(ctl);
}

static int
show_tunnels(const struct ctl_engine_args *args, struct ctl_err *err)
{
	fake_fail(err, -EINVAL, "%s", args->tunnels ? args->tunnels : "-");
	for (uint32_t i = 0; i < args->nudp_tunnels; i++) {
		size_t used = strlen(err->text);

		snprintf(err->text + used, sizeof(err->text) - used, " %s",
			args->udp_tunnels[i].name);
		for (uint32_t k = 0; k < args->udp_tunnels[i].nports; k++) {
			used = strlen(err->text);
			snprintf(err->text + used, sizeof(err->text) - used, ":%u",
				args->udp_tunnels[i].ports[k]);
		}
	}
	return -EINVAL;
}

int
ctl_engine_new(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	struct engine *e;
	struct ctl_err ignored;

	if (strcmp(args->name, "show") == 0)
		return show_tunnels(args, err);
	if (strcmp(args->type, "pcap") != 0 && strcmp(args->type, "auto") != 0)
		return fake_fail(
			err, -EINVAL, "engine type \"%s\" is not known; use pcap", args->type);
	if (ctl->n == MAX || fake_find(ctl, args->name, &ignored) != NULL)
		return fake_fail(err, -EEXIST, "engine \"%s\" exists already", args->name);
	e = &ctl->engines[ctl->n++];
	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", args->name);
	snprintf(e->type, sizeof(e->type), "%s", args->type);
	e->cpu = args->cpu;
	return 0;
}

int
ctl_engine_delete(struct ctl *ctl, const char *engine, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	*e = ctl->engines[--ctl->n];
	return 0;
}

int
ctl_engine_start(struct ctl *ctl, const char *engine, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	e->running = true;
	return 0;
}

int
ctl_engine_stop(struct ctl *ctl, const char *engine, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	e->running = false;
	return 0;
}

int
ctl_link(struct ctl *ctl, const struct ctl_link_args *args, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, args->engine, err);

	if (e == NULL)
		return -ENOENT;
	if (strcmp(args->ifname, "show") == 0)
		return fake_fail(err, -EINVAL,
			"batch %u qid %d speed %g loop %llu offline %d%s", args->batch,
			args->qid, args->speed, (unsigned long long)args->loop,
			args->offline_args, args->live_args ? " live" : "");
	snprintf(e->links[e->nlinks].name, NAME, "%s", args->ifname);
	e->links[e->nlinks++].received = 1234567;
	return 0;
}

int
ctl_unlink(struct ctl *ctl, const char *engine, const char *ifname, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);
	int at;

	if (e == NULL)
		return -ENOENT;
	at = find_item(e->links, e->nlinks, ifname);
	if (at < 0)
		return fake_fail(
			err, -ENOENT, "engine \"%s\" has no link \"%s\"", engine, ifname);
	e->links[at] = e->links[--e->nlinks];
	return 0;
}

int
ctl_channel_open(struct ctl *ctl, const struct ctl_channel_args *args, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, args->engine, err);
	struct item *c;

	if (e == NULL)
		return -ENOENT;
	if (strcmp(args->channel, "record") == 0)
		return fake_fail(err, -EINVAL, "%g %u %u %s %u", args->file_size,
			args->rotate_seconds, args->filecount,
			args->compress ? args->compress : "-", args->buffer);
	if (strcmp(args->channel, "show") == 0)
		return fake_fail(err, -EINVAL, "%s %s %u %s %s %s %u %u %s",
			args->action ? args->action : "-", args->group ? args->group : "-",
			args->size, args->when_full ? args->when_full : "-",
			args->when_detached ? args->when_detached : "-",
			args->filter ? args->filter : "-", args->snaplen, args->sample,
			args->fields ? args->fields : "-");
	c = &e->channels[e->nchannels];
	snprintf(c->name, NAME, "%s", args->channel);
	snprintf(c->action, NAME, "%s", args->action ? args->action : "SAMPLE");
	snprintf(c->group, NAME, "%s", args->group ? args->group : "default");
	snprintf(c->filter, NAME, "%s", args->filter ? args->filter : "");
	c->snaplen = args->snaplen;
	c->sample = args->sample;
	c->received = 1000000 + (uint64_t)e->nchannels;
	c->full = e->nchannels == 1 ? 5000 : 0;
	c->filtered = e->nchannels == 3 ? 200000 : 0;
	c->unsampled = e->nchannels == 3 ? 3000 : 0;
	e->nchannels++;
	return 0;
}

int
ctl_channel_close(struct ctl *ctl, const char *engine, const char *channel, struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);
	int at;

	if (e == NULL)
		return -ENOENT;
	at = find_item(e->channels, e->nchannels, channel);
	if (at < 0)
		return fake_fail(
			err, -ENOENT, "engine \"%s\" has no channel \"%s\"", engine, channel);
	e->channels[at] = e->channels[--e->nchannels];
	return 0;
}

int
ctl_rotate(struct ctl *ctl, const char *engine, const char *channel, struct ctl_err *err)
{
	if (engine != NULL && fake_find(ctl, engine, err) == NULL)
		return -ENOENT;
	if (channel != NULL && strcmp(channel, "show") == 0)
		return fake_fail(err, -EINVAL, "rotate %s %s", engine ? engine : "-", channel);
	return 0;
}

int
ctl_wait(struct ctl *ctl, const char *engine, double timeout_s, const struct ctl_waiter *waiter,
	struct ctl_err *err)
{
	struct engine *e = fake_find(ctl, engine, err);
	struct ctl_progress p = {0, 1000, 0};
	int ticks;

	if (e == NULL)
		return -ENOENT;
	if (find_item(e->links, e->nlinks, "broken") >= 0)
		return fake_fail(err, -EIO, "broken: the file ends inside packet 7");
	ticks = find_item(e->links, e->nlinks, "endless") >= 0 ? 1 << 20
		: find_item(e->links, e->nlinks, "slow") >= 0  ? 10
							       : 0;
	for (int i = 0; i < ticks; i++) {
		if (timeout_s >= 0 && i * 0.05 >= timeout_s)
			return -ETIMEDOUT;
		if (ctl_breaker_wait(waiter->breaker, TICK_NS) < 0)
			return fake_fail(err, -EINTR, "interrupted");
		p.done_bytes = (uint64_t)(i + 1) * 100;
		p.received_pkts = (uint64_t)(i + 1) * 1000;
		if (waiter->progress != NULL)
			waiter->progress(waiter->arg, &p);
	}
	return 0;
}

void
ctl_hash_key(struct ctl *ctl, uint64_t key)
{
	ctl->key = key;
}

void
ctl_recover(void)
{
}

int
ctl_pulse(struct ctl *ctl, struct ctl_pulse *out)
{
	memset(out, 0, sizeof(*out));
	return 0;
}

int
ctl_access(struct ctl *ctl, const char *group, const char *mode, struct ctl_err *err)
{
	(void)ctl;
	return group == NULL || strcmp(group, "none") != 0
		       ? 0
		       : fake_fail(err, -ENOENT, "no group \"none\", mode %s", mode);
}

int
ctl_privileges(
	struct ctl *ctl, const char *const *keep, uint32_t n, int filter, struct ctl_err *err)
{
	(void)ctl;
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(keep[i], "nothing") == 0)
			return fake_fail(err, -EINVAL, "keep %u, filter %d", n, filter);
	return 0;
}

bool
ctl_filtered(struct ctl *ctl)
{
	(void)ctl;
	return getenv("FAKE_CTL_FILTERED") != NULL;
}

int
ctl_confine(struct ctl *ctl, const char *user, struct ctl_err *err)
{
	(void)ctl;
	return user == NULL ? 0 : fake_fail(err, -ENOENT, "no user \"%s\"", user);
}
