/*
 * livegen: sends UDP packets of many flows out of an interface, millions a second, from the
 * kernel's live frames (Documentation/bpf/bpf_prog_run.rst); for benchmarks and tests on veth.
 * Run in the namespace of the interface.  The packets show up at the other end of the veth only
 * if that end has NAPI: an XDP program, or GRO switched on; and on the receive queue of the
 * number of the CPU that livegen runs on.
 *
 * usage: livegen -i IFNAME [-s BYTES] [-f FLOWS] [-n PACKETS] [-t SECONDS] [-r PPS] [-b BATCH]
 *                [-c CPU] [-N FIRST]
 *        livegen -i IFNAME -D     drops what comes in there, in XDP, until a signal ends it;
 *                                 "dropping" on standard output when it does
 *
 * -n 0, -t 0: no limit; SIGINT and SIGTERM end it in good order.  -r 0: as fast as it can; else
 * in slices of 0.5 ms.  -N: number of the first packet of each flow.  On standard output, at
 * the end: packets sent, seconds, nanoseconds of CPU time of this thread (with the interrupts
 * that ran in it), slices that were late.
 */
#include "livegen.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS   500000u
#define CHUNK	   65536u /* packets of a slice without a rate */
#define SIZE_LEAST sizeof(struct livegen_frame)
#define SIZE_MOST  3400u /* what the kernel's page holds beside its own */

struct options {
	const char *ifname;
	uint32_t size, flows, batch;
	uint64_t packets, rate, first;
	double seconds;
	int cpu;
	bool drop;
};

static volatile sig_atomic_t stopping;

static void
on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
	va_list args;

	fputs("livegen: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double
number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most))
		fail("\"%s\" is not a number from %g to %g", text, least, most);
	return value;
}

static void
options_read(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "i:s:f:n:t:r:b:c:N:D")) != -1) {
		switch (c) {
		case 'i':
			o->ifname = optarg;
			break;
		case 's':
			o->size = (uint32_t)number(optarg, SIZE_LEAST, SIZE_MOST);
			break;
		case 'f':
			o->flows = (uint32_t)number(optarg, 1, 1 << 30);
			break;
		case 'n':
			o->packets = (uint64_t)number(optarg, 0, 1e15);
			break;
		case 't':
			o->seconds = number(optarg, 0, 1e6);
			break;
		case 'r':
			o->rate = (uint64_t)number(optarg, 0, 1e9);
			break;
		case 'b':
			o->batch = (uint32_t)number(optarg, 1, 256);
			break;
		case 'c':
			o->cpu = (int)number(optarg, 0, CPU_SETSIZE - 1);
			break;
		case 'D':
			o->drop = true;
			break;
		case 'N':
			o->first = (uint64_t)number(optarg, 0, 1e15);
			break;
		default:
			fail("the head of test/net/livegen.c says what it understands");
		}
	}
	if (o->ifname == NULL || optind != argc)
		fail("which interface?  -i IFNAME");
}

/* Fills the packet that all are made from; the sum is the program's. */
static uint32_t
frame_make(uint8_t *packet, uint32_t size)
{
	struct livegen_frame *f = (struct livegen_frame *)packet;
	static const uint8_t ethernet[14] = {2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1, 8, 0};
	uint32_t sum = 0, i;

	memset(packet, 0, size);
	memcpy(f->ethernet, ethernet, sizeof(ethernet));
	f->version = 0x45;
	f->length = htons((uint16_t)(size - 14));
	f->id_fragment_ttl_protocol[4] = 64;
	f->id_fragment_ttl_protocol[5] = 17;
	memcpy(f->source, (const uint8_t[]){10, 0, 0, 1}, 4);
	f->destination_high = htons(0x0a01);
	f->destination_port = htons(9);
	f->udp_length = htons((uint16_t)(size - 34));
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	return sum;
}

static struct bpf_object *
program_load(int *program, int *map)
{
	struct bpf_object *object = bpf_object__open_file(LIVEGEN_OBJECT, NULL);
	struct bpf_program *p;

	if (object == NULL)
		fail("%s: %s", LIVEGEN_OBJECT, strerror(errno));
	if (bpf_object__load(object) != 0)
		fail("the kernel does not take the program: %s", strerror(errno));
	p = bpf_object__find_program_by_name(object, "livegen_send");
	*program = bpf_program__fd(p);
	*map = bpf_object__find_map_fd_by_name(object, "livegen");
	if (*program < 0 || *map < 0)
		fail("%s is not of this livegen", LIVEGEN_OBJECT);
	/*
	 * Each test run enters the program into the kernel's table of XDP programs and removes
	 * it afterwards, and waits for all CPUs each time: 30 ms together.  A program that is
	 * attached somewhere is there already.
	 */
	if (bpf_program__attach_xdp(p, (int)if_nametoindex("lo")) == NULL)
		fail("lo of this namespace takes no XDP program: %s", strerror(errno));
	return object;
}

static void
drop_all(struct bpf_object *object, unsigned ifindex)
{
	struct bpf_program *p = bpf_object__find_program_by_name(object, "livegen_drop");

	if (bpf_program__attach_xdp(p, (int)ifindex) == NULL)
		fail("no XDP program can be attached: %s", strerror(errno));
	puts("dropping");
	fflush(stdout);
	while (!stopping)
		pause();
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fail("CPU %d: %s", cpu, strerror(errno));
}

/* Sends n packets; how many it did in fact. */
static uint64_t
slice_send(int program, int map, struct livegen *l, const struct options *o, uint8_t *packet,
	uint64_t n)
{
	struct xdp_md in = {.data_end = o->size};
	uint32_t zero = 0;
	uint64_t before = l->sent;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = o->size,
		.ctx_in = &in, .ctx_size_in = sizeof(in), .repeat = (int)n,
		.batch_size = o->batch, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	l->left = n;
	if (bpf_map_update_elem(map, &zero, l, BPF_ANY) != 0)
		fail("map: %s", strerror(errno));
	if (bpf_prog_test_run_opts(program, &run) != 0 && errno != EINTR)
		fail("live frames: %s", strerror(errno));
	if (bpf_map_lookup_elem(map, &zero, l) != 0)
		fail("map: %s", strerror(errno));
	return l->sent - before;
}

/* The packets that are due at `now`; 0: none yet. */
static uint64_t
due(const struct options *o, const struct livegen *l, uint64_t start, uint64_t now)
{
	uint64_t n = CHUNK;

	if (o->rate != 0) {
		uint64_t all = (uint64_t)((double)o->rate * (double)(now - start) / 1e9);

		n = all > l->sent ? all - l->sent : 0;
	}
	if (o->packets != 0 && n > o->packets - l->sent)
		n = o->packets - l->sent;
	return n < CHUNK ? n : CHUNK;
}

static void
send_all(int program, int map, struct livegen *l, const struct options *o)
{
	static uint8_t packet[SIZE_MOST];
	uint64_t start, now, end, next, n, late = 0, cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	l->sum = frame_make(packet, o->size);
	start = next = clock_ns(CLOCK_MONOTONIC);
	end = o->seconds > 0 ? start + (uint64_t)(o->seconds * 1e9) : UINT64_MAX;
	for (now = start; !stopping && now < end; now = clock_ns(CLOCK_MONOTONIC)) {
		if (o->packets != 0 && l->sent >= o->packets)
			break;
		n = due(o, l, start, now);
		if (n != 0)
			slice_send(program, map, l, o, packet, n);
		if (o->rate == 0)
			continue;
		next += SLICE_NS;
		if (next < clock_ns(CLOCK_MONOTONIC)) {
			next = clock_ns(CLOCK_MONOTONIC);
			late++;
		} else {
			struct timespec at = {
				(time_t)(next / 1000000000u), (long)(next % 1000000000u)};

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		}
	}
	now = clock_ns(CLOCK_MONOTONIC);
	printf("sent %" PRIu64 " seconds %.6f cpu_ns %" PRIu64 " late %" PRIu64 "\n",
		(uint64_t)l->sent, (double)(now - start) / 1e9,
		clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu, late);
}

int
main(int argc, char **argv)
{
	struct options o = {.size = 64, .flows = 1024, .batch = 64, .cpu = -1};
	struct sigaction action = {.sa_handler = on_signal};
	struct livegen l = {0};
	struct bpf_object *object;
	int program, map;

	options_read(&o, argc, argv);
	if (o.cpu >= 0)
		pin(o.cpu);
	l.ifindex = if_nametoindex(o.ifname);
	if (l.ifindex == 0)
		fail("\"%s\": no such interface here", o.ifname);
	l.flows = o.flows;
	l.number = o.first;
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	object = program_load(&program, &map);
	if (o.drop)
		drop_all(object, l.ifindex);
	else
		send_all(program, map, &l, &o);
	bpf_object__close(object);
	return 0;
}
