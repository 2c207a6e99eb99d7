/*
 * An engine that reads an interface and gets no packet from it: for what the control plane does
 * with interfaces while links capture.  usage: live fix|report IFNAME [IFNAME ...]: an engine
 * for each, all started.  For each line on standard input it prints a line for each engine:
 * state and note of its link; at the end of input it stops them and exits in good order.
 * usage: live loop IFNAME CHANNEL: the channel is opened before and after the link; prints how
 * each is refused.
 */
#include "netif.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct live {
	char name[OS_NETIF_NAME];
};

static int
live_open(void *priv, const struct io_source_cfg *cfg, struct io_source_info *info,
	struct io_err *err)
{
	struct live *l = priv;

	snprintf(l->name, sizeof(l->name), "%s", cfg->ifname);
	*info = (struct io_source_info){.dlt = 1, .linktype = 1, .snaplen = 65535};
	return 0;
}

static int
live_start(void *priv, struct io_pool *pool, struct io_err *err)
{
	return 0;
}

static int
live_rx(void *priv, struct io_pkt *out, uint32_t n)
{
	return 0;
}

static uint64_t
live_idle(void *priv, struct io_wait *wait)
{
	return UINT64_MAX;
}

static void
live_counters(void *priv, struct io_source_counters *out)
{
	memset(out, 0, sizeof(*out));
}

static void
live_tend(void *priv, struct io_status *out)
{
	struct live *l = priv;
	struct os_netif face;

	out->state = os_netif_read(l->name, &face) < 0 ? IO_GONE : face.up ? IO_UP : IO_DOWN;
}

static void
live_close(void *priv)
{
}

static const struct io_source_ops live_ops = {.name = "live",
	.priv_bytes = sizeof(struct live),
	.live = true,
	.open = live_open,
	.start = live_start,
	.rx = live_rx,
	.idle = live_idle,
	.counters = live_counters,
	.tend = live_tend,
	.close = live_close};

static void
must(int rc, const struct ctl_err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "live: %s\n", err->text);
	exit(1);
}

static void
engine_start(struct ctl *ctl, int i, const char *ifname, bool fix)
{
	char name[16];
	struct ctl_err err;
	struct ctl_engine_args args = {.name = name, .type = "mem", .cpu = -1};
	struct ctl_link_args link = {
		.engine = name, .ifname = ifname, .qid = -1, .fix_offload = fix};

	snprintf(name, sizeof(name), "e%d", i);
	must(ctl_engine_new(ctl, &args, &err), &err);
	ctl_engine_find(ctl, name, &err)->ops = &live_ops;
	must(ctl_link(ctl, &link, &err), &err);
	must(ctl_engine_start(ctl, name, &err), &err);
}

static void
on_table(void *arg, const char *key)
{
}

static void
on_end(void *arg)
{
}

static void
on_str(void *arg, const char *key, const char *value)
{
	if (strcmp(key, "ifname") == 0)
		printf("%s", value);
	else if (strcmp(key, "note") == 0)
		printf(" %s", value);
}

static void
on_num(void *arg, const char *key, uint64_t value)
{
	if (strcmp(key, "linktype") == 0)
		printf("\n");
}

static void
on_real(void *arg, const char *key, double value)
{
}

static void
loop(struct ctl *ctl, const char *ifname, const char *channel)
{
	struct ctl_engine_args args = {.name = "e", .type = "mem", .cpu = -1};
	struct ctl_link_args link = {.engine = "e", .ifname = ifname, .qid = -1};
	struct ctl_channel_args open = {.engine = "e", .channel = channel};
	struct ctl_err err;

	must(ctl_engine_new(ctl, &args, &err), &err);
	ctl_engine_find(ctl, "e", &err)->ops = &live_ops;
	must(ctl_channel_open(ctl, &open, &err), &err);
	must(ctl_link(ctl, &link, &err), &err);
	if (ctl_engine_start(ctl, "e", &err) < 0)
		printf("start: %s\n", err.text);
	must(ctl_channel_close(ctl, "e", channel, &err), &err);
	if (ctl_channel_open(ctl, &open, &err) < 0)
		printf("open: %s\n", err.text);
}

int
main(int argc, char **argv)
{
	const struct ctl_visitor v = {NULL, on_table, on_end, on_str, on_num, on_real};
	struct ctl *ctl;
	struct ctl_err err;
	char line[80];

	ctl_recover();
	must(ctl_open(&ctl, &err), &err);
	if (argc == 4 && strcmp(argv[1], "loop") == 0) {
		loop(ctl, argv[2], argv[3]);
		ctl_close(ctl);
		return 0;
	}
	for (int i = 2; i < argc; i++)
		engine_start(ctl, i, argv[i], strcmp(argv[1], "fix") == 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		must(ctl_visit(ctl, NULL, &v, &err), &err);
		printf("end\n");
		fflush(stdout);
	}
	ctl_close(ctl);
	return 0;
}
