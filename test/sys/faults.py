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
import struct
import subprocess
import sys
import tempfile
import time

import captures
from daemon import (Client, Daemon, Failed, LuaError, channel_of, check_ledger, dropped, list_channels,
                    need, stop_process, until)

PACKETS = 20000
ACTIONS = {'s': 'SAMPLE', 'c': 'COPY'}  # by engine


def capture_make(folder):
    path = os.path.join(folder, 'capture.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--flows', '300', '--packets', str(PACKETS), '--nano', path],
                   check=True, stderr=subprocess.DEVNULL)
    return path


def records_read(path):
    """The packets in a file of badclient's; a last one that is cut off does not count."""
    with open(path, 'rb') as f:
        raw = f.read()
    at, packets = 0, []
    while at + 16 <= len(raw):
        ts, caplen, length = struct.unpack_from('=QII', raw, at)
        if at + 16 + caplen > len(raw):
            break
        packets.append(captures.Packet(ts, length, raw[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return packets


def subsequence(part, whole):
    rest = iter(whole)
    return all(p in rest for p in part)


def engine_new(daemon, engine, capture, bad, speed):
    """bad: arguments of channel 0, which is written where the others wait."""
    daemon.lua("pkteng.new{name='%s', type='pcap'} pkteng.link{engine='%s', ifname='%s', speed=%g}" %
               (engine, engine, capture, speed))
    for i in range(4):
        daemon.lua("pkteng.open_channel{engine='%s', channel='pacf:%s{%d', action='%s'%s}" %
                   (engine, engine, i, ACTIONS[engine], bad if i == 0 else ''))


class Run:
    """The two engines, each with readers on its channels, of one daemon."""

    def __init__(self, daemon, folder, capture, bad='', speed=0.0, reference=None):
        self.daemon, self.folder, self.reference = daemon, folder, reference
        self.clients = {}
        for engine in ACTIONS:
            engine_new(daemon, engine, capture, bad, speed)

    def path(self, engine, number, name=''):
        return os.path.join(self.folder, '%s%d%s.rec' % (engine, number, name))

    def attach(self, number, name=''):
        """A good reader on that channel of both engines."""
        for engine in ACTIONS:
            path = self.path(engine, number, name)
            self.clients[engine, number, name] = Client('read', 'pacf:%s}%d' % (engine, number), path)

    def attached(self, number, name=''):
        pids = {e: self.clients[e, number, name].pid for e in ACTIONS}
        until('readers of channel %d' % number,
              lambda: all(list_channels().get('pacf:%s}%d' % (e, number)) == pids[e] for e in ACTIONS))

    def start(self):
        for engine in ACTIONS:
            self.daemon.lua("pkteng.start{engine='%s'}" % engine)

    def received(self, packets):
        for engine in ACTIONS:
            until('%d packets' % packets, lambda e=engine:
                  self.daemon.stats(e)['counters']['received_pkts'] >= packets)

    def ended(self):
        """The figures of both engines after the end."""
        figures = {}
        for engine in ACTIONS:
            until('end of the capture', lambda e=engine: self.daemon.stats(e)['state'] == 'ended')
            figures[engine] = self.daemon.stats(engine)
            check_ledger(figures[engine])
            need(figures[engine]['counters']['received_pkts'] == PACKETS, 'not all was received')
        return figures

    def good_ones_end(self):
        for (engine, number, name), client in self.clients.items():
            if number != 0 and not name:
                count, received, lost = client.figures()
                stats = channel_of(self.daemon.stats(engine), 'pacf:%s{%d' % (engine, number))
                need(count == received == stats['delivered_pkts'] and lost == 0,
                     '%s%d: read %d, %s' % (engine, number, count, stats))

    def delete(self):
        for engine in ACTIONS:
            self.daemon.lua("pkteng.delete{engine='%s'}" % engine)


class Fault:
    """What each fault does: before the start, in the middle, and after the end."""
    bad = ", when_full='drop', when_detached='drop'"

    def __init__(self, run):
        self.run = run

    def before(self):
        pass

    def middle(self):
        pass

    def after(self, figures):
        pass

    def bad_channel(self, figures, engine):
        return channel_of(figures[engine], 'pacf:%s{0' % engine)

    def whole(self, figures, name, want_suffix=True):
        """The reader of channel 0 got everything that was delivered since it came, and nothing else."""
        for engine in ACTIONS:
            count, received, lost = self.run.clients[engine, 0, name].figures()
            got = records_read(self.run.path(engine, 0, name))
            need(len(got) == count == received - lost, 'read %d of %d - %d' % (count, received, lost))
            wanted = self.run.reference[engine, 0]
            need(subsequence(got, wanted), '%s0%s: other packets than its own' % (engine, name))
            if want_suffix and lost == 0:
                need(got == wanted[len(wanted) - len(got):], '%s0%s: packets are missing' % (engine, name))
            yield engine, self.bad_channel(figures, engine), count, lost


class Stopped(Fault):
    """SIGSTOP in the middle.  What is in its ring stays as it was until it goes on."""
    bad = Fault.bad + ', size=256'

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def middle(self):
        for engine in ACTIONS:
            stop_process(self.run.clients[engine, 0, ''].pid)

    def after(self, figures):
        for engine in ACTIONS:
            need(self.bad_channel(figures, engine)['waiting'] == 256, 'its ring is not full')
            self.run.clients[engine, 0, ''].signal(signal.SIGCONT)
        for engine, channel, count, lost in self.whole(figures, '', False):
            need(lost > 0 and lost == channel['drop_ring_full_pkts'], 'stopped, and lost %d' % lost)
            need(count == channel['delivered_pkts'], 'delivered %d' % channel['delivered_pkts'])


class Killed(Fault):
    """SIGKILL in the middle; then somebody else attaches."""

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def gave_back(self, engine):
        channel = self.bad_channel({engine: self.run.daemon.stats(engine)}, engine)
        return channel['delivered_pkts'] > channel['waiting']

    def middle(self):
        for engine in ACTIONS:
            until('a packet is read', lambda e=engine: self.gave_back(e))
            client = self.run.clients[engine, 0, '']
            client.signal(signal.SIGKILL)
            client.end(-signal.SIGKILL)
        until('released', lambda: not any(list_channels()['pacf:%s}0' % e] for e in ACTIONS))
        self.run.attach(0, 'again')

    def after(self, figures):
        for engine, channel, count, _ in self.whole(figures, 'again'):
            need(count > 0, 'the next one got nothing')
            first = len(records_read(self.run.path(engine, 0)))
            given_back = channel['delivered_pkts'] - channel['unread_pkts'] - count
            need(0 < given_back <= first, 'gave back %d, had read %d' % (given_back, first))
            need(subsequence(records_read(self.run.path(engine, 0)), self.run.reference[engine, 0]),
                 'it read other packets')


class Absent(Fault):
    """Nobody ever attaches."""

    def after(self, figures):
        for engine in ACTIONS:
            channel = self.bad_channel(figures, engine)
            need(channel['drop_no_consumer_pkts'] == channel['received_pkts'] > 0, 'lost: %s' % channel)


class Late(Fault):
    """Attaches in the middle: nothing of what was before, nothing zeroed, all of the rest."""

    def middle(self):
        self.run.attach(0)

    def after(self, figures):
        for engine, channel, count, lost in self.whole(figures, ''):
            need(0 < count < channel['received_pkts'], 'read %d' % count)
            need(count == channel['delivered_pkts'], 'delivered %d' % channel['delivered_pkts'])
            need(lost == channel['drop_ring_full_pkts'], 'lost %d: %s' % (lost, channel))


class First(Fault):
    """Attaches before the engine starts: from the first packet on."""

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def after(self, figures):
        for _, channel, count, lost in self.whole(figures, ''):
            need(count + lost == channel['received_pkts'], 'read %d, lost %d' % (count, lost))
            need(channel['drop_no_consumer_pkts'] == 0, 'it was there: %s' % channel)


class Scribbling(Fault):
    """Writes at random over its page, is sent away, comes again."""

    def before(self):
        self.scribblers = [Client('scribble', 'pacf:%s}0' % e, str(i)) for i, e in enumerate(ACTIONS)]

    def after(self, figures):
        for scribbler in self.scribblers:
            scribbler.signal(signal.SIGTERM)
            rounds, sent_away = scribbler.figures()
            need(rounds > 1000 and sent_away > 3, '%d rounds, %d times sent away' % (rounds, sent_away))
            print('  %d rounds, sent away %d times' % (rounds, sent_away))


class Rude(Fault):
    """Misuses the descriptors it gets, fills its bell, says that it sleeps, and reads nothing."""
    bad = Fault.bad + ', size=256'

    def before(self):
        self.rude = [Client('rude', 's{0'), Client('rude', 'c{0')]

    def after(self, figures):
        for client, engine in zip(self.rude, ACTIONS):
            client.signal(signal.SIGTERM)
            need(client.end()[0] == 'refused\n', 'it did not come to its end')
            need(self.bad_channel(figures, engine)['drop_ring_full_pkts'] > 0, 'nothing was lost')


FAULTS = {'stopped': Stopped, 'killed': Killed, 'absent': Absent, 'late': Late, 'first': First,
          'scribbling': Scribbling, 'rude': Rude}


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
