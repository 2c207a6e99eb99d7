#!/usr/bin/env python3
"""What is AF_XDP's own: the ways to get packets and what is said of them, programs of others, tags of the card,
losses, queues and interfaces that come and go.  What all live engines do is in exact.py and live_*.py.

usage: afxdp.py [CASE ...]
"""
import collections
import ctypes
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import live
import netns
import wires
import captures
from daemon import check_ledger
from netns import Skipped, frame, need, until

# The cheapest XDP program: return XDP_PASS.
FOREIGN = '__attribute__((section("xdp"), used)) int stranger(void *c) { return 2; } ' \
    'char l[] __attribute__((section("license"), used)) = "GPL";'
PR_CAPBSET_DROP, CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_BPF, CAP_LAST = 24, 12, 13, 14, 39, 40


def link(lab, wire, name='e', more='', kind='afxdp'):
    lab.daemon.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname='%s'%s} "
                   "pkteng.open_channel{engine='%s', channel='pcap:%s'}"
                   % (name, kind, name, wire.near, more, name, lab.path(name + '.pcap')))


def run(lab, wire, name='e', more='', kind='afxdp'):
    link(lab, wire, name, more, kind)
    lab.daemon.lua("pkteng.start{engine='%s'}" % name)


def begin(lab, **args):
    wire = lab.wire(**args)
    lab.start()
    lab.needs('afxdp')
    return wire


def stop(lab, name='e'):
    lab.daemon.lua("pkteng.stop{engine='%s'}" % name)


def of(lab, name='e'):
    return lab.daemon.stats(name)['links'][0]


def received(lab, name='e'):
    stats = lab.daemon.stats(name)
    check_ledger(stats)
    return stats['counters']['received_pkts']


def comes(lab, wire, count=1000, sunk='e.pcap', frames=None):
    """What is sent comes, all of it; the engine is stopped."""
    frames = frames or [frame(i, 60 + i % 1400, i % 50) for i in range(count)]
    base = received(lab)
    for at in range(0, len(frames), 500):
        wire.send(frames[at:at + 500])
        until('%d packets: %s' % (base + at, of(lab)),
              lambda: received(lab) >= base + min(at + 500, len(frames)), 10)
    stop(lab)
    got = lab.sunk(sunk)[base:]
    a, b = collections.Counter(got), collections.Counter(frames)
    need(a == b, '%d are missing, %d are too many' % (sum((b - a).values()), sum((a - b).values())))


def engine_of(lab, ifname, kind='afxdp'):
    """What pacf doctor says of type afxdp there."""
    found = lab.daemon.lua("return pkteng.doctor{ifname='%s'}.engines" % ifname)
    return next(e for e in found if e['type'] == kind)


def program(wire):
    """The XDP program on it, as `ip` shows it."""
    return wires.face(wire.near).get('xdp', {})


def foreign(lab, wire, mode='xdpdrv'):
    path = lab.path('stranger.o')
    if shutil.which('clang') is None:
        raise Skipped('there is no clang')
    subprocess.run(['clang', '-target', 'bpf', '-O2', '-x', 'c', '-c', '-', '-o', path], input=FOREIGN, text=True,
                   check=True)
    try:
        wires.run('ip', 'link', 'set', 'dev', wire.near, mode, 'obj', path, 'sec', 'xdp')
    except RuntimeError as error:
        raise Skipped('ip cannot attach a program: %s' % error) from None
    return program(wire)['prog']['id']


def case_native(lab):
    """What veth gives, and why not more."""
    wire = begin(lab, queues=2)
    run(lab, wire)
    until('a mode', lambda: of(lab).get('mode'))
    need(of(lab)['mode'].startswith('native copy, 2 queues'), of(lab))
    need('zero-copy' in of(lab)['note'] and 'Invalid' not in of(lab)['note'], of(lab))
    need(program(wire)['mode'] == 1, program(wire))
    comes(lab, wire)
    need(program(wire) == {}, 'the program stays: %s' % program(wire))


def case_generic(lab):
    wire = begin(lab, queues=2)
    run(lab, wire, more=", mode='generic'")
    until('a mode', lambda: of(lab).get('mode'))
    need(of(lab)['mode'].startswith('generic, 2 queues'), of(lab))
    need(program(wire)['mode'] == 2, program(wire))
    comes(lab, wire)


def case_generic_parts(lab):
    wire = begin(lab, mtu=9000)
    run(lab, wire, more=", mode='generic'")
    until('a mode', lambda: of(lab).get('mode'))
    need('in parts' in of(lab)['mode'], of(lab))
    comes(lab, wire, frames=[frame(i, 60 + i * 17 % 8950, i % 50) for i in range(1500)])


def case_tap(lab):
    """Another driver: of tap interfaces, with and without packets of several buffers."""
    lab.start()
    lab.needs('afxdp')
    tap = wires.Tun('tap7', wires.Tun.TAP)
    tap.near = 'tap7'
    for mtu in (1500, 9000):
        wires.run('ip', 'link', 'set', 'tap7', 'mtu', str(mtu))
        run(lab, tap, 'e%d' % mtu)
        sent = [frame(i, 60 + i * 17 % (mtu - 50), i % 50) for i in range(1500)]
        for at in range(0, len(sent), 100):
            for data in sent[at:at + 100]:
                os.write(tap.fd, data)
            until('packets', lambda: received(lab, 'e%d' % mtu) == at + 100, 5)
        need(of(lab, 'e%d' % mtu)['mode'].startswith('native copy, 1 queue'), of(lab, 'e%d' % mtu))
        stop(lab, 'e%d' % mtu)
        need(of(lab, 'e%d' % mtu)['super_pkts'] == 0, 'none is longer than the MTU')
        need(lab.sunk('e%d.pcap' % mtu) == sent, 'not as it was sent, MTU %d' % mtu)
    tap.close()


def case_super(lab):
    """Longer than the MTU, as of GRO: whole, and counted.  A tap interface lets them in as they are."""
    lab.start()
    lab.needs('afxdp')
    tap = wires.Tun('tap7', wires.Tun.TAP)
    tap.near = 'tap7'
    wires.run('ip', 'link', 'set', 'tap7', 'mtu', '9000')
    run(lab, tap)
    tags = ((0x8100, 1), (0x88a8, 2))
    sent = [frame(i, size, tags=tags) for i, size in enumerate((9022, 9023, 20000, 60000) * 5)]
    for data in sent:
        os.write(tap.fd, data)
    until('all: %s' % of(lab), lambda: received(lab) == len(sent), 5)
    need(of(lab)['super_pkts'] == 15, of(lab))
    stop(lab)
    need(lab.sunk('e.pcap') == sent, 'not as they were sent')
    tap.close()


def segments(count):
    """TCP segments of one connection that follow on each other, which GRO joins."""
    made = []
    for i in range(count):
        data = bytes((i + k) & 0xff for k in range(1000))
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40 + len(data), 1 + i, 0x4000, 64, 6, 0, bytes((10, 0, 0, 1)),
                         bytes((10, 0, 0, 2)))
        tcp = struct.pack('>HHIIBBHHH', 1024, 9, 1 + i * len(data), 1, 0x50, 0x10, 1000, 0, 0)
        pseudo = ip[12:] + struct.pack('>HH', 6, len(tcp) + len(data))
        ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
        tcp = tcp[:16] + struct.pack('>H', checksum(pseudo + tcp + data)) + tcp[18:]
        made.append(bytes.fromhex('0200000001020200000001010800') + ip + tcp + data)
    return made


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def case_gro(lab):
    """GRO joins what a packet socket gets; AF_XDP has packets before it, and a generic program switches it off."""
    wire = begin(lab, offload={'gro': 'on'})
    with open('/sys/class/net/%s/gro_flush_timeout' % wire.near, 'w', encoding='ascii') as f:
        f.write('2000000')  # it waits for more, 2 ms
    wires.run('ethtool', '-K', wire.far, 'tso', 'off', ns=wire.ns)  # with it veth leaves GRO out
    run(lab, wire, 'p', kind='afpacket')
    wire.send(segments(500))
    until('packets', lambda: received(lab, 'p') > 0)
    need('gro is on' in of(lab, 'p')['note'], of(lab, 'p'))
    until('packets that are joined', lambda: of(lab, 'p')['super_pkts'] > 0, 5)
    stop(lab, 'p')
    for name, mode in (('native', ''), ('generic', ", mode='generic'")):
        run(lab, wire, name, mode)
        until('a mode', lambda: of(lab, name).get('mode'))
        need('gro' not in of(lab, name)['note'], of(lab, name))
        wire.send(segments(500))
        until('all', lambda: received(lab, name) == 500, 5)
        stop(lab, name)
        need(lab.sunk(name + '.pcap') == segments(500), mode)
        need(of(lab, name)['super_pkts'] == 0, of(lab, name))


def case_no_zerocopy(lab):
    """Asked for what there is not: refused, with what there is; nothing stays."""
    wire = begin(lab)
    link(lab, wire, more=", mode='zerocopy'")
    said = lab.daemon.refused("pkteng.start{engine='e'}")
    need('zero-copy' in said and wire.near in said and 'Invalid' not in said, said)
    need(program(wire) == {}, program(wire))


def case_no_native(lab):
    """A bridge has no driver that knows XDP."""
    wire = begin(lab)
    wires.run('ip', 'link', 'add', 'bridge7', 'type', 'bridge')
    wires.quiet('bridge7')
    for command in (wire.near, 'master', 'bridge7'), ('bridge7', 'up'):
        wires.run('ip', 'link', 'set', *command)
    found = engine_of(lab, 'bridge7')
    need(found['usable'] and found['got'] == 'generic, 1 queue' and 'no XDP program' in found['why'], found)
    code = "pkteng.new{name='%s', type='afxdp'} pkteng.link{engine='%s', ifname='bridge7'%s} pkteng.start{engine='%s'}"
    said = lab.daemon.refused(code % ('a', 'a', ", mode='native'", 'a'))
    need('bridge7' in said and 'driver' in said, said)
    lab.daemon.lua(code % ('b', 'b', '', 'b'))
    until('a mode', lambda: of(lab, 'b').get('mode'))
    need(of(lab, 'b')['mode'].startswith('generic') and 'not native' in of(lab, 'b')['note'], of(lab, 'b'))


def case_two_ways(lab):
    """The program of an interface is one: a second engine cannot have it another way."""
    wire = begin(lab, queues=2)
    run(lab, wire, more=', qid=0')
    link(lab, wire, 'f', ", qid=1, mode='generic'")
    said = lab.daemon.refused("pkteng.start{engine='f'}")
    need('native' in said and 'generic' in said, said)
    link(lab, wire, 'g', ', qid=0')
    said = lab.daemon.refused("pkteng.start{engine='g'}")
    need('queue 0' in said, said)
    need(program(wire)['mode'] == 1, 'the first has lost its program: %s' % program(wire))


def case_busy_poll(lab):
    wire = begin(lab)
    run(lab, wire, more=', busy_poll=true')
    until('a mode', lambda: of(lab).get('mode'))
    need('busy poll' in of(lab)['mode'], of(lab))
    comes(lab, wire)


def case_foreign(lab):
    """A program of somebody else is named and stays, whatever way it is attached."""
    wire = begin(lab)
    link(lab, wire)
    for mode in ('xdpdrv', 'xdpgeneric'):
        ident = foreign(lab, wire, mode)
        said = lab.daemon.refused("pkteng.start{engine='e'}")
        need('stranger' in said and str(ident) in said and wire.near in said, said)
        need(program(wire)['prog']['id'] == ident, 'it is another now: %s' % program(wire))
        found = engine_of(lab, wire.near)
        need(not found['usable'] and 'stranger' in found['why'], found)
        wires.run('ip', 'link', 'set', 'dev', wire.near, mode, 'off')
    lab.daemon.lua("pkteng.start{engine='e'}")
    comes(lab, wire)


def case_another_pacf(lab):
    """A second daemon is told who has it."""
    wire = begin(lab)
    run(lab, wire)
    other = netns.Lab(os.path.join(lab.folder, 'other'))
    os.mkdir(other.folder)
    try:
        other.start()
        link(other, wire)
        said = other.daemon.refused("pkteng.start{engine='e'}")
        need('another pacf' in said and wire.near in said, said)
    finally:
        other.close()
    comes(lab, wire)


def case_looks_only(lab):
    """To say what would work does not touch the interface: the kernel reports no change of it."""
    wire = begin(lab)
    watch = subprocess.Popen(['ip', 'monitor', 'link'], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        found = engine_of(lab, wire.near)
        lab.daemon.lua("pkteng.new{name='x', type='auto'} pkteng.link{engine='x', ifname='%s'}" % wire.near)
        time.sleep(0.3)
    finally:
        watch.terminate()
        heard = watch.communicate()[0]
    need(wire.near not in heard, 'the kernel reports: ' + heard)
    need(found['usable'] and found['got'] == 'native copy, 1 queue', found)
    need('zero-copy' in found['why'], found)
    lab.daemon.lua("pkteng.start{engine='x'}")
    need(wires.run('ip', '-d', 'link', 'show', wire.near).count('prog/xdp') == 1, 'type auto did not take afxdp')


def case_promiscuous(lab):
    """A card would give nothing that is not for this host."""
    wire = begin(lab)
    asked = lambda: int(wires.run('ip', '-d', 'link', 'show', wire.near).split('promiscuity ')[1].split()[0])
    need(asked() == 0, 'before')
    run(lab, wire)
    need(asked() == 1, 'while it runs')
    stop(lab)
    need(asked() == 0, 'after')


TAGGER = """#define SEC(x) __attribute__((section(x), used))
struct skb { unsigned len; };
static long (*push)(void *, unsigned short, unsigned short) = (void *)18; /* bpf_skb_vlan_push */
SEC("tc") int tagger(struct skb *s) { push(s, s->len & 1 ? 0xa888 : 0x0081, 0xafff ^ s->len); return 0; }
char l[] SEC("license") = "GPL";"""


def tags_beside(lab, wire):
    """The far end gives each packet a tag, but beside the packet, as a card does that has taken it out.  Frames,
    and what they are to become."""
    path = lab.path('tagger.o')
    if shutil.which('clang') is None or shutil.which('tc') is None:
        raise Skipped('there is no clang, or no tc')
    subprocess.run(['clang', '-target', 'bpf', '-O2', '-x', 'c', '-c', '-', '-o', path], input=TAGGER, text=True,
                   check=True)
    try:
        wires.run('tc', 'qdisc', 'add', 'dev', wire.far, 'clsact', ns=wire.ns)
        wires.run('tc', 'filter', 'add', 'dev', wire.far, 'egress', 'bpf', 'direct-action', 'obj', path, 'sec', 'tc',
                  ns=wire.ns)
    except RuntimeError as error:
        raise Skipped('no filter of tc can be had: %s' % error) from None
    given, whole = [], []
    for i in range(200):
        inner = ((0x8100, 7),) if i % 3 == 0 else ()
        data = frame(i, 64 + i, i % 7, inner)
        tag = struct.pack('>HH', 0x88a8 if len(data) & 1 else 0x8100, 0xafff ^ len(data))
        given.append(data)
        whole.append(data[:12] + tag + data[12:])
    return given, whole


def case_card_tags(lab):
    """Tags beside the packet come back where they were; the card's own word for them is what tells."""
    wire = begin(lab)
    given, whole = tags_beside(lab, wire)
    run(lab, wire)
    until('a mode', lambda: of(lab).get('mode'))
    need('tag' not in of(lab)['note'], of(lab))
    wire.send(given)
    until('all', lambda: received(lab) == len(given))
    stop(lab)
    got = lab.sunk('e.pcap')
    need(got == whole, '%d are not what they were; %s is to be %s' % (
        sum(a != b for a, b in zip(got, whole)), got[0].hex(), whole[0].hex()))


def case_tags_lost(lab):
    """In generic mode nothing tells of them: they are missing, and the note says so."""
    wire = begin(lab)
    given, _ = tags_beside(lab, wire)
    run(lab, wire, more=", mode='generic'")
    wire.send(given)
    until('all', lambda: received(lab) == len(given))
    need('lack their outer VLAN tag' in of(lab)['note'], of(lab))
    stop(lab)
    need(lab.sunk('e.pcap') == given, 'not as they are without their tags')


# Puts 24 bytes before the packet, as often as there is room, and sends it out of the far end.
CROWDER = """#define SEC(x) __attribute__((section(x), used))
struct xdp { unsigned data, data_end, data_meta, ifindex, queue, egress; };
static long (*head)(void *, int) = (void *)44; /* bpf_xdp_adjust_head */
static long (*redirect)(unsigned, unsigned long) = (void *)23;
SEC("xdp") int crowder(struct xdp *c)
{
	for (int i = 0; i < 16 && head(c, -24) == 0; i++) {
		unsigned char *p = (void *)(long)c->data;
		if ((void *)(p + 24) > (void *)(long)c->data_end)
			return 1;
		for (int k = 0; k < 24; k++)
			p[k] = k + 2;
	}
	return redirect(IFINDEX, 0);
}
char l[] SEC("license") = "GPL";"""


def case_no_room(lab):
    """Packets with no room before them for what the kernel's program says of them come all the same, and whole; it
    is said whose their stamps are."""
    wire = begin(lab)
    beside = lab.wire(ns=wire.ns)
    path = lab.path('crowder.o')
    if shutil.which('clang') is None:
        raise Skipped('there is no clang')
    subprocess.run(['clang', '-target', 'bpf', '-O2', '-DIFINDEX=%d' % wires.face(wire.far, wire.ns)['ifindex'], '-x',
                    'c', '-c', '-', '-o', path], input=CROWDER, text=True, check=True)
    try:
        wires.run('ip', 'link', 'set', 'dev', beside.far, 'xdpdrv', 'obj', path, 'sec', 'xdp', ns=wire.ns)
    except RuntimeError as error:
        raise Skipped('ip cannot attach a program: %s' % error) from None
    run(lab, wire)
    until('a mode', lambda: of(lab).get('mode'))
    need('stamp' not in of(lab)['note'], of(lab))
    before = time.time_ns()
    frames = [frame(i, 60 + i, i % 7) for i in range(300)]
    sender = wires.packet_socket(beside.near)
    for data in frames:
        sender.send(data)
    until('all of them: %s' % of(lab), lambda: received(lab) == len(frames), 5)
    until('a note: %s' % of(lab), lambda: 'have the time when they were read' in of(lab)['note'], 2)
    stop(lab)
    got = captures.read_capture(lab.path('e.pcap'))[1]
    room = bytes(range(2, 26))
    for packet, data in zip(got, frames):
        times = (len(packet.data) - len(data)) // 24
        need(times > 0 and packet.data == room * times + data, 'not what was sent: %s' % packet.data.hex())
    stamps = [packet.ts_ns for packet in got]
    need(before <= stamps[0] and stamps[-1] <= time.time_ns() and stamps == sorted(stamps), 'stamps: %s' % stamps[:3])


def case_away_and_back(lab):
    """An interface that was in another namespace comes back as it was, its sockets do not, and nobody saw it go."""
    wire = begin(lab, queues=2)
    run(lab, wire)
    wire.send([frame(i, flow=i) for i in range(50)])
    until('packets', lambda: received(lab) == 50, 5)
    index = wires.face(wire.near)['ifindex']
    os.kill(lab.daemon.process.pid, signal.SIGSTOP)
    wire.away_and_back()
    os.kill(lab.daemon.process.pid, signal.SIGCONT)
    need(wires.face(wire.near)['ifindex'] == index, 'this kernel gives it another index')
    base = received(lab)
    def again():
        wire.send([frame(1)])
        return received(lab) > base
    until('packets again: %s' % of(lab), again, 4)
    need(of(lab)['state'] == 'up', of(lab))


def case_losses(lab):
    """The daemon stands still while more comes than its rings hold: what is lost is counted, and soon it has more
    buffers."""
    wire = begin(lab, queues=2, offload={'gro': 'on'})
    run(lab, wire)
    lost, total = [], 0
    while len(lost) < 5 and (not lost or lost[-1] >= lost[0]):
        before = of(lab)['source_drop_pkts']
        os.kill(lab.daemon.process.pid, signal.SIGSTOP)
        total += netns.Generator(wire, packets=20000, pps=20000, cpu=max(os.sched_getaffinity(0))).wait()['sent']
        os.kill(lab.daemon.process.pid, signal.SIGCONT)
        until('all is counted', lambda: received(lab) + of(lab)['source_drop_pkts'] == total)
        lost.append(of(lab)['source_drop_pkts'] - before)
    need(0 < lost[-1] < lost[0] < 20000, 'of 20000 were lost each time: %s' % lost)
    comes(lab, wire)
    need(of(lab)['source_drop_pkts'] == sum(lost), 'it goes on losing')
    print('losses: of 20000 were lost each time: %s' % lost)


def case_stopped_midway(lab):
    """Stopped under traffic, again and again, whole packets and such of several buffers: no frame is missing
    (pacf checks that itself, and would end)."""
    for mtu in (1500, 9000):
        wire = lab.wire(queues=2, mtu=mtu, offload={'gro': 'on'})
        if lab.daemon is None:
            lab.start()
            lab.needs('afxdp')
        name = 'e%d' % mtu
        link(lab, wire, name)
        traffic = netns.Generator(wire, pps=100000) if mtu == 1500 else live.Traffic(wire, size=9000, pps=5000)
        for _ in range(15 if live.SOAK else 6):
            base = received(lab, name)
            lab.daemon.lua("pkteng.start{engine='%s'}" % name)
            until('packets', lambda: received(lab, name) > base + 50, 5)
            stop(lab, name)
        traffic.stop()
        need(program(wire) == {}, program(wire))


def case_stopped_full(lab):
    """What is in the rings when the engine stops is lost, and counted; only the packet that it stands at, and the
    one read ahead, it has neither received nor lost."""
    for mtu, size in ((1500, 100), (9000, 3000)):
        wire = lab.wire(mtu=mtu)
        if lab.daemon is None:
            lab.start()
            lab.needs('afxdp')
        name, sent = 'e%d' % mtu, 8000
        lab.daemon.lua("pkteng.new{name='%s', type='afxdp'} pkteng.link{engine='%s', ifname='%s', batch=1} "
                       "pkteng.open_channel{engine='%s', channel='%s{0', when_detached='wait'} "
                       "pkteng.start{engine='%s'}" % (name, name, wire.near, name, name, name))
        wire.send([frame(i, size) for i in range(sent)])
        until('a loss', lambda: of(lab, name)['source_drop_pkts'] > 1000, 5)
        before = of(lab, name)['source_drop_pkts']
        stop(lab, name)
        seen, lost = received(lab, name), of(lab, name)['source_drop_pkts']
        need(lost - before > 500, 'in the rings were %d, of packets of %d bytes' % (lost - before, size))
        need(0 <= sent - seen - lost <= 2, 'sent %d, received %d, lost %d' % (sent, seen, lost))


def case_starts_down(lab):
    """An interface that is down when the engine starts."""
    wire = begin(lab, up=False)
    wires.run('ip', 'link', 'set', wire.far, 'up', ns=wire.ns)
    run(lab, wire)
    until('down', lambda: of(lab)['state'] == 'down', 2)
    wire.up()
    until('up', lambda: of(lab)['state'] == 'up', 2)
    comes(lab, wire)


def case_renamed_then_queues(lab):
    """It is the same interface, whatever its name, when its queues change and what it has is opened anew."""
    wire = begin(lab, queues=4)
    wire.channels(1)
    run(lab, wire)
    old = wire.near
    wire.rename('other0')
    wire.channels(4)
    until('four queues', lambda: '4 queues' in of(lab).get('mode', ''), 2)
    need(of(lab)['state'] == 'up' and 'other0' in of(lab)['note'], of(lab))
    comes(lab, wire, 2000)
    wire.rename(old)


def case_recreated_larger(lab):
    """Made anew under its name, with another MTU and more queues."""
    wire = begin(lab)
    run(lab, wire)
    need('in parts' not in of(lab).get('mode', ''), of(lab))
    wire.delete()
    until('gone', lambda: of(lab)['state'] == 'gone', 2)
    wire.mtu, wire.queues = 9000, 3
    wire.create()
    until('three queues', lambda: '3 queues' in of(lab).get('mode', ''), 2)
    comes(lab, wire, frames=[frame(i, 60 + i * 17 % 8950, i % 50) for i in range(1500)])


def keep_only(*capabilities):
    """For a process that is to begin: of root's capabilities it keeps these."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(CAP_LAST + 1):
        if capability not in capabilities:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def case_least_rights(lab):
    """Those that the manual names are enough."""
    wire = lab.wire(mtu=9000)
    lab.start(lambda: keep_only(CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_IPC_LOCK))
    lab.needs('afxdp')
    run(lab, wire)
    comes(lab, wire)


def case_no_locked_memory(lab):
    """The memory of the sockets counts as locked."""
    wire = lab.wire()

    def weaken():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
        keep_only(CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF)
    lab.start(weaken)
    lab.needs('afxdp')
    link(lab, wire)
    said = lab.daemon.refused("pkteng.start{engine='e'}")
    need('CAP_IPC_LOCK' in said and 'ulimit -l' in said and wire.near in said, said)
    need(program(wire) == {}, 'a start that failed leaves %s' % program(wire))


def case_no_rights(lab):
    """Without one of them: what is missing, not an error number."""
    wire = lab.wire()
    lab.start(lambda: keep_only(CAP_NET_RAW, CAP_IPC_LOCK))
    lab.needs('afxdp')
    link(lab, wire)
    said = lab.daemon.refused("pkteng.start{engine='e'}")
    need('CAP_BPF' in said and wire.near in said and 'afpacket' in said, said)
    found = engine_of(lab, wire.near)
    need(not found['usable'] and 'CAP_BPF' in found['why'] + found['fix'], found)


if __name__ == '__main__':
    sys.exit(netns.main(globals(), __doc__))
