#!/usr/bin/env python3
"""Engines of type afpacket: what packet sockets have of their own.  exact.py and live_*.py test what each type must do.

usage: afpacket.py [CASE ...]
"""
import os
import re
import socket
import sys
import time

import netns
import wires
from daemon import check_ledger, need, until
from exact import received, lost, same_frames, sinks
from netns import Skipped, frame


def engine(lab, ifname, name='e', more='', channels=1):
    lab.daemon.lua("pkteng.new{name='%s', type='afpacket'} pkteng.link{engine='%s', ifname='%s'%s} %s"
                   "pkteng.start{engine='%s'}" % (name, name, ifname, more, sinks(lab, channels, name, name), name))


def link(lab, name='e'):
    return lab.daemon.stats(name)['links'][0]


def settled(lab, names='e'):
    """Nothing has come for longer than a packet can be on its way."""
    def count():
        return [received(lab, name) + lost(lab, name) for name in names]
    before, since = count(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.05)
        now = count()
        if now != before:
            before, since = now, time.monotonic()
    return sum(before)


def stop(lab, names='e'):
    for name in names:
        lab.daemon.lua("pkteng.stop{engine='%s'}" % name)
        check_ledger(lab.daemon.stats(name))


def case_outgoing(lab):
    """What the host sends by the interface is not captured: by one engine, nor by two that share it."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    out = wires.packet_socket(wire.near)
    for names in 'e', 'ef':
        if names == 'ef':
            engine(lab, wire.near, 'f')
        for i in range(200):
            out.send(frame(i, flow=i))
        wire.send([frame(i, flow=i) for i in range(300)], pps=20000)
        want = 300 * len(names)
        until('%d packets' % want, lambda: sum(received(lab, n) for n in names) >= want)
        need(settled(lab, names) == want, '%d packets, not %d' % (settled(lab, names), want))
    stop(lab, 'ef')
    out.close()


def case_loopback(lab):
    """A packet of the loopback is captured once, up to the largest that there is."""
    wires.run('ip', 'link', 'set', 'lo', 'up')
    lab.start()
    for name in 'ef':
        engine(lab, 'lo', name)
        until('up', lambda: link(lab, name)['state'] == 'up')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', 9))
        sent = [bytes([65 + i % 26]) * (1 + i * 655) for i in range(100)]
        for data in sent:
            try:
                s.send(data)
            except ConnectionRefusedError:
                s.send(data)  # the last one's
    udp = []

    def look():
        return settled(lab, 'ef') >= 200
    until('all', look)
    stop(lab, 'ef')
    for name in 'ef':
        udp += [d[42:] for d in lab.sunk(name + '0.pcap') if d[12:14] == b'\x08\x00' and d[23] == 17]
    same_frames(udp, sent, 'datagrams')


def away_and_back(lab, wire):
    """With the index that it had."""
    wires.run('ip', 'link', 'set', wire.near, 'netns', str(wire.ns.pid))
    wires.run('ip', 'link', 'set', wire.near, 'netns', str(os.getpid()), ns=wire.ns)
    wires.quiet(wire.near)
    wires.run('ip', 'link', 'set', wire.near, 'arp', 'off', 'multicast', 'off')
    wire.up()


def case_away_and_back(lab):
    """An interface that was in another namespace comes back with the same index: not even that says it is new."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    index = wires.face(wire.near)['ifindex']
    for i in range(3):
        away_and_back(lab, wire)
        need(wires.face(wire.near)['ifindex'] == index, 'this kernel gives it another index')
        base = received(lab)
        until('up again', lambda: link(lab)['state'] == 'up', 2)
        wire.send([frame(n) for n in range(100)], pps=5000)
        until('packets after it came back', lambda: received(lab) == base + 100, 2)
    stop(lab)


if __name__ == '__main__':
    sys.exit(netns.main(globals(), __doc__))
