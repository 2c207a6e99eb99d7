/*
 * daemon/wait: the main thread of a daemon waits here until it is told to end.
 */
#include "daemon.h"

#include <errno.h>
#include <semaphore.h>

static sem_t ended;

int
daemon_serve(struct shell *sh, struct ctl_err *err)
{
	(void)sh;
	(void)err;
	return sem_init(&ended, 0, 0);
}

void
daemon_serve_end(struct shell *sh)
{
	(void)sh;
	sem_destroy(&ended);
}

int
daemon_wait_end(struct shell *sh)
{
	(void)sh;
	while (sem_wait(&ended) < 0 && errno == EINTR)
		;
	return 0;
}

void
daemon_stop(struct shell *sh)
{
	(void)sh;
	sem_post(&ended);
}
