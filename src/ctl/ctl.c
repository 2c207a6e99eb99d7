/*
 * ctl: the control plane's root: one lock, the engines, the names.  Called by the shell.
 */
#include "state.h"
#include "os.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
ctl_fail(struct ctl_err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return rc;
}

/* A key that nobody can guess, for live sources. */
static int
random_key(uint64_t *key)
{
	return getentropy(key, sizeof(*key)) == 0 ? 0 : -errno;
}

int
ctl_open(struct ctl **out, struct ctl_err *err)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int rc;

	*out = NULL;
	if (ctl == NULL)
		return ctl_fail(err, -ENOMEM, "out of memory");
	ctl->opened_ns = os_clock_real_ns();
	ctl->listen_fd = ctl->lock_fd = ctl->watch_fd = -1;
	ctl_access_default(&ctl->access);
	TAILQ_INIT(&ctl->engines);
	TAILQ_INIT(&ctl->clients);
	TAILQ_INIT(&ctl->offloads);
	pthread_mutex_init(&ctl->lock, NULL);
	ctl->bell_fd = os_bell_create();
	rc = ctl->bell_fd < 0 ? ctl->bell_fd : random_key(&ctl->random_key);
	if (rc < 0) {
		if (ctl->bell_fd >= 0)
			close(ctl->bell_fd);
		pthread_mutex_destroy(&ctl->lock);
		free(ctl);
		return ctl_fail(err, rc, "cannot set up the control plane: %s", strerror(-rc));
	}
	*out = ctl;
	return 0;
}

uint64_t
ctl_started_ns(const struct ctl *ctl)
{
	return ctl->opened_ns;
}

void
ctl_close(struct ctl *ctl)
{
	struct ctl_engine *engine;

	if (ctl == NULL)
		return;
	pthread_mutex_lock(&ctl->lock);
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	ctl_engine_halt(engine);
	pthread_mutex_unlock(&ctl->lock);
	ctl_attach_down(ctl);
	ctl_tend_down(ctl);
	while ((engine = TAILQ_FIRST(&ctl->engines)) != NULL) {
		TAILQ_REMOVE(&ctl->engines, engine, entry);
		ctl_engine_free(engine);
	}
	close(ctl->bell_fd);
	pthread_mutex_destroy(&ctl->lock);
	free(ctl);
}

void
ctl_hash_key(struct ctl *ctl, uint64_t key)
{
	pthread_mutex_lock(&ctl->lock);
	ctl->hash_key = key;
	ctl->hash_key_set = true;
	pthread_mutex_unlock(&ctl->lock);
}

static void
engine_names(struct ctl *ctl, char *buf, size_t size)
{
	const struct ctl_engine *engine;
	size_t used = 0;

	buf[0] = '\0';
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	{
		int n = snprintf(
			buf + used, size - used, "%s%s", used ? ", " : "", engine->name);

		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
}

struct ctl_engine *
ctl_engine_find(struct ctl *ctl, const char *name, struct ctl_err *err)
{
	struct ctl_engine *engine;
	char names[256];

	TAILQ_FOREACH(engine, &ctl->engines, entry)
	if (strcmp(engine->name, name) == 0)
		return engine;
	engine_names(ctl, names, sizeof(names));
	if (names[0] == '\0')
		ctl_fail(err, -ENOENT,
			"no engine \"%s\": make one with pkteng.new({name=\"%s\", "
			"type=\"pcap\"})",
			name, name);
	else
		ctl_fail(err, -ENOENT, "no engine \"%s\": there is %s", name, names);
	return NULL;
}

static void
engine_parts(const struct ctl_engine *engine, enum ctl_kind kind,
	void (*fn)(void *arg, const char *name), void *arg)
{
	for (uint32_t i = 0; kind == CTL_CHANNELS && i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL && !engine->channels[i]->closing)
			fn(arg, engine->channels[i]->spelled);
	for (uint32_t i = 0; kind == CTL_LINKS && i < engine->dp->nlinks; i++)
		fn(arg, engine->links[i].ifname);
}

void
ctl_names(struct ctl *ctl, enum ctl_kind kind, const char *name,
	void (*fn)(void *arg, const char *name), void *arg)
{
	const struct ctl_engine *engine;

	pthread_mutex_lock(&ctl->lock);
	TAILQ_FOREACH(engine, &ctl->engines, entry)
	{
		if (kind == CTL_ENGINES)
			fn(arg, engine->name);
		else if (name == NULL || strcmp(engine->name, name) == 0)
			engine_parts(engine, kind, fn, arg);
	}
	pthread_mutex_unlock(&ctl->lock);
}
