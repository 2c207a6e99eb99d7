/*
 * Test of shell/gil: one thread at a time, in the order in which they asked, and whoever has it
 * rests for those who wait.
 */
#include "gil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define THREADS 8
#define ROUNDS	2000

static struct gil gil;
static unsigned plain; /* under it */
static _Atomic unsigned turns[THREADS];
static _Atomic bool stop;

static void
nap(void)
{
	const struct timespec ts = {0, 1000000};

	nanosleep(&ts, NULL);
}

/* Adds to a plain variable, with all ways to let others go first in between. */
static void *
add(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		bool entered = gil_enter(&gil);
		struct gil *lent;

		plain++;
		if (i % 4 == 0)
			gil_rest();
		plain++;
		if (i % 4 == 1) {
			lent = gil_lend();
			gil_return(lent);
		}
		gil_exit(&gil, entered);
	}
	return arg;
}

static void
one_at_a_time(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	gil_init(&gil);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(plain, THREADS * ROUNDS * 2);
	gil_destroy(&gil);
}

static void
nested(void **state)
{
	struct gil *lent;

	(void)state;
	gil_init(&gil);
	assert_null(gil_lend()); /* who has none lends none */
	gil_return(NULL);
	gil_rest();
	assert_true(gil_enter(&gil));
	assert_false(gil_enter(&gil));
	gil_exit(&gil, false);
	lent = gil_lend();
	assert_ptr_equal(lent, &gil);
	assert_null(gil_lend());
	gil_return(lent);
	assert_false(gil_enter(&gil));
	gil_exit(&gil, true);
	assert_true(gil_enter(&gil));
	gil_exit(&gil, true);
	gil_destroy(&gil);
}

/* Never lets go of it but by resting, as an endless loop in Lua does. */
static void *
hog(void *arg)
{
	_Atomic unsigned *mine = arg;

	gil_enter(&gil);
	while (!atomic_load(&stop)) {
		atomic_fetch_add(mine, 1);
		gil_rest();
	}
	gil_exit(&gil, true);
	return NULL;
}

/* All of them go on, and by the queue none has many more turns than another. */
static void
fair(void **state)
{
	pthread_t threads[THREADS];
	unsigned least, most;

	(void)state;
	gil_init(&gil);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hog, &turns[i]), 0);
	for (int i = 0; i < THREADS; i++)
		while (atomic_load(&turns[i]) == 0)
			nap();
	gil_enter(&gil); /* they all wait now, or are about to ask */
	for (int i = 0; i < THREADS; i++)
		atomic_store(&turns[i], 0);
	gil_exit(&gil, true);
	while (atomic_load(&turns[0]) < 1000)
		nap();
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	least = most = turns[0];
	for (int i = 1; i < THREADS; i++) {
		least = turns[i] < least ? turns[i] : least;
		most = turns[i] > most ? turns[i] : most;
	}
	assert_true(least >= 900);
	assert_in_range(most, least, least + least / 4 + 100);
	gil_destroy(&gil);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(nested),
		cmocka_unit_test(fair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
