#!/usr/bin/env python3
"""How many packets a second come from a VALE port through pacf to four pipes, beside netmap's own lb -p 4: in
the guest of netmap-vm.sh, by turns, from the same generator to the same readers.  Prints each round and the
median of the ratios; fails below 1.

usage: netmap-vm.sh python3 test/net/netmap_bench.py [rate] [batches]

batches       pacf only, with bursts of several sizes
NETMAP_ROUNDS 5 by default
"""
import os
import re
import signal
import statistics
import sys
import time

from netmap_lab import SEED, SLOW, Program, main, need, until, vale_ports


def rate_of(lab, port, generator_port, seconds):
    """Packets that came out at the readers, for each second that the generator ran."""
    readers = [lab.reader('%s}%d' % (port, i)) for i in range(4)]
    generator = lab.generator(generator_port)
    until('it sends: ' + generator.said(), lambda: 'Sending on' in generator.said() or 'main_thread' in generator.said(), SLOW)
    time.sleep(seconds)
    generator.end()
    took = float(re.search(r'^Sent .* in ([0-9.]+) seconds', generator.said(), re.M)[1])
    time.sleep(1)
    return sum(r.end() for r in readers) / took


def rate_pacf(lab, seconds, batch=1024):
    vale, pacf = lab.vale(), lab.pacf()
    typed_batch = SEED.replace('1024', str(batch)).replace('PORT', vale + ':a').replace('ACTION', 'SAMPLE')
    for line in typed_batch.splitlines():
        pacf.lua(line)
    rate = rate_of(lab, vale + ':a', vale + ':g', seconds)
    pacf.close()
    return rate


def rate_lb(lab, seconds):
    vale = lab.vale()
    lb = Program(lab, 'lb', '-i', 'netmap:%s:a' % vale, '-p', '4', '-B', '16384', '-w', '0')
    until('lb: ' + lb.said(), lambda: vale + ':a' in ' '.join(vale_ports()), SLOW)
    rate = rate_of(lab, vale + ':a', vale + ':g', seconds)
    lb.signal(signal.SIGINT)
    lb.process.wait(timeout=SLOW)
    return rate


def case_rate(lab):
    rounds, seconds = int(os.environ.get('NETMAP_ROUNDS') or 5), 5
    ratios = []
    for i in range(rounds):
        rates = {}
        for kind in (rate_pacf, rate_lb) if i % 2 == 0 else (rate_lb, rate_pacf):
            rates[kind] = kind(lab, seconds)
        first, second = rates[rate_pacf], rates[rate_lb]
        ratios.append(first / second)
        print('round %d: pacf %.0f packets/s, lb -p 4 %.0f packets/s, ratio %.2f' % (i + 1, first, second, ratios[-1]))
    print('median ratio %.2f (%.2f to %.2f)' % (statistics.median(ratios), min(ratios), max(ratios)))
    need(statistics.median(ratios) >= 1, 'slower than lb')


def case_batches(lab):
    sizes = (16, 64, 256, 1024)
    rates = {size: [] for size in sizes}
    for _ in range(int(os.environ.get('NETMAP_ROUNDS') or 3)):
        for size in sizes:
            rates[size].append(rate_pacf(lab, 3, size))
    for size in sizes:
        print('batch %d: %s packets/s' % (size, ' '.join('%.0f' % r for r in rates[size])))


if __name__ == '__main__':
    sys.exit(main({n: f for n, f in globals().items() if n == 'case_rate' or n[5:] in sys.argv}, __doc__))
