/*
 * A hole in a file, by fspacectl(2).
 */
#include "punch.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

int
punch(int fd, off_t bytes)
{
	struct spacectl_range range = {.r_offset = 0, .r_len = bytes};

	return fspacectl(fd, SPACECTL_DEALLOC, &range, 0, NULL);
}
