#!/usr/bin/env python3
"""The figures add up, for each engine, group and channel, with all rules at once, whatever consumers do.

usage: ledger.py [CASE ...]

traces: every capture of the traces goes to files with filters, samples, snaplens and groups, below a
DROP channel; what a filter lets through is what tcpdump finds (three expressions for each capture, in
turn; with PACF_SOAK=1 all), and what the figures say is in the files.

consumers: real packets go to channels with every policy, while one consumer is killed, another one
leaves its channel to its group and a third one's channel waits for the next, two are stopped and go
on, and a channel is closed.  The ledger is asked for all the while.

PACF, BADCLIENT: the programs.  PACF_SHARED: the folder that holds traces/.
"""
import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys

import captures
from daemon import (Client, Daemon, Failed, channel_of, check_ledger, dropped, list_channels, need,
                    records_read, stop_process, until)
from partition import lua_text
from rules import EXPRESSIONS

BIG, RULE = 1000, 'greater 1000'  # what the DROP channel takes out, in both cases
SECONDS, SMALL_RING = 4, 256      # consumers: length of the capture, ring of those that are stopped


def content(packets, snaplen=1 << 20):
    """Equal packets match the same filters; times are not compared, nor is order."""
    return collections.Counter((p.len, p.data[:snaplen]) for p in packets)


def cut(found, snaplen):
    whole = collections.Counter()
    for (length, data), n in found.items():
        whole[length, data[:snaplen]] += n
    return whole


def tcpdump(path, expression):
    """The content that matches, of a file that is cut off up to there, or None: the expression is not for
    that link type."""
    run = subprocess.run(['tcpdump', '-nn', '-r', path, '-w', '-', expression], check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if not run.stdout:
        return None
    return content(captures.read_classic(run.stdout, '<', 1000)[1])


def without(found, big=BIG):
    """What the DROP channel leaves of it."""
    return collections.Counter({key: n for key, n in found.items() if key[0] < big})


def matched(channel):
    return channel['received_pkts'] - channel['filtered_pkts'] - channel['unsampled_pkts']


class Trace:
    """One capture of the traces, and the engine that has read it."""

    def __init__(self, daemon, folder, path, first):
        self.folder, self.path = folder, path
        linktype, self.packets, _ = captures.read_capture(path)
        self.flows = linktype in captures.SUPPORTED  # else COPY and DROP only
        self.wanted = {}
        self.choose(first)
        self.args = dict(self.channels())
        self.stats = self.run(daemon)
        # Cut off, or not for libpcap to the end: then the engine got what comes before.
        self.packets = self.packets[:self.stats['counters']['received_pkts']]
        self.kept = without(content(self.packets))

    def choose(self, first):
        wanted = len(EXPRESSIONS) if os.environ.get('PACF_SOAK') else 3
        for i in range(len(EXPRESSIONS)):
            expression = EXPRESSIONS[(first + i) % len(EXPRESSIONS)]
            found = tcpdump(self.path, expression) if len(self.wanted) < wanted else None
            if found is not None:
                self.wanted[expression] = without(found)

    def file(self, name):
        return os.path.join(self.folder, name)

    def channels(self):
        """Lua arguments."""
        some = lua_text(next(iter(self.wanted)))
        for i, expression in enumerate(self.wanted):
            args = ('', ', snaplen=64', ', sample=3' if self.flows else '')[i % 3]
            yield 'pcap:' + self.file('c%d' % i), "action='COPY', filter=%s%s" % (lua_text(expression), args)
        yield 'pacf:nobody{0', "action='COPY', when_detached='drop', filter=%s" % some
        yield 'pacf:no{0', "action='DROP', filter='%s'" % RULE
        if not self.flows:
            return
        yield 'pcap:' + self.file('a0'), "group='a', filter=" + some
        yield 'pcap:' + self.file('a1'), "group='a'"
        yield 'pcap:' + self.file('b0'), "group='b', fields='2tuple', sample=2"
        yield 'pcap:' + self.file('b1'), "group='b', fields='2tuple', snaplen=40"

    def run(self, daemon):
        opens = ' '.join("pkteng.open_channel{engine='t', channel=%s, %s}" % (lua_text(name), args)
                         for name, args in self.args.items())
        stats, failed = daemon.lua(
            "pkteng.new{name='t', type='pcap'} pkteng.link{engine='t', ifname=%s} %s pkteng.start{engine='t'} "
            "local ok = pcall(pkteng.wait, {engine='t', timeout=60}) local s = pkteng.stats{engine='t'} "
            "pkteng.delete{engine='t'} return {s, not ok}" % (lua_text(os.path.abspath(self.path)), opens))
        check_ledger(stats)
        received = stats['counters']['received_pkts']
        need(received == len(self.packets) or failed, 'received %d of %d' % (received, len(self.packets)))
        return stats

    def channel(self, name):
        return channel_of(self.stats, 'pcap:' + self.file(name))

    def got(self, name):
        """A file's content: the number of packets and bytes is the channel's."""
        packets, channel = captures.read_capture(self.file(name))[1], self.channel(name)
        need(len(packets) == channel['delivered_pkts'] == matched(channel), 'file of %s' % channel)
        need('sample' in self.args[channel['channel']] or channel['unsampled_pkts'] == 0, 'sample of %s' % channel)
        need('filter' in self.args[channel['channel']] or channel['filtered_pkts'] == 0, 'filter of %s' % channel)
        need(sum(len(p.data) for p in packets) == channel['delivered_bytes'], 'bytes of %s' % channel)
        return content(packets)

    def check(self):
        gone = len(self.packets) - sum(self.kept.values())
        need(self.stats['counters']['drop_rule_pkts'] == gone, '%d were to be dropped' % gone)
        for i, (expression, wanted) in enumerate(self.wanted.items()):
            got, channel = self.got('c%d' % i), self.channel('c%d' % i)
            if i % 3 == 2 and self.flows:
                need(got <= wanted, '"%s" and sampled: other packets' % expression)
                continue
            need(matched(channel) == sum(wanted.values()), '"%s" matches %d, tcpdump says %d' % (
                expression, matched(channel), sum(wanted.values())))
            need(got == cut(wanted, 64 if i % 3 == 1 else None), '"%s": other packets than tcpdump' % expression)
        wanted = next(iter(self.wanted.values()))
        nobody = channel_of(self.stats, 'pacf:nobody{0')
        need(nobody['drop_no_consumer_pkts'] == matched(nobody) == sum(wanted.values()), 'nobody: %s' % nobody)
        if self.flows:
            self.check_groups(wanted)

    def check_groups(self, wanted):
        a0, a1 = self.got('a0'), self.got('a1')
        need(a1 <= self.kept, 'group a: other packets')
        # What is not the second's was the first's to be filtered.
        need(a0 == (self.kept - a1) & wanted, 'group a: the filter of one')
        b0, b1 = self.got('b0'), self.got('b1')
        need(b0 <= self.kept and b1 <= content(self.packets, 40), 'group b: other packets')


def readable():
    """Captures, with those of link types that nobody parses, that libpcap opens."""
    for folder, folders, names in os.walk(os.path.join(os.environ['PACF_SHARED'], 'traces')):
        folders.sort()
        for path in sorted(os.path.join(folder, name) for name in names):
            try:
                captures.read_capture(path)
            except (captures.Unreadable, OSError):
                continue
            if tcpdump(path, '') is not None:
                yield path


def case_traces(daemon, folder):
    packets = counts = 0
    paths = list(readable())
    need(paths, 'no captures in %s/traces' % os.environ['PACF_SHARED'])
    for number, path in enumerate(paths):
        try:
            trace = Trace(daemon, folder, path, number)
            trace.check()
        except Failed as why:
            raise Failed('%s: %s' % (path, why)) from None
        packets += len(trace.packets)
        counts += len(trace.wanted)
    return '%d captures, %d packets, %d filters as tcpdump' % (len(paths), packets, counts)


# Of each channel the arguments; who reads `pacf:x{NAME` is told below what to do.
CONSUMERS = {
    'kept': "group='g'",
    'moved': "group='g', when_detached='rebalance'",
    'closed': "group='g'",
    'stopped': "group='h', fields='2tuple', filter='ip', when_full='drop', size=%d" % SMALL_RING,
    'sampled': "group='h', fields='2tuple', sample=3, snaplen=80",
    'gone': "action='COPY', filter='tcp', snaplen=100, when_detached='drop'",
    'again': "action='COPY', filter='udp', when_detached='wait'",
    'frozen': "action='COPY', filter='ip', sample=2, when_full='drop', size=%d" % SMALL_RING,
    'all': "action='COPY', snaplen=60",
    'absent': "action='COPY', filter='ip6', when_detached='drop'",
}
WAITS = "when_full='wait', when_detached='wait'"


class Consumers:
    """The engine, its capture, and who reads."""

    def __init__(self, daemon, folder):
        self.daemon, self.folder, self.clients, self.snapshots = daemon, folder, {}, 0
        path = self.capture_make()
        self.kept = without(content(self.packets))
        self.wanted = {e: without(tcpdump(path, e)) for e in ('tcp', 'udp', 'ip', 'ip6', 'not ip')}
        daemon.lua("pkteng.new{name='x', type='pcap'} pkteng.link{engine='x', ifname='%s', speed=1}" % path)
        for name, args in CONSUMERS.items():
            policy = ''.join(', ' + w for w in WAITS.split(', ') if w.split('=')[0] not in args)
            daemon.lua("pkteng.open_channel{engine='x', channel='pacf:x{%s', %s%s}" % (name, args, policy))
        daemon.lua("pkteng.open_channel{engine='x', channel='pcap:%s', action='COPY', filter='not ip'} "
                   "pkteng.open_channel{engine='x', channel='pacf:no{0', action='DROP', filter='%s'}" %
                   (self.path('file'), RULE))

    def capture_make(self):
        """All Ethernet packets of the traces, in order, at an even pace."""
        packets = []
        for capture in captures.find_captures([]):
            if capture.linktype == 1:
                packets += capture.packets
        need(packets, 'no Ethernet in the traces')
        self.packets = [p._replace(ts_ns=10**18 + i * SECONDS * 10**9 // len(packets))
                        for i, p in enumerate(packets)]
        captures.write_capture(self.path('real.pcap'), 1, self.packets)
        return self.path('real.pcap')

    def path(self, name):
        return os.path.join(self.folder, name)

    def attach(self, channel, name=None):
        """A good reader; name: if there are several."""
        client = Client('read', 'pacf:x}%s' % channel, self.path(name or channel))
        self.clients[name or channel] = client
        until('%s is attached' % channel, lambda: list_channels().get('pacf:x}' + channel) == client.pid)

    def look(self):
        """The figures, which add up."""
        stats = self.daemon.stats('x')
        check_ledger(stats)
        self.snapshots += 1
        return stats

    def channel(self, name):
        return channel_of(self.look(), 'pacf:x{' + name)

    def received(self):
        return self.look()['counters']['received_pkts']

    def until_received(self, share):
        until('%g of the capture' % share, lambda: self.received() >= share * len(self.packets))

    def kill(self, name):
        until('%s reads' % name, lambda: self.channel(name)['delivered_pkts'] > self.channel(name)['waiting'])
        self.clients[name].signal(signal.SIGKILL)
        self.clients[name].end(-signal.SIGKILL)
        until('%s is released' % name, lambda: self.look() and not list_channels()['pacf:x}' + name])

    def records(self, *names):
        """What these readers got, which the channel's arguments allow."""
        return sum((content(records_read(self.path(name))) for name in names), collections.Counter())


def consumers_run(x):
    """Everything happens to somebody.  Returns the figures at the end."""
    for name in CONSUMERS:
        if name != 'absent':
            x.attach(name)
    x.look()
    x.daemon.lua("pkteng.start{engine='x'}")
    x.until_received(0.1)
    for name in ('stopped', 'frozen'):
        stop_process(x.clients[name].pid)
    x.until_received(0.25)
    x.kill('gone')
    x.kill('moved')
    x.until_received(0.4)
    x.daemon.lua("pkteng.close_channel{engine='x', channel='pacf:x{closed'}")
    need(x.clients['closed'].end(1)[1], 'the reader of the closed channel says nothing')
    x.until_received(0.55)
    x.kill('again')
    stalled = x.look()['counters']['stalled_turns']
    until('the engine waits', lambda: x.look()['counters']['stalled_turns'] > stalled)
    x.attach('again', 'again2')
    x.until_received(0.7)
    x.attach('moved', 'moved2')
    for name in ('stopped', 'frozen'):
        need(x.channel(name)['waiting'] == SMALL_RING, 'the ring of %s is not full' % name)
        x.clients[name].signal(signal.SIGCONT)
    until('the end', lambda: x.look()['state'] == 'ended')
    for name in ('kept', 'stopped', 'sampled', 'frozen', 'all', 'again2', 'moved2'):
        count, received, lost = x.clients[name].figures()
        need(count == received - lost == len(records_read(x.path(name))),
             '%s: read %d, received %d, lost %d' % (name, count, received, lost))
    return x.look()


def check_killed(x, channel, first, again):
    """What the killed one gave back, it had read; all the rest is unread, or the next one's."""
    given_back = channel['delivered_pkts'] - channel['unread_pkts'] - sum(x.records(*again).values())
    need(0 < given_back <= sum(x.records(first).values()),
         '%s: %d were given back: %s' % (first, given_back, channel))


def check_copies(x, of):
    """Filters count what tcpdump finds, whoever was there to read it."""
    for name, expression in (('gone', 'tcp'), ('again', 'udp'), ('absent', 'ip6'), ('file', 'not ip')):
        need(matched(of[name]) == sum(x.wanted[expression].values()) > 0, '"%s": %s' % (expression, of[name]))
    need(of['absent']['drop_no_consumer_pkts'] == matched(of['absent']), 'absent: %s' % of['absent'])
    need(dropped(of['file']) == dropped(of['again']) == dropped(of['all']) == 0, 'lost: %s' % of)
    need(content(captures.read_capture(x.path('file'))[1]) == x.wanted['not ip'], 'the file')
    need(x.records('all') == cut(x.kept, 60), 'a COPY with snaplen')
    need(x.records('gone') <= cut(x.wanted['tcp'], 100), 'the killed one read other packets')
    check_killed(x, of['gone'], 'gone', [])
    need(of['gone']['drop_no_consumer_pkts'] > 0, 'nobody came: %s' % of['gone'])
    need(x.records('again2') <= x.wanted['udp'] and x.records('again') <= x.wanted['udp'], 'other packets')
    check_killed(x, of['again'], 'again', ['again2'])


def check_groups(x, of, stats):
    closed = next(g for g in stats['groups'] if g['group'] == 'g')['closed']
    need(0 < sum(x.records('closed').values()) <= closed['delivered_pkts'], 'closed: %s' % closed)
    need(dropped(of['kept']) == dropped(of['moved']) == 0, 'group g lost packets')
    need(sum(x.records('kept').values()) == of['kept']['delivered_pkts'] == of['kept']['received_pkts'], 'kept')
    check_killed(x, of['moved'], 'moved', ['moved2'])
    need(x.records('moved2'), 'its flows did not come back')
    # No packet went to two of them, but what was read by the killed one and not given back.
    need(x.records('kept', 'moved', 'moved2', 'closed') <= x.kept, 'group g: other packets')
    need(x.records('sampled') <= cut(x.kept, 80) and of['sampled']['unsampled_pkts'] > 0 and
         sum(x.records('sampled').values()) == of['sampled']['delivered_pkts'] == matched(of['sampled']),
         'sampled: %s' % of['sampled'])


def check_stopped(x, of):
    for name in ('stopped', 'frozen'):
        need(x.records(name) <= x.wanted['ip'] and of[name]['filtered_pkts'] > 0, '%s: other packets' % name)
        need(sum(x.records(name).values()) == of[name]['delivered_pkts'] and of[name]['unread_pkts'] == 0,
             '%s did not read all: %s' % (name, of[name]))
        need(of[name]['drop_ring_full_pkts'] > 0 and of[name]['drop_no_consumer_pkts'] == 0,
             '%s was stopped: %s' % (name, of[name]))
    need(of['frozen']['unsampled_pkts'] > 0, 'frozen: %s' % of['frozen'])


def case_consumers(daemon, folder):
    x = Consumers(daemon, folder)
    stats = consumers_run(x)
    need(stats['counters']['received_pkts'] == len(x.packets), 'not all was received')
    need(stats['counters']['distributed_pkts'] == sum(x.kept.values()), 'the DROP channel')
    of = {c['channel'].rpartition('{')[2].rpartition('/')[2]: c for c in stats['channels']}
    check_copies(x, of)
    check_groups(x, of, stats)
    check_stopped(x, of)
    daemon.lua("pkteng.delete{engine='x'}")
    return '%d packets; the ledger was right %d times' % (len(x.packets), x.snapshots)



CASES = collections.OrderedDict((name[5:], value) for name, value in list(globals().items())
                                if name.startswith('case_'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('cases', nargs='*', metavar='CASE', help=' '.join(CASES))
    args = parser.parse_args()
    shared = os.environ.setdefault('PACF_SHARED', os.path.join(os.environ.get('SRC', '.'), '..', 'shared'))
    if not shutil.which('tcpdump') or not os.path.isdir(os.path.join(shared, 'traces')):
        print('skipped: no tcpdump, or no %s/traces' % shared)
        return 77
    status = 0
    for name in args.cases or CASES:
        with captures.scratch() as folder:
            os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
            os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
            daemon = Daemon(folder)
            try:
                print('ok: %s: %s' % (name, CASES[name](daemon, folder)), flush=True)
                daemon.close()
            except Failed as why:
                print('FAILED: %s: %s' % (name, why), flush=True)
                status = 1
            finally:
                daemon.kill()
                Client.kill_everyone()
    return status


if __name__ == '__main__':
    sys.exit(main())
