/*
 * os/memory: Linux's part; see memory.h.  Called by the control plane when an engine starts.
 *
 * A node is preferred, never demanded: a fault that finds its node empty is served by another
 * one instead of ending the process, and what is said afterwards is what the kernel says of the
 * page.  System calls are made by number, as libnuma is no dependency.
 */
#include "memory.h"
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES_MAX 1024
#define NODES	  "/sys/devices/system/node"
#define WORD_BITS (8 * sizeof(unsigned long))

/* A number that a file of sysfs holds; 0 if it has none. */
static uint64_t
number_in(const char *dir, const char *name)
{
	unsigned long long value = 0;
	char path[320];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static int
node_count(int *first)
{
	DIR *dir = opendir(NODES);
	const struct dirent *entry;
	int n = 0, node;
	char end;

	*first = 0;
	if (dir == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL)
		if (sscanf(entry->d_name, "node%d%c", &node, &end) == 1 && n++ == 0)
			*first = node;
	closedir(dir);
	return n > 0 ? n : 1;
}

int
os_cpu_node(int cpu)
{
	const struct dirent *entry;
	int first, node, found = -1;
	char path[64], end;
	DIR *dir;

	if (node_count(&first) == 1)
		return first;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		if (sscanf(entry->d_name, "node%d%c", &node, &end) == 1)
			found = node;
	closedir(dir);
	return found;
}

/* Huge pages of that size that can be had, on the node if there is one. */
static uint64_t
huge_free(uint64_t page_kib, int node)
{
	char all[128], on_node[128];
	uint64_t reserved, free, there;

	snprintf(all, sizeof(all), "/sys/kernel/mm/hugepages/hugepages-%llukB",
		(unsigned long long)page_kib);
	snprintf(on_node, sizeof(on_node), NODES "/node%d/hugepages/hugepages-%llukB", node,
		(unsigned long long)page_kib);
	free = number_in(all, "free_hugepages");
	reserved = number_in(all, "resv_hugepages");
	free = free > reserved ? free - reserved : 0;
	if (node < 0)
		return free;
	there = number_in(on_node, "free_hugepages");
	return there < free ? there : free;
}

/* The smallest size of which there are enough; 0: there is none. */
static size_t
huge_page_bytes(size_t bytes, int node)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	const struct dirent *entry;
	unsigned long long kib;
	uint64_t best = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) == 1 &&
			(best == 0 || kib < best) &&
			huge_free(kib, node) >= (bytes + kib * 1024 - 1) / (kib * 1024))
			best = kib;
	closedir(dir);
	return (size_t)best * 1024;
}

/* No matter if it fails: a container may not be allowed to. */
static void
prefer_node(void *base, size_t bytes, int node)
{
	unsigned long mask[NODES_MAX / WORD_BITS] = {0};

	if (node < 0 || node >= NODES_MAX)
		return;
	mask[(size_t)node / WORD_BITS] |= 1UL << ((size_t)node % WORD_BITS);
	(void)syscall(
		SYS_mbind, base, bytes, MPOL_PREFERRED, mask, (unsigned long)NODES_MAX + 1, 0);
}

/* Commits the page. */
static int
node_of(void *base)
{
	int node = -1, only;

	*(char *)base = 0;
	if (syscall(SYS_get_mempolicy, &node, NULL, 0, base, MPOL_F_NODE | MPOL_F_ADDR) == 0)
		return node;
	return node_count(&only) == 1 ? only : -1;
}

static int
huge_file(const char *label, size_t page_bytes)
{
	unsigned shift = (unsigned)__builtin_ctzll(page_bytes);

	return memfd_create(
		label, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | shift << MFD_HUGE_SHIFT);
}

/* Seals, and sees whether that keeps a reader from writing. */
static int
seal(const struct os_memory *m, bool huge)
{
	int rc = os_shm_seal(m->fd, true);
	void *mem;

	if (rc < 0 || !huge || os_shm_map(m->fd, m->bytes, true, &mem) < 0)
		return rc;
	os_shm_unmap(mem, m->bytes);
	return -ENOMEM;
}

static int
file_make(const char *label, size_t bytes, int node, bool huge, struct os_memory *m)
{
	size_t page = huge ? huge_page_bytes(bytes, node) : (size_t)sysconf(_SC_PAGESIZE);

	if (page == 0)
		return -ENOMEM;
	m->page_bytes = page;
	m->bytes = (bytes + page - 1) / page * page;
	if (!huge) {
		m->fd = os_shm_create(label, m->bytes);
		return m->fd < 0 ? m->fd : 0;
	}
	m->fd = huge_file(label, page);
	if (m->fd < 0)
		return -errno;
	return ftruncate(m->fd, (off_t)m->bytes) < 0 ? -errno : 0;
}

/* Mapping reserves the pages, so that no fault fails later; each is there before it is used. */
static void
huge_commit(const struct os_memory *m)
{
	for (size_t at = 0; at < m->bytes; at += m->page_bytes)
		((char *)m->base)[at] = 0;
}

int
os_memory_create(const char *label, size_t bytes, int node, bool huge, struct os_memory *out)
{
	int rc;

	*out = (struct os_memory){.fd = -1, .node = -1};
	rc = file_make(label, bytes, node, huge, out);
	if (rc == 0)
		rc = os_shm_map(out->fd, out->bytes, true, &out->base);
	if (rc == 0)
		rc = seal(out, huge);
	if (rc < 0) {
		os_memory_destroy(out);
		return rc;
	}
	prefer_node(out->base, out->bytes, node);
	if (huge)
		huge_commit(out);
	out->node = node_of(out->base);
	return 0;
}

void
os_memory_destroy(struct os_memory *memory)
{
	os_shm_unmap(memory->base, memory->bytes);
	if (memory->fd >= 0)
		close(memory->fd);
	*memory = (struct os_memory){.fd = -1, .node = -1};
}

uint64_t
os_memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	uint64_t bytes = UINT64_MAX;
	char line[128];

	if (file == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			bytes = kib * UINT64_C(1024);
	fclose(file);
	return bytes;
}
