#!/usr/bin/env python3
"""Unmodified applications on a live interface: five at once, and such that come and go under traffic.

usage: live_apps.py TYPE [CASE ...]        TYPE: of the engine, afpacket or afxdp
"""
import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import live
import netns
from daemon import dropped, need, until

PACKETS = 20000


def split_check(copies, samples, frames, what):
    """Whole copies in order; of the samples each packet once, and each flow whole and in order."""
    for i, got in enumerate(copies):
        need(collections.Counter(got) == collections.Counter(frames), '%s: copy %d has %d of %d' %
             (what, i, len(got), len(frames)))
    together = sum((collections.Counter(got) for got in samples), collections.Counter())
    need(together == collections.Counter(frames), '%s: the samples together have %d of %d' %
         (what, sum(together.values()), len(frames)))
    seen = {}
    for i, got in enumerate(samples):
        need(got, '%s: a sample without a packet' % what)
        last = {}
        for data in got:
            flow, number = netns.number_of(data)
            need(seen.setdefault(flow, i) == i, '%s: flow %d is torn' % (what, flow))
            need(last.get(flow, -1) < number, '%s: flow %d, number %d after %d' % (what, flow, number, last.get(flow, 0)))
            last[flow] = number


def frames_of(count, flows=200):
    return [netns.frame(i // flows, 60 + i * 131 % 1400, i % flows) for i in range(count)]


class Tool:
    """tshark or ngrep on a channel, its output in a file."""

    def __init__(self, lab, name, channel):
        self.name, self.path = name, lab.path(name + '.out')
        command = {'tshark': ['tshark', '-l', '-n', '-i', channel, '-T', 'fields', '-e', 'udp.srcport', '-e', 'udp.length'],
                   'ngrep': ['ngrep', '-l', '-n', str(PACKETS), '-q', '-t', '-d', channel]}[name]
        with open(self.path, 'wb') as out:
            self.process = lab.spawn(os.environ['PACF_RUN'], *command, stdout=out, stderr=subprocess.STDOUT)

    def text(self):
        with open(self.path, encoding='utf-8', errors='replace') as out:
            return out.read()

    def count(self):
        """Packets that it has printed."""
        pattern = {'tshark': r'^\d+\t\d+$', 'ngrep': r'^U .* 10\.0\.0\.1:\d+ -> 10\.1\.0\.0:9'}[self.name]
        return len(re.findall(pattern, self.text(), re.M))

    def finish(self, want):
        try:
            until('%s: %d packets' % (self.name, want), lambda: self.count() >= want, 40)
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
        need(self.count() == want, '%s printed %d packets of %d: %s' % (self.name, self.count(), want, self.text()[-300:]))


def case_five(lab, kind):
    """tcpdump three times, tshark and ngrep: two share the packets, three get them all."""
    for tool in ('tcpdump', 'tshark', 'ngrep'):
        if shutil.which(tool) is None:
            raise netns.Skipped(tool + ' is missing')
    wire = lab.wire(queues=2)
    engine = live.Engine(lab, kind, [wire], [('s0', 'SAMPLE'), ('s1', 'SAMPLE'), ('c0', 'COPY'), ('c1', 'COPY'),
                                             ('c2', 'COPY')], size=32768,
                         preexec=live.first_in_line)
    dumps = [lab.consumer('pacf:%s}0' % name) for name in ('s0', 's1', 'c0')]
    tools = [Tool(lab, 'tshark', 'pacf:c1}0'), Tool(lab, 'ngrep', 'pacf:c2}0')]
    until('all are attached', lambda: all(live.attached(engine.channels).values()))
    frames = frames_of(PACKETS)
    wire.send(frames, pps=10000)
    for tool in tools:
        tool.finish(PACKETS)
    stats = engine.quiet(PACKETS)
    need(engine.lost_before(stats) == 0, 'lost before the engine: %s' % stats['links'])
    need(all(dropped(c) == 0 for c in stats['channels']), 'dropped: %s' % stats['channels'])
    got = [dump.wait_for(0) for dump in dumps]
    split_check(got[2:], got[:2], frames, 'five applications')
    need(all('0 packets dropped by kernel' in dump.said for dump in dumps), 'tcpdump says: %s' % dumps[0].said)


def case_come_and_go(lab, kind):
    """Others attach, detach and are killed under traffic; three that stay lose nothing."""
    wire = lab.wire(queues=2)
    engine = live.Engine(lab, kind, [wire], [('s0', 'SAMPLE'), ('s1', 'SAMPLE'), ('c0', 'COPY'), ('x', 'COPY')],
                         size=32768, preexec=live.first_in_line)
    stay = [lab.sink('pacf:%s}0' % name, flows=64) for name in ('s0', 's1', 'c0')]
    rounds = 40 if live.SOAK else 8
    with live.Traffic(wire, pps=4000) as traffic:
        for i in range(rounds):
            guest = lab.sink('pacf:x}0')
            time.sleep(0.2)
            if i % 2:
                guest.kill()
            else:
                need(guest.stop()['packets'] > 100, 'the guest got nothing')
            until('the guest is gone', lambda: live.attached(['x'])['x'] == 0)
            lab.daemon.lua("pkteng.open_channel{engine='e', channel='pacf:y{0', action='COPY'}")
            time.sleep(0.05)
            lab.daemon.lua("pkteng.close_channel{engine='e', channel='pacf:y{0'}")
        sent = traffic.stop()
    stats = engine.quiet(sent)
    need(engine.lost_before(stats) == 0 and stats['counters']['received_pkts'] == sent,
         'received %d of %d, lost before: %s' % (stats['counters']['received_pkts'], sent, stats['links']))
    said = [sink.stop() for sink in stay]
    need(said[0]['packets'] + said[1]['packets'] == sent == said[2]['packets'], 'sent %d: %s' % (sent, said))
    for one in said:
        need(one['inversions'] == one['missing'] == one['lost'] == one['others'] == 0, '%s' % one)


if __name__ == '__main__':
    sys.exit(live.main(globals(), __doc__))
