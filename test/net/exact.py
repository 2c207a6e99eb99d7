#!/usr/bin/env python3
"""What comes in by a live interface goes out whole: each packet once, byte for byte, to the right channel.

usage: exact.py TYPE [CASE ...]   TYPE: afpacket, afxdp
"""
import collections
import sys

import netns
import captures
from daemon import check_ledger
from netns import Skipped, frame, need, number_of, until
from wire import frames_mixed

TYPE = sys.argv[1] if len(sys.argv) > 1 else ''
N = 4


def engine(lab, wire, name='e', more='', channels='', kind=TYPE):
    lab.daemon.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname='%s'%s} %s pkteng.start{engine='%s'}"
                   % (name, kind, name, wire.near, more, channels, name))


def sinks(lab, n, engine_name='e', stem='part', action='SAMPLE'):
    return ' '.join("pkteng.open_channel{engine='%s', channel='pcap:%s', action='%s'}"
                    % (engine_name, lab.path('%s%d.pcap' % (stem, i)), action) for i in range(n))


def received(lab, name='e'):
    return lab.daemon.stats(name)['counters']['received_pkts']


def lost(lab, name='e'):
    return sum(link[k] for link in lab.daemon.stats(name)['links']
               for k in ('source_drop_pkts', 'no_frame_pkts', 'oversize_pkts'))


def send(lab, wire, sent, names='e', step=500):
    """No faster than it is read: what a ring can't hold is lost, and that is not what is asked here."""
    for at in range(0, len(sent), step):
        wire.send(sent[at:at + step])
        until('%d packets' % (at + step), lambda: sum(received(lab, n) + lost(lab, n) for n in names)
              >= min(at + step, len(sent)))


def finish(lab, count, name='e'):
    """All are there; the engine stops."""
    until('%d packets, not %d, %d lost' % (count, received(lab, name), lost(lab, name)),
          lambda: received(lab, name) + lost(lab, name) >= count)
    need(lost(lab, name) == 0, 'lost %d: %s' % (lost(lab, name), lab.daemon.stats(name)['links']))
    lab.daemon.lua("pkteng.stop{engine='%s'}" % name)
    need(received(lab, name) == count, 'received %d of %d' % (received(lab, name), count))
    check_ledger(lab.daemon.stats(name))


def same_frames(got, sent, what):
    a, b = collections.Counter(got), collections.Counter(sent)
    need(a == b, '%s: %d are missing, %d are too many' % (what, sum((b - a).values()), sum((a - b).values())))


def sample(lab, sent=None, count=4000, **args):
    wire = lab.wire(**args)
    lab.start()
    lab.needs(TYPE)
    engine(lab, wire, channels=sinks(lab, N))
    sent = sent or frames_mixed(count, wire.mtu + 14)
    send(lab, wire, sent)
    finish(lab, len(sent))
    parts = [lab.sunk('part%d.pcap' % i) for i in range(N)]
    same_frames([data for part in parts for data in part], sent, 'union of the channels')
    need(all(parts), 'a channel got nothing')
    owner = {}
    for i, part in enumerate(parts):
        last = {}
        for data in part:
            flow, number = number_of(data)
            need(owner.setdefault(flow, i) == i, 'flow %d is torn' % flow)
            if wire.queues == 1:
                need(last.get(flow, -1) < number, 'flow %d: %d after %d' % (flow, number, last.get(flow, -1)))
            last[flow] = number


def case_sample(lab):
    sample(lab)


def case_queues(lab):
    sample(lab, queues=4)


def case_jumbo(lab):
    sample(lab, mtu=9000)


def case_tags_not_offloaded(lab):
    sample(lab, offload={'rxvlan': 'off'})


def case_tags_offloaded(lab):
    sample(lab, offload={'rxvlan': 'on'})


def case_copy(lab):
    wire = lab.wire()
    lab.start()
    lab.needs(TYPE)
    engine(lab, wire, channels=sinks(lab, 3, action='COPY'))
    sent = frames_mixed(3000, 1514)
    send(lab, wire, sent)
    finish(lab, len(sent))
    for i in range(3):
        need(lab.sunk('part%d.pcap' % i) == sent, 'copy %d is not what was sent, in order' % i)


def case_map(lab):
    """The same packets from a file go to the same channels."""
    wire = lab.wire()
    lab.start()
    lab.needs(TYPE)
    lab.daemon.lua('pacf.hash_key(12345)')
    engine(lab, wire, channels=sinks(lab, N))
    sent = frames_mixed(2000, 1514)
    captures.write_capture(lab.path('sent.pcap'), 1, [captures.Packet(i * 1000, len(d), d) for i, d in enumerate(sent)])
    send(lab, wire, sent)
    finish(lab, len(sent))
    lab.daemon.lua("pkteng.new{name='f', type='pcap'} pkteng.link{engine='f', ifname='%s'} %s pkteng.start{engine='f'} "
                   "pkteng.wait{engine='f', timeout=20} pkteng.stop{engine='f'}"
                   % (lab.path('sent.pcap'), sinks(lab, N, 'f', 'file')))
    for i in range(N):
        need(lab.sunk('part%d.pcap' % i) == lab.sunk('file%d.pcap' % i), 'channel %d of the two differs' % i)


def case_applications(lab):
    """Consumers of shared memory: two share, one has everything."""
    wire = lab.wire(queues=2)
    lab.start()
    lab.needs(TYPE)
    engine(lab, wire, channels="pkteng.open_channel{engine='e', channel='a{0'} pkteng.open_channel{engine='e', "
           "channel='a{1'} pkteng.open_channel{engine='e', channel='a{2', action='COPY'}")
    dumps = [lab.consumer('pacf:a}%d' % i) for i in range(3)]
    sent = frames_mixed(3000, 1514)
    send(lab, wire, sent)
    until('all', lambda: received(lab) == len(sent))
    whole = dumps[2].wait_for(len(sent))
    same_frames(whole, sent, 'copy')
    same_frames(dumps[0].stop() + dumps[1].stop(), sent, 'union')


def case_stamps(lab):
    """Time stamps are those of arrival: between before and after, and never back within a queue."""
    wire = lab.wire()
    lab.start()
    lab.needs(TYPE)
    engine(lab, wire, channels=sinks(lab, 1))
    before = netns.time.time_ns()
    wire.send([frame(i) for i in range(200)], pps=2000)
    finish(lab, 200)
    after = netns.time.time_ns()
    stamps = [p.ts_ns for p in captures.read_capture(lab.path('part0.pcap'))[1]]
    need(before <= stamps[0] and stamps[-1] <= after, 'stamps outside of %d..%d: %s' % (before, after, stamps[:3]))
    need(stamps == sorted(stamps), 'a stamp goes back')
    need(len(set(stamps)) > 150, 'only %d different stamps' % len(set(stamps)))


def case_two_engines(lab):
    """Two engines on one interface share its packets, or its queues."""
    wire = lab.wire(queues=2)
    lab.start()
    lab.needs(TYPE)
    for i, name in enumerate('ef'):
        more = ', qid=%d' % i if TYPE == 'afxdp' else ''
        engine(lab, wire, name, more, sinks(lab, 2, name, name))
    sent = frames_mixed(3000, 1514)
    send(lab, wire, sent, 'ef')
    shares = [received(lab, name) for name in 'ef']
    lab.daemon.lua("pkteng.stop{engine='e'} pkteng.stop{engine='f'}")
    same_frames([d for name in 'ef' for i in range(2) for d in lab.sunk('%s%d.pcap' % (name, i))], sent, 'union')
    need(TYPE == 'afxdp' or min(shares) > 0, 'one engine got everything')


def case_qid(lab):
    """Only what comes in by that queue."""
    wire = lab.wire(queues=2)
    lab.start()
    lab.needs(TYPE)
    for i, name in enumerate('ef'):
        engine(lab, wire, name, ', qid=%d' % i, sinks(lab, 1, name, name))
    sent = frames_mixed(2000, 1514)
    send(lab, wire, sent, 'ef')
    lab.daemon.lua("pkteng.stop{engine='e'} pkteng.stop{engine='f'}")
    same_frames(lab.sunk('e0.pcap') + lab.sunk('f0.pcap'), sent, 'both queues')


def case_unknown(lab):
    lab.start()
    lab.needs(TYPE)
    said = lab.daemon.refused("pkteng.new{name='e', type='%s'} pkteng.link{engine='e', ifname='nosuch0'}" % TYPE)
    need('nosuch0' in said, said)


def case_losses(lab):
    """The daemon stands still while more comes than the ring holds: the kernel drops, and that is counted."""
    if TYPE != 'afpacket':
        raise Skipped('the ring of %s is tested elsewhere' % TYPE)
    wire = lab.wire(mtu=9000)
    lab.start()
    engine(lab, wire, channels=sinks(lab, 1))
    netns.os.kill(lab.daemon.process.pid, netns.signal.SIGSTOP)
    sent = 12000
    wire.send([frame(i, 9000) for i in range(sent)])
    netns.os.kill(lab.daemon.process.pid, netns.signal.SIGCONT)
    until('everything is counted', lambda: received(lab) + lost(lab) == sent)
    need(0 < lost(lab) < sent, 'lost %d of %d' % (lost(lab), sent))
    lab.daemon.lua("pkteng.stop{engine='e'}")
    need(len(lab.sunk('part0.pcap')) + lost(lab) == sent, 'what was delivered and lost')


if __name__ == '__main__':
    sys.exit(__doc__ if TYPE == '' else netns.main(globals(), __doc__, sys.argv[2:]))
