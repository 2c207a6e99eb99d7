/*
 * Every capture below $PACF_SHARED/traces, each packet at the end of readable memory: no read
 * past it, and one digest whichever way it is made.  Skipped (77) where the folder is absent.
 */
#include "guard.h"
#include "pkt.h"

#include <ftw.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

static uint8_t *guard;
static struct pkt_conf conf;
static unsigned files, reasons[PKT_REASONS];

static void
check(const char *name, const uint8_t *data, uint32_t len, enum pkt_link link)
{
	const uint8_t *p = guard_place(guard, data, len);
	uint8_t reason;
	uint64_t d = pkt_digest(p, len, link, &conf, &reason);
	struct pkt_flow f;

	pkt_parse(p, len, link, &conf, &f);
	if (d != pkt_flow_digest(&f, &conf, PKT_FIELDS_5TUPLE) || reason != f.reason ||
		f.l3_off > len || f.l4_off > len)
		fail_msg("%s: two digests", name);
	reasons[reason]++;
}

static int
visit(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *p;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !(p = pcap_open_offline(name, errbuf)))
		return 0;
	while (pcap_next_ex(p, &hdr, &data) == 1)
		check(name, data, hdr->caplen, pkt_link_from_dlt(pcap_datalink(p)));
	pcap_close(p);
	files++;
	return 0;
}

static void
all_captures(void **state)
{
	assert_int_equal(nftw(*state, visit, 16, FTW_PHYS), 0);
	printf("%u captures:", files);
	for (int i = 0; i < PKT_REASONS; i++)
		printf(" %s %u", pkt_reason_name(i), reasons[i]);
	printf("\n");
	assert_true(files > 0 && reasons[PKT_OK] > 0);
}

int
main(void)
{
	const char *shared = getenv("PACF_SHARED");
	char folder[4096];
	struct stat st;
	const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(all_captures, folder)};

	snprintf(folder, sizeof(folder), "%s/traces", shared ? shared : "../shared");
	if (stat(folder, &st) != 0) {
		printf("%s is absent: skipped\n", folder);
		return 77;
	}
	guard = guard_new();
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
