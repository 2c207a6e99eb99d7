#!/usr/bin/env python3
"""MB/s into files of a pcap: channel, beside what writes the same bytes to the same disk: cp, dd, tcpdump and
netsniff-ng, each from and to the page cache of the same run; zstd beside zstd -1.

PACF, PACF_GEN: the programs.  BENCH_DIR: where (default: the folder for temporary files); BENCH_MB: how much (400).
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 3


def run(command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(name, command, source, out):
    size, took = os.path.getsize(source), []
    for _ in range(RUNS):
        if os.path.exists(out):
            os.unlink(out)
        start = time.monotonic()
        run(command)
        took.append(time.monotonic() - start)
    print('%-24s %6.0f MB/s (%.0f to %.0f)' % (name, size / 1e6 / statistics.median(took), size / 1e6 / max(took),
                                              size / 1e6 / min(took)), flush=True)


def main():
    folder = tempfile.mkdtemp(prefix='pacf-bench-', dir=os.environ.get('BENCH_DIR'))
    source, out = os.path.join(folder, 'in.pcap'), os.path.join(folder, 'out.pcap')
    os.environ['PACF_RUNDIR'] = folder
    try:
        subprocess.run([os.environ['PACF_GEN'], '-o', source, '--bytes', os.environ.get('BENCH_MB', '400') + 'M'],
                       check=True)

        def pacf(more):
            return [os.environ['PACF'], '-e', "pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s'} "
                    "pkteng.open_channel{engine='e', channel='pcap:%s', action='COPY'%s} pkteng.start('e') "
                    "pkteng.wait('e')" % (source, out, more)]
        rows = [('cp', ['cp', source, out]), ('dd bs=1M', ['dd', 'if=' + source, 'of=' + out, 'bs=1M']),
                ('pcap: channel', pacf('')), ('  in files of 10 MB', pacf(', file_size=10, filecount=100')),
                ('tcpdump -r -w', ['tcpdump', '-r', source, '-w', out]),
                ('netsniff-ng -i -o', ['netsniff-ng', '-s', '-i', source, '-o', out]),
                ('pcap: channel, zstd', pacf(", compress='zstd'")), ('zstd -1', ['zstd', '-1', '-q', '-f', source, '-o', out])]
        print('%d MB of mixed traffic' % (os.path.getsize(source) / 1e6))
        for name, command in rows:
            if shutil.which(command[0]):
                measure(name, command, source, out)
            else:
                print('%-24s not there' % name)
    finally:
        shutil.rmtree(folder)
    return 0


sys.exit(main())
