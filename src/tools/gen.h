/*
 * gen: what pacf-gen is made of.  gen_flow decides who sends what next, gen_frame builds the
 * bytes, pacf-gen.c reads the arguments and writes the file.  Same configuration, same bytes,
 * on any machine: integers only, and its own random numbers.
 */
#ifndef PACF_GEN_H
#define PACF_GEN_H

#include <stdbool.h>
#include <stdint.h>

#define GEN_MTU	      1500
#define GEN_MIN_FRAME 60 /* Ethernet's minimum, without the checksum */
#define GEN_MAX_FRAME 65535
#define GEN_MSS_LEN   4 /* the option in SYN segments */
#define GEN_TCP_LEN   20
#define GEN_UDP_LEN   8

struct gen_config {
	uint64_t seed, packets,
		bytes; /* packets, bytes: 0 = until the conversations are over */
	uint64_t rate; /* packets per second */
	uint32_t flows;
	uint32_t len;			     /* of every frame; 0 = as they come */
	unsigned vlan, ipv6, udp, fragments; /* percent */
	bool nano;
};

/* One end of a conversation. */
struct gen_host {
	uint8_t mac[6];
	uint8_t addr[16]; /* IPv4 in the first 4 */
	uint16_t port;
};

enum gen_tcp_flag {
	GEN_FIN = 1,
	GEN_SYN = 2,
	GEN_PSH = 8,
	GEN_ACK = 16,
};

struct gen_segment {
	const struct gen_host *from, *to;
	const uint8_t *payload;
	uint32_t len; /* of payload: the whole datagram's, also for a fragment */
	uint32_t seq, ack;
	uint8_t flags; /* TCP; 0 = UDP */
	bool ipv6;
	uint16_t vlan; /* 0 = no tag */
	uint16_t ip_id;
	uint32_t fragment_off, fragment_len; /* of the IP payload; len 0 = not a fragment */
};

/* Bytes before TCP or UDP. */
uint32_t gen_frame_headers(bool ipv6, bool vlan);
/* Builds a frame at out (GEN_MAX_FRAME bytes), padded to fixed_len, or to GEN_MIN_FRAME if that
 * is 0. Returns its length.  The caller sees to it that it fits. */
uint32_t gen_frame_build(const struct gen_segment *s, uint32_t fixed_len, uint8_t *out);

struct gen_flows;
/* NULL: out of memory. */
struct gen_flows *gen_flows_new(const struct gen_config *config);
void gen_flows_free(struct gen_flows *flows);
/* The next frame in time; 0 = all conversations are over. */
uint32_t gen_flows_next(struct gen_flows *flows, uint8_t *out);

#endif
