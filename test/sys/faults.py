#!/usr/bin/env python3
"""One application goes wrong; the others, and the daemon, must not notice.

usage: faults.py [--rounds N] [CASE ...]

A capture goes at twice its pace to four SAMPLE channels and, by a second engine, to four COPY channels.
Channel 0 of each has a faulty application and loses packets (drop); the others lose none (wait).  For
each fault: what the other channels got is byte for byte what they get without it, every figure is
accounted for, and after it the same daemon serves new engines and applications.

memory: who writes to packet memory dies, alone; busy: a second application is refused; murder: the
daemon is killed N times (20; 200 with PACF_SOAK=1), and starts again without a helping hand.

PACF, PACF_GEN, BADCLIENT: the programs.
"""
import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import captures
from captures import subsequence
from daemon import Client, Daemon, Failed, LuaError, list_channels, need, records_read, until
from fault_kinds import ACTIONS, FAULTS, PACKETS, Fault, Run


def capture_make(folder):
    path = os.path.join(folder, 'capture.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--flows', '300', '--packets', str(PACKETS), '--nano', path],
                   check=True, stderr=subprocess.DEVNULL)
    return path


def all_read(daemon, folder, capture):
    """Everybody reads everything: {(engine, channel): path}"""
    run = Run(daemon, folder, capture)
    for number in range(4):
        run.attach(number)
    run.start()
    run.ended()
    for client in run.clients.values():
        client.figures()
    run.delete()
    return {key[:2]: run.path(*key[:2]) for key in run.clients}


def reference_check(reference, packets):
    """COPY is the capture; SAMPLE is a partition of it."""
    need(len(packets) == PACKETS, 'the capture has %d packets' % len(packets))
    parts = [reference['s', i] for i in range(4)]
    need(all(reference['c', i] == packets for i in range(4)), 'COPY is not the capture')
    need(all(parts) and all(subsequence(p, packets) for p in parts), 'SAMPLE: order')
    need(collections.Counter(packets) == collections.Counter(p for part in parts for p in part),
         'SAMPLE: no partition')


def same_files(folder, reference_folder, numbers):
    for engine in ACTIONS:
        for number in numbers:
            name = '%s%d.rec' % (engine, number)
            with open(os.path.join(folder, name), 'rb') as a, \
                    open(os.path.join(reference_folder, name), 'rb') as b:
                need(a.read() == b.read(), '%s differs from the run without the fault' % name)


class Suite:
    def __init__(self, folder, rounds):
        self.folder, self.rounds = folder, rounds
        self.capture = capture_make(folder)
        self.reference_folder = os.path.join(folder, 'reference')
        os.mkdir(self.reference_folder)
        daemon = Daemon(folder)
        files = all_read(daemon, self.reference_folder, self.capture)
        daemon.close()
        self.reference = {key: records_read(path) for key, path in files.items()}
        reference_check(self.reference, captures.read_capture(self.capture)[1])

    def fault(self, kind, folder):
        daemon = Daemon(folder)
        try:
            run = Run(daemon, folder, self.capture, kind.bad, 2.0, self.reference)
            fault = kind(run)
            fault.before()
            run.start()
            for number in (1, 2, 3):
                run.attach(number)
            run.received(PACKETS // 4)
            fault.middle()
            figures = run.ended()
            run.good_ones_end()
            fault.after(figures)
            same_files(folder, self.reference_folder, (1, 2, 3))
            run.delete()
            all_read(daemon, folder, self.capture)
            same_files(folder, self.reference_folder, (0, 1, 2, 3))
            daemon.close()
        finally:
            daemon.kill()

    def second_daemon(self, folder):
        other = Daemon(folder)
        try:
            other.lua("pkteng.new{name='e', type='pcap'}")
            error = other.refused("pkteng.open_channel{engine='e', channel='pacf:e{0'}")
            need('another pacf already serves %s' % os.environ['PACF_RUNDIR'] in error, error)
        finally:
            other.kill()

    def memory(self, folder):
        """At a pace that leaves time; the other channels go on, to the end."""
        daemon = Daemon(folder)
        try:
            run = Run(daemon, folder, self.capture, Fault.bad, 1.0)
            run.start()
            for number in (1, 2, 3):
                run.attach(number)
            for engine in ACTIONS:
                Client('protect', 'pacf:%s}0' % engine).end()
                Client('poke', 'pacf:%s}0' % engine).end(-signal.SIGSEGV)
            run.ended()
            run.good_ones_end()
            same_files(folder, self.reference_folder, (1, 2, 3))
            daemon.close()
        finally:
            daemon.kill()

    def busy(self, folder):
        """Who waits for the engine has the channel as well as who reads it; one daemon a folder."""
        daemon = Daemon(folder)
        try:
            run = Run(daemon, folder, self.capture, speed=1.0)
            self.second_daemon(folder)
            for number in range(4):
                run.attach(number)
                run.attached(number)
            for start in (False, True):
                if start:
                    run.start()
                    run.received(1)
                for engine in ACTIONS:
                    error = Client('read', 'pacf:%s}1' % engine, '/dev/null').end(3)[1]
                    want = 'channel "pacf:%s}1" is in use by badclient (pid %d); one application a channel' \
                        % (engine, run.clients[engine, 1, ''].pid)
                    need(error.startswith(os.strerror(16) + ': ') and want in error, error)
            run.ended()
            run.good_ones_end()
            same_files(folder, self.reference_folder, (1, 2, 3))
            daemon.close()
        finally:
            daemon.kill()

    def murder_once(self, folder, delay):
        """Readers of a killed daemon end, and say why; nothing in the folder is in the way.

        delay: seconds after the engine has started; None: it has not, the readers wait for it."""
        daemon = Daemon(folder)
        try:
            run = Run(daemon, folder, self.capture, speed=0.5)
            readers = [Client('read', 'pacf:s}%d' % i, run.path('s', i)) for i in range(2)]
            readers += [Client('poll', 'pacf:s}%d' % i) for i in (2, 3)]
            for i, reader in enumerate(readers):
                until('reader', lambda i=i, r=reader: list_channels()['pacf:s}%d' % i] == r.pid)
            if delay is not None:
                daemon.lua("pkteng.start{engine='s'} pacf.sleep(%g)" % delay)
            daemon.kill()
            for number, reader in enumerate(readers):
                error = reader.end(3 if delay is None else 1, 5)[1]
                need('daemon' in error, 'reader %d says: %s' % (number, error))
            need(not list_channels(), 'a dead daemon has channels')
            error = Client('read', 'pacf:s}0', '/dev/null').end(3)[1]
            need('daemon' in error, error)
            for number in range(2):
                got = records_read(run.path('s', number))
                need(got == self.reference['s', number][:len(got)], 'reader %d got other packets' % number)
        finally:
            daemon.kill()

    def murder(self, folder):
        for _ in range(self.rounds):
            self.murder_once(folder, random.choice((None, 0, 0.002, 0.05, 0.1)))
        daemon = Daemon(folder)
        try:
            all_read(daemon, folder, self.capture)
            same_files(folder, self.reference_folder, (0, 1, 2, 3))
            daemon.close()
        finally:
            daemon.kill()
        print('  killed %d times' % self.rounds)

    def run(self, name):
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        start = time.monotonic()
        try:
            if name in FAULTS:
                self.fault(FAULTS[name], folder)
            else:
                getattr(self, name)(folder)
        except (Failed, LuaError) as wrong:
            print('FAILED: %s: %s' % (name, wrong))
            return False
        finally:
            Client.kill_everyone()
            shutil.rmtree(folder)
        print('ok: %s (%.1f s)' % (name, time.monotonic() - start))
        return True


def main():
    cases = list(FAULTS) + ['memory', 'busy', 'murder']
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=200 if os.environ.get('PACF_SOAK') else 20)
    parser.add_argument('cases', nargs='*', metavar='CASE', help=', '.join(cases))
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        suite = Suite(folder, args.rounds)
        good = [suite.run(name) for name in args.cases or cases]
    print('%d passed, %d failed' % (good.count(True), good.count(False)))
    sys.exit(0 if all(good) else 1)


if __name__ == '__main__':
    main()
