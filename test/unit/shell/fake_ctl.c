/*
 * fake_ctl: a control plane without engines, the double behind the shell's tests.  It remembers
 * names and arguments, and its figures are made up but add up.  What a link is called decides
 * what waiting does: "endless" never ends, "slow" takes half a second, "broken" fails, all
 * others have ended.
 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX  16
#define NAME 96

struct item {
	char name[NAME], action[NAME], group[NAME], filter[NAME];
	uint32_t snaplen, sample;
	uint64_t received, full, filtered, unsampled;
};
struct engine {
	char name[NAME], type[NAME];
	int cpu, nlinks, nchannels;
	bool running;
	struct item links[MAX], channels[MAX];
};
struct ctl {
	struct engine engines[MAX];
	int n;
	uint64_t key;
	atomic_bool interrupted;
};

__attribute__((format(printf, 3, 4))) static int
fail(struct ctl_err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return rc;
}

static struct engine *
find(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	for (int i = 0; i < ctl->n; i++) {
		if (strcmp(ctl->engines[i].name, name) == 0)
			return &ctl->engines[i];
	}
	fail(err, -ENOENT, "there is no engine \"%s\"", name);
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
	fail(err, -EINVAL, "%s", args->tunnels ? args->tunnels : "-");
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
	if (strcmp(args->type, "pcap") != 0)
		return fail(
			err, -EINVAL, "engine type \"%s\" is not known; use pcap", args->type);
	if (ctl->n == MAX || find(ctl, args->name, &ignored) != NULL)
		return fail(err, -EEXIST, "engine \"%s\" exists already", args->name);
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
	struct engine *e = find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	*e = ctl->engines[--ctl->n];
	return 0;
}

int
ctl_engine_start(struct ctl *ctl, const char *engine, struct ctl_err *err)
{
	struct engine *e = find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	e->running = true;
	return 0;
}

int
ctl_engine_stop(struct ctl *ctl, const char *engine, struct ctl_err *err)
{
	struct engine *e = find(ctl, engine, err);

	if (e == NULL)
		return -ENOENT;
	e->running = false;
	return 0;
}

int
ctl_link(struct ctl *ctl, const struct ctl_link_args *args, struct ctl_err *err)
{
	struct engine *e = find(ctl, args->engine, err);

	if (e == NULL)
		return -ENOENT;
	if (strcmp(args->ifname, "show") == 0)
		return fail(err, -EINVAL, "batch %u qid %d speed %g loop %llu offline %d",
			args->batch, args->qid, args->speed, (unsigned long long)args->loop,
			args->offline_args);
	snprintf(e->links[e->nlinks].name, NAME, "%s", args->ifname);
	e->links[e->nlinks++].received = 1234567;
	return 0;
}

int
ctl_unlink(struct ctl *ctl, const char *engine, const char *ifname, struct ctl_err *err)
{
	struct engine *e = find(ctl, engine, err);
	int at;

	if (e == NULL)
		return -ENOENT;
	at = find_item(e->links, e->nlinks, ifname);
	if (at < 0)
		return fail(err, -ENOENT, "engine \"%s\" has no link \"%s\"", engine, ifname);
	e->links[at] = e->links[--e->nlinks];
	return 0;
}

int
ctl_channel_open(struct ctl *ctl, const struct ctl_channel_args *args, struct ctl_err *err)
{
	struct engine *e = find(ctl, args->engine, err);
	struct item *c;

	if (e == NULL)
		return -ENOENT;
	if (strcmp(args->channel, "show") == 0)
		return fail(err, -EINVAL, "%s %s %u %s %s %s %u %u %s",
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
	struct engine *e = find(ctl, engine, err);
	int at;

	if (e == NULL)
		return -ENOENT;
	at = find_item(e->channels, e->nchannels, channel);
	if (at < 0)
		return fail(
			err, -ENOENT, "engine \"%s\" has no channel \"%s\"", engine, channel);
	e->channels[at] = e->channels[--e->nchannels];
	return 0;
}

static void
tick(void)
{
	const struct timespec ts = {0, 50 * 1000 * 1000};

	nanosleep(&ts, NULL);
}

int
ctl_wait(struct ctl *ctl, const char *engine, double timeout_s,
	void (*progress)(void *arg, const struct ctl_progress *p), void *arg,
	struct ctl_err *err)
{
	struct engine *e = find(ctl, engine, err);
	struct ctl_progress p = {0, 1000, 0};
	int ticks;

	if (e == NULL)
		return -ENOENT;
	if (find_item(e->links, e->nlinks, "broken") >= 0)
		return fail(err, -EIO, "broken: the file ends inside packet 7");
	ticks = find_item(e->links, e->nlinks, "endless") >= 0 ? 1 << 20
		: find_item(e->links, e->nlinks, "slow") >= 0  ? 10
							       : 0;
	for (int i = 0; i < ticks; i++) {
		if (timeout_s >= 0 && i * 0.05 >= timeout_s)
			return -ETIMEDOUT;
		tick();
		if (atomic_exchange(&ctl->interrupted, false))
			return fail(err, -EINTR, "interrupted");
		p.done_bytes = (uint64_t)(i + 1) * 100;
		p.received_pkts = (uint64_t)(i + 1) * 1000;
		if (progress != NULL)
			progress(arg, &p);
	}
	return 0;
}

int
ctl_sleep(struct ctl *ctl, double seconds)
{
	for (double left = seconds; left > 0; left -= 0.05) {
		tick();
		if (atomic_exchange(&ctl->interrupted, false))
			return -EINTR;
	}
	return 0;
}

void
ctl_interrupt(struct ctl *ctl)
{
	atomic_store(&ctl->interrupted, true);
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
ctl_doctor(const char *ifname, const struct ctl_visitor *v, struct ctl_err *err)
{
	if (ifname != NULL && strcmp(ifname, "eth3") != 0)
		return fail(
			err, -ENODEV, "there is no interface \"%s\"; there are eth3", ifname);
	v->open(v->arg, NULL);
	if (ifname == NULL) {
		v->open(v->arg, "interfaces");
		v->open(v->arg, NULL);
	}
	v->str(v->arg, "ifname", "eth3");
	v->num(v->arg, "up", 1);
	v->num(v->arg, "carrier", 1);
	v->num(v->arg, "mtu", 1500);
	v->num(v->arg, "rx_queues", 1);
	v->str(v->arg, "packets", "ethernet");
	v->open(v->arg, "engines");
	v->open(v->arg, NULL);
	v->str(v->arg, "type", "afpacket");
	v->num(v->arg, "usable", 1);
	v->close(v->arg);
	v->close(v->arg);
	if (ifname == NULL) {
		v->close(v->arg);
		v->close(v->arg);
	}
	v->open(v->arg, "host");
	v->num(v->arg, "cpus", 2);
	v->close(v->arg);
	v->close(v->arg);
	return 0;
}

int
ctl_explain(struct ctl *ctl, const struct ctl_explain_args *args, const struct ctl_visitor *v,
	struct ctl_err *err)
{
	static const char *const strings[][2] = {{"tunnels", "inner"}, {"hashed", "ipv4"},
		{"reason", "ok"}, {"why", "made up"}, {"digest", "00000000000000ff"}};

	if (args->engine != NULL && find(ctl, args->engine, err) == NULL)
		return -ENOENT;
	if (args->packet > 2)
		return fail(err, -ENOENT, "\"%s\" has no packet %llu", args->file,
			(unsigned long long)args->packet);
	for (uint64_t i = 1; i <= 2; i++) {
		if (args->packet != 0 && args->packet != i)
			continue;
		v->open(v->arg, NULL);
		v->num(v->arg, "number", i);
		v->num(v->arg, "length", 60);
		v->num(v->arg, "wirelen", 100);
		for (int k = 0; k < 5; k++)
			v->str(v->arg, strings[k][0], strings[k][1]);
		v->open(v->arg, "layers");
		v->open(v->arg, NULL);
		v->str(v->arg, "layer", "ipv4");
		v->num(v->arg, "offset", 14);
		v->close(v->arg);
		v->close(v->arg);
		v->open(v->arg, "key");
		v->str(v->arg, "family", "ipv4");
		v->str(v->arg, "src", "10.0.0.1");
		v->str(v->arg, "dst", "10.0.0.2");
		v->num(v->arg, "proto", 6);
		v->num(v->arg, "sport", 1);
		v->num(v->arg, "dport", 2);
		v->close(v->arg);
		v->open(v->arg, "copies");
		v->close(v->arg);
		v->open(v->arg, "groups");
		v->open(v->arg, NULL);
		v->str(v->arg, "group", "default");
		v->str(v->arg, "fields", "5tuple");
		v->str(v->arg, "digest", "00000000000000ff");
		v->num(v->arg, "bucket", 7);
		v->close(v->arg);
		v->close(v->arg);
		v->close(v->arg);
	}
	return 0;
}

static void
visit_channel(const struct item *c, int at, const struct ctl_visitor *v)
{
	v->open(v->arg, NULL);
	v->str(v->arg, "channel", c->name);
	v->str(v->arg, "action", c->action);
	v->str(v->arg, "group", c->group);
	v->num(v->arg, "pid", at == 0 ? 4711 : 0);
	v->str(v->arg, "program", at == 0 ? "tcpdump" : "");
	if (c->filter[0] != '\0')
		v->str(v->arg, "filter", c->filter);
	if (c->snaplen != 0)
		v->num(v->arg, "snaplen", c->snaplen);
	if (c->sample != 0)
		v->num(v->arg, "sample", c->sample);
	v->num(v->arg, "received_pkts", c->received);
	v->num(v->arg, "received_bytes", (c->received - 800000) * (at == 2 ? 300 : 100));
	v->num(v->arg, "delivered_pkts", c->received - c->full - c->filtered - c->unsampled);
	v->num(v->arg, "filtered_pkts", c->filtered);
	v->num(v->arg, "unsampled_pkts", c->unsampled);
	v->num(v->arg, "drop_ring_full_pkts", c->full);
	v->num(v->arg, "drop_no_consumer_pkts", 0);
	v->num(v->arg, "drop_sink_error_pkts", 0);
	v->num(v->arg, "drop_large_full_pkts", 0);
	v->num(v->arg, "unread_pkts", 0);
	v->num(v->arg, "waiting", 3);
	v->close(v->arg);
}

static void
visit_lists(const struct engine *e, const struct ctl_visitor *v)
{
	uint64_t sampled = 0;

	v->open(v->arg, "links");
	for (int i = 0; i < e->nlinks; i++) {
		v->open(v->arg, NULL);
		v->str(v->arg, "ifname", e->links[i].name);
		v->str(v->arg, "state", e->running ? "reading" : "idle");
		v->num(v->arg, "received_pkts", e->links[i].received);
		v->num(v->arg, "received_bytes", e->links[i].received * 100);
		v->num(v->arg, "source_drop_pkts", 0);
		v->num(v->arg, "oversize_pkts", 2);
		v->real(v->arg, "rate_pps", 1234.5);
		v->close(v->arg);
	}
	v->close(v->arg);
	v->open(v->arg, "channels");
	for (int i = 0; i < e->nchannels; i++) {
		visit_channel(&e->channels[i], i, v);
		if (strcmp(e->channels[i].action, "SAMPLE") == 0)
			sampled += e->channels[i].received;
	}
	v->close(v->arg);
	v->open(v->arg, "groups");
	v->open(v->arg, NULL);
	v->str(v->arg, "group", "default");
	v->str(v->arg, "fields", "5tuple");
	v->num(v->arg, "received_pkts", sampled);
	v->close(v->arg);
	v->close(v->arg);
}

static void
visit_engine(const struct engine *e, const char *key, const struct ctl_visitor *v)
{
	v->open(v->arg, key);
	v->str(v->arg, "name", e->name);
	v->str(v->arg, "type", e->type);
	v->str(v->arg, "state", e->running ? "running" : "stopped");
	if (e->cpu >= 0)
		v->num(v->arg, "cpu", (uint64_t)e->cpu);
	v->real(v->arg, "uptime_s", 3.25);
	v->open(v->arg, "counters");
	v->num(v->arg, "received_pkts", 1234567);
	v->num(v->arg, "distributed_pkts", 1234500);
	v->num(v->arg, "drop_rule_pkts", 60);
	v->num(v->arg, "drop_no_channel_pkts", 7);
	v->num(v->arg, "frag_first_pkts", 270);
	v->num(v->arg, "frag_followed_pkts", 560);
	v->num(v->arg, "frag_held_pkts", 30);
	v->num(v->arg, "frag_orphan_pkts", 7);
	v->num(v->arg, "frag_forgotten_pkts", 0);
	v->close(v->arg);
	v->open(v->arg, "reasons");
	v->num(v->arg, "ok", 1233730);
	v->num(v->arg, "first_fragment", 270);
	v->num(v->arg, "fragment", 567);
	v->num(v->arg, "non-ip", 0);
	v->close(v->arg);
	visit_lists(e, v);
	v->close(v->arg);
}

int
ctl_visit(struct ctl *ctl, const char *engine, const struct ctl_visitor *v, struct ctl_err *err)
{
	struct engine *e;

	if (engine != NULL) {
		e = find(ctl, engine, err);
		if (e == NULL)
			return -ENOENT;
		visit_engine(e, NULL, v);
		return 0;
	}
	v->open(v->arg, NULL);
	for (int i = 0; i < ctl->n; i++)
		visit_engine(&ctl->engines[i], ctl->engines[i].name, v);
	v->close(v->arg);
	return 0;
}

void
ctl_names(struct ctl *ctl, enum ctl_kind kind, const char *engine,
	void (*fn)(void *arg, const char *name), void *arg)
{
	struct ctl_err ignored;
	struct engine *e;

	if (kind == CTL_ENGINES) {
		for (int i = 0; i < ctl->n; i++)
			fn(arg, ctl->engines[i].name);
		return;
	}
	e = engine != NULL ? find(ctl, engine, &ignored) : NULL;
	if (e == NULL)
		return;
	for (int i = 0; i < (kind == CTL_LINKS ? e->nlinks : e->nchannels); i++)
		fn(arg, kind == CTL_LINKS ? e->links[i].name : e->channels[i].name);
}
