/*
 * pkt/wire: the numbers and byte orders of the protocols that are parsed.  Internal to pkt (and
 * its tests).  Loads are by memcpy: any alignment, the same value on any machine.
 */
#ifndef PACF_PKT_WIRE_H
#define PACF_PKT_WIRE_H

#include <stdint.h>
#include <string.h>

/* IEEE 802.3 3.2.6: values below are a length; the rest of the registry is IANA's
 * ieee-802-numbers. */
#define WIRE_ETHERTYPE_MIN  1536
#define WIRE_ETHERTYPE_IPV4 0x0800 /* RFC 894 */
#define WIRE_ETHERTYPE_IPV6 0x86dd /* RFC 2464 */
#define WIRE_ETHERTYPE_VLAN 0x8100 /* IEEE 802.1Q customer tag */
#define WIRE_ETHERTYPE_QINQ 0x88a8 /* IEEE 802.1ad service tag */
#define WIRE_ETHERTYPE_9100 0x9100 /* the service tag before there was a standard */

/* Bytes. */
#define WIRE_MAC_LEN   6
#define WIRE_ETHER_LEN 14
#define WIRE_TAG_LEN   4
#define WIRE_NULL_LEN  4
#define WIRE_SLL_LEN   16
#define WIRE_SLL2_LEN  20
#define WIRE_IPV4_LEN  20 /* RFC 791, without options */
#define WIRE_IPV6_LEN  40 /* RFC 8200 */
#define WIRE_EXT_LEN   8  /* RFC 8200, 4302: no extension header is shorter */
#define WIRE_PORTS_LEN 4  /* RFC 9293, 768, 9260: both ports come first */

/* https://www.tcpdump.org/linktypes.html; DLT_RAW differs between systems (12, 14). */
#define WIRE_DLT_NULL	  0
#define WIRE_DLT_ETHER	  1
#define WIRE_DLT_RAW	  12
#define WIRE_DLT_RAW_BSD  14
#define WIRE_DLT_RAW_FILE 101
#define WIRE_DLT_LOOP	  108
#define WIRE_DLT_SLL	  113
#define WIRE_DLT_IPV4	  228
#define WIRE_DLT_IPV6	  229
#define WIRE_DLT_SLL2	  276

/* Address families of the null and loop link types: AF_INET is 2 everywhere, AF_INET6 is 24
 * (NetBSD, OpenBSD), 28 (FreeBSD), 30 (macOS) or 10 (Linux). */
#define WIRE_AF_INET	      2
#define WIRE_AF_INET6_LINUX   10
#define WIRE_AF_INET6_NETBSD  24
#define WIRE_AF_INET6_FREEBSD 28
#define WIRE_AF_INET6_MACOS   30

/* IANA protocol-numbers. */
#define WIRE_IP_HOP_BY_HOP 0 /* RFC 8200 4.3 */
#define WIRE_IP_TCP	   6
#define WIRE_IP_UDP	   17
#define WIRE_IP_ROUTING	   43 /* RFC 8200 4.4 */
#define WIRE_IP_FRAGMENT   44 /* RFC 8200 4.5 */
#define WIRE_IP_AH	   51 /* RFC 4302 */
#define WIRE_IP_NO_NEXT	   59 /* RFC 8200 4.7 */
#define WIRE_IP_DEST_OPTS  60 /* RFC 8200 4.6 */
#define WIRE_IP_SCTP	   132
#define WIRE_IP_MOBILITY   135 /* RFC 6275 6.1 */
#define WIRE_IP_HIP	   139 /* RFC 7401 5.1 */
#define WIRE_IP_SHIM6	   140 /* RFC 5533 5.1 */

#define WIRE_IPV4_FRAGMENT 0x3fff /* RFC 791: more fragments, or an offset */
#define WIRE_IPV6_FRAGMENT 0xfff9 /* RFC 8200 4.5: an offset, or more fragments */

static inline uint16_t
wire_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
wire_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t
wire_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

#endif
