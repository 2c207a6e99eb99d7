#!/usr/bin/env python3
"""Applications that come back: with when_detached = hold, and when the daemon was killed.

A consumer is killed again and again while a capture is played, and while datagrams come in on lo: what all its
incarnations wrote down is what was sent, in order; at the seams packets come twice, at most a burst of them.  Another
channel notices nothing.  Overflow is exact.  Then the daemon is killed under a tcpdump, which goes on with the next one.

PACF, PACF_GEN, PACF_RUN, BADCLIENT: the programs.  PACF_SOAK=1: more deaths.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from captures import read_capture
from daemon import Client, Daemon, Failed, channel_of, check_ledger, dropped, list_channels, need, records_read, until

DEATHS = 500 if os.environ.get('PACF_SOAK') else 50
BURST = 64  # badclient's
RATE = 10000


def play(pacf, folder, sent, how, channel):
    """An engine that plays the capture; a witness beside the channel that holds."""
    pacf.lua("pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s', %s} "
             "pkteng.open_channel{engine='e', channel='pacf:h{0', action='COPY', when_detached='hold', %s} "
             "pkteng.open_channel{engine='e', channel='pacf:w{0', action='COPY'} pkteng.start{engine='e'}"
             % (sent, how, channel))
    return Client('read', 'pacf:w}0', os.path.join(folder, 'witness'))


def die_often(name, folder, over, deaths):
    """Consumers, killed at random, until `over`; then one that reads to the end if there is one.  Their records."""
    dice, parts = random.Random(1), []
    folder = tempfile.mkdtemp(dir=folder)
    while not over() or len(parts) < deaths:
        path = os.path.join(folder, 'part%d' % len(parts))
        client = Client('read', name, path)
        time.sleep(dice.uniform(0, 0.1))
        client.signal(signal.SIGKILL)
        client.process.communicate()
        parts.append(path)
    until('the last one gone', lambda: list_channels()[name] == 0)
    return [path for path in parts if os.path.exists(path)]


def join(parts, sent):
    """The parts follow each other through `sent`, which has no packet twice; how many came twice."""
    place = {packet: i for i, packet in enumerate(sent)}
    reached = again = 0
    for records in parts:
        if not records:
            continue
        first = place.get(records[0])
        need(first is not None and reached - BURST <= first <= reached,
             'the next one begins with packet %s, after %d' % (first, reached))
        need(records == sent[first:first + len(records)], 'not what was sent, from packet %d' % first)
        again += reached - first
        reached = max(reached, first + len(records))
    need(reached == len(sent), '%d of %d packets came' % (reached, len(sent)))
    return again


def played(pacf, folder):
    sent = os.path.join(folder, 'sent.pcap')
    seconds = DEATHS * 0.06
    subprocess.run([os.environ['PACF_GEN'], '--nano', '--packets', str(int(RATE * seconds)), '--rate', str(RATE),
                    '-o', sent], check=True)
    packets = read_capture(sent)[1]
    witness = play(pacf, folder, sent, 'speed=1', 'hold_bytes=2^25')
    parts = die_often('pacf:h}0', folder, lambda: pacf.stats('e')['state'] == 'ended', DEATHS)
    last = os.path.join(folder, 'last')
    Client('read', 'pacf:h}0', last).end()
    witness.end()
    again = join([records_read(path) for path in parts + [last]], packets)
    need(records_read(os.path.join(folder, 'witness')) == packets, 'the witness lost something')
    pacf.lua("pkteng.wait{engine='e'}")
    stats = pacf.stats('e')
    held = channel_of(stats, 'pacf:h{0')
    check_ledger(stats)
    need(held['delivered_pkts'] == len(packets) and dropped(held) == held['unread_pkts'] == held['held'] == 0,
         'figures: %s' % held)
    pacf.lua("pkteng.stop{engine='e'} pkteng.delete{engine='e'}")
    print('played: %d packets, %d deaths, %d packets twice' % (len(packets), DEATHS, again))


def overflow(pacf, folder):
    sent = os.path.join(folder, 'sent.pcap')
    packets = read_capture(sent)[1]
    witness = play(pacf, folder, sent, 'speed=0', 'hold_bytes=2^20')
    until('the end', lambda: pacf.stats('e')['state'] == 'ended')
    held = channel_of(pacf.stats('e'), 'pacf:h{0')
    check_ledger(pacf.stats('e'))
    need(held['held'] + held['drop_hold_full_pkts'] == len(packets) and held['drop_hold_full_pkts'] > 0,
         'figures: %s' % held)
    path = os.path.join(folder, 'late')
    Client('read', 'pacf:h}0', path).end()
    late, room = records_read(path), 2 ** 20
    for packet in packets:  # each is kept for which there is room, the oldest first
        cost = 16 + (len(packet.data) + 15) // 16 * 16
        if cost <= room:
            room -= cost
            need(late and late.pop(0) == packet, 'not the oldest that fit')
    need(late == [], '%d more than fit' % len(late))
    witness.end()
    need(records_read(os.path.join(folder, 'witness')) == packets, 'the witness lost something')
    pacf.lua("pkteng.stop{engine='e'} pkteng.delete{engine='e'}")
    print('overflow: %d held, %d lost' % (held['held'], held['drop_hold_full_pkts']))


class Datagrams:
    """Numbered, over lo, to a port where nobody has to listen."""

    def __init__(self):
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.bind(('127.0.0.1', 0))
        self.port = self.sink.getsockname()[1]
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.n = 0

    def send(self, n):
        for _ in range(n):
            self.out.sendto(b'%08d' % self.n, ('127.0.0.1', self.port))
            self.n += 1

    def live(self, pacf, more):
        pacf.lua("pkteng.new{name='l', type='afpacket'} pkteng.link{engine='l', ifname='lo'} "
                 "pkteng.open_channel{engine='l', channel='pacf:l{0', action='COPY', filter='udp dst port %d'%s} "
                 "pkteng.start{engine='l'}" % (self.port, more))


def numbers(packets):
    return [int(packet.data[-8:]) for packet in packets]


def live(pacf, folder):
    data = Datagrams()
    data.live(pacf, ", when_detached='hold'")
    stop = threading.Event()

    def send():
        while not stop.is_set():
            data.send(20)
            time.sleep(0.005)
    sender = threading.Thread(target=send)
    sender.start()
    end = time.monotonic() + DEATHS * 0.05
    try:
        parts = die_often('pacf:l}0', folder, lambda: time.monotonic() > end, DEATHS)
    finally:
        stop.set()
        sender.join()
    path = os.path.join(folder, 'last')
    client = Client('read', 'pacf:l}0', path)
    parts = [numbers(records_read(part)) for part in parts]
    until('the last datagram', lambda: numbers(records_read(path))[-1:] == [data.n - 1] or
          any(part[-1:] == [data.n - 1] for part in parts))
    client.signal(signal.SIGKILL)
    client.process.communicate()
    again = join(parts + [numbers(records_read(path))], list(range(data.n)))
    held = channel_of(pacf.stats('l'), 'pacf:l{0')
    check_ledger(pacf.stats('l'))
    need(dropped(held) == held['unread_pkts'] == 0, 'figures: %s' % held)
    pacf.lua("pkteng.stop{engine='l'} pkteng.delete{engine='l'}")
    print('live: %d datagrams, %d deaths, %d twice' % (data.n, DEATHS, again))


def written(path):
    return numbers(read_capture(path)[1]) if os.path.exists(path) and os.path.getsize(path) > 24 else []


def killed(folder):
    """A tcpdump sees a daemon die, several times, and goes on; what comes between is nobody's."""
    data, path, pacf = Datagrams(), os.path.join(folder, 'dump.pcap'), None
    dump, slowest = None, 0
    try:
        for _ in range(3):
            if pacf is not None:
                pacf.kill()
            pacf = Daemon(folder)
            data.live(pacf, '')
            there = time.monotonic()
            if dump is None:
                dump = subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-U', '-n', '-Z', 'root', '-i', 'pacf:l}0', '-w',
                                         path],
                                        stderr=subprocess.PIPE, text=True)
            until('attached', lambda: channel_of(pacf.stats('l'), 'pacf:l{0')['state'] == 'attached', 5)
            slowest = max(slowest, time.monotonic() - there)
            first = data.n
            data.send(200)
            until('all of them', lambda: written(path)[-200:] == list(range(first, first + 200)))
            need(dump.poll() is None, 'tcpdump ended')
        need(slowest < 2, 'it came back after %.1f s' % slowest)
        pacf.lua("pkteng.stop{engine='l'} pkteng.start{engine='l'}")
        until('attached', lambda: channel_of(pacf.stats('l'), 'pacf:l{0')['state'] == 'attached', 5)
        data.send(1)
        until('one more', lambda: written(path) == list(range(data.n)))
        dump.send_signal(signal.SIGINT)
        said = dump.communicate(timeout=20)[1]
        need(dump.returncode == 0 and '%d packets captured' % data.n in said, 'tcpdump: %s' % said)
        pacf.close()
    finally:
        if dump is not None and dump.poll() is None:
            dump.kill()
        pacf.kill()
    print('killed: tcpdump was back within %.2f s' % slowest)


def file_ends(folder):
    """Of a capture file: the daemon's end is the program's."""
    sent = os.path.join(folder, 'sent.pcap')
    pacf = Daemon(folder)
    try:
        pacf.lua("pkteng.new{name='f', type='pcap'} pkteng.link{engine='f', ifname='%s', loop=true} "
                 "pkteng.open_channel{engine='f', channel='pacf:f{0'} pkteng.start{engine='f'}" % sent)
        dump = subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-n', '-i', 'pacf:f}0', '-w', '/dev/null'],
                                stderr=subprocess.PIPE, text=True)
        until('attached', lambda: channel_of(pacf.stats('f'), 'pacf:f{0')['state'] == 'attached', 5)
    finally:
        pacf.kill()
    said = dump.communicate(timeout=20)[1]
    need('closed the channel or ended' in said, 'tcpdump: %s' % said)


def main():
    folder = tempfile.mkdtemp(prefix='hold-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    pacf = Daemon(folder)
    try:
        played(pacf, folder)
        overflow(pacf, folder)
        if os.geteuid() == 0:
            live(pacf, folder)
        pacf.close()
        if os.geteuid() == 0:
            killed(folder)
        file_ends(folder)
    except Failed as failed:
        print('FAILED: %s' % failed)
        return 1
    finally:
        Client.kill_everyone()
        pacf.kill()
    subprocess.run(['rm', '-r', folder], check=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
