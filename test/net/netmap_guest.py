#!/usr/bin/env python3
"""Engines and channels of type netmap, with netmap: in the guest of netmap-vm.sh, as root.

usage: netmap-vm.sh python3 test/net/netmap_guest.py [CASE ...]

NETMAP_FULL=1: the long form of killed
"""
import collections
import os
import signal
import subprocess
import sys
import time

import netmap_lab
import netmap_hostile
import netmap_seed
from captures import Capture, Flows, Unreadable
from netmap_lab import (RING, SLOW, capture_write, check_ledger, dropped, frames_read, need, send_raw, typed, until,
                        vale_ports)
from netns import frame, number_of
from daemon import cpu_ns, stop_process


def seed(lab, port, generator, action, count=20000):
    """As in the commissioned document; what pkt-gen has received is what was delivered."""
    pacf = lab.pacf()
    typed(pacf, port, action)
    readers = [lab.reader('%s}%d' % (port, i)) for i in range(4)]
    lab.generate(generator, count, 5000)
    pacf.take(count * 9 // 10)
    stats = pacf.settled()
    received = stats['counters']['received_pkts']
    need(received <= count, 'received %d of %d' % (received, count))
    counts = [r.end() for r in readers]
    delivered = [c['delivered_pkts'] for c in stats['channels']]
    need(counts == delivered, 'read %s, delivered %s' % (counts, delivered))
    need(all(dropped(c) == 0 for c in stats['channels']), 'lost: %s' % stats['channels'])
    if action == 'SAMPLE':
        need(sum(counts) == received, 'read %s of %d' % (counts, received))
        need(max(counts) < 1.3 * received / 4, 'shares: %s of %d' % (counts, received))
    elif action == 'COPY':
        need(counts == 4 * [received], 'read %s of %d' % (counts, received))
    else:
        need(counts == [0, 0, 0, 0] and stats['counters']['drop_rule_pkts'] == received, 'read %s' % counts)


def case_seed(lab):
    vale = lab.vale()
    seed(lab, vale + ':a', vale + ':g', 'SAMPLE')


def case_copy(lab):
    vale = lab.vale()
    seed(lab, vale + ':a', vale + ':g', 'COPY', 5000)


def case_drop(lab):
    vale = lab.vale()
    seed(lab, vale + ':a', vale + ':g', 'DROP', 5000)


def case_emulated(lab):
    lab.veth()
    seed(lab, 'v0', 'v1', 'SAMPLE')
    mode = lab.daemons[0].stats('e0')['links'][0]
    need('emulated' in mode['mode'], 'not said: %s' % mode)


# No torn flow

def trace():
    """The first of the real captures with a few thousand packets; None."""
    shared = os.environ.get('PACF_SHARED') or '../shared'
    for folder, folders, names in os.walk(os.path.join(shared, 'traces')):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                if 3 * 10**5 < os.path.getsize(path) < 5 * 10**6:
                    capture = Capture(path)
                    if capture.linktype == 1 and 1000 < len(capture.packets) < 8000:
                        return [p.data for p in capture.packets if 60 <= len(p.data) <= 9000]
            except (Unreadable, OSError):
                pass
    return None


def generated(lab):
    path = lab.path('generated.pcap')
    netmap_lab.run(os.environ['PACF_GEN'], '--flows', '300', '--packets', '4000', path)
    return frames_read(path)


def through_vale(lab, frames, pps=1000):
    """From a capture by VALE, an engine, pipes and four more engines into files: (what the engine got, parts)"""
    vale = lab.vale()
    split, read, send = lab.pacf(), lab.pacf(), lab.pacf()
    split.lua("pacf.hash_key(4660)")
    split.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s:a'}" % vale)
    for i in range(4):
        split.lua("pkteng.open_channel{engine='e0', channel='netmap:%s:a{%d'}" % (vale, i))
    split.lua("pkteng.open_channel{engine='e0', channel='pcap:%s', action='COPY'} pkteng.start{engine='e0'}"
              % lab.path('all.pcap'))
    for i in range(4):
        read.lua("pkteng.new{name='r%d', type='netmap'} pkteng.link{engine='r%d', ifname='%s:a}%d'} "
                 "pkteng.open_channel{engine='r%d', channel='pcap:%s'} pkteng.start{engine='r%d'}"
                 % (i, i, vale, i, i, lab.path('part%d.pcap' % i), i))
    send.lua("pkteng.new{name='s', type='pcap'} pkteng.link{engine='s', ifname='%s', speed=1} "
             "pkteng.open_channel{engine='s', channel='netmap:%s:src'} pkteng.start{engine='s'} "
             "pkteng.wait{engine='s'}" % (capture_write(lab.path('sent.pcap'), frames, pps), vale),
             SLOW + 2 * len(frames) / pps)
    stats = split.settled()
    for c in stats['channels']:
        need(dropped(c) == 0, 'lost: %s' % c)
    for i in range(4):
        read.take(stats['channels'][i]['delivered_pkts'], 'r%d' % i)
        read.lua("pkteng.stop{engine='r%d'}" % i)
    split.lua("pkteng.stop{engine='e0'}")
    # The same packets from a file, with the same key.
    split.lua("pkteng.new{name='f', type='pcap'} pkteng.link{engine='f', ifname='%s'}" % lab.path('all.pcap'))
    for i in range(4):
        split.lua("pkteng.open_channel{engine='f', channel='pcap:%s'}" % lab.path('file%d.pcap' % i))
    split.lua("pkteng.start{engine='f'} pkteng.wait{engine='f'} pkteng.stop{engine='f'}")
    whole = frames_read(lab.path('all.pcap'))
    parts = [frames_read(lab.path('part%d.pcap' % i)) for i in range(4)]
    need(len(whole) >= len(frames) * 9 // 10, '%d of %d came through VALE' % (len(whole), len(frames)))
    rest = iter(frames)
    need(all(f in rest for f in whole), 'the engine received what was not sent')
    need(collections.Counter(f for p in parts for f in p) == collections.Counter(whole), 'the parts are not the whole')
    for i, part in enumerate(parts):
        need(part == frames_read(lab.path('file%d.pcap' % i)), 'channel %d is another than of type pcap' % i)
    return whole, parts


def owners(parts, name):
    """Nothing of one name is in two parts."""
    owner = {}
    for i, part in enumerate(parts):
        for f in part:
            need(owner.setdefault(name(f), i) == i, 'torn: %s' % (name(f),))
    return owner


def case_flows(lab):
    frames = trace() or generated(lab)
    whole, parts = through_vale(lab, frames)
    names = Flows(Capture(lab.path('all.pcap'))).names
    known = {f: n for f, n in zip(whole, names) if n is not None}
    owners([[f for f in part if f in known] for part in parts], known.get)


def case_sizes(lab):
    """Tagged ones, and of 60 to 9000 bytes: a netmap buffer has 2048."""
    sizes = (60, 61, 1514, 2047, 2048, 2049, 4096, 4097, 9000)
    tags = ((), ((0x8100, 5),), ((0x88a8, 7), (0x8100, 5)))
    frames = [frame(i, sizes[i % len(sizes)], i % 50, tags[i % 3]) for i in range(1500)]
    _, parts = through_vale(lab, frames, 500)
    owners(parts, lambda f: number_of(f)[0])
    need({len(f) for part in parts for f in part} == set(sizes), 'sizes')


# Readers over their life

def case_readers(lab):
    """First, late, killed, stopped: the others lose nothing."""
    vale = lab.vale()
    port, pacf = vale + ':a', lab.pacf()
    good = lab.reader(port + '}0')
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s'}" % port)
    for i in range(4):
        pacf.lua("pkteng.open_channel{engine='e0', channel='netmap:%s{%d'%s}"
                 % (port, i, '' if i < 2 else ', size=64'))
    pacf.lua("pkteng.start{engine='e0'}")
    second = lab.reader(port + '}1')
    killed, stopped = lab.reader(port + '}2'), None
    generator = lab.generator(vale + ':g', rate=4000)

    def channels():
        stats = pacf.stats('e0')
        check_ledger(stats)
        return stats['channels']
    until('a channel without a reader is full', lambda: dropped(channels()[3]) > 0, SLOW)
    late = lab.reader(port + '}3')
    held = dropped(channels()[3])
    at = channels()[3]['delivered_pkts']
    until('the late one reads', lambda: channels()[3]['delivered_pkts'] > at + 3000, SLOW)
    killed.kill()
    until('the killed one loses', lambda: dropped(channels()[2]) > 0, SLOW)
    again = lab.reader(port + '}2')
    at = channels()[2]['delivered_pkts']
    until('there is one again', lambda: channels()[2]['delivered_pkts'] > at + 3000, SLOW)
    stopped = late
    held = dropped(channels()[3])
    stop_process(stopped.process.pid)
    until('the stopped one loses', lambda: dropped(channels()[3]) > held, SLOW)
    stopped.signal(signal.SIGCONT)
    at = channels()[3]['delivered_pkts']
    until('it goes on', lambda: channels()[3]['delivered_pkts'] > at + 2000, SLOW)
    generator.end()
    stats = pacf.settled()
    need([dropped(c) for c in stats['channels'][:2]] == [0, 0], 'the others lost: %s' % stats['channels'])
    counts = [r.end() for r in (good, second, late)]
    delivered = [stats['channels'][i]['delivered_pkts'] for i in (0, 1, 3)]
    need(counts == delivered, 'read %s, delivered %s' % (counts, delivered))
    need(again.end() > 0, 'nothing after the kill')


def numbered(lab, count):
    return capture_write(lab.path('numbered.pcap'), [frame(i, 60, 1) for i in range(count)], 10**6)


def pipe_from_file(lab, count, more):
    vale = lab.vale()
    pacf = lab.pacf()
    pacf.lua("pkteng.new{name='s', type='pcap'} pkteng.link{engine='s', ifname='%s'} "
             "pkteng.open_channel{engine='s', channel='netmap:%s:w{0', %s} pkteng.start{engine='s'}"
             % (numbered(lab, count), vale, more))
    return pacf, vale + ':w}0'


def case_wait(lab):
    """Nothing is lost, and wait() waits until all is read."""
    count = 20000
    pacf, port = pipe_from_file(lab, count, "when_full='wait'")
    need(pacf.lua("return (pkteng.wait{engine='s', timeout=2})") is False, 'it waits for nobody')
    reader = lab.reader(port)
    stop_process(reader.process.pid)
    time.sleep(1)
    reader.signal(signal.SIGCONT)
    need(pacf.lua("return pkteng.wait{engine='s', timeout=80}") is True, 'it never ends')
    channel = pacf.stats('s')['channels'][0]
    need(channel['delivered_pkts'] == count and dropped(channel) == 0, 'lost: %s' % channel)
    need(reader.end() == count, 'read %d of %d' % (reader.count(), count))


def kept(lab, policy):
    """Of 4000 packets and a queue of 64, what a reader gets that comes when all have been sent."""
    pacf, port = pipe_from_file(lab, 4000, "size=64, when_full='%s'" % policy)
    pacf.take(4000, 's')
    read = lab.pacf()
    read.lua("pkteng.new{name='r', type='netmap'} pkteng.link{engine='r', ifname='%s'} pkteng.open_channel{engine='r', "
             "channel='pcap:%s'} pkteng.start{engine='r'}" % (port, lab.path(policy + '.pcap')))
    read.take(RING + 64, 'r')
    stats = pacf.settled('s')
    read.lua("pkteng.stop{engine='r'}")
    numbers = [number_of(f)[1] for f in frames_read(lab.path(policy + '.pcap'))]
    need(numbers[:RING] == list(range(RING)), 'the ring: %s' % numbers[:RING])
    return numbers[RING:], stats['channels'][0]


def case_drop_newest(lab):
    numbers, channel = kept(lab, 'drop')
    need(numbers == list(range(RING, RING + 64)), 'kept %s' % numbers)
    need(channel['drop_ring_full_pkts'] == 4000 - RING - 64 and channel['unread_pkts'] == 0, 'ledger: %s' % channel)


def case_drop_oldest(lab):
    numbers, channel = kept(lab, 'drop_oldest')
    need(numbers == list(range(4000 - 64, 4000)), 'kept %s' % numbers)
    need(channel['drop_ring_full_pkts'] == 0 and channel['unread_pkts'] == 4000 - RING - 64, 'ledger: %s' % channel)


# Ends

def case_killed(lab):
    """Killed at work, again and again: who reads stays, the next one works, no memory is used up."""
    vale, before = lab.vale(), vale_ports()
    lab.veth()
    readers, least = [], []
    for lap in range(50 if os.environ.get('NETMAP_FULL') else 10):
        pacf = lab.pacf()
        typed(pacf, vale + ':a')
        pacf.lua("pkteng.new{name='v', type='netmap'} pkteng.link{engine='v', ifname='v0'} "
                 "pkteng.open_channel{engine='v', channel='netmap:v0{0'} pkteng.start{engine='v'}")
        least.append(pacf.lua("return pkteng.stats{engine='v'}.links[1].mode"))
        if not readers:
            readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(2)] + [lab.reader('v0}0')]
        generator, wire = lab.generator(vale + ':g', rate=20000), lab.generator('v1', rate=5000)
        pacf.take(200)
        pacf.take(200, 'v')
        pacf.kill()
        generator.end()
        wire.end()
        need(all(r.process.poll() is None for r in readers), 'lap %d: a reader is gone' % lap)
    need(len({text.split(', ')[-1] for text in least}) == 1, 'buffers get lost: %s' % least)
    need(all('emulated' in text for text in least), 'said to be native: %s' % least)
    pacf = lab.pacf()
    typed(pacf, vale + ':a')
    lab.generate(vale + ':g', 4000, 4000)
    stats = pacf.settled()
    need([c['waiting'] for c in stats['channels'][:2]] == [0, 0], 'nobody reads: %s' % stats['channels'])
    for r in readers:
        need(r.end() > 0, 'a reader got nothing')
    pacf.close()
    lab.ended()
    until('no port is left: %s' % vale_ports(), lambda: vale_ports() == before)


def case_tcpdump(lab):
    """A channel in shared memory: packets are copied into it."""
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s:a'} "
             "pkteng.open_channel{engine='e0', channel='pacf:n{0', action='COPY', when_detached='wait', when_full='wait'} "
             "pkteng.open_channel{engine='e0', channel='netmap:%s:a{0', action='COPY'} pkteng.start{engine='e0'}"
             % (vale, vale))
    out, count = lab.path('tcpdump.pcap'), 3000
    dump = subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-U', '-i', 'pacf:n}0', '-c', str(count), '-w', out],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    reader = lab.reader(vale + ':a}0')
    frames = [frame(i, 60 + i % 1400, i % 40) for i in range(count)]
    sender = lab.pacf()
    sender.lua("pkteng.new{name='s', type='pcap'} pkteng.link{engine='s', ifname='%s', speed=1} "
               "pkteng.open_channel{engine='s', channel='netmap:%s:src'} pkteng.start{engine='s'} "
               "pkteng.wait{engine='s'}" % (capture_write(lab.path('sent.pcap'), frames, 500), vale))
    try:
        _, error = dump.communicate(timeout=SLOW)
    except subprocess.TimeoutExpired:
        dump.kill()
        need(False, 'tcpdump does not end: %s' % pacf.stats('e0'))
    need(dump.returncode == 0, 'tcpdump: %s' % error)
    need(frames_read(out) == frames, 'tcpdump has other packets')
    pacf.settled()
    need(reader.end() == count, 'the pipe has %d of %d' % (reader.count(), count))


def link_of(pacf):
    return pacf.stats('e0')['links'][0]


def case_life(lab):
    """The interface goes down, up, away, and is made again."""
    lab.veth()
    pacf = lab.pacf()
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0', mode='generic'} "
             "pkteng.open_channel{engine='e0', channel='netmap:v0{0'} pkteng.start{engine='e0'}")
    sent = 0

    def through():
        nonlocal sent
        send_raw('v1', [frame(sent + i, 60) for i in range(100)])
        sent += 100
        pacf.take(sent)
    through()
    netmap_lab.run('ip', 'link', 'set', 'v0', 'down')
    until('down', lambda: link_of(pacf)['state'] == 'down')
    netmap_lab.run('ip', 'link', 'set', 'v0', 'up')
    until('up', lambda: link_of(pacf)['state'] == 'up')
    until('it runs', lambda: open('/sys/class/net/v1/operstate', encoding='ascii').read() == 'up\n')
    through()
    for _ in range(2):
        netmap_lab.run('ip', 'link', 'del', 'v0')
        until('gone', lambda: link_of(pacf)['state'] == 'gone')
        begin = cpu_ns(pacf.process.pid)
        time.sleep(2)
        used = (cpu_ns(pacf.process.pid) - begin) / 2e9
        need(used < 0.5, 'idle without its interface: %.2f of a CPU' % used)
        lab.veth()
        until('up again', lambda: link_of(pacf)['state'] == 'up')
        through()
    check_ledger(pacf.stats('e0'))
    # netmap keeps who polls a port whose interface is down.
    netmap_lab.run('ip', 'link', 'set', 'v0', 'down')
    until('down', lambda: link_of(pacf)['state'] == 'down')
    time.sleep(1)
    pacf.lua("pkteng.stop{engine='e0'}")


def case_sink_down(lab):
    """A channel out of an interface that is down holds nobody up."""
    lab.veth()
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s:a'} "
             "pkteng.open_channel{engine='e0', channel='netmap:v0', action='COPY', size=64} "
             "pkteng.open_channel{engine='e0', channel='netmap:%s:a{0', action='COPY'} pkteng.start{engine='e0'}"
             % (vale, vale))
    reader = lab.reader(vale + ':a}0')
    netmap_lab.run('ip', 'link', 'set', 'v0', 'down')
    lab.generate(vale + ':g', 5000, 5000)
    until('the pipe goes on', lambda: pacf.stats('e0')['channels'][1]['delivered_pkts'] >= 4500, SLOW)
    check_ledger(pacf.stats('e0'))
    pacf.lua("pkteng.stop{engine='e0'}")
    need(reader.end() == pacf.stats('e0')['channels'][1]['delivered_pkts'], 'not all is read')


def case_kept_frames(lab):
    """A reader that has stopped, of a pipe elsewhere, does not keep the interface from going away."""
    lab.veth()
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0', mode='generic'} "
             "pkteng.open_channel{engine='e0', channel='netmap:%s:p{0'} pkteng.start{engine='e0'}" % vale)
    count = RING + 500  # the pipe is full, and some wait
    for at in range(0, count, 100):
        send_raw('v1', [frame(at + i, 60) for i in range(100)])
        pacf.take(min(at + 100, count))
    netmap_lab.run('ip', 'link', 'del', 'v0')
    until('let go of', lambda: link_of(pacf)['state'] == 'gone')
    lab.veth()
    send_raw('v1', [frame(i, 60) for i in range(10)])
    until('read again', lambda: (send_raw('v1', [frame(0, 60)]), pacf.received() > count + 100)[1])
    check_ledger(pacf.stats('e0'))


if __name__ == '__main__':
    sys.exit(netmap_lab.main({**globals(), **vars(netmap_seed), **vars(netmap_hostile)}, __doc__))
