/*
 * Edges of descriptors, by kqueue; see edges.h.
 */
#include "edges.h"

#include <stddef.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

int
edges_create(int fd, bool level)
{
	int queue = kqueue();
	struct kevent ev;

	EV_SET(&ev, fd, EVFILT_READ, EV_ADD | (level ? 0 : EV_CLEAR), 0, 0, NULL);
	if (queue >= 0 && kevent(queue, &ev, 1, NULL, 0, NULL) < 0) {
		close(queue);
		queue = -1;
	}
	return queue;
}

int
edges_wait(int edges, int timeout_ms)
{
	struct timespec ts = {
		.tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
	struct kevent ev;

	return kevent(edges, NULL, 0, &ev, 1, timeout_ms < 0 ? NULL : &ts);
}
