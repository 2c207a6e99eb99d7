/*
 * See rig.h.
 */
#include <string.h>
#include "fake_pacf.h"
#include "rig.h"

#define SECOND 1000000000ull

char rig_error[PCAP_ERRBUF_SIZE];
pcap_t *rig_handle;

void
rig_add_packets(int n)
{
	for (int i = 0; i < n; i++) {
		uint8_t f[160] = {0};
		uint32_t len = 100 + (uint32_t)i % 50;
		f[12] = 0x08;
		f[14] = 0x45;
		f[23] = i % 2 ? 6 : 17;
		memcpy(f + len - 4, &i, 4);
		fake_add(f, len, len + 7, SECOND * 1000 + (uint64_t)i * 1001);
	}
}

void
rig_record(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct seen *seen = (struct seen *)user;

	seen->caplen = h->caplen;
	seen->ts = h->ts;
	memcpy(&seen->last, data + h->len - 7 - 4, 4);
	if (++seen->count == seen->break_at)
		pcap_breakloop(rig_handle);
}

int
rig_setup(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

int
rig_teardown(void **state)
{
	(void)state;
	pcap_close(rig_handle);
	rig_handle = NULL;
	assert_int_equal(fake.open_handles, 0);
	assert_int_equal(fake.unreleased, 0);
	fake_reset();
	return 0;
}

void
rig_open(int snaplen, int to_ms)
{
	rig_handle = pcap_open_live("pacf:fake}0", snaplen, 1, to_ms, rig_error);
	assert_non_null(rig_handle);
}

void
rig_set_filter(const char *text)
{
	struct bpf_program prog;

	assert_int_equal(pcap_compile(rig_handle, &prog, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	assert_int_equal(pcap_setfilter(rig_handle, &prog), 0);
	pcap_freecode(&prog); /* the shim has a copy */
}
