/*
 * shell/gil: a lock with a queue: whoever asks draws a number.
 */
#include "gil.h"

#include <stdatomic.h>
#include <stddef.h>

/* What this thread has. */
static _Thread_local struct gil *mine;

void
gil_init(struct gil *gil)
{
	pthread_mutex_init(&gil->mutex, NULL);
	pthread_cond_init(&gil->turn, NULL);
	atomic_init(&gil->next, 0);
	atomic_init(&gil->served, 0);
}

void
gil_destroy(struct gil *gil)
{
	pthread_cond_destroy(&gil->turn);
	pthread_mutex_destroy(&gil->mutex);
}

/* What the one before did to Lua is seen: both hold the mutex. */
static void
take(struct gil *gil)
{
	uint64_t number;

	pthread_mutex_lock(&gil->mutex);
	number = atomic_fetch_add_explicit(&gil->next, 1, memory_order_relaxed);
	while (atomic_load_explicit(&gil->served, memory_order_relaxed) != number)
		pthread_cond_wait(&gil->turn, &gil->mutex);
	pthread_mutex_unlock(&gil->mutex);
	mine = gil;
}

static void
give(struct gil *gil)
{
	mine = NULL;
	pthread_mutex_lock(&gil->mutex);
	atomic_fetch_add_explicit(&gil->served, 1, memory_order_relaxed);
	pthread_cond_broadcast(&gil->turn);
	pthread_mutex_unlock(&gil->mutex);
}

bool
gil_enter(struct gil *gil)
{
	if (mine == gil)
		return false;
	take(gil);
	return true;
}

void
gil_exit(struct gil *gil, bool entered)
{
	if (entered)
		give(gil);
}

struct gil *
gil_lend(void)
{
	struct gil *gil = mine;

	if (gil != NULL)
		give(gil);
	return gil;
}

void
gil_return(struct gil *gil)
{
	if (gil != NULL)
		take(gil);
}

/* Looked at without the mutex: who comes just now is seen the next time. */
void
gil_rest(void)
{
	struct gil *gil = mine;

	if (gil != NULL &&
		atomic_load_explicit(&gil->next, memory_order_relaxed) -
				atomic_load_explicit(&gil->served, memory_order_relaxed) >
			1)
		gil_return(gil_lend());
}
