/*
 * pkt/wire_tunnel: the numbers of what carries frames or datagrams.  Internal to pkt.
 */
#ifndef PACF_PKT_WIRE_TUNNEL_H
#define PACF_PKT_WIRE_TUNNEL_H

/* Ethertypes that end a walk, and tell that it is a frame. */
#define WIRE_ETHERTYPE_RARP	  0x8035
#define WIRE_ETHERTYPE_SLOW	  0x8809
#define WIRE_ETHERTYPE_PPPOE_FIND 0x8863 /* RFC 2516 */
#define WIRE_ETHERTYPE_EAPOL	  0x888e
#define WIRE_ETHERTYPE_LLDP	  0x88cc
#define WIRE_ETHERTYPE_PTP	  0x88f7
#define WIRE_ETHERTYPE_CFM	  0x8902
#define WIRE_ETHERTYPE_FCOE	  0x8906
#define WIRE_ETHERTYPE_LOOP	  0x9000

/* Bytes. */
#define WIRE_VNTAG_LEN	 6 /* with the ethertype that follows */
#define WIRE_PBB_LEN	 4
#define WIRE_CFP_LEN	 2
#define WIRE_MACSEC_LEN	 6
#define WIRE_NSH_LEN	 8
#define WIRE_MPLS_LEN	 4
#define WIRE_PW_LEN	 4 /* RFC 4385 */
#define WIRE_PPPOE_LEN	 6
#define WIRE_GRE_LEN	 4
#define WIRE_ERSPAN2_LEN 8
#define WIRE_ERSPAN3_LEN 12
#define WIRE_WCCP_LEN	 4
#define WIRE_ETHERIP_LEN 2
#define WIRE_PIM_LEN	 8 /* of a Register */
#define WIRE_VXLAN_LEN	 8
#define WIRE_GENEVE_LEN	 8
#define WIRE_GTP_LEN	 8
#define WIRE_AYIYA_LEN	 8

/* PPP: RFC 1662's address and control, IANA's ppp-numbers. */
#define WIRE_PPP_ADDRESS    0xff03
#define WIRE_PPP_IPV4	    0x0021
#define WIRE_PPP_IPV6	    0x0057
#define WIRE_PPP_MPLS	    0x0281
#define WIRE_PPP_MPLS_MULTI 0x0283

/* IEEE 802.1AE: the first byte of the tag. */
#define WIRE_MACSEC_VERSION 0x80
#define WIRE_MACSEC_SC	    0x20
#define WIRE_MACSEC_E	    0x08
#define WIRE_MACSEC_C	    0x04

/* GRE: RFC 1701, 2890, 2637; types that are no ethertypes. */
#define WIRE_GRE_CHECKSUM    0x8000
#define WIRE_GRE_ROUTING     0x4000
#define WIRE_GRE_KEY	     0x2000
#define WIRE_GRE_SEQUENCE    0x1000
#define WIRE_GRE_ACK	     0x0080
#define WIRE_GRE_VERSION     0x0007
#define WIRE_GRE_PPP	     0x880b
#define WIRE_GRE_ERSPAN	     0x88be
#define WIRE_GRE_ERSPAN3     0x22eb
#define WIRE_GRE_WCCP	     0x883e
#define WIRE_GRE_ROUTES	     8 /* more than anybody ever used */
#define WIRE_ETHERIP_VERSION 0x3000
/* RFC 7761 4.9: version 2, type 1; the bit of one without a packet in it. */
#define WIRE_PIM_REGISTER 0x21
#define WIRE_PIM_NULL	  0x40

/* 3GPP TS 29.281: version 1, protocol type GTP; a user's packet; extension headers follow. */
#define WIRE_GTP_V1	    0x30
#define WIRE_GTP_PDU	    0xff
#define WIRE_GTP_E	    0x04
#define WIRE_GTP_EXTENSIONS 8 /* more than there are kinds of */

/* RFC 4380 and what Windows XP had before; the first 32 bits of fe80::/64. */
#define WIRE_TEREDO	   0x20010000
#define WIRE_TEREDO_OLD	   0x3ffe831f
#define WIRE_LINK_LOCAL	   0xfe800000
#define WIRE_TEREDO_AUTH   0x0001
#define WIRE_TEREDO_ORIGIN 0x0000

/* RFC 2661: the flags of a data message. */
#define WIRE_L2TP_LENGTH   0x4000
#define WIRE_L2TP_SEQUENCE 0x0800
#define WIRE_L2TP_OFFSET   0x0200
#define WIRE_L2TP_FLAGS	   0x4b00 /* and priority */

#define WIRE_MPLS_LABELS   4 /* in a UDP datagram that is taken for MPLS */

#endif
