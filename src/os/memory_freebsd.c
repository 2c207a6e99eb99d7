/*
 * os/memory: FreeBSD's part; see memory.h.  Called by the control plane when an engine starts.
 * Superpages are the kernel's own choice there, and so is the domain.
 */
#include "memory.h"
#include "os.h"

#include <errno.h>
#include <sys/types.h>
#include <sys/sysctl.h>
#include <unistd.h>

int
os_cpu_node(int cpu)
{
	(void)cpu;
	return -1;
}

int
os_memory_create(const char *label, size_t bytes, int node, bool huge, struct os_memory *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int rc;

	(void)node;
	*out = (struct os_memory){.fd = -1, .node = -1};
	if (huge)
		return -ENOMEM;
	out->page_bytes = page;
	out->bytes = (bytes + page - 1) / page * page;
	out->fd = os_shm_create(label, out->bytes);
	rc = out->fd < 0 ? out->fd : os_shm_map(out->fd, out->bytes, true, &out->base);
	if (rc == 0)
		rc = os_shm_seal(out->fd, true);
	if (rc < 0)
		os_memory_destroy(out);
	return rc;
}

void
os_memory_destroy(struct os_memory *memory)
{
	os_shm_unmap(memory->base, memory->bytes);
	if (memory->fd >= 0)
		close(memory->fd);
	*memory = (struct os_memory){.fd = -1, .node = -1};
}

static uint64_t
pages(const char *name)
{
	unsigned value = 0;
	size_t size = sizeof(value);

	return sysctlbyname(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

uint64_t
os_memory_available(void)
{
	uint64_t n = pages("vm.stats.vm.v_free_count") + pages("vm.stats.vm.v_inactive_count") +
		     pages("vm.stats.vm.v_laundry_count");

	return n == 0 ? UINT64_MAX : n * (uint64_t)sysconf(_SC_PAGESIZE);
}
