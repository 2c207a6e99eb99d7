"""Live captures under test: a wire, a daemon at its near end, a sender at its far end, and consumers.

main() puts the script into a network namespace of its own (wires.py); each Wire is a veth pair from there to
the namespace of a process that does nothing.  Nothing has a name outside, so that nothing is left behind,
whatever kills the test.  Skips (77) without the right to make namespaces.

	def case_union(lab):
		wire = lab.wire(queues=4)                       # near end: wire.near, far end: wire.far
		lab.start()                                     # lab.daemon: a test/sys/daemon.py Daemon
		lab.daemon.lua("pkteng.new{...} pkteng.link{engine='e', ifname='%s'} ..." % wire.near)
		dump = lab.consumer('pacf:e}0')                 # tcpdump through pacf-run, attached
		wire.send(frames, pps=20000)
		got = dump.wait_for(len(frames))                # [bytes]: what it wrote to its file

	sys.exit(netns.main(globals(), __doc__))

PACF, PACF_RUN: the programs.
"""
import ctypes
import errno
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import captures
import wires
from daemon import Client, Daemon, Failed, need, until

SKIP = wires.SKIP
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Skipped(Exception):
    """Why a case can't run here."""


class inside:
    """with inside(ns): this thread is in the namespace of the Far (None: stays where it is)."""

    def __init__(self, ns):
        self.ns = ns

    def _enter(self, fd):
        if LIBC.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns: ' + os.strerror(ctypes.get_errno()))

    def __enter__(self):
        self.home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        if self.ns is not None:
            fd = os.open('/proc/%d/ns/net' % self.ns.pid, os.O_RDONLY)
            self._enter(fd)
            os.close(fd)

    def __exit__(self, *_):
        self._enter(self.home)
        os.close(self.home)


def frame(number, size=60, flow=0, tags=(), payload=b''):
    """An Ethernet frame of `size` bytes with UDP over IPv4 behind the tags (TPID, TCI); the flow decides the
    source, the payload begins with the number (8 bytes, big-endian)."""
    head = bytes.fromhex('020000000102020000000101')
    for tpid, tci in tags:
        head += struct.pack('>HH', tpid, tci)
    body = struct.pack('>Q', number) + payload
    body += bytes(max(0, size - len(head) - 30 - len(body)))
    ip = struct.pack('>BBHHHBBH4sI', 0x45, 0, 28 + len(body), 0, 0, 64, 17, 0, bytes((10, 0, 0, 1)),
                     0x0a010000 + (flow >> 14))
    total = sum(struct.unpack('>10H', ip))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack('>H', total ^ 0xffff) + ip[12:]
    udp = struct.pack('>HHHH', 1024 + (flow & 0x3fff), 9, 8 + len(body), 0)
    return head + b'\x08\x00' + ip + udp + body


def number_of(data):
    """(flow, number) of a frame made by frame()."""
    at = 12
    while data[at:at + 2] != b'\x08\x00':
        at += 4
    source, flow = struct.unpack_from('>IH', data, at + 18)
    return ((source & 0xffff) << 14) + flow - 1024, struct.unpack_from('>Q', data, at + 30)[0]


class Wire:
    """A veth pair: `near` in the test's namespace, where pacf is, `far` in another.

    queues: of each end, for receiving and sending (the far end's queue that sends is the near end's that
    receives).  offload: {'gro': 'on', ...} of the near end, by the short names of ethtool -K.  No IPv6, no ARP,
    no multicast: what comes in is what send() was given.
    """

    def __init__(self, near='near0', far='far0', ns=None, queues=1, mtu=1500, offload=None, up=True):
        self.near, self.far, self.queues, self.mtu = near, far, queues, mtu
        self.offload = offload or {}
        self.own = ns is None
        self.ns = ns or wires.Far()
        self.socket, self.generators = None, []
        self.create(up)

    def create(self, up=True):
        """Again, after delete()."""
        of = ('mtu', str(self.mtu), 'numrxqueues', str(self.queues), 'numtxqueues', str(self.queues))
        wires.run('ip', 'link', 'add', self.near, *of, 'type', 'veth', 'peer', 'name', self.far, *of, 'netns',
                  str(self.ns.pid))
        for name, ns in ((self.near, None), (self.far, self.ns)):
            wires.quiet(name, ns)
            wires.run('ip', 'link', 'set', name, 'arp', 'off', 'multicast', 'off', ns=ns)
        for feature, value in self.offload.items():
            wires.run('ethtool', '-K', self.near, feature, value)
        if up:
            wires.run('ip', 'link', 'set', self.far, 'up', ns=self.ns)
            self.up()

    def up(self):
        wires.run('ip', 'link', 'set', self.near, 'up')
        # Without a carrier an end throws away what it is to send and says nothing.
        for name, ns in ((self.near, None), (self.far, self.ns)):
            until('carrier of ' + name, lambda of=(name, ns): wires.face(*of)['operstate'] == 'UP')

    def down(self):
        wires.run('ip', 'link', 'set', self.near, 'down')

    def delete(self):
        self.forget()
        wires.run('ip', 'link', 'delete', self.near)

    def rename(self, name):
        wires.run('ip', 'link', 'set', self.near, 'name', name)
        self.near = name

    def away_and_back(self):
        """The near end goes to the far one's namespace, and comes back."""
        wires.run('ip', 'link', 'set', self.near, 'netns', str(self.ns.pid))
        wires.run('ip', 'link', 'set', self.near, 'netns', str(os.getpid()), ns=self.ns)
        wires.quiet(self.near)
        wires.run('ip', 'link', 'set', self.near, 'arp', 'off', 'multicast', 'off')
        self.up()

    def channels(self, queues):
        """ethtool -L of both ends: at most as many as it was made with."""
        for name, ns in ((self.near, None), (self.far, self.ns)):
            wires.run('ethtool', '-L', name, 'rx', str(queues), 'tx', str(queues), ns=ns)

    def statistics(self, far=False):
        """What `ip -s link` and `ethtool -S` say, of non-zero figures, as one table."""
        name, ns = (self.far, self.ns) if far else (self.near, None)
        side = wires.face(name, ns)['stats64']
        found = {'%s_%s' % (way, k): v for way in ('rx', 'tx') for k, v in side[way].items()}
        for line in wires.run('ethtool', '-S', name, ns=ns).splitlines():
            key, _, value = line.strip().rpartition(': ')
            if value.isdigit():
                found[key] = int(value)
        return {k: v for k, v in found.items() if v}

    def sender(self):
        """A packet socket at the far end."""
        if self.socket is None:
            with inside(self.ns):
                self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                self.socket.bind((self.far, 0))
        return self.socket

    def send(self, frames, pps=0, progress=None):
        """Puts the frames (bytes, or captures.Packet) on the wire in order, unaltered; pps 0: as fast as it can.
        A frame that the interface refuses for want of room is offered again, 5 s long.  Returns how many."""
        out, start, count = self.sender(), time.monotonic(), 0
        for data in frames:
            if pps and count % 16 == 0:
                time.sleep(max(0, start + count / pps - time.monotonic()))
            self._offer(out, getattr(data, 'data', data))
            count += 1
            if progress and count % 1000 == 0:
                progress(count)
        return count

    def _offer(self, out, data):
        end = None
        while True:
            try:
                sent = out.send(data)
                need(sent == len(data), 'sent %d of %d bytes' % (sent, len(data)))
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                end = end or time.monotonic() + 5
                need(time.monotonic() < end, 'the wire takes nothing for 5 s')
                time.sleep(0.0005)

    def send_capture(self, path, pps=0):
        return self.send(captures.read_capture(path)[1], pps)

    def forget(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def close(self):
        self.forget()
        for generator in self.generators:
            generator.kill()
        if self.own:
            # The namespace takes its end along, and so ours: but later.
            subprocess.run(['ip', 'link', 'delete', self.near], check=False, stderr=subprocess.DEVNULL)
            self.ns.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Generator:
    """A livegen at the far end: 10 to 20 times as fast as send(), UDP only, flow by flow in turn.  The near
    end needs NAPI: offload={'gro': 'on'}, or an XDP program.  Its packets come in on the queue of its CPU."""

    def __init__(self, wire, packets=0, seconds=0, pps=0, size=64, flows=1024, cpu=None, first=0):
        if 'LIVEGEN' not in os.environ:
            raise Skipped('there is no livegen: clang or libbpf is missing')
        self.wire = wire
        self.before = self._transmitted()
        command = ['nsenter', '-t', str(wire.ns.pid), '-n', os.environ['LIVEGEN'], '-i', wire.far, '-n', str(packets),
                   '-t', str(seconds), '-r', str(pps), '-s', str(size), '-f', str(flows), '-N', str(first)]
        if cpu is not None:
            command += ['-c', str(cpu)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        wire.generators.append(self)

    def _transmitted(self):
        said = self.wire.statistics(far=True)
        return sum(v for k, v in said.items() if k.endswith('_xdp_xmit'))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self, seconds=60):
        """{'sent', 'seconds', 'cpu_ns', 'late'}; 'sent': what the wire took."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed('livegen does not end') from None
        need(self.process.returncode == 0, 'livegen ended with %d: %s' % (self.process.returncode, err))
        words = out.split()
        said = {k: float(v) for k, v in zip(words[::2], words[1::2])}
        said['made'], said['sent'] = int(said['sent']), self._transmitted() - self.before
        return said

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Dump:
    """A tcpdump that writes what it sees to a file; `channel` through pacf-run, `interface` without."""
    everyone = []

    def __init__(self, path, channel=None, interface=None, more=(), ns=None):
        self.path = path
        command = ['tcpdump', '-n', '-U', '-s', '0', '--nano', '-Z', 'root', '-w', path, *more]
        if channel:
            command = [os.environ['PACF_RUN'], *command, '-i', channel]
        else:
            # The memory for what it has not read yet: 64 MiB.
            command += ['-i', interface, '-B', '65536', '-Q', 'in']
        if ns is not None:
            command = ['nsenter', '-t', str(ns.pid), '-n', *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        Dump.everyone.append(self)
        said = ''
        for line in self.process.stderr:
            said += line
            if 'listening on' in line:
                return
        raise Failed('tcpdump does not start: ' + said)

    def packets(self):
        """What has been written up to now, [captures.Packet]."""
        return captures.read_capture(self.path)[1] if os.path.getsize(self.path) >= 24 else []

    def wait_for(self, count, seconds=20, settle=0.1):
        """Ends it when it has written `count` packets and, `settle` later, no more, or when the time is over;
        what it got then, [bytes]."""
        end, seen = time.monotonic() + seconds, -1
        while time.monotonic() < end and self.process.poll() is None:
            size = os.path.getsize(self.path)
            if size == seen and len(self.packets()) >= count:
                break
            seen = size
            time.sleep(settle)
        return self.stop()

    def stop(self, seconds=20):
        """Ends it by SIGINT; what it got, [bytes].  What it said last is in .said"""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.said = self.process.communicate(timeout=seconds)[1]
        except subprocess.TimeoutExpired:
            raise Failed('tcpdump does not end') from None
        need(self.process.returncode == 0, 'tcpdump ended with %d: %s' % (self.process.returncode, self.said))
        return [p.data for p in self.packets()]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    @classmethod
    def kill_everyone(cls):
        for dump in cls.everyone:
            dump.kill()
        cls.everyone.clear()


class Sink:
    """A livesink on a channel."""

    def __init__(self, channel, flows=0):
        self.process = subprocess.Popen([os.environ['LIVESINK'], channel, *([str(flows)] if flows else [])],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.pid = self.process.pid
        said = self.process.stderr.readline()
        need(said == 'attached\n', 'livesink: ' + said)

    def stop(self, seconds=20):
        """What it says at its end: {'packets', 'lost', 'inversions', ...} (livesink.c)."""
        self.process.send_signal(signal.SIGINT)
        return self.wait(seconds)

    def wait(self, seconds=20):
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed('livesink does not end') from None
        need(self.process.returncode == 0, 'livesink ended with %d: %s' % (self.process.returncode, err))
        words = out.split()
        return {k: int(v) for k, v in zip(words[::2], words[1::2])}

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Lab:
    """What a case works with; everything in it ends with the case."""

    def __init__(self, folder):
        self.folder, self.daemon, self.wires, self.processes, self.sinks = folder, None, [], [], []
        self.count = 0

    def wire(self, **args):
        wire = Wire(near='near%d' % len(self.wires), far='far%d' % len(self.wires), **args)
        self.wires.append(wire)
        return wire

    def start(self, preexec=None):
        """A daemon at the near ends."""
        os.environ['PACF_RUNDIR'] = os.path.join(self.folder, 'run')
        os.makedirs(os.environ['PACF_RUNDIR'], mode=0o700, exist_ok=True)
        self.daemon = Daemon(self.folder, preexec)
        return self.daemon

    def needs(self, kind):
        """Skips the case where this pacf has no such engine."""
        try:
            self.daemon.lua("pkteng.new{name='probe', type='%s'} pkteng.delete{engine='probe'}" % kind)
        except Failed as error:
            raise Skipped('no engine of type %s: %s' % (kind, error)) from None

    def path(self, name):
        return os.path.join(self.folder, name)

    def consumer(self, channel, *more):
        """tcpdump through pacf-run, attached to its channel."""
        self.count += 1
        return Dump(self.path('dump%d.pcap' % self.count), channel=channel, more=more)

    def dump(self, interface, *more, ns=None):
        """tcpdump without pacf, as a reference."""
        self.count += 1
        return Dump(self.path('dump%d.pcap' % self.count), interface=interface, more=more, ns=ns)

    def sink(self, channel, flows=0):
        """livesink, attached to its channel."""
        self.sinks.append(Sink(channel, flows))
        return self.sinks[-1]

    def spawn(self, *command, **args):
        """Any other process; killed with the case."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **args)
        self.processes.append(process)
        return process

    def sunk(self, name):
        """What a channel pcap:PATH has written, [bytes]; PATH: lab.path(name)."""
        return [p.data for p in captures.read_capture(self.path(name))[1]]

    def close(self):
        Dump.kill_everyone()
        Client.kill_everyone()
        for sink in self.sinks:
            sink.kill()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.daemon:
            self.daemon.kill()
        for wire in self.wires:
            wire.close()


def run_case(name, body):
    """True, False, or None: skipped."""
    folder = tempfile.mkdtemp(prefix='pacf-net-')
    lab, started = Lab(folder), time.monotonic()
    try:
        body(lab)
        if lab.daemon and lab.daemon.process.poll() is None:
            lab.daemon.close()
        print('%s: ok (%.1f s)' % (name, time.monotonic() - started))
        return True
    except Skipped as why:
        print('%s: skipped: %s' % (name, why))
        return None
    except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as wrong:
        print('%s: FAILED: %s: %s' % (name, type(wrong).__name__, wrong))
        if lab.daemon:
            print('pacf: ' + lab.daemon.last_words())
        for wire in lab.wires:
            try:
                print('%s: %s' % (wire.near, wire.statistics()))
            except RuntimeError as gone:
                print(gone)
        return False
    finally:
        lab.close()
        shutil.rmtree(folder)


def main(names, doc, arguments=None):
    """Runs the case_NAME(lab) of a script's globals(), or those of them that its arguments name; its exit
    status: 77 if all were skipped."""
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    wires.enter()
    sys.stdout.reconfigure(line_buffering=True)
    cases = {name[5:]: body for name, body in names.items() if name.startswith('case_')}
    arguments = sys.argv[1:] if arguments is None else arguments
    if not all(name in cases for name in arguments):
        sys.exit('%s\ncases: %s' % (doc, ' '.join(cases)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    results = [run_case(name, cases[name]) for name in arguments or cases]
    if False in results:
        return 1
    return SKIP if all(result is None for result in results) else 0
