/*
 * pkt/layer: what parsing found in a packet.  Part of pkt.h, which includes it.
 */
#ifndef PACF_PKT_LAYER_H
#define PACF_PKT_LAYER_H

#include <stdbool.h>
#include <stdint.h>

/* The longest chain of headers that is walked. */
#define PKT_MAX_HEADERS 32
/* The most fragment layers in it. */
#define PKT_MAX_FRAGS 4

enum pkt_family { PKT_FAMILY_NONE, PKT_FAMILY_MAC, PKT_FAMILY_IPV4, PKT_FAMILY_IPV6 };

/* Headers, each with its name for people. */
#define PKT_LAYERS_X(X)             \
	X(ETHERNET, "ethernet")     \
	X(SLL, "sll")               \
	X(SLL2, "sll2")             \
	X(NULL, "null")             \
	X(CHDLC, "chdlc")           \
	X(WLAN, "802.11")           \
	X(RADIOTAP, "radiotap")     \
	X(PRISM, "prism")           \
	X(PPI, "ppi")               \
	X(FDDI, "fddi")             \
	X(TOKEN_RING, "token-ring") \
	X(NFLOG, "nflog")           \
	X(LLC, "llc")               \
	X(VLAN, "vlan")             \
	X(VNTAG, "vntag")           \
	X(PBB, "pbb")               \
	X(CFP, "fabricpath")        \
	X(MACSEC, "macsec")         \
	X(NSH, "nsh")               \
	X(MPLS, "mpls")             \
	X(PW, "control-word")       \
	X(PPPOE, "pppoe")           \
	X(PPP, "ppp")               \
	X(ARP, "arp")               \
	X(IPV4, "ipv4")             \
	X(IPV6, "ipv6")             \
	X(HOP_BY_HOP, "hop-by-hop") \
	X(ROUTING, "routing")       \
	X(FRAGMENT, "fragment")     \
	X(DEST_OPTS, "dest-opts")   \
	X(AH, "ah")                 \
	X(MOBILITY, "mobility")     \
	X(HIP, "hip")               \
	X(SHIM6, "shim6")           \
	X(ICMP, "icmp")             \
	X(ICMPV6, "icmpv6")         \
	X(TCP, "tcp")               \
	X(UDP, "udp")               \
	X(UDPLITE, "udp-lite")      \
	X(SCTP, "sctp")             \
	X(DCCP, "dccp")             \
	X(ESP, "esp")               \
	X(GRE, "gre")               \
	X(ERSPAN, "erspan")         \
	X(WCCP, "wccp")             \
	X(ETHERIP, "etherip")       \
	X(PIM, "pim")               \
	X(L2TP, "l2tp")             \
	X(VXLAN, "vxlan")           \
	X(VXLAN_GPE, "vxlan-gpe")   \
	X(GENEVE, "geneve")         \
	X(GTP, "gtp-u")             \
	X(TEREDO, "teredo")         \
	X(AYIYA, "ayiya")

enum pkt_layer {
	PKT_LAYER_NONE,
#define PKT_LAYER_ENUM(symbol, name) PKT_LAYER_##symbol,
	PKT_LAYERS_X(PKT_LAYER_ENUM)
#undef PKT_LAYER_ENUM
		PKT_LAYERS
};
const char *pkt_layer_name(enum pkt_layer layer);

/*
 * Addresses are in network byte order: IPv4 in the first 4 bytes, MAC in the first 6, the rest
 * zero.  Ports are in host order, 0 if there are none.  Addresses to protocol and the two
 * offsets belong to one flow: the innermost one that could be read.
 */
struct pkt_flow {
	uint8_t src[16], dst[16];
	uint64_t vlans; /* fold of the VLAN ids on the way to the flow, in order; 0: none */
	uint16_t sport, dport;
	uint16_t ethertype;	 /* of the flow, host order */
	uint16_t l3_off, l4_off; /* bytes from the start; 0 = not reached, or none */
	uint8_t family;		 /* enum pkt_family */
	uint8_t proto;		 /* IP protocol after extension headers */
	uint8_t reason;		 /* enum pkt_reason */
	bool later;		 /* the walk ended at a fragment that is not the first one */
	uint8_t nfrags;
	uint8_t nlayers;
	uint8_t hashed; /* index of the layer whose flow this is */
	/* Of each fragment header passed, outermost first: the same in all fragments of one
	 * datagram.  A whole datagram has none, nor has a first fragment that is quoted. */
	uint64_t frag[PKT_MAX_FRAGS];
	/* Headers met, the last one may be incomplete. */
	struct {
		uint8_t what; /* enum pkt_layer */
		uint16_t off;
	} layer[PKT_MAX_HEADERS];
};

#endif
