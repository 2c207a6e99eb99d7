/*
 * The one question about an interface that programs ask the system and not libpcap: is it up?
 *
 * argus reads from no interface that ioctl(SIOCGIFFLAGS) does not call up.  The system is asked
 * first; only when it knows no such interface, and the name is that of a channel, is the answer
 * ours. Everything else that goes through ioctl() is passed on as it came.
 */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "shim.h"

static bool
is_channel(const struct ifreq *r)
{
	char device[IFNAMSIZ + 1] = "", *name;

	memcpy(device, r->ifr_name, IFNAMSIZ);
	name = shim_channel_name(device);
	free(name);
	return name != NULL;
}

int
ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *r;
	va_list args;
	void *arg;
	int status;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	status = REAL(ioctl)(fd, request, arg);
	if (status == 0 || request != SIOCGIFFLAGS || (errno != ENODEV && errno != ENXIO))
		return status;
	r = arg;
	if (!is_channel(r))
		return REAL(ioctl)(fd, request, arg); /* for errno */
	r->ifr_flags = IFF_UP | IFF_RUNNING;
	return 0;
}
