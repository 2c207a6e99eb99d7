/*
 * os/privileges_freebsd: FreeBSD has neither capabilities of this kind nor a filter of system
 * calls; what it has, capability mode (capsicum), forbids to open anything by name, which the
 * control plane does as long as it lives.  So a daemon keeps root's rights here, and says so.
 * What it could give up, its user, is done.
 */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
os_rights_name(unsigned rights, char *buf, size_t size)
{
	(void)rights;
	snprintf(buf, size, "root's rights");
}

unsigned
os_rights_held(void)
{
	return OS_RIGHT_NET_RAW | OS_RIGHT_NET_ADMIN | OS_RIGHT_BPF | OS_RIGHT_LOCK |
	       OS_RIGHT_FILES;
}

void
os_thread_role(enum os_role role)
{
	(void)role;
}

int
os_confine(const struct os_confine *what, long group, char *note, size_t size)
{
	const struct passwd *user = what->user != NULL ? getpwnam(what->user) : NULL;

	(void)group;
	if (what->user == NULL) {
		snprintf(note, size,
			"FreeBSD has no capabilities to give up and no filter of system calls: "
			"the daemon keeps its user's rights");
		return 0;
	}
	if (user == NULL) {
		snprintf(note, size, "this system has no user \"%s\"", what->user);
		return -ENOENT;
	}
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
		setuid(user->pw_uid) < 0) {
		int rc = -errno;

		snprintf(note, size, "becoming user \"%s\": %s", what->user, strerror(-rc));
		return rc;
	}
	note[0] = '\0';
	return 0;
}
