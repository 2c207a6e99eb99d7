/*
 * os/sys: what linux.c and freebsd.c tell posix.c, and nic_linux.c's two halves each other.
 * Nobody outside this folder includes it.
 */
#ifndef PACF_OS_SYS_H
#define PACF_OS_SYS_H

#include <stddef.h>

/* Where a daemon of root keeps its sockets. */
extern const char os_sys_root_rundir[];

/* privileges_linux.c has every thread run its handler. */
#define OS_CONFINE_SIGNAL (SIGRTMIN + 7)

/* nic_link_linux.c for nic_linux.c: the NUMA node of a card; -errno: *out is left as it was. */
int os_nic_node(const char *name, int *out);

/* host_linux.c for nic_link_linux.c: the first line of a file, without its end. */
int os_line_read(const char *path, char *buf, size_t size);

#endif
