"""One engine, from capture to figures, and what tcpdump and a few header bytes say of packets: for rules.py.

PACF_GEN, PACF_RUN: the programs.  PACF_SHARED: the folder that holds traces/."""
import collections
import glob
import os
import struct
import subprocess

import captures
import partition
from daemon import channel_of, check_ledger, need, until

KINDS = 3  # captures of the traces for each link type


def generate(folder, name, *args):
    path = os.path.join(folder, name)
    subprocess.run([os.environ['PACF_GEN'], '--nano', *args, path], check=True, stderr=subprocess.DEVNULL)
    return path


def mixed_capture(folder):
    """Tags, IPv6, all that pacf-gen makes unless told otherwise; no fragments."""
    return generate(folder, 'all.pcap', '--flows', '3000', '--packets', '30000')


def tcpdump(path, expression):
    """The packets that match, or None: it refuses the expression for that link type."""
    run = subprocess.run(['tcpdump', '--nano', '-nn', '-r', path, '-w', '-', expression], check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode != 0:
        return None
    unit = 1 if run.stdout[:4] == b'\x4d\x3c\xb2\xa1' else 1000
    return captures.read_classic(run.stdout, '<', unit)[1]


def flow_of(packet):
    """Of an untagged IPv4 packet without options: both ends and the protocol."""
    d = packet.data
    return d[23], frozenset((d[26:30] + d[34:36], d[30:34] + d[36:38]))


def packets_of(path):
    return captures.read_capture(path)[1]


def counted(path):
    return collections.Counter(packets_of(path))


def l3(data):
    """(version, offset of the IP header) behind Ethernet and tags, or None."""
    at = 12
    while data[at:at + 2] in (b'\x81\x00', b'\x88\xa8'):
        at += 4
    kind = data[at:at + 2]
    return (4, at + 2) if kind == b'\x08\x00' else (6, at + 2) if kind == b'\x86\xdd' else None


def pairs(path):
    """The addresses of each IP packet."""
    for packet in packets_of(path):
        where = l3(packet.data)
        if where is None:
            continue
        n, at = (4, where[1] + 12) if where[0] == 4 else (16, where[1] + 8)
        yield tuple(sorted((packet.data[at:at + n], packet.data[at + n:at + 2 * n])))


def streams(path):
    """Packets of each TCP flow over IPv4 without fragments, by its ends."""
    found = collections.Counter()
    for packet in packets_of(path):
        where = l3(packet.data)
        if where is None or where[0] != 4:
            continue
        h = packet.data[where[1]:]
        if h[9] != 6 or struct.unpack_from('>H', h, 6)[0] & 0x3fff:
            continue
        at = (h[0] & 15) * 4
        found[tuple(sorted(((h[12:16], h[at:at + 2]), (h[16:20], h[at + 2:at + 4]))))] += 1
    return found


def attach_tcpdump(channel, path):
    """A tcpdump on a channel, as soon as there is one."""
    until('channel ' + channel, lambda: channel in subprocess.run(
        [os.environ['PACF_RUN'], 'tcpdump', '-D'], capture_output=True, text=True, check=False).stdout)
    return subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-i', channel, '-w', path],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Engine:
    """One engine of a daemon, reading a capture."""
    count = 0

    def __init__(self, daemon, capture, kind='mem', more=''):
        Engine.count += 1
        self.daemon, self.name = daemon, 'p%d' % Engine.count
        daemon.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname=%s%s}" %
                   (self.name, kind, self.name, partition.lua_text(capture), more))

    def open(self, channel, **args):
        text = ''.join(', %s=%s' % (k, v if isinstance(v, int) else partition.lua_text(v))
                       for k, v in args.items())
        self.daemon.lua("pkteng.open_channel{engine='%s', channel='%s'%s}" % (self.name, channel, text))

    def start(self):
        self.daemon.lua("pkteng.start{engine='%s'}" % self.name)

    def finish(self):
        """Waits for the end; the figures, which add up."""
        need(self.daemon.lua("return pkteng.wait{engine='%s', timeout=60}" % self.name), 'no end')
        stats = self.daemon.stats(self.name)
        check_ledger(stats)
        self.daemon.lua("pkteng.delete{engine='%s'}" % self.name)
        return stats

    def run(self):
        self.start()
        return self.finish()


def matched(stats, channel):
    c = channel_of(stats, channel)
    return c['received_pkts'] - c['filtered_pkts']


def some_traces():
    """Whole captures of the traces, the largest few of each link type."""
    shared = os.environ.get('PACF_SHARED', os.path.join(os.environ.get('SRC', '.'), '..', 'shared'))
    names = [n for n in glob.glob(os.path.join(shared, 'traces', '**'), recursive=True) if os.path.isfile(n)]
    by_link = collections.defaultdict(list)
    for path in sorted(names, key=lambda n: (-os.path.getsize(n), n)):
        if os.path.getsize(path) > 2000000:
            continue
        try:
            linktype, packets, whole = captures.read_capture(path)
        except (captures.Unreadable, OSError):
            continue
        if whole and packets and len(by_link[linktype]) < KINDS and partition.libpcap_reads(path):
            by_link[linktype].append(path)
    return [path for paths in by_link.values() for path in paths]
