/*
 * pacf-gen: writes a capture file of made-up traffic for demonstrations, tests and benchmarks:
 * the same arguments give the same bytes on any machine.
 */
#include "gen.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EPOCH	  UINT64_C(1577836800) /* 2020-01-01: when every capture begins */
#define MAX_FLOWS UINT64_C(10000000)
#define MAX_PKTS  UINT64_C(1000000000) /* at one a second, times still fit 32 bits */
#define MIN_BYTES UINT64_C(1024)
#define MAX_BYTES (UINT64_C(64) << 30)
#define UNSET	  UINT_MAX

static const char usage[] =
	"usage: pacf-gen [OPTION ...] [FILE]\n"
	"Writes a capture file of made-up traffic; the same arguments give the same bytes.\n"
	"\n"
	"  -o, --output FILE        where to (-: standard output, the default)\n"
	"      --flows N            conversations (1000)\n"
	"      --seed N             another seed, another capture (1)\n"
	"      --packets N          exactly N packets, with --flows conversations at any time\n"
	"      --bytes SIZE         a file of at most SIZE (64M: K, M, G), likewise\n"
	"      --len BYTES          every frame that long, without its checksum\n"
	"      --vlan PERCENT       conversations with a VLAN tag (10)\n"
	"      --ipv6 PERCENT       conversations over IPv6, the others over IPv4 (25)\n"
	"      --udp PERCENT        conversations over UDP, the others over TCP (25)\n"
	"      --fragments PERCENT  datagrams of UDP over IPv4 sent in fragments (0)\n"
	"      --rate PPS           packets per second in the time stamps (10000)\n"
	"      --nano               time stamps in nanoseconds\n"
	"  -h, --help               this text\n"
	"\n"
	"With --len, percentages that are not given and do not fit are 0.\n";

static __attribute__((noreturn, format(printf, 2, 3))) void
die(int status, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "pacf-gen: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(status);
}

/* Digits only, and a unit if they are bytes. */
static uint64_t
number(const char *name, const char *text, uint64_t least, uint64_t most, bool bytes)
{
	uint64_t v = 0;
	const char *p = text;
	unsigned shift = 0;

	for (; *p >= '0' && *p <= '9' && v <= UINT64_MAX / 10 - 1; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (bytes && p > text && *p && strchr("KkMmGg", *p)) {
		shift = strchr("Kk", *p) ? 10 : strchr("Mm", *p) ? 20 : 30;
		p++;
	}
	if (p == text || *p || v > most >> shift || v << shift < least)
		die(2, "--%s '%s': a whole number from %llu to %llu is needed%s", name, text,
			(unsigned long long)least, (unsigned long long)most,
			bytes ? ", or one with K, M or G" : "");
	return v << shift;
}

enum option_code {
	FLOWS = 256,
	SEED,
	PACKETS,
	BYTES,
	LEN,
	VLAN,
	IPV6,
	UDP,
	FRAGMENTS,
	RATE,
	NANO
};

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	{"flows", required_argument, NULL, FLOWS},
	{"seed", required_argument, NULL, SEED},
	{"packets", required_argument, NULL, PACKETS},
	{"bytes", required_argument, NULL, BYTES},
	{"len", required_argument, NULL, LEN},
	{"vlan", required_argument, NULL, VLAN},
	{"ipv6", required_argument, NULL, IPV6},
	{"udp", required_argument, NULL, UDP},
	{"fragments", required_argument, NULL, FRAGMENTS},
	{"rate", required_argument, NULL, RATE},
	{"nano", no_argument, NULL, NANO},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void
set_option(struct gen_config *c, int code, const char *name, const char *arg)
{
	switch (code) {
	case FLOWS:
		c->flows = (uint32_t)number(name, arg, 1, MAX_FLOWS, false);
		break;
	case SEED:
		c->seed = number(name, arg, 0, UINT64_MAX / 10, false);
		break;
	case PACKETS:
		c->packets = number(name, arg, 1, MAX_PKTS, false);
		break;
	case BYTES:
		c->bytes = number(name, arg, MIN_BYTES, MAX_BYTES, true);
		break;
	case LEN:
		c->len = (uint32_t)number(name, arg, 1, GEN_MAX_FRAME, false);
		break;
	case VLAN:
		c->vlan = (unsigned)number(name, arg, 0, 100, false);
		break;
	case IPV6:
		c->ipv6 = (unsigned)number(name, arg, 0, 100, false);
		break;
	case UDP:
		c->udp = (unsigned)number(name, arg, 0, 100, false);
		break;
	case FRAGMENTS:
		c->fragments = (unsigned)number(name, arg, 0, 100, false);
		break;
	case RATE:
		c->rate = number(name, arg, 1, 1000000000, false);
		break;
	case NANO:
		c->nano = true;
		break;
	}
}

/* The shortest frame that holds all of a conversation's packets. */
static uint32_t
shortest(bool ipv6, bool vlan, bool tcp)
{
	return gen_frame_headers(ipv6, vlan) +
	       (tcp ? GEN_TCP_LEN + GEN_MSS_LEN : GEN_UDP_LEN + 4);
}

/* Percentages that were not given; what can't be together. */
static void
complete(struct gen_config *c)
{
	bool tcp;

	if (c->udp == UNSET)
		c->udp = 25;
	tcp = c->udp < 100;
	if (c->ipv6 == UNSET)
		c->ipv6 = c->len && c->len < shortest(true, c->vlan != UNSET && c->vlan, tcp)
				  ? 0
				  : 25;
	if (c->vlan == UNSET)
		c->vlan = c->len && c->len < shortest(c->ipv6 > 0, true, tcp) ? 0 : 10;
	if (c->len && c->len < shortest(c->ipv6 > 0, c->vlan > 0, tcp))
		die(2, "--len '%u': the packets asked for need frames of at least %u bytes",
			c->len, shortest(c->ipv6 > 0, c->vlan > 0, tcp));
	if (c->packets && c->bytes)
		die(2,
			"--packets '%llu' and --bytes '%llu' both say how much: give one of "
			"them",
			(unsigned long long)c->packets, (unsigned long long)c->bytes);
	if (c->fragments && (c->udp == 0 || c->ipv6 == 100))
		die(2,
			"--fragments '%u': only UDP over IPv4 is sent in fragments, and there "
			"is none",
			c->fragments);
}

static const char *
read_arguments(int argc, char **argv, struct gen_config *c)
{
	const char *path = NULL;
	int code, index = -1;

	opterr = 0;
	while ((code = getopt_long(argc, argv, ":o:h", options, &index)) != -1) {
		if (code == 'h') {
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? 0 : 1);
		} else if (code == 'o') {
			path = optarg;
		} else if (code == ':') {
			die(2, "'%s' needs a value; pacf-gen --help shows which",
				argv[optind - 1]);
		} else if (code == '?') {
			die(2, "unknown option '%s'; pacf-gen --help lists them",
				argv[optind - 1]);
		} else {
			set_option(c, code, options[index].name, optarg);
		}
	}
	if (optind < argc && path)
		die(2, "'%s': the output is already '%s'", argv[optind], path);
	if (optind < argc)
		path = argv[optind++];
	if (optind < argc)
		die(2, "'%s': one output file is enough", argv[optind]);
	complete(c);
	return path && strcmp(path, "-") != 0 ? path : NULL;
}

/* pcap is written in little-endian whatever the machine's order is. */
static uint8_t *
put32(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + 4;
}

static bool
write_header(FILE *out, bool nano)
{
	uint8_t h[24], *p = put32(h, nano ? 0xa1b23c4d : 0xa1b2c3d4);

	p = put32(p, 2 | 4 << 16); /* version 2.4 */
	p = put32(put32(p, 0), 0);
	put32(put32(p, 262144), 1); /* snaplen, Ethernet */
	return fwrite(h, 1, sizeof(h), out) == sizeof(h);
}

static bool
write_packet(
	FILE *out, const struct gen_config *c, uint64_t i, const uint8_t *data, uint32_t len)
{
	uint64_t ns = i % c->rate * UINT64_C(1000000000) / c->rate;
	uint8_t h[16], *p = put32(h, EPOCH + i / c->rate);

	p = put32(p, c->nano ? ns : ns / 1000);
	put32(put32(p, len), len);
	return fwrite(h, 1, sizeof(h), out) == sizeof(h) && fwrite(data, 1, len, out) == len;
}

/* False: errno says why. */
static bool
write_capture(FILE *out, const struct gen_config *c, struct gen_flows *flows)
{
	static uint8_t frame[GEN_MAX_FRAME];
	uint64_t most = c->packets ? c->packets : MAX_PKTS, bytes = 24;
	uint32_t len;

	if (!write_header(out, c->nano))
		return false;
	for (uint64_t i = 0; i < most && (len = gen_flows_next(flows, frame)) > 0; i++) {
		bytes += 16 + len;
		if (c->bytes && bytes > c->bytes)
			break;
		if (!write_packet(out, c, i, frame, len))
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct gen_config config = {.seed = 1,
		.flows = 1000,
		.rate = 10000,
		.vlan = UNSET,
		.ipv6 = UNSET,
		.udp = UNSET};
	const char *path = read_arguments(argc, argv, &config);
	const char *name = path ? path : "standard output";
	struct gen_flows *flows;
	FILE *out;
	bool ok;

	if (!path && isatty(STDOUT_FILENO))
		die(2, "standard output is a terminal; name a file: pacf-gen capture.pcap");
	flows = gen_flows_new(&config);
	if (!flows)
		die(1, "no memory for %u conversations", config.flows);
	out = path ? fopen(path, "wb") : stdout;
	if (!out)
		die(1, "cannot write to '%s': %s", name, strerror(errno));
	ok = write_capture(out, &config, flows);
	if (!ok || fclose(out) != 0)
		die(1, "writing to '%s' failed: %s", name, strerror(errno));
	gen_flows_free(flows);
	return 0;
}
