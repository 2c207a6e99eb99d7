"""Captures as the system tests read, write and understand them: partition.py, fragments.py, even.py, faults.py.

Files are read and written by a reader of our own, not by libpcap; what a packet's conversation is, and
which datagram it is a fragment of, tshark says.
"""
import collections
import os
import struct
import subprocess
import tempfile

def scratch():
    """A folder for thousands of small files, which goes with its `with`: in memory where there is plenty."""
    try:
        room = os.statvfs('/dev/shm')
        where = '/dev/shm' if room.f_bavail * room.f_frsize > 4 << 30 else None
    except OSError:
        where = None
    return tempfile.TemporaryDirectory(dir=where)


SUPPORTED = {0, 1, 6, 9, 10, 50, 101, 104, 105, 108, 113, 119, 127, 163, 192, 219, 228, 229, 239, 276}
Packet = collections.namedtuple('Packet', 'ts_ns len data')


class Unreadable(Exception):
    pass


def read_classic(raw, order, unit):
    """(linktype, packets, whole)"""
    linktype = struct.unpack_from(order + 'I', raw, 20)[0] & 0x03ffffff
    packets, at = [], 24
    while at < len(raw):
        if at + 16 > len(raw):
            return linktype, packets, False
        sec, frac, caplen, length = struct.unpack_from(order + 'IIII', raw, at)
        if at + 16 + caplen > len(raw):
            return linktype, packets, False
        packets.append(Packet(sec * 10**9 + frac * unit, length, raw[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return linktype, packets, True


def ng_interface(body, order):
    """(linktype, snaplen, ticks of a second, offset in seconds)"""
    linktype, _, snaplen = struct.unpack_from(order + 'HHI', body)
    ticks, offset, at = 10**6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + 'HH', body, at)
        if code == 0:
            break
        if code == 9:
            value = body[at + 4]
            ticks = 2**(value & 127) if value & 128 else 10**value
        if code == 14:
            offset = struct.unpack_from(order + 'q', body, at + 4)[0]
        at += 4 + (size + 3) // 4 * 4
    return linktype, snaplen, ticks, offset


def read_ng(raw):
    order, at, faces, packets, linktype = '<', 0, [], [], None
    while at < len(raw):
        if at + 12 > len(raw):
            return linktype, packets, False
        if raw[at:at + 4] == b'\n\r\r\n':
            order = '<' if raw[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            faces = []
        kind, size = struct.unpack_from(order + 'II', raw, at)
        if size < 12 or at + size > len(raw):
            return linktype, packets, False
        body = raw[at + 8:at + size - 4]
        if kind == 1:
            faces.append(ng_interface(body, order))
            linktype = faces[0][0] if linktype is None else linktype
        elif kind in (2, 6):
            face, high, low, caplen, length = struct.unpack_from(order + 'IIIII', body)
            if kind == 2:
                face = struct.unpack_from(order + 'H', body)[0]
            _, _, ticks, offset = faces[face]
            ts = (high << 32 | low) * 10**9 // ticks + offset * 10**9
            packets.append(Packet(ts, length, body[20:20 + caplen]))
        elif kind == 3:
            length = struct.unpack_from(order + 'I', body)[0]
            caplen = min(length, faces[0][1] or length)
            packets.append(Packet(0, length, body[4:4 + caplen]))
        at += size
    return linktype, packets, True


def read_capture(path):
    with open(path, 'rb') as f:
        raw = f.read()
    magics = {b'\xd4\xc3\xb2\xa1': ('<', 1000), b'\xa1\xb2\xc3\xd4': ('>', 1000),
              b'\x4d\x3c\xb2\xa1': ('<', 1), b'\xa1\xb2\x3c\x4d': ('>', 1)}
    if len(raw) >= 24 and raw[:4] in magics:
        return read_classic(raw, *magics[raw[:4]])
    if raw[:4] == b'\n\r\r\n':
        return read_ng(raw)
    raise Unreadable(path)


def write_capture(path, linktype, packets):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHIIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, linktype))
        for p in packets:
            f.write(struct.pack('<IIII', p.ts_ns // 10**9, p.ts_ns % 10**9, len(p.data), p.len))
            f.write(p.data)


class Capture:
    def __init__(self, path):
        self.path = path
        self.linktype, self.packets, self.whole = read_capture(path)


def find_captures(args):
    """The captures given, or all of the traces, and one per link type that holds them all."""
    shared = os.environ.get('PACF_SHARED', '../shared')
    paths = list(args)
    if not paths:
        for folder, folders, names in os.walk(os.path.join(shared, 'traces')):
            folders.sort()
            paths += [os.path.join(folder, n) for n in sorted(names)]
    captures = []
    for path in paths:
        try:
            capture = Capture(path)
        except (Unreadable, OSError):
            continue
        if capture.linktype in SUPPORTED:
            captures.append(capture)
    return captures


def join_captures(captures, folder):
    joined = []
    for linktype in sorted({c.linktype for c in captures}):
        packets = [p for c in captures if c.linktype == linktype for p in c.packets
                   if p.ts_ns < 2**32 * 10**9]
        path = os.path.join(folder, 'all-%d.pcap' % linktype)
        write_capture(path, linktype, packets)
        joined.append(Capture(path))
    return joined


def subsequence(part, whole):
    rest = iter(whole)
    return all(p in rest for p in part)


HEADERS = {
    'ip': ('ip.src', 'ip.dst', 'ip.id', 'ip.proto', 'ip.frag_offset', 'ip.flags.mf'),
    'ipv6': ('ipv6.src', 'ipv6.dst'),
    'ipv6.fraghdr': ('ipv6.fraghdr.ident', 'ipv6.fraghdr.offset', 'ipv6.fraghdr.more')}
FIELDS = ('frame.protocols', 'tcp.stream', 'udp.stream') + sum(HEADERS.values(), ())
# What a packet is: the name of its conversation, innermost, or None; the datagrams of which it has the
# first fragment, outermost first; that of which it is a later one, or None.
Packetinfo = collections.namedtuple('Packetinfo', 'name firsts later')


def fragment_headers(layers, row):
    """(datagram, offset, more) for each IP header, outermost first; offset and more are 0 without a
    fragment header.  Ends at a quote, and where tshark has no value: the header is cut off."""
    at, address = collections.Counter(), None
    for layer in layers:
        if layer in ('icmp', 'icmpv6'):
            return
        if layer not in HEADERS:
            continue
        values = [row[n].split(',')[at[layer]:][:1] for n in HEADERS[layer]]
        if [] in values or [''] in values:
            return
        at[layer] += 1
        values = [v[0] for v in values]
        if layer == 'ipv6':
            address = tuple(values)
            yield address, 0, 0
        else:
            offset, more = int(values[-2], 0), values[-1] in ('1', 'True')
            yield (address if layer != 'ip' else ()) + tuple(values[:-2]), offset, more


def datagrams(layers, row):
    """(datagrams whose first fragment this is, that of which it is a later one)"""
    firsts = []
    for key, offset, more in fragment_headers(layers, row):
        if offset:
            return tuple(firsts), key
        if more:
            firsts.append(key)
    return tuple(firsts), None


def dissect(path):
    """Packetinfo of each packet.

    Without a name are packets whose innermost datagram is neither TCP nor UDP (what tshark numbers then
    is the tunnel), and RPC over UDP: tshark gives calls from several ports of one client, which are
    several five-tuples, the number of one udp.stream.
    """
    out = subprocess.run(
        ['tshark', '-n', '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-r', path, '-T',
         'fields', '-E', 'separator=;', '-E', 'occurrence=a', '-E', 'aggregator=,'] +
        [word for field in FIELDS for word in ('-e', field)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = []
    for line in out.splitlines():
        row = dict(zip(FIELDS, line.split(';')))
        layers = row['frame.protocols'].split(',')[-1].split(':')
        innermost = ([x for x in layers if x in ('tcp', 'udp', 'ip', 'ipv6')] or [''])[-1]
        tcp, udp = row['tcp.stream'].split(',')[-1], row['udp.stream'].split(',')[-1]
        stream = {'tcp': tcp, 'udp': '' if 'rpc' in layers else udp}.get(innermost, '')
        firsts, later = datagrams(layers, row)
        found.append(Packetinfo((innermost, stream) if stream else None, firsts, later))
    return found


# What the engine promises of fragments.
LIFE_NS = 30 * 10**9   # later ones find their first one
HOLD_NS = 10**9        # early ones wait for it, in capture time
HOLD_MAX, HOLD_PER_DATAGRAM = 512, 64


class Followed:
    """Which first fragment each later one has to follow, and how often what happened.

    follows[i]: the number of the first fragment's packet, or None: no promise
    """
    def __init__(self, packets, infos):
        self.first = self.followed = self.held = self.orphan = 0
        self.follows, self.table, self.waiting, self.moved, self.infos = {}, {}, [], set(), infos
        for i, (packet, info) in enumerate(zip(packets, infos)):
            if self.waiting:
                self.expire(packets, packet.ts_ns)
            if not info.firsts and not info.later:
                continue
            if info.later:
                leader = self.find(info.later, packet.ts_ns)
                if leader is None:
                    self.hold(i, info.later, packet.ts_ns)
                    continue
                self.follow(i, leader, packet.ts_ns)
            else:
                self.first += 1
                self.lead(i, i, packet.ts_ns)
        while self.waiting:
            self.lose(*self.waiting[0], packets[-1].ts_ns)

    def find(self, key, now):
        leader, ts = self.table.get(key, (None, 0))
        return leader if leader is not None and abs(now - ts) <= LIFE_NS else None

    def lead(self, i, leader, now):
        """Packet i goes with packet `leader`; so do those of whose datagrams it is the first fragment."""
        for key in self.infos[i].firsts:
            self.table[key] = leader, now
            for waiting in [w for w in self.waiting if w[1] == key]:
                if waiting in self.waiting:
                    self.waiting.remove(waiting)
                    self.follow(waiting[0], leader, now)

    def follow(self, i, leader, now):
        self.followed += 1
        self.follows[i] = leader
        self.lead(i, leader, now)

    def lose(self, i, key, now):
        """By its addresses; whoever follows it goes there as well."""
        self.waiting.remove((i, key))
        self.orphan += 1
        self.follows[i] = None
        self.lead(i, i, now)

    def hold(self, i, key, now):
        same = [w for w in self.waiting if w[1] == key]
        if len(same) >= HOLD_PER_DATAGRAM:
            self.lose(*same[0], now)
        elif len(self.waiting) >= HOLD_MAX:
            self.lose(*self.waiting[0], now)
        self.held += 1
        self.moved.add(i)
        self.waiting.append((i, key))

    def expire(self, packets, now):
        """Of a datagram the oldest leaves first."""
        for i, key in list(self.waiting):
            if abs(now - packets[i].ts_ns) >= HOLD_NS and (i, key) in self.waiting:
                self.lose(i, key, now)

    def counters(self):
        return {'frag_first_pkts': self.first, 'frag_followed_pkts': self.followed,
                'frag_held_pkts': self.held, 'frag_orphan_pkts': self.orphan}


class Flows:
    """What tshark says of a capture's packets.  names[i]: the conversation, or None; fragments have their
    first one's.  moved: packets that may be held."""
    def __init__(self, capture, infos=None):
        self.infos = infos or dissect(capture.path)
        self.followed = Followed(capture.packets, self.infos)
        self.moved = self.followed.moved
        self.names = [info.name for info in self.infos]
        for i, leader in self.followed.follows.items():
            self.names[i] = None
            if leader is not None:
                self.names[leader] = self.names[leader] or ('datagram', leader)
                self.names[i] = self.names[leader]


def find_torn(packets, outputs, unit, names):
    """None, or the conversation that is torn.  Equal packets are alike in their flow."""
    where = {}
    for number, path in enumerate(outputs):
        for p in read_capture(path)[1]:
            where.setdefault(p, set()).add(number)
    seen = {}
    for number, (p, name) in enumerate(zip(packets, names), 1):
        if name is None:
            continue
        seen.setdefault(name, set()).update(where[p._replace(ts_ns=p.ts_ns // unit * unit)])
        if len(seen[name]) > 1:
            return '%s %s is torn at packet %d: %s' % (name + (number, seen[name]))
    return None


def find_disorder(packets, part, flows):
    """None, or what of an output is not in the order of the input, whose packets have the output's times
    here.  Only fragments that were held may be late, and not in their datagram."""
    moved = flows.moved if flows else ()
    rest = (p for i, p in enumerate(packets) if i not in moved)
    movable = {packets[i] for i in moved if i < len(packets)}
    if not all(p in rest for p in part if p not in movable):
        return 'out of order'
    numbers, last = {}, {}
    for i, (p, info) in enumerate(zip(packets, flows.infos if flows else ())):
        if info.later or info.firsts:
            numbers.setdefault(p, []).append(i)
    for p in part:
        if len(numbers.get(p, ())) != 1:
            continue
        i = numbers[p][0]
        for key in flows.infos[i].firsts + (flows.infos[i].later,):
            if key and last.get(key, -1) > i:
                return 'datagram %s is out of order at packet %d' % (key, i + 1)
            last[key] = i
    return None


def output_unit(path):
    with open(path, 'rb') as f:
        return 1 if f.read(4) == b'\x4d\x3c\xb2\xa1' else 1000
