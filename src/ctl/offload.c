/*
 * ctl/offload: offloads that falsify packets, of the interfaces of live links: told at the
 * start, or switched off while they capture.  Called by run.c, link.c and tend.c under
 * ctl->lock. Several links of one interface share what is switched off; the last puts it back.
 */
#include "offload.h"
#include "state.h"
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "gro", "gro and lro", "gro, lro and rxvlan" */
const char *
ctl_offload_names(uint32_t set, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < OS_OFFLOADS && used < size; i++) {
		if (!(set & 1u << i))
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
			used == 0	     ? ""
			: set >> i >> 1 != 0 ? ", "
					     : " and ",
			os_nic_offload_name((enum os_offload)i));
	}
	return buf;
}

static void say(char *note, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a sentence. */
static void
say(char *note, const char *fmt, ...)
{
	size_t used = strlen(note);
	va_list ap;

	if (used > 0 && used + 2 < IO_ERR_MAX) {
		memcpy(note + used, "; ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(note + used, IO_ERR_MAX - used, fmt, ap);
	va_end(ap);
}

/* "gro off lro off" */
static const char *
words(uint32_t set, uint32_t on, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < OS_OFFLOADS && used < size; i++)
		if (set & 1u << i)
			used += (size_t)snprintf(buf + used, size - used, "%s%s %s",
				used ? " " : "", os_nic_offload_name((enum os_offload)i),
				on & 1u << i ? "on" : "off");
	return buf;
}

void
ctl_offload_put_back(const char *name, uint32_t changed, uint32_t wanted)
{
	int rc = os_nic_offload_set(name, changed, wanted);
	char text[128];

	if (rc < 0 && rc != -ENODEV)
		os_log(OS_LOG_ERR,
			"\"%s\": its offloads could not be put back: %s; `ethtool -K %s %s`",
			name, strerror(-rc), name, words(changed, wanted, text, sizeof(text)));
}

/* What falsifies the packets of this link. */
static uint32_t
false_set(const struct ctl_link_state *link)
{
	return OS_OFFLOAD_FALSE & ~link->info.harmless;
}

static void
on_say(uint32_t on, char *note)
{
	uint32_t joins = on & OS_OFFLOAD_JOINS;
	char names[128];

	if (joins != 0)
		say(note, "%s %s on: packets may be joined",
			ctl_offload_names(joins, names, sizeof(names)),
			(joins & (joins - 1)) != 0 ? "are" : "is");
	if (on & 1u << OS_RXVLAN)
		say(note, "rxvlan is on: packets may lack their outer VLAN tag");
}

static void
report(const struct ctl_link_state *link, const char *name, char *note)
{
	struct os_offloads now;
	uint32_t on;
	char text[128];

	if (os_nic_offloads(name, &now) < 0)
		return;
	on = now.on & false_set(link);
	on_say(on, note);
	if (on & now.changeable)
		say(note, "pkteng.link{..., offload=\"fix\"} or `ethtool -K %s %s`", name,
			words(on & now.changeable, 0, text, sizeof(text)));
}

static struct ctl_offload *
offload_find(struct ctl *ctl, unsigned index)
{
	struct ctl_offload *o;

	TAILQ_FOREACH(o, &ctl->offloads, entry)
	if (o->index == index)
		return o;
	return NULL;
}

static int
switch_off(struct ctl_offload *o)
{
	int rc = ctl_journal_take(o);

	if (rc < 0)
		return rc;
	rc = ctl_journal_write(o);
	if (rc == 0)
		rc = os_nic_offload_set(o->name, o->changed, 0);
	if (rc < 0)
		ctl_journal_drop(o);
	return rc;
}

/* NULL: nothing to be switched off, or it can't be: *rc. */
static struct ctl_offload *
offload_make(const struct os_netif *face, int *rc)
{
	struct ctl_offload *o = calloc(1, sizeof(*o));
	struct os_offloads now;

	*rc = o != NULL ? os_nic_offloads(face->name, &now) : -ENOMEM;
	if (*rc == 0) {
		o->changed = (now.on | now.wanted) & now.changeable & OS_OFFLOAD_FALSE;
		o->wanted = now.wanted & o->changed;
		o->index = face->index;
		o->fd = -1;
		memcpy(o->name, face->name, sizeof(o->name));
	}
	if (*rc == 0 && o->changed != 0) {
		*rc = switch_off(o);
		if (*rc == 0)
			return o;
	}
	free(o);
	return NULL;
}

static void
fix_refuse(int rc, char *note)
{
	if (rc == -EBUSY)
		say(note, "another pacf looks after its offloads");
	else if (rc == -EPERM)
		say(note, "offload=\"fix\" needs CAP_NET_ADMIN");
	else if (rc < 0)
		say(note, "offload=\"fix\" failed: %s", strerror(-rc));
}

static void
fix(struct ctl_engine *engine, const struct os_netif *face, struct ctl_link_state *link)
{
	struct ctl_offload *o = offload_find(engine->ctl, face->index);
	struct os_offloads now;
	char names[128];
	int rc = 0;

	if (o == NULL) {
		o = offload_make(face, &rc);
		if (o != NULL)
			TAILQ_INSERT_TAIL(&engine->ctl->offloads, o, entry);
	}
	if (o != NULL)
		o->users++;
	link->offload = o;
	if (o != NULL)
		say(link->note, "%s off while it captures",
			ctl_offload_names(o->changed, names, sizeof(names)));
	fix_refuse(rc, link->note);
	if (os_nic_offloads(face->name, &now) == 0)
		on_say(now.on & false_set(link), link->note);
}

void
ctl_offload_start(struct ctl_engine *engine, uint32_t i)
{
	struct ctl_link_state *link = &engine->links[i];
	struct os_netif face;

	link->note[0] = '\0';
	if (!engine->ops->live || os_netif_read(link->ifname, &face) < 0)
		return;
	link->index = face.index;
	if (link->args.fix_offload)
		fix(engine, &face, link);
	else
		report(link, face.name, link->note);
	if (link->note[0] != '\0')
		os_log(OS_LOG_WARNING, "engine \"%s\": %s: %s", engine->name, face.name,
			link->note);
}

void
ctl_offload_stop(struct ctl_engine *engine, uint32_t i)
{
	struct ctl_link_state *link = &engine->links[i];
	struct ctl_offload *o = link->offload;
	char name[OS_NETIF_NAME];

	link->offload = NULL;
	link->note[0] = '\0';
	if (o == NULL || --o->users > 0)
		return;
	TAILQ_REMOVE(&engine->ctl->offloads, o, entry);
	/* It may have another name by now; its journal has the one it had. */
	if (os_netif_name(o->index, name) == 0)
		ctl_offload_put_back(name, o->changed, o->wanted);
	ctl_journal_drop(o);
	free(o);
}

void
ctl_offload_again(struct ctl_engine *engine, uint32_t i)
{
	struct ctl_link_state *link = &engine->links[i];
	struct os_netif face;

	if (os_netif_read(link->ifname, &face) < 0 || face.index == link->index)
		return;
	ctl_offload_stop(engine, i);
	ctl_offload_start(engine, i);
}
