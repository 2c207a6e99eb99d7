/*
 * Benchmark of the parser's worst packets: what one costs that is made to cost much.  Stacks of
 * headers are drawn at random (always the same) from blocks, deeper than is walked, and the
 * fuzzer's corpus is tried, too; the costliest are measured again.  Prints
 *
 *	parse worst: X ns/pkt (least Z), reference Y ns/pkt, limit 1000
 *	parse worst mixed: the same of the costliest 64 in no order, over 64 MiB
 *
 * the second since a packet that comes again and again is predicted and cached.  X is processor
 * time of pkt_digests, the longest way there is, with as many tunnel ports as can be set, and
 * the median of the runs; Y that of the fast path for plain TCP, in the same run.  Exit status
 * 1 if the first line's Z is not below the limit; half of the second's is the machine's memory.
 * Usage: parse CORPUS.  Also run as a test.
 */
#include "build.h"
#include "pkt.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIMIT_NS 1000.0
#define STACKS	 4000u
#define TRIED	 8000u
#define WORST	 64u
#define RUNS	 15
#define REPS	 2000u
#define FRAMES	 32768u
#define FRAME	 2048u
#define DEEP	 700u /* bytes: then the end of a stack follows */

/* What a header begins with, and what it announces: Ethernet, IPv4, IPv6. */
static const struct block {
	char in, out;
	const char *recipe;
} blocks[] = {
	{'e', '4', "eth:0800"},
	{'e', '6', "eth:86dd"},
	{'e', '4', "eth:88a8 x:00058100 x:00060800"},
	{'e', '6', "eth:8847 x:00010040 x:00011140"},
	{'e', 'e', "eth:8847 x:00011140 x:00000007"},
	{'e', 'e', "eth:88a8 x:000388e7 x:00abcdef"},
	{'e', '4', "eth:8864 x:11000001 l:0 x:0021"},
	{'e', 'e', "eth:894f x:0fc60103000001ff x:00000000000000000000000000000000"},
	{'4', '4', "IP4:04"},
	{'4', '6', "IP4:29"},
	{'4', '4', "IP4:04:0:2000"},
	{'4', '4', "IP4:33 x:040400000000000100000001000000000000000000000000"},
	{'4', 'e', "IP4:2f x:2000655800abcd01"},
	{'4', '4',
		"IP4:2f x:f0000800 x:00000000 x:00000001 x:00000002 x:0800000409090909 "
		"x:00000000"},
	{'4', 'e', "IP4:2f x:100022eb00000001 x:200100010000000000000001 x:0000000000000000"},
	{'4', 'e', "IP4:61 x:3000"},
	{'4', 'e', "IP4:73 x:00000001 x:1122334455667788 x:40000001"},
	{'4', 'e', "IP4:11 UDP:50000:4789 x:0800000000002a00"},
	{'4', '4', "IP4:11 UDP:50000:4790 x:0c00000100002a00"},
	{'4', 'e', "IP4:11 UDP:50000:6081 x:0240655800002a00 x:0102800100000001"},
	{'4', '6',
		"IP4:11 udp:40000:2152 x:34ff l:-4 x:00000001 x:00000085 x:010000c0 x:010000c0 "
		"x:01000000"},
	{'4', 'e', "IP4:11 udp:1701:1701 x:0003000000000007 x:112233445566778899aabbcc"},
	{'4', '4', "IP4:11 udp:50000:1701 x:4a02 l:4 x:00010002 x:00010002 x:0002ffff x:21"},
	{'4', '4', "IP4:11 UDP:50000:4754 x:2000080000000001"},
	{'4', '4', "IP4:01 x:0b00000000000000"},
	{'6', '4', "IP6:04"},
	{'6', '6', "IP6:29"},
	{'6', '6', "IP6:3c x:3c00010400000000 x:3c00010400000000 x:2900010400000000"},
	{'6', '6', "IP6:2c x:2900000100000007"},
	{'6', '6',
		"IP6:2b x:2904000200000000 x:20010db8000000000000000000000001"
		"20010db8000000000000000000000002"},
	{'6', 'e', "IP6:8f"},
	{'6', 'e', "IP6:11 UDP:50000:8472 x:0800000000002a00"},
	{'6', '6', "IP6:11 UDP:50000:6081 x:000086dd00002a00"},
	{'6', '6', "IP6:3a x:0104000000000000"},
};
#define BLOCKS (sizeof(blocks) / sizeof(*blocks))

struct input {
	uint8_t bytes[BUILD_MAX];
	uint32_t len;
	enum pkt_link link;
	double ns, least;
	char name[128];
};

static struct input inputs[TRIED];
static size_t ninputs;
static struct pkt_conf conf;
static uint64_t sum;

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint32_t
draw(uint32_t below)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((state >> 32) * below >> 32);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
costliest_first(const void *a, const void *b)
{
	return by_value(&((const struct input *)b)->ns, &((const struct input *)a)->ns);
}

static void
parse(const uint8_t *data, uint32_t len, enum pkt_link link)
{
	uint64_t digests[PKT_FIELDS_MAX];
	struct pkt_flow flow;

	pkt_digests(data, len, link, &conf, digests, &flow);
	for (int f = 0; f < PKT_FIELDS_MAX; f++)
		sum += digests[f];
}

/* Returns the median. */
static double
measure(const struct input *in, unsigned reps, int runs, double *least)
{
	double ns[RUNS];

	for (int r = 0; r < runs; r++) {
		double start = now_ns();

		for (unsigned i = 0; i < reps; i++)
			parse(in->bytes, in->len, in->link);
		ns[r] = (now_ns() - start) / reps;
	}
	qsort(ns, (size_t)runs, sizeof(*ns), by_value);
	*least = ns[0];
	return ns[runs / 2];
}

static struct input *
input_new(const char *name)
{
	struct input *in = &inputs[ninputs++];

	if (ninputs > TRIED) {
		fprintf(stderr, "parse: more than %u inputs\n", TRIED);
		exit(1);
	}
	snprintf(in->name, sizeof(in->name), "%s", name);
	return in;
}

/* Often the same block again: a stack of one kind. */
static const struct block *
block_next(char in, const struct block *last)
{
	const struct block *b;

	if (last != NULL && last->in == in && draw(4) != 0)
		return last;
	do
		b = &blocks[draw(BLOCKS)];
	while (b->in != in);
	return b;
}

static void
stack_draw(unsigned number)
{
	static const char *const ends[] = {
		" eth:0800 ip4:06 tcp", " ip4:06 tcp", " ip6:11 udp:4000:53"};
	const struct block *b = NULL;
	char recipe[2048] = "", name[32], in = 'e';
	uint32_t bytes = 0;
	struct input *input;

	while (bytes < DEEP) {
		b = block_next(in, b);
		strcat(strcat(recipe, *recipe ? " " : ""), b->recipe);
		in = b->out;
		bytes += 8 + (uint32_t)strlen(b->recipe) / 2 +
			 (b->in == '6'		? 36
				 : b->in == '4' ? 16
						: 4);
		if (strlen(recipe) > 1700)
			break;
	}
	strcat(recipe, ends[in == 'e' ? 0 : in == '4' ? 1 : 2]);
	snprintf(name, sizeof(name), "stack %u", number);
	input = input_new(name);
	input->link = PKT_LINK_ETHER;
	input->len = build(recipe, false, input->bytes);
}

static void
corpus_file(const char *folder, const char *name)
{
	uint8_t first;
	char path[4096];
	struct input *in;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file == NULL || fread(&first, 1, 1, file) != 1) {
		perror(path);
		exit(1);
	}
	in = input_new(name);
	in->link = (first & 127) % PKT_LINKS;
	in->len = (uint32_t)fread(in->bytes, 1, sizeof(in->bytes), file);
	fclose(file);
}

static void
corpus_read(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL) {
		perror(folder);
		exit(1);
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			corpus_file(folder, entry->d_name);
	closedir(dir);
}

/* Each frame has one of the worst, and frames come in no order.  Returns the median. */
static double
mixed(double *least)
{
	double ns[RUNS];
	uint8_t which[FRAMES], *frames;

	frames = aligned_alloc(4096, (size_t)FRAMES * FRAME);
	if (frames == NULL)
		abort();
	for (uint32_t f = 0; f < FRAMES; f++) {
		which[f] = (uint8_t)draw(WORST);
		memcpy(frames + (size_t)f * FRAME, inputs[which[f]].bytes,
			inputs[which[f]].len);
	}
	for (int r = 0; r < RUNS; r++) {
		double start = now_ns();
		uint32_t f = draw(FRAMES);

		/* An odd step visits all. */
		for (uint32_t i = 0; i < FRAMES; i++, f = (f + 7919) % FRAMES)
			parse(frames + (size_t)f * FRAME, inputs[which[f]].len,
				inputs[which[f]].link);
		ns[r] = (now_ns() - start) / FRAMES;
	}
	free(frames);
	qsort(ns, RUNS, sizeof(*ns), by_value);
	*least = ns[0];
	return ns[RUNS / 2];
}

static double
reference(void)
{
	struct input in = {.link = PKT_LINK_ETHER};
	double ns[RUNS];
	uint8_t reason;

	in.len = build("eth:0800 ip4:06 tcp", false, in.bytes);
	for (int r = 0; r < RUNS; r++) {
		double start = now_ns();

		for (unsigned i = 0; i < REPS * 10; i++) {
			sum += pkt_digest(in.bytes, in.len, in.link, &conf, &reason);
			__asm__ volatile("" : : : "memory");
		}
		ns[r] = (now_ns() - start) / (REPS * 10);
	}
	qsort(ns, RUNS, sizeof(*ns), by_value);
	return ns[RUNS / 2];
}

static void
layers_print(const struct input *in)
{
	struct pkt_flow flow;
	char text[1024];

	pkt_parse(in->bytes, in->len, in->link, &conf, &flow);
	flow_layers(&flow, text, sizeof(text));
	printf("  %s, %u bytes, %s: %s\n", in->name, in->len, pkt_reason_name(flow.reason),
		text);
}

static void
line(const char *what, double ns, double least, double ref)
{
	printf("%s: %.0f ns/pkt (least %.0f), reference %.1f ns/pkt, limit %.0f\n", what, ns,
		least, ref, LIMIT_NS);
}

/* All that can be set; those that cost most are looked at last. */
static void
ports_set(void)
{
	uint16_t ports[PKT_MAX_UDP_PORTS];
	unsigned n;

	pkt_conf_init(&conf, PKT_DEFAULT_KEY);
	for (n = 0; n < (unsigned)PKT_MAX_UDP_PORTS - conf.nudp; n++)
		ports[n] = (uint16_t)(20000 + n);
	ports[n++] = 1701;
	if (pkt_conf_udp(&conf, "l2tp", ports, n) != 0 ||
		pkt_conf_udp(&conf, "vxlan", (const uint16_t[]){4789, 8472}, 2) != 0 ||
		pkt_conf_udp(&conf, "gre-in-udp", (const uint16_t[]){4754}, 1) != 0)
		abort();
}

int
main(int argc, char **argv)
{
	double ref, worst, worst_least;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	ports_set();
	corpus_read(argv[1]);
	for (unsigned i = 0; i < STACKS; i++)
		stack_draw(i);
	for (size_t i = 0; i < ninputs; i++)
		inputs[i].ns = measure(&inputs[i], 100, 5, &inputs[i].least);
	qsort(inputs, ninputs, sizeof(*inputs), costliest_first);
	for (size_t i = 0; i < WORST; i++)
		inputs[i].ns = measure(&inputs[i], REPS, RUNS, &inputs[i].least);
	qsort(inputs, WORST, sizeof(*inputs), costliest_first);
	ref = reference();
	worst = mixed(&worst_least);
	line("parse worst", inputs[0].ns, inputs[0].least, ref);
	layers_print(&inputs[0]);
	line("parse worst mixed", worst, worst_least, ref);
	printf("  of %zu inputs the costliest %u, %.0f to %.0f ns each\n", ninputs, WORST,
		inputs[WORST - 1].ns, inputs[0].ns);
	return inputs[0].least < LIMIT_NS && sum != 0 ? 0 : 1;
}
