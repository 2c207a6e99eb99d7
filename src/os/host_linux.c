/*
 * os/host_linux: this machine and process by proc(5): /proc/self/status (capabilities(7),
 * numbers of linux/capability.h), /proc/meminfo; /sys/devices/system/node.  Called by ctl.
 */
#include "host.h"
#include "os.h"
#include "sys.h"

#include <errno.h>
#include <glob.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

int
os_line_read(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got;

	if (f == NULL)
		return -errno;
	got = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (!got)
		return -EIO;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* "Key:  value" of a file of such lines; false: there is none. */
static bool
value_read(const char *path, const char *key, int base, uint64_t *out)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(key);
	bool found = false;
	char line[256];

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ':') {
			*out = strtoull(line + n + 1, NULL, base);
			found = true;
		}
	if (f != NULL)
		fclose(f);
	return found;
}

static bool
cap_in(uint64_t set, int cap)
{
	return (set >> cap & 1) != 0;
}

static void
caps_read(struct os_host *out)
{
	uint64_t set = 0;

	out->caps_known = value_read("/proc/self/status", "CapEff", 16, &set);
	out->net_raw = cap_in(set, CAP_NET_RAW);
	out->net_admin = cap_in(set, CAP_NET_ADMIN);
	out->bpf = cap_in(set, CAP_BPF) || cap_in(set, CAP_SYS_ADMIN);
	out->ipc_lock = cap_in(set, CAP_IPC_LOCK);
}

static void
memory_read(struct os_host *out)
{
	static const char meminfo[] = "/proc/meminfo";
	struct rlimit limit;
	uint64_t kib = 0;

	if (value_read(meminfo, "Hugepagesize", 10, &kib))
		out->huge_page_bytes = kib * 1024;
	value_read(meminfo, "HugePages_Total", 10, &out->huge_pages);
	value_read(meminfo, "HugePages_Free", 10, &out->huge_pages_free);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		out->memlock_bytes =
			limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

static int
nodes_count(void)
{
	glob_t found;
	int n = 1;

	if (glob("/sys/devices/system/node/node[0-9]*", GLOB_NOSORT, NULL, &found) == 0) {
		n = (int)found.gl_pathc;
		globfree(&found);
	}
	return n;
}

void
os_host_read(struct os_host *out)
{
	struct utsname name;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	if (uname(&name) == 0)
		snprintf(out->system, sizeof(out->system), "%.16s %.40s", name.sysname,
			name.release);
	n = readlink("/proc/self/exe", out->program, sizeof(out->program) - 1);
	out->program[n > 0 ? n : 0] = '\0';
	caps_read(out);
	memory_read(out);
	out->cpus = os_cpu_count();
	out->nodes = nodes_count();
	out->netmap = access("/dev/netmap", F_OK) == 0;
}

int
os_host_node_cpus(int node, char *buf, size_t size)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	return os_line_read(path, buf, size) < 0 ? -ENOENT : 0;
}
