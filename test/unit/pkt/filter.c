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

static void
burst(void **state)
{
	static const uint32_t sizes[] = {0, 1, 3, 4, 5, 63, 64, 65, 127, 128, 129, 200};
	uint8_t bytes[200][13] = {{0}};
	struct pkt_view views[200];

	for (uint32_t i = 0; i < 200; i++) {
		bytes[i][12] = i * i % 7 < 3 ? 8 : 6;
		views[i] = (struct pkt_view){
			bytes[i], i % 11 == 0 ? 12 : 13, i % 3 == 0 ? 100 : 101};
	}
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		const struct pkt_filter *const filters[] = {&eight, &none, &longer};
		uint32_t n = sizes[s], words = PKT_FILTER_WORDS(n);
		uint64_t matched[3 * 4 + 1];

		memset(matched, 0x55, sizeof(matched));
		pkt_filter_burst(filters, 3, views, n, matched);
		for (uint32_t i = 0; i < words * 64; i++) {
			uint64_t bit = UINT64_C(1) << i % 64;

			assert_int_equal((matched[i / 64] & bit) != 0,
				i < n && i % 11 != 0 && i * i % 7 < 3);
			assert_int_equal((matched[words + i / 64] & bit) != 0, i < n);
			assert_int_equal((matched[2 * words + i / 64] & bit) != 0,
				i < n && views[i].wirelen > 100);
		}
		for (uint32_t w = 3 * words; w < 13; w++)
			assert_true(matched[w] == UINT64_C(0x5555555555555555));
		pkt_filter_burst(filters, 0, views, n, matched + 12);
		assert_true(matched[12] == UINT64_C(0x5555555555555555));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single),
		cmocka_unit_test(burst),
	};

	guard = guard_new();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
