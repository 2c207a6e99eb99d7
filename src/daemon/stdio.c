/*
 * daemon/stdio: a process may be started with its standard descriptors closed.  The next file
 * or socket would get their numbers, and what is printed would go into it.
 */
#include "daemon.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void
daemon_stdio_open(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			abort(); /* a system without /dev/null */
	} while (fd <= STDERR_FILENO);
	close(fd);
}
