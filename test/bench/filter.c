/*
 * Benchmark of filters: nanoseconds per packet for 0, 1 and 8 filters over what an engine does
 * with every packet anyway (pkt_digest: the reference, in the same run, over the same memory).
 * Traffic of pacf-gen, in frames as an engine has them, more than fit the caches.
 * usage: filter PACF_GEN
 */
#include "expression.h"
#include "pkt.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME  2048u
#define FRAMES 32768u /* 64 MiB */
#define BURST  64u
#define RUNS   15

static const char *const expressions[] = {
	"tcp port 80",
	"udp",
	"vlan and tcp",
	"net 10.0.0.0/12",
	"ip6 and tcp",
	"tcp[tcpflags] & tcp-syn != 0",
	"host 198.18.1.42 or host 198.18.1.43",
	"not (arp or port 53 or port 443)",
};
#define FILTERS (sizeof(expressions) / sizeof(*expressions))

static struct view {
	const uint8_t *data;
	uint32_t caplen, wirelen;
} pkts[FRAMES];
static struct pkt_filter filters[FILTERS];
static struct pkt_conf conf;
static uint64_t sum;

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static bool
load(const char *gen)
{
	uint8_t *memory = malloc((size_t)FRAMES * FRAME);
	char command[4096], errbuf[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *p;
	FILE *out;

	snprintf(command, sizeof(command), "'%s' --flows 2000 --packets %u -o -", gen, FRAMES);
	out = popen(command, "r");
	p = out != NULL ? pcap_fopen_offline(out, errbuf) : NULL;
	if (memory == NULL || p == NULL)
		return false;
	for (uint32_t i = 0; i < FRAMES; i++) {
		if (pcap_next_ex(p, &hdr, &data) != 1 || hdr->caplen > FRAME)
			return false;
		memcpy(memory + (size_t)i * FRAME, data, hdr->caplen);
		pkts[i] = (struct view){memory + (size_t)i * FRAME, hdr->caplen, hdr->len};
	}
	return true;
}

/* As the data plane does it: each packet through all filters, after the burst's digests. */
static void
burst(const struct view *p, uint32_t nfilters, bool digest)
{
	uint8_t reason;

	for (uint32_t i = 0; digest && i < BURST; i++)
		sum += pkt_digest(p[i].data, p[i].caplen, PKT_LINK_ETHER, &conf, &reason);
	for (uint32_t i = 0; i < BURST; i++)
		for (uint32_t f = 0; f < nfilters; f++)
			sum += pkt_filter_match(
				&filters[f], p[i].data, p[i].caplen, p[i].wirelen);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static const struct {
	const char *what;
	uint32_t nfilters;
	bool digest;
} cases[] = {
	{"digest, no filter (reference)", 0, true},
	{"digest and 1 filter", 1, true},
	{"digest and 8 filters", FILTERS, true},
	{"1 filter, packets not in the cache", 1, false},
};
#define CASES (sizeof(cases) / sizeof(*cases))

static double
one_run(size_t c)
{
	double start = now_ns();

	for (uint32_t i = 0; i < FRAMES; i += BURST)
		burst(pkts + i, cases[c].nfilters, cases[c].digest);
	return (now_ns() - start) / FRAMES;
}

/* All in turn, so that what else the machine does meets all alike. */
static void
measure(void)
{
	double runs[CASES][RUNS];

	for (int r = -1; r < RUNS; r++)
		for (size_t c = 0; c < CASES; c++)
			runs[c][r < 0 ? 0 : r] = one_run(c);
	for (size_t c = 0; c < CASES; c++) {
		qsort(runs[c], RUNS, sizeof(double), by_value);
		printf("  %-40s %6.1f  (%.1f to %.1f)\n", cases[c].what, runs[c][RUNS / 2],
			runs[c][0], runs[c][RUNS - 1]);
	}
	printf("a filter costs %.1f ns per packet, 8 cost %.1f each; a digest %.1f\n",
		runs[1][RUNS / 2] - runs[0][RUNS / 2],
		(runs[2][RUNS / 2] - runs[0][RUNS / 2]) / FILTERS, runs[0][RUNS / 2]);
}

int
main(int argc, char **argv)
{
	static const struct ctl_filter_link ether = {.linktype = 1};
	struct ctl_err err;

	if (argc != 2 || !load(argv[1])) {
		fprintf(stderr, "usage: %s PACF_GEN (which could not be run?)\n", argv[0]);
		return 2;
	}
	for (size_t f = 0; f < FILTERS; f++) {
		if (ctl_filter_compile(&filters[f], expressions[f], &ether, &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	printf("ns per packet, %u frames of %u flows, median of %d runs (least to most)\n",
		FRAMES, 2000u, RUNS);
	measure();
	return sum == 0; /* and the compiler keeps the work */
}
