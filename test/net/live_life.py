#!/usr/bin/env python3
"""An interface goes down and up, is deleted and made again, renamed, gets other queues: under traffic.

usage: live_life.py TYPE [CASE ...]        TYPE: of the engine, afpacket or afxdp

Each time packets must arrive again within 2 s, the applications stay attached, and neither open files nor
memory of the daemon grow.
"""
import os
import sys
import time

import live
import netns
import wires
from daemon import cpu_ns, need, until

RESUME_MOST = 2
CPU_MOST = 0.02
GROWTH_MOST_KIB = 1024


class Watched:
    """An engine with two applications, traffic, and what must stay as it is."""

    def __init__(self, lab, kind, queues=2, **args):
        self.lab = lab
        self.wire = lab.wire(queues=queues, **args)
        self.engine = live.Engine(lab, kind, [self.wire], [('a', 'SAMPLE'), ('b', 'COPY')])
        lab.daemon.lua('pacf.confine()')
        self.sinks = [lab.sink('pacf:a}0'), lab.sink('pacf:b}0')]
        self.pid = lab.daemon.process.pid
        self.attached = live.attached(['a', 'b'])
        self.traffic = live.Traffic(self.wire)
        self.worst = 0
        self.resumes('start')

    def state(self):
        return self.engine.stats()['links'][0]['state']

    def delivered(self):
        return self.engine.channel('b')['delivered_pkts']

    def resumes(self, what, limit=RESUME_MOST):
        """From now on packets arrive within the time; they do, for longer than a burst."""
        base, start = self.delivered(), time.monotonic()
        until('packets after ' + what, lambda: self.delivered() > base, limit)
        took = time.monotonic() - start
        self.worst = max(self.worst, took)
        need(took <= limit, '%s: packets after %.2f s' % (what, took))
        until('more packets after ' + what, lambda: self.delivered() > base + 100, limit)
        until('state up after ' + what, lambda: self.state() == 'up', limit)

    def remember(self):
        self.files, self.memory = live.open_files(self.pid), live.resident_kib(self.pid)

    def same(self, what):
        """Nothing has grown since remember(), all are attached."""
        until('%d open files' % self.files, lambda: live.open_files(self.pid) <= self.files, 2)
        grown = live.resident_kib(self.pid) - self.memory
        need(grown < GROWTH_MOST_KIB, '%s: memory grew by %d KiB, from %d' % (what, grown, self.memory))
        need(live.attached(['a', 'b']) == self.attached, 'the applications do not stay attached')
        print('%s: packets after %.2f s at worst; %d open files, memory %+d KiB' %
              (what, self.worst, self.files, grown))

    def finish(self):
        self.traffic.stop()
        stats = self.engine.quiet()
        for sink, name in zip(self.sinks, ('a', 'b')):
            said, c = sink.stop(), self.engine.channel(name, stats)
            need(said['packets'] == c['delivered_pkts'], 'delivered %s, read %s' % (c, said))


def case_down_up(lab, kind):
    w = Watched(lab, kind)
    for i in range(50):
        if i == 3:
            w.remember()
        w.wire.down()
        until('state down', lambda: w.state() == 'down', 2)
        w.wire.up()
        w.resumes('down and up')
    w.same('down and up')
    w.finish()


def case_while_down(lab, kind):
    """It costs next to nothing to wait for an interface that is down."""
    w = Watched(lab, kind)
    w.wire.down()
    until('state down', lambda: w.state() == 'down', 2)
    time.sleep(0.5)
    seconds, before, start = 10 if live.SOAK else 4, cpu_ns(w.pid), time.monotonic()
    time.sleep(seconds)
    used = (cpu_ns(w.pid) - before) / 1e9 / (time.monotonic() - start)
    print('%s, interface down: %.2f %% of a core' % (kind, 100 * used))
    need(used < CPU_MOST, 'an interface that is down costs %.2f %% of a core' % (100 * used))
    w.wire.up()
    w.resumes('a while down')
    w.finish()


def case_recreated(lab, kind):
    """Another interface of that name."""
    w = Watched(lab, kind)
    for i in range(20 if live.SOAK else 6):
        if i == 3:
            w.remember()
        with w.traffic.lock:
            w.wire.delete()
        until('state gone', lambda: w.state() == 'gone', 2)
        with w.traffic.lock:
            w.wire.create()
        w.resumes('deleted and made again')
    w.same('deleted and made again')
    w.finish()


def case_renamed(lab, kind):
    """It stays the one that it was, under any name; an interface that then takes the old name is another."""
    w = Watched(lab, kind)
    w.remember()
    old = w.wire.near
    for i in range(4):
        w.wire.rename('other%d' % i)
        w.resumes('renamed')
    w.wire.rename(old)
    w.resumes('renamed back')
    w.same('renamed')
    w.finish()


def case_queues(lab, kind):
    """ethtool -L: the kernel refuses to take away a queue that an AF_XDP socket reads."""
    w = Watched(lab, kind, queues=4)
    w.remember()
    refused = 0
    for queues in (2, 4, 1, 3, 4) * (5 if live.SOAK else 1):
        try:
            w.wire.channels(queues)
        except RuntimeError as error:
            need(kind == 'afxdp', 'ethtool -L %d: %s' % (queues, error))
            refused += 1
        w.resumes('%d queues' % queues)
    print('%s: %d changes refused by the kernel' % (kind, refused))
    w.same('other queues')
    w.finish()


def case_more_queues(lab, kind):
    """Queues that come into being while it captures are read as well."""
    wire = lab.wire(queues=4, up=False)
    wire.channels(1)
    wires.run('ip', 'link', 'set', wire.far, 'up', ns=wire.ns)
    wire.up()
    engine = live.Engine(lab, kind, [wire], [('a', 'SAMPLE')])
    lab.daemon.lua('pacf.confine()')
    sink = lab.sink('pacf:a}0')
    wire.send([netns.frame(i, flow=i % 64) for i in range(1000)], pps=5000)
    engine.quiet(1000)
    wire.channels(4)
    time.sleep(2)
    base = engine.received()
    need(base == 1000, 'received %d of 1000' % base)
    wire.send([netns.frame(i, flow=i % 64) for i in range(2000)], pps=5000)
    stats = engine.quiet()
    need(stats['counters']['received_pkts'] == base + 2000,
         'of 2000 packets on 4 queues %d came' % (stats['counters']['received_pkts'] - base))
    need(sink.stop()['packets'] == base + 2000, 'read')


if __name__ == '__main__':
    sys.exit(live.main(globals(), __doc__))
