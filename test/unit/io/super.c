/* io/super: a frame with all its tags is none that was joined; a byte more is. */
#include "super.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#define MTU 1500u

static uint8_t frame[MTU + 64];

/* An IPv4 frame behind so many tags; its header's bytes. */
static uint32_t
tagged(uint32_t tags)
{
	static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};
	uint32_t at = 12;

	memset(frame, 0x81, sizeof(frame));
	for (uint32_t i = 0; i < tags; i++, at += 4) {
		frame[at] = (uint8_t)(tpids[i % 3] >> 8);
		frame[at + 1] = (uint8_t)tpids[i % 3];
	}
	frame[at] = 8;
	frame[at + 1] = 0;
	return at + 2;
}

static void
longest_is_none(void **state)
{
	(void)state;
	for (uint32_t tags = 0; tags <= 8; tags++) {
		uint32_t head = tagged(tags);

		assert_false(io_is_super(MTU, frame, head + MTU));
		assert_true(io_is_super(MTU, frame, head + MTU + 1));
	}
}

static void
short_ones_are_not_read(void **state)
{
	(void)state;
	for (uint32_t len = 0; len <= MTU + IO_ETH_BYTES; len++)
		assert_false(io_is_super(MTU, NULL, len));
}

/* Nothing but tags: it ends. */
static void
tags_without_end(void **state)
{
	static uint8_t all[4096];

	(void)state;
	for (uint32_t at = 12; at + 4 <= sizeof(all); at += 4)
		all[at] = 0x81;
	assert_false(io_is_super(MTU, all, sizeof(all)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_is_none),
		cmocka_unit_test(short_ones_are_not_read),
		cmocka_unit_test(tags_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
