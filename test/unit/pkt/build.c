#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct build {
	uint8_t bytes[BUILD_MAX]; /* filled from the end */
	uint32_t at;
	bool reverse;
};

static void
prepend(struct build *b, const void *bytes, uint32_t n)
{
	if (b->at < n)
		abort();
	b->at -= n;
	memcpy(b->bytes + b->at, bytes, n);
}

static void
prepend16(struct build *b, uint32_t value)
{
	prepend(b, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* What comes first in the packet is put last. */
static void
pair(struct build *b, const uint8_t *first, const uint8_t *second, uint32_t n)
{
	prepend(b, b->reverse ? first : second, n);
	prepend(b, b->reverse ? second : first, n);
}

static void
put_hex(struct build *b, const char *hex)
{
	uint8_t bytes[BUILD_MAX];
	uint32_t n = 0;

	for (; *hex; hex += 2) {
		unsigned value;

		if (n == BUILD_MAX || sscanf(hex, "%2x", &value) != 1)
			abort();
		bytes[n++] = (uint8_t)value;
	}
	prepend(b, bytes, n);
}

static void
put_ether(struct build *b, unsigned type)
{
	static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 0x0b}, {2, 0, 0, 0, 0, 0x0a}};

	prepend16(b, type);
	pair(b, macs[0], macs[1], 6);
}

static void
put_ipv4(struct build *b, bool tunnel, unsigned proto, unsigned more, unsigned fragment)
{
	static const uint8_t in[2][4] = {{10, 0, 0, 1}, {192, 168, 1, 2}},
			     out[2][4] = {{172, 16, 0, 1}, {172, 16, 0, 2}};
	const uint8_t(*address)[4] = tunnel ? out : in;
	uint32_t total = BUILD_MAX - b->at + 20 + more;

	pair(b, address[0], address[1], 4);
	prepend16(b, 0);
	prepend(b, (uint8_t[]){64, (uint8_t)proto}, 2);
	prepend16(b, fragment);
	prepend16(b, 0x4321);
	prepend16(b, total);
	prepend16(b, 0x4500);
}

static void
put_ipv6(struct build *b, bool tunnel, unsigned next, unsigned more)
{
	uint8_t address[2][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 1}, {0x20, 1, 0x0d, 0xb8}};
	uint32_t payload = BUILD_MAX - b->at + more;

	address[1][15] = 2;
	address[0][4] = address[1][4] = tunnel;
	pair(b, address[0], address[1], 16);
	prepend(b, (uint8_t[]){(uint8_t)next, 64}, 2);
	prepend16(b, payload);
	prepend(b, "\x60\0\0", 4);
}

static void
put_ports(struct build *b, unsigned src, unsigned dst, bool reverse)
{
	prepend16(b, reverse ? src : dst);
	prepend16(b, reverse ? dst : src);
}

static void
put_udp(struct build *b, unsigned src, unsigned dst, bool reverse)
{
	uint32_t len = BUILD_MAX - b->at + 8;

	prepend16(b, 0);
	prepend16(b, len);
	put_ports(b, src, dst, reverse);
}

static void
put(struct build *b, const char *word)
{
	unsigned x = 0, y = 0, z = 0;
	int n;

	if (strcmp(word, "tcp") == 0) {
		put_hex(b, "00000001000000005002ffff00000000");
		put_ports(b, 1234, 80, b->reverse);
	} else if (strncmp(word, "x:", 2) == 0) {
		put_hex(b, word + 2);
	} else if (sscanf(word, "eth:%x", &x) == 1) {
		put_ether(b, x);
	} else if (sscanf(word, "ip4:%x:%u:%x", &x, &y, &z) >= 1) {
		put_ipv4(b, false, x, y, z);
	} else if (sscanf(word, "IP4:%x:%u:%x", &x, &y, &z) >= 1) {
		put_ipv4(b, true, x, y, z);
	} else if (sscanf(word, "ip6:%x:%u", &x, &y) >= 1) {
		put_ipv6(b, false, x, y);
	} else if (sscanf(word, "IP6:%x:%u", &x, &y) >= 1) {
		put_ipv6(b, true, x, y);
	} else if (sscanf(word, "udp:%u:%u", &x, &y) == 2) {
		put_udp(b, x, y, b->reverse);
	} else if (sscanf(word, "UDP:%u:%u", &x, &y) == 2) {
		put_udp(b, x, y, false);
	} else if (sscanf(word, "ports:%u:%u", &x, &y) == 2) {
		put_ports(b, x, y, b->reverse);
	} else if (sscanf(word, "l:%d", &n) == 1) {
		prepend16(b, BUILD_MAX - b->at + (uint32_t)n);
	} else {
		abort();
	}
}

uint32_t
build(const char *recipe, bool reverse, uint8_t out[BUILD_MAX])
{
	struct build b = {.at = BUILD_MAX, .reverse = reverse};
	char words[2048], *space;
	uint32_t len;

	if (strlen(recipe) >= sizeof(words))
		abort();
	strcpy(words, recipe);
	while ((space = strrchr(words, ' '))) {
		if (space[1])
			put(&b, space + 1);
		*space = '\0';
	}
	put(&b, words);
	len = BUILD_MAX - b.at;
	memcpy(out, b.bytes + b.at, len);
	return len;
}

void
flow_layers(const struct pkt_flow *flow, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < flow->nlayers; i++) {
		n += (size_t)snprintf(out + n, size - n, "%s%s%s", i ? " " : "",
			pkt_layer_name(flow->layer[i].what),
			i == flow->hashed && flow->family != PKT_FAMILY_NONE ? "*" : "");
		if (n >= size)
			abort();
	}
}
