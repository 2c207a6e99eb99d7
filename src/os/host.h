/*
 * os/host: what this machine and this process may do: privileges, memory, processors.  For the
 * doctor.  Linux: host_linux.c, from proc(5) and sysfs; FreeBSD: host_freebsd.c.  Any thread;
 * reads only.
 */
#ifndef PACF_OS_HOST_H
#define PACF_OS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct os_host {
	char system[64];	  /* "Linux 6.1.0" */
	char program[256];	  /* this program's file; "": not known */
	bool caps_known;	  /* the system has capabilities; else root may do all */
	bool net_raw, net_admin;  /* packet sockets; promiscuous mode, offloads */
	bool bpf, ipc_lock;	  /* XDP programs; memory beyond the limit may be locked */
	uint64_t memlock_bytes;	  /* the limit; UINT64_MAX: none */
	uint64_t huge_page_bytes; /* 0: not known */
	uint64_t huge_pages, huge_pages_free;
	int cpus, nodes; /* NUMA nodes: at least 1 */
	bool netmap;	 /* /dev/netmap is there */
};
void os_host_read(struct os_host *out);

/* The CPUs of a NUMA node as "0-3,8".  -ENOENT: not known. */
int os_host_node_cpus(int node, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
