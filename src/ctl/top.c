/*
 * ctl/top: which flows fill channels, as the engine counted them (dp/top.h).  Called by the
 * shell; takes ctl->lock.
 */
#include "flow.h"
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
show_flow(const struct ctl_engine *engine, const struct dp_top_view *view, uint64_t i,
	const struct ctl_visitor *v)
{
	const struct dp_top_counter *c = &view->flows[i].counter;
	const struct dp_top_header *h = &view->flows[i].header;
	struct pkt_flow flow;

	memset(&flow, 0, sizeof(flow));
	if (h->link < engine->dp->nlinks)
		pkt_parse(h->data, h->len, engine->dp->links[h->link].link, &engine->dp->conf,
			&flow);
	v->open(v->arg, NULL);
	ctl_flow_show(&flow, v);
	v->num(v->arg, "pkts", c->pkts);
	v->num(v->arg, "error_pkts", c->error_pkts);
	v->num(v->arg, "bytes", c->bytes);
	v->real(v->arg, "share", view->pkts > 0 ? (double)c->pkts / (double)view->pkts : 0);
	v->close(v->arg);
}

/* A view that could not be had in one piece is left empty: the next call gets it. */
static void
show_channel(const struct ctl_engine *engine, const struct ctl_channel *ch, uint32_t n,
	struct dp_top_view *view, const struct ctl_visitor *v)
{
	if (ch->sink->top == NULL || !dp_top_read(&ch->sink->top->shared, view))
		memset(view, 0, sizeof(*view));
	v->open(v->arg, NULL);
	v->str(v->arg, "channel", ch->spelled);
	v->num(v->arg, "pkts", view->pkts);
	v->num(v->arg, "bytes", view->bytes);
	v->num(v->arg, "bound_pkts", view->bound_pkts);
	v->open(v->arg, "flows");
	for (uint64_t i = 0; i < view->nflows && i < n; i++)
		show_flow(engine, view, i, v);
	v->close(v->arg);
	v->close(v->arg);
}

static bool
wanted(const struct ctl_channel *ch, const char *spelled)
{
	return ch != NULL && !ch->closing && ch->action != CTL_DROP &&
	       (spelled == NULL || strcmp(ch->spelled, spelled) == 0);
}

static int
show_engine(const struct ctl_engine *engine, const char *channel, uint32_t n,
	const struct ctl_visitor *v, struct ctl_err *err)
{
	struct ctl_channel like = {0};
	struct dp_top_view *view;
	uint32_t found = 0;
	int rc = channel != NULL ? ctl_channel_parse(&like, channel, err) : 0;

	if (rc < 0)
		return rc;
	view = malloc(sizeof(*view));
	if (view == NULL)
		return ctl_fail(
			err, -ENOMEM, "out of memory for the flows of \"%s\"", engine->name);
	v->open(v->arg, NULL);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (wanted(engine->channels[i], channel != NULL ? like.spelled : NULL)) {
			show_channel(engine, engine->channels[i], n, view, v);
			found++;
		}
	v->close(v->arg);
	free(view);
	if (channel != NULL && found == 0)
		return ctl_fail(err, -ENOENT,
			"engine \"%s\" has no channel \"%s\" that packets go to", engine->name,
			like.spelled);
	return 0;
}

int
ctl_top(struct ctl *ctl, const char *name, const char *channel, uint32_t n,
	const struct ctl_visitor *v, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = -ENOENT;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL)
		rc = show_engine(engine, channel, n, v, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}
