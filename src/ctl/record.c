/*
 * ctl/record: how pcap: channels record: what was asked for, and the end of their files on
 * demand.  Called by channel.c, by shells and by the daemon's signal.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MB_LEAST	0.001
#define FILE_MB_MOST	1e9
#define FILECOUNT_MOST	65536u
#define BUFFER_MIB_MOST 1024u
#define ROTATE_WAIT_NS	UINT64_C(10000000000)
#define ROTATE_POLL_NS	1000000u

/* The first argument that only files have; NULL: none was given. */
static const char *
record_word(const struct ctl_channel_args *args)
{
	return args->file_size != 0	   ? "file_size"
	       : args->rotate_seconds != 0 ? "rotate_seconds"
	       : args->filecount != 0	   ? "filecount"
	       : args->buffer != 0	   ? "buffer"
	       : args->compress != NULL	   ? "compress"
					   : NULL;
}

static int
compress_set(struct ctl_channel *ch, const char *word, struct ctl_err *err)
{
	if (word == NULL || strcasecmp(word, "none") == 0)
		return 0;
	if (strcasecmp(word, "zstd") != 0)
		return ctl_fail(err, -EINVAL, "compress=\"%s\": use one of zstd, none", word);
	if (!io_record_zstd())
		return ctl_fail(err, -ENOTSUP,
			"channel \"%s\": compress=\"zstd\" needs libzstd, which this pacf was "
			"built without; leave it out",
			ch->spelled);
	ch->record.zstd = true;
	return 0;
}

static int
record_check(const struct ctl_channel_args *args, struct ctl_err *err)
{
	if (args->file_size != 0 &&
		!(args->file_size >= FILE_MB_LEAST && args->file_size <= FILE_MB_MOST))
		return ctl_fail(err, -EINVAL,
			"file_size=%g: millions of bytes, from %g on; leave it out for one "
			"file "
			"of any size",
			args->file_size, FILE_MB_LEAST);
	if (args->filecount > FILECOUNT_MOST)
		return ctl_fail(err, -EINVAL, "filecount=%u: 1 to %u files are kept",
			args->filecount, FILECOUNT_MOST);
	if (args->filecount != 0 && args->file_size == 0 && args->rotate_seconds == 0)
		return ctl_fail(err, -EINVAL,
			"filecount=%u: there is one file only without file_size or "
			"rotate_seconds; give one of these too",
			args->filecount);
	if (args->buffer > BUFFER_MIB_MOST)
		return ctl_fail(
			err, -EINVAL, "buffer=%u: 1 to %u MiB", args->buffer, BUFFER_MIB_MOST);
	return 0;
}

int
ctl_channel_record(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	const char *word = record_word(args);
	uint32_t mib = 1;

	if (word == NULL)
		return 0;
	if (ch->transport != CTL_PCAP || ch->action == CTL_DROP)
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": %s is for files, of pcap: channels that get packets",
			ch->spelled, word);
	if (record_check(args, err) < 0)
		return -EINVAL;
	ch->record.file_bytes = (uint64_t)(args->file_size * 1e6);
	ch->record.rotate_s = args->rotate_seconds;
	ch->record.filecount = args->filecount;
	while (mib < args->buffer)
		mib *= 2;
	ch->record.buffer_bytes = args->buffer != 0 ? mib << 20 : 0;
	return compress_set(ch, args->compress, err);
}

/* A channel that was asked, as others may close it meanwhile. */
struct asked {
	const struct ctl_channel *ch;
	uint64_t started_ns;
	uint32_t number;
};

static bool
is_meant(const struct ctl_engine *engine, const struct ctl_channel *ch, const char *name,
	const struct ctl_channel *like)
{
	return ch != NULL && !ch->closing && ch->sink_open && ch->sink->ops->rotate != NULL &&
	       (name == NULL || strcmp(engine->name, name) == 0) &&
	       (like == NULL || strcmp(ch->spelled, like->spelled) == 0);
}

/* Asks all that are meant; how many, with a list of them. */
static int
rotate_ask(
	struct ctl *ctl, const char *name, const struct ctl_channel *like, struct asked **out)
{
	struct ctl_engine *engine;
	struct asked *list = NULL;
	int n = 0;

	TAILQ_FOREACH(engine, &ctl->engines, entry)
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		struct ctl_channel *ch = engine->channels[i];
		struct asked *more;

		if (!is_meant(engine, ch, name, like))
			continue;
		more = realloc(list, ((size_t)n + 1) * sizeof(*list));
		if (more == NULL) {
			free(list);
			return -ENOMEM;
		}
		list = more;
		list[n++] = (struct asked){
			ch, engine->started_ns, ch->sink->ops->rotate(ch->sink->priv)};
	}
	*out = list;
	return n;
}

/* Those that were closed have ended their files too. */
static bool
rotate_over(struct ctl *ctl, const struct asked *list, int n)
{
	const struct ctl_engine *engine;

	TAILQ_FOREACH(engine, &ctl->engines, entry)
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++) {
		const struct ctl_channel *ch = engine->channels[i];

		for (int k = 0; ch != NULL && ch->sink_open && k < n; k++)
			if (list[k].ch == ch && list[k].started_ns == engine->started_ns &&
				(int32_t)(ch->sink->ops->rotated(ch->sink->priv) -
					  list[k].number) < 0)
				return false;
	}
	return true;
}

static int
rotate_wait(struct ctl *ctl, const struct asked *list, int n, struct ctl_err *err)
{
	uint64_t start = os_clock_mono_ns();

	for (;;) {
		bool over;

		pthread_mutex_lock(&ctl->lock);
		over = rotate_over(ctl, list, n);
		pthread_mutex_unlock(&ctl->lock);
		if (over)
			return 0;
		if (os_clock_mono_ns() - start > ROTATE_WAIT_NS)
			return ctl_fail(err, -ETIMEDOUT,
				"a disk has not taken what was to be written before its file "
				"ends, "
				"for 10 s; it goes on trying");
		os_sleep_ns(ROTATE_POLL_NS);
	}
}

static int
rotate_refuse(struct ctl *ctl, const char *engine, const struct ctl_channel *like,
	struct ctl_err *err)
{
	if (engine != NULL && ctl_engine_find(ctl, engine, err) == NULL)
		return -ENOENT;
	if (like == NULL)
		return 0; /* all of none */
	return ctl_fail(err, -ENOENT,
		"channel \"%s\" writes no file now; pcap: channels do while their engine runs",
		like->spelled);
}

int
ctl_rotate(struct ctl *ctl, const char *engine, const char *channel, struct ctl_err *err)
{
	struct ctl_channel like = {0}, *meant = channel != NULL ? &like : NULL;
	struct asked *list = NULL;
	int n = 0, rc = channel != NULL ? ctl_channel_parse(&like, channel, err) : 0;

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&ctl->lock);
	n = rotate_ask(ctl, engine, meant, &list);
	if (n == 0)
		rc = rotate_refuse(ctl, engine, meant, err);
	pthread_mutex_unlock(&ctl->lock);
	if (n < 0)
		return ctl_fail(err, n, "out of memory");
	if (n > 0)
		rc = rotate_wait(ctl, list, n, err);
	free(list);
	return rc;
}
