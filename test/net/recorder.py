#!/usr/bin/env python3
"""pcap: channels of a live engine and a disk that does not write.

usage: recorder.py [CASE ...]
"""
import os
import sys

import netns
from daemon import check_ledger, need, until
from netns import frame

FRAMES, SIZE = 20000, 200


def case_slow_disk(lab):
    """The engine goes on, the other file loses nothing; what the buffer had no room for is counted by its cause, and
    the rest is written when the disk goes on."""
    wire, gate = lab.wire(), lab.path('gate')
    with open(gate, 'wb'):
        pass
    os.environ.update(LD_PRELOAD=os.environ['SLOWDISK_SO'], SLOWDISK=gate)
    lab.start()
    del os.environ['LD_PRELOAD']
    lab.daemon.lua("pkteng.new{name='e', type='afpacket'} pkteng.link{engine='e', ifname='%s'}" % wire.near)
    for name in ('other', 'slow'):
        lab.daemon.lua("pkteng.open_channel{engine='e', channel='pcap:%s', action='COPY', buffer=1%s}" %
                       (lab.path(name + '-%s.pcap'), ", file_size=1000"))
    lab.daemon.lua("pkteng.start('e')")
    wire.send([frame(i, SIZE) for i in range(FRAMES)], pps=20000)

    def channel(name):
        return [c for c in lab.daemon.stats('e')['channels'] if '/%s-' % name in c['channel']][0]

    def packets(name):
        return [data for path in sorted(os.listdir(lab.folder)) if path.startswith(name + '-') for data in lab.sunk(path)]
    until('all is received', lambda: channel('other')['received_pkts'] == FRAMES)
    until('all is written', lambda: channel('other')['waiting'] == 0)
    stats = lab.daemon.stats('e')
    check_ledger(stats)
    need(stats['state'] == 'running' and stats['links'][0]['source_drop_pkts'] == 0, 'the engine: %s' % stats)
    need(packets('other') == [frame(i, SIZE) for i in range(FRAMES)], 'the other file')
    slow = channel('slow')
    need(slow['drop_disk_slow_pkts'] > FRAMES // 2 and slow['waiting'] == slow['delivered_pkts'] > 1000, 'slow: %s' % slow)
    os.unlink(gate)
    until('it is written', lambda: channel('slow')['waiting'] == 0)
    slow = channel('slow')
    need(packets('slow') == [frame(i, SIZE) for i in range(slow['delivered_pkts'])], 'the slow file')
    need(slow['delivered_pkts'] + slow['drop_disk_slow_pkts'] == FRAMES, 'counted: %s' % slow)
    lab.daemon.lua("pkteng.stop('e')")
    check_ledger(lab.daemon.stats('e'))


sys.exit(netns.main(globals(), __doc__))
