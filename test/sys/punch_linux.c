/*
 * A hole in a file, by fallocate(2).
 */
#include "punch.h"

#include <fcntl.h>

int
punch(int fd, off_t bytes)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes);
}
