"""Frames made by hand, for the system tests: fragments.py, even.py.  Checksums are left out (zero)."""
import ipaddress
import struct

UDP, IPV6_IN_IPV4, FRAGMENT_HEADER, GRE = 17, 41, 44, 47
VXLAN_PORT, GTP_PORT = 4789, 2152


def ether(payload, ethertype=0x0800):
    return b'\x02\0\0\0\0\x01\x02\0\0\0\0\x02' + struct.pack('>H', ethertype) + payload


def ipv4(src, dst, proto, payload, ident=0, offset=0, more=False):
    """src, dst: numbers; offset: bytes, a multiple of 8"""
    return struct.pack('>BBHHHBBHII', 0x45, 0, 20 + len(payload), ident,
                       (0x2000 if more else 0) | offset // 8, 64, proto, 0, src, dst) + payload


def ipv6(src, dst, proto, payload):
    prefix = int(ipaddress.ip_address('2001:db8::'))
    return (struct.pack('>IHBB', 6 << 28, len(payload), proto, 64) +
            (prefix + src).to_bytes(16, 'big') + (prefix + dst).to_bytes(16, 'big') + payload)


def ipv6_fragment(src, dst, proto, payload, ident, offset, more):
    head = struct.pack('>BBHI', proto, 0, offset | (1 if more else 0), ident)
    return ipv6(src, dst, FRAGMENT_HEADER, head + payload)


def udp(sport, dport, payload):
    return struct.pack('>HHHH', sport, dport, 8 + len(payload), 0) + payload


def pieces(payload, size):
    """(offset, bytes, more) of each fragment"""
    return [(at, payload[at:at + size], at + size < len(payload)) for at in range(0, len(payload), size)]


def fragments4(src, dst, proto, payload, ident, size):
    return [ipv4(src, dst, proto, part, ident, at, more) for at, part, more in pieces(payload, size)]


def fragments6(src, dst, proto, payload, ident, size):
    return [ipv6_fragment(src, dst, proto, part, ident, at, more) for at, part, more in pieces(payload, size)]


def gre(payload, ethertype=0x0800):
    return struct.pack('>HH', 0, ethertype) + payload


def vxlan(frame, sport):
    return udp(sport, VXLAN_PORT, struct.pack('>II', 0x08000000, 42 << 8) + frame)


def gtp(packet, sport=GTP_PORT):
    return udp(sport, GTP_PORT, struct.pack('>BBHI', 0x30, 0xff, len(packet), 7) + packet)
