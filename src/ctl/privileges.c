/*
 * ctl/privileges: which rights engines and channels need, and giving up all others once the
 * daemon is up.  Called by the program and the shell (guard.h), and under ctl->lock by what may
 * need a right later.
 */
#include "guard.h"
#include "os.h"
#include "privileges.h"
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What the kernel asks for, as long as the engine or channel lives: its interface may go down,
 * come back as another, or get other queues, and then all of this is done again.
 *
 *   afpacket  CAP_NET_RAW    socket(AF_PACKET), for each ring that is opened
 *   afxdp     CAP_NET_RAW    socket(AF_XDP), for each queue
 *             CAP_NET_ADMIN  bpf(BPF_MAP_CREATE) of an XSKMAP, bpf(BPF_PROG_LOAD) of an XDP
 *                            program
 *             CAP_BPF        bpf(BPF_PROG_LOAD, BPF_BTF_LOAD) where the system forbids them to
 *                            others
 *             CAP_IPC_LOCK   setsockopt(XDP_UMEM_REG) beyond RLIMIT_MEMLOCK; given up if
 *                            that could be raised
 *   netmap    none           /dev/netmap's mode decides
 *   pcap, mem none
 *   netdev:   CAP_NET_RAW    socket(AF_PACKET), once; it is bound again afterwards
 *   offload   CAP_NET_ADMIN  ioctl(SIOCETHTOOL) that sets something; offload="fix"
 *   busy_poll CAP_NET_ADMIN  setsockopt(SO_PREFER_BUSY_POLL, SO_BUSY_POLL)
 *   files     CAP_DAC_OVERRIDE
 *                            files of others, in folders of others
 *
 * Nothing else is needed: threads may choose their CPU, memory its node and large pages; locked
 * memory (of AF_XDP) is allowed by RLIMIT_MEMLOCK, raised before.
 */
#define ALL_LIVE (OS_RIGHT_NET_RAW | OS_RIGHT_NET_ADMIN | OS_RIGHT_BPF | OS_RIGHT_LOCK)

static const struct {
	const char *word;
	unsigned rights;
} needs[] = {
	{"afpacket", OS_RIGHT_NET_RAW},
	{"afxdp", ALL_LIVE},
	{"netmap", 0},
	{"pcap", 0},
	{"mem", 0},
	{"netdev", OS_RIGHT_NET_RAW},
	{"offload", OS_RIGHT_NET_ADMIN},
	{"busy_poll", OS_RIGHT_NET_ADMIN},
	{"files", OS_RIGHT_FILES},
};
#define NNEEDS (sizeof(needs) / sizeof(needs[0]))

static int
need_find(const char *word)
{
	for (size_t i = 0; i < NNEEDS; i++)
		if (strcmp(needs[i].word, word) == 0)
			return (int)i;
	return -ENOENT;
}

static unsigned
type_needs(const char *type)
{
	int i = need_find(type);

	return i >= 0 ? needs[i].rights : ALL_LIVE; /* auto, of which nobody knows yet */
}

/* The word of pacf.privileges that would keep what is missing goes to *word. */
static unsigned
link_needs(const struct io_source_ops *ops, const struct ctl_link_args *args, const char **word)
{
	unsigned rights = type_needs(ops->name);

	*word = ops->name;
	if (args != NULL && args->fix_offload)
		rights |= OS_RIGHT_NET_ADMIN, *word = "offload";
	if (args != NULL && args->busy_poll)
		rights |= OS_RIGHT_NET_ADMIN, *word = "busy_poll";
	return rights;
}

static unsigned
engine_needs(const struct ctl_engine *engine)
{
	unsigned rights = engine->dp->nlinks == 0 ? type_needs(engine->ops->name) : 0;
	const char *word;

	for (uint32_t i = 0; i < engine->dp->nlinks; i++)
		rights |= link_needs(engine->ops, &engine->links[i].args, &word);
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		if (engine->channels[i] != NULL && engine->channels[i]->transport == CTL_NETDEV)
			rights |= OS_RIGHT_NET_RAW;
	return rights;
}

/* What it never had is for the system to refuse. */
static int
missing_check(const struct ctl *ctl, unsigned rights, const char *what, const char *word,
	struct ctl_err *err)
{
	unsigned missing = rights & ctl->privileges.given_up;
	char names[100];

	if (missing == 0)
		return 0;
	if ((type_needs(word) & missing) != missing) /* two reasons at once */
		word = "afxdp";
	os_rights_name(missing, names, sizeof(names));
	return ctl_fail(err, -EPERM,
		"%s needs %s, which this daemon gave up when it was set up: put "
		"pacf.privileges{keep={\"%s\"}} into its start-up script and start it again",
		what, names, word);
}

int
ctl_privileges_link(const struct ctl *ctl, const struct io_source_ops *ops,
	const struct ctl_link_args *args, struct ctl_err *err)
{
	const char *word;
	unsigned rights = link_needs(ops, args, &word);
	char what[64];

	snprintf(what, sizeof(what), "an engine of type \"%s\"", ops->name);
	return missing_check(ctl, rights, what, word, err);
}

int
ctl_privileges_channel(
	const struct ctl_engine *engine, const struct ctl_channel *ch, struct ctl_err *err)
{
	char what[CTL_IFNAME_MAX + 16];

	if (ch->transport != CTL_NETDEV)
		return 0;
	snprintf(what, sizeof(what), "channel \"%s\"", ch->spelled);
	return missing_check(engine->ctl, OS_RIGHT_NET_RAW, what, "netdev", err);
}

static int
word_refuse(const char *word, struct ctl_err *err)
{
	char list[128] = "";

	for (size_t i = 0; i < NNEEDS; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			i > 0 ? ", " : "", needs[i].word);
	return ctl_fail(err, -EINVAL,
		"pacf.privileges: keep: nothing is called \"%.60s\"; there are %s", word, list);
}

static int
given_up_check(const struct ctl *ctl, struct ctl_err *err)
{
	return ctl->privileges.confined
		       ? ctl_fail(err, -EALREADY,
				 "this daemon has given up its rights already; what it shall "
				 "keep is for its start-up script: pacf.privileges{keep=...}")
		       : 0;
}

int
ctl_privileges(
	struct ctl *ctl, const char *const *keep, uint32_t n, int filter, struct ctl_err *err)
{
	unsigned rights = 0;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++) {
		int found = need_find(keep[i]);

		if (found < 0)
			return word_refuse(keep[i], err);
		rights |= needs[found].rights;
	}
	pthread_mutex_lock(&ctl->lock);
	rc = given_up_check(ctl, err);
	if (rc == 0) {
		ctl->privileges.keep |= rights;
		if (filter >= 0)
			ctl->privileges.no_filter = filter == 0;
	}
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

/* What is in the folder becomes the user's, so that he can remove it, and nobody else. */
static int
rundir_give(const char *user, struct ctl_err *err)
{
	const struct passwd *entry = getpwnam(user);
	struct dirent *file;
	char rundir[512];
	struct stat st;
	int rc = os_rundir(rundir, sizeof(rundir), true);
	DIR *dir;

	if (entry == NULL)
		return ctl_fail(err, -ENOENT,
			"this system has no user \"%s\": make it, or give another to -u", user);
	dir = rc == 0 ? opendir(rundir) : NULL;
	if (dir == NULL)
		return ctl_fail(err, -errno, "%s: %s", rundir, strerror(errno));
	while ((file = readdir(dir)) != NULL && rc == 0) {
		if (fstatat(dirfd(dir), file->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
			continue;
		rc = fchownat(dirfd(dir), file->d_name, entry->pw_uid, (gid_t)-1,
			AT_SYMLINK_NOFOLLOW);
	}
	if (rc == 0)
		rc = fchown(dirfd(dir), entry->pw_uid, (gid_t)-1);
	rc = rc < 0 ? -errno : 0;
	closedir(dir);
	return rc < 0 ? ctl_fail(err, rc, "%s: cannot give it to user \"%s\": %s", rundir, user,
				strerror(-rc))
		      : 0;
}

/* All that what is there needs; while nothing is, what any live engine would. */
static unsigned
rights_needed(const struct ctl *ctl)
{
	unsigned rights = TAILQ_EMPTY(&ctl->engines) ? ALL_LIVE : 0;
	const struct ctl_engine *engine;

	TAILQ_FOREACH(engine, &ctl->engines, entry)
	rights |= engine_needs(engine);
	return rights | ctl->privileges.keep;
}

int
ctl_confine(struct ctl *ctl, const char *user, struct ctl_err *err)
{
	struct os_confine what = {.user = user};
	unsigned held = os_rights_held();
	int rc;

	err->text[0] = '\0';
	pthread_mutex_lock(&ctl->lock);
	what.rights = rights_needed(ctl) & held;
	what.filter = !ctl->privileges.no_filter;
	rc = given_up_check(ctl, err);
	if (rc == 0)
		rc = ctl_attach_up(ctl, err); /* its group cannot be given to it any more */
	if (rc == 0 && user != NULL)
		rc = rundir_give(user, err);
	if (rc == 0)
		rc = os_confine(&what, ctl->access.has_group ? (long)ctl->access.gid : -1,
			err->text, sizeof(err->text));
	if (rc == 0) {
		ctl->privileges.confined = true;
		ctl->privileges.filtered = what.filter && err->text[0] == '\0';
		ctl->privileges.given_up = held & ~what.rights;
	}
	pthread_mutex_unlock(&ctl->lock);
	return rc;
}

bool
ctl_filtered(struct ctl *ctl)
{
	bool filtered;

	pthread_mutex_lock(&ctl->lock);
	filtered = ctl->privileges.filtered;
	pthread_mutex_unlock(&ctl->lock);
	return filtered;
}
