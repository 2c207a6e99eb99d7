#!/usr/bin/env python3
"""The map packet -> bucket -> channel for the key of offline sources, pinned: a capture split once is split
the same way for ever, whichever source reads it.

usage: golden.py [--write]

--write  writes map.golden anew.  Only when the map has to change: users' replays change with it.

PACF, PACF_GEN, GOLDEN: the programs.
"""
import difflib
import os
import subprocess
import sys
import tempfile

from captures import Capture, read_capture, write_capture
from fragments import made_frames, packets_of
from partition import lua_text

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'map.golden')
GENERATED = ('--flows', '60', '--packets', '300', '--seed', '3', '--vlan', '30', '--ipv6', '40', '--udp', '50',
             '--fragments', '40', '--rate', '1000', '--nano')
CHANNELS = 16


def run(*command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          timeout=60).stdout


def buckets(source, path):
    return run(os.environ['GOLDEN'], source, path).splitlines()


def channels(source, path, folder):
    """The channel of each packet, by the daemon."""
    outputs = [os.path.join(folder, '%s%d' % (source, c)) for c in range(CHANNELS)]
    code = ["pkteng.new{name='e', type=%s} pkteng.link{engine='e', ifname=%s}" % (lua_text(source), lua_text(path))]
    code += ["pkteng.open_channel{engine='e', channel=%s}" % lua_text('pcap:' + o) for o in outputs]
    code += ["pkteng.start{engine='e'} pkteng.wait{engine='e', timeout=60} pacf.shutdown()"]
    run(os.environ['PACF'], '-e', ' '.join(code))
    where = {p: number for number, o in enumerate(outputs) for p in read_capture(o)[1]}
    for o in outputs:
        os.unlink(o)
    packets = Capture(path).packets
    assert len(set(packets)) == len(packets), 'packets that are alike'
    return [str(where[p]) for p in packets]


def lines(folder):
    """As in the file; None: the sources differ."""
    generated, made = os.path.join(folder, 'generated'), os.path.join(folder, 'made')
    run(os.environ['PACF_GEN'], *GENERATED, generated)
    write_capture(made, 1, packets_of(made_frames(30)))
    found = ['# packet, bucket by 5tuple, 3tuple, 2tuple, vlan+5tuple, reason; channel of %d' % CHANNELS]
    for path in generated, made:
        by_source = []
        for source in 'pcap', 'mem':
            rows, where = buckets(source, path), channels(source, path, folder)
            assert len(rows) == len(where)
            by_source.append(['%s; %s' % pair for pair in zip(rows, where)])
        if by_source[0] != by_source[1]:
            print('FAILED: sources differ:\n' + '\n'.join(difflib.unified_diff(*by_source, 'pcap', 'mem', lineterm='')))
            return None
        found += ['# ' + os.path.basename(path)] + by_source[0]
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        found = lines(folder)
    if found is None:
        sys.exit(1)
    if sys.argv[1:] == ['--write']:
        with open(FILE, 'w', encoding='ascii') as f:
            f.write('\n'.join(found) + '\n')
        return
    with open(FILE, encoding='ascii') as f:
        wanted = f.read().splitlines()
    if found != wanted:
        print('FAILED: the map has changed:')
        print('\n'.join(difflib.unified_diff(wanted, found, 'wanted', 'found', lineterm='')))
        sys.exit(1)
    print('%d packets go where they always went' % sum(not x.startswith('#') for x in found))


if __name__ == '__main__':
    main()
