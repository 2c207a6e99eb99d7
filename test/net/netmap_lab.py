"""netmap under test, in the guest of netmap-vm.sh: daemons, pkt-gen, VALE switches, veths.

	def case_reader(lab):
		vale = lab.vale()                               # a switch of the case's own: "vale3"
		pacf = lab.pacf()                               # a test/sys/daemon.py Daemon with a folder of its own
		reader = lab.reader(vale + ':a}0')              # pkt-gen -f rx, reading
		lab.generate(vale + ':g', 1000)                 # pkt-gen -f tx, to its end
		reader.end()                                    # how many packets it has received

What a case starts is ended after it, and so are its veths.

PACF, PACF_RUN, PACF_GEN: the programs; NETMAP_APPS: netmap's.
"""
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import captures
from daemon import Daemon, Failed, check_ledger, dropped, need, until

SLOW = 90  # seconds: a machine without acceleration, on a host that has other work
RING = 1023  # packets that a pipe holds by itself
FLOWS = ('-s', '10.0.0.1:1000-10.0.0.1:2000', '-d', '10.1.0.1:2000-10.1.0.1:2010')


def tool(name):
    folder = os.environ['NETMAP_APPS']
    path = os.path.join(folder, name, name)
    return path if os.path.exists(path) else os.path.join(folder, name)


def run(*args):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SLOW)
    need(done.returncode == 0, '%s: %s' % (' '.join(args), done.stdout))
    return done.stdout


class Pacf(Daemon):
    """With sockets in a folder of its own."""

    def __init__(self, folder):
        self.folder = os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        super().__init__(folder)

    def lua(self, code, seconds=SLOW):
        return super().lua(code, seconds)

    def close(self, seconds=SLOW):
        os.environ['PACF_RUNDIR'] = self.folder
        super().close(seconds)

    def received(self, engine='e0'):
        return self.stats(engine)['counters']['received_pkts']

    def take(self, count, engine='e0'):
        until('%s packets received' % count, lambda: self.received(engine) >= count, SLOW)

    def settled(self, engine='e0'):
        """The figures when no more comes and the readers have taken everything; the sums are right."""
        last = [None, 0.0]

        def still():
            now = self.stats(engine)
            figures = now['counters']['received_pkts'], [c['waiting'] for c in now['channels']]
            if figures != last[0]:
                last[:] = figures, time.monotonic()
            return now if time.monotonic() - last[1] > 1 else None
        stats = until('quiet', still, SLOW)
        check_ledger(stats)
        return stats


class Program:
    """One of netmap's, its output in a file."""

    def __init__(self, lab, name, *args):
        self.log = lab.path('%s.%d' % (name, len(lab.programs)))
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([tool(name), *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lab.programs.append(self)

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def signal(self, signo):
        self.process.send_signal(signo)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Asked to end, as with Ctrl+C; the packets that it has received or sent."""
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
        try:
            self.process.wait(timeout=SLOW)
        except subprocess.TimeoutExpired:
            raise Failed('%s does not end: %s' % (self.process.args, self.said()[-500:])) from None
        return self.count()

    def count(self):
        found = re.search(r'^(?:Received|Sent) (\d+) packets', self.said(), re.M)
        need(found or 'Received nothing' in self.said(), '%s: %s' % (self.process.args, self.said()[-500:]))
        return int(found[1]) if found else 0


class Lab:
    switches = 0

    def __init__(self, folder):
        self.folder, self.programs, self.daemons, self.veths = folder, [], [], []

    def path(self, name):
        return os.path.join(self.folder, name)

    def vale(self):
        Lab.switches += 1
        return 'vale%d' % Lab.switches

    def veth(self, name='v0', peer='v1', queues=1):
        of = ['numrxqueues', str(queues), 'numtxqueues', str(queues)]
        run('ip', 'link', 'add', name, *of, 'type', 'veth', 'peer', 'name', peer, *of)
        self.veths.append(name)
        for face in (name, peer):
            with open('/proc/sys/net/ipv6/conf/%s/disable_ipv6' % face, 'w', encoding='ascii') as f:
                f.write('1')
            run('ip', 'link', 'set', face, 'arp', 'off', 'multicast', 'off', 'up')
        until(name + ' runs', lambda: open('/sys/class/net/%s/operstate' % name, encoding='ascii').read() == 'up\n')

    def pacf(self):
        folder = self.path('pacf%d' % len(self.daemons))
        os.mkdir(folder)
        self.daemons.append(Pacf(folder))
        return self.daemons[-1]

    def reader(self, port, *args):
        program = Program(self, 'pkt-gen', '-i', 'netmap:' + port, '-f', 'rx', '-w', '0', *args)
        until('%s is read: %s' % (port, program.said()[-300:]),
              lambda: 'reading from' in program.said() or program.process.poll() is not None, SLOW)
        need(program.process.poll() is None, '%s: %s' % (port, program.said()[-500:]))
        return program

    def generator(self, port, count=0, rate=0, flows=FLOWS):
        args = ['-n', str(count)] + (['-R', str(rate)] if rate else [])
        return Program(self, 'pkt-gen', '-i', 'netmap:' + port, '-f', 'tx', '-w', '0', '-b', '64', *args, *flows)

    def generate(self, port, count, rate=0):
        program = self.generator(port, count, rate)
        program.process.wait(timeout=2 * SLOW)
        need(program.count() == count, 'sent %d of %d: %s' % (program.count(), count, program.said()[-300:]))

    def ended(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.close()
        for program in self.programs:
            if program.process.poll() is None:
                program.end()
        for name in self.veths:
            subprocess.run(['ip', 'link', 'del', name], check=False, stderr=subprocess.DEVNULL)

    def kill(self):
        for daemon in self.daemons:
            daemon.kill()
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()
        for name in self.veths:
            subprocess.run(['ip', 'link', 'del', name], check=False, stderr=subprocess.DEVNULL)


def send_raw(ifname, frames):
    with contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as s:
        s.bind((ifname, 0))
        for frame in frames:
            s.send(frame)


def capture_write(path, frames, pps):
    """At its own pace when it is read with speed=1."""
    packets = [captures.Packet(10**18 + i * 10**9 // pps, len(f), f) for i, f in enumerate(frames)]
    captures.write_capture(path, 1, packets)
    return path


def frames_read(path):
    return [p.data for p in captures.read_capture(path)[1]]


def vale_ports():
    """Of all switches."""
    listed = subprocess.run([tool('vale-ctl')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [line.split()[0] for line in listed.stdout.splitlines() if line.startswith('vale')]


SEED = '''pkteng.new({name="e0", type="netmap"})
pkteng.link({engine="e0", ifname="PORT", batch=1024})
pkteng.open_channel({engine="e0", channel="netmap:PORT{0", action="ACTION"})
pkteng.open_channel({engine="e0", channel="netmap:PORT{1", action="ACTION"})
pkteng.open_channel({engine="e0", channel="netmap:PORT{2", action="ACTION"})
pkteng.open_channel({engine="e0", channel="netmap:PORT{3", action="ACTION"})
pkteng.start({engine="e0"})'''


def typed(pacf, port, action='SAMPLE'):
    for line in SEED.replace('PORT', port).replace('ACTION', action).splitlines():
        pacf.lua(line)



def main(cases, usage):
    sys.stdout.reconfigure(line_buffering=True)
    known = {name[5:]: f for name, f in cases.items() if name.startswith('case_')}
    names = sys.argv[1:] or list(known)
    if any(n not in known for n in names):
        sys.exit(usage)
    failed = 0
    for name in names:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab(folder)
            try:
                known[name](lab)
                lab.ended()
                print('ok: %s (%.1f s)' % (name, time.monotonic() - start))
            except (Failed, subprocess.TimeoutExpired, OSError) as wrong:
                failed += 1
                print('FAILED: %s: %s %s' % (name, type(wrong).__name__, wrong))
                for daemon in lab.daemons:
                    print('    pacf: ' + daemon.last_words())
            finally:
                lab.kill()
    print('%d passed, %d failed' % (len(names) - failed, failed))
    return 1 if failed else 0
