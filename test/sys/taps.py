#!/usr/bin/env python3
"""Two taps of one line, a capture file each: one engine reads both as the one line that they were.

A capture is split by direction into two files; read as two links they come out in the order of their
stamps, byte for byte as in the capture, and no conversation is torn over four channels.  Captures of
the line as they were on it: pacf-gen's, and the shared ones that are Ethernet.  Equal stamps of the
two files come out by the number of the link.

PACF, PACF_GEN: the programs.  PACF_SHARED: the folder that holds traces/, as for the other tests.
"""
import os
import subprocess
import sys
import tempfile

from captures import Capture, Flows, find_captures, find_torn, read_capture, write_capture
from daemon import Daemon, Failed, check_ledger, need

ETHERNET = 1
SHARED = 12  # captures, the smallest


def addresses(data):
    """(source, destination) of the outermost packet; two empty ones if there are none."""
    at = 12
    while data[at:at + 2] in (b'\x81\x00', b'\x88\xa8', b'\x91\x00'):
        at += 4
    if data[at:at + 2] == b'\x08\x00' and len(data) >= at + 22:
        return data[at + 14:at + 18], data[at + 18:at + 22]
    if data[at:at + 2] == b'\x86\xdd' and len(data) >= at + 42:
        return data[at + 10:at + 26], data[at + 26:at + 42]
    return b'', b''


def merged(taps):
    """The taps' packets in the order that is promised: a file's own order stays."""
    keyed = []
    for number, packets in enumerate(taps):
        newest = 0
        for i, packet in enumerate(packets):
            newest = max(newest, packet.ts_ns)
            keyed.append((newest, number, i, packet))
    return [entry[3] for entry in sorted(keyed, key=lambda entry: entry[:3])]


def check(pacf, folder, capture):
    """Returns whether the capture could be told exactly: no two stamps of the two taps are equal."""
    line = os.path.join(folder, 'line.pcap')
    paths = [os.path.join(folder, name) for name in ('a.pcap', 'b.pcap')]
    taps = [[], []]
    for packet in capture.packets:
        source, destination = addresses(packet.data)
        taps[source > destination].append(packet)
    write_capture(line, capture.linktype, capture.packets)
    for path, packets in zip(paths, taps):
        write_capture(path, capture.linktype, packets)
    outs = [os.path.join(folder, 'out%d.pcap' % i) for i in range(5)]
    for out in outs:
        if os.path.exists(out):
            os.unlink(out)
    pacf.lua("pkteng.new{name='e', type='pcap'}" +
             ''.join(" pkteng.link{engine='e', ifname='%s'}" % path for path in paths) +
             " pkteng.open_channel{engine='e', channel='pcap:%s', action='COPY'}" % outs[4] +
             ''.join(" pkteng.open_channel{engine='e', channel='pcap:%s'}" % out for out in outs[:4]) +
             " pkteng.start{engine='e'} pkteng.wait{engine='e', timeout=60} pkteng.stop{engine='e'}")
    stats = pacf.stats('e')
    check_ledger(stats)
    need(stats['counters']['late_pkts'] == 0, '%s: %d late' % (capture.path, stats['counters']['late_pkts']))
    need([link['received_pkts'] for link in stats['links']] == [len(tap) for tap in taps],
         '%s: the links are %s' % (capture.path, stats['links']))
    pacf.lua("pkteng.delete{engine='e'}")
    got = read_capture(outs[4])[1]
    held = stats['counters']['frag_held_pkts'] > 0
    if not held:
        need(got == merged(taps), '%s: not in the order of the stamps' % capture.path)
    exact = not held and merged(taps) == capture.packets
    if exact:
        with open(outs[4], 'rb') as a, open(line, 'rb') as b:
            need(a.read() == b.read(), '%s: came out as another file' % capture.path)
    capture.path, path = line, capture.path
    torn = find_torn(capture.packets, outs[:4], 1, Flows(capture).names)
    need(not torn, '%s: %s' % (path, torn))
    return exact


def main():
    folder = tempfile.mkdtemp(prefix='pacf-taps-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    made = []
    for i, options in enumerate((['--flows', '500', '--nano'], ['--flows', '40', '--fragments', '30'],
                                 ['--packets', '20000', '--flows', '100', '--rate', '1000000', '--nano'])):
        made.append(os.path.join(folder, 'made%d.pcap' % i))
        subprocess.run([os.environ['PACF_GEN'], *options, '-o', made[-1]], check=True)
    pacf, exact, done = Daemon(folder), 0, 0
    try:
        captures = [Capture(path) for path in made]
        shared = [c for c in find_captures([]) if c.linktype == ETHERNET and c.whole and len(c.packets) > 20]
        captures += sorted(shared, key=lambda c: len(c.packets))[:SHARED]
        for capture in captures:
            told = check(pacf, folder, capture)
            need(told or capture.path not in made, '%s: its order is known' % capture.path)
            exact += told
            done += 1
        pacf.close()
    except Failed as failed:
        print('FAILED: %s' % failed)
        return 1
    finally:
        pacf.kill()
    print('%d captures, %d of them byte for byte' % (done, exact))
    subprocess.run(['rm', '-r', folder], check=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
