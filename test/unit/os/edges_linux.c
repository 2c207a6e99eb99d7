/*
 * Edges of descriptors, by epoll; see edges.h.
 */
#include "edges.h"

#include <sys/epoll.h>
#include <unistd.h>

int
edges_create(int fd, bool level)
{
	struct epoll_event ev = {.events = EPOLLIN | (level ? 0 : (uint32_t)EPOLLET)};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(ep);
		ep = -1;
	}
	return ep;
}

int
edges_wait(int edges, int timeout_ms)
{
	struct epoll_event ev;

	return epoll_wait(edges, &ev, 1, timeout_ms);
}
