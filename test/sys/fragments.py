#!/usr/bin/env python3
"""Fragments go where their first one goes, in whatever order they come, and exhaust nothing.

usage: fragments.py variants|trains

variants  captures that have fragments (the shared ones, pacf-gen's, tunnels made by hand), their
          datagrams in order, reversed, shuffled, interleaved, without first fragments and with late
          ones, over 16 `pcap:` channels, and over 2, 3 or 7 in turn (with PACF_SOAK=1 over all): an exact
          partition, no conversation torn, counters as the order of the fragments says
trains    endless, tiny and overlapping fragments: nothing is lost, and the daemon does not grow

PACF, PACF_GEN: the programs.  PACF_SHARED: the folder that holds traces/.  Exit status 77: skipped.
"""
import os
import random
import shutil
import subprocess
import sys

import frames
from captures import Capture, Flows, Packet, dissect, find_captures, find_torn, join_captures, output_unit, scratch, \
    write_capture
from daemon import Daemon, Failed, check_ledger, need
from partition import check_partition, lua_engine

SPLITS = (2, 3, 7, 16)
SECOND = 10**9
START = 1_600_000_000 * SECOND
COUNTERS = ('frag_first_pkts', 'frag_followed_pkts', 'frag_held_pkts', 'frag_orphan_pkts')
PRINT = ("local ok, why = pcall(pkteng.wait, {engine=e, timeout=60})\n"
         "local c = pkteng.stats{engine=e}.counters\n"
         "io.stdout:write(e, ' ', " + ", ' ', ".join('c.' + n for n in COUNTERS) + ", ' ', "
         "ok and '' or tostring(why):gsub('%s', ' '), '\\n')\n"
         "pkteng.stop{engine=e}\npkteng.delete{engine=e}\n")


def packets_of(datas, step=100_000):
    return [Packet(START + i * step, len(d), d) for i, d in enumerate(datas)]


def made_frames(count=240):
    """Datagrams in fragments, plain and in tunnels, of both versions of IP; replies are not in fragments."""
    out = []
    for n in range(count):
        src, dst, sport, size = 0x0a000001 + n % 40, 0x0a010001 + n % 7, 10000 + n % 60, 64 + n % 5 * 256
        inner = frames.udp(sport, 7000, bytes([n]) * (size * (2 + n % 3) + 30))
        # As each kind is met, a datagram's fragments are the first list, the reply the second.
        if n % 2:
            pair = frames.fragments4(src, dst, 17, inner, n, size), frames.ipv4(
                dst, src, 17, frames.udp(7000, sport, b'reply'))
            types = 0x0800
        else:
            pair = frames.fragments6(src, dst, 17, inner, n << 16, size), frames.ipv6(
                dst, src, 17, frames.udp(7000, sport, b'reply'))
            types = 0x86dd
        outer = 0xc0a80001, 0xc0a80002
        for packet in pair[0] + [pair[1]]:
            kind = n // 2 % 5
            if kind == 0:
                out.append(frames.ether(packet, types))
            elif kind == 1:
                out.append(frames.ether(frames.ipv4(*outer, frames.GRE, frames.gre(packet, types))))
            elif kind == 2:
                out.append(frames.ether(frames.ipv4(
                    *outer, frames.UDP, frames.vxlan(frames.ether(packet, types), 50000 + n))))
            elif kind == 3:
                out.append(frames.ether(frames.ipv6(1, 2, 41 if types == 0x86dd else 4, packet), 0x86dd))
            else:  # the tunnel's own datagrams are fragments as well
                out += [frames.ether(p) for p in frames.fragments4(
                    *outer, frames.UDP, frames.gtp(packet), 1000 + len(out), 256)]
    return out


def nested_frames(count=120, window=4):
    """Tunnels whose own packets are in fragments, of datagrams in fragments: a datagram can begin in one that
    is held for another.  Those of a few datagrams at a time are shuffled."""
    rng, out, batch = random.Random(11), [], []
    for n in range(count):
        src, dst = 0x0a000001 + n % 23, 0x0a010001 + n % 7
        packets = frames.fragments4(src, dst, 17, frames.udp(10000 + n, 7000, bytes([n]) * 900), n, 400 - n % 3 * 96)
        for packet in packets:
            proto, inside = (frames.GRE, frames.gre(packet)) if n % 2 else (4, packet)
            batch += [frames.ether(p) for p in frames.fragments4(
                0xc0a80001, 0xc0a80002, proto, inside, 1000 + len(out) + len(batch), 48 + n % 4 * 64)]
        if n % window == window - 1:
            out += rng.sample(batch, len(batch))
            batch = []
        out.append(frames.ether(frames.ipv4(dst, src, 17, frames.udp(7000, 10000 + n, b'reply'))))
    return out


def generated(folder):
    found = []
    for seed in (1, 2):
        path = os.path.join(folder, 'gen%d.pcap' % seed)
        subprocess.run([os.environ['PACF_GEN'], '--flows', '120', '--udp', '80', '--fragments', '60', '--seed',
                        str(seed), path], check=True, stderr=subprocess.DEVNULL)
        found.append(Capture(path))
    for name, datas in ('made', made_frames()), ('nested', nested_frames()):
        path = os.path.join(folder, name + '.pcap')
        write_capture(path, 1, packets_of(datas))
        found.append(Capture(path))
    return [(os.path.basename(c.path), c.linktype, c.packets, dissect(c.path)) for c in found]


def shared(folder):
    """The captures that have fragments; tshark is asked once for each link type."""
    found, captures = [], find_captures([])
    for joined in join_captures(captures, folder):
        infos, at = dissect(joined.path), 0
        for c in captures:
            if c.linktype != joined.linktype:
                continue
            packets = [p for p in c.packets if p.ts_ns < 2**32 * SECOND]
            mine = infos[at:at + len(packets)]
            at += len(packets)
            if any(i.firsts or i.later for i in mine):
                found.append((c.path, c.linktype, packets, mine))
    return found


def groups_of(infos):
    """Positions of the packets of each datagram."""
    groups = {}
    for i, info in enumerate(infos):
        if info.later or info.firsts:
            groups.setdefault(info.later or info.firsts[0], []).append(i)
    return [g for g in groups.values() if len(g) > 1]


def permute(count, groups, change):
    """A new order in which the places of each group are taken by its packets, changed."""
    order = list(range(count))
    for group in groups:
        for place, packet in zip(group, change(list(group))):
            order[place] = packet
    return order


def interleave(groups, width=8):
    """The datagrams of each batch as one group, and its packets by turns."""
    batches = [groups[i:i + width] for i in range(0, len(groups), width)]
    turns = {}
    for batch in batches:
        longest = max(map(len, batch))
        flat = [g[turn] for turn in range(longest) for g in batch if turn < len(g)]
        turns[tuple(sorted(flat))] = flat
    return list(turns), lambda group: turns[tuple(group)]


def variants(packets, infos):
    """(name, order, gap): which packets come in which order, and how much time is between them in ns,
    None: the capture's own."""
    rng, groups, count = random.Random(5), groups_of(infos), len(packets)
    dense = 1000
    yield 'in order', list(range(count)), None
    backwards = permute(count, groups, lambda g: g[::-1])
    yield 'reversed', backwards, None
    yield 'reversed, dense', backwards, dense
    yield 'shuffled', permute(count, groups, lambda g: rng.sample(g, len(g))), None
    yield 'shuffled, dense', permute(count, groups, lambda g: rng.sample(g, len(g))), dense
    yield 'interleaved', permute(count, *interleave(groups)), dense
    backwards = [g[::-1] for g in groups]
    wide, change = interleave(backwards)
    yield 'interleaved backwards', permute(count, wide, change), dense
    lost = {i for g in groups[::3] for i in g if infos[i].firsts}
    yield 'firsts missing', [i for i in range(count) if i not in lost], dense
    yield 'firsts last', [i for i in range(count) if i not in lost] + sorted(lost), SECOND // 3


def make_variant(path, linktype, packets, infos, order, gap):
    start = packets[0].ts_ns if packets else START
    times = [p.ts_ns for p in packets] if gap is None else [start + i * gap for i in range(len(order))]
    write_capture(path, linktype, [packets[i]._replace(ts_ns=t) for i, t in zip(order, times)])
    return Capture(path), [infos[i] for i in order]


def check_orphans(capture, infos, flows, dense):
    """Each packet that may be anywhere has no first fragment within a second, or one that is in such a packet
    itself; none of the others is."""
    firsts, lost = {}, set()
    for i, info in enumerate(infos):
        for key in info.firsts:
            firsts.setdefault(key, []).append(capture.packets[i].ts_ns)
            if flows.followed.follows.get(i, i) is None:
                lost.add(key)
    for i, leader in flows.followed.follows.items():
        key = infos[i].later
        if leader is None and dense and key in firsts and key not in lost:
            return 'packet %d is an orphan, but its first fragment is there' % (i + 1)
        if leader is not None and key not in firsts:
            return 'packet %d follows nobody' % (i + 1)
    return None


class Job:
    def __init__(self, folder, number, what, capture, infos, dense):
        self.what, self.capture = what, capture
        self.flows = Flows(capture, infos)
        self.wrong = check_orphans(capture, infos, self.flows, dense)
        self.outputs = {n: [os.path.join(folder, '%d.%d.%d' % (number, n, c)) for c in range(n)] for n in SPLITS}

    def judge(self, splits, said):
        if self.wrong or said is None:
            return self.wrong or 'the daemon said nothing of it'
        counters, failed = said
        outputs = self.outputs[splits]
        wanted = self.flows.followed.counters()
        if counters != wanted:
            return 'counters %s, wanted %s' % (counters, wanted)
        unit = output_unit(outputs[0])
        return (check_partition(self.capture, outputs, unit, failed, self.flows) or
                find_torn(self.capture.packets, outputs, unit, self.flows.names))


def chosen(jobs, splits):
    """[(number, job)] of those to be split over so many channels"""
    turn, every = SPLITS.index(splits), os.environ.get('PACF_SOAK') or splits == SPLITS[-1]
    return [(i, job) for i, job in enumerate(jobs) if every or i % (len(SPLITS) - 1) == turn]


def split_all(jobs, splits, folder):
    """{number of the job: (counters, why it failed)}"""
    script = os.path.join(folder, 'split.lua')
    with open(script, 'w', encoding='utf-8') as f:
        for i, job in jobs:
            f.write(lua_engine(i, job.capture, ['pcap:' + o for o in job.outputs[splits]], PRINT))
    ran = subprocess.run([os.environ['PACF'], '-f', script], check=False, timeout=300, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(ran.returncode == 0, 'pacf ended with status %d: %s' % (ran.returncode, ran.stderr[-500:]))
    said = {}
    for line in ran.stdout.splitlines():
        words = line.split(' ', 5)
        said[int(words[0][1:])] = dict(zip(COUNTERS, map(int, words[1:5]))), words[5]
    return said


def run_variants(folder):
    if not shutil.which('tshark'):
        print('tshark is not installed: skipped')
        sys.exit(77)
    jobs, sums = [], dict.fromkeys(COUNTERS, 0)
    sources = shared(folder) + generated(folder)
    for path, linktype, packets, infos in sources:
        for name, order, gap in variants(packets, infos):
            if order:
                capture, mine = make_variant(os.path.join(folder, 'v%d.pcap' % len(jobs)), linktype, packets,
                                             infos, order, gap)
                jobs.append(Job(folder, len(jobs), '%s, %s' % (path, name), capture, mine, gap == 1000))
    for splits in SPLITS:
        mine = chosen(jobs, splits)
        said = split_all(mine, splits, folder)
        for i, job in mine:
            wrong = job.judge(splits, said.get(i))
            if wrong:
                print('FAILED: %s over %d: %s' % (job.what, splits, wrong))
                sums['failed'] = sums.get('failed', 0) + 1
            for path in job.outputs[splits]:
                if os.path.exists(path):
                    os.unlink(path)
    for job in jobs:
        for name, n in job.flows.followed.counters().items():
            sums[name] += n
    print('%d captures, %d variants: %s' % (len(sources), len(jobs), sums))
    need(all(sums[name] for name in COUNTERS), 'a case that does not occur is not tested')
    return 'failed' not in sums


def trains():
    """(name, frames, later fragments among them)"""
    def piece(ident, offset, more, size=8, src=1):
        return frames.ether(frames.ipv4(0x0a000000 + src, 0x0a010001, 17, bytes(range(size % 256)) or bytes(size),
                                        ident & 0xffff, offset, more))
    first = frames.udp(1, 2, bytes(16))
    count = 20000

    def head(ident, src=1):
        return frames.ether(frames.ipv4(0x0a000000 + src, 0x0a010001, 17, first, ident & 0xffff, 0, True))
    yield 'endless without a first one', [piece(7, 8 + i * 8 % 65000, True) for i in range(count)], count
    yield 'endless after the first one', [head(7)] + [piece(7, 24 + i * 8 % 65000, True) for i in range(count)], count
    yield 'first ones only', [head(i, 1 + i % 200) for i in range(count)], 0
    yield 'a datagram each, no first one', [piece(i, 24, False, src=1 + i % 200) for i in range(count)], count
    yield 'tiny', [d for i in range(count // 4) for d in (
        piece(i, 0, True), piece(i, 8, True), piece(i, 16, True), piece(i, 24, False))], count // 4 * 3
    yield 'overlapping', [d for i in range(count // 4) for d in (
        piece(i, 8, True, 64), piece(i, 0, True, 128), piece(i, 16, True, 200), piece(i, 8, False, 100))], \
        count // 4 * 3
    yield 'huge frames, no first one', [piece(i, 24, False, 3 + 9000 + i % 7 * 8) for i in range(2000)], 2000


def resident(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS:'))


def run_train(daemon, folder, name, datas, later):
    path = os.path.join(folder, 'train.pcap')
    write_capture(path, 1, packets_of(datas, 1000))
    for splits in (7, 16):
        outputs = [os.path.join(folder, 'train.%d' % c) for c in range(splits)]
        code = lua_engine(0, Capture(path), ['pcap:' + o for o in outputs],
                          "pkteng.wait{engine=e, timeout=60}\nlocal s = pkteng.stats{engine=e}\n"
                          "pkteng.stop{engine=e}\npkteng.delete{engine=e}\nreturn s\n")
        stats = daemon.lua(code)
        check_ledger(stats)
        counters = stats['counters']
        need(counters['frag_followed_pkts'] + counters['frag_orphan_pkts'] == later and
             counters['frag_first_pkts'] + later == len(datas), '%s: %s' % (name, counters))
        wanted = sorted(datas)
        got = sorted(p.data for o in outputs for p in Capture(o).packets)
        need(got == wanted, '%s: other packets came out than went in' % name)


def run_trains(folder):
    daemon, sizes = Daemon(folder), []
    try:
        for _ in range(3):
            for name, datas, later in trains():
                run_train(daemon, folder, name, datas, later)
            sizes.append(resident(daemon.process.pid))
        print('resident after each round, KiB:', sizes)
        need(sizes[-1] - sizes[0] < 2048, 'the daemon grows: %s' % sizes)
        daemon.close()
    finally:
        daemon.kill()
    return True


def main():
    runs = {'variants': run_variants, 'trains': run_trains}
    if len(sys.argv) != 2 or sys.argv[1] not in runs:
        sys.exit(__doc__)
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    with scratch() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        try:
            good = runs[sys.argv[1]](folder)
        except Failed as wrong:
            print('FAILED: %s' % wrong)
            good = False
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
