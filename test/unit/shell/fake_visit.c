/*
 * fake_visit: what there is to see of the double behind the shell's tests.
 */
#include "fake_ctl.h"

uint64_t
ctl_started_ns(const struct ctl *ctl)
{
	(void)ctl;
	return UINT64_C(1700000000123000000);
}

int
ctl_doctor(const char *ifname, const struct ctl_visitor *v, struct ctl_err *err)
{
	if (ifname != NULL && strcmp(ifname, "eth3") != 0)
		return fake_fail(
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

	if (args->engine != NULL && fake_find(ctl, args->engine, err) == NULL)
		return -ENOENT;
	if (args->packet > 2)
		return fake_fail(err, -ENOENT, "\"%s\" has no packet %llu", args->file,
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
		e = fake_find(ctl, engine, err);
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
	e = engine != NULL ? fake_find(ctl, engine, &ignored) : NULL;
	if (e == NULL)
		return;
	for (int i = 0; i < (kind == CTL_LINKS ? e->nlinks : e->nchannels); i++)
		fn(arg, kind == CTL_LINKS ? e->links[i].name : e->channels[i].name);
}

/* Two channels, as large as asked for; the second has the flow of a fragment. */
int
ctl_top(struct ctl *ctl, const char *engine, const char *channel, uint32_t n,
	const struct ctl_visitor *v, struct ctl_err *err)
{
	(void)ctl;
	if (channel != NULL && strcmp(channel, "pacf:eth3{0") != 0)
		return fake_fail(
			err, -ENOENT, "engine \"%s\" has no channel \"%s\"", engine, channel);
	v->open(v->arg, NULL);
	v->open(v->arg, NULL);
	v->str(v->arg, "channel", "pacf:eth3{0");
	v->num(v->arg, "pkts", 1234567);
	v->num(v->arg, "bytes", 1000000000);
	v->num(v->arg, "bound_pkts", 4321);
	v->open(v->arg, "flows");
	for (uint32_t i = 0; i < n && i < 2; i++) {
		v->open(v->arg, NULL);
		v->str(v->arg, "family", "ipv6");
		v->str(v->arg, "src", "2001:db8::1");
		v->str(v->arg, "dst", "2001:db8::2");
		v->num(v->arg, "sport", 1024 + i);
		v->num(v->arg, "dport", 443);
		v->num(v->arg, "proto", 6);
		v->str(v->arg, "protocol", "tcp");
		v->num(v->arg, "pkts", 1000 - i);
		v->num(v->arg, "error_pkts", i * 100);
		v->num(v->arg, "bytes", 64000);
		v->real(v->arg, "share", 0.25);
		v->close(v->arg);
	}
	v->close(v->arg);
	v->close(v->arg);
	v->close(v->arg);
	return 0;
}
