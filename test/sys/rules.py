#!/usr/bin/env python3
"""What each channel gets is what its arguments say, and the figures say the same.

usage: rules.py [CASE ...]

filters: counts are those of `tcpdump -r FILE EXPRESSION`, on made-up and real captures of every link
type; files: what they keep is what tcpdump writes; rules: samples of whole flows, snaplen, DROP with a
filter; sample, snaplen, drop, fields: the same with tags and IPv6, and what groups split by; refusals:
what makes no sense; mixed: all of it in one engine; closing: a channel closes before the start, and while
packets pass, and no flow of the others moves; rebalance: an application is killed, and only its flows
move, until it comes again; tcpdumps: the same of programs that know only libpcap, without an end of
packets.

PACF, PACF_GEN, PACF_RUN, BADCLIENT: the programs.  PACF_SHARED: the folder that holds traces/.
"""
import argparse
import collections
import os
import shutil
import sys
import tempfile

from captures import subsequence
from daemon import Client, Daemon, Failed, LuaError, channel_of, list_channels, need, records_read, until
from engines import (Engine, attach_tcpdump, counted, flow_of, generate, matched, mixed_capture, packets_of, pairs,
                     some_traces, streams, tcpdump)

EXPRESSIONS = ('tcp', 'udp port 53', 'vlan', 'vlan and tcp', 'tcp or (vlan and tcp)', 'ip6', 'arp', 'icmp',
               'not ip', 'greater 200', 'src net 10.0.0.0/8', 'tcp[tcpflags] & tcp-syn != 0',
               'ether broadcast', 'ip[6:2] & 0x3fff != 0', 'udp and ip6', 'tcp port 80 or (vlan and tcp port 80)',
               'greater 500', 'icmp or icmp6', 'src net 10.0.0.0/9')
REFUSED = (
    ("'x{0', filter='tcp prot 80'", ('tcp prot 80', 'prot')),
    ("'x{0', action='DROP', snaplen=9", ('DROP', 'snaplen')),
    ("'x{0', action='COPY', fields='2tuple'", ('COPY',)),
    ("'pcap:/tmp/x', when_detached='rebalance'", ('rebalance',)))


def filter_counts(daemon, path):
    """How many expressions were compared."""
    engine, wanted = Engine(daemon, path), {}
    for i, expression in enumerate(EXPRESSIONS):
        channel, packets = 'pacf:f{%d' % i, tcpdump(path, expression)
        try:
            engine.open(channel, action='COPY', when_detached='drop', filter=expression)
        except LuaError as error:
            need(packets is None, '%s: %s' % (path, error))
            continue
        need(packets is not None, '%s: tcpdump refuses "%s"' % (path, expression))
        wanted[channel] = len(packets)
    stats = engine.run()
    for channel, count in wanted.items():
        need(matched(stats, channel) == count, '%s: "%s" matches %d, tcpdump says %d' % (
            path, channel_of(stats, channel)['filter'], matched(stats, channel), count))
    return len(wanted)


def case_filters(daemon, folder):
    made = generate(folder, 'filters.pcap', '--flows', '300', '--packets', '20000', '--vlan', '30',
                    '--fragments', '20')
    compared = filter_counts(daemon, made)
    need(compared == len(EXPRESSIONS), 'only %d expressions' % compared)
    compared += sum(filter_counts(daemon, path) for path in some_traces())
    out = os.path.join(folder, 'filtered.pcap')
    engine = Engine(daemon, made)
    engine.open('pcap:' + out, filter='vlan and tcp')
    engine.run()
    need(packets_of(out) == tcpdump(made, 'vlan and tcp'), 'the file is not what tcpdump writes')
    return '%d counts' % compared


def case_files(daemon, folder):
    """Each is what tcpdump makes of it; on SAMPLE channels, of each one's own flows."""
    made = mixed_capture(folder)
    paths = {e: os.path.join(folder, 'file%d.pcap' % i) for i, e in enumerate(EXPRESSIONS)}
    parts = [os.path.join(folder, 'part%d.pcap' % i) for i in range(3)]
    engine = Engine(daemon, made, 'pcap')
    for expression, path in paths.items():
        engine.open('pcap:' + path, action='COPY', filter=expression)
    for path in parts:
        engine.open('pcap:' + path, group='g', filter='tcp')
    engine.run()
    for expression, path in paths.items():
        need(packets_of(path) == tcpdump(made, expression), 'the file of "%s"' % expression)
    together = sum((counted(path) for path in parts), collections.Counter())
    need(together == collections.Counter(tcpdump(made, 'tcp')), 'filtered SAMPLE channels')
    return '%d files' % len(paths)


def case_refusals(daemon, _):
    daemon.lua("pkteng.new{name='e', type='pcap'}")
    for arguments, words in REFUSED:
        said = daemon.refused("pkteng.open_channel{engine='e', channel=%s}" % arguments)
        need(all(w in said for w in words), 'refusal of %s: %s' % (arguments, said))
    daemon.lua("pkteng.open_channel{engine='e', channel='a{0', fields='2tuple'}")
    said = daemon.refused("pkteng.open_channel{engine='e', channel='a{1', fields='5tuple'}")
    need('2tuple' in said, 'two fields in one group: %s' % said)
    return '%d sentences' % (len(REFUSED) + 1)


def case_snaplen(daemon, folder):
    """In a file, and for a tcpdump."""
    made, path, read = mixed_capture(folder), os.path.join(folder, 'cut.pcap'), os.path.join(folder, 'read.pcap')
    cut = [p._replace(data=p.data[:70]) for p in packets_of(made)]
    engine = Engine(daemon, made, 'pcap')
    engine.open('pcap:' + path, action='COPY', snaplen=70)
    engine.open('pacf:s{0', action='COPY', snaplen=70)
    engine.start()
    reader = attach_tcpdump('pacf:s}0', read)
    engine.finish()
    need(reader.wait(30) == 0 and packets_of(path) == cut, 'snaplen of a file')
    need(packets_of(read) == cut, 'snaplen of a shared-memory channel')
    return '%d packets' % len(cut)


def case_sample(daemon, folder):
    """Whole flows, about 1 in n: a flow's packets are all there or none."""
    made = mixed_capture(folder)
    tenth, everything = (os.path.join(folder, name + '.pcap') for name in ('tenth', 'everything'))
    engine = Engine(daemon, made, 'pcap')
    engine.open('pcap:' + tenth, action='COPY', sample=10)
    engine.open('pcap:' + everything, action='COPY', sample=1)
    engine.run()
    need(packets_of(everything) == packets_of(made), 'sample=1 is not everything')
    share = len(packets_of(tenth)) / len(packets_of(made))
    need(0 < share < 0.5, 'sample=10 has %.3f of the packets' % share)
    chosen, rest = streams(tenth), streams(made)
    need(all(rest[s] == n for s, n in chosen.items()), 'sample=10 has parts of flows')
    need(0.06 < len(chosen) / len(rest) < 0.15, 'sample=10 has %d of %d flows' % (len(chosen), len(rest)))
    return '%d of %d flows' % (len(chosen), len(rest))


def case_drop(daemon, folder):
    """Two of them, beside COPY and SAMPLE."""
    made = mixed_capture(folder)
    kept = [os.path.join(folder, 'kept%d.pcap' % i) for i in range(3)]
    engine = Engine(daemon, made, 'pcap')
    engine.open('pacf:no{0', action='DROP', filter='udp')
    engine.open('pacf:no{1', action='DROP', filter='vlan')
    engine.open('pcap:' + kept[0], action='COPY')
    engine.open('pcap:' + kept[1])
    engine.open('pcap:' + kept[2])
    engine.run()
    wanted = tcpdump(made, 'not udp and not vlan')
    need(packets_of(kept[0]) == wanted, 'DROP with filters')
    need(counted(kept[1]) + counted(kept[2]) == collections.Counter(wanted), 'DROP beside SAMPLE')
    return '%d packets stay' % len(wanted)


def case_fields(daemon, folder):
    """2tuple: all packets of two addresses are in one channel."""
    paths, where = [os.path.join(folder, 'pair%d.pcap' % i) for i in range(3)], {}
    engine = Engine(daemon, mixed_capture(folder), 'pcap')
    for path in paths:
        engine.open('pcap:' + path, fields='2tuple')
    engine.run()
    for i, path in enumerate(paths):
        for pair in set(pairs(path)):
            need(where.setdefault(pair, i) == i, '%s is in two channels' % (pair,))
    need(len(set(where.values())) == 3, 'not all channels have packets')
    return '%d pairs' % len(where)


def case_rules(daemon, folder):
    made = generate(folder, 'rules.pcap', '--flows', '3000', '--packets', '30000', '--vlan', '0', '--ipv6', '0')
    whole = packets_of(made)
    names = {n: os.path.join(folder, n + '.pcap') for n in ('sample', 'both', 'cut')}
    engine = Engine(daemon, made)
    engine.open('pcap:' + names['sample'], action='COPY', sample=8)
    engine.open('pcap:' + names['both'], action='COPY', sample=8, filter='udp')
    engine.open('pcap:' + names['cut'], action='COPY', snaplen=60)
    engine.open('pacf:no{0', action='DROP', filter='net 10.0.8.0/21')
    stats = engine.run()
    gone = len(tcpdump(made, 'net 10.0.8.0/21'))
    need(0 < gone < len(whole) and stats['counters']['drop_rule_pkts'] == gone, 'DROP with a filter')
    left = tcpdump(made, 'not net 10.0.8.0/21')
    for name in ('sample', 'both'):
        kept = left if name == 'sample' else [p for p in left if p.data[23] == 17]
        got = packets_of(names[name])
        flows, chosen = {flow_of(p) for p in kept}, {flow_of(p) for p in got}
        need(got == [p for p in kept if flow_of(p) in chosen], '%s: torn flows' % name)
        share = len(flows) / 8
        need(abs(len(chosen) - share) < 5 * share**0.5, '%s: %d of %d flows' % (name, len(chosen), len(flows)))
    cut = packets_of(names['cut'])
    need(cut == [p._replace(data=p.data[:60]) for p in left], 'snaplen=60')
    return '1 in 8 of %d flows' % len({flow_of(p) for p in left})


def case_mixed(daemon, folder):
    made = generate(folder, 'mixed.pcap', '--flows', '500', '--packets', '20000', '--fragments', '10')
    rule = 'src net 10.0.4.0/22 or (vlan and src net 10.0.4.0/22)'
    kept = tcpdump(made, 'not (%s)' % rule)
    groups = {'a': [os.path.join(folder, 'a%d.pcap' % i) for i in range(3)],
              'b': [os.path.join(folder, 'b%d.pcap' % i) for i in range(2)]}
    engine = Engine(daemon, made)
    engine.open('pacf:no{0', action='DROP', filter=rule)
    engine.open('pacf:lost{0', action='COPY', when_detached='drop', filter='ip6', sample=3)
    for path in groups['a']:
        engine.open('pcap:' + path, group='a')
    engine.open('pcap:' + groups['b'][0], group='b', fields='2tuple', snaplen=80, filter='ip')
    engine.open('pcap:' + groups['b'][1], group='b', sample=4)
    engine.open('pacf:read{0', group='c', filter='tcp', snaplen=100)
    records = os.path.join(folder, 'mixed.rec')
    reader = Client('read', 'pacf:read}0', records)
    until('a reader', lambda: list_channels().get('pacf:read}0') == reader.pid)
    stats = engine.run()
    reader.end()
    need(stats['counters']['distributed_pkts'] == len(kept), 'DROP in the middle of all')
    parts = [packets_of(p) for p in groups['a']]
    need(collections.Counter(p for part in parts for p in part) == collections.Counter(kept), 'group a')
    left = set(kept)
    tcp = [p for p in tcpdump(made, 'tcp or (vlan and tcp)') if p in left]
    whole = set(tcp)  # of UDP there are fragments, which may have been held back
    need(all(subsequence([p for p in part if p in whole], tcp) for part in parts), 'order in group a')
    first, second = (channel_of(stats, 'pcap:' + p) for p in groups['b'])
    need(first['received_pkts'] + second['received_pkts'] == len(kept), 'group b')
    need(first['filtered_pkts'] > 0 and first['unsampled_pkts'] == 0, 'filter in group b: %s' % first)
    need(second['unsampled_pkts'] > 0 and second['filtered_pkts'] == 0, 'sample in group b: %s' % second)
    need(max(len(p.data) for p in packets_of(groups['b'][0])) == 80, 'snaplen in group b')
    tcp = [p for p in tcpdump(made, 'tcp') if p in left]
    need(records_read(records) == [p._replace(data=p.data[:100]) for p in tcp], 'group c')
    lost = channel_of(stats, 'pacf:lost{0')
    need(lost['filtered_pkts'] > 0 and lost['unsampled_pkts'] > 0 and
         lost['drop_no_consumer_pkts'] == lost['received_pkts'] - lost['filtered_pkts'] - lost['unsampled_pkts'],
         'a COPY that nobody has open: %s' % lost)
    return '%d packets' % len(kept)


def owners(parts):
    """{flow: number of the only part that has it}"""
    of = {}
    for number, part in enumerate(parts):
        for flow in {flow_of(p) for p in part}:
            need(flow not in of, 'a flow in two channels')
            of[flow] = number
    return of


def plain_capture(folder):
    """Two seconds of flows that last as long."""
    return generate(folder, 'plain.pcap', '--flows', '400', '--packets', '20000', '--vlan', '0', '--ipv6', '0')


def reference(daemon, folder, made):
    """Which of four channels has a flow while all are there."""
    paths = [os.path.join(folder, 'reference%d.pcap' % i) for i in range(4)]
    engine = Engine(daemon, made)
    for path in paths:
        engine.open('pcap:' + path)
    engine.run()
    return owners([packets_of(path) for path in paths])


def check_others(parts, of, victim, whole):
    """All that others had, they have; what else they got was the victim's.  How many packets moved."""
    moved = 0
    for number, part in enumerate(parts):
        if number == victim:
            continue
        mine = [p for p in part if of[flow_of(p)] == number]
        need(mine == [p for p in whole if of[flow_of(p)] == number], 'channel %d lost some of its own' % number)
        strange = [p for p in part if of[flow_of(p)] != number]
        need(all(of[flow_of(p)] == victim for p in strange), 'channel %d got flows of another' % number)
        moved += len(strange)
    return moved


def close_early(daemon, folder):
    """Before the start: what the others have without it, they have."""
    made, parts = mixed_capture(folder), {}
    for name in 'before', 'after':
        parts[name] = [os.path.join(folder, '%s%d.pcap' % (name, i)) for i in range(4)]
        engine = Engine(daemon, made, 'pcap')
        for path in parts[name]:
            engine.open('pcap:' + path)
        if name == 'after':
            daemon.lua("pkteng.close_channel{engine='%s', channel='pcap:%s'}" % (engine.name, parts[name][2]))
        engine.run()
    for i in (0, 1, 3):
        need(not counted(parts['before'][i]) - counted(parts['after'][i]),
             'closing channel 2 moved packets of channel %d' % i)


def case_closing(daemon, folder):
    close_early(daemon, folder)
    made = plain_capture(folder)
    of, whole = reference(daemon, folder, made), packets_of(made)
    paths = [os.path.join(folder, 'closing%d.pcap' % i) for i in range(4)]
    engine = Engine(daemon, made, 'pcap', ', speed=1')
    for path in paths:
        engine.open('pcap:' + path)
    engine.start()
    until('packets', lambda: daemon.stats(engine.name)['counters']['received_pkts'] > 5000)
    daemon.lua("pkteng.close_channel{engine='%s', channel='pcap:%s'}" % (engine.name, paths[2]))
    engine.finish()
    parts = [packets_of(path) for path in paths]
    moved = check_others(parts, of, 2, whole)
    need(all(of[flow_of(p)] == 2 for p in parts[2]), 'the closed channel had flows of others')
    need(moved > 0 and moved + len(parts[2]) == sum(of[flow_of(p)] == 2 for p in whole), 'lost on the way')
    return '%d packets moved' % moved


def case_rebalance(daemon, folder):
    made = plain_capture(folder)
    of, whole = reference(daemon, folder, made), packets_of(made)
    paths = [os.path.join(folder, 'rebalance%d.rec' % i) for i in range(4)]
    engine = Engine(daemon, made, 'pcap', ', speed=0.5')
    for i in range(4):
        engine.open('pacf:r{%d' % i, when_detached='rebalance', when_full='wait')
    clients = [Client('read', 'pacf:r}%d' % i, path) for i, path in enumerate(paths)]
    until('four readers', lambda: sum(1 for pid in list_channels().values() if pid) == 4)
    engine.start()
    received = lambda: daemon.stats(engine.name)['counters']['received_pkts']
    until('packets', lambda: received() > 4000)
    clients[1].process.kill()
    clients[1].process.wait()
    until('its end is seen', lambda: list_channels()['pacf:r}1'] == 0)
    seen = received()
    until('packets without it', lambda: received() > seen + 3000)
    again = Client('read', 'pacf:r}1', os.path.join(folder, 'again.rec'))
    until('it is back', lambda: list_channels()['pacf:r}1'] == again.pid)
    stats = engine.finish()
    for client in (clients[0], clients[2], clients[3], again):
        client.end()
    parts = [records_read(path) for path in paths]
    moved = check_others(parts, of, 1, whole)
    back = records_read(os.path.join(folder, 'again.rec'))
    need(all(of[flow_of(p)] == 1 for p in parts[1] + back), 'the victim got flows of others')
    need(moved > 0 and back and parts[1], 'moved %d, back %d' % (moved, len(back)))
    # From the first packet after its return on, all of them.
    need(back == [p for p in whole if of[flow_of(p)] == 1 and p.ts_ns >= back[0].ts_ns], 'not all came back')
    unread = channel_of(stats, 'pacf:r{1')['unread_pkts']
    need(0 <= sum(of[flow_of(p)] == 1 for p in whole) - moved - len(back) - len(parts[1]) <= unread,
         'more is missing than was left unread (%d)' % unread)
    return '%d packets moved, %d came back' % (moved, len(back))


def case_tcpdumps(daemon, folder):
    """Endless packets, losses allowed: one that is killed gets no more until it is back."""
    engine = Engine(daemon, mixed_capture(folder), 'pcap', ', loop=true, speed=0')
    for i in range(3):
        engine.open('pacf:t{%d' % i, when_full='drop', when_detached='rebalance')
    engine.start()
    readers = [attach_tcpdump('pacf:t}%d' % i, '/dev/null') for i in range(3)]
    try:
        channels = lambda: daemon.stats(engine.name)['channels']
        attached = lambda n: [c['state'] for c in channels()].count('attached') == n
        received = lambda: [c['received_pkts'] for c in channels()]  # of one moment
        until('three readers', lambda: attached(3))
        readers[1].kill()
        readers[1].wait()
        until('two readers', lambda: attached(2))
        before = received()
        until('packets', lambda: received()[0] > before[0] + 1000)
        after = received()
        need(after[1] == before[1], 'the killed reader still gets packets: %s, %s' % (before, after))
        readers[1] = attach_tcpdump('pacf:t}1', '/dev/null')
        until('its flows back', lambda: received()[1] > after[1])
        daemon.lua("pkteng.stop{engine='%s'} pkteng.delete{engine='%s'}" % (engine.name, engine.name))
    finally:
        for reader in readers:
            if reader.poll() is None:
                reader.terminate()
                reader.wait(30)
    return 'gone, and back'


CASES = collections.OrderedDict((name[5:], value) for name, value in list(globals().items())
                                if name.startswith('case_'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('cases', nargs='*', metavar='CASE', help=' '.join(CASES))
    args = parser.parse_args()
    if not shutil.which('tcpdump'):
        print('skipped: no tcpdump')
        return 77
    status = 0
    for name in args.cases or CASES:
        with tempfile.TemporaryDirectory() as folder:
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
                Client.kill_everyone()
                daemon.kill()
    return status


if __name__ == '__main__':
    sys.exit(main())
