/*
 * os/sys: what linux.c and freebsd.c tell posix.c, and nic_linux.c's two halves each other.
 * Nobody outside this folder includes it.
 */
#ifndef PACF_OS_SYS_H
#define PACF_OS_SYS_H

/* Where a daemon of root keeps its sockets. */
extern const char os_sys_root_rundir[];

/* nic_link_linux.c for nic_linux.c: the NUMA node of a card; -errno: *out is left as it was. */
int os_nic_node(const char *name, int *out);

#endif
