#!/usr/bin/env python3
"""What capturing from a live interface costs, beside what one would run without pacf.

usage: bench_live.py [--quick] [--only NAME[,NAME]] [--size BYTES] [--queues N]
                     [--rates PPS[,PPS]] [--cost-only] [--share]

A veth pair, at its far end a generator (livegen.c) on the last CPU, at the near end four consumers:

	fanout       four netsniff-ng in one fanout group of AF_PACKET: each packet goes to one, by its flow
	afpacket     pacf, four SAMPLE channels: each packet goes to one, by its flow
	afxdp        the same from AF_XDP
	copies       four netsniff-ng on their own: each gets every packet
	afpacket/4   pacf, four COPY channels: each gets every packet
	afxdp/4      the same from AF_XDP

pps: the highest rate, found by bisection, of which in a trial of two seconds less than 0.01 % is lost.
ns/packet: CPU time of all processes that take part, the generator's with the interrupts that run in it, and
of ksoftirqd, all at one rate, for each packet sent; less what the generator alone needs to send that into an
interface that drops all at once in XDP.  The kernel's part of a capture is in it: without IRQ_TIME_ACCOUNTING,
the time of an interrupt is that of the process that was interrupted, here the generator mostly.

All of it runs with a real-time priority, so that other work on the machine disturbs it little; how much there
was is printed.
LIVEGEN, LIVESINK, PACF: the programs.
"""
import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import netns
from daemon import Failed, channel_of, check_ledger, cpu_ns, dropped, need, until

CONSUMERS = 4
LOSS_MOST = 1e-4
COST_LOSS_MOST = 0.02
RATE_LEAST, RATE_MOST = 20e3, 12e6
RING = '32MiB'  # of each netsniff-ng; by default it takes gigabytes, and loses nothing for a while


class Sniffers:
    """Four netsniff-ng, without pacf."""
    needs_napi = True

    def __init__(self, lab, wire, copies):
        self.logs = [lab.path('sniffer%d' % i) for i in range(CONSUMERS)]
        self.processes, self.daemon_pid, self.copies = [], None, copies
        more = () if copies else ('--fanout-group', '7', '--fanout-type', 'hash')
        for path in self.logs:
            with open(path, 'wb') as log:
                self.processes.append(lab.spawn('netsniff-ng', '-i', wire.near, '--silent', '-S', RING, *more,
                                                stdout=log, stderr=log))
        until('netsniff-ng runs', lambda: all('Running' in self.text(path) for path in self.logs))
        time.sleep(0.2)

    def text(self, path):
        with open(path, encoding='utf-8', errors='replace') as log:
            return log.read()

    def pids(self):
        return [p.pid for p in self.processes]

    def settle(self):
        time.sleep(0.3)  # a block that is not full is handed on after 0.1 s at most

    def finish(self):
        """How many packets they got together."""
        total = 0
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process, path in zip(self.processes, self.logs):
            process.wait(30)
            found = re.search(r'(\d+)\s+packets passed filter', self.text(path))
            lost = re.search(r'(\d+)\s+packets failed filter \(out of space\)', self.text(path))
            need(found and lost, 'netsniff-ng says ' + self.text(path))
            total += int(found.group(1)) - int(lost.group(1))
        return total


class Pacf:
    """An engine and four livesinks."""

    def __init__(self, lab, wire, kind, copies):
        self.lab, self.copies = lab, copies
        lab.start()
        lab.daemon.lua("pkteng.new{name='e', type='%s'} pkteng.link{engine='e', ifname='%s'}" % (kind, wire.near))
        for i in range(CONSUMERS):
            lab.daemon.lua("pkteng.open_channel{engine='e', channel='pacf:e{%d', action='%s', size=16384}" %
                           (i, 'COPY' if copies else 'SAMPLE'))
        lab.daemon.lua("pkteng.start{engine='e'}")
        self.processes = [lab.sink('pacf:e}%d' % i) for i in range(CONSUMERS)]
        time.sleep(0.2)

    def pids(self):
        return [self.lab.daemon.process.pid] + [p.pid for p in self.processes]

    def settle(self):
        def drained():
            return all(c['waiting'] == 0 for c in self.lab.daemon.stats('e')['channels'])
        time.sleep(0.2)
        until('all is read', drained)

    def finish(self):
        total = sum(sink.stop()['packets'] for sink in self.processes)
        self.stats = self.lab.daemon.stats('e')
        check_ledger(self.stats)
        self.lab.daemon.lua("pkteng.delete{engine='e'}")
        self.lab.daemon.close()
        return total


class Nobody:
    """The near end drops in XDP."""

    def __init__(self, lab, wire):
        self.process = lab.spawn(os.environ['LIVEGEN'], '-i', wire.near, '-D', stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.copies = False

    def pids(self):
        return [self.process.pid]

    def settle(self):
        pass

    def finish(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        return 0


RUNS = {
    'nobody': Nobody,
    'fanout': lambda lab, wire: Sniffers(lab, wire, False),
    'afpacket': lambda lab, wire: Pacf(lab, wire, 'afpacket', False),
    'afxdp': lambda lab, wire: Pacf(lab, wire, 'afxdp', False),
    'copies': lambda lab, wire: Sniffers(lab, wire, True),
    'afpacket/4': lambda lab, wire: Pacf(lab, wire, 'afpacket', True),
    'afxdp/4': lambda lab, wire: Pacf(lab, wire, 'afxdp', True),
}


def find_ksoftirqd():
    found = []
    for path in glob.glob('/proc/[0-9]*/comm'):
        try:
            with open(path, encoding='ascii', errors='replace') as f:
                if f.read().startswith('ksoftirqd/'):
                    found.append(int(path.split('/')[2]))
        except OSError:
            continue  # a process that has ended
    return found


KSOFTIRQD = find_ksoftirqd()


def ksoftirqd_ns():
    return sum(cpu_ns(pid) for pid in KSOFTIRQD)


def idle_ns():
    """Of all CPUs."""
    with open('/proc/stat', encoding='ascii') as f:
        words = f.readline().split()
    return (int(words[4]) + int(words[5])) * 10**9 // os.sysconf('SC_CLK_TCK')


class Trial:
    """One rate, one set of consumers."""

    def __init__(self, name, pps, seconds, size, queues):
        self.pps = pps
        folder = netns.tempfile.mkdtemp(prefix='pacf-bench-')
        lab = netns.Lab(folder)
        try:
            wire = lab.wire(queues=queues, offload={} if name == 'nobody' else {'gro': 'on'})
            self._run(RUNS[name](lab, wire), wire, seconds, size)
        finally:
            lab.close()
            shutil.rmtree(folder)

    def _run(self, consumers, wire, seconds, size):
        pids = consumers.pids()
        started, idle = time.monotonic(), idle_ns()
        before, soft = [cpu_ns(pid) for pid in pids], ksoftirqd_ns()
        said = netns.Generator(wire, seconds=seconds, pps=int(self.pps), size=size, cpu=os.cpu_count() - 1).wait()
        consumers.settle()
        took = sum(cpu_ns(pid) - b for pid, b in zip(pids, before))
        soft = ksoftirqd_ns() - soft
        busy = os.cpu_count() * (time.monotonic() - started) * 1e9 - (idle_ns() - idle)
        self.others = max(0, busy - took - soft - said['cpu_ns']) / 1e9 / (time.monotonic() - started)
        self.sent, self.seconds = said['made'], said['seconds']
        self.dropped_before = said['made'] - said['sent']
        self.processes, self.all = took / self.sent, (took + soft + said['cpu_ns']) / self.sent
        got = consumers.finish()
        self.loss = 1 - got / (self.sent * (CONSUMERS if consumers.copies else 1))
        self.reached = self.sent / self.seconds

    def good(self):
        return self.loss < LOSS_MOST


def fastest(name, args):
    """The trial with the highest rate without loss."""
    least, most, best = RATE_LEAST, RATE_MOST, None
    for _ in range(6 if args.quick else 8):
        rate = (least * most)**0.5
        for _ in range(1 if args.quick else 4):  # one that other work disturbed is repeated
            trial = Trial(name, rate, 1 if args.quick else 2, args.size, args.queues)
            if args.verbose:
                print('  %-10s %8.0f pps wanted, %8.0f sent, loss %.4f %%, %.0f ns, others %.2f CPUs' %
                      (name, rate, trial.reached, 100 * trial.loss, trial.all, trial.others))
            if trial.good():
                break
        if trial.good() and (best is None or trial.reached > best.reached):
            best = trial
        if trial.good() and trial.reached > 0.9 * rate:
            least = rate
        else:
            most = rate
    need(best, '%s loses packets at every rate' % name)
    return best


def at_rate(name, rate, args):
    """The cheapest of three: other work on the machine can only add.  A few lost packets do not matter here."""
    trials = [Trial(name, rate, 1 if args.quick else 2, args.size, args.queues) for _ in range(3)]
    return min((t for t in trials if t.loss < COST_LOSS_MOST or name == 'nobody'), key=lambda t: t.all, default=None)


def possible(name):
    """None, or why it can't be run."""
    if name in ('fanout', 'copies'):
        return None if shutil.which('netsniff-ng') else 'netsniff-ng is missing'
    if name == 'nobody':
        return None
    try:
        Trial(name, 1000, 0.2, 64, 1)
    except Failed as error:
        return str(error)
    return None


GOALS = (('afxdp', 'fanout', 'ns', 0.7), ('afxdp', 'fanout', 'pps', 1.3), ('afpacket', 'fanout', 'ns', 1.2),
         ('afpacket/4', 'copies', 'ns', 0.5), ('afxdp/4', 'copies', 'ns', 0.5))


def compare(found, rate):
    for name, reference, what, goal in GOALS:
        if what not in found.get(name, ()) or what not in found.get(reference, ()):
            continue
        a, b = found[name][what], found[reference][what]
        met = a / b >= goal if what == 'pps' else a / b <= goal
        print('%s / %s, %s: %.2f (goal: %s %.1f)%s' %
              (name, reference, {'ns': 'CPU of a packet at %.0f pps' % rate, 'pps': 'rate'}[what], a / b,
               'at least' if what == 'pps' else 'at most', goal, '' if met else '  MISSED'))


def cost(names, best, rate, args):
    """Prints and returns what a packet costs at that rate."""
    alone = at_rate('nobody', rate, args)
    print('packets of %d bytes at %.0f pps; the generator alone: %.0f ns/packet' % (args.size, rate, alone.all))
    found = {}
    for name in names:
        trial = at_rate(name, rate, args)
        if trial is None:
            print('%-12s loses more than %g %% in each of three trials' % (name, 100 * COST_LOSS_MOST))
            continue
        found[name] = {'ns': trial.all - alone.all}
        if name in best:
            found[name]['pps'] = best[name].reached
        print('%-12s %6.0f ns/packet, %6.0f of them in daemon and consumers; loss %.2f %%; other work: %.2f CPUs' %
              (name, found[name]['ns'], trial.processes, 100 * trial.loss, trial.others))
    return found


def measure(args):
    names, best = [], {}
    for name in args.only.split(',') if args.only else [n for n in RUNS if n != 'nobody']:
        why = possible(name)
        if why:
            print('%-12s not measured: %s' % (name, why))
        else:
            names.append(name)
    for name in names if not args.cost_only else ():
        best[name] = fastest(name, args)
        print('%-12s %9.0f pps without loss' % (name, best[name].reached))
    for rate in args.rates.split(','):
        compare(cost(names, best, float(rate), args), float(rate))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--cost-only', action='store_true', help='no search for the highest rate')
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('--only')
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--queues', type=int, default=1, help='of the wire; the packets come in on one')
    parser.add_argument('--rates', default='250000,1000000', help='of the measurements of CPU')
    parser.add_argument('--share', action='store_true', help='with other work: not as a real-time process')
    args = parser.parse_args()
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    netns.wires.enter()
    sys.stdout.reconfigure(line_buffering=True)
    if 'LIVEGEN' not in os.environ:
        netns.wires.skip('there is no livegen: clang or libbpf is missing')
    if not args.share:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # inherited by what it starts
    try:
        measure(args)
    except Failed as wrong:
        print('FAILED: %s' % wrong)
        sys.exit(1)


if __name__ == '__main__':
    main()
