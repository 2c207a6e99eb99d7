/*
 * io/freebsd/netmap_sys: netmap's interface for programs, from the system.  Included by
 * netmap_port.c, source_netmap.c, sink_netmap.c.
 */
#ifndef PACF_NETMAP_SYS_H
#define PACF_NETMAP_SYS_H

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <net/if.h>
#include <net/netmap.h>

#define NETMAP_NAMSZ  NETMAP_REQ_IFNAMSIZ
#define NETMAP_DEVICE "/dev/netmap"

#endif
