/*
 * Test of the breakers of ctl: a break ends one wait of its owner, also if it comes before, and
 * several are one; whoever breaks from many threads at once is always heard.
 */
#include "breaker.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#define ROUNDS	2000
#define LONG_NS UINT64_C(60000000000)

static void
before_the_wait(void **state)
{
	struct ctl_breaker *mine, *other;

	(void)state;
	assert_int_equal(ctl_breaker_open(&mine), 0);
	assert_int_equal(ctl_breaker_open(&other), 0);
	assert_false(ctl_breaker_take(mine));
	ctl_break(mine);
	ctl_break(mine);
	assert_int_equal(ctl_breaker_wait(other, 1000), 0);
	assert_int_equal(ctl_sleep(other, 0.001), 0);
	assert_int_equal(ctl_breaker_wait(mine, LONG_NS), -EINTR);
	assert_int_equal(ctl_breaker_wait(mine, 1000), 0);
	ctl_break(mine);
	assert_true(ctl_breaker_take(mine));
	assert_false(ctl_breaker_take(mine));
	assert_int_equal(ctl_sleep(mine, 0.001), 0);
	ctl_break(mine);
	assert_int_equal(ctl_sleep(mine, 1e300), -EINTR);
	ctl_breaker_close(mine);
	ctl_breaker_close(other);
}

static void
polled(void **state)
{
	struct ctl_breaker *b;
	struct pollfd fd = {.events = POLLIN};

	(void)state;
	assert_int_equal(ctl_breaker_open(&b), 0);
	fd.fd = ctl_breaker_fd(b);
	assert_int_equal(poll(&fd, 1, 0), 0);
	ctl_break(b);
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_true(ctl_breaker_take(b));
	assert_int_equal(poll(&fd, 1, 0), 0);
	ctl_breaker_close(b);
}

static void
nobody(void **state)
{
	(void)state;
	assert_false(ctl_breaker_take(NULL));
	assert_int_equal(ctl_breaker_wait(NULL, 1000), 0);
	assert_int_equal(ctl_sleep(NULL, 0.001), 0);
	ctl_breaker_close(NULL);
}

static struct ctl_breaker *shared;
static _Atomic unsigned taken;

/* Breaks, and waits until that was taken. */
static void *
break_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		ctl_break(shared);
		while (atomic_load(&taken) <= i)
			os_sleep_ns(1000);
	}
	return NULL;
}

static void
none_is_lost(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(ctl_breaker_open(&shared), 0);
	assert_int_equal(pthread_create(&thread, NULL, break_often, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 2 == 0)
			assert_int_equal(ctl_sleep(shared, 60), -EINTR);
		else
			while (!ctl_breaker_take(shared))
				;
		atomic_store(&taken, i + 1);
	}
	pthread_join(thread, NULL);
	assert_false(ctl_breaker_take(shared));
	ctl_breaker_close(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_wait),
		cmocka_unit_test(polled),
		cmocka_unit_test(nobody),
		cmocka_unit_test(none_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
