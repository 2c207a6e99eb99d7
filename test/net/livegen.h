/*
 * livegen: what its two parts share: the packet, and what the program is told and counts.
 * Ethernet, IPv4 without options, UDP; as netns.frame() makes them, so that netns.number_of()
 * reads both.
 */
#ifndef PACF_LIVEGEN_H
#define PACF_LIVEGEN_H

#include <linux/types.h>

#define LIVEGEN_FLOW_BITS 14u /* of a flow, in the source port; the rest in the address */
#define LIVEGEN_PORT	  1024u

struct livegen_frame {
	__u8 ethernet[14];
	__u8 version, tos;
	__u16 length;
	__u8 id_fragment_ttl_protocol[6];
	__u16 check;
	__u8 source[4];
	__u16 destination_high, destination_low;
	__u16 source_port, destination_port, udp_length, udp_check;
	__u64 number; /* of the packet in its flow, big-endian */
} __attribute__((packed));

struct livegen {
	__u32 ifindex, flows;
	__u32 flow; /* of the next packet */
	__u32 sum;  /* of the IP header, but for the checksum and the destination's low half */
	__u64 number;
	__u64 left; /* how many may be sent */
	__u64 sent, over;
};

#endif
