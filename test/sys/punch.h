/* A hole in a file, the one way to change it that is no writing; for badclient.c. */
#ifndef PACF_TEST_PUNCH_H
#define PACF_TEST_PUNCH_H

#include <sys/types.h>

/* Zeroes bytes at the start of fd's file.  0, or -1 with errno. */
int punch(int fd, off_t bytes);

#endif
