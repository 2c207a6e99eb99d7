/*
 * gen_frame: the bytes of one frame: Ethernet, VLAN tag, IPv4 or IPv6, TCP or UDP, with right
 * lengths and checksums.  Called by gen_flow.
 */
#include "gen.h"

#include <string.h>

#define IP_TCP 6
#define IP_UDP 17

static uint8_t *
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint8_t *
put(uint8_t *p, const void *bytes, uint32_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* RFC 1071: the ones' complement sum of 16-bit words; an odd last byte is the high half. */
static uint64_t
sum(uint64_t acc, const uint8_t *p, uint32_t n)
{
	for (; n > 1; p += 2, n -= 2)
		acc += (uint32_t)(p[0] << 8 | p[1]);
	return n ? acc + (uint32_t)(p[0] << 8) : acc;
}

static uint16_t
fold(uint64_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

uint32_t
gen_frame_headers(bool ipv6, bool vlan)
{
	return 14 + (vlan ? 4 : 0) + (ipv6 ? 40 : 20);
}

/* TCP or UDP with its payload; returns the length.  The checksum covers the pseudo header of
 * both IP versions: addresses, protocol, length. */
static uint32_t
build_l4(const struct gen_segment *s, uint8_t *l4)
{
	uint32_t addr_len = s->ipv6 ? 16 : 4, len;
	uint8_t *p = put16(put16(l4, s->from->port), s->to->port), *check;
	uint64_t acc;

	if (s->flags) {
		uint32_t options = s->flags & GEN_SYN ? GEN_MSS_LEN : 0;

		p = put32(put32(p, s->seq), s->ack);
		p = put16(p, (GEN_TCP_LEN + options) / 4 << 12 | s->flags);
		p = put16(p, 65535);
		check = p;
		p = put32(p, 0);
		if (options)
			p = put32(p, 0x02040000 | (uint32_t)(GEN_MTU - (s->ipv6 ? 60 : 40)));
	} else {
		p = put16(p, GEN_UDP_LEN + s->len);
		check = p;
		p = put16(p, 0);
	}
	len = (uint32_t)(put(p, s->payload, s->len) - l4);
	acc = sum(sum(0, s->from->addr, addr_len), s->to->addr, addr_len);
	acc = fold(sum(acc + (s->flags ? IP_TCP : IP_UDP) + len, l4, len));
	put16(check, acc == 0 && !s->flags ? 0xffff : (uint32_t)acc); /* 0: UDP without one */
	return len;
}

static uint8_t *
put_ether(uint8_t *p, const struct gen_segment *s)
{
	p = put(put(p, s->to->mac, 6), s->from->mac, 6);
	if (s->vlan)
		p = put16(put16(p, 0x8100), s->vlan);
	return put16(p, s->ipv6 ? 0x86dd : 0x0800);
}

static uint8_t *
put_ip(uint8_t *p, const struct gen_segment *s, uint32_t payload, uint32_t frag)
{
	uint8_t *start = p;
	uint8_t proto = s->flags ? IP_TCP : IP_UDP;

	if (s->ipv6) {
		p = put16(put32(p, 0x60000000), payload);
		p = put16(p, (uint32_t)proto << 8 | 64);
		return put(put(p, s->from->addr, 16), s->to->addr, 16);
	}
	p = put16(put16(p, 0x4500), 20 + payload);
	p = put16(put16(p, s->ip_id), frag);
	p = put16(put16(p, 64 << 8 | proto), 0);
	p = put(put(p, s->from->addr, 4), s->to->addr, 4);
	put16(start + 10, fold(sum(0, start, 20)));
	return p;
}

uint32_t
gen_frame_build(const struct gen_segment *s, uint32_t fixed_len, uint8_t *out)
{
	static uint8_t l4[GEN_MAX_FRAME];
	uint32_t all = build_l4(s, l4), off = s->fragment_off;
	uint32_t n = s->fragment_len ? s->fragment_len : all;
	uint32_t frag = s->flags ? 0x4000 : 0; /* don't fragment */
	uint32_t least = fixed_len ? fixed_len : GEN_MIN_FRAME;
	uint8_t *p = put_ether(out, s);

	if (s->fragment_len) {
		if (n >= all - off)
			n = all - off;
		else
			frag = 0x2000; /* more fragments */
		frag |= off / 8;
	}
	p = put(put_ip(p, s, n, frag), l4 + off, n);
	if ((uint32_t)(p - out) < least) {
		memset(p, 0, least - (uint32_t)(p - out));
		p = out + least;
	}
	return (uint32_t)(p - out);
}
