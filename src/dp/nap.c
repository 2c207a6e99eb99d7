/*
 * dp/nap: an engine with nothing to do sleeps, long enough that packets gather, and no longer
 * than somebody may wait for them.  Engine thread only, called by engine.c.
 */
#include "dp.h"
#include "os.h"

#include <poll.h>
#include <time.h>

#define NAP_MIN_NS 20000u    /* shortest nap without progress */
#define NAP_MAX_NS 10000000u /* longest: idle costs about 100 turns a second */
/* Naps from this on end when a packet comes; shorter ones let some gather: as long as
 * gather_ns says at first, then, as far as the last nap tells, until they are between few and
 * many.  A nap and its end cost about 8 us in a virtual machine (2026). */
#define NAP_LONG_NS 1000000u
#define NAP_FEW	    64u
#define NAP_MANY    1024u
/* Where applications merge the lanes of several engines, well within their window of 1 ms. */
#define NAP_GATHER_NS	    250000u
#define NAP_GATHER_ALONE_NS 500000u

static uint64_t
gather_ns(const struct dp_engine *engine)
{
	return atomic_load_explicit(&engine->alone, memory_order_relaxed) ? NAP_GATHER_ALONE_NS
									  : NAP_GATHER_NS;
}

static uint64_t
nap_choose(struct dp_engine *engine)
{
	uint64_t nap = engine->nap_ns, gather = gather_ns(engine);

	if (engine->gathered == 0)
		nap *= 2;
	else if (nap > gather)
		nap = gather;
	else if (engine->gathered < NAP_FEW)
		nap *= 2;
	else if (engine->gathered > NAP_MANY)
		nap /= 2;
	engine->gathered = 0;
	engine->nap_ns = nap < NAP_MIN_NS ? NAP_MIN_NS : nap > NAP_MAX_NS ? NAP_MAX_NS : nap;
	return engine->nap_ns;
}

static uint64_t
sources_idle_ns(struct dp_engine *engine, bool may_gather, struct io_wait *wait)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < engine->nlinks; i++) {
		const struct dp_link *link = &engine->links[i];
		bool poll = !may_gather || link->ops->prompt;
		uint64_t ns = link->ended ? UINT64_MAX
					  : link->ops->idle(link->priv, poll ? wait : NULL);

		if (ns < least)
			least = ns;
	}
	return least;
}

/* Until the bell or one of the sources' descriptors, but not longer than ns. */
static void
nap_sleep(struct dp_engine *engine, uint64_t ns, const struct io_wait *wait)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
	struct pollfd fds[1 + IO_WAIT_MAX];

	fds[0] = (struct pollfd){.fd = engine->bell_fd, .events = POLLIN};
	for (uint32_t i = 0; i < wait->n; i++)
		fds[1 + i] = (struct pollfd){.fd = wait->fds[i], .events = POLLIN};
	if (ppoll(fds, 1 + wait->n, &ts, NULL) > 0 && fds[0].revents != 0)
		os_bell_drain(engine->bell_fd);
}

static uint64_t
lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void
dp_nap(struct dp_engine *engine, uint64_t most_ns, bool stalled)
{
	uint64_t ns = lesser(nap_choose(engine), most_ns);
	struct io_wait wait = {.n = 0};

	if (!stalled) {
		ns = lesser(ns, dp_order_due_ns(engine));
		ns = lesser(ns, sources_idle_ns(engine, ns < NAP_LONG_NS, &wait));
	}
	nap_sleep(engine, ns, &wait);
}
