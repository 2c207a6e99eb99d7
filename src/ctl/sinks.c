/*
 * ctl/sinks: sinks of channels over their life: opened when their engine starts, or with their
 * channel, closed when the engine is done with them.  Called by channel.c and run.c under
 * ctl->lock.
 */
#include "state.h"

#include <string.h>

#define RECORD_WAITS_BYTES (4u << 20) /* what is not lost need not be kept for long */
#define RECORD_DROPS_BYTES (32u << 20)

static struct io_record_cfg
sink_record(const struct ctl_engine *engine, const struct ctl_channel *ch)
{
	struct io_record_cfg record = ch->record;

	record.live = engine->ops->live;
	if (record.buffer_bytes == 0)
		record.buffer_bytes = ctl_policy_waits(engine, ch->when_full)
					      ? RECORD_WAITS_BYTES
					      : RECORD_DROPS_BYTES;
	return record;
}

int
ctl_sink_open(struct ctl_engine *engine, struct ctl_channel *ch, struct ctl_err *err)
{
	const struct io_source_info *info = &engine->links[0].info;
	struct io_sink_cfg cfg = {.path = ch->name,
		.dlt = info->dlt,
		.snaplen = info->snaplen,
		.ts_digits = info->ts_digits,
		.cut = ch->snaplen,
		.slots = ch->slots,
		.keep_newest = ch->keep_newest,
		.pool = &engine->dp->pool,
		.bell_fd = engine->dp->bell_fd,
		.record = sink_record(engine, ch)};
	struct io_err io_err;
	int rc;

	if (ch->sink->ops == NULL || ch->sink_open)
		return 0;
	rc = ctl_privileges_channel(engine, ch, err);
	if (rc < 0)
		return rc;
	rc = ch->sink->ops->open(ch->sink->priv, &cfg, &io_err);
	if (rc < 0)
		return ctl_fail(err, rc, "%s", io_err.text);
	ch->sink_open = true;
	ctl_sink_tend(engine, ch, false);
	return ch->sink->ops->tend != NULL ? ctl_tend_up(engine->ctl, true, err) : 0;
}

void
ctl_sink_close(const struct ctl_engine *engine, struct ctl_channel *ch)
{
	if (!ch->sink_open)
		return;
	if (engine != NULL)
		ctl_sink_tend(engine, ch, true);
	ch->sink->own.unread_pkts += ch->sink->ops->close(ch->sink->priv);
	ch->sink->own.waiting_pkts = 0;
	memset(ch->sink->priv, 0, ch->sink->ops->priv_bytes);
	ch->sink_open = false;
}

int
ctl_sinks_open(struct ctl_engine *engine, struct ctl_err *err)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		int rc = engine->channels[i] != NULL
				 ? ctl_sink_open(engine, engine->channels[i], err)
				 : 0;

		if (rc < 0) {
			ctl_sinks_close(engine);
			return rc;
		}
	}
	return 0;
}

void
ctl_sinks_close(struct ctl_engine *engine)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			ctl_sink_close(engine, engine->channels[i]);
}
