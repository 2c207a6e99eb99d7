/*
 * ctl/breaker: a flag that says whether, and a doorbell that wakes.  Used by the waits of ctl
 * and by its callers; needs nothing else of ctl.
 */
#include "breaker.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct ctl_breaker {
	_Atomic bool broken;
	int bell_fd;
};

int
ctl_breaker_open(struct ctl_breaker **out)
{
	struct ctl_breaker *breaker = calloc(1, sizeof(*breaker));

	*out = NULL;
	if (breaker == NULL)
		return -ENOMEM;
	breaker->bell_fd = os_bell_create();
	if (breaker->bell_fd < 0) {
		int rc = breaker->bell_fd;

		free(breaker);
		return rc;
	}
	*out = breaker;
	return 0;
}

void
ctl_breaker_close(struct ctl_breaker *breaker)
{
	if (breaker == NULL)
		return;
	close(breaker->bell_fd);
	free(breaker);
}

/* The flag before the bell: who wakes up sees it. */
void
ctl_break(struct ctl_breaker *breaker)
{
	atomic_store(&breaker->broken, true);
	os_bell_ring(breaker->bell_fd);
}

/* The bell is silenced before the flag is looked at: a break in between rings it again, and the
 * next wait finds that, and the flag or nothing. */
static bool
settle(struct ctl_breaker *breaker)
{
	os_bell_drain(breaker->bell_fd);
	return atomic_exchange(&breaker->broken, false);
}

bool
ctl_breaker_take(struct ctl_breaker *breaker)
{
	return breaker != NULL && atomic_load(&breaker->broken) && settle(breaker);
}

int
ctl_breaker_wait(struct ctl_breaker *breaker, uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
	struct pollfd pfd = {.fd = breaker != NULL ? breaker->bell_fd : -1, .events = POLLIN};

	ppoll(&pfd, 1, &ts, NULL);
	return breaker != NULL && settle(breaker) ? -EINTR : 0;
}

int
ctl_sleep(struct ctl_breaker *breaker, double seconds)
{
	uint64_t now = os_clock_mono_ns();
	uint64_t length = seconds < 0 || seconds > 1e9 ? UINT64_MAX : (uint64_t)(seconds * 1e9);
	uint64_t end = length > UINT64_MAX - now ? UINT64_MAX : now + length;

	for (; now < end; now = os_clock_mono_ns()) {
		uint64_t left = end - now;
		int rc = ctl_breaker_wait(breaker, left < 1000000000u ? left : 1000000000u);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
ctl_breaker_fd(const struct ctl_breaker *breaker)
{
	return breaker->bell_fd;
}
