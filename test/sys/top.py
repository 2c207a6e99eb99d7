#!/usr/bin/env python3
"""pkteng.top tells the flows that fill each channel: the figures of a count by tshark for captures that are
counted whole, and within the bound that it states for one that is not.

PACF, PACF_GEN: the programs.  PACF_SHARED: where traces/ is (default: ../shared).
"""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

import captures
from daemon import JSON, Failed, need

CHANNELS = 3


def run_pacf(path, folder, seconds=120):
    """pkteng.top of an engine that has read the file, as it is in Lua."""
    sinks = ' '.join("pkteng.open_channel{engine='e', channel='pcap:%s/%d.pcap'}" % (folder, i)
                     for i in range(CHANNELS))
    code = "%s pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s'} %s pkteng.start{engine='e'} " \
           "pkteng.wait{engine='e'} print(J(pkteng.top{engine='e', n=16}))" % (' '.join(JSON.split('\n')), path, sinks)
    out = subprocess.run([os.environ['PACF'], '-e', code], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=seconds, check=False)
    need(out.returncode == 0, 'pacf: ' + out.stderr)
    return json.loads(out.stdout)


def flow_key(ends, proto):
    return tuple(sorted(ends)) + (proto,)


def truth(path):
    """{flow: packets} of TCP and UDP over IP without tunnels, by tshark."""
    fields = ('ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'ip.proto', 'ipv6.nxt', 'tcp.srcport', 'tcp.dstport',
              'udp.srcport', 'udp.dstport')
    command = ['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'occurrence=l']
    for field in fields:
        command += ['-e', field]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    counts = collections.Counter()
    for line in out.splitlines():
        row = (line.split('\t') + [''] * len(fields))[:len(fields)]
        src, dst, proto = row[0] or row[2], row[1] or row[3], row[4] or row[5]
        sport, dport = row[6] or row[8], row[7] or row[9]
        if sport:
            counts[flow_key([(src, int(sport)), (dst, int(dport))], int(proto))] += 1
    return counts


def told(channels):
    for channel in channels:
        last = None
        for f in channel['flows'] or []:
            need(last is None or f['pkts'] <= last, 'flows are not in order: %s' % channel['channel'])
            last = f['pkts']
            if 'sport' in f:
                yield channel, f, flow_key([(f['src'], f['sport']), (f['dst'], f['dport'])], f['proto'])


def check_exact(path, folder):
    """A channel's list is the largest of the flows that went there, with their counts."""
    counts = truth(path)
    channels = run_pacf(path, folder)
    place, lists = {}, collections.defaultdict(list)
    for channel, f, key in told(channels):
        need(key not in place, 'on two channels: %s' % (key,))
        place[key] = channel['channel']
        lists[channel['channel']].append((key, f['pkts']))
        need(f['error_pkts'] == 0 and f['pkts'] == counts[key], '%s: %s, tshark counts %d' % (key, f, counts[key]))
    need(sum(c['pkts'] for c in channels) == len(captures.read_capture(path)[1]), 'the sum over channels')
    biggest = counts.most_common(10)
    least = min(n for flows in lists.values() for _, n in flows)
    for key, n in biggest:
        need(key in place or n <= least, '%s with %d packets is not told' % (key, n))
    print('%s: %d flows told, all as tshark counts them' % (os.path.basename(path), len(place)))


def many_flows(linktype, packets):
    """Is this worth asking tshark, which takes its time: nothing but TCP and UDP over plain IPv4, of many flows?"""
    flows = set()
    for p in packets:
        d = p.data
        if linktype != 1 or len(d) < 38 or d[12:15] != b'\x08\x00\x45' or d[23] not in (6, 17):
            return False
        flows.add(d[23:24] + b''.join(sorted((d[26:30] + d[34:36], d[30:34] + d[36:38]))))
    return len(flows) >= 20


def case_real(folder):
    """The first captures of the collection that have many conversations."""
    shared = os.environ.get('PACF_SHARED', '../shared')
    done = 0
    for top, _, names in sorted(os.walk(os.path.join(shared, 'traces'), followlinks=True)):
        for name in sorted(names):
            path = os.path.join(top, name)
            if done == 2 or not name.endswith(('.pcap', '.trace')) or not 50000 < os.path.getsize(path) < 3000000:
                continue
            try:
                linktype, packets, _ = captures.read_capture(path)
            except captures.Unreadable:
                continue
            if many_flows(linktype, packets):
                check_exact(path, folder)
                done += 1
    if done == 0:
        print('skipped: no capture with many conversations in %s' % shared)
        return False
    return True


def case_elephant(folder):
    """One flow has half of many packets: it is first where it went, and within what is said of its error."""
    small, large = os.path.join(folder, 'small.pcap'), os.path.join(folder, 'large.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--flows', '3000', '--packets', '100000', '--seed', '7', '-o', small], check=True,
                   stdout=subprocess.DEVNULL)
    linktype, packets, _ = captures.read_capture(small)
    elephant, mixed = packets[0], []
    for packet in packets:
        mixed += [packet, elephant._replace(ts_ns=packet.ts_ns)]
    captures.write_capture(large, linktype, mixed)
    channels = run_pacf(large, folder)
    one = os.path.join(folder, 'one.pcap')
    captures.write_capture(one, linktype, packets[:1])
    first_key = next(iter(truth(one)))
    first_count = truth(small)[first_key] + len(packets)
    found = 0
    for channel, f, key in told(channels):
        if key == first_key:
            found += 1
            need(f is channel['flows'][0], 'the elephant is not the first')
            need(abs(f['pkts'] - first_count) < 0.1 * first_count, 'elephant: %s, in truth %d' % (f, first_count))
    need(found == 1, 'the elephant is told %d times' % found)
    total = sum(c['pkts'] for c in channels)
    need(abs(total - len(mixed)) < 0.1 * len(mixed), 'estimate of all: %d, in truth %d' % (total, len(mixed)))
    print('elephant: told as %d of %d' % (first_count, len(mixed)))
    return True


def main():
    for tool in ('tshark',):
        if shutil.which(tool) is None:
            print('skipped: there is no ' + tool)
            return 77
    folder = tempfile.mkdtemp(prefix='pacf-top-')
    try:
        case_elephant(folder)
        if not case_real(folder):
            return 77
    except Failed as wrong:
        print('FAILED: %s' % wrong)
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


sys.exit(main())
