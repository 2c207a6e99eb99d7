#!/usr/bin/env python3
"""What explain says of a packet is what the engine does with it, fragments in whatever order they come.

Every capture of fragments.py (the shared ones that have fragments, pacf-gen's, tunnels made by hand, those whose
own packets are fragments of fragments too), in each second order that it makes (all with PACF_SOAK=1): over 16
`pcap:` channels, what explain names for a channel is, one after the other, what is in the channel's file; and
the first fragment that a later one is said to follow is, by tshark, of the same datagram, and there is one if
tshark sees one in time.

PACF_GEN, EXPLAINED: the programs.  PACF_SHARED: the folder that holds traces/.  Exit status 77: skipped.
"""
import os
import shutil
import subprocess
import sys

from captures import Followed, output_unit, read_capture, scratch
from fragments import generated, make_variant, shared, variants

CHANNELS = 16


def ask(path, prefix):
    """(number, channel, first) of each packet, in the order in which explain says it"""
    ran = subprocess.run([os.environ['EXPLAINED'], path, str(CHANNELS), prefix], check=False, timeout=60, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if ran.returncode != 0:
        return None, ran.stderr.strip()
    return [tuple(map(int, line.split())) for line in ran.stdout.splitlines()], None


def check_channels(packets, answers, prefix):
    """None, or what is wrong."""
    if sorted(number for number, _, _ in answers) != list(range(1, len(packets) + 1)):
        return '%d packets are explained by %d answers' % (len(packets), len(answers))
    for channel in range(CHANNELS):
        path = prefix + str(channel)
        unit = output_unit(path)
        said = [packets[number - 1] for number, where, _ in answers if where == channel]
        said = [p._replace(ts_ns=p.ts_ns // unit * unit) for p in said]
        went = read_capture(path)[1]
        if said != went:
            at = next((i for i, (s, w) in enumerate(zip(said, went)) if s != w), min(len(said), len(went)))
            return 'channel %d has %d packets, of which %d are said to be there; packet %d is the first to differ' % (
                channel, len(went), len(said), at + 1)
    return None


def check_firsts(answers, infos, followed):
    for number, _, first in answers:
        later = infos[number - 1].later
        if first and later not in infos[first - 1].firsts:
            return 'packet %d is said to follow packet %d' % (number, first)
        if not first and followed.follows.get(number - 1) is not None:
            return 'packet %d is said to follow nobody' % number
    return None


def main():
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if not shutil.which('tshark'):
        print('tshark is not installed: skipped')
        return 77
    total = failed = followers = jobs = 0
    with scratch() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        prefix = os.path.join(folder, 'out.')
        for number, (path, linktype, packets, infos) in enumerate(shared(folder) + generated(folder)):
            for turn, (name, order, gap) in enumerate(variants(packets, infos), number):
                if not order or (turn % 2 and not os.environ.get('PACF_SOAK')):
                    continue
                capture, mine = make_variant(os.path.join(folder, 'variant.pcap'), linktype, packets, infos, order,
                                             gap)
                answers, wrong = ask(capture.path, prefix)
                if not wrong:
                    wrong = (check_channels(capture.packets, answers, prefix) or
                             check_firsts(answers, mine, Followed(capture.packets, mine)))
                    total += len(answers)
                    followers += sum(first > 0 for _, _, first in answers)
                jobs += 1
                if wrong:
                    print('FAILED: %s, %s: %s' % (path, name, wrong))
                    failed += 1
    print('%d variants, %d failed; %d packets, %d of which follow another' % (jobs, failed, total, followers))
    return 1 if failed or not followers else 0


if __name__ == '__main__':
    sys.exit(main())
