/*
 * remote/socket: RUNDIR/control.sock, the daemon's end and pacfctl's.
 */
#include "remote.h"
#include "os.h"

#include <sys/socket.h>

static const struct os_local control = {
	REMOTE_SOCKET, REMOTE_LOCK, SOCK_STREAM | SOCK_NONBLOCK};

int
remote_connect(const char *rundir)
{
	return os_local_connect(rundir, &control);
}

int
remote_listen(const char *rundir, int *lock_fd)
{
	return os_local_listen(rundir, &control, lock_fd);
}

void
remote_unlisten(const char *rundir, int listen_fd, int lock_fd)
{
	os_local_unlisten(rundir, &control, listen_fd, lock_fd);
}
