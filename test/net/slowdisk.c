/*
 * slowdisk: preloaded into a pacf under test: writing to a file with "slow" in its path waits
 * as long as the file named by SLOWDISK exists.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at);

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	const char *gate = getenv("SLOWDISK");
	char link[64], path[1024];
	ssize_t (*real)(int, const void *, size_t, off64_t);
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	while (gate != NULL && strstr(path, "slow") != NULL && access(gate, F_OK) == 0)
		usleep(1000);
	*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	return real(fd, data, n, at);
}
