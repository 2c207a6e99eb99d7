/*
 * pkt/wire_link: the numbers of link layers other than Ethernet.  Internal to pkt (and its
 * tests).
 */
#ifndef PACF_PKT_WIRE_LINK_H
#define PACF_PKT_WIRE_LINK_H

#include "wire.h"

/* https://www.tcpdump.org/linktypes.html */
#define WIRE_DLT_TOKEN_RING 6
#define WIRE_DLT_PPP	    9
#define WIRE_DLT_FDDI	    10
#define WIRE_DLT_PPP_SERIAL 50
#define WIRE_DLT_CHDLC	    104
#define WIRE_DLT_WLAN	    105
#define WIRE_DLT_PRISM	    119
#define WIRE_DLT_RADIOTAP   127
#define WIRE_DLT_AVS	    163
#define WIRE_DLT_PPI	    192
#define WIRE_DLT_MPLS	    219
#define WIRE_DLT_NFLOG	    239

/* IEEE 802.11-2020 9.2.4.1: frame control, first byte. */
#define WIRE_WLAN_VERSION 0x03
#define WIRE_WLAN_TYPE	  0x0c
#define WIRE_WLAN_DATA	  0x08
#define WIRE_WLAN_NO_DATA 0x40 /* subtypes of data */
#define WIRE_WLAN_QOS	  0x80
#define WIRE_WLAN_CTS	  0xc4 /* all of the byte */
#define WIRE_WLAN_ACK	  0xd4
/* Second byte. */
#define WIRE_WLAN_TO_DS	    0x01
#define WIRE_WLAN_FROM_DS   0x02
#define WIRE_WLAN_BOTH_DS   0x03
#define WIRE_WLAN_MORE	    0x04 /* pieces follow */
#define WIRE_WLAN_PROTECTED 0x40
#define WIRE_WLAN_HTC	    0x80
#define WIRE_WLAN_PIECE	    0x0f /* 9.2.4.4: low byte of sequence control */
#define WIRE_WLAN_AMSDU	    0x80 /* 9.2.4.5: low byte of QoS control */
/* Bytes, up to the receiver, the transmitter, the sequence number. */
#define WIRE_WLAN_RA_LEN 10
#define WIRE_WLAN_TA_LEN 16
#define WIRE_WLAN_LEN	 24

/* https://www.radiotap.org/fields/defined: what is present, and the flags. */
#define WIRE_RADIOTAP_TSFT  0x00000001u
#define WIRE_RADIOTAP_FLAGS 0x00000002u
#define WIRE_RADIOTAP_MORE  0x80000000u
#define WIRE_RADIOTAP_PAD   0x20
#define WIRE_RADIOTAP_LEN   8
#define WIRE_RADIOTAP_WORDS 8 /* more words of what is present are not followed */

/* https://www.tcpdump.org/linktypes/LINKTYPE_IEEE802_11_PRISM.html, ..._AVS, LINKTYPE_PPI */
#define WIRE_PRISM_LEN	      144
#define WIRE_AVS_LEN	      8 /* what is read of it */
#define WIRE_AVS_MAGIC	      0x80211000u
#define WIRE_AVS_MASK	      0xfffff000u
#define WIRE_PPI_LEN	      8

#define WIRE_CHDLC_LEN	      4
#define WIRE_CHDLC_ADDRESS    0x0f /* RFC 1547 4.3.1; 0x8f: to all */
#define WIRE_FDDI_LEN	      13
#define WIRE_FDDI_LLC	      0x50 /* ANSI X3.139: asynchronous, LLC */
#define WIRE_TOKEN_RING_LEN   14
#define WIRE_TOKEN_RING_LLC   0x40

#define WIRE_NFLOG_LEN	      4
#define WIRE_NFLOG_PAYLOAD    9	 /* linux/netfilter/nfnetlink_log.h */
#define WIRE_NFLOG_ATTRIBUTES 32 /* there are some 20 */

static inline uint16_t
wire_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t
wire_le32(const uint8_t *p)
{
	return (uint32_t)wire_le16(p + 2) << 16 | wire_le16(p);
}

#endif
