/*
 * os/sys: what linux.c and freebsd.c tell posix.c.  Nobody outside this folder includes it.
 */
#ifndef PACF_OS_SYS_H
#define PACF_OS_SYS_H

/* Where a daemon of root keeps its sockets. */
extern const char os_sys_root_rundir[];

#endif
