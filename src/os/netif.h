/*
 * os/netif: network interfaces as the system knows them.  Linux: netif_linux.c, from sysfs,
 * ioctls of netdevice(7) and ethtool (linux/ethtool.h), and rtnetlink(7); FreeBSD:
 * netif_freebsd.c.
 *
 * Any thread.  0 or -errno; names are NUL-terminated and at most OS_NETIF_NAME - 1 bytes, a
 * longer one is -ENAMETOOLONG, one that does not exist is -ENODEV.  In the network namespace of
 * the calling thread.
 */
#ifndef PACF_OS_NETIF_H
#define PACF_OS_NETIF_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OS_NETIF_NAME 16 /* IFNAMSIZ of both systems */

struct os_netif {
	char name[OS_NETIF_NAME];
	unsigned index;
	int dlt;	    /* DLT_ of libpcap for what a raw socket delivers; -1: unknown */
	bool up, running;   /* administratively; with a carrier */
	uint32_t mtu;	    /* bytes, without the link header */
	uint32_t rx_queues; /* at least 1 */
};
int os_netif_read(const char *name, struct os_netif *out);
/* Its present name: an interface may have been renamed.  out: OS_NETIF_NAME bytes. */
int os_netif_name(unsigned index, char *out);

/* One system call: is the interface of that name up, and has it a carrier?  On Linux an
 * interface that is taken down is not running before it is not up.  sock: any of the internet's
 * sockets. */
bool os_netif_is_up(int sock, const char *name);
/* The interface receives what is for others too, for as long as the descriptor is open.  The
 * caller closes it. */
int os_netif_promisc(const char *name);

/* How netmap opens interfaces, everywhere, between these two: 0 as well as it can, 1 by their
 * drivers only, 2 emulated only.  begin returns how it was, for end, or -errno; *lock keeps
 * others who use these two away (on Linux), or is -1. */
int os_netmap_admode_begin(int mode, int *lock);
void os_netmap_admode_end(int before, int lock);
/* An interface that netmap has open: 1 by emulation, 0 by its driver, or -errno: nobody says.
 */
int os_netmap_is_emulated(const char *name);

/* A descriptor that becomes readable when some interface has come, gone or changed; to be
 * drained then.  The caller closes it. */
int os_netwatch_open(void);
void os_netwatch_drain(int fd);

#ifdef __cplusplus
}
#endif
#endif
