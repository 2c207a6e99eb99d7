/*
 * ctl/access: who may attach.  Two doors: the attach socket's group and mode say who may
 * connect at all (the system checks that), a channel's owner and mode who may have it (we do,
 * by what the system says of the peer).  Root and the daemon's own user pass both.
 */
#ifndef PACF_CTL_ACCESS_H
#define PACF_CTL_ACCESS_H

#include "ctl.h"

#include <sys/types.h>

#define CTL_PRINCIPAL_MAX  48	  /* of a user's or group's name */
#define CTL_CONNECTS_MAX   64	  /* of one user, that have no channel */
#define CTL_CONNECT_IDLE_S 10	  /* until it has said what it wants */
#define CTL_ACCESS_GROUP   "pacf" /* the attach socket's, if there is one of that name */

/* A user and a group, and which of them may: 0600, 0660, 0666, 0060. */
struct ctl_access {
	bool limited; /* false: everybody who may connect */
	bool has_group;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char user[CTL_PRINCIPAL_MAX], group[CTL_PRINCIPAL_MAX];
};

struct ctl_client;
struct ctl_channel;

/* At the start: the group of CTL_ACCESS_GROUP's name if there is one, else the owner only. */
void ctl_access_default(struct ctl_access *out);
/* What a channel's owner ("zeek", "zeek:sensors", ":sensors") and mode ("0660") mean.  Names
 * are looked up, so the lock is not held. */
int ctl_access_channel(
	struct ctl_channel *ch, const struct ctl_channel_args *args, struct ctl_err *err);
/* One channel of several engines has one access: is this one's that of the other engine? */
int ctl_access_clash(const char *engine, const struct ctl_access *a,
	const struct ctl_channel *ch, struct ctl_err *err);
/* Under the lock: the socket, if it is there, is made so. */
int ctl_access_apply(struct ctl *ctl, struct ctl_err *err);
/* Is the client root or the daemon's own user? */
bool ctl_client_trusted(const struct ctl_client *client);
bool ctl_access_allows(
	const struct ctl *ctl, const struct ctl_channel *ch, const struct ctl_client *client);
/* "channel "pacf:eth3}0" is for user zeek and group sensors; you are uid 65534" */
void ctl_access_sentence(const struct ctl *ctl, const struct ctl_channel *ch,
	const struct ctl_client *client, char *out, size_t size);

#endif
