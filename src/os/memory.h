/*
 * os/memory: the memory of a pool: shared like os.h's, on the NUMA node that uses it, in huge
 * pages if that is asked for and there are enough.  Linux: memory_linux.c, by mbind(2),
 * memfd_create(2) and sysfs; FreeBSD: memory_freebsd.c, in ordinary pages wherever they come.
 *
 * Any thread.  0 or -errno.
 */
#ifndef PACF_OS_MEMORY_H
#define PACF_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct os_memory {
	void *base;	   /* mapped for writing, the only mapping that ever can */
	int fd;		   /* sealed, to be sent to readers */
	size_t bytes;	   /* whole pages: at least what was asked for */
	size_t page_bytes; /* 4096, or of a huge page */
	int node;	   /* as read back of the first page; -1: nobody says */
};

/*
 * node: where its pages should be, as long as there are any; -1: where they are first used.
 * huge: in huge pages, which are all committed at once; -ENOMEM if too few are free on the
 * node, or readers could not be kept from writing to them (Linux before 5.13).  Ordinary pages
 * are committed when they are first used.  os_memory_destroy takes what this filled in.
 */
int os_memory_create(
	const char *label, size_t bytes, int node, bool huge, struct os_memory *out);
void os_memory_destroy(struct os_memory *memory);

/* Bytes that programs can still get, as the system estimates; UINT64_MAX: it does not say. */
uint64_t os_memory_available(void);

/* The NUMA node of a CPU; 0 on a machine that has but one, -1: unknown. */
int os_cpu_node(int cpu);

#ifdef __cplusplus
}
#endif
#endif
