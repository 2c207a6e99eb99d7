#!/usr/bin/env python3
"""Several engines on live interfaces: the four of scripts/startup.lua, two that feed the same applications, and
those that find their type themselves.

usage: live_engines.py TYPE [CASE ...]        TYPE: of the engines, afpacket or afxdp
"""
import os
import sys
import threading

import live
import netns
from daemon import Failed, check_ledger, need, until

FLOWS, COUNT = 120, 12000


def said_of(sinks, sent):
    """What the sinks of SAMPLE channels say at their end: together what was sent, each flow whole, in order."""
    said = [sink.stop() for sink in sinks]
    need(sum(one['packets'] for one in said) == sent, 'sent %d: %s' % (sent, said))
    need(all(one['inversions'] == one['missing'] == one['others'] == 0 for one in said), 'not in order: %s' % said)
    need(sum(one['flows'] for one in said) == FLOWS, 'flows torn: %s' % said)
    need(all(one['packets'] > 0 for one in said), 'one got nothing: %s' % said)


def all_in(lab, names, sent):
    def received():
        stats = [lab.daemon.stats(name) for name in names]
        for one in stats:
            check_ledger(one)
        return sum(one['counters']['received_pkts'] for one in stats)
    try:
        until('%d packets' % sent, lambda: received() >= sent)
    except Failed as wrong:
        raise Failed('%s; %d came: %s' % (wrong, received(), [lab.daemon.stats(name)['links'] for name in names])) from None
    need(received() == sent, 'received %d of %d' % (received(), sent))
    until('all is read', lambda: all(c['waiting'] == 0 for name in names for c in lab.daemon.stats(name)['channels']))


def case_four(lab, kind):
    """setup4: an engine for each of four queues, each on its CPU, and four applications."""
    wire = lab.wire(queues=4)
    lab.start(preexec=live.first_in_line)
    lab.needs(kind)
    cpus = [i % (os.cpu_count() or 1) for i in range(4)]
    lab.daemon.lua("dofile('%s/scripts/startup.lua') setup4('%s', '%s', {%s}) start()" %
                   (os.environ['SRC'], kind, wire.near, ', '.join(map(str, cpus))))
    sinks = [lab.sink('pacf:capture}%d' % i, FLOWS) for i in range(4)]
    wire.send([netns.frame(i // FLOWS, 80, i % FLOWS) for i in range(COUNT)], pps=20000)
    names = ['e%d' % i for i in range(4)]
    all_in(lab, names, COUNT)
    # To packet sockets veth tells the queue that the sender's end chose, one less by their way of counting.
    idle = [name for name in names if lab.daemon.stats(name)['counters']['received_pkts'] == 0]
    need(idle == [] or (kind == 'afpacket' and idle == ['e3']), 'received nothing: %s' % idle)
    for name, cpu in zip(names, cpus):
        stats = lab.daemon.stats(name)
        need(stats['cpu'] == stats['cpu_actual'] == cpu, '%s is on %s, not %d' % (name, stats.get('cpu_actual'), cpu))
        need('node ' in stats['memory'], 'memory: %s' % stats['memory'])
    said_of(sinks, COUNT)
    lab.daemon.lua('teardown()')


def case_two_taps(lab, kind):
    """Two engines, each with a tap of one line, feed the same four applications: packets of a flow come by one and
    the other in turn, 50 us and more apart, and the library puts them in order: as long as neither is late by more
    than 1 ms, so one attempt of three must do."""
    for attempt in range(3):
        try:
            return two_taps(lab, kind)
        except Failed as wrong:
            if attempt == 2 or 'not in order' not in str(wrong):
                raise
            print('once more: %s' % wrong)
            lab.daemon.close()


def two_taps(lab, kind):
    taps = [lab.wire() for _ in range(2)]
    lab.start(preexec=live.first_in_line)
    lab.needs(kind)
    for i, wire in enumerate(taps):
        lab.daemon.lua("pkteng.new{name='e%d', type='%s'} pkteng.link{engine='e%d', ifname='%s'}" %
                       (i, kind, i, wire.near) +
                       ''.join(" pkteng.open_channel{engine='e%d', channel='pacf:c{%d', size=16384}" % (i, c)
                               for c in range(4)) + " pkteng.start{engine='e%d'}" % i)
    sinks = [lab.sink('pacf:c}%d' % c, FLOWS) for c in range(4)]
    for i in range(COUNT):
        taps[(i // FLOWS + i) % 2].send([netns.frame(i // FLOWS, 80, i % FLOWS)])
        if i % 20 == 19:
            threading.Event().wait(0.001)
    all_in(lab, ['e0', 'e1'], COUNT)
    said_of(sinks, COUNT)


def case_auto(lab, kind):
    """veth has native XDP, the loopback only the emulated one, which does not go before a packet socket."""
    wire = lab.wire()
    lab.start()
    lab.needs(kind)
    lab.daemon.lua("pkteng.new{name='v', type='auto'} pkteng.link{engine='v', ifname='%s'}"
                   " pkteng.new{name='l', type='auto'} pkteng.link{engine='l', ifname='lo'}"
                   " pkteng.open_channel{engine='v', channel='pacf:v{0'} pkteng.start{engine='v'}" % wire.near)
    rows = lab.daemon.stats('v')['auto']
    afxdp = next(row for row in rows if row['type'] == 'afxdp')
    need(rows[0]['type'] == ('afxdp' if afxdp['usable'] == 'yes' else 'afpacket'), 'veth: %s' % rows)
    need(rows[0]['type'] == lab.daemon.stats('v')['type'] and rows[0]['got'], 'veth: %s' % rows)
    need(afxdp['usable'] == 'yes' or kind != 'afxdp', 'afxdp works, and auto says not: %s' % afxdp)
    netmap = next(row for row in rows if row['type'] == 'netmap')
    need(netmap['usable'] == 'no' and netmap['why'], 'netmap: %s' % netmap)
    rows = lab.daemon.stats('l')['auto']
    need(rows[0]['type'] == 'afpacket' and rows[0]['usable'] == 'yes', 'lo: %s' % rows)
    sink = lab.sink('pacf:v}0', FLOWS)
    wire.send([netns.frame(i // FLOWS, 80, i % FLOWS) for i in range(1200)], pps=5000)
    all_in(lab, ['v'], 1200)
    need(sink.stop()['packets'] == 1200, 'not all came')


if __name__ == '__main__':
    sys.exit(live.main(globals(), __doc__))
