/*
 * ctl/engine: engines over their life: new, link, start, stop, delete.  Called by the shell;
 * every public function takes ctl->lock.  Allowed: new -> stopped; stopped -> running (start),
 * running -> stopped (stop); link and unlink only when stopped; delete stops first.
 */
#include "state.h"
#include "auto.h"
#include "os.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
ctl_engine_offline(const struct ctl_engine *engine)
{
	return engine->ops->offline;
}

static bool
name_ok(const char *name, size_t size)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_.-", name[i]) == NULL)
			return false;
	return n > 0 && n < size;
}

static int
type_refuse(const char *type, struct ctl_err *err)
{
	if (strcmp(type, "netmap") == 0 && access("/dev/netmap", F_OK) != 0)
		return ctl_fail(err, -ENODEV,
			"type \"netmap\" needs the netmap kernel module (/dev/netmap is "
			"missing); use type \"auto\", which takes the best that works");
	return ctl_fail(err, -EINVAL, "no engine type \"%s\" in this build; it has: auto, %s",
		type, io_source_names());
}

static int
new_check(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	const struct ctl_engine *engine;
	unsigned count = 0;

	if (!name_ok(args->name, sizeof(engine->name)))
		return ctl_fail(err, -EINVAL,
			"engine name \"%s\" is not usable: 1 to 31 letters, digits, \"_\", "
			"\".\" or \"-\"",
			args->name);
	if ((strcmp(args->type, ctl_auto_ops.name) != 0 &&
		    io_source_find(args->type) == NULL) ||
		(strcmp(args->type, "netmap") == 0 && access("/dev/netmap", F_OK) != 0))
		return type_refuse(args->type, err);
	if (args->cpu >= 0 && args->cpu >= os_cpu_count())
		return ctl_fail(err, -EINVAL, "cpu=%d: this machine has CPUs 0 to %d",
			args->cpu, os_cpu_count() - 1);
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	{
		count++;
		if (strcmp(engine->name, args->name) == 0)
			return ctl_fail(err, -EEXIST,
				"engine \"%s\" exists already; delete it first or choose "
				"another name",
				args->name);
	}
	if (count == CTL_MAX_ENGINES)
		return ctl_fail(err, -ENOSPC,
			"engine \"%s\": there are %d engines already, the most there can be",
			args->name, CTL_MAX_ENGINES);
	return 0;
}

static struct dp_engine *
dp_make(struct ctl *ctl, const char *name)
{
	struct dp_engine *dp =
		aligned_alloc(CHAN_LINE, (sizeof(*dp) + CHAN_LINE - 1) / CHAN_LINE * CHAN_LINE);

	if (dp == NULL)
		return NULL;
	memset(dp, 0, sizeof(*dp));
	snprintf(dp->name, sizeof(dp->name), "%s", name);
	dp->ctl_bell_fd = ctl->bell_fd;
	dp->bell_fd = os_bell_create();
	if (dp->bell_fd >= 0)
		return dp;
	free(dp);
	return NULL;
}

static int
engine_make(struct ctl *ctl, const struct ctl_engine_args *args, const struct pkt_conf *conf,
	struct ctl_err *err)
{
	struct ctl_engine *engine = calloc(1, sizeof(*engine));
	bool automatic = strcmp(args->type, ctl_auto_ops.name) == 0;

	if (engine != NULL && automatic)
		engine->automatic = calloc(1, sizeof(*engine->automatic));
	if (engine != NULL && (!automatic || engine->automatic != NULL))
		engine->dp = dp_make(ctl, args->name);
	if (engine == NULL || engine->dp == NULL) {
		free(engine != NULL ? engine->automatic : NULL);
		free(engine);
		return ctl_fail(err, -ENOMEM, "engine \"%s\": out of memory or descriptors",
			args->name);
	}
	snprintf(engine->name, sizeof(engine->name), "%s", args->name);
	engine->ops = automatic ? &ctl_auto_ops : io_source_find(args->type);
	engine->cpu = args->cpu;
	engine->buffers = args->buffers;
	engine->conf = *conf;
	engine->ctl = ctl;
	TAILQ_INSERT_TAIL(&ctl->engines, engine, entry);
	return 0;
}

int
ctl_engine_new(struct ctl *ctl, const struct ctl_engine_args *args, struct ctl_err *err)
{
	struct pkt_conf conf;
	int rc;

	pthread_mutex_lock(&ctl->lock);
	rc = new_check(ctl, args, err);
	if (rc == 0)
		rc = ctl_engine_tunnels(&conf, args, err);
	if (rc == 0)
		rc = engine_make(ctl, args, &conf, err);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

void
ctl_engine_free(struct ctl_engine *engine)
{
	ctl_engine_halt(engine);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL)
			ctl_channel_free(engine, i);
	for (uint32_t i = 0; i < engine->dp->nlinks; i++) {
		ctl_link_close(engine, i);
		free(engine->dp->links[i].priv);
	}
	for (uint32_t i = 0; i < engine->ngroups; i++)
		free(engine->groups[i]);
	close(engine->dp->bell_fd);
	free(engine->dp);
	free(engine->automatic);
	free(engine);
}

int
ctl_engine_delete(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine != NULL) {
		TAILQ_REMOVE(&ctl->engines, engine, entry);
		ctl_engine_free(engine);
		ctl_attach_retry(ctl);
	}
	pthread_mutex_unlock(&ctl->lock);
	return engine != NULL ? 0 : -ENOENT;
}

int
ctl_engine_start(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc;

	pthread_mutex_lock(&ctl->lock);
	do { /* while filters are compiled, others may change everything */
		engine = ctl_engine_find(ctl, name, err);
		rc = engine != NULL ? ctl_engine_startable(engine, err) : -ENOENT;
		if (rc == 0)
			rc = ctl_filters_ready(ctl, engine, err);
	} while (rc > 0);
	if (rc == 0)
		rc = ctl_engine_launch(engine, err);
	if (rc == 0)
		ctl_attach_retry(ctl);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

int
ctl_engine_stop(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;
	int rc = 0;

	pthread_mutex_lock(&ctl->lock);
	engine = ctl_engine_find(ctl, name, err);
	if (engine == NULL)
		rc = -ENOENT;
	else if (engine->state != CTL_RUNNING)
		rc = ctl_fail(err, -EALREADY, "engine \"%s\" is not running", name);
	else
		ctl_engine_halt(engine);
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}
