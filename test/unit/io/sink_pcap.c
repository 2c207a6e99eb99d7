/*
 * Unit test of io/sink_pcap: what is written is read back by libpcap; a file that may not grow
 * costs nothing.  What a recorder does beyond one file: recorder.c.
 */
#include "os.h"
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define N 700

static uint8_t bytes[262144];

struct sink {
	void *priv;
	struct io_err err;
	struct io_pkt pkts[N];
	const struct io_pkt *list[N];
};

static int
sink_open_cut(struct sink *s, const char *path, int dlt, uint32_t ts_digits, uint32_t cut)
{
	struct io_sink_cfg cfg = {
		.path = path, .dlt = dlt, .snaplen = 96, .ts_digits = ts_digits, .cut = cut};

	memset(s, 0, sizeof(*s));
	s->priv = calloc(1, io_sink_pcap.priv_bytes);
	assert_non_null(s->priv);
	for (uint32_t i = 0; i < N; i++) {
		s->pkts[i] = (struct io_pkt){.data = bytes + i,
			.ts_ns = i * UINT64_C(1000000001) + 1999,
			.len = i,
			.wirelen = 2 * i};
		s->list[i] = &s->pkts[i];
	}
	return io_sink_pcap.open(s->priv, &cfg, &s->err);
}

static int
sink_open(struct sink *s, const char *path, int dlt, uint32_t ts_digits)
{
	return sink_open_cut(s, path, dlt, ts_digits, 0);
}

static void
sink_close(struct sink *s)
{
	assert_int_equal(io_sink_pcap.flush(s->priv), 0);
	assert_int_equal(io_sink_pcap.close(s->priv), 0);
	free(s->priv);
}

/* All that was taken is in the file. */
static void
sink_drain(struct sink *s)
{
	uint64_t lost = 0;

	for (int ms = 0; io_sink_pcap.tick(s->priv, &lost) != 0; ms++) {
		assert_true(ms < 10000);
		os_sleep_ns(1000000);
	}
	assert_int_equal(lost, 0);
}

static char *
new_name(void)
{
	struct file f = {0};

	file_fill(&f, 1, 100); /* it exists, with something else in it */
	return file_save(&f);
}

/* Packets 0, 1, ... of the file as libpcap reads them; how many, all being those of `want`. */
static uint32_t
read_back(const char *name, const uint32_t *want, int dlt, uint64_t unit)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(
		name, PCAP_TSTAMP_PRECISION_NANO, errbuf);
	struct pcap_pkthdr *hdr;
	const u_char *data;
	uint32_t n = 0;
	int rc;

	assert_non_null(p);
	assert_int_equal(pcap_datalink(p), dlt);
	assert_int_equal(pcap_snapshot(p), 262144);
	for (; (rc = pcap_next_ex(p, &hdr, &data)) == 1; n++) {
		uint32_t i = want ? want[n] : n;
		uint64_t ts = i * UINT64_C(1000000001) + 1999;

		assert_int_equal(hdr->caplen, i);
		assert_int_equal(hdr->len, 2 * i);
		assert_memory_equal(data, bytes + i, i);
		assert_int_equal(
			(uint64_t)hdr->ts.tv_sec * 1000000000 + (uint64_t)hdr->ts.tv_usec,
			ts / unit * unit);
	}
	assert_int_equal(rc, PCAP_ERROR_BREAK);
	pcap_close(p);
	return n;
}

static void
round_trip(void **state)
{
	(void)state;
	for (uint32_t digits = 6; digits <= 9; digits += 3) {
		char *name = new_name();
		struct sink s;

		assert_int_equal(sink_open(&s, name, 12, digits), 0);
		assert_int_equal(
			read_back(name, NULL, 12, 1), 0); /* can be read from the start */
		for (uint32_t i = 0, n = 1; i < 64; i += n, n = n % 7 + 1)
			assert_int_equal(io_sink_pcap.tx(s.priv, s.list + i, n), n);
		sink_drain(&s); /* all there before flush */
		assert_in_range(read_back(name, NULL, 12, digits == 9 ? 1 : 1000), 64, 70);
		sink_close(&s);
		assert_int_equal(sink_open(&s, name, 12, digits), 0);
		assert_int_equal(io_sink_pcap.tx(s.priv, s.list, 0), 0);
		assert_int_equal(io_sink_pcap.tx(s.priv, s.list, N), N);
		sink_close(&s);
		assert_int_equal(read_back(name, NULL, 12, digits == 9 ? 1 : 1000), N);
		assert_int_equal(unlink(name), 0);
		free(name);
	}
}

/* The magic says what the times are. */
static void
magic(void **state)
{
	char *name = new_name();
	struct sink s;

	(void)state;
	for (uint32_t digits = 6; digits <= 9; digits += 3) {
		uint32_t word = 0;
		FILE *f;

		assert_int_equal(sink_open(&s, name, 1, digits), 0);
		sink_close(&s);
		f = fopen(name, "rb");
		assert_non_null(f);
		assert_int_equal(fread(&word, 4, 1, f), 1);
		fclose(f);
		assert_int_equal(word, digits == 9 ? 0xa1b23c4d : 0xa1b2c3d4);
	}
	unlink(name);
	free(name);
}

static void
largest_packet(void **state)
{
	struct io_pkt big = {.data = bytes, .len = 262144, .wirelen = 262144};
	const struct io_pkt *list[3] = {&big, &big, &big};
	char *name = new_name();
	struct stat st;
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, name, 1, 6), 0);
	assert_int_equal(io_sink_pcap.tx(s.priv, list, 3), 3);
	sink_close(&s);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_size, 24 + 3 * (16 + 262144));
	unlink(name);
	free(name);
}

/* Packets that are longer are cut, and say how long they were; the header says it too. */
static void
cut(void **state)
{
	static const uint32_t cuts[] = {1, 64, 262144};
	char errbuf[PCAP_ERRBUF_SIZE];

	(void)state;
	for (size_t k = 0; k < sizeof(cuts) / sizeof(cuts[0]); k++) {
		char *name = new_name();
		struct pcap_pkthdr *hdr;
		const u_char *data;
		uint32_t n = 0;
		struct sink s;
		pcap_t *p;

		assert_int_equal(sink_open_cut(&s, name, 1, 6, cuts[k]), 0);
		assert_int_equal(io_sink_pcap.tx(s.priv, s.list, N), N);
		sink_close(&s);
		p = pcap_open_offline(name, errbuf);
		assert_non_null(p);
		assert_int_equal(pcap_snapshot(p), cuts[k]);
		for (; pcap_next_ex(p, &hdr, &data) == 1; n++) {
			assert_int_equal(hdr->caplen, n < cuts[k] ? n : cuts[k]);
			assert_int_equal(hdr->len, 2 * n);
			assert_memory_equal(data, bytes + n, hdr->caplen);
		}
		assert_int_equal(n, N);
		pcap_close(p);
		assert_int_equal(unlink(name), 0);
		free(name);
	}
}

static void
set_limit(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The file may not grow beyond a limit, wherever in a record that is: the rest goes into
 * others. */
static void
full_then_another(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (uint32_t extra = 0; extra < 16 + 101; extra += 5) {
		/* room for header, packets 0..99 and some of packet 100 */
		rlim_t limit = 24 + 100 * 16 + 99 * 100 / 2 + extra;
		char *name = new_name(), next[300];
		uint32_t want[20];
		struct sink s;

		for (uint32_t i = 0; i < 20; i++)
			want[i] = 100 + i;
		assert_int_equal(sink_open(&s, name, 1, 9), 0);
		set_limit(limit);
		assert_int_equal(io_sink_pcap.tx(s.priv, s.list, 120), 120);
		sink_drain(&s);
		set_limit(RLIM_INFINITY);
		sink_close(&s);
		assert_int_equal(read_back(name, NULL, 1, 1), 100);
		snprintf(next, sizeof(next), "%s-1", name);
		assert_int_equal(read_back(next, want, 1, 1), 20);
		unlink(name);
		unlink(next);
		free(name);
	}
}

static void
fails(const char *path, int code, const char *word)
{
	struct sink s;

	assert_int_equal(sink_open(&s, path, 1, 6), code);
	if (!strstr(s.err.text, word))
		fail_msg("\"%s\" lacks \"%s\"", s.err.text, word);
	io_sink_pcap.close(s.priv);
	free(s.priv);
}

static void
refusals(void **state)
{
	char *name = new_name();
	struct sink s;

	(void)state;
	fails("/dev/full", -ENOSPC, "No space left");
	fails("/nonexistent/sub/x.pcap", -ENOENT, "there is no folder \"/nonexistent/sub\"");
	fails("/tmp", -EISDIR, "is a folder");
	fails("", -EINVAL, "no file name");
	fails(NULL, -EINVAL, "no file name");
	/* two channels, one file */
	assert_int_equal(sink_open(&s, name, 1, 6), 0);
	fails(name, -EBUSY, name);
	sink_close(&s);
	unlink(name);
	assert_int_equal(mkfifo(name, 0600), 0);
	fails(name, -EINVAL, "is a pipe");
	unlink(name);
	if (geteuid() != 0)
		fails("/pacf.pcap", -EACCES, "cannot be written");
	free(name);
}

/* A source's own file is not emptied. */
static void
not_onto_the_source(void **state)
{
	struct file f = {0};
	struct rig r;
	char *name;
	int end;

	(void)state;
	file_pcap(&f, 0xa1b2c3d4, 65535, 1);
	file_record(&f, 1, 0, 60, 60, 1);
	name = file_save(&f);
	rig_init(&r, &io_source_pcap, 4, 0);
	assert_int_equal(rig_open(&r, name, 0, 1), 0);
	fails(name, -EBUSY, "is being read or written");
	assert_int_equal(rig_drain(&r, &end), 1);
	rig_close(&r);
	unlink(name);
	free(name);
}

/* A device takes everything, or nothing. */
static void
devices(void **state)
{
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, "/dev/null", 1, 6), 0);
	assert_int_equal(io_sink_pcap.tx(s.priv, s.list, N), N);
	sink_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(magic),
		cmocka_unit_test(largest_packet),
		cmocka_unit_test(cut),
		cmocka_unit_test(full_then_another),
		cmocka_unit_test(refusals),
		cmocka_unit_test(not_onto_the_source),
		cmocka_unit_test(devices),
	};

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 5 ^ i >> 8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
