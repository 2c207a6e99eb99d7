#!/usr/bin/env python3
"""How much there may be of everything: it works at the limit, and one more is refused by a sentence that
names the limit; pacf(7) names it as well.

usage: limits.py [CASE ...]

memory   64 channels of one engine with an application each: packets come by all of them; then all
         applications stop, their rings fill up with ordinary and large packets, and the daemon with all
         that it shares with them stays below 1 GiB, without huge pages
attached 255 channels of one engine with an application each, under the usual limit of 1024 descriptors;
         all of them in the applications' list
crowd    more applications than descriptors: the daemon serves those it has, and the others later
counts   channels, groups, engines, links, batch, ring sizes, lengths of names
merged   64 engines feed one application

PACF, PACF_GEN, BADCLIENT: the programs.  SRC: the source tree, for the manual.
"""
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from daemon import Client, Daemon, Failed, check_ledger, cpu_ns, list_channels, need, stop_process, until

GIB = 2**30
RING = 4096  # slots, by default
LARGE = 2**18  # bytes
QUOTA = 8  # large packets in a ring


def generate(path, *args):
    subprocess.run([os.environ['PACF_GEN'], *args, path], check=True, stderr=subprocess.DEVNULL)
    return path


def with_large(path, source):
    """The capture with the largest packet there can be, of the same flow, behind every 64th."""
    with open(source, 'rb') as f:
        raw = f.read()
    out, at, n = [raw[:16] + struct.pack('<I', LARGE) + raw[20:24]], 24, 0
    while at < len(raw):
        head, caplen = raw[at:at + 8], struct.unpack_from('<I', raw, at + 8)[0]
        packet = raw[at + 16:at + 16 + caplen]
        out.append(raw[at:at + 16 + caplen])
        if n % 64 == 0:
            out.append(head + struct.pack('<II', LARGE, LARGE) + packet + bytes(LARGE - caplen))
        n += 1
        at += 16 + caplen
    with open(path, 'wb') as f:
        f.write(b''.join(out))
    return path


def status_of(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        pairs = (line.split(':', 1) for line in f)
        return {key: int(value.split()[0]) * 1024 for key, value in pairs if value.endswith('kB\n')}


def open_many(daemon, engine, count, more=''):
    daemon.lua("for i = 0, %d do pkteng.open_channel{engine='%s', channel='pacf:%s{' .. i%s} end" %
               (count - 1, engine, engine, more))


def names_it(daemon, code, limit):
    error = daemon.refused(code)
    need(re.search(r'\b%s\b' % limit, error), 'the limit %s is not in: %s' % (limit, error))


class Suite:
    def __init__(self, folder):
        self.folder = folder
        self.capture = generate(os.path.join(folder, 'small.pcap'), '--flows', '2000', '--packets', '20000')

    def engine(self, daemon, name, capture=None, more=''):
        daemon.lua("pkteng.new{name='%s', type='pcap'} pkteng.link{engine='%s', ifname='%s'%s}" %
                   (name, name, capture or self.capture, more))

    def memory(self, daemon):
        large = with_large(os.path.join(self.folder, 'large.pcap'), self.capture)
        self.engine(daemon, 'm', large, ', loop=true')
        open_many(daemon, 'm', 64, ", when_full='drop', when_detached='drop'")
        clients = [Client('poll', 'pacf:m}%d' % i) for i in range(64)]
        pids = {c.pid for c in clients}
        until('64 applications', lambda: pids <= set(list_channels().values()))
        daemon.lua("pkteng.start{engine='m'}")
        until('packets on all 64', lambda: self.all_flow(daemon, 'm', 64))
        before = [c['drop_large_full_pkts'] for c in daemon.stats('m')['channels']]
        for client in clients:
            stop_process(client.pid)
        until('64 full rings', lambda: all(c['waiting'] == RING and c['drop_large_full_pkts'] > n
                                           for c, n in zip(daemon.stats('m')['channels'], before)), 30)
        status = status_of(daemon.process.pid)
        print('  64 full rings: %d MiB, of these %d MiB shared' %
              (status['VmRSS'] >> 20, status['RssShmem'] >> 20))
        need(status['RssShmem'] > 64 * (RING * 2048 + QUOTA * LARGE), 'the rings are not full of packets')
        need(status['VmRSS'] <= GIB, 'more than 1 GiB')
        need(status.get('HugetlbPages', 0) == 0, 'huge pages')
        daemon.lua("pkteng.stop{engine='m'}")
        check_ledger(daemon.stats('m'))
        for client in clients:
            client.signal(signal.SIGCONT)
        for client in clients:
            client.end(1)  # stopped is not ended

    @staticmethod
    def all_flow(daemon, engine, count):
        channels = daemon.stats(engine)['channels']
        need(len(channels) == count, '%d channels' % len(channels))
        return all(c['delivered_pkts'] - c['waiting'] > 0 for c in channels)

    def attached(self, daemon):
        self.engine(daemon, 'a')
        open_many(daemon, 'a', 255, ', size=64')
        need(len(list_channels()) == 255, 'the list has %d of 255' % len(list_channels()))
        clients = [Client('poll', 'pacf:a}%d' % i) for i in range(255)]
        pids = {c.pid for c in clients}
        until('255 applications', lambda: pids <= set(list_channels().values()), 30)
        daemon.lua("pkteng.start{engine='a'}")
        counts = [client.figures()[0] for client in clients]
        need(sum(counts) == 20000 and all(counts), '255 readers: %s' % counts)
        check_ledger(daemon.stats('a'))

    def crowd(self, daemon):
        self.engine(daemon, 'c')
        open_many(daemon, 'c', 2)
        path = os.path.join(os.environ['PACF_RUNDIR'], 'attach.sock')
        reader = Client('poll', 'pacf:c}0')
        until('the reader', lambda: reader.pid in list_channels().values())
        crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(80)]
        for one in crowd:
            one.connect(path)
        late = Client('poll', 'pacf:c}1')
        before, start = cpu_ns(daemon.process.pid), time.monotonic()
        time.sleep(1)
        used = (cpu_ns(daemon.process.pid) - before) / 1e9 / (time.monotonic() - start)
        need(used < 0.05, 'out of descriptors, it spins: %.0f %% of a core' % (100 * used))
        need(late.process.poll() is None, 'the late one does not wait')
        for one in crowd:
            one.close()
        until('the late one', lambda: late.pid in list_channels().values())
        daemon.lua("pkteng.start{engine='c'}")
        need(reader.figures()[0] + late.figures()[0] == 20000, 'packets are missing')

    def counts(self, daemon):
        self.engine(daemon, 'e1')
        open_many(daemon, 'e1', 255)
        names_it(daemon, "pkteng.open_channel{engine='e1', channel='pacf:e1{255'}", 255)
        daemon.lua("pkteng.new{name='e2', type='pcap'}")
        open_many(daemon, 'e2', 64, ", group='g' .. i")
        names_it(daemon, "pkteng.open_channel{engine='e2', channel='pacf:e2{64', group='g64'}", 64)
        daemon.lua("pkteng.open_channel{engine='e2', channel='pacf:e2{64', group='g63'}")
        self.links(daemon)
        self.sizes(daemon)
        daemon.lua("for i = #pkteng.list() + 1, 64 do pkteng.new{name='x' .. i, type='pcap'} end")
        names_it(daemon, "pkteng.new{name='one_more', type='pcap'}", 64)
        daemon.lua("pkteng.delete{engine='x64'} pkteng.new{name='one_more', type='pcap'}")

    def links(self, daemon):
        for i in range(17):
            shutil.copy(self.capture, os.path.join(self.folder, 'link%d' % i))
        daemon.lua("pkteng.new{name='e3', type='pcap'}")
        link = "pkteng.link{engine='e3', ifname='%s/link' .. %%s, batch=1024}" % self.folder
        daemon.lua('for i = 0, 15 do %s end' % (link % 'i'))
        names_it(daemon, link % '16', 16)
        daemon.lua("pkteng.open_channel{engine='e3', channel='pcap:%s/out.pcap'} "
                   "pkteng.start{engine='e3'} pkteng.wait{engine='e3', timeout=30}" % self.folder)
        stats = daemon.stats('e3')
        check_ledger(stats)
        need([x['received_pkts'] for x in stats['links']] == [20000] * 16, '16 links: %s' % stats['links'])
        need(all(x['batch'] == 1024 for x in stats['links']), 'batch')

    def sizes(self, daemon):
        daemon.lua("pkteng.new{name='e4', type='pcap'}")
        channel = "pkteng.open_channel{engine='e4', channel='pacf:%s', size=%d}"
        for size, slots in ((8, 8), (9, 16), (2**20, 2**20)):
            daemon.lua(channel % ('s{%d' % size, size))
            found = [c['size'] for c in daemon.stats('e4')['channels'] if c['channel'] == 'pacf:s{%d' % size]
            need(found == [slots], 'size %d became %s' % (size, found))
        names_it(daemon, channel % ('s{7', 7), 8)
        names_it(daemon, channel % ('s{big', 2**20 + 1), 2**20)
        daemon.lua(channel % ('n' * 93 + '{0', 8))
        need('pacf:%s}0' % ('n' * 93) in list_channels(), 'a name of 95 bytes is cut')
        names_it(daemon, channel % ('n' * 94 + '{0', 8), 95)
        daemon.lua("pkteng.new{name='%s', type='pcap'}" % ('n' * 31))
        names_it(daemon, "pkteng.new{name='%s', type='pcap'}" % ('n' * 32), 31)
        group = "pkteng.open_channel{engine='e4', channel='pacf:g{%d', group='%s', size=8}"
        daemon.lua(group % (0, 'g' * 95))
        names_it(daemon, group % (1, 'g' * 96), 95)
        names_it(daemon, "pkteng.link{engine='e4', ifname='%s', batch=1025}" % self.capture, 1024)

    def merged(self, daemon):
        few = generate(os.path.join(self.folder, 'few.pcap'), '--flows', '20', '--packets', '500')
        for i in range(64):
            self.engine(daemon, 'm%d' % i, few)
            daemon.lua("pkteng.open_channel{engine='m%d', channel='pacf:all{0', size=64}" % i)
        reader = Client('poll', 'pacf:all}0')
        until('the reader', lambda: reader.pid in list_channels().values())
        daemon.lua("for i = 0, 63 do pkteng.start{engine='m' .. i} end")
        count, received, lost = reader.figures()
        need(count == received == 64 * 500 and lost == 0, '%d, %d, %d' % (count, received, lost))

    def manual(self, _):
        with open(os.path.join(os.environ['SRC'], 'man', 'pacf.7'), encoding='utf-8') as f:
            section = re.search(r'^\.Sh LIMITS\n(.*?)^\.Sh ', f.read(), re.S | re.M)
        need(section, 'pacf(7) has no section LIMITS')
        for limit in ('255', '64', '16', '1024', '1048576', '95', '31', '262144'):
            need(re.search(r'\b%s\b' % limit, section[1]), 'pacf(7) does not name the limit %s' % limit)

    def run(self, name):
        start = time.monotonic()
        daemon = None
        try:
            daemon = Daemon(self.folder, lambda: descriptors(64 if name == 'crowd' else 1024))
            getattr(self, name)(daemon)
            daemon.close()
        except Failed as wrong:
            print('FAILED: %s: %s' % (name, wrong))
            return False
        finally:
            Client.kill_everyone()
            if daemon:
                daemon.kill()
        print('ok: %s (%.1f s)' % (name, time.monotonic() - start))
        return True


def descriptors(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def main():
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        suite = Suite(folder)
        good = [suite.run(n) for n in sys.argv[1:] or ('memory', 'attached', 'crowd', 'counts', 'merged', 'manual')]
    print('%d passed, %d failed' % (good.count(True), good.count(False)))
    sys.exit(0 if all(good) else 1)


if __name__ == '__main__':
    main()
