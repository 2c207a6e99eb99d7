/*
 * See double.h.
 */
#include "double.h"

#include <stdio.h>

unsigned double_engines = 1;

uint64_t
double_value(enum ctl_scope scope, uint32_t i)
{
	return UINT64_C(18446744073709551615) - 1000 * scope - i;
}

uint64_t
ctl_started_ns(const struct ctl *ctl)
{
	(void)ctl;
	return UINT64_C(1700000000123000000);
}

static void
counters(const struct ctl_visitor *v, enum ctl_scope scope)
{
	uint32_t n;
	const struct ctl_counter *all = ctl_counters(&n);

	for (uint32_t i = 0; i < n; i++)
		if (all[i].scope == scope)
			v->num(v->arg, all[i].name, double_value(scope, i));
}

static void
link_and_group(const struct ctl_visitor *v)
{
	v->open(v->arg, "links");
	v->open(v->arg, NULL);
	v->str(v->arg, "ifname", "eth3");
	v->str(v->arg, "state", "down");
	v->str(v->arg, "mode", "zero\n\"copy\"");
	counters(v, CTL_OF_LINK);
	v->close(v->arg);
	v->close(v->arg);
	v->open(v->arg, "groups");
	v->open(v->arg, NULL);
	v->str(v->arg, "group", "default");
	counters(v, CTL_OF_GROUP);
	v->open(v->arg, "closed");
	counters(v, CTL_OF_CHANNEL);
	v->close(v->arg);
	v->close(v->arg);
	v->close(v->arg);
}

int
ctl_visit(struct ctl *ctl, const char *engine, const struct ctl_visitor *v, struct ctl_err *err)
{
	char name[16];

	(void)ctl;
	(void)engine;
	(void)err;
	v->open(v->arg, NULL);
	for (unsigned i = 0; i < double_engines; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		v->open(v->arg, name);
		v->str(v->arg, "type", "pcap");
		v->str(v->arg, "state", "stalled");
		v->real(v->arg, "heartbeat_age_s", 2.5);
		v->open(v->arg, "counters");
		counters(v, CTL_OF_ENGINE);
		v->close(v->arg);
		v->open(v->arg, "reasons");
		v->num(v->arg, "ok", 7);
		v->close(v->arg);
		link_and_group(v);
		v->open(v->arg, "channels");
		v->open(v->arg, NULL);
		v->str(v->arg, "channel", "pacf:\xff\"\\\n\xc3\xa9{0");
		v->str(v->arg, "kind", "pacf");
		v->str(v->arg, "state", "attached");
		v->str(v->arg, "program", "tcpdump");
		v->num(v->arg, "size", 4096);
		v->num(v->arg, "waiting", 12);
		v->num(v->arg, "held", 5);
		counters(v, CTL_OF_CHANNEL);
		v->close(v->arg);
		v->close(v->arg);
		v->close(v->arg);
	}
	v->close(v->arg);
	return 0;
}
