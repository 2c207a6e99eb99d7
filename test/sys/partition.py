#!/usr/bin/env python3
"""Real captures are split over channels: the outputs together are the input.

usage: partition.py sinks|tcpdumps [CAPTURE ...]

sinks     each capture over 1, 2, 4 and 7 `pcap:` channels
tcpdumps  captures over four tcpdumps, through pacf-run (a few; all of them with PACF_SOAK=1)

Each output must be a subsequence of the input, all of them together its packets, byte for byte with
their times; and no TCP or UDP conversation as tshark numbers it, innermost, may be torn (not yet asked
of later fragments).  Files are read and written here by a reader of our own, not by libpcap.

PACF, PACF_RUN: the programs.  PACF_SHARED: the folder that holds traces/.  Exit status 77: skipped.
"""
import collections
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SUPPORTED = {0, 1, 101, 108, 113, 228, 229, 276}
SPLITS = (1, 2, 4, 7)
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


def libpcap_reads(path):
    """Some captures are whole and still not for libpcap (interfaces that differ)."""
    return subprocess.run(['tcpdump', '-nn', '-r', path, '-w', '/dev/null'], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def lua_text(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


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


def check_partition(capture, outputs, unit, failed):
    """None, or what is wrong.  failed: the engine said that the source ended early."""
    parts = []
    for path in outputs:
        linktype, packets, whole = read_capture(path)
        if not whole:
            return 'output %s is cut off' % path
        if linktype != capture.linktype:
            return 'link type %d became %d' % (capture.linktype, linktype)
        parts.append(packets)
    want = [p._replace(ts_ns=p.ts_ns // unit * unit) for p in capture.packets]
    total = sum(len(p) for p in parts)
    if not failed and not capture.whole:
        return 'the file is cut off, and the engine did not say so'
    if failed and capture.whole:
        if libpcap_reads(capture.path):
            return 'the engine says: %s' % failed
        want = want[:total]
    if total != len(want):
        return '%d packets became %d' % (len(want), total)
    if collections.Counter(want) != collections.Counter(p for part in parts for p in part):
        return 'other packets came out than went in'
    for number, part in enumerate(parts):
        rest = iter(want)
        if not all(p in rest for p in part):
            return 'channel %d is out of order' % number
    return None


def conversations(capture):
    """For each packet the name of its conversation, innermost, or None.

    Left out: packets whose innermost datagram is neither TCP nor UDP (what tshark numbers then is
    the tunnel), and RPC over UDP: tshark gives calls from several ports of one client, which are
    several five-tuples, the number of one udp.stream.
    """
    out = subprocess.run(
        ['tshark', '-n', '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-r',
         capture.path, '-T', 'fields', '-E', 'separator=;', '-E', 'occurrence=l',
         '-e', 'frame.protocols', '-e', 'tcp.stream', '-e', 'udp.stream'],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    names = []
    for line in out.splitlines():
        protocols, tcp, udp = line.split(';')
        layers = protocols.split(':')
        innermost = ([x for x in layers if x in ('tcp', 'udp', 'ip', 'ipv6')] or [''])[-1]
        stream = {'tcp': tcp, 'udp': '' if 'rpc' in layers else udp}.get(innermost, '')
        names.append((innermost, stream) if stream else None)
    return names


def check_affinity(capture, outputs, unit, names):
    """None, or the conversation that is torn.  Equal packets are alike in their flow."""
    where = {}
    for number, path in enumerate(outputs):
        for p in read_capture(path)[1]:
            where.setdefault(p, set()).add(number)
    seen = {}
    for number, (p, name) in enumerate(zip(capture.packets, names), 1):
        if name is None:
            continue
        seen.setdefault(name, set()).update(where[p._replace(ts_ns=p.ts_ns // unit * unit)])
        if len(seen[name]) > 1:
            return '%s.stream %s is torn at packet %d: %s' % (name + (number, seen[name]))
    return None


def output_unit(path):
    with open(path, 'rb') as f:
        return 1 if f.read(4) == b'\x4d\x3c\xb2\xa1' else 1000


def lua_engine(index, capture, channels, then):
    opens = ''.join("pkteng.open_channel{engine=e, channel=%s, action='SAMPLE'}\n" % lua_text(c)
                    for c in channels)
    return ("do local e = 'e%d'\npkteng.new{name=e, type='pcap'}\n"
            "pkteng.link{engine=e, ifname=%s}\n%spkteng.start{engine=e}\n%send\n"
            % (index, lua_text(os.path.abspath(capture.path)), opens, then))


WAIT = ("local ok, why = pcall(pkteng.wait, {engine=e, timeout=60})\n"
        "io.stdout:write(e, '\\t', ok and '' or tostring(why):gsub('%s', ' '), '\\n')\n"
        "io.stdout:flush()\n")


def verdicts(text):
    """What each engine's wait said: '' or the error."""
    said = {}
    for line in text.splitlines():
        name, tab, why = line.partition('\t')
        if tab and name.startswith('e') and name[1:].isdigit():
            said[int(name[1:])] = why
    return said


class Report:
    def __init__(self):
        self.done, self.bad, self.conversations = 0, 0, 0

    def add(self, capture, splits, wrong):
        self.done += 1
        if wrong:
            self.bad += 1
            print('FAILED: %s over %d: %s' % (capture.path, splits, wrong))

    def end(self):
        print('%d splits, %d failed, %d packets with a conversation' %
              (self.done, self.bad, self.conversations))
        return 1 if self.bad or self.done == 0 else 0


def judge(report, capture, outputs, failed, names):
    wrong = None
    if failed is None:
        wrong = 'the daemon said nothing of it'
    missing = [path for path in outputs if not os.path.exists(path)]
    if missing:
        wrong = wrong or 'there is no output %s' % missing[0]
    if not wrong:
        unit = output_unit(outputs[0])
        wrong = check_partition(capture, outputs, unit, failed)
        if not wrong and names:
            report.conversations += len(names) - names.count(None)
            wrong = check_affinity(capture, outputs, unit, names)
    report.add(capture, len(outputs), wrong)


def run_sinks(captures, joined, names, folder):
    report = Report()
    everything = captures + joined
    for splits in SPLITS:
        out = os.path.join(folder, str(splits))
        os.mkdir(out)
        script = os.path.join(folder, 'split.lua')
        outputs = [[os.path.join(out, '%d.%d.pcap' % (i, c)) for c in range(splits)]
                   for i in range(len(everything))]
        with open(script, 'w', encoding='utf-8') as f:
            for i, capture in enumerate(everything):
                f.write(lua_engine(i, capture, ['pcap:' + o for o in outputs[i]],
                                   WAIT + 'pkteng.stop{engine=e}\npkteng.delete{engine=e}\n'))
        ran = subprocess.run([os.environ['PACF'], '-f', script], check=False, timeout=500, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if ran.returncode != 0:
            print('FAILED: pacf ended with status %d: %s' % (ran.returncode, ran.stderr[-500:]))
            report.bad += 1
        said = verdicts(ran.stdout)
        for i, capture in enumerate(everything):
            judge(report, capture, outputs[i], said.get(i), names.get(capture.path))
        shutil.rmtree(out)
    return report.end()


def wait_for_channels(daemon, count):
    for _ in range(200):
        listed = subprocess.run([os.environ['PACF_RUN'], 'tcpdump', '-D'], check=False, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        if listed.count('pacf:') >= count:
            return True
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    return False


def start_tcpdump(channel, path):
    with open(path, 'wb') as out, open(path + '.log', 'wb') as log:
        return subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-i', channel, '-w', '-'],
                                stdin=subprocess.DEVNULL, stdout=out, stderr=log)


def run_tcpdumps(captures, joined, names, folder):
    """Engines wait for their readers, so a daemon can hold a few captures at a time."""
    report = Report()
    if os.environ.get('PACF_SOAK'):
        chosen = captures + joined
    else:
        chosen = captures[::max(1, len(captures) // 24)] + joined
    for first in range(0, len(chosen), 8):
        batch = list(enumerate(chosen[first:first + 8]))
        script = os.path.join(folder, 'four.lua')
        with open(script, 'w', encoding='utf-8') as f:
            for i, capture in batch:
                f.write(lua_engine(i, capture, ['pacf:c%d{%d' % (i, c) for c in range(4)], ''))
            for i, _ in batch:
                f.write("do local e = 'e%d'\n%send\n" % (i, WAIT))
        daemon = subprocess.Popen([os.environ['PACF'], '-f', script], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        try:
            if not wait_for_channels(daemon, 4 * len(batch)):
                daemon.kill()
                print('FAILED: the channels did not appear:', daemon.communicate()[1][-500:])
                return 1
            outputs = {}
            for i, capture in batch:
                outputs[i] = [os.path.join(folder, 't%d.%d.pcap' % (i, c)) for c in range(4)]
                readers = [start_tcpdump('pacf:c%d}%d' % (i, c), path)
                           for c, path in enumerate(outputs[i])]
                for c, reader in enumerate(readers):
                    status = reader.wait(timeout=120)
                    if status != 0:
                        with open(outputs[i][c] + '.log', encoding='utf-8') as log:
                            report.add(capture, 4, 'tcpdump %d ended with status %d: %s' %
                                       (c, status, log.read()))
            text, errors = daemon.communicate(timeout=120)
        finally:
            if daemon.poll() is None:
                daemon.kill()
        if daemon.returncode != 0:
            print('FAILED: pacf ended with status %d: %s' % (daemon.returncode, errors[-500:]))
            report.bad += 1
        said = verdicts(text)
        for i, capture in batch:
            judge(report, capture, outputs[i], said.get(i), names.get(capture.path))
    return report.end()


def main():
    runs = {'sinks': run_sinks, 'tcpdumps': run_tcpdumps}
    if len(sys.argv) < 2 or sys.argv[1] not in runs:
        sys.exit(__doc__)
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if not shutil.which('tcpdump'):
        print('tcpdump is not installed: skipped')
        sys.exit(77)
    captures = find_captures(sys.argv[2:])
    if not captures:
        print('no captures here: skipped')
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        joined = join_captures(captures, folder)
        names = {}
        if shutil.which('tshark'):
            names = {c.path: conversations(c) for c in joined}
        else:
            print('tshark is not installed: affinity is not checked')
        print('%d captures, %d joined ones' % (len(captures), len(joined)))
        sys.exit(runs[sys.argv[1]](captures, joined, names, folder))


if __name__ == '__main__':
    main()
