/*
 * ctl/offload_journal: what has to be put back on interfaces, on disk.  Called by offload.c
 * under ctl->lock, and at the start of the program.  See offload.h.
 */
#include "offload.h"
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX	 "offload-"
#define TEXT_MAX 1024

struct journal {
	char place[128], name[OS_NETIF_NAME];
	unsigned index;
	uint32_t changed, wanted;
	bool whole;
};

static int
offload_find(const char *name)
{
	for (int i = 0; i < OS_OFFLOADS; i++)
		if (strcmp(os_nic_offload_name((enum os_offload)i), name) == 0)
			return i;
	return -1;
}

static void
line_parse(struct journal *j, const char *line)
{
	char key[32], value[128];
	int offload;

	if (strcmp(line, "end") == 0)
		j->whole = j->place[0] != '\0' && j->name[0] != '\0' && j->index != 0;
	if (sscanf(line, "%31s %127s", key, value) != 2)
		return;
	offload = offload_find(key);
	if (strcmp(key, "place") == 0)
		snprintf(j->place, sizeof(j->place), "%s", value);
	else if (strcmp(key, "interface") == 0 && strlen(value) < sizeof(j->name))
		memcpy(j->name, value, strlen(value) + 1);
	else if (strcmp(key, "index") == 0)
		j->index = (unsigned)strtoul(value, NULL, 10);
	else if (offload >= 0) {
		j->changed |= 1u << offload;
		j->wanted |= strcmp(value, "on") == 0 ? 1u << offload : 0;
	}
}

static bool
journal_read(int fd, struct journal *out)
{
	char text[TEXT_MAX], *line, *rest = text;
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	memset(out, 0, sizeof(*out));
	if (got <= 0)
		return false;
	text[got] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		line_parse(out, line);
	return out->whole;
}

/* Of the same boot: then it may be of another network namespace, whose interfaces are not seen.
 */
static bool
boot_same(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, '-') ? strrchr(a, '-') - a : 0);

	return strncmp(a, b, n + 1) == 0;
}

/* A file of nobody: false if it is not for us to put back or remove. */
static bool
journal_recover(int fd, const char *place)
{
	struct os_netif face;
	struct journal j;

	if (!journal_read(fd, &j) || !boot_same(j.place, place))
		return true; /* nothing was changed yet, or nothing is left of it */
	if (strcmp(j.place, place) != 0)
		return false;
	if (os_netif_read(j.name, &face) < 0 || face.index != j.index)
		return true; /* the interface is gone, and what was changed with it */
	ctl_offload_put_back(j.name, j.changed, j.wanted);
	return true;
}

/* Locks the file of that name: a descriptor; -EBUSY; -ENOENT: there is none. */
static int
file_lock(const char *path, int flags)
{
	struct stat st;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			close(fd);
			return -EBUSY;
		}
		/* Its owner may have removed it in between. */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		close(fd);
	}
}

int
ctl_journal_take(struct ctl_offload *o)
{
	char dir[CTL_PATH_MAX - 64], place[128];
	int rc = os_rundir(dir, sizeof(dir), true);

	if (rc == 0)
		rc = os_nic_place(place, sizeof(place));
	if (rc < 0)
		return rc;
	snprintf(o->path, sizeof(o->path), "%s/" PREFIX "%.20s-%s", dir,
		strrchr(place, '-') + 1, o->name);
	o->fd = file_lock(o->path, O_CREAT);
	if (o->fd < 0)
		return o->fd;
	journal_recover(o->fd, place);
	if (ftruncate(o->fd, 0) == 0)
		return 0;
	rc = -errno;
	close(o->fd);
	return rc;
}

int
ctl_journal_write(struct ctl_offload *o)
{
	char text[TEXT_MAX], place[128];
	int n, rc = os_nic_place(place, sizeof(place));

	if (rc < 0)
		return rc;
	n = snprintf(text, sizeof(text),
		"# pacf puts these back; ethtool -K calls them so\nplace %s\ninterface "
		"%s\nindex %u\n",
		place, o->name, o->index);
	for (int i = 0; i < OS_OFFLOADS; i++)
		if (o->changed & 1u << i)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %s\n",
				os_nic_offload_name((enum os_offload)i),
				o->wanted & 1u << i ? "on" : "off");
	n += snprintf(text + n, sizeof(text) - (size_t)n, "end\n");
	if (pwrite(o->fd, text, (size_t)n, 0) != n)
		return errno != 0 ? -errno : -ENOSPC;
	return 0;
}

void
ctl_journal_drop(struct ctl_offload *o)
{
	unlink(o->path); /* while it is locked */
	close(o->fd);
	o->fd = -1;
}

static void
file_recover(const char *dir, const char *name, const char *place)
{
	char path[CTL_PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return;
	fd = file_lock(path, 0);
	if (fd < 0)
		return; /* its pacf lives */
	if (journal_recover(fd, place))
		unlink(path);
	close(fd);
}

void
ctl_recover(void)
{
	char dir[CTL_PATH_MAX - 64], place[128];
	struct dirent *entry;
	DIR *d;

	if (os_rundir(dir, sizeof(dir), false) < 0 || os_nic_place(place, sizeof(place)) < 0)
		return;
	d = opendir(dir);
	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			file_recover(dir, entry->d_name, place);
	closedir(d);
}
