#!/usr/bin/env python3
"""What a channel can ask for: filter, snaplen, sample, fields, group, rebalance; DROP with a filter.

usage: policy.py [CASE ...]
PACF, PACF_GEN, PACF_RUN: the programs.  tcpdump says what a filter means; exit status 77 without it.
"""
import collections
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from captures import read_capture

FILTERS = ('tcp', 'udp and ip6', 'tcp port 80 or (vlan and tcp port 80)', 'vlan', 'ip[6:2] & 0x3fff != 0',
           'greater 500', 'icmp or icmp6', 'src net 10.0.0.0/9')


class Failed(Exception):
    pass


def need(what, why):
    if not what:
        raise Failed(why)


def pacf(script):
    ran = subprocess.run([os.environ['PACF'], '-e', script], stdin=subprocess.DEVNULL, text=True,
                         capture_output=True, timeout=60)
    need(ran.returncode == 0, 'pacf ended with %d: %s\n%s' % (ran.returncode, ran.stderr, script))
    return ran.stdout


def split(capture, channels, after=''):
    """Opens the channels (tables in Lua), reads the capture, returns what `after` printed."""
    opened = ''.join('pkteng.open_channel{engine="e", %s}\n' % c for c in channels)
    return pacf('pkteng.new{name="e", type="pcap"} pkteng.link{engine="e", ifname="%s"}\n%s'
                'pkteng.start{engine="e"} assert(pkteng.wait{engine="e", timeout=50})\n%s\n%s' %
                (capture, opened, CHECK, after))


# Every channel's and group's ledger adds up.
CHECK = '''
do
	local s, sums = pkteng.stats("e"), {}
	for _, c in ipairs(s.channels) do
		local parts = c.delivered_pkts + c.filtered_pkts + c.unsampled_pkts + c.drop_ring_full_pkts +
			c.drop_large_full_pkts + c.drop_no_consumer_pkts + c.drop_sink_error_pkts
		assert(c.received_pkts == parts, c.channel .. " does not add up")
		if c.action == "SAMPLE" then
			sums[c.group] = (sums[c.group] or 0) + c.received_pkts
		elseif c.action == "COPY" then
			assert(c.received_pkts == s.counters.distributed_pkts)
		end
	end
	for _, g in ipairs(s.groups) do
		assert(g.received_pkts == s.counters.distributed_pkts)
		assert(g.received_pkts == sums[g.group] + g.closed.received_pkts, g.group)
	end
	local k = s.counters
	assert(k.received_pkts == k.distributed_pkts + k.drop_rule_pkts + k.drop_no_channel_pkts)
end
'''


def multiset(path):
    return collections.Counter(read_capture(path)[1])


def wanted(capture, expression, folder):
    out = os.path.join(folder, 'want.pcap')
    subprocess.run(['tcpdump', '-r', capture, '-w', out, expression], check=True, stderr=subprocess.DEVNULL)
    return multiset(out)


class Suite:
    def __init__(self, folder):
        self.folder = folder
        self.capture = self.path('in.pcap')
        subprocess.run([os.environ['PACF_GEN'], '--flows', '3000', '--packets', '30000', self.capture], check=True,
                       stderr=subprocess.DEVNULL)
        self.whole = multiset(self.capture)

    def path(self, name):
        return os.path.join(self.folder, name)

    def filters(self):
        """Each is what tcpdump makes of it; on SAMPLE channels, of each one's own flows."""
        channels = ['channel="pcap:%s", action="COPY", filter="%s"' % (self.path('f%d' % i), f)
                    for i, f in enumerate(FILTERS)]
        channels += ['channel="pcap:%s", group="g", filter="tcp"' % self.path('g%d' % i) for i in range(3)]
        split(self.capture, channels)
        for i, f in enumerate(FILTERS):
            need(multiset(self.path('f%d' % i)) == wanted(self.capture, f, self.folder), 'filter %s' % f)
        together = sum((multiset(self.path('g%d' % i)) for i in range(3)), collections.Counter())
        need(together == wanted(self.capture, 'tcp', self.folder), 'filtered SAMPLE channels')

    def refusals(self):
        for arguments, words in (('channel="x{0", filter="tcp prot 80"', ('tcp prot 80', 'prot')),
                                 ('channel="x{0", action="DROP", snaplen=9', ('DROP', 'snaplen')),
                                 ('channel="x{0", action="COPY", fields="2tuple"', ('COPY',)),
                                 ('channel="pcap:/tmp/x", when_detached="rebalance"', ('rebalance',))):
            said = pacf('pkteng.new{name="e", type="pcap"}\n'
                        'local ok, why = pcall(pkteng.open_channel, {engine="e", %s}) assert(not ok) print(why)'
                        % arguments)
            need(all(w in said for w in words), 'refusal of %s: %s' % (arguments, said))
        said = pacf('pkteng.new{name="e", type="pcap"} pkteng.open_channel{engine="e", channel="a{0", fields="2tuple"}\n'
                    'print(select(2, pcall(pkteng.open_channel, {engine="e", channel="a{1", fields="5tuple"})))')
        need('2tuple' in said, 'two fields in one group: %s' % said)

    def snaplen(self):
        split(self.capture, ['channel="pcap:%s", action="COPY", snaplen=70' % self.path('cut')])
        cut = collections.Counter()
        for packet, n in self.whole.items():
            cut[packet._replace(data=packet.data[:70])] += n
        need(multiset(self.path('cut')) == cut, 'snaplen')
        reader = self.path('read')
        script = self.path('snap.lua')
        with open(script, 'w') as f:
            f.write('pkteng.new{name="e", type="pcap"} pkteng.link{engine="e", ifname="%s"}\n'
                    'pkteng.open_channel{engine="e", channel="s{0", action="COPY", snaplen=70}\n'
                    'pkteng.start{engine="e"} pkteng.wait{engine="e", timeout=30}' % self.capture)
        daemon = subprocess.Popen([os.environ['PACF'], '-f', script], stdin=subprocess.DEVNULL)
        attach('s}0', ['tcpdump', '-w', reader]).wait(30)
        need(daemon.wait(30) == 0 and multiset(reader) == cut, 'snaplen of a shared-memory channel')

    def sample(self):
        """Whole flows, about 1 in n: a flow's packets are all there or none."""
        split(self.capture, ['channel="pcap:%s", action="COPY", sample=10' % self.path('tenth'),
                             'channel="pcap:%s", action="COPY", sample=1' % self.path('all')])
        need(multiset(self.path('all')) == self.whole, 'sample=1 is not everything')
        share = sum(multiset(self.path('tenth')).values()) / sum(self.whole.values())
        need(0 < share < 0.5, 'sample=10 has %.3f of the packets' % share)
        chosen, rest = streams(self.path('tenth')), streams(self.capture)
        need(all(rest[s] == n for s, n in chosen.items()), 'sample=10 has parts of flows')
        need(0.06 < len(chosen) / len(rest) < 0.15, 'sample=10 has %d of %d flows' % (len(chosen), len(rest)))

    def drop(self):
        split(self.capture, ['channel="no{0", action="DROP", filter="udp"',
                             'channel="no{1", action="DROP", filter="vlan"',
                             'channel="pcap:%s", action="COPY"' % self.path('kept'),
                             'channel="pcap:%s"' % self.path('kept1'), 'channel="pcap:%s"' % self.path('kept2')])
        kept = wanted(self.capture, 'not udp and not vlan', self.folder)
        need(multiset(self.path('kept')) == kept, 'DROP with filters')
        need(multiset(self.path('kept1')) + multiset(self.path('kept2')) == kept, 'DROP beside SAMPLE')

    def fields(self):
        """2tuple: all packets of two addresses are in one channel."""
        split(self.capture, ['channel="pcap:%s", fields="2tuple"' % self.path('p%d' % i) for i in range(3)])
        where = {}
        for i in range(3):
            for pair in set(pairs(self.path('p%d' % i))):
                need(where.setdefault(pair, i) == i, '%s is in two channels' % (pair,))
        need(len(set(where.values())) == 3, 'not all channels have packets')

    def closing(self):
        """Closing one of four moves only its own flows; opening it again moves only what it takes."""
        for name, close in (('before', None), ('after', 2)):
            channels = ['channel="pcap:%s"' % self.path('%s%d' % (name, i)) for i in range(4)]
            opened = ''.join('pkteng.open_channel{engine="e", %s}\n' % c for c in channels)
            closed = 'pkteng.close_channel{engine="e", channel="pcap:%s"}' % self.path('after2') if close else ''
            pacf('pkteng.new{name="e", type="pcap"} pkteng.link{engine="e", ifname="%s"}\n%s%s\n'
                 'pkteng.start{engine="e"} pkteng.wait{engine="e"}\n%s' % (self.capture, opened, closed, CHECK))
        for i in (0, 1, 3):
            lost = multiset(self.path('before%d' % i)) - multiset(self.path('after%d' % i))
            need(not lost, 'closing channel 2 moved packets of channel %d' % i)

    def rebalance(self):
        """A reader that is killed gives its flows to the others; theirs stay where they are."""
        script = self.path('rebalance.lua')
        with open(script, 'w') as f:
            f.write('pkteng.new{name="e", type="pcap"} pkteng.link{engine="e", ifname="%s", loop=true, speed=0}\n'
                    'for i = 0, 2 do pkteng.open_channel{engine="e", channel="r{" .. i, when_full="drop",\n'
                    '	when_detached="rebalance"} end\n'
                    'pkteng.start{engine="e"}\n'
                    'for line in io.lines() do print(load(line)()) io.flush() end' % self.capture)
        daemon = subprocess.Popen([os.environ['PACF'], '-f', script], stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.PIPE)

        def ask(lua):
            daemon.stdin.write('return %s\n' % lua)
            daemon.stdin.flush()
            return daemon.stdout.readline().strip()
        try:
            readers = [attach('r}%d' % i, ['tcpdump', '-w', '/dev/null']) for i in range(3)]
            attached = '(function() local n = 0 for _, c in ipairs(pkteng.stats("e").channels) do ' \
                'if c.state == "attached" then n = n + 1 end end return n end)()'
            until('three readers', lambda: ask(attached) == '3')
            counts = '(function() local t = {} for _, c in ipairs(pkteng.stats("e").channels) do ' \
                't[#t+1] = c.received_pkts end return table.concat(t, " ") end)()'
            readers[1].send_signal(signal.SIGKILL)
            readers[1].wait()
            until('two readers', lambda: ask(attached) == '2')
            before = [int(n) for n in ask(counts).split()]
            until('packets', lambda: int(ask(counts).split()[0]) > before[0] + 1000)
            after = [int(n) for n in ask(counts).split()]
            need(after[1] == before[1], 'the killed reader still gets packets: %s %s' % (before, after))
            readers[1] = attach('r}1', ['tcpdump', '-w', '/dev/null'])
            until('its flows back', lambda: int(ask(counts).split()[1]) > after[1])
        finally:
            daemon.stdin.close()
            daemon.wait(30)
            for reader in readers:
                reader.wait(30)


def until(what, test):
    end = time.monotonic() + 20
    while not test():
        need(time.monotonic() < end, 'after 20 s still not: ' + what)
        time.sleep(0.05)


def attach(channel, command):
    """Starts a libpcap program on a channel, as soon as there is one."""
    until('channel ' + channel, lambda: channel in subprocess.run(
        [os.environ['PACF_RUN'], 'tcpdump', '-D'], capture_output=True, text=True).stdout)
    return subprocess.Popen([os.environ['PACF_RUN'], command[0], '-i', 'pacf:' + channel, *command[1:]],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def l3(data):
    """(version, offset of the IP header) behind Ethernet and tags, or None."""
    at = 12
    while data[at:at + 2] in (b'\x81\x00', b'\x88\xa8'):
        at += 4
    kind = data[at:at + 2]
    return (4, at + 2) if kind == b'\x08\x00' else (6, at + 2) if kind == b'\x86\xdd' else None


def pairs(path):
    for packet in read_capture(path)[1]:
        where = l3(packet.data)
        if where is None:
            continue
        n, at = (4, where[1] + 12) if where[0] == 4 else (16, where[1] + 8)
        yield tuple(sorted((packet.data[at:at + n], packet.data[at + n:at + 2 * n])))


def streams(path):
    """Packets of each TCP flow over IPv4 without fragments, by its ends."""
    found = collections.Counter()
    for packet in read_capture(path)[1]:
        where = l3(packet.data)
        if where is None or where[0] != 4:
            continue
        h = packet.data[where[1]:]
        if h[9] != 6 or struct.unpack_from('>H', h, 6)[0] & 0x3fff:
            continue
        at = (h[0] & 15) * 4
        found[tuple(sorted(((h[12:16], h[at:at + 2]), (h[16:20], h[at + 2:at + 4]))))] += 1
    return found


def main():
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if not shutil.which('tcpdump'):
        print('tcpdump is not installed: skipped')
        return 77
    failed = 0
    with tempfile.TemporaryDirectory(prefix='pacf-policy.') as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        suite = Suite(folder)
        for case in sys.argv[1:] or ('filters', 'refusals', 'snaplen', 'sample', 'drop', 'fields', 'closing', 'rebalance'):
            try:
                getattr(suite, case)()
                print('ok: ' + case)
            except (Failed, subprocess.SubprocessError) as error:
                failed = 1
                print('FAILED: %s: %s' % (case, error))
    return failed


if __name__ == '__main__':
    sys.exit(main())
