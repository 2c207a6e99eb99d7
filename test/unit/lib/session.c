/*
 * The set-up that session.h declares.
 */
#include "session.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fake fake;
struct pacf *p;
struct pacf_pkt pkts[64];
char text[PACF_ERRBUF];

static void
begin(uint32_t lanes)
{
	fake_start(&fake, lanes);
	assert_int_equal(pacf_open(&p, "pacf:eth3}0", text), 0);
	assert_non_null(p);
}

int
setup_one(void **state)
{
	begin(1);
	return 0;
}

int
setup_two(void **state)
{
	begin(2);
	return 0;
}

int
teardown(void **state)
{
	pacf_close(p);
	p = NULL;
	fake_stop(&fake);
	return 0;
}

void
finish(enum chan_state how)
{
	for (uint32_t i = 0; i < fake.lanes; i++)
		chan_tx_finish(&fake.tx[i], how);
}

bool
readable(int fd, int ms)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};

	return poll(&f, 1, ms) == 1;
}
