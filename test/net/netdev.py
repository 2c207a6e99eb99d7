#!/usr/bin/env python3
"""Channels netdev:IFNAME: what goes out of an interface is what came in, and what can't is counted.

usage: netdev.py [CASE ...]

PACF, LIVE: the programs.  Works in network namespaces of its own; skips (77) without the right to make them.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import captures
import wires
from daemon import Daemon, Failed, channel_of, check_ledger, need, until

ETHERNET, RAW_IP, PPP = 1, 101, 9


def frame(number, size, tags=()):
    """size: all bytes.  Each is another one; of 16 senders."""
    head = bytes.fromhex('0200000001020200000001') + bytes([number % 16])
    for tpid, tci in tags:
        head += struct.pack('>HH', tpid, tci)
    head += struct.pack('>HI', 0x88b5, number)
    return head + bytes((number + i) % 251 for i in range(size - len(head)))


def packets(frames, step_ns=0):
    return [captures.Packet(10**18 + i * step_ns, len(f), f) for i, f in enumerate(frames)]


def frames_mixed(n):
    """Sizes up to what the MTU allows, and tags of each kind."""
    tags = ((), ((0x8100, 5),), ((0x88a8, 0xe007), (0x8100, 0x1fff)), ((0x9100, 1),) * 3)
    return [frame(i, 60 + i * 37 % 1455 if i % 4 == 0 else 60 + i * 37 % 1400, tags[i % 4]) for i in range(n)]


class Bench:
    """A daemon, a cable from `out` to `far`, captures."""

    def __init__(self, folder):
        self.folder = folder
        self.ns = wires.Far()
        wires.cable('out', 'far', self.ns)
        self.daemon = Daemon(folder)
        self.count = 0

    def capture(self, name, list_of, linktype=ETHERNET):
        path = os.path.join(self.folder, name)
        captures.write_capture(path, linktype, list_of)
        return path

    def engine(self, capture, channel, kind='mem', more='', **args):
        self.count += 1
        name = 'e%d' % self.count
        text = ''.join(", %s=%s" % (k, v if isinstance(v, int) else "'%s'" % v) for k, v in args.items())
        self.daemon.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname='%s'%s}"
                        "pkteng.open_channel{engine='%s', channel='%s', action='COPY'%s}" %
                        (name, kind, name, capture, more, name, channel, text))
        return name

    def start(self, name):
        self.daemon.lua("pkteng.start{engine='%s'}" % name)

    def finish(self, name, channel):
        """The channel's figures at the end."""
        need(self.daemon.lua("return pkteng.wait{engine='%s', timeout=30}" % name), 'no end')
        stats = self.daemon.stats(name)
        check_ledger(stats)
        self.daemon.lua("pkteng.delete{engine='%s'}" % name)
        return channel_of(stats, channel)

    def channel(self, name, channel):
        return channel_of(self.daemon.stats(name), channel)

    def close(self):
        self.daemon.kill()
        self.ns.close()


def send(bench, frames, **args):
    """Through an engine to the other end; what tcpdump got there, and the channel's figures."""
    name = bench.engine(bench.capture('in.pcap', packets(frames)), 'netdev:out', **args)
    expect = args.pop('expect', len(frames))
    path = os.path.join(bench.folder, 'got.pcap')
    dump = wires.Tcpdump('far', path, bench.ns, expect)
    bench.start(name)
    channel = bench.finish(name, 'netdev:out')
    dump.wait()
    return [p.data for p in captures.read_capture(path)[1]], channel


def case_bytes(bench):
    frames = frames_mixed(5000)
    got, c = send(bench, frames)
    need(got == frames, '%d packets of %d, not the same' % (len(got), len(frames)))
    need(c['delivered_pkts'] == len(frames) and c['drop_sink_error_pkts'] == 0, 'figures: %s' % c)
    need(c['delivered_bytes'] == sum(map(len, frames)), 'bytes: %s' % c)
    need(c['kind'] == 'netdev' and c['state'] == 'up', 'state: %s' % c)


def case_snaplen(bench):
    frames = frames_mixed(300)
    got, c = send(bench, frames, snaplen=64)
    need(got == [f[:64] for f in frames], 'not the first 64 bytes')
    need(c['delivered_bytes'] == sum(min(len(f), 64) for f in frames), 'bytes: %s' % c)


def case_too_long(bench):
    """Between those that fit, in each place of a burst; a runt has not even a header."""
    good = [i % 3 == 0 for i in range(900)]
    frames = [frame(i, 100 if g else 1519 if i % 3 == 1 else 6000)
              for i, g in enumerate(good)]
    frames[1] = b'\0' * 8
    fit = [f for f, g in zip(frames, good) if g]
    bench.capture('in.pcap', packets(frames))
    name = bench.engine(os.path.join(bench.folder, 'in.pcap'), 'netdev:out')
    path = os.path.join(bench.folder, 'got.pcap')
    dump = wires.Tcpdump('far', path, bench.ns, len(fit))
    bench.start(name)
    c = bench.finish(name, 'netdev:out')
    dump.wait()
    got = [p.data for p in captures.read_capture(path)[1]]
    need(got == fit, 'those that fit did not all arrive: %d of %d' % (len(got), len(fit)))
    need(c['delivered_pkts'] == len(fit), 'delivered: %s' % c)
    need(c['delivered_bytes'] == sum(map(len, fit)), 'bytes of others were counted: %s' % c)
    need(c['drop_sink_error_pkts'] == len(frames) - len(fit), 'drops: %s' % c)


def received(bench):
    return wires.face('far', bench.ns)['stats64']['rx']['packets']


def resumes(bench, name, what, base):
    """Packets arrive at the other end again; how long that took."""
    start = time.monotonic()
    until(what, lambda: received(bench) > base, 2)
    seconds = time.monotonic() - start
    until('state up', lambda: bench.channel(name, 'netdev:out')['state'] == 'up', 2)
    print('%s: packets after %.2f s' % (what, seconds))


def lost(bench, name, state):
    """The channel says so, counts losses, and delivers nothing meanwhile."""
    until('state ' + state, lambda: bench.channel(name, 'netdev:out')['state'] == state, 2)
    before = bench.channel(name, 'netdev:out')
    until('losses are counted', lambda: bench.channel(name, 'netdev:out')['drop_sink_error_pkts'] >
          before['drop_sink_error_pkts'] + 20, 5)
    after = bench.channel(name, 'netdev:out')
    need(after['delivered_pkts'] == before['delivered_pkts'], '%s, but delivered: %s' % (state, after))
    check_ledger(bench.daemon.stats(name))


def case_life(bench):
    capture = bench.capture('loop.pcap', packets([frame(i, 200) for i in range(100)], 2 * 10**6))
    name = bench.engine(capture, 'netdev:out', 'pcap', ', speed=1, loop=true')
    bench.start(name)
    resumes(bench, name, 'start', received(bench))
    for _ in range(3):
        wires.run('ip', 'link', 'set', 'out', 'down')
        lost(bench, name, 'down')
        base = received(bench)
        wires.run('ip', 'link', 'set', 'out', 'up')
        resumes(bench, name, 'down and up', base)
    for _ in range(3):
        wires.run('ip', 'link', 'delete', 'out')
        lost(bench, name, 'gone')
        wires.cable('out', 'far', bench.ns)
        resumes(bench, name, 'deleted and made again', 0)
    wires.run('ip', 'link', 'set', 'out', 'name', 'other')
    resumes(bench, name, 'renamed', received(bench))
    wires.run('ip', 'link', 'set', 'other', 'name', 'out')
    # Another kind of interface by that name: nothing is sent into it, and it is said.
    wires.run('ip', 'link', 'delete', 'out')
    tun = wires.Tun('out', wires.Tun.TUN)
    until('it says why', lambda: 'IP packets' in bench.channel(name, 'netdev:out').get('note', ''), 3)
    need(tun.read(0.3) is None, 'Ethernet frames into a tun')
    tun.close()
    wires.cable('out', 'far', bench.ns)
    resumes(bench, name, 'an Ethernet interface again', 0)
    bench.daemon.lua("pkteng.stop{engine='%s'}" % name)
    check_ledger(bench.daemon.stats(name))
    bench.daemon.lua("pkteng.delete{engine='%s'}" % name)


def case_running(bench):
    """Opened and closed while the engine runs."""
    capture = bench.capture('loop.pcap', packets([frame(i, 200) for i in range(100)], 2 * 10**6))
    name = bench.engine(capture, 'netdev:out', 'pcap', ', speed=1, loop=true')
    bench.daemon.lua("pkteng.close_channel{engine='%s', channel='netdev:out'} pkteng.start{engine='%s'}" %
                     (name, name))
    bench.daemon.lua("pkteng.open_channel{engine='%s', channel='netdev:out', action='COPY'}" % name)
    resumes(bench, name, 'opened while running', received(bench))
    why = bench.daemon.refused("pkteng.open_channel{engine='%s', channel='netdev:nil0', action='COPY'}" % name)
    need('netdev:nil0' in why and 'ip link' in why, why)
    wires.run('ip', 'link', 'set', 'out', 'down')
    lost(bench, name, 'down')
    wires.run('ip', 'link', 'set', 'out', 'up')
    bench.daemon.lua("pkteng.delete{engine='%s'}" % name)


def refusal(bench, capture, channel):
    name = bench.engine(capture, channel)
    why = bench.daemon.refused("pkteng.start{engine='%s'}" % name)
    bench.daemon.lua("pkteng.delete{engine='%s'}" % name)
    return why


def case_full(bench):
    """A queue that is full: counted, and the engine goes on; what was taken arrives."""
    try:
        wires.run('tc', 'qdisc', 'add', 'dev', 'out', 'root', 'tbf', 'rate', '8mbit', 'burst', '4k', 'limit', '20k')
    except (RuntimeError, FileNotFoundError) as error:
        print('full: no queue that fills up: not tested: %s' % error)
        return
    base = received(bench)
    name = bench.engine(bench.capture('in.pcap', packets([frame(i, 1000) for i in range(3000)])), 'netdev:out')
    start = time.monotonic()
    bench.start(name)
    c = bench.finish(name, 'netdev:out')
    need(time.monotonic() - start < 2, 'the engine waited')  # 3000 of them take 3 s
    need(c['drop_sink_error_pkts'] > 0 and c['delivered_pkts'] > 20, 'figures: %s' % c)
    until('what was taken arrives', lambda: received(bench) - base >= c['delivered_pkts'], 5)
    need(received(bench) - base == c['delivered_pkts'], 'more than was delivered')
    wires.run('tc', 'qdisc', 'delete', 'dev', 'out', 'root')


def case_kinds(bench):
    """Ethernet to Ethernet, IP to tun, nothing else."""
    ip = bytes.fromhex('4500001c00010000401100000a0000010a000002000100020008') + b'\0\0'
    raw = bench.capture('raw.pcap', packets([ip] * 3), RAW_IP)
    ether = bench.capture('ether.pcap', packets([frame(1, 60)]))
    tun, tap = wires.Tun('tun', wires.Tun.TUN), wires.Tun('tap', wires.Tun.TAP)
    why = refusal(bench, raw, 'netdev:out')
    need('netdev:out' in why and 'Ethernet' in why and 'link type 101' in why, why)
    why = refusal(bench, ether, 'netdev:tun')
    need('netdev:tun' in why and 'IP packets' in why, why)
    why = refusal(bench, ether, 'netdev:nil0')
    need('"nil0"' in why and 'ip link' in why, why)
    why = refusal(bench, bench.capture('ppp.pcap', packets([ip]), PPP), 'netdev:tun')
    need('netdev:tun' in why, why)
    for channel, capture, device, want in (('netdev:tun', raw, tun, ip), ('netdev:tap', ether, tap, frame(1, 60))):
        name = bench.engine(capture, channel)
        bench.start(name)
        c = bench.finish(name, channel)
        need(c['drop_sink_error_pkts'] == 0, '%s' % c)
        need(device.read() == want, 'another packet in ' + channel)
    tun.close()
    tap.close()


SENDER = """import socket, sys, time
sys.path.insert(0, sys.argv[1])
import captures
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.bind(("sender", 0))
for p in captures.read_capture(sys.argv[2])[1]:
    s.send(p.data)
    time.sleep(0.0001)
"""


def case_live(bench):
    """From an interface to two others, flow by flow: each packet leaves by one, as it came, and in order."""
    wires.cable('in', 'sender', bench.ns)
    wires.cable('out2', 'far2', bench.ns)
    frames = frames_mixed(2000)
    sent = bench.capture('in.pcap', packets(frames))
    bench.daemon.lua("pkteng.new{name='live', type='afpacket'} pkteng.link{engine='live', ifname='in'}"
                     "pkteng.open_channel{engine='live', channel='netdev:out'}"
                     "pkteng.open_channel{engine='live', channel='netdev:out2'} pkteng.start{engine='live'}")
    paths = [os.path.join(bench.folder, name) for name in ('a.pcap', 'b.pcap')]
    dumps = [wires.Tcpdump(name, path, bench.ns, len(frames)) for name, path in zip(('far', 'far2'), paths)]
    wires.run(sys.executable, '-c', SENDER, os.path.join(HERE, '..', 'sys'), sent, ns=bench.ns)
    until('all are through', lambda: sum(c['delivered_pkts'] for c in bench.daemon.stats('live')['channels']) ==
          len(frames), 5)
    check_ledger(bench.daemon.stats('live'))
    bench.daemon.lua("pkteng.delete{engine='live'}")

    def read():
        return [[p.data for p in captures.read_capture(path)[1]] for path in paths]
    until('tcpdump has written all', lambda: sum(map(len, read())) >= len(frames), 5)
    for dump in dumps:
        dump.kill()
    got = read()
    need(min(map(len, got)) > 100, 'not split: %d and %d' % (len(got[0]), len(got[1])))
    need(sorted(got[0] + got[1]) == sorted(frames), '%d and %d of %d' % (len(got[0]), len(got[1]), len(frames)))
    order = {f: i for i, f in enumerate(frames)}
    need(all(part == sorted(part, key=order.get) for part in got), 'out of order')


def case_loop(bench):
    """Not out of the interface that the engine reads, whichever name is used for it."""
    wires.run('ip', 'link', 'property', 'add', 'dev', 'out', 'altname', 'outwards')
    for ifname, channel, allowed in (('out', 'netdev:out', False), ('out', 'netdev:outwards', False),
                                     ('lo', 'netdev:out', True)):
        done = subprocess.run([os.environ['LIVE'], 'loop', ifname, channel], check=False, capture_output=True,
                              text=True)
        need(done.returncode == 0, done.stderr)
        refused = [line.split(': ')[0] for line in done.stdout.splitlines()
                   if channel in line and 'reads "%s"' % ifname in line]
        need(refused == ([] if allowed else ['start', 'open']), '%s reads %s: %s' % (channel, ifname, done.stdout))


def case_rights(bench):
    """Without CAP_NET_RAW: a sentence that names it."""
    if shutil.which('setpriv') is None:
        print('rights: there is no setpriv: not tested')
        return
    ether = bench.capture('ether.pcap', packets([frame(1, 60)]))
    done = subprocess.run(
        ['setpriv', '--bounding-set=-all', '--inh-caps=-all', os.environ['PACF'], '-e',
         "pkteng.new{name='e', type='mem'} pkteng.link{engine='e', ifname='%s'}"
         "pkteng.open_channel{engine='e', channel='netdev:out'} pkteng.start('e')" % ether],
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    need(done.returncode == 1 and 'CAP_NET_RAW' in done.stderr, 'exit %d: %s' % (done.returncode, done.stderr))


CASES = {name[5:]: body for name, body in sorted(globals().items()) if name.startswith('case_')}


def main():
    wires.enter()
    folder = tempfile.mkdtemp(prefix='pacf-netdev-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    bench = None
    try:
        bench = Bench(folder)
        for name in sys.argv[1:] or CASES:
            CASES[name](bench)
            print('%s: ok' % name)
        bench.daemon.close()
        return 0
    except Failed as failure:
        print('FAILED: %s\n%s' % (failure, bench.daemon.last_words() if bench else ''))
        return 1
    finally:
        if bench is not None:
            bench.close()
        shutil.rmtree(folder)


if __name__ == '__main__':
    sys.exit(main())
