/*
 * Filters choose what `tcpdump -r FILE -w - EXPRESSION` chooses, byte for byte: on generated
 * traffic, and on every capture below $PACF_SHARED/traces, where there is that folder (each
 * with one of the expressions in turn; with all if PACF_SOAK is set).  Skipped (77) without
 * tcpdump. usage: tcpdump PACF_GEN
 */
#include "expression.h"

#include <ftw.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const expressions[] = {
	"tcp",
	"udp port 53 or udp port 4000",
	"ip6",
	"vlan",
	"vlan and ip6 and tcp",
	"tcp or (vlan and tcp)",
	"greater 200",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"icmp or icmp6",
	"net 10.0.0.0/8 or net 2001:db8::/32",
	"ip[6:2] & 0x3fff != 0",
	"not (arp or port 80)",
	"portrange 40000-50000 and not ip multicast",
	"ip broadcast or ether broadcast or mpls",
};
#define EXPRESSIONS (sizeof(expressions) / sizeof(*expressions))

static unsigned files, compared, refused;
static unsigned long matched;
static char generated[] = "/tmp/pacf-test-XXXXXX";

static pid_t
tcpdump_start(const char *path, const char *expression, FILE **out)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		if (freopen("/dev/null", "w", stderr) != NULL)
			execlp("tcpdump", "tcpdump", "-r", path, "-w", "-", expression, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	close(fds[1]);
	*out = fdopen(fds[0], "r");
	assert_non_null(*out);
	return pid;
}

/* Returns how many packets matched. */
static unsigned
same_packets(const char *path, const char *expression, pcap_t *all, const struct pkt_filter *f,
	pcap_t *theirs)
{
	struct pcap_pkthdr *hdr, *their_hdr;
	const u_char *data, *their_data;
	unsigned n = 0;

	while (pcap_next_ex(all, &hdr, &data) == 1) {
		if (!pkt_filter_match(f, data, hdr->caplen, hdr->len))
			continue;
		n++;
		if (pcap_next_ex(theirs, &their_hdr, &their_data) != 1 ||
			memcmp(hdr, their_hdr, sizeof(*hdr)) != 0 ||
			memcmp(data, their_data, hdr->caplen) != 0)
			fail_msg(
				"%s, \"%s\": tcpdump differs at match %u", path, expression, n);
	}
	if (pcap_next_ex(theirs, &their_hdr, &their_data) == 1)
		fail_msg("%s, \"%s\": tcpdump has more than %u", path, expression, n);
	return n;
}

/* They differ for few of those that there are captures of. */
static uint32_t
linktype_of(int dlt)
{
	return dlt == DLT_RAW ? 101 : (uint32_t)dlt;
}

static unsigned
compare(const char *path, const char *expression)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	pcap_t *all = pcap_open_offline(path, errbuf), *theirs;
	struct ctl_filter_link link;
	struct pkt_filter filter;
	struct ctl_err err;
	unsigned n = 0;
	int status, rc;
	FILE *out;
	pid_t pid;

	assert_non_null(all);
	link = (struct ctl_filter_link){.linktype = linktype_of(pcap_datalink(all)),
		.snaplen = (uint32_t)pcap_snapshot(all),
		.swapped = pcap_is_swapped(all)};
	rc = ctl_filter_compile(&filter, expression, &link, &err);
	pid = tcpdump_start(path, expression, &out);
	theirs = pcap_fopen_offline(out, errbuf);
	if ((rc == 0) != (theirs != NULL))
		fail_msg("%s, \"%s\": %s", path, expression, rc ? err.text : errbuf);
	if (rc == 0) {
		n = same_packets(path, expression, all, &filter, theirs);
		pcap_close(theirs);
		ctl_filter_free(&filter);
	} else {
		fclose(out);
		refused++;
	}
	pcap_close(all);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
	compared++;
	matched += n;
	return n;
}

static void
generated_traffic(void **state)
{
	unsigned total = compare(generated, "");

	assert_int_equal(total, 4000);
	for (size_t i = 0; i < EXPRESSIONS; i++) {
		unsigned n = compare(generated, expressions[i]);

		assert_true(n < total);
		/* There is no ICMP, broadcast or MPLS in it. */
		if (strstr(expressions[i], "icmp") == NULL &&
			strstr(expressions[i], "broadcast") == NULL && n == 0)
			fail_msg("\"%s\" matches nothing", expressions[i]);
	}
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t step = getenv("PACF_SOAK") ? 1 : EXPRESSIONS;
	char errbuf[PCAP_ERRBUF_SIZE];
	pcap_t *p;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !(p = pcap_open_offline(path, errbuf)))
		return 0;
	pcap_close(p);
	for (size_t i = files % step; i < EXPRESSIONS; i += step)
		compare(path, expressions[i]);
	files++;
	return 0;
}

static void
all_captures(void **state)
{
	const char *shared = getenv("PACF_SHARED");
	char folder[4096];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s/traces", shared ? shared : "../shared");
	if (stat(folder, &st) != 0) {
		printf("%s is absent\n", folder);
		skip();
	}
	assert_int_equal(nftw(folder, visit, 16, FTW_PHYS), 0);
	assert_true(files > 0);
	printf("%u captures, %u comparisons (%u refused by both), %lu matches\n", files,
		compared, refused, matched);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_traffic),
		cmocka_unit_test(all_captures),
	};
	char command[4096];
	int fd, failed;

	if (argc != 2) {
		fprintf(stderr, "usage: %s PACF_GEN\n", argv[0]);
		return 2;
	}
	if (system("tcpdump --version >/dev/null 2>&1") != 0) {
		printf("tcpdump is missing: skipped\n");
		return 77;
	}
	fd = mkstemp(generated);
	if (fd < 0 || fchmod(fd, 0644) != 0 || close(fd) != 0)
		return 1;
	snprintf(command, sizeof(command),
		"'%s' --packets 4000 --flows 300 --vlan 30 --ipv6 40 --udp 40 --fragments 20 "
		"-o %s",
		argv[1], generated);
	failed = system(command) != 0 || cmocka_run_group_tests(tests, NULL, NULL);
	unlink(generated);
	return failed;
}
