#!/usr/bin/env python3
"""The harness itself: a wire of netns.py loses, adds and alters nothing.  tcpdump looks, pacf has no part in it.

usage: wire.py [CASE ...]
"""
import collections
import sys
import threading

import netns
import wires
from netns import frame, need, number_of

TPIDS = (0x8100, 0x88a8, 0x9100)


def frames_mixed(count, most):
    """Sizes from the smallest to `most`, 0 to 4 tags of each kind."""
    frames = []
    for i in range(count):
        tags = tuple((TPIDS[(i // 5 + k) % 3], (i * 37 + k * 4097) & 0xffff) for k in range(i % 5))
        frames.append(frame(i, 60 + i * 131 % (most - 59), flow=i % 50, tags=tags))
    return frames


def same(lab, count=3000, pps=0, **args):
    wire = lab.wire(**args)
    # A frame's tags count as data of the interface, except for the first.
    frames = frames_mixed(count, wire.mtu + 14)
    dump = lab.dump(wire.near)
    need(wire.send(frames, pps) == count, 'not all were sent')
    got = dump.wait_for(count)
    need(len(got) == count, '%d packets of %d arrived: %s' % (len(got), count, wire.statistics()))
    if wire.queues == 1:
        need(got == frames, 'in order and unaltered')
    need(collections.Counter(got) == collections.Counter(frames), 'unaltered')
    need([number_of(data) for data in frames] == [(i % 50, i) for i in range(count)], 'flow and number')


def case_same(lab):
    same(lab)


def case_queues(lab):
    same(lab, queues=4)


def case_jumbo(lab):
    same(lab, mtu=9000)


def case_paced(lab):
    same(lab, count=2000, pps=2000)


def case_quiet(lab):
    """Nothing is on a wire on which nobody sends: no IPv6, no ARP."""
    wire = lab.wire(queues=2)
    dump = lab.dump(wire.near)
    threading.Event().wait(2)
    got = dump.stop()
    need(got == [], 'noise on the wire: %s' % [p.hex() for p in got])


def case_generator(lab):
    """livegen's packets arrive, each once, in the order of their flow."""
    wire = lab.wire(offload={'gro': 'on'})
    dump = lab.dump(wire.near)
    for first, flows, size, count in ((0, 100, 64, 20000), (200, 40000, 1500, 20000)):
        said = netns.Generator(wire, packets=count, pps=40000, flows=flows, size=size, first=first).wait()
        need(said['sent'] == said['made'] == count, '%s' % said)
    got = dump.wait_for(40000)
    want = [frame(i // 100, 64, i % 100) for i in range(20000)] + [frame(200, 1500, i) for i in range(20000)]
    need(len(got) == len(want), '%d packets of %d arrived: %s' % (len(got), len(want), wire.statistics()))
    need(collections.Counter(got) == collections.Counter(want), 'each once')
    for _, numbers in numbers_by_flow(got[:20000]).items():
        need(numbers == list(range(200)), 'numbers of a flow: %s' % numbers)


def numbers_by_flow(packets):
    flows = collections.defaultdict(list)
    for data in packets:
        flow, number = number_of(data)
        flows[flow].append(number)
    return flows


def case_sink(lab):
    """livesink finds what is out of order, missing or foreign."""
    numbers = [0, 1, 2, 4, 3, 5, 8, 8]  # 3 missing when 4 comes, then late; 6 and 7 missing; 8 twice
    frames = [frame(n, flow=7, tags=((0x8100, 1),) * (n % 3)) for n in numbers]
    frames += [frame(n, flow=9) for n in range(5)] + [b'\2' * 12 + b'\x88\xb5' + bytes(46)] * 3
    frames += [frame(0, flow=10)]  # it is told of ten: 0 to 9
    path = lab.path('in.pcap')
    netns.captures.write_capture(path, 1, [netns.captures.Packet(10**18 + i, len(f), f) for i, f in enumerate(frames)])
    lab.start()
    lab.daemon.lua("pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s'}"
                   "pkteng.open_channel{engine='e', channel='s{0'} pkteng.start{engine='e'}" % path)
    said = lab.sink('pacf:s}0', flows=10).wait()
    want = {'packets': 17, 'inversions': 2, 'missing': 3, 'others': 4, 'flows': 2, 'lost': 0}
    need({k: said[k] for k in want} == want, '%s is not %s' % (said, want))
    lab.daemon.lua("pkteng.delete{engine='e'}")


def case_life(lab):
    """What a test does to an interface is done to it."""
    wire = lab.wire(queues=4)
    wire.down()
    need(wires.face(wire.near)['operstate'] == 'DOWN', 'down')
    wire.up()
    wire.channels(2)
    said = wires.run('ethtool', '-l', wire.near)
    need('RX:\t\t2' in said.split('Current')[1], said)
    wire.delete()
    need(wire.near not in wires.run('ip', 'link'), 'deleted')
    wire.create()
    wire.down()
    wire.rename('other0')
    wire.up()
    dump = lab.dump(wire.near)
    wire.send([frame(i) for i in range(100)])
    need(len(dump.wait_for(100)) == 100, 'after all of that')


if __name__ == '__main__':
    sys.exit(netns.main(globals(), __doc__))
