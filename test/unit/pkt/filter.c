/*
 * Test of pkt/filter: programs written by hand; a burst says what its packets say one by one;
 * nothing is read past the captured length.
 */
#include "filter.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/types.h>
#include <pcap/bpf.h>
#include <cmocka.h>

static uint8_t *guard;

/* The byte at offset 12 is 8. */
static struct bpf_insn is_eight[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 262144),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static struct bpf_insn longer_than_100[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 100, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 1),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct pkt_filter eight = {is_eight, 4}, longer = {longer_than_100, 4},
			       none = {NULL, 0};

static void
single(void **state)
{
	uint8_t bytes[16] = {[12] = 8};

	for (uint32_t caplen = 0; caplen <= 16; caplen++) {
		const uint8_t *p = guard_place(guard, bytes, caplen);

		assert_int_equal(pkt_filter_match(&eight, p, caplen, 1500), caplen > 12);
		assert_true(pkt_filter_match(&longer, p, caplen, 101));
		assert_false(pkt_filter_match(&longer, p, caplen, 100));
		assert_true(pkt_filter_match(&none, p, caplen, 60));
	}
	bytes[12] = 9;
	assert_false(pkt_filter_match(&eight, bytes, 16, 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single),
	};

	guard = guard_new();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
