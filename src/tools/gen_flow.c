/*
 * gen_flow: the conversations, as state machines in a heap ordered by the time of their next
 * packet. Called by pacf-gen's main loop.
 *
 * A conversation is an HTTP request and response over TCP, or requests and replies over UDP;
 * how much is said is heavy-tailed.  Time here is in ticks, which only decide the order of
 * packets.
 */
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS	 64u
#define GAP	 256u	/* longest time between two packets of a conversation, in ticks */
#define TCP_MAX	 10000u /* segments of a response */
#define UDP_MAX	 500u	/* requests */
#define TEXT_MAX 200u
#define FRAGMENT_MAX \
	16000u /* bytes in one: four of them make no more than a datagram may have */

enum phase { SYN, SYN_ACK, OPEN, REQUEST, RESPONSE, FIN, FIN_ACK, FIN_BACK, LAST_ACK, OVER };

struct flow {
	uint64_t at;
	uint32_t serial; /* which conversation this is, from 0: its addresses come from it */
	uint32_t gap;
	uint32_t seq[2], sent[2], total[2]; /* 0 client, 1 server */
	uint32_t body;	/* TCP: of the response; UDP: payload of the datagram under way */
	uint32_t turns; /* UDP: datagrams to come */
	uint16_t vlan, ip_id;
	uint8_t phase, unacked, side, server;
	bool udp, ipv6;
	uint8_t pieces, piece; /* UDP: fragments of the datagram under way, those sent */
	bool backwards;	       /* last fragment first */
};

struct gen_flows {
	struct gen_config config;
	uint64_t state; /* random numbers */
	uint32_t serial, used;
	uint16_t ip_id;
	struct flow *flows;
	uint32_t *heap;
	uint8_t payload[GEN_MAX_FRAME + 1];
};

/* splitmix64 */
static uint64_t
rnd(struct gen_flows *g)
{
	uint64_t z = g->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t
below(struct gen_flows *g, uint32_t n)
{
	return (uint32_t)((rnd(g) >> 32) * n >> 32);
}

static bool
percent(struct gen_flows *g, unsigned p)
{
	return below(g, 100) < p;
}

/* Pareto with exponent 1, cut at most: P(at least x) = 1/x. */
static uint32_t
pareto(struct gen_flows *g, uint32_t most)
{
	uint64_t v = (UINT64_C(1) << 32) / ((rnd(g) >> 32) + 1);

	return v < most ? (uint32_t)v : most;
}

/* 12 bits of client address and 15 of port: a bijection of 27 bits, so that no two of 2^27
 * conversations share both. */
static uint32_t
client_bits(const struct gen_flows *g, uint32_t serial)
{
	const uint32_t mask = (1u << 27) - 1;
	uint32_t x = (serial + (uint32_t)g->config.seed) & mask;

	x = x * 0x2545f49u & mask;
	x ^= x >> 13;
	return x * 0x5bd1e95u & mask;
}

static void
set_host(struct gen_host *h, bool ipv6, bool server, uint32_t index)
{
	static const uint8_t site[4] = {0x20, 0x01, 0x0d, 0xb8}; /* RFC 3849 */
	uint64_t id = (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

	memset(h, 0, sizeof(*h));
	h->mac[0] = 2;
	h->mac[3] = server;
	h->mac[4] = (uint8_t)(index >> 8);
	h->mac[5] = (uint8_t)index;
	if (ipv6) {
		memcpy(h->addr, site, 4);
		h->addr[7] = server;
		for (int i = 0; i < 8; i++)
			h->addr[8 + i] = (uint8_t)(id >> 8 * i);
		return;
	}
	h->addr[0] = server ? 198 : 10; /* 198.18.0.0/15: RFC 2544 */
	h->addr[1] = server ? 18 : 0;
	h->addr[2] = (uint8_t)(1 + (index >> 8));
	h->addr[3] = (uint8_t)index;
}

static void
set_hosts(const struct gen_flows *g, const struct flow *f, struct gen_host hosts[2])
{
	uint32_t bits = client_bits(g, f->serial);

	set_host(&hosts[0], f->ipv6, false, bits >> 15);
	set_host(&hosts[1], f->ipv6, true, f->server);
	hosts[0].port = (uint16_t)(32768 + (bits & 32767));
	hosts[1].port = f->udp ? 4000 : 80;
}

static uint32_t
head(const struct flow *f, uint32_t side, char text[TEXT_MAX])
{
	int n = side == 0 ? snprintf(text, TEXT_MAX,
				    "GET /flow/%u HTTP/1.1\r\nHost: server%u.example\r\n"
				    "User-Agent: pacf-gen\r\nConnection: close\r\n\r\n",
				    f->serial, f->server)
			  : snprintf(text, TEXT_MAX,
				    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				    "Content-Length: %u\r\nConnection: close\r\n\r\n",
				    f->body);

	return (uint32_t)n;
}

/* Bytes off.. of a text: its head, then lines without end. */
static void
fill(uint8_t *out, const char *text, uint32_t text_len, uint32_t off, uint32_t n)
{
	static const char line[] =
		"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.\n";

	for (uint32_t i = 0; i < n; i++, off++)
		out[i] = (uint8_t)(off < text_len ? text[off] : line[(off - text_len) % 64]);
}

/* IP payload that a frame can carry. */
static uint32_t
room(const struct gen_flows *g, const struct flow *f)
{
	uint32_t headers = gen_frame_headers(f->ipv6, f->vlan != 0);

	return g->config.len ? g->config.len - headers : GEN_MTU - (f->ipv6 ? 40 : 20);
}

static void
begin(struct gen_flows *g, struct flow *f, uint64_t at)
{
	uint32_t mss, segments;
	char text[TEXT_MAX];

	*f = (struct flow){.at = at, .serial = g->serial++, .gap = GAP};
	f->udp = percent(g, g->config.udp);
	f->ipv6 = percent(g, g->config.ipv6);
	f->vlan = percent(g, g->config.vlan) ? (uint16_t)(100 + below(g, 8)) : 0;
	f->server = (uint8_t)below(g, SERVERS);
	f->ip_id = (uint16_t)rnd(g);
	if (f->udp) {
		f->turns = 2 * pareto(g, UDP_MAX);
		return;
	}
	mss = room(g, f) - GEN_TCP_LEN;
	segments = pareto(g, TCP_MAX);
	f->body = (segments - 1) * mss + 1 + below(g, mss);
	f->total[0] = head(f, 0, text);
	f->total[1] = head(f, 1, text) + f->body;
	f->seq[0] = (uint32_t)rnd(g);
	f->seq[1] = (uint32_t)rnd(g);
	if (segments > 64)
		f->gap = 2 + GAP * 64 / segments; /* large ones are fast ones */
}

static uint32_t
send_tcp(struct gen_flows *g, struct flow *f, uint32_t side, uint8_t flags, uint32_t len,
	uint8_t *out)
{
	struct gen_host hosts[2];
	struct gen_segment s = {.from = &hosts[side],
		.to = &hosts[!side],
		.payload = g->payload,
		.len = len,
		.seq = f->seq[side],
		.flags = flags,
		.ipv6 = f->ipv6,
		.vlan = f->vlan,
		.ip_id = f->ip_id++};

	set_hosts(g, f, hosts);
	if (flags & GEN_ACK)
		s.ack = f->seq[!side];
	f->seq[side] += len + ((flags & (GEN_SYN | GEN_FIN)) != 0);
	return gen_frame_build(&s, g->config.len, out);
}

/* One side speaks, the other acknowledges every second segment and the last. */
static uint32_t
send_data(struct gen_flows *g, struct flow *f, uint32_t side, uint8_t *out)
{
	uint32_t left = f->total[side] - f->sent[side], n = room(g, f) - GEN_TCP_LEN;
	char text[TEXT_MAX];

	if (f->unacked == 2 || left == 0) {
		f->unacked = 0;
		if (left == 0)
			f->phase++;
		return send_tcp(g, f, !side, GEN_ACK, 0, out);
	}
	if (n > left)
		n = left;
	fill(g->payload, text, head(f, side, text), f->sent[side], n);
	f->sent[side] += n;
	f->unacked++;
	return send_tcp(g, f, side, n == left ? GEN_PSH | GEN_ACK : GEN_ACK, n, out);
}

static uint32_t
step_tcp(struct gen_flows *g, struct flow *f, uint8_t *out)
{
	static const struct {
		uint8_t side, flags;
	} bare[OVER] = {
		[SYN] = {0, GEN_SYN},
		[SYN_ACK] = {1, GEN_SYN | GEN_ACK},
		[OPEN] = {0, GEN_ACK},
		[FIN] = {1, GEN_FIN | GEN_ACK},
		[FIN_ACK] = {0, GEN_ACK},
		[FIN_BACK] = {0, GEN_FIN | GEN_ACK},
		[LAST_ACK] = {1, GEN_ACK},
	};
	uint8_t phase = f->phase;

	if (phase == REQUEST || phase == RESPONSE)
		return send_data(g, f, phase == RESPONSE, out);
	f->phase++;
	return send_tcp(g, f, bare[phase].side, bare[phase].flags, 0, out);
}

/* The next datagram: as large as it may be if frames are, else short; or in two to four pieces.
 */
static void
begin_datagram(struct gen_flows *g, struct flow *f, uint32_t unit)
{
	uint32_t most = room(g, f) - GEN_UDP_LEN;

	f->ip_id = g->ip_id++;
	f->piece = 0;
	f->pieces = 1;
	f->body = g->config.len ? most : 16 + below(g, 497);
	if (f->ipv6 || !percent(g, g->config.fragments))
		return;
	f->pieces = (uint8_t)(2 + below(g, 3));
	f->backwards = below(g, 8) == 0;
	f->body = unit * (f->pieces - 1u) + 1 + below(g, unit) - GEN_UDP_LEN;
}

static uint32_t
step_udp(struct gen_flows *g, struct flow *f, uint8_t *out)
{
	uint32_t unit = room(g, f) & ~7u, place;
	struct gen_host hosts[2];
	struct gen_segment s = {.from = &hosts[f->side],
		.to = &hosts[!f->side],
		.payload = g->payload,
		.ipv6 = f->ipv6,
		.vlan = f->vlan};
	char text[TEXT_MAX];

	if (unit > FRAGMENT_MAX)
		unit = FRAGMENT_MAX;
	if (f->piece == f->pieces)
		begin_datagram(g, f, unit);
	set_hosts(g, f, hosts);
	fill(g->payload, text,
		(uint32_t)snprintf(text, TEXT_MAX, "%s %u of flow %u\n",
			f->side ? "reply" : "request", f->sent[f->side], f->serial),
		0, f->body);
	s.len = f->body;
	s.ip_id = f->ip_id;
	if (f->pieces > 1) {
		place = f->backwards ? f->pieces - 1u - f->piece : f->piece;
		s.fragment_off = place * unit;
		s.fragment_len = unit;
	}
	if (++f->piece == f->pieces) {
		f->sent[f->side]++;
		f->side = !f->side;
		if (--f->turns == 0)
			f->phase = OVER;
	}
	return gen_frame_build(&s, g->config.len, out);
}

static bool
earlier(const struct gen_flows *g, uint32_t a, uint32_t b)
{
	const struct flow *x = &g->flows[a], *y = &g->flows[b];

	return x->at != y->at ? x->at < y->at : x->serial < y->serial;
}

static void
sink(struct gen_flows *g, uint32_t i)
{
	uint32_t moved = g->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= g->used)
			break;
		if (child + 1 < g->used && earlier(g, g->heap[child + 1], g->heap[child]))
			child++;
		if (!earlier(g, g->heap[child], moved))
			break;
		g->heap[i] = g->heap[child];
		i = child;
	}
	g->heap[i] = moved;
}

static bool
has_target(const struct gen_config *c)
{
	return c->packets != 0 || c->bytes != 0;
}

struct gen_flows *
gen_flows_new(const struct gen_config *config)
{
	struct gen_flows *g = calloc(1, sizeof(*g));
	uint32_t n = config->flows, window = has_target(config) ? GAP : n * 64;

	if (!g)
		return NULL;
	g->config = *config;
	g->state = config->seed;
	g->flows = calloc(n, sizeof(*g->flows));
	g->heap = calloc(n, sizeof(*g->heap));
	if (!g->flows || !g->heap) {
		gen_flows_free(g);
		return NULL;
	}
	g->used = n;
	for (uint32_t i = 0; i < n; i++) {
		g->heap[i] = i;
		begin(g, &g->flows[i], below(g, window));
	}
	for (uint32_t i = n / 2; i-- > 0;)
		sink(g, i);
	return g;
}

void
gen_flows_free(struct gen_flows *g)
{
	if (!g)
		return;
	free(g->flows);
	free(g->heap);
	free(g);
}

/* A conversation that ends makes room for the next one while the capture is to be longer. */
uint32_t
gen_flows_next(struct gen_flows *g, uint8_t *out)
{
	struct flow *f;
	uint32_t len;

	if (g->used == 0)
		return 0;
	f = &g->flows[g->heap[0]];
	len = f->udp ? step_udp(g, f, out) : step_tcp(g, f, out);
	f->at += 1 + below(g, f->gap);
	if (f->phase == OVER && has_target(&g->config))
		begin(g, f, f->at);
	else if (f->phase == OVER)
		g->heap[0] = g->heap[--g->used];
	if (g->used > 0)
		sink(g, 0);
	return len;
}
