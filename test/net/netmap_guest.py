#!/usr/bin/env python3
"""Engines and channels of netmap, on real netmap: run by netmap-vm.sh in its machine.

usage: netmap_guest.py [CASE ...]

NETMAP_APPS: the folder of pkt-gen and lb.  PACF, PACF_RUN, PACF_GEN: the programs.
"""
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import captures
from daemon import Daemon, Failed, check_ledger, need, until

N = 4
SEED_ENGINE = "pkteng.new({name='e0', type='netmap'}) pkteng.link({engine='e0', ifname='%s'})"
SEED_CHANNEL = "pkteng.open_channel({engine='e0', channel='netmap:%s{%d', action='%s'%s})"
FLOWS = ('-s', '10.0.0.1:1000-10.0.0.1:2000', '-d', '10.1.0.1:2000-10.1.0.1:2010')


def tool(name):
    for path in ('%s/%s' % (name, name), name):
        path = os.path.join(os.environ['NETMAP_APPS'], path)
        if os.path.isfile(path):
            return path
    raise Failed('no %s in NETMAP_APPS' % name)


class Reader:
    """A pkt-gen that receives."""
    everyone = []

    def __init__(self, port):
        self.process = subprocess.Popen([tool('pkt-gen'), '-i', 'netmap:' + port, '-f', 'rx', '-w', '1'],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        Reader.everyone.append(self)

    def end(self, signo=signal.SIGINT):
        """How many packets it got."""
        self.process.send_signal(signo)
        out = self.process.communicate(timeout=30)[0].decode(errors='replace')
        if 'Received nothing.' in out:
            return 0
        said = re.findall(r'^Received (\d+) packets', out, re.M)
        need(signo != signal.SIGINT or said, 'pkt-gen did not say what it got: ' + out[-500:])
        return int(said[-1]) if said else None


def generate(port, count, rate=20000, more=()):
    out = subprocess.run([tool('pkt-gen'), '-i', 'netmap:' + port, '-f', 'tx', '-n', str(count), '-R', str(rate),
                          '-w', '1', *FLOWS, *more], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                         check=False)
    said = re.findall(r'Sent (\d+) packets', out.stdout + out.stderr)
    need(said, 'pkt-gen did not send: ' + (out.stdout + out.stderr)[-500:])
    return int(said[-1])


def start(daemon, port, action='SAMPLE', n=N, more=''):
    daemon.lua(SEED_ENGINE % port)
    for i in range(n):
        daemon.lua(SEED_CHANNEL % (port, i, action, more))
    daemon.lua("pkteng.start({engine='e0'})")


def settled(daemon, name='e0'):
    """Statistics once nothing comes any more and all that was taken has been read."""
    last = None
    end = time.monotonic() + 30
    while True:
        stats = daemon.stats(name)
        now = (stats['counters']['received_pkts'], sum(c['waiting'] for c in stats['channels']))
        if now == last and now[1] == 0:
            return stats
        need(time.monotonic() < end, 'does not settle: %s' % (now,))
        last = now
        time.sleep(0.3)


def shares(lab, action, emulated=False):
    port, sender = ('nm0', 'nm1') if emulated else ('vale0:a', 'vale0:g')
    if emulated:
        veth('nm0', 'nm1')
    daemon = lab.start()
    start(daemon, port, action)
    readers = [Reader('%s}%d' % (port, i)) for i in range(N)] if action != 'DROP' else []
    time.sleep(2)
    sent = generate(sender, 40000, 5000 if emulated else 20000)
    stats = settled(daemon) if action != 'DROP' else daemon.stats('e0')
    got = [reader.end() for reader in readers]
    check_ledger(stats)
    received = stats['counters']['received_pkts']
    print('%s on %s: sent %d, received %d, readers %s; %s' % (action, port, sent, received, got,
                                                              stats['links'][0].get('mode')))
    # What VALE or the emulation dropped before us no counter shows; the rate is far below what they do.
    need(0.9 * sent <= received <= sent + 20, 'received %d of %d' % (received, sent))
    if action == 'DROP':
        need(stats['counters']['drop_rule_pkts'] == received, 'not all dropped')
        return
    delivered = [c['delivered_pkts'] for c in stats['channels']]
    need(got == delivered, 'readers got %s, delivered %s' % (got, delivered))
    need(all(c['drop_ring_full_pkts'] == 0 for c in stats['channels']), 'a ring was full')
    if action == 'COPY':
        need(all(n == received for n in got), 'a copy is not whole')
    else:
        need(sum(got) == received and min(got) > 0.15 * received, 'shares %s of %d' % (got, received))
    need(('emulated' in stats['links'][0]['mode']) == emulated, stats['links'][0]['mode'])


def case_seed(lab):
    shares(lab, 'SAMPLE')


def case_copy(lab):
    shares(lab, 'COPY')


def case_drop(lab):
    shares(lab, 'DROP')


def case_emulated(lab):
    shares(lab, 'SAMPLE', True)


def veth(near, far):
    subprocess.run(['ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far], check=True)
    for name in (near, far):
        with open('/proc/sys/net/ipv6/conf/%s/disable_ipv6' % name, 'w', encoding='ascii') as f:
            f.write('1')
        subprocess.run(['ip', 'link', 'set', name, 'arp', 'off', 'up'], check=True)


def sorted_bytes(packets):
    return collections.Counter(p.data for p in packets)


def case_flows(lab):
    """A capture goes into VALE, through the engine and out of four pipes into files: nothing altered, no
    conversation torn, each packet where a pcap engine with the same key puts it."""
    source = lab.path('source.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--flows', '200', '--packets', '4000', '--vlan', '20', '-o', source], check=True)
    # To all: VALE is a bridge, and keeps a frame to a station that has sent from the same port.
    packets = [p._replace(data=b'\xff' * 6 + p.data[6:]) for p in captures.read_capture(source)[1] if len(p.data) <= 1514]
    captures.write_capture(source, 1, packets)
    daemon = lab.start()
    daemon.lua('pacf.hash_key(77)')
    start(daemon, 'vale0:a')
    for i in range(N):
        daemon.lua("pkteng.new({name='r%d', type='netmap'}) pkteng.link({engine='r%d', ifname='vale0:a}%d'}) "
                   "pkteng.open_channel({engine='r%d', channel='pcap:%s', action='COPY'}) pkteng.start({engine='r%d'})"
                   % (i, i, i, i, lab.path('part%d.pcap' % i), i))
    daemon.lua("pkteng.new({name='tx', type='pcap'}) pkteng.link({engine='tx', ifname='%s', speed=0.2}) "
               "pkteng.open_channel({engine='tx', channel='netmap:vale0:tx', action='COPY'}) pkteng.start({engine='tx'}) "
               "pkteng.wait({engine='tx', timeout=60})" % source, 90)
    stats = settled(daemon)
    check_ledger(stats)
    received = stats['counters']['received_pkts']
    until('the readers have it', lambda: sum(daemon.stats('r%d' % i)['counters']['received_pkts']
                                             for i in range(N)) == received)
    daemon.lua("pkteng.new({name='f', type='pcap'}) pkteng.link({engine='f', ifname='%s'})" % source)
    for i in range(N):
        daemon.lua("pkteng.stop({engine='r%d'})" % i)
        daemon.lua("pkteng.open_channel({engine='f', channel='pcap:%s'})" % lab.path('file%d.pcap' % i))
    daemon.lua("pkteng.start({engine='f'}) pkteng.wait({engine='f', timeout=60}) pkteng.stop({engine='f'})", 90)
    print('flows: %d of %d packets arrived' % (received, len(packets)))
    need(received == len(packets), 'VALE lost %d packets at this pace' % (len(packets) - received))
    for i in range(N):
        part, file = (captures.read_capture(lab.path('%s%d.pcap' % (stem, i)))[1] for stem in ('part', 'file'))
        need(sorted_bytes(part) == sorted_bytes(file), 'channel %d: %d packets, from the file %d' % (i, len(part), len(file)))
        need([p.data for p in part] == [p.data for p in file], 'channel %d: another order' % i)


def case_readers(lab):
    """One is there first, one comes late, one is killed, one is stopped: the others lose nothing."""
    early = Reader('vale0:a}0')
    time.sleep(1)
    daemon = lab.start()
    start(daemon, 'vale0:a', 'COPY')
    killed, stopped = Reader('vale0:a}2'), Reader('vale0:a}3')
    time.sleep(2)
    sent = generate('vale0:g', 5000)
    killed.end(signal.SIGKILL)
    stopped.process.send_signal(signal.SIGSTOP)
    sent += generate('vale0:g', 20000)
    late = Reader('vale0:a}1')
    again = Reader('vale0:a}2')
    time.sleep(1)
    stopped.process.send_signal(signal.SIGCONT)
    sent += generate('vale0:g', 5000)
    stats = settled(daemon)
    check_ledger(stats)
    received = stats['counters']['received_pkts']
    got = early.end()
    need(got == received, 'the first one got %d of %d' % (got, received))
    rest = [reader.end() for reader in (late, again, stopped)]
    lost = [c['drop_ring_full_pkts'] for c in stats['channels']]
    print('readers: %d received, first %d, late, again and stopped %s, lost by channel %s' % (received, got, rest, lost))
    need(lost[0] == 0 and all(n > 0 for n in lost[1:]), 'lost by channel: %s' % lost)
    need(rest[2] + lost[3] == received, 'stopped: %d and %d lost, of %d' % (rest[2], lost[3], received))
    need(all(n >= 4900 for n in rest), 'who came back got %s' % rest)


def case_oldest(lab):
    """when_full="drop_oldest": a reader that comes late gets the newest."""
    daemon = lab.start()
    start(daemon, 'vale0:a', 'COPY', 1, ", when_full='drop_oldest', size=512")
    generate('vale0:g', 10000)
    def channel_now():
        return daemon.stats('e0')['channels'][0]
    until('the rest waits: %s' % channel_now(), lambda: channel_now()['delivered_pkts'] - channel_now()['unread_pkts']
          == channel_now()['waiting'] > 0)
    channel = channel_now()
    check_ledger(daemon.stats('e0'))
    need(channel['drop_ring_full_pkts'] == 0 and channel['unread_pkts'] > 0, 'let go of: %s' % channel)
    reader = Reader('vale0:a}0')
    time.sleep(2)
    stats = settled(daemon)
    got = reader.end()
    channel = stats['channels'][0]
    need(got + channel['unread_pkts'] == channel['delivered_pkts'], 'got %d: %s' % (got, channel))


def case_wait(lab):
    """A file into pipes waits for its readers: nothing is lost."""
    source = lab.path('source.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--flows', '100', '--packets', '30000', '--len', '100', '-o', source], check=True)
    daemon = lab.start()
    daemon.lua("pkteng.new({name='e0', type='pcap'}) pkteng.link({engine='e0', ifname='%s'})" % source)
    # A pipe needs a port to hang on: a VALE port, which is there while somebody has it.
    holder = Reader('vale0:a')
    time.sleep(1)
    for i in range(2):
        daemon.lua(SEED_CHANNEL % ('vale0:a', i, 'SAMPLE', ''))
    daemon.lua("pkteng.start({engine='e0'})")
    time.sleep(1)
    readers = [Reader('vale0:a}%d' % i) for i in range(2)]
    daemon.lua("pkteng.wait({engine='e0', timeout=60})", 90)
    stats = daemon.stats('e0')
    check_ledger(stats)
    time.sleep(1)
    got = [reader.end() for reader in readers]
    holder.end()
    need(sum(got) == 30000, 'readers got %s' % got)


def case_shared_memory(lab):
    """An unmodified tcpdump reads a pacf: channel of a netmap engine, beside a pipe."""
    daemon = lab.start()
    daemon.lua(SEED_ENGINE % 'vale0:a')
    daemon.lua("pkteng.open_channel({engine='e0', channel='pacf:a{0', action='COPY'})")
    daemon.lua(SEED_CHANNEL % ('vale0:a', 1, 'COPY', ''))
    daemon.lua("pkteng.start({engine='e0'})")
    dump = lab.path('dump.pcap')
    tcpdump = subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-n', '-U', '-Z', 'root', '-w', dump, '-i', 'pacf:a}0'],
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until('tcpdump is attached', lambda: daemon.stats('e0')['channels'][0]['state'] == 'attached')
    reader = Reader('vale0:a}1')
    time.sleep(1)
    generate('vale0:g', 10000)
    stats = settled(daemon)
    check_ledger(stats)
    tcpdump.send_signal(signal.SIGINT)
    tcpdump.communicate(timeout=20)
    received = stats['counters']['received_pkts']
    written = len(captures.read_capture(dump)[1])
    got = reader.end()
    need(written == received == got, 'tcpdump wrote %d, the pipe gave %d, of %d' % (written, got, received))


def case_murder(lab):
    """kill -9, again and again, while packets come: the next start finds nothing in its way."""
    rounds = 50 if os.environ.get('NETMAP_FULL') else 10
    sender = subprocess.Popen([tool('pkt-gen'), '-i', 'netmap:vale0:g', '-f', 'tx', '-R', '20000', *FLOWS],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    readers = None
    try:
        for i in range(rounds):
            daemon = lab.start()
            start(daemon, 'vale0:a')
            readers = readers or [Reader('vale0:a}%d' % k) for k in range(N)]
            until('packets in round %d' % i, lambda: daemon.stats('e0')['counters']['received_pkts'] > 500)
            extra = int(re.findall(r'(\d+) extra', daemon.stats('e0')['links'][0]['mode'])[0])
            need(extra > 10000, 'round %d: only %d buffers are left' % (i, extra))
            daemon.kill()
        got = [reader.end() for reader in readers]
        need(all(n > 0 for n in got), 'a reader that stayed got nothing: %s' % got)
        print('murder: %d times; readers that stayed got %s' % (rounds, got))
    finally:
        sender.kill()
        sender.wait()


def case_life(lab):
    """The interface goes away and comes back, under the daemon."""
    veth('nm0', 'nm1')
    daemon = lab.start()
    start(daemon, 'nm0')
    for _ in range(3):
        before = daemon.stats('e0')['counters']['received_pkts']
        generate('nm1', 2000, 2000)
        until('packets', lambda: daemon.stats('e0')['counters']['received_pkts'] > before + 1000)
        subprocess.run(['timeout', '20', 'ip', 'link', 'delete', 'nm0'], check=True)
        until('it is gone', lambda: daemon.stats('e0')['links'][0]['state'] == 'gone')
        veth('nm0', 'nm1')
        until('it is up', lambda: daemon.stats('e0')['links'][0]['state'] == 'up', 5)
    subprocess.run(['ip', 'link', 'set', 'nm0', 'down'], check=True)
    until('it is down', lambda: daemon.stats('e0')['links'][0]['state'] == 'down', 5)
    check_ledger(daemon.stats('e0'))
    daemon.lua("pkteng.stop({engine='e0'})")


def rate_of_pacf(lab, count):
    daemon = lab.start()
    start(daemon, 'vale0:a')
    readers = [Reader('vale0:a}%d' % i) for i in range(N)]
    time.sleep(2)
    began = time.monotonic()
    sent = generate('vale0:g', count, 0)
    took = time.monotonic() - began - 1  # pkt-gen waits a second for its link
    stats = settled(daemon)
    got = sum(reader.end() for reader in readers)
    daemon.close()
    need(got == stats['counters']['distributed_pkts'] - sum(c['drop_ring_full_pkts'] for c in stats['channels']), 'ledger')
    return got / took, sent


def rate_of_lb(count):
    lb = subprocess.Popen([tool('lb'), '-i', 'netmap:vale1:a', '-p', str(N), '-B', '16384'], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    readers = [Reader('vale1:a}%d' % i) for i in range(N)]
    time.sleep(2)
    began = time.monotonic()
    sent = generate('vale1:g', count, 0)
    took = time.monotonic() - began - 1
    time.sleep(1)
    got = sum(reader.end() for reader in readers)
    lb.send_signal(signal.SIGINT)
    lb.wait(20)
    return got / took, sent


def case_rate(lab):
    """Packets per second through pacf and through netmap's lb, of the same generator, by turns."""
    ratios = []
    for _ in range(5 if os.environ.get('NETMAP_FULL') else 3):
        ours, _ = rate_of_pacf(lab, 3000000)
        theirs, _ = rate_of_lb(3000000)
        ratios.append(ours / theirs)
        print('netmap 60B 4 pipes: pacf %.0f kpps, lb %.0f kpps, ratio %.2f' % (ours / 1e3, theirs / 1e3, ratios[-1]))
    ratios.sort()
    print('netmap 60B 4 pipes: median ratio %.2f' % ratios[len(ratios) // 2])


class Lab:
    def __init__(self, folder):
        self.folder, self.daemon = folder, None

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        os.environ['PACF_RUNDIR'] = self.path('run')
        os.makedirs(os.environ['PACF_RUNDIR'], mode=0o700, exist_ok=True)
        self.daemon = Daemon(self.folder)
        return self.daemon

    def close(self):
        for reader in Reader.everyone:
            if reader.process.poll() is None:
                reader.process.kill()
            reader.process.communicate()
        Reader.everyone.clear()
        if self.daemon:
            self.daemon.kill()
        subprocess.run(['ip', 'link', 'delete', 'nm0'], check=False, stderr=subprocess.DEVNULL)


def main():
    cases = {name[5:]: body for name, body in globals().items() if name.startswith('case_')}
    failed = 0
    for name in sys.argv[1:] or [n for n in cases if n != 'rate']:
        with tempfile.TemporaryDirectory(prefix='nm-') as folder:
            lab, began = Lab(folder), time.monotonic()
            try:
                cases[name](lab)
                if lab.daemon.process.poll() is None:
                    lab.daemon.close()
                print('%s: ok (%.1f s)' % (name, time.monotonic() - began), flush=True)
            except (Failed, OSError, subprocess.SubprocessError) as wrong:
                failed += 1
                print('%s: FAILED: %s' % (name, wrong), flush=True)
                if lab.daemon:
                    print('pacf: ' + lab.daemon.last_words(), flush=True)
            finally:
                lab.close()
    return 1 if failed else 0


sys.exit(main())
