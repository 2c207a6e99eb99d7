#!/usr/bin/env python3
"""Eight applications on an engine that has nothing to do cost next to nothing.

usage: idle.py [--seconds N]    (10; 30 with PACF_SOAK=1)

A capture's second packet is due in an hour.  Four tcpdumps through pacf-run (without tcpdump: none) and
other readers, which wait in pacf_recv() and in poll(2), have read the first.  The CPU time of the daemon
and of all of them, as the scheduler counts it, must be below 1 % of one core.

PACF, PACF_RUN, BADCLIENT: the programs.
"""
import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from daemon import Client, Daemon, Failed, check_ledger, cpu_ns, list_channels, need, until

CONSUMERS = 8
LIMIT = 0.01


def capture_make(path):
    packet = bytes(12) + b'\x08\x00' + bytes(46)
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for second in (1000, 4600):
            f.write(struct.pack('<IIII', second, 0, len(packet), len(packet)) + packet)


def start_consumers(folder):
    """Popen objects, of them half tcpdumps."""
    consumers = []
    if shutil.which('tcpdump'):
        for i in range(CONSUMERS // 2):
            with open(os.path.join(folder, 'tcpdump%d.log' % i), 'wb') as log:
                consumers.append(subprocess.Popen(
                    [os.environ['PACF_RUN'], 'tcpdump', '-n', '-i', 'pacf:i}%d' % i], stdout=log, stderr=log,
                    stdin=subprocess.DEVNULL))
    for i in range(len(consumers), CONSUMERS):
        mode = ('read', 'pacf:i}%d' % i, '/dev/null') if i % 2 else ('poll', 'pacf:i}%d' % i)
        consumers.append(Client(*mode).process)
    return consumers


def measure(daemon, consumers, seconds):
    pids = [daemon.process.pid] + [c.pid for c in consumers]
    start, before = time.monotonic(), [cpu_ns(pid) for pid in pids]
    # Waiting, as a script does; pkteng.wait gives up after that time.
    done = daemon.lua("return (pkteng.wait{engine='i', timeout=%g})" % seconds, seconds + 30)
    took, after = time.monotonic() - start, [cpu_ns(pid) for pid in pids]
    need(done is False, 'the engine is not idle')
    used = [(b - a) / 1e9 / took for a, b in zip(before, after)]
    need(all(c.poll() is None for c in consumers), 'a consumer has ended')
    print('idle for %.1f s with %d consumers: %.2f %% of one core (daemon %.2f %%, consumers %.2f %%)' %
          (took, len(consumers), 100 * sum(used), 100 * used[0], 100 * sum(used[1:])))
    need(all(after), 'no figures')
    need(sum(used) < LIMIT, 'that is not below %g %%' % (100 * LIMIT))


def check(daemon, folder, seconds):
    capture = os.path.join(folder, 'hour.pcap')
    capture_make(capture)
    daemon.lua("pkteng.new{name='i', type='pcap'} pkteng.link{engine='i', ifname='%s', speed=1}" % capture)
    for i in range(CONSUMERS):
        daemon.lua("pkteng.open_channel{engine='i', channel='pacf:i{%d', action='COPY'}" % i)
    daemon.lua("pkteng.start{engine='i'}")
    consumers = start_consumers(folder)
    try:
        pids = {c.pid for c in consumers}
        until('all are attached', lambda: pids <= set(list_channels().values()))
        until('the first packet is read', lambda: all(
            c['delivered_pkts'] == 1 and c['waiting'] == 0 for c in daemon.stats('i')['channels']))
        time.sleep(1)
        measure(daemon, consumers, seconds)
        check_ledger(daemon.stats('i'))
    finally:
        for consumer in consumers:
            consumer.kill()
            consumer.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=30 if os.environ.get('PACF_SOAK') else 10)
    seconds = parser.parse_args().seconds
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        daemon = Daemon(folder)
        try:
            check(daemon, folder, seconds)
            daemon.close()
        except Failed as wrong:
            print('FAILED: %s' % wrong)
            sys.exit(1)
        finally:
            daemon.kill()


if __name__ == '__main__':
    main()
