/*
 * ctl/access: see access.h.  Called by channel.c when a channel is opened, by server.c and
 * attach.c under ctl->lock when an application comes.
 */
#include "access.h"
#include "guard.h"
#include "os.h"
#include "state.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOKUP_BYTES ((size_t)1 << 20) /* a group of some ten thousand members */

static bool
number_read(const char *text, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 &&
	       *out < UINT32_MAX;
}

/* 0, or -ENOENT: no user of that name or number; -ENOMEM, or what the system's lookup said. */
static int
user_find(const char *name, uid_t *out)
{
	char *room = malloc(LOOKUP_BYTES);
	struct passwd entry, *found = NULL;
	unsigned long number;
	int rc = room != NULL ? -getpwnam_r(name, &entry, room, LOOKUP_BYTES, &found) : -ENOMEM;

	if (found != NULL)
		*out = found->pw_uid;
	else if (rc == 0 && number_read(name, &number))
		*out = (uid_t)number;
	else if (rc == 0)
		rc = -ENOENT;
	free(room);
	return rc;
}

static int
group_find(const char *name, gid_t *out)
{
	char *room = malloc(LOOKUP_BYTES);
	struct group entry, *found = NULL;
	unsigned long number;
	int rc = room != NULL ? -getgrnam_r(name, &entry, room, LOOKUP_BYTES, &found) : -ENOMEM;

	if (found != NULL)
		*out = found->gr_gid;
	else if (rc == 0 && number_read(name, &number))
		*out = (gid_t)number;
	else if (rc == 0)
		rc = -ENOENT;
	free(room);
	return rc;
}

static int
principal_fail(int rc, const char *what, const char *name, const char *of, struct ctl_err *err)
{
	if (rc == -ENOENT)
		return ctl_fail(err, rc,
			"%s: this system has no %s \"%s\"; make it, or give another name or "
			"number",
			of, what, name);
	return ctl_fail(
		err, rc, "%s: looking up the %s \"%s\": %s", of, what, name, strerror(-rc));
}

static int
mode_read(const char *text, const char *of, mode_t *out, struct ctl_err *err)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] == '\0' || *end != '\0' || mode == 0 || (mode & ~0666ul) != 0 ||
		(mode & 0444) >> 1 != (mode & 0222))
		return ctl_fail(err, -EINVAL,
			"%s: mode=\"%s\": who attaches reads and writes, so use \"0600\" (the "
			"owner), \"0660\" (the group too) or \"0666\" (everybody)",
			of, text);
	*out = (mode_t)mode;
	return 0;
}

static int
group_set(struct ctl_access *a, const char *name, const char *of, struct ctl_err *err)
{
	int rc = strlen(name) < sizeof(a->group) ? group_find(name, &a->gid) : -ENOENT;

	if (rc < 0)
		return principal_fail(rc, "group", name, of, err);
	snprintf(a->group, sizeof(a->group), "%s", name);
	a->has_group = true;
	return 0;
}

static int
user_set(struct ctl_access *a, const char *name, const char *of, struct ctl_err *err)
{
	int rc = strlen(name) < sizeof(a->user) ? user_find(name, &a->uid) : -ENOENT;

	if (rc < 0)
		return principal_fail(rc, "user", name, of, err);
	snprintf(a->user, sizeof(a->user), "%s", name);
	return 0;
}

/* "user", "user:group", ":group" */
static int
owner_set(struct ctl_access *a, const char *owner, const char *of, struct ctl_err *err)
{
	char user[2 * CTL_PRINCIPAL_MAX];
	const char *colon = strchr(owner, ':');
	int n = (int)(colon != NULL ? colon - owner : (ptrdiff_t)strlen(owner)), rc = 0;

	if (strlen(owner) >= sizeof(user) || (n == 0 && (colon == NULL || colon[1] == '\0')))
		return ctl_fail(err, -EINVAL,
			"%s: owner=\"%.100s\": write \"USER\", \"USER:GROUP\" or \":GROUP\"",
			of, owner);
	snprintf(user, sizeof(user), "%.*s", n, owner);
	if (n > 0)
		rc = user_set(a, user, of, err);
	if (rc == 0 && colon != NULL && colon[1] != '\0')
		rc = group_set(a, colon + 1, of, err);
	return rc;
}

static int
access_parse(struct ctl_access *out, const char *channel, const char *owner, const char *mode,
	struct ctl_err *err)
{
	char of[CTL_IFNAME_MAX + 16];
	int rc = 0;

	*out = (struct ctl_access){.uid = geteuid()};
	if (owner == NULL && mode == NULL)
		return 0;
	snprintf(out->user, sizeof(out->user), out->uid == 0 ? "root" : "%u",
		(unsigned)out->uid);
	snprintf(of, sizeof(of), "channel \"%.*s\"", CTL_IFNAME_MAX, channel);
	out->limited = true;
	if (owner != NULL)
		rc = owner_set(out, owner, of, err);
	out->mode = owner == NULL || out->has_group ? 0660 : 0600;
	if (rc == 0 && mode != NULL)
		rc = mode_read(mode, of, &out->mode, err);
	return rc;
}

int
ctl_access_channel(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err)
{
	if (ch->transport != CTL_PACF && (args->owner != NULL || args->mode != NULL))
		return ctl_fail(err, -EINVAL,
			"channel \"%s\": owner and mode are for pacf: channels; no application "
			"attaches to this one",
			ch->spelled);
	return access_parse(&ch->access, ch->spelled, args->owner, args->mode, err);
}

int
ctl_access_clash(const char *engine, const struct ctl_access *a, const struct ctl_channel *ch,
	struct ctl_err *err)
{
	const struct ctl_access *b = &ch->access;

	if (a->limited == b->limited && a->mode == b->mode && a->uid == b->uid &&
		a->has_group == b->has_group && a->gid == b->gid)
		return 0;
	return ctl_fail(err, -EINVAL,
		"channel \"%s\" has another owner or mode in engine \"%s\"; it is one channel, "
		"so "
		"say the same in each",
		ch->spelled, engine);
}

void
ctl_access_default(struct ctl_access *out)
{
	struct ctl_err unused;

	*out = (struct ctl_access){.mode = 0600, .uid = geteuid()};
	if (group_set(out, CTL_ACCESS_GROUP, "", &unused) == 0)
		out->mode = 0660;
}

/* A user who may not give files to that group keeps the socket to himself, unless he has asked
 * for more. */
int
ctl_access_apply(struct ctl *ctl, struct ctl_err *err)
{
	const struct ctl_access *a = &ctl->access;
	char rundir[512];
	int rc;

	if (ctl->listen_fd < 0)
		return 0;
	rc = os_rundir(rundir, sizeof(rundir), false);
	if (rc == 0)
		rc = chan_attach_admit(rundir, a->has_group ? a->gid : (gid_t)-1, a->mode);
	if (rc == -EPERM && a->limited)
		return ctl_fail(err, rc,
			"group \"%s\": this user may not give the attach socket to it; be a "
			"member, or say so in the start-up script of a daemon of root",
			a->group);
	if (rc == -EPERM)
		rc = chan_attach_admit(rundir, (gid_t)-1, 0600);
	return rc < 0 ? ctl_fail(err, rc, "%s/%s: cannot set who may connect: %s", rundir,
				CHAN_SOCKET, strerror(-rc))
		      : 0;
}

int
ctl_access(struct ctl *ctl, const char *group, const char *mode, struct ctl_err *err)
{
	struct ctl_access new, before;
	int rc = 0;

	pthread_mutex_lock(&ctl->lock);
	new = ctl->access;
	pthread_mutex_unlock(&ctl->lock);
	new.limited = true; /* asked for */
	if (group != NULL)
		rc = group_set(&new, group, "pacf.access", err);
	new.mode = 0660;
	if (rc == 0 && mode != NULL)
		rc = mode_read(mode, "pacf.access", &new.mode, err);
	if (rc == 0 && (new.mode & 0060) != 0 && !new.has_group)
		rc = ctl_fail(err, -EINVAL,
			"pacf.access: which group?  There is none of the name \"%s\": say "
			"group=, or mode=\"0600\"",
			CTL_ACCESS_GROUP);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&ctl->lock);
	before = ctl->access;
	ctl->access = new;
	rc = ctl_access_apply(ctl, err);
	if (rc < 0)
		ctl->access = before;
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

bool
ctl_client_trusted(const struct ctl_client *client)
{
	return client->uid == 0 || client->uid == geteuid();
}

/* The channel's group, or else that of the socket. */
static const struct ctl_access *
group_of(const struct ctl *ctl, const struct ctl_access *a)
{
	return a->has_group ? a : ctl->access.has_group ? &ctl->access : NULL;
}

bool
ctl_access_allows(
	const struct ctl *ctl, const struct ctl_channel *ch, const struct ctl_client *client)
{
	const struct ctl_access *a = &ch->access, *group = group_of(ctl, a);

	if (!a->limited || ctl_client_trusted(client) || (a->mode & 0006) != 0)
		return true;
	if ((a->mode & 0600) != 0 && client->uid == a->uid)
		return true;
	return (a->mode & 0060) != 0 && group != NULL &&
	       os_peer_in_group(client->sock, group->gid);
}

void
ctl_access_sentence(const struct ctl *ctl, const struct ctl_channel *ch,
	const struct ctl_client *client, char *out, size_t size)
{
	const struct ctl_access *a = &ch->access, *group = group_of(ctl, a);
	const char *brace = strchr(ch->name, '{');
	bool by_user = (a->mode & 0600) != 0, by_group = (a->mode & 0060) != 0 && group != NULL;

	snprintf(out, size, "channel \"pacf:%.*s}%s\" is for %s%s%s%s%s; you are uid %u",
		(int)(brace - ch->name), ch->name, brace + 1, by_user ? "user " : "",
		by_user ? a->user : "", by_user && by_group ? " and " : "",
		by_group ? "group " : "",
		by_group  ? group->group
		: by_user ? ""
			  : "nobody",
		(unsigned)client->uid);
}
