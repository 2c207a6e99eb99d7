#include "vectors.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define MACS	"02000000000b 02000000000a "
#define PORTS	"04d2 0050 "
#define TCP	PORTS "00000001 00000000 5002 ffff 0000 0000 "
#define UDP	PORTS "0008 0000 "
#define SCTP	PORTS "00000000 00000000 "
/* hex of: total length, flags and offset, protocol */
#define V4(total, frag, proto) "4500 " total " 0001 " frag " 40 " proto " 0000 0a000001 c0a80102 "
#define A6	"20010db8000000000000000000000001 20010db800000000000000000000beef "
/* hex of: payload length, next header */
#define V6(len, next) "60000000 " len " " next " 40 " A6
#define OPTS(next) next "00 0104 00000000 "
#define OPTS4(next) OPTS(next) OPTS(next) OPTS(next) OPTS(next)
#define TAG	"0001 8100 "
#define TAG4	TAG TAG TAG TAG
#define D5 "dest-opts dest-opts dest-opts dest-opts dest-opts "
#define D29 D5 D5 D5 D5 D5 "dest-opts dest-opts dest-opts dest-opts "
#define V5 "vlan vlan vlan vlan vlan "
#define V29 V5 V5 V5 V5 V5 "vlan vlan vlan vlan "
#define SLL	"0000 0001 0006 02000000000a0000 "
#define SLL2	" 0000 00000002 0001 00 06 02000000000a0000 "

#define E PKT_LINK_ETHER
#define R PKT_LINK_RAW
#define N PKT_LINK_NULL
#define S PKT_LINK_SLL
#define S2 PKT_LINK_SLL2
#define F4 PKT_FAMILY_IPV4
#define F6 PKT_FAMILY_IPV6
#define FM PKT_FAMILY_MAC
#define F0 PKT_FAMILY_NONE
#define P 1234, 80
#define NP 0, 0

const struct vector vectors[] = {
	/* The packet that others hang on: a header length of 0 leads back to the same header. */
	{"ihl0", E, MACS "0800 40000014 00010000 40040000 0a000001 c0a80102",
		PKT_MALFORMED, F4, 4, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-tcp", E, MACS "0800" V4("0028", "4000", "06") TCP, PKT_OK, F4, 6, P, 0x0800,
		"ethernet ipv4* tcp", 14, 34},
	{"ipv4-udp", E, MACS "0800" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"ethernet ipv4* udp", 14, 34},
	{"ipv4-sctp", E, MACS "0800" V4("0020", "0000", "84") SCTP, PKT_OK, F4, 132, P, 0x0800,
		"ethernet ipv4* sctp", 14, 34},
	{"ipv4-padded", E, MACS "0800" V4("001c", "0000", "11") UDP "0000 00000000 00000000 00000000 00000000",
		PKT_OK, F4, 17, P, 0x0800,
		"ethernet ipv4* udp", 14, 34},
	{"ipv4-tso", E, MACS "0800" V4("0000", "4000", "06") TCP, PKT_OK, F4, 6, P, 0x0800,
		"ethernet ipv4* tcp", 14, 34},
	{"ipv4-options", E, MACS "0800 46000020 00010000 40110000 0a000001 c0a80102 94040000" UDP,
		PKT_OK, F4, 17, P, 0x0800,
		"ethernet ipv4* udp", 14, 38},
	{"ipv4-icmp", E, MACS "0800" V4("001c", "0000", "01") "0800 0000 00010001",
		PKT_NO_PORTS, F4, 1, NP, 0x0800,
		"ethernet ipv4* icmp", 14, 34},
	{"ipv4-esp", E, MACS "0800" V4("001c", "0000", "32") "00001000 00000001",
		PKT_NO_PORTS, F4, 50, NP, 0x0800,
		"ethernet ipv4* esp", 14, 34},
	{"ipv4-no-payload", E, MACS "0800" V4("0014", "0000", "fd"), PKT_NO_PORTS, F4, 253, NP, 0x0800,
		"ethernet ipv4*", 14, 34},
	{"ipv4-ah", E, MACS "0800" V4("0034", "0000", "33") "06010000 00000001 00000001" TCP,
		PKT_OK, F4, 6, P, 0x0800,
		"ethernet ipv4* ah tcp", 14, 46},
	{"ipv4-first-fragment", E, MACS "0800" V4("0024", "2000", "11") UDP "0011223344556677",
		PKT_FIRST_FRAGMENT, F4, 17, P, 0x0800,
		"ethernet ipv4* udp", 14, 34},
	{"ipv4-later-fragment", E, MACS "0800" V4("0024", "0002", "11") UDP "0011223344556677",
		PKT_FRAGMENT, F4, 17, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-version-5", E, MACS "0800 55000028 00014000 40060000 0a000001 c0a80102" TCP,
		PKT_MALFORMED, FM, 0, NP, 0x0800,
		"ethernet* ipv4", 0, 0},
	{"ipv4-ihl4", E, MACS "0800 44000028 00014000 40060000 0a000001 c0a80102" TCP,
		PKT_MALFORMED, F4, 6, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-total-in-header", E, MACS "0800" V4("0013", "4000", "06") TCP,
		PKT_MALFORMED, F4, 6, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-total-in-options-cut", E, MACS "0800 4f000030 00010000 40110000 0a000001 c0a80102 94040000",
		PKT_MALFORMED, F4, 17, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-total-in-ports", E, MACS "0800" V4("0017", "4000", "06") TCP,
		PKT_MALFORMED, F4, 6, NP, 0x0800,
		"ethernet ipv4* tcp", 14, 34},
	{"ipv4-options-cut", E, MACS "0800 4f000060 00010000 40110000 0a000001 c0a80102 94040000",
		PKT_TRUNCATED, F4, 17, NP, 0x0800,
		"ethernet ipv4*", 14, 0},
	{"ipv4-addresses-cut", E, MACS "0800 45000028 00014000 40060000 0a000001 c0a801",
		PKT_TRUNCATED, FM, 0, NP, 0x0800,
		"ethernet* ipv4", 0, 0},
	{"ipv6-tcp", E, MACS "86dd" V6("0014", "06") TCP, PKT_OK, F6, 6, P, 0x86dd,
		"ethernet ipv6* tcp", 14, 54},
	{"ipv6-udp-jumbo", E, MACS "86dd" V6("0000", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* udp", 14, 54},
	{"ipv6-icmp", E, MACS "86dd" V6("0008", "3a") "8000 0000 00010001",
		PKT_NO_PORTS, F6, 58, NP, 0x86dd,
		"ethernet ipv6* icmpv6", 14, 54},
	{"ipv6-hop-by-hop", E, MACS "86dd" V6("0010", "00") OPTS("11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* hop-by-hop udp", 14, 62},
	{"ipv6-routing", E, MACS "86dd" V6("0020", "2b") "11020000 00000000" "20010db8000000000000000000000002" UDP,
		PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* routing udp", 14, 78},
	{"ipv6-dest-opts", E, MACS "86dd" V6("0010", "3c") OPTS("11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* dest-opts udp", 14, 62},
	{"ipv6-ah", E, MACS "86dd" V6("0014", "33") "11010000 00000001 00000001" UDP,
		PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* ah udp", 14, 66},
	{"ipv6-mobility", E, MACS "86dd" V6("0008", "87") "3b000000 00000000",
		PKT_NO_PORTS, F6, 59, NP, 0x86dd,
		"ethernet ipv6* mobility", 14, 62},
	{"ipv6-hip", E, MACS "86dd" V6("0028", "8b") "3b040011 00000000" A6,
		PKT_NO_PORTS, F6, 59, NP, 0x86dd,
		"ethernet ipv6* hip", 14, 94},
	{"ipv6-shim6", E, MACS "86dd" V6("0010", "8c") "11008000 00000001" UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* shim6 udp", 14, 62},
	{"ipv6-no-next", E, MACS "86dd" V6("0000", "3b"), PKT_NO_PORTS, F6, 59, NP, 0x86dd,
		"ethernet ipv6*", 14, 54},
	{"ipv6-atomic-fragment", E, MACS "86dd" V6("0010", "2c") "11000000 00000001" UDP,
		PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* fragment udp", 14, 62},
	{"ipv6-first-fragment", E, MACS "86dd" V6("0010", "2c") "11000001 00000001" UDP,
		PKT_FIRST_FRAGMENT, F6, 17, P, 0x86dd,
		"ethernet ipv6* fragment udp", 14, 62},
	{"ipv6-later-fragment", E, MACS "86dd" V6("0010", "2c") "11000010 00000001" "0011223344556677",
		PKT_FRAGMENT, F6, 17, NP, 0x86dd,
		"ethernet ipv6* fragment", 14, 0},
	{"ipv6-chain", E, MACS "86dd" V6("0034", "00") OPTS("2b") "3c000000 00000000" OPTS("33")
		"06010000 00000001 00000001" "04d20050 00000001 00000000 50020000",
		PKT_OK, F6, 6, P, 0x86dd,
		"ethernet ipv6* hop-by-hop routing dest-opts ah tcp", 14, 90},
	{"ipv6-deepest", E, MACS "86dd" V6("00f0", "3c") OPTS4("3c") OPTS4("3c") OPTS4("3c") OPTS4("3c") OPTS4("3c") OPTS4("3c")
		OPTS4("3c") OPTS("11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet ipv6* " D29 "udp", 14, 286},
	{"ipv6-too-deep", E, MACS "86dd" V6("00f8", "3c") OPTS4("3c") OPTS4("3c") OPTS4("3c") OPTS4("3c") OPTS4("3c")
		OPTS4("3c") OPTS4("3c") OPTS("3c") OPTS("11") UDP, PKT_TOO_DEEP, F6, 17, NP, 0x86dd,
		"ethernet ipv6* " D29 "dest-opts", 14, 294},
	{"ipv6-extension-past-payload", E, MACS "86dd" V6("0008", "3c") "11010104 00000000" UDP UDP,
		PKT_MALFORMED, F6, 17, NP, 0x86dd,
		"ethernet ipv6* dest-opts", 14, 0},
	{"ipv6-extension-cut", E, MACS "86dd" V6("0800", "3c") "11ff0104 00000000" UDP UDP,
		PKT_TRUNCATED, F6, 17, NP, 0x86dd,
		"ethernet ipv6* dest-opts", 14, 0},
	{"ipv6-version-4", E, MACS "86dd 40000000 0008 1140" A6 UDP, PKT_MALFORMED, FM, 0, NP, 0x86dd,
		"ethernet* ipv6", 0, 0},
	{"ipv6-addresses-cut", E, MACS "86dd 60000000 0014 0640 20010db8000000000000000000000001",
		PKT_TRUNCATED, FM, 0, NP, 0x86dd,
		"ethernet* ipv6", 0, 0},
	{"vlan", E, MACS "8100 0064 0800" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"ethernet vlan ipv4* udp", 18, 38},
	{"qinq-ipv6", E, MACS "88a8 0064 8100 0065 86dd" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ethernet vlan vlan ipv6* udp", 22, 62},
	{"vlan-9100", E, MACS "9100 0064 9100 0065 8100 0066 0800" V4("001c", "0000", "11") UDP,
		PKT_OK, F4, 17, P, 0x0800,
		"ethernet vlan vlan vlan ipv4* udp", 26, 46},
	{"vlan-deepest", E, MACS "8100" TAG4 TAG4 TAG4 TAG4 TAG4 TAG4 TAG4 "0001 0800" V4("001c", "0000", "11") UDP,
		PKT_OK, F4, 17, P, 0x0800,
		"ethernet " V29 "ipv4* udp", 130, 150},
	{"vlan-too-deep", E, MACS "8100" TAG4 TAG4 TAG4 TAG4 TAG4 TAG4 TAG4 TAG TAG "0001 0800" V4("001c", "0000", "11") UDP,
		PKT_TOO_DEEP, FM, 0, NP, 0x0800,
		"ethernet* " V29 "vlan vlan", 0, 0},
	{"vlan-llc", E, MACS "8100 0064 0003 424203", PKT_NON_IP, FM, 0, NP, 0,
		"ethernet* vlan llc", 0, 0},
	{"arp", E, MACS "0806 0001 0800 06040001 02000000000a 0a000001 000000000000 c0a80102",
		PKT_NON_IP, FM, 0, NP, 0x0806,
		"ethernet* arp", 0, 0},
	{"llc", E, MACS "0026 424203 00000000", PKT_NON_IP, FM, 0, NP, 0,
		"ethernet* llc", 0, 0},
	{"raw-ipv4", R, V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"ipv4* udp", 0, 20},
	{"raw-ipv6", R, V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"ipv6* udp", 0, 40},
	{"raw-version-15", R, "f5000000", PKT_MALFORMED, F0, 0, NP, 0,
		"", 0, 0},
	{"null-ipv4", N, "02000000" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"null ipv4* udp", 4, 24},
	{"loop-ipv4", N, "00000002" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"null ipv4* udp", 4, 24},
	{"null-ipv6-24", N, "18000000" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"null ipv6* udp", 4, 44},
	{"null-ipv6-28", N, "1c000000" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"null ipv6* udp", 4, 44},
	{"null-ipv6-30", N, "1e000000" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"null ipv6* udp", 4, 44},
	{"loop-ipv6-10", N, "0000000a" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"null ipv6* udp", 4, 44},
	{"null-osi", N, "07000000 830c", PKT_NON_IP, F0, 0, NP, 0,
		"null", 0, 0},
	{"sll", S, SLL "0800" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"sll ipv4* udp", 16, 36},
	{"sll-vlan", S, SLL "8100 0064 0800" V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"sll vlan ipv4* udp", 20, 40},
	{"sll-arp", S, SLL "0806 0001 0800", PKT_NON_IP, F0, 0, NP, 0x0806,
		"sll arp", 0, 0},
	{"sll-llc", S, SLL "0004 424203", PKT_NON_IP, F0, 0, NP, 4,
		"sll llc", 0, 0},
	{"sll-vlan-llc", S, SLL "8100 0064 0003 424203", PKT_NON_IP, F0, 0, NP, 0,
		"sll vlan llc", 0, 0},
	{"sll2", S2, "0800" SLL2 V4("001c", "0000", "11") UDP, PKT_OK, F4, 17, P, 0x0800,
		"sll2 ipv4* udp", 20, 40},
	{"sll2-vlan-ipv6", S2, "8100" SLL2 "0064 86dd" V6("0008", "11") UDP, PKT_OK, F6, 17, P, 0x86dd,
		"sll2 vlan ipv6* udp", 24, 64},
	{"other", PKT_LINK_OTHER, "00001900 00000000", PKT_UNKNOWN_LINK, F0, 0, NP, 0,
		"", 0, 0},
};
/* clang-format on */
const size_t vectors_count = sizeof(vectors) / sizeof(*vectors);

static int
nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

uint32_t
vector_bytes(const struct vector *v, uint8_t out[VECTOR_MAX])
{
	uint32_t digits = 0;

	for (const char *p = v->hex; *p; p++) {
		if (*p == ' ')
			continue;
		if (digits / 2 == VECTOR_MAX)
			abort();
		if (digits % 2 == 0)
			out[digits / 2] = (uint8_t)(nibble(*p) << 4);
		else
			out[digits / 2] |= (uint8_t)nibble(*p);
		digits++;
	}
	if (digits % 2 != 0)
		abort();
	return digits / 2;
}

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

void
vector_reverse(const struct vector *v, uint8_t *data)
{
	if (v->link == PKT_LINK_ETHER)
		swap(data, data + 6, 6);
	if (v->family == PKT_FAMILY_IPV4)
		swap(data + v->l3_off + 12, data + v->l3_off + 16, 4);
	if (v->family == PKT_FAMILY_IPV6)
		swap(data + v->l3_off + 8, data + v->l3_off + 24, 16);
	if (v->sport != 0)
		swap(data + v->l4_off, data + v->l4_off + 2, 2);
}
