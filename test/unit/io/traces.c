/*
 * Every capture below $PACF_SHARED/traces: what source_pcap delivers is what libpcap reads:
 * bytes, lengths, times, order, and the same kind of end.  Skipped (77) where the folder is
 * absent.
 */
#include "rig.h"

#include <ftw.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

static unsigned files, others;

/* libpcap cuts what is longer than the snaplen of the file's header, the source never. */
static bool
same(pcap_t *p, const struct pcap_pkthdr *hdr, const u_char *data, const struct io_pkt *k)
{
	uint32_t snaplen = (uint32_t)pcap_snapshot(p);

	return hdr->caplen == (k->len < snaplen ? k->len : snaplen) && hdr->len == k->wirelen &&
	       (uint64_t)hdr->ts.tv_sec * 1000000000 + (uint64_t)hdr->ts.tv_usec == k->ts_ns &&
	       memcmp(data, k->data, hdr->caplen) == 0;
}

/* The same packets from both; how the source ended. */
static int
compare(struct rig *r, pcap_t *p, const char *name)
{
	struct io_pkt burst[64];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	int got;

	while ((got = r->ops->rx(r->priv, burst, 64)) >= 0) {
		for (int i = 0; i < got; i++) {
			const struct io_pkt *k = &burst[i];

			if (pcap_next_ex(p, &hdr, &data) != 1 || !same(p, hdr, data, k))
				fail_msg("%s: differs from libpcap", name);
			rig_put(r, k);
		}
	}
	if (pcap_next_ex(p, &hdr, &data) != (got == IO_EOF ? PCAP_ERROR_BREAK : PCAP_ERROR))
		fail_msg("%s: ends otherwise than libpcap says", name);
	return got;
}

static int
visit(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct rig r;
	pcap_t *p;
	int rc;

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	p = pcap_open_offline_with_tstamp_precision(name, PCAP_TSTAMP_PRECISION_NANO, errbuf);
	rig_init(&r, &io_source_pcap, 100, 2);
	rc = rig_open(&r, name, 0, 1);
	if ((rc == 0) != (p != NULL))
		fail_msg("%s: libpcap: %s, source: %d", name, p ? "opens" : errbuf, rc);
	if (p) {
		if (compare(&r, p, name) == IO_ERROR)
			printf("%s\n", rig_failure(&r));
		pcap_close(p);
		files++;
	} else {
		others++;
	}
	rig_close(&r);
	return 0;
}

static void
same_as_libpcap(void **state)
{
	nftw(*state, visit, 16, FTW_PHYS);
	printf("%u captures, %u other files\n", files, others);
	assert_true(files > 0);
}

int
main(void)
{
	const char *shared = getenv("PACF_SHARED");
	char folder[4096];
	struct stat st;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(same_as_libpcap, folder),
	};

	snprintf(folder, sizeof(folder), "%s/traces", shared ? shared : "../shared");
	if (stat(folder, &st) != 0) {
		printf("%s is absent: skipped\n", folder);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
