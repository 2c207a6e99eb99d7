/*
 * os/nic: what a card, its driver and the system do with packets before we get them: offloads,
 * rings, queues, interrupts, programs.  For the control plane: what is on at a start, and the
 * doctor.  Linux: nic_linux.c (ethtool ioctls, linux/ethtool.h; sysfs), nic_link_linux.c
 * (rtnetlink(7), bpf(2)) and nic_xdp_linux.c (generic netlink); FreeBSD: nic_freebsd.c, where
 * nothing of it is known: -ENOTSUP.
 *
 * Any thread, in its network namespace.  0 or -errno; -ENODEV: no such interface.  All but
 * os_nic_offload_set only read, and need no privilege.
 */
#ifndef PACF_OS_NIC_H
#define PACF_OS_NIC_H

#include "netif.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As `ethtool -K` calls them, see os_nic_offload_name. */
enum os_offload {
	OS_GRO,	   /* packets of a connection are joined, by the system */
	OS_GRO_HW, /* by the card, so that they can be told apart again */
	OS_LRO,	   /* by the card */
	OS_RXVLAN, /* the outer VLAN tag is taken out of the packet */
	OS_TSO, /* as sender: packets larger than the MTU go down, or over to a veth's peer */
	OS_GSO,
	OS_TXCSUM, /* as sender: checksums are left to the card; over veth they are never made
		    */
	OS_OFFLOADS
};
/* Joined packets were never on the wire, nor ones without their tag. */
#define OS_OFFLOAD_JOINS (1u << OS_GRO | 1u << OS_GRO_HW | 1u << OS_LRO)
#define OS_OFFLOAD_FALSE (OS_OFFLOAD_JOINS | 1u << OS_RXVLAN)

const char *os_nic_offload_name(enum os_offload offload); /* "gro" */

/* Sets of 1 << enum os_offload. */
struct os_offloads {
	uint32_t on;	     /* in force */
	uint32_t wanted;     /* asked for; not all that is asked for is possible */
	uint32_t changeable; /* the driver lets them be switched */
};
int os_nic_offloads(const char *name, struct os_offloads *out);
/* Of the set `which`, those in `wanted` are asked for, the others not.  Needs CAP_NET_ADMIN. */
int os_nic_offload_set(const char *name, uint32_t which, uint32_t wanted);

enum os_rss { OS_RSS_UNKNOWN, OS_RSS_ONE_SIDED, OS_RSS_SYMMETRIC };
#define OS_NIC_TEXT 64
struct os_nic {
	char driver[OS_NIC_TEXT], version[OS_NIC_TEXT]; /* "": not known */
	char bus[OS_NIC_TEXT];
	uint32_t rx_ring, rx_ring_max; /* packets; 0: not known */
	uint32_t queues, queues_max;   /* that receive; 0: not known */
	bool queues_paired;   /* each receives and sends: "combined" for `ethtool -L`, else "rx"
			       */
	uint32_t rss_entries; /* of the table hash -> queue; 0: none, or not known */
	uint32_t rss_queues;  /* how many queues are in it */
	uint32_t rss_key_bytes;
	enum os_rss rss; /* do both directions of a connection have the same hash? */
	int numa;	 /* node; -1: none, or not known */
};
int os_nic_read(const char *name, struct os_nic *out);

struct os_nic_counters {
	uint64_t rx_packets, rx_dropped, rx_missed; /* missed: the card had no room */
};
int os_nic_counters(const char *name, struct os_nic_counters *out);

/* An interrupt of the card and the CPUs that may serve it, as "0-3,8". */
struct os_nic_irq {
	unsigned irq;
	char cpus[OS_NIC_TEXT];
};
/* At most max of them into out; how many there are.  -ENOENT: not known. */
int os_nic_irqs(const char *name, struct os_nic_irq *out, int max);

struct os_nic_link {
	char kind[OS_NIC_TEXT];	  /* "veth", "bridge"; "": a card, or not known */
	char peer[OS_NETIF_NAME]; /* the other end of a veth; "": none, or in another namespace
				   */
	uint32_t promiscuous;	  /* how many asked for it */
	uint32_t xdp_id;	  /* of the XDP program that is attached; 0: none */
	char xdp_mode[16];	  /* "native", "generic", "offloaded" */
	char xdp_name[OS_NIC_TEXT]; /* "": not known, it takes privilege */
};
int os_nic_link(const char *name, struct os_nic_link *out);

/* What its driver can do for XDP. */
struct os_nic_xdp {
	bool native;		 /* runs programs, and gives packets to AF_XDP */
	bool zerocopy;		 /* without a copy */
	bool parts;		 /* packets of several buffers */
	uint32_t zerocopy_parts; /* so many without a copy */
	bool stamps, tags;	 /* tells programs the card's time stamps, and tags taken out */
};
/* -ENOTSUP: the system does not say (Linux before 6.3). */
int os_nic_xdp(const char *name, struct os_nic_xdp *out);

/* Every interface's name, in the system's order. */
int os_nic_each(void (*fn)(void *arg, const char *name), void *arg);

/* Which interfaces this process sees, since when: boot and network namespace, as one word. */
int os_nic_place(char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
