#!/usr/bin/env python3
"""A live capture that is killed leaves nothing behind; one whose applications stand still goes on.

usage: live_kill.py TYPE [CASE ...]        TYPE: of the engine, afpacket or afxdp
"""
import glob
import json
import os
import re
import subprocess
import sys
import time

import live
import netns
import wires
from daemon import dropped, need, stop_process, until

# Of the kernel's log: what no capture may cause.
TROUBLE = re.compile(r'WARNING:|BUG:|Oops|refcount|unregister_netdevice|general protection|stall|leak|hung')


def kernel_log():
    done = subprocess.run(['dmesg'], check=False, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def kernel_trouble(before):
    known = set(before)
    return [line for line in kernel_log() if line not in known and TROUBLE.search(line)]


def mapped(pids):
    """Shared memory of those that still run."""
    found = []
    for pid in pids:
        for path in glob.glob('/proc/%d/maps' % pid):
            try:
                with open(path, encoding='utf-8', errors='replace') as f:
                    found += [line.split()[-2:] for line in f if 'memfd:' in line]
            except FileNotFoundError:
                continue
    return found


def left_behind(wire):
    """What there is still of a capture, as a text; '' is nothing."""
    link = json.loads(wires.run('ip', '-d', '-j', 'link', 'show', 'dev', wire.near))[0]
    left = []
    if 'xdp' in link:
        left.append('an XDP program: %s' % link['xdp'])
    if link.get('promiscuity', 0) != 0 or 'PROMISC' in link['flags']:
        left.append('promiscuous mode: %s' % link)
    with open('/proc/net/packet', encoding='ascii') as f:
        sockets = f.read().splitlines()[1:]
    if sockets:
        left.append('packet sockets: %s' % sockets)
    # 44: AF_XDP; tools that are too old to show them say nothing.
    shown = subprocess.run(['ss', '-H', '-n', '--xdp'], check=False, capture_output=True, text=True)
    if shown.returncode == 0 and shown.stdout.strip():
        left.append('AF_XDP sockets: ' + shown.stdout.strip())
    return '; '.join(left)


def gone_within(seconds, look):
    """'' when look() says so within the time, else what it said last; and how long that took."""
    start, left = time.monotonic(), look()
    while left and time.monotonic() < start + seconds:
        time.sleep(0.02)
        left = look()
    return left, time.monotonic() - start


def case_kill(lab, kind):
    """kill -9 under traffic, again and again; the next start needs no help."""
    wire = lab.wire(queues=2, offload={'gro': 'on'})
    log = kernel_log()
    live.Engine(lab, kind, [wire], [('a', 'SAMPLE')])
    need(left_behind(wire) != '', 'a capture that runs is not to be seen: this test sees nothing')
    lab.daemon.close()
    need(left_behind(wire) == '', 'a clean end leaves ' + left_behind(wire))
    generator, worst = netns.Generator(wire, pps=50000), [0, 0]
    for i in range(200 if live.SOAK else 10):
        engine = live.Engine(lab, kind, [wire], [('a', 'SAMPLE'), ('b', 'SAMPLE'), ('c', 'COPY')])
        sinks = [lab.sink('pacf:%s}0' % name) for name in engine.channels]
        until('packets', lambda: engine.channel('c')['delivered_pkts'] > 500, 5)
        pids = [sink.pid for sink in sinks] + [lab.daemon.process.pid]
        time.sleep(0.003 * i % 0.1)
        lab.daemon.kill()
        left, took = gone_within(1, lambda: left_behind(wire))
        need(left == '', 'round %d leaves, after 1 s, %s' % (i, left))
        # The applications' share goes when they have seen it, for which they must have had their turn.
        held, more = gone_within(5, lambda: mapped(pids))
        need(not held, 'round %d leaves, after %.1f s, shared memory: %s' % (i, took + more, held))
        worst = [max(worst[0], took), max(worst[1], took + more)]
        for sink in sinks:
            need(sink.wait(5)['packets'] > 0, 'an application without packets')
        lab.sinks.clear()
    generator.stop()
    print('%s, killed %d times: nothing left after %.2f s at worst, no shared memory after %.2f s' % (kind, i + 1, *worst))
    need(not kernel_trouble(log), 'the kernel says: %s' % kernel_trouble(log))
    lab.daemon = None


def case_stopped(lab, kind):
    """All applications stand still under load: receiving goes on, every packet is accounted for, and no
    buffer is lost: each time the rings are full again."""
    size, channels = 4096, [('a', 'SAMPLE'), ('b', 'SAMPLE'), ('c', 'COPY'), ('d', 'COPY')]
    wire = lab.wire(queues=2, offload={'gro': 'on'})
    engine = live.Engine(lab, kind, [wire], channels, size=size)
    sinks = [lab.sink('pacf:%s}0' % name) for name in engine.channels]
    sent = 0
    for _ in range(3):
        for sink in sinks:
            stop_process(sink.pid)
        generator = netns.Generator(wire, pps=300000)
        for second in range(10 if live.SOAK else 2):
            before = engine.stats()
            time.sleep(1)
            after = engine.stats()
            rate = after['counters']['received_pkts'] - before['counters']['received_pkts']
            need(rate > 30000, 'second %d: only %d packets received' % (second, rate))
        sent += generator.stop()['sent']
        stats = engine.stats()
        for c in stats['channels']:
            need(c['waiting'] == size, 'a full ring of %d holds %d: %s' % (size, c['waiting'], c))
            need(c['drop_ring_full_pkts'] > 0, 'nothing dropped: %s' % c)
        for sink in sinks:
            sink.process.send_signal(netns.signal.SIGCONT)
        stats = engine.quiet(sent)
        need(stats['counters']['received_pkts'] + engine.lost_before(stats) == sent,
             'sent %d, received %d, lost before %s' % (sent, stats['counters']['received_pkts'], stats['links']))
    lost = engine.lost_before()
    print('%s: sent %d, lost before the engine %d' % (kind, sent, lost))
    before = engine.stats()
    more = netns.Generator(wire, packets=20000, pps=20000).wait()['sent']
    stats = engine.quiet(sent + more)
    need(engine.lost_before(stats) == lost, 'it goes on losing: %s' % stats['links'])
    for c, b in zip(stats['channels'], before['channels']):
        need(dropped(c) == dropped(b), 'dropped after it went on: %s' % c)
    for sink, c in zip(sinks, stats['channels']):
        need(sink.stop()['packets'] == c['delivered_pkts'], 'delivered is not what was read: %s' % c)


if __name__ == '__main__':
    sys.exit(live.main(globals(), __doc__))
