/*
 * count: counts the packets of a channel until its end.
 *
 *   cc count.c $(pkg-config --cflags --libs libpacf) -o count
 *   ./count 'pacf:eth3}0'
 *
 * Prints "PACKETS packets, BYTES bytes, LOST lost".  Exit status 1 if the capture did not end
 * by itself.
 */
#include <pacf.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define BURST 64

int
main(int argc, char **argv)
{
	struct pacf_pkt pkts[BURST];
	struct pacf_stats stats;
	uint64_t count = 0, bytes = 0;
	char error[PACF_ERRBUF];
	struct pacf *p;
	int n;

	if (argc != 2) {
		fprintf(stderr, "usage: count CHANNEL (such as 'pacf:eth3}0')\n");
		return 2;
	}
	if (pacf_open(&p, argv[1], error) != 0) {
		fprintf(stderr, "count: %s\n", error);
		return 1;
	}
	while ((n = pacf_recv(p, pkts, BURST, -1)) > 0) {
		for (int i = 0; i < n; i++)
			bytes += pkts[i].len;
		count += (uint64_t)n;
		pacf_release(p, n); /* from here on the packets are the daemon's again */
	}
	pacf_stats(p, &stats);
	pacf_close(p);
	printf("%" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " lost\n", count, bytes,
		stats.dropped_pkts);
	if (n == -ENODATA)
		return 0;
	fprintf(stderr, "count: %s: %s\n", argv[1], pacf_strerror(n));
	return 1;
}
