/*
 * pkt/wire: the numbers and byte orders of the protocols that are parsed (tunnels:
 * wire_tunnel.h).  Internal to pkt (and its tests).  Loads are by memcpy: any alignment, the
 * same value on any machine.
 */
#ifndef PACF_PKT_WIRE_H
#define PACF_PKT_WIRE_H

#include <stdint.h>
#include <string.h>

/* IEEE 802.3 3.2.6: values below are a length; the rest of the registry is IANA's
 * ieee-802-numbers. */
#define WIRE_ETHERTYPE_MIN	  1536
#define WIRE_ETHERTYPE_IPV4	  0x0800 /* RFC 894 */
#define WIRE_ETHERTYPE_IPV6	  0x86dd /* RFC 2464 */
#define WIRE_ETHERTYPE_VLAN	  0x8100 /* IEEE 802.1Q customer tag */
#define WIRE_ETHERTYPE_QINQ	  0x88a8 /* IEEE 802.1ad service tag */
#define WIRE_ETHERTYPE_9100	  0x9100 /* the service tag before there was a standard */
#define WIRE_ETHERTYPE_9200	  0x9200
#define WIRE_ETHERTYPE_9300	  0x9300
#define WIRE_ETHERTYPE_ARP	  0x0806 /* RFC 826 */
#define WIRE_ETHERTYPE_BRIDGED	  0x6558 /* RFC 1701: a frame */
#define WIRE_ETHERTYPE_MPLS	  0x8847 /* RFC 5332 */
#define WIRE_ETHERTYPE_MPLS_MULTI 0x8848
#define WIRE_ETHERTYPE_PPPOE	  0x8864
#define WIRE_ETHERTYPE_LLC	  0x8870 /* frames too long for a length */
#define WIRE_ETHERTYPE_MACSEC	  0x88e5
#define WIRE_ETHERTYPE_PBB	  0x88e7 /* IEEE 802.1ah service instance tag */
#define WIRE_ETHERTYPE_CFP	  0x8903 /* Cisco FabricPath */
#define WIRE_ETHERTYPE_VNTAG	  0x8926 /* Cisco VN-Tag */
#define WIRE_ETHERTYPE_NSH	  0x894f /* RFC 8300 */

/* IEEE 802.2 service access points, unnumbered information. */
#define WIRE_SAP_IP	 0x06
#define WIRE_SAP_STP	 0x42
#define WIRE_SAP_SNAP	 0xaa
#define WIRE_SAP_IPX	 0xe0
#define WIRE_SAP_NETBIOS 0xf0
#define WIRE_SAP_OSI	 0xfe
#define WIRE_LLC_UI	 0x03

/* Linux cooked: if_arp.h, if_ether.h. */
#define WIRE_ARPHRD_NETLINK 824
#define WIRE_SLL_LLC	    4

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
#define WIRE_UDP_LEN   8
#define WIRE_ICMP_LEN  8
#define WIRE_QUOTE_LEN 8 /* RFC 792: of what follows the quoted IP header, at least */
#define WIRE_LLC_LEN   3
#define WIRE_SNAP_LEN  8 /* with LLC */

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
#define WIRE_IP_HOP_BY_HOP    0 /* RFC 8200 4.3 */
#define WIRE_IP_ICMP	      1
#define WIRE_IP_IPV4	      4 /* RFC 2003 */
#define WIRE_IP_TCP	      6
#define WIRE_IP_UDP	      17
#define WIRE_IP_DCCP	      33  /* RFC 4340 */
#define WIRE_IP_IPV6	      41  /* RFC 2473, 4213 */
#define WIRE_IP_ROUTING	      43  /* RFC 8200 4.4 */
#define WIRE_IP_FRAGMENT      44  /* RFC 8200 4.5 */
#define WIRE_IP_GRE	      47  /* RFC 2784 */
#define WIRE_IP_ESP	      50  /* RFC 4303 */
#define WIRE_IP_AH	      51  /* RFC 4302 */
#define WIRE_IP_ICMPV6	      58  /* RFC 4443 */
#define WIRE_IP_NO_NEXT	      59  /* RFC 8200 4.7 */
#define WIRE_IP_DEST_OPTS     60  /* RFC 8200 4.6 */
#define WIRE_IP_ETHERIP	      97  /* RFC 3378 */
#define WIRE_IP_PIM	      103 /* RFC 7761 */
#define WIRE_IP_L2TP	      115 /* RFC 3931 */
#define WIRE_IP_SCTP	      132
#define WIRE_IP_MOBILITY      135 /* RFC 6275 6.1 */
#define WIRE_IP_UDPLITE	      136 /* RFC 3828 */
#define WIRE_IP_MPLS	      137 /* RFC 4023 */
#define WIRE_IP_HIP	      139 /* RFC 7401 5.1 */
#define WIRE_IP_SHIM6	      140 /* RFC 5533 5.1 */

#define WIRE_IP_ETHERNET      143 /* RFC 8986 */

#define WIRE_ROUTING_SOURCE   0 /* RFC 2460 4.4, until RFC 5095 */
#define WIRE_ROUTING_SEGMENTS 4 /* RFC 8754 */

#define WIRE_IPV4_OFFSET      0x1fff
#define WIRE_IPV6_OFFSET      0xfff8
#define WIRE_IPV4_FRAGMENT    0x3fff /* RFC 791: more fragments, or an offset */
#define WIRE_IPV6_FRAGMENT    0xfff9 /* RFC 8200 4.5: an offset, or more fragments */

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
