#!/usr/bin/env python3
"""The packets of a flow come in the order in which they were sent, each once, whatever queue and interface
they came in on.

usage: live_order.py TYPE [CASE ...]        TYPE: of the engine, afpacket or afxdp
"""
import os
import sys
import threading

import live
import netns
from daemon import dropped, need, until

FLOWS = 200


def check(engine, sinks, sent, copies=()):
    """All that was sent, in order; copies: names of the COPY channels."""
    stats = engine.quiet(sent)
    need(stats['counters']['received_pkts'] == sent,
         'received %d of %d: %s' % (stats['counters']['received_pkts'], sent, stats['links']))
    need(all(dropped(c) == 0 for c in stats['channels']), 'dropped: %s' % stats['channels'])
    said = {name: sink.stop() for name, sink in sinks.items()}
    for name, one in said.items():
        need(one['inversions'] == one['missing'] == one['others'] == 0, '%s: %s' % (name, one))
    need(sum(one['packets'] for name, one in said.items() if name not in copies) == sent, 'samples: %s' % said)
    need(all(said[name]['packets'] == sent for name in copies), 'copies: %s' % said)
    need(sum(one['flows'] for name, one in said.items() if name not in copies) == FLOWS, 'flows torn: %s' % said)


CHANNELS = [('s0', 'SAMPLE'), ('s1', 'SAMPLE'), ('s2', 'SAMPLE'), ('c', 'COPY')]


def rig(lab, kind, interfaces):
    wires_of = [lab.wire(queues=4) for _ in range(interfaces)]
    engine = live.Engine(lab, kind, wires_of, CHANNELS, size=32768, preexec=live.first_in_line)
    return wires_of, engine, {name: lab.sink('pacf:%s}0' % name, FLOWS) for name in engine.channels}


def case_queues(lab, kind):
    """Flows over four queues."""
    (wire,), engine, sinks = rig(lab, kind, 1)
    count = 20000
    wire.send([netns.frame(i // FLOWS, 60, i % FLOWS) for i in range(count)], pps=20000)
    queues = sum(k.startswith('rx_queue_') and k.endswith('_xdp_packets') for k in wire.statistics())
    need(queues in (0, 4), 'the flows came in on %d queues' % queues)
    check(engine, sinks, count, ['c'])


def case_interfaces(lab, kind):
    """Two interfaces at once, each with its flows, over four queues each."""
    wires_of, engine, sinks = rig(lab, kind, 2)
    count, half = 20000, FLOWS // 2

    def send(k):
        wires_of[k].send([netns.frame(i // half, 60, k * half + i % half) for i in range(count)], pps=10000)
    threads = [threading.Thread(target=send, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(engine, sinks, 2 * count, ['c'])


def case_taps(lab, kind):
    """The two taps of a line: the packets of each flow come in on one interface and the other in turn, 50 us
    and more apart."""
    wires_of, engine, sinks = rig(lab, kind, 2)
    count = 10000
    frames = [netns.frame(i // FLOWS, 60, i % FLOWS) for i in range(count)]
    for i, data in enumerate(frames):
        wires_of[(i // FLOWS + i) % 2].send([data])
        if i % 20 == 19:
            threading.Event().wait(0.001)
    check(engine, sinks, count, ['c'])


def case_fast(lab, kind):
    """As many as the generator makes: some are lost, none is out of order.  It stays on one CPU: elsewhere it
    would send into another queue, which a card does not do to a flow."""
    wire = lab.wire(queues=2, offload={'gro': 'on'})
    engine = live.Engine(lab, kind, [wire], CHANNELS, size=4096)
    sinks = {name: lab.sink('pacf:%s}0' % name, FLOWS) for name in engine.channels}
    sent = netns.Generator(wire, seconds=2, flows=FLOWS, cpu=max(os.sched_getaffinity(0))).wait()['sent']
    stats = engine.quiet(sent)
    need(stats['counters']['received_pkts'] + engine.lost_before(stats) == sent, 'sent %d: %s' % (sent, stats))
    for name, sink in sinks.items():
        said, c = sink.stop(), engine.channel(name, stats)
        need(said['inversions'] == said['others'] == 0, '%s: %s' % (name, said))
        need(said['packets'] == c['delivered_pkts'], '%s: read %s, delivered %s' % (name, said, c))


if __name__ == '__main__':
    sys.exit(live.main(globals(), __doc__))
