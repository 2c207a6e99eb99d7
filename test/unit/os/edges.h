/*
 * Waiting for a descriptor by its edges, as an event loop does: epoll with EPOLLET
 * (edges_linux.c) or a kqueue with EV_CLEAR (edges_freebsd.c).  For the tests of readiness.
 */
#ifndef PACF_TEST_EDGES_H
#define PACF_TEST_EDGES_H

#include <stdbool.h>

/* Watches fd for input, by edges or by its level.  A descriptor for edges_wait and close, or
 * -1. */
int edges_create(int fd, bool level);
/* 1: readable; 0: not within timeout_ms (-1: for ever); -1: failed. */
int edges_wait(int edges, int timeout_ms);

#endif
