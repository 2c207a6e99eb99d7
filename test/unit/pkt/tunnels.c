#include "build.h"

/* clang-format off */
#define PLAIN(name, payload, port) {name, E, V4 "11 UDP:50000:" port " " payload, NULL, PKT_OK, "ethernet ipv4* udp"}
#define R1 "x:20010db8000000000000000000000001 "
#define R2 "x:20010db8000000000000000000000002 "
#define R3 "x:20010db8000000000000000000000003 "
#define TEREDO "x:60000000 l:-34 x:1140 x:20010000415f000000000000000000ff " R1 "UDP:4000:53"
#define IP4 "IP4:04 IP4:04 IP4:04 IP4:04 "
#define IP8 IP4 IP4
#define L8 "ipv4 ipv4 ipv4 ipv4 ipv4 ipv4 ipv4 ipv4 "
#define MAC1 "x:020000000001 "
#define MAC2 "x:020000000002 "
#define MAC3 "x:020000000003 "
#define MAC4 "x:020000000004 "
#define SNAP4 "x:aaaa030000000800 "
#define ZERO8 "x:0000000000000000 "
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NFLOG_PREFIX "x:05000a00 x:00000000 "
#define NFLOG_TCP4 "x:2c000900 "
#else
#define NFLOG_PREFIX "x:0005000a x:00000000 "
#define NFLOG_TCP4 "x:002c0009 "
#endif
#define E PKT_LINK_ETHER
#define TCP4 "ip4:06 tcp"
#define UDP6 "ip6:11 udp:4000:53"
#define B4 "eth:0800 " TCP4
#define B6 "eth:86dd " UDP6
#define V4 "eth:0800 IP4:"
#define V6 "eth:86dd IP6:"
#define LV4 "ethernet ipv4 "
#define IN4 "ipv4* tcp"
#define IN6 "ipv6* udp"
#define EIN4 "ethernet ipv4* tcp"
#define EIN6 "ethernet ipv6* udp"
#define OK(name, recipe, bare, layers) {name, E, recipe, bare, PKT_OK, layers}

const struct tunnel_vector tunnel_vectors[] = {
	/* below IP */
	OK("vlan-9200", "eth:9200 x:00649300 x:00650800 " TCP4, B4, "ethernet vlan vlan " IN4),
	OK("mpls", "eth:8847 x:00010040 x:00011140 " TCP4, B4, "ethernet mpls mpls " IN4),
	OK("mpls-ipv6", "eth:8848 x:00011140 " UDP6, B6, "ethernet mpls " IN6),
	OK("mpls-frame", "eth:8847 x:00011140 " B4, B4, "ethernet mpls " EIN4),
	OK("mpls-word-frame", "eth:8847 x:00011140 x:00000007 " B6, B6, "ethernet mpls control-word " EIN6),
	OK("mpls-word-tagged", "eth:8847 x:00011140 x:00000000 eth:8100 x:00050800 " TCP4, B4,
		"ethernet mpls control-word ethernet vlan " IN4),
	/* The frame's addresses begin with 4 and 0. */
	OK("mpls-frame-4", "eth:8847 x:00011140 x:450000000001020000000002 x:0800 " TCP4, B4, "ethernet mpls " EIN4),
	OK("mpls-frame-0", "eth:8847 x:00011140 x:000000000001020000000002 x:0800 " TCP4, B4, "ethernet mpls " EIN4),
	{"mpls-unknown", E, "eth:8847 x:00011140 x:f0000000000000000000000000000000000000000000000000", NULL,
		PKT_NON_IP, "ethernet* mpls"},
	OK("pppoe", "eth:8864 x:11000001 l:0 x:0021 " TCP4, B4, "ethernet pppoe ppp " IN4),
	OK("pppoe-ipv6-short", "eth:8864 x:11000001 l:0 x:57 " UDP6 , B6, "ethernet pppoe ppp " IN6),
	{"pppoe-lcp", E, "eth:8864 x:11000001 l:0 x:c02109010008", NULL, PKT_NON_IP, "ethernet* pppoe ppp"},
	OK("pbb", "eth:88a8 x:000388e7 x:00abcdef " B4, B4, "ethernet vlan pbb " EIN4),
	OK("vntag", "eth:8926 x:80010002 x:8100 x:00050800 " TCP4, B4, "ethernet vntag vlan " IN4),
	OK("fabricpath", "eth:8903 x:0520 " B4, B4, "ethernet fabricpath " EIN4),
	OK("macsec", "eth:88e5 x:20000000000102000000000a00010800 " TCP4, B4, "ethernet macsec " IN4),
	OK("macsec-no-sci", "eth:88e5 x:0000000000010800 " TCP4, B4, "ethernet macsec " IN4),
	{"macsec-encrypted", E, "eth:88e5 x:2c000000000102000000000a00010800 " TCP4, NULL, PKT_NON_IP, "ethernet* macsec"},
	OK("nsh", "eth:894f x:0fc60101000001ff x:00000000000000000000000000000000 " TCP4, B4, "ethernet nsh " IN4),
	OK("snap", "x:02000000000b02000000000a l:0 x:aaaa030000000800 " TCP4, B4, "ethernet llc " IN4),
	OK("snap-vlan", "eth:8100 x:0007 l:0 x:aaaa030000f886dd " UDP6, B6, "ethernet vlan llc " IN6),
	OK("llc-ip", "x:02000000000b02000000000a l:0 x:060603 " TCP4, B4, "ethernet llc " IN4),
	OK("llc-long", "eth:8870 x:aaaa030000000800 " TCP4, B4, "ethernet llc " IN4),
	{"sll-snap", PKT_LINK_SLL, "x:0000000100060200000000 x:0a00000004 x:aaaa030000000800 " TCP4, B4, PKT_OK,
		"sll llc " IN4},
	{"sll2-mpls", PKT_LINK_SLL2, "x:8847000000000002000100060200000000000000 x:00011140 " TCP4, B4, PKT_OK,
		"sll2 mpls " IN4},
	{"sll-netlink", PKT_LINK_SLL, "x:00040338000000000000000000000000 x:0000", NULL, PKT_NON_IP, "sll"},

	/* other link layers */
	{"ppp", PKT_LINK_PPP, "x:ff030021 " TCP4, B4, PKT_OK, "ppp " IN4},
	{"ppp-short", PKT_LINK_PPP, "x:57 " UDP6, B6, PKT_OK, "ppp " IN6},
	{"ppp-lcp", PKT_LINK_PPP, "x:ff03c02101010004", NULL, PKT_NON_IP, "ppp"},
	{"serial-chdlc", PKT_LINK_PPP, "x:0f000800 " TCP4, B4, PKT_OK, "chdlc " IN4},
	{"chdlc", PKT_LINK_CHDLC, "x:8f0086dd " UDP6, B6, PKT_OK, "chdlc " IN6},
	{"chdlc-slarp", PKT_LINK_CHDLC, "x:8f00803500000002", NULL, PKT_NON_IP, "chdlc"},
	{"wlan-to-ap", PKT_LINK_WLAN, "x:08010000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, B4, PKT_OK, "802.11 llc " IN4},
	{"wlan-qos-htc", PKT_LINK_WLAN, "x:88820000 " MAC1 MAC3 MAC2 "x:1000 x:0000 x:00000000 " SNAP4 TCP4, B4,
		PKT_OK, "802.11 llc " IN4},
	{"wlan-4-addresses", PKT_LINK_WLAN, "x:08030000 " MAC3 MAC4 MAC1 "x:0000 " MAC2 SNAP4 TCP4, B4, PKT_OK,
		"802.11 llc " IN4},
	{"wlan-joined", PKT_LINK_WLAN, "x:88010000 " MAC3 MAC1 MAC2 "x:0000 x:8000 " MAC2 MAC1 "l:0 " SNAP4 TCP4, B4,
		PKT_OK, "802.11 ethernet llc " IN4},
	{"wlan-encrypted", PKT_LINK_WLAN, "x:08410000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, NULL, PKT_NON_IP, "802.11*"},
	{"wlan-piece", PKT_LINK_WLAN, "x:08010000 " MAC3 MAC1 MAC2 "x:0100 " SNAP4 TCP4, NULL, PKT_NON_IP, "802.11*"},
	{"wlan-more", PKT_LINK_WLAN, "x:08050000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, NULL, PKT_NON_IP, "802.11*"},
	{"wlan-null", PKT_LINK_WLAN, "x:48010000 " MAC3 MAC1 MAC2 "x:0000", NULL, PKT_NON_IP, "802.11*"},
	{"wlan-beacon", PKT_LINK_WLAN, "x:80000000 " MAC3 MAC1 MAC1 "x:0000", NULL, PKT_NON_IP, "802.11*"},
	{"wlan-ack", PKT_LINK_WLAN, "x:d4000000 " MAC1, NULL, PKT_NON_IP, "802.11*"},
	{"wlan-version", PKT_LINK_WLAN, "x:09010000 " MAC3 MAC1 MAC2 "x:0000", NULL, PKT_MALFORMED, "802.11"},
	{"radiotap", PKT_LINK_RADIOTAP, "x:0000080000000000 x:08010000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, B4, PKT_OK,
		"radiotap 802.11 llc " IN4},
	/* A second word of what is present, the time, flags that say padded: two bytes behind the QoS. */
	{"radiotap-padded", PKT_LINK_RADIOTAP, "x:00001a00 x:03000080 x:00000000 x:00000000 x:0102030405060708 x:2000 "
		"x:88010000 " MAC3 MAC1 MAC2 "x:0000 x:0000 x:0000 " SNAP4 TCP4, B4, PKT_OK, "radiotap 802.11 llc " IN4},
	{"radiotap-short", PKT_LINK_RADIOTAP, "x:0000070000000000", NULL, PKT_MALFORMED, "radiotap"},
	{"avs", PKT_LINK_PRISM, "x:8021100100000040 " ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 "x:08010000 " MAC3 MAC1 MAC2
		"x:0000 " SNAP4 TCP4, B4, PKT_OK, "prism 802.11 llc " IN4},
	{"prism", PKT_LINK_PRISM, "x:4400000090000000 " ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8
		ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 "x:08010000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, B4, PKT_OK,
		"prism 802.11 llc " IN4},
	{"ppi", PKT_LINK_PPI, "x:0000080069000000 x:08010000 " MAC3 MAC1 MAC2 "x:0000 " SNAP4 TCP4, B4, PKT_OK,
		"ppi 802.11 llc " IN4},
	{"ppi-ethernet", PKT_LINK_PPI, "x:0000080001000000 " B4, B4, PKT_OK, "ppi " EIN4},
	{"ppi-unknown", PKT_LINK_PPI, "x:0000080093000000 " B4, NULL, PKT_UNKNOWN_LINK, "ppi"},
	{"fddi", PKT_LINK_FDDI, "x:50 " MAC2 MAC1 SNAP4 TCP4, B4, PKT_OK, "fddi llc " IN4},
	{"fddi-smt", PKT_LINK_FDDI, "x:41 " MAC2 MAC1, NULL, PKT_NON_IP, "fddi*"},
	{"token-ring", PKT_LINK_TOKEN_RING, "x:1040 " MAC2 MAC1 SNAP4 TCP4, B4, PKT_OK, "token-ring llc " IN4},
	{"token-ring-route", PKT_LINK_TOKEN_RING, "x:1040 " MAC2 "x:820000000001 x:06300011002f " SNAP4 TCP4, B4, PKT_OK,
		"token-ring llc " IN4},
	{"mpls-link", PKT_LINK_MPLS, "x:00011140 " TCP4, B4, PKT_OK, "mpls " IN4},
	/* Attributes in this machine's order: a prefix, the packet. */
	{"nflog", PKT_LINK_NFLOG, "x:02000000 " NFLOG_PREFIX NFLOG_TCP4 TCP4, B4, PKT_OK, "nflog " IN4},
	{"nflog-bad", PKT_LINK_NFLOG, "x:02000000 x:00000000", NULL, PKT_MALFORMED, "nflog"},

	/* by IP protocol number */
	OK("ipip", V4 "04 " TCP4, B4, LV4 IN4),
	OK("6in4", V4 "29 " UDP6, B6, LV4 IN6),
	OK("4in6", V6 "04 " TCP4, B4, "ethernet ipv6 " IN4),
	OK("6in6-dest-opts", V6 "3c x:2900010400000000 " UDP6, B6, "ethernet ipv6 dest-opts " IN6),
	OK("ipip-ah", V4 "33 x:040400000000000100000001000000000000000000000000 " TCP4, B4, LV4 "ah " IN4),
	OK("gre", V4 "2f x:00000800 " TCP4, B4, LV4 "gre " IN4),
	OK("gre-checksum", V4 "2f x:8000080000000000 " TCP4, B4, LV4 "gre " IN4),
	OK("gre-key", V4 "2f x:200086dd00000001 " UDP6, B6, LV4 "gre " IN6),
	OK("gre-sequence", V4 "2f x:1000080000000001 " TCP4, B4, LV4 "gre " IN4),
	OK("gre-all", V4 "2f x:f0000800 x:00000000 x:00000001 x:00000002 x:0800000409090909 x:00000000 " TCP4, B4,
		LV4 "gre " IN4),
	OK("gre-gre-ipv6", V6 "2f x:00000800 IP4:2f x:20000800000000ff " TCP4, B4, "ethernet ipv6 gre ipv4 gre " IN4),
	OK("gre-frame", V4 "2f x:00006558 " B4, B4, LV4 "gre " EIN4),
	OK("nvgre", V4 "2f x:2000655800abcd01 " B6, B6, LV4 "gre " EIN6),
	OK("gre-mpls", V4 "2f x:00008847 x:00011140 " TCP4, B4, LV4 "gre mpls " IN4),
	OK("gre-ppp", V4 "2f x:0000880b x:ff030021 " TCP4, B4, LV4 "gre ppp " IN4),
	OK("gre-wccp", V4 "2f x:0000883e x:00112233 " TCP4, B4, LV4 "gre wccp " IN4),
	OK("gre-wccp1", V4 "2f x:0000883e " TCP4, B4, LV4 "gre wccp " IN4),
	OK("pptp", V4 "2f x:3001880b l:-6 x:000700000001 x:ff030021 " TCP4, B4, LV4 "gre ppp " IN4),
	OK("pptp-ack", V4 "2f x:3081880b l:-10 x:00070000000100000002 x:21 " TCP4, B4, LV4 "gre ppp " IN4),
	{"pptp-only-ack", E, V4 "2f x:2081880b0000000700000002", NULL, PKT_NO_PORTS, "ethernet ipv4* gre"},
	{"gre-unknown", E, V4 "2f x:00008200" " x:00112233445566778899", NULL, PKT_NO_PORTS, "ethernet ipv4* gre"},
	{"gre-version-2", E, V4 "2f x:00020800 " TCP4, NULL, PKT_NO_PORTS, "ethernet ipv4* gre"},
	{"gre-inner-version", E, V4 "2f x:00000800 x:5500002800000000 " TCP4, NULL, PKT_MALFORMED, "ethernet ipv4* gre ipv4"},
	OK("erspan1", V4 "2f x:000088be " B4, B4, LV4 "gre " EIN4),
	OK("erspan2", V4 "2f x:100088be00000001 x:1001000100000001 " B4, B4, LV4 "gre erspan " EIN4),
	OK("erspan3", V4 "2f x:100022eb00000001 x:200100010000000000000000 " B4, B4, LV4 "gre erspan " EIN4),
	OK("erspan3-subheader", V4 "2f x:100022eb00000001 x:200100010000000000000001 x:0000000000000000 " B6, B6,
		LV4 "gre erspan " EIN6),
	OK("pim-register", V4 "67 x:2100dead x:00000000 " TCP4, B4, LV4 "pim " IN4),
	OK("pim-register-ipv6", V6 "67 x:2100dead x:80000000 " UDP6, B6, "ethernet ipv6 pim " IN6),
	{"pim-null-register", E, V4 "67 x:2100dead x:40000000 x:4500001400000000", NULL, PKT_NO_PORTS, "ethernet ipv4* pim"},
	{"pim-hello", E, V4 "67 x:2000dead x:00010002", NULL, PKT_NO_PORTS, "ethernet ipv4* pim"},
	OK("etherip", V4 "61 x:3000 " B4, B4, LV4 "etherip " EIN4),
	OK("mpls-in-ip", V4 "89 x:00011140 " TCP4, B4, LV4 "mpls " IN4),
	OK("srv6-frame", V6 "8f " B4, B4, "ethernet ipv6 " EIN4),
	OK("l2tpv3", V4 "73 x:00000001 " B4, B4, LV4 "l2tp " EIN4),
	OK("l2tpv3-cookie", V4 "73 x:00000001 x:1122334455667788 x:40000001 " B6, B6, LV4 "l2tp " EIN6),
	{"l2tpv3-control", E, V4 "73 x:00000000 x:c803001400000000", NULL, PKT_NO_PORTS, "ethernet ipv4* l2tp"},

	/* by UDP port */
	OK("vxlan", V4 "11 UDP:50000:4789 x:0800000000002a00 " B4, B4, LV4 "udp vxlan " EIN4),
	OK("vxlan-sliced", V4 "11 UDP:50000:4789 x:0800000000002a00 eth:0800 ip4:06:1000 tcp", B4, LV4 "udp vxlan " EIN4),
	OK("vxlan-linux", V6 "11 UDP:50000:8472 x:0800000000002a00 " B6, B6, "ethernet ipv6 udp vxlan " EIN6),
	OK("vxlan-group", V4 "11 UDP:50000:4789 x:8848123400002a00 eth:8100 x:00070800 " TCP4, B4,
		LV4 "udp vxlan ethernet vlan " IN4),
	{"vxlan-arp", E, V4 "11 UDP:50000:4789 x:0800000000002a00 eth:0806 x:0001080006040001"
		"02000000000a0a000001000000000000c0a80102", NULL, PKT_NON_IP, LV4 "udp vxlan ethernet* arp"},
	OK("vxlan-gpe", V4 "11 UDP:50000:4790 x:0c00000100002a00 " TCP4, B4, LV4 "udp vxlan-gpe " IN4),
	OK("vxlan-gpe-ipv6", V4 "11 UDP:50000:4790 x:0c00000200002a00 " UDP6, B6, LV4 "udp vxlan-gpe " IN6),
	OK("vxlan-gpe-frame", V4 "11 UDP:50000:4790 x:0c00000300002a00 " B4, B4, LV4 "udp vxlan-gpe " EIN4),
	OK("vxlan-gpe-nsh", V4 "11 UDP:50000:4790 x:0c00000400002a00 x:0fc20203000001ff "
		B4, B4, LV4 "udp vxlan-gpe nsh " EIN4),
	OK("vxlan-gpe-mpls", V4 "11 UDP:50000:4790 x:0c00000500002a00 x:00011140 " TCP4, B4, LV4 "udp vxlan-gpe mpls " IN4),
	OK("geneve", V4 "11 UDP:50000:6081 x:0000655800002a00 " B4, B4, LV4 "udp geneve " EIN4),
	OK("geneve-options", V4 "11 UDP:50000:6081 x:0240655800002a00 x:0102800100000001 " B6, B6, LV4 "udp geneve " EIN6),
	OK("geneve-ip", V4 "11 UDP:50000:6081 x:0000080000002a00 " TCP4, B4, LV4 "udp geneve " IN4),
	OK("geneve-ipv6", V6 "11 UDP:50000:6081 x:000086dd00002a00 " UDP6, B6, "ethernet ipv6 udp geneve " IN6),
	OK("gtp", V4 "11 udp:2152:2152 x:30ff l:-4 x:00000001 " TCP4, B4, LV4 "udp gtp-u " IN4),
	OK("gtp-sequence", V4 "11 udp:2152:2152 x:32ff l:-4 x:00000001 x:00010000 " TCP4, B4, LV4 "udp gtp-u " IN4),
	OK("gtp-extensions", V4 "11 udp:40000:2152 x:34ff l:-4 x:00000001 x:00000085 x:010000c0 x:01000000 " UDP6, B6,
		LV4 "udp gtp-u " IN6),
	{"gtp-echo", E, V4 "11 udp:2152:2152 x:3201000400000000 x:00010000", NULL, PKT_OK, "ethernet ipv4* udp"},
	OK("teredo", V4 "11 udp:50000:3544 " TEREDO, "eth:86dd " TEREDO, LV4 "udp teredo " IN6),
	OK("teredo-headers", V4 "11 udp:50000:3544 x:000102040102030405060708090a0b0c0d0e0f x:0000c3500a000001 " TEREDO,
		"eth:86dd " TEREDO, LV4 "udp teredo " IN6),
	OK("ayiya", V4 "11 udp:50000:5072 x:41521129" "00000001 x:20010db8000000000000000000000001 "
		"x:0000000000000000000000000000000000000000 " "ip6:11 udp:4000:53", B6, LV4 "udp ayiya " IN6),
	OK("ayiya-ipv4", V4 "11 udp:50000:5072 x:21521104" "00000001 x:0a000001 "
		"x:0000000000000000000000000000000000000000 " TCP4, B4, LV4 "udp ayiya " IN4),
	OK("l2tp", V4 "11 udp:1701:1701 x:4002 l:4 x:00010002 x:ff030021 " TCP4, B4, LV4 "udp l2tp ppp " IN4),
	OK("l2tp-all", V4 "11 udp:50000:1701 x:4a02 l:4 x:00010002 x:00010002 x:0002ffff x:57 " UDP6, B6,
		LV4 "udp l2tp ppp " IN6),
	OK("l2tp-short", V4 "11 udp:1701:1701 x:0002 x:00010002 x:0021 " TCP4, B4, LV4 "udp l2tp ppp " IN4),
	{"l2tp-control", E, V4 "11 udp:1701:1701 x:c802 l:4 x:0001000000010002", NULL, PKT_OK, "ethernet ipv4* udp"},
	OK("l2tpv3-udp", V4 "11 udp:1701:1701 x:0003000000000007 x:11223344 " B4, B4, LV4 "udp l2tp " EIN4),
	OK("gre-in-udp", V4 "11 UDP:50000:4754 x:2000080000000001 " TCP4, B4, LV4 "udp gre " IN4),
	OK("gre-in-udp-frame", V6 "11 UDP:50000:4754 x:00006558 " B6, B6, "ethernet ipv6 udp gre " EIN6),
	OK("mpls-in-udp", V4 "11 UDP:50000:6635 x:00010040 x:00011140 " TCP4, B4, LV4 "udp mpls mpls " IN4),

	/* On a tunnel's port, and not in it: each lacks one thing. */
	PLAIN("vxlan-flags", "x:0800010000002a00 " B4, "4789"),
	PLAIN("vxlan-reserved", "x:0800000000002a01 " B4, "4789"),
	PLAIN("vxlan-unknown-type", "x:0800000000002a00 eth:1234 " TCP4, "4789"),
	PLAIN("vxlan-inner-version", "x:0800000000002a00 eth:86dd " TCP4, "4789"),
	PLAIN("gre-inner-length", "x:00000800 ip4:06:1 tcp", "4754"),
	PLAIN("vxlan-from-group", "x:0800000000002a00 x:020000000001010000000002 x:0800 " TCP4, "4789"),
	PLAIN("vxlan-short", "x:08000000", "4789"),
	PLAIN("geneve-version", "x:4000655800002a00 " B4, "6081"),
	PLAIN("geneve-past-end", "x:3f00080000002a00 " TCP4, "6081"),
	PLAIN("gtp-length", "x:30ff l:-3 x:00000001 " TCP4, "2152"),
	PLAIN("gtp-endless", "x:34ff l:-4 x:00000001 x:00000085 x:00000000", "2152"),
	PLAIN("teredo-not", UDP6, "3544"),
	PLAIN("dns", "x:12348180000100010000000003777777", "6081"),
	/* A client's own port that happens to be a tunnel's: both directions are one flow. */
	{"plain-vxlan-port", E, "eth:0800 ip4:11 udp:4789:53 x:12348180000100010000000003777777", NULL, PKT_OK,
		"ethernet ipv4* udp"},
	{"plain-gtp-port", E, "eth:86dd ip6:11 udp:53:2152 x:12348180000100010000000003777777", NULL, PKT_OK,
		"ethernet ipv6* udp"},
	{"plain-l2tp-port", E, "eth:0800 ip4:11 udp:1701:5060 x:5245474953544552", NULL, PKT_OK,
		"ethernet ipv4* udp"},
	/* From the port of one whose source port says nothing. */
	{"vxlan-from", E, V4 "11 UDP:4789:50000 x:0800000000002a00 " B4, NULL, PKT_OK, "ethernet ipv4* udp"},

	/* errors */
	{"icmp-udp", E, V4 "01 x:0303000000000000 ip4:11 udp:4000:53", "eth:0800 ip4:11 udp:4000:53", PKT_QUOTED,
		LV4 "icmp " "ipv4* udp"},
	{"icmp-ports", E, V4 "01 x:0b00000000000000 ip4:06:1440 ports:1234:80 x:00000001", B4, PKT_QUOTED,
		LV4 "icmp " IN4},
	{"icmp-quench", E, V4 "01 x:0400000000000000 " TCP4, B4, PKT_QUOTED, LV4 "icmp " IN4},
	{"icmp-redirect", E, V4 "01 x:050100000a0000fe " TCP4, B4, PKT_QUOTED, LV4 "icmp " IN4},
	{"icmp-parameter", E, V4 "01 x:0c00000014000000 " TCP4, B4, PKT_QUOTED, LV4 "icmp " IN4},
	/* What is behind the quote's stated length is not looked at. */
	{"icmp-extension", E, V4 "01 x:0b00000000050000 ip4:06:1440 x:2000000000080101", "eth:0800 ip4:06:0:0001 x:00",
		PKT_QUOTED, LV4 "icmp ipv4* tcp"},
	{"icmp-no-ports", E, V4 "01 x:0b00000000000000 ip4:06:1440", "eth:0800 ip4:06:0:0001 x:00",
		PKT_QUOTED, LV4 "icmp ipv4* tcp"},
	{"icmp-swapped-length", E, V4 "01 x:0b00000000000000 x:4500001400004000400600000a000001c0a80102 x:04d20050",
		B4, PKT_QUOTED, LV4 "icmp ipv4* tcp"},
	{"icmp-quotes-echo", E, V4 "01 x:0b00000000000000 ip4:01 x:0800000000000000", "eth:0800 ip4:01 x:0000000000000000",
		PKT_QUOTED, LV4 "icmp ipv4* icmp"},
	{"icmp-quotes-gre", E, V4 "01 x:0304000000000500 IP4:2f:1400 x:00000800 ip4:06:1400 tcp", B4, PKT_QUOTED,
		LV4 "icmp ipv4 gre " IN4},
	{"icmp-quotes-first", E, V4 "01 x:0b01000000000000 ip4:06:1400:2000 tcp", B4, PKT_QUOTED, LV4 "icmp " IN4},
	{"icmp-quotes-later", E, V4 "01 x:0b01000000000000 ip4:06:1400:0010 tcp", NULL, PKT_FRAGMENT, LV4 "icmp ipv4*"},
	{"icmp-quotes-version-6", E, V4 "01 x:0b00000000000000 x:60000000 " TCP4, NULL, PKT_MALFORMED, "ethernet ipv4* icmp"},
	{"icmp-quotes-little", E, V4 "01 x:0b00000000000000 x:4500", NULL, PKT_MALFORMED, "ethernet ipv4* icmp"},
	{"icmp-in-gre", E, V4 "2f x:00000800 IP4:01 x:0b00000000000000 " TCP4, B4, PKT_QUOTED, LV4 "gre ipv4 icmp " IN4},
	{"icmpv6-unreachable", E, V6 "3a x:0104000000000000 " UDP6, B6, PKT_QUOTED, "ethernet ipv6 icmpv6 " IN6},
	{"icmpv6-too-big", E, V6 "3a x:0200000000000500 ip6:11:1400 ports:4000:53", B6, PKT_QUOTED,
		"ethernet ipv6 icmpv6 " IN6},
	{"icmpv6-time", E, V6 "3a x:0300000006000000 " UDP6, B6, PKT_QUOTED, "ethernet ipv6 icmpv6 " IN6},
	{"icmpv6-parameter", E, V6 "3a x:0400000000000028 " UDP6, B6, PKT_QUOTED, "ethernet ipv6 icmpv6 " IN6},
	{"icmpv6-echo", E, V6 "3a x:8000000000010001", NULL, PKT_NO_PORTS, "ethernet ipv6* icmpv6"},

	/* fragments */
	{"first-fragment", E, "eth:0800 ip4:06:1400:2000 tcp", B4, PKT_FIRST_FRAGMENT, EIN4},
	{"first-fragment-tiny", E, "eth:0800 ip4:06:0:2000 x:04", "eth:0800 ip4:06:0:0001 x:00", PKT_FIRST_FRAGMENT,
		"ethernet ipv4* tcp"},
	{"first-fragment-ipv6", E, "eth:86dd ip6:2c x:1100000100000007 udp:4000:53", B6, PKT_FIRST_FRAGMENT,
		"ethernet ipv6* fragment udp"},
	{"first-fragment-vxlan", E, V4 "11:1000:2000 UDP:50000:4789 x:0800000000002a00 " B4, B4, PKT_FIRST_FRAGMENT,
		LV4 "udp vxlan " EIN4},
	{"first-fragment-of-more", E, V4 "2f:1000:2000 x:00000800 ip4:06:1000 tcp", B4, PKT_FIRST_FRAGMENT,
		LV4 "gre " IN4},
	{"fragment-in-gre", E, V4 "2f x:00000800 ip4:06:0:0010 x:001122", NULL, PKT_FRAGMENT, LV4 "gre ipv4*"},
	{"fragment-in-first", E, V4 "2f:100:2000 x:00000800 ip4:06:100:0010 x:001122", NULL, PKT_FRAGMENT,
		LV4 "gre ipv4*"},
	{"fragment-of-tunnel", E, V6 "2c x:2f00001000000007 x:000000000000", NULL, PKT_FRAGMENT, "ethernet ipv6* fragment"},

	/* routes: the answer comes from the last hop */
	OK("routing-source", "eth:86dd x:60000000 l:-34 x:2b40 " R1 R2 "x:1104000100000000 " R2 R3 "UDP:4000:53",
		"eth:86dd x:60000000 l:-34 x:1140 " R1 R3 "UDP:4000:53", "ethernet ipv6* routing udp"),
	OK("routing-segments", "eth:86dd x:60000000 l:-34 x:2b40 " R1 R2 "x:1104040101000000 " R3 R2 "UDP:4000:53",
		"eth:86dd x:60000000 l:-34 x:1140 " R1 R3 "UDP:4000:53", "ethernet ipv6* routing udp"),
	OK("routing-arrived", "eth:86dd x:60000000 l:-34 x:2b40 " R1 R3 "x:1104000000000000 " R2 R1 "UDP:4000:53",
		"eth:86dd x:60000000 l:-34 x:1140 " R1 R3 "UDP:4000:53", "ethernet ipv6* routing udp"),

	/* A router on the way there: four tunnels and a tag each. */
	OK("stack", "eth:8100 x:00070800 IP4:2f x:00006558 eth:88a8 x:00088100 x:00090800 IP4:11 UDP:50000:4789 "
		"x:0800000000002a00 eth:86dd IP6:04 IP4:11 udp:2152:2152 x:30ff l:-4 x:00000001 " UDP6, B6,
		"ethernet vlan ipv4 gre ethernet vlan vlan ipv4 udp vxlan ethernet ipv6 ipv4 udp gtp-u " IN6),
	{"too-deep", E, "eth:0800 " IP8 IP8 IP8 IP8 TCP4, NULL, PKT_TOO_DEEP,
		"ethernet " L8 L8 L8 "ipv4 ipv4 ipv4 ipv4 ipv4 ipv4 ipv4*"},
};
/* clang-format on */
const size_t tunnel_vectors_count = sizeof(tunnel_vectors) / sizeof(*tunnel_vectors);
