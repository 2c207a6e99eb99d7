/*
 * io/xdp_port: the XDP program of an interface, shared by this process's engines that read it.
 * Control plane only, under its lock.  The program hangs on a bpf_link that the process holds,
 * so that it goes with the process, whatever ends that.
 */
#ifndef PACF_IO_XDP_PORT_H
#define PACF_IO_XDP_PORT_H

#include "io.h"
#include "netif.h"

struct xdp_port {
	unsigned ifindex;
	bool native;	      /* runs in the driver; else in the kernel's generic path */
	bool hints;	      /* the driver is asked for time stamps and tags */
	bool frags;	      /* packets may come in several buffers */
	char why[IO_ERR_MAX]; /* not better, because; or "" */
	uint32_t users;
	int map_fd, link_fd;
	int promiscuous_fd; /* a packet socket that asks for it; the kernel undoes that */
	struct pacf_xdp_bpf *skeleton;
};

/* Longest MTU whose packets, with four tags, come in one buffer. */
#define XDP_PORT_MTU 1762u

/* The interface's port, made if there is none, and promiscuous; mode NATIVE or GENERIC: in that
 * way or not at all.  0, or -errno with a sentence. */
int xdp_port_get(const struct os_netif *netif, enum io_mode mode, struct xdp_port **out,
	struct io_err *err);
/* The last user detaches the program. */
void xdp_port_put(struct xdp_port *port);
/* The socket gets the queue's packets from now on.  -errno. */
int xdp_port_join(const struct xdp_port *port, uint32_t queue, int sock);
void xdp_port_leave(const struct xdp_port *port, uint32_t queue);
/* Could there be a port?  Reads, and loads a program that is let go at once: nothing changes
 * for the interface.  0; -EBUSY: a program of others is on it; -EPERM and others; each with a
 * sentence. */
int xdp_port_check(const struct os_netif *netif, struct io_err *err);

#endif
