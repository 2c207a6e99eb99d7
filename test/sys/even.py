#!/usr/bin/env python3
"""Equal flows are dealt evenly, and groups do not know of each other.

usage: even.py

shares   100,000 equal flows over 2, 3, 7, 12, 16, 31, 32 and 33 channels: the fullest one has at most 1.05
         times the mean; over 64 what chance gives, which is printed beside each
groups   the same packets split by one group over four channels and by another over four: what one group
         does says nothing about the other (chi-square of the sixteen pairs)

PACF: the program.
"""
import collections
import os
import statistics
import sys
import tempfile

import frames
from captures import Packet, read_capture, write_capture
from daemon import Daemon, Failed, check_ledger, need

FLOWS = 100_000
SPLITS = (2, 3, 7, 12, 16, 31, 32, 33, 64)
MOST = 1.05
# 64 channels have 1562 flows each: chance alone, one standard deviation being 2.5 %, puts the fullest of
# them 6 % above the mean in the middle, and no hash that cannot see the other flows does better.  So more
# is allowed there, and the chi-square of all shares has to be that of chance, whatever their number.
MOST_OF = {64: 1.10}
# Of 9 degrees of freedom; once in 10,000 times by chance.  The key is fixed: it is always the same figure.
CHI_SQUARE = 33.7


def write_flows(path):
    """Of each flow a packet there and one back, the flows by turns."""
    datas = [[], []]
    for n in range(FLOWS):
        client, server = 0x0a000000 + n // 16, 0xc0000201 + n % 4
        sport, dport = 1024 + n % 40000, 80 if n % 3 else 443
        there, back = frames.udp(sport, dport, bytes(8)), frames.udp(dport, sport, bytes(8))
        datas[0].append(frames.ether(frames.ipv4(client, server, frames.UDP, there)))
        datas[1].append(frames.ether(frames.ipv4(server, client, frames.UDP, back)))
    packets = [Packet(1_600_000_000 * 10**9 + i * 1000, len(d), d) for i, d in enumerate(datas[0] + datas[1])]
    write_capture(path, 1, packets)


def split(daemon, capture, channels):
    """channels: (file, group)"""
    opens = ' '.join("pkteng.open_channel{engine='e', channel='pcap:%s', group='%s'}" % c for c in channels)
    stats = daemon.lua("pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s'} %s "
                       "pkteng.start{engine='e'} pkteng.wait{engine='e', timeout=60} "
                       "local s = pkteng.stats{engine='e'} pkteng.stop{engine='e'} pkteng.delete{engine='e'} "
                       "return s" % (capture, opens))
    check_ledger(stats)
    need(stats['counters']['received_pkts'] == 2 * FLOWS, 'not all was read: %s' % stats['counters'])
    return stats


def chance(n, step=0.001):
    """max/mean that a die gives in the mean: the highest of n normal figures (test/unit/pkt/even.c)."""
    normal = statistics.NormalDist().cdf
    above = sum(1 - normal(z * step) ** n for z in range(int(8 / step))) * step
    return 1 + ((n - 1) / FLOWS) ** 0.5 * above


def shares(daemon, folder, capture):
    wrong = []
    for n in SPLITS:
        names = []
        for c in range(n):
            names.append(os.path.join(folder, 'null%d' % c))
            if not os.path.islink(names[-1]):
                os.symlink('/dev/null', names[-1])
        got = [c['received_pkts'] for c in split(daemon, capture, [(x, 'g') for x in names])['channels']]
        need(len(got) == n and sum(got) == 2 * FLOWS, '%d channels got %s' % (n, got))
        mean = 2 * FLOWS / n
        ratio, chi = max(got) / mean, sum((x - mean) ** 2 / mean / 2 for x in got)
        print('%2d channels: max/mean %.4f (by chance %.4f), min/mean %.4f, chi-square %.1f' %
              (n, ratio, chance(n), min(got) / mean, chi))
        # Four standard deviations of chi-square, and some for its tail when there are few channels.
        if ratio > MOST_OF.get(n, MOST) or chi > n - 1 + 4 * (2 * n - 2) ** 0.5 + 8:
            wrong.append('%d channels: max/mean %.4f, chi-square %.1f' % (n, ratio, chi))
    need(not wrong, '; '.join(wrong))


def channels_of_flows(paths):
    """{packet there: channel}; both directions are there"""
    found = {}
    for number, path in enumerate(paths):
        packets = read_capture(path)[1]
        need(len(packets) % 2 == 0, 'a flow is torn in %s' % path)
        for p in packets:
            key = p.data[26:38]
            found[min(key, key[4:8] + key[0:4] + key[10:12] + key[8:10])] = number
    return found


def groups(daemon, folder, capture):
    paths = {g: [os.path.join(folder, '%s%d' % (g, c)) for c in range(4)] for g in 'ab'}
    split(daemon, capture, [(p, g) for g in 'ab' for p in paths[g]])
    a, b = channels_of_flows(paths['a']), channels_of_flows(paths['b'])
    need(len(a) == len(b) == FLOWS, 'flows: %d, %d' % (len(a), len(b)))
    cells = collections.Counter((a[flow], b[flow]) for flow in a)
    rows, columns = collections.Counter(a.values()), collections.Counter(b.values())
    chi = sum((cells[i, j] - rows[i] * columns[j] / FLOWS) ** 2 / (rows[i] * columns[j] / FLOWS)
              for i in range(4) for j in range(4))
    print('two groups of four: chi-square %.1f (9 degrees of freedom), cells %s' % (chi, sorted(cells.values())))
    need(chi <= CHI_SQUARE, 'the groups correlate: %s' % sorted(cells.items()))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        capture = os.path.join(folder, 'flows.pcap')
        write_flows(capture)
        daemon, good = Daemon(folder), True
        for case in (shares, groups):
            try:
                case(daemon, folder, capture)
            except Failed as wrong:
                print('FAILED: %s: %s' % (case.__name__, wrong))
                good = False
        try:
            daemon.close()
        finally:
            daemon.kill()
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
