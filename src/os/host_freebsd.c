/*
 * os/host_freebsd: this machine and process: there are no capabilities(7), root may do all.
 * Called by ctl.
 */
#include "host.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

void
os_host_read(struct os_host *out)
{
	bool root = geteuid() == 0;
	struct utsname name;
	struct rlimit limit;

	memset(out, 0, sizeof(*out));
	if (uname(&name) == 0)
		snprintf(out->system, sizeof(out->system), "%.16s %.40s", name.sysname,
			name.release);
	out->net_raw = out->net_admin = out->bpf = out->ipc_lock = root;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		out->memlock_bytes =
			limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
	out->cpus = os_cpu_count();
	out->nodes = 1;
	out->netmap = access("/dev/netmap", F_OK) == 0;
}

int
os_host_node_cpus(int node, char *buf, size_t size)
{
	(void)node, (void)buf, (void)size;
	return -ENOENT;
}
