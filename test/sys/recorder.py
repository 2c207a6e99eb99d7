#!/usr/bin/env python3
"""pcap: channels as recorders: files end by size, by time and on demand, compressed or not, and together they are what
the engine read, byte for byte; what was written before kill -9 can be read; a full disk costs what is counted.

usage: recorder.py [CASE ...]

PACF, PACF_GEN: the programs.  PACF_SHARED: where traces/ is (default: ../shared).
"""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import captures
from daemon import Daemon, Failed, check_ledger, need, until

TRACES = ('zeek/http/methods.pcap', 'zeek/wikipedia.pcap', 'zeek/web.pcap', 'zeek/smb/smb2_100_small_files.pcap')


def generate(path, *args):
    subprocess.run([os.environ['PACF_GEN'], '-o', path, *args], check=True)
    return path


def paced(path, pps):
    """Arguments of a link that reads it again and again, so many packets a second."""
    packets = captures.read_capture(path)[1]
    return ', loop=true, speed=%g' % ((packets[-1].ts_ns - packets[0].ts_ns) / 1e9 / (len(packets) / pps))


def read_raw(path):
    """The bytes of a file; of zstd, what can be had of it."""
    if path.endswith('.zst'):
        return subprocess.run(['zstdcat', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    with open(path, 'rb') as f:
        return f.read()


def number_of(path):
    """Files of one name in the order in which they were begun."""
    found = re.search(r'-(\d+)\.pcap', os.path.basename(path))
    return int(found.group(1)) if found else 0


def files_of(folder, stem):
    return sorted(glob.glob('%s/%s.pcap*' % (folder, stem)) + glob.glob('%s/%s-*.pcap*' % (folder, stem)),
                  key=number_of)


def join(paths):
    """The files one after the other, as one."""
    raw = [read_raw(path) for path in paths]
    need(raw and all(len(r) >= 24 and r[:24] == raw[0][:24] for r in raw), 'headers of %s' % paths)
    return raw[0][:24] + b''.join(r[24:] for r in raw)


def count(raw, written=False):
    """written: somebody may be in the midst of the last record."""
    _, packets, whole = captures.read_classic(raw, '<', 1)
    need(whole or written, 'a record is cut off')
    return len(packets)


def tcpdump_reads(path):
    """How many packets zstdcat | tcpdump tells of."""
    out = subprocess.run('zstdcat %s 2>/dev/null | tcpdump -nn -r - 2>/dev/null | wc -l' % path, shell=True,
                         stdout=subprocess.PIPE, check=True).stdout
    return int(out)


class Recording:
    """An engine with COPY channels into files of its folder."""

    def __init__(self, folder, name='e', preexec=None):
        self.folder, self.name = folder, name
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.makedirs(os.environ['PACF_RUNDIR'], mode=0o700, exist_ok=True)
        self.daemon = Daemon(folder, preexec)

    def path(self, name):
        return os.path.join(self.folder, name)

    def engine(self, capture, more='', type='pcap'):
        self.daemon.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname='%s'%s}" %
                        (self.name, type, self.name, os.path.abspath(capture), more))

    def channel(self, name, more='', folder=None):
        self.daemon.lua("pkteng.open_channel{engine='%s', channel='pcap:%s', action='COPY'%s}" %
                        (self.name, os.path.join(folder or self.folder, name), more and ', ' + more))

    def run(self):
        self.daemon.lua("pkteng.start('%s') pkteng.wait{engine='%s', timeout=60}" % (self.name, self.name))
        return self.stats()

    def stats(self):
        return self.daemon.stats(self.name)

    def of(self, name):
        return [c for c in self.stats()['channels'] if c['channel'].endswith('/' + name)][0]

    def close(self):
        if self.daemon.process.poll() is None:
            self.daemon.close()


def case_union(folder):
    """Of several traces: all ways to end files give the same bytes, and those are the trace's packets."""
    shared = os.path.join(os.environ.get('PACF_SHARED', '../shared'), 'traces')
    paths = [os.path.join(shared, t) for t in TRACES]
    paths = [p for p in paths if os.path.exists(p)] + [generate(os.path.join(folder, 'gen'), '--packets', '20000')]
    for i, trace in enumerate(paths):
        own = os.path.join(folder, 'union%d' % i)
        os.mkdir(own)
        r = Recording(own)
        r.engine(trace)
        r.channel('whole.pcap')
        r.channel('size.pcap', 'file_size=0.02')
        r.channel('time.pcap', 'rotate_seconds=1')
        r.channel('both.pcap.zst', "file_size=0.05, rotate_seconds=2, compress='zstd'")
        r.channel('few.pcap', 'file_size=0.02, filecount=3')
        r.channel('at-%s.pcap', 'rotate_seconds=1')
        stats = r.run()
        check_ledger(stats)
        need(all(c['waiting'] == 0 and c['unread_pkts'] == 0 for c in stats['channels']), 'all is written: %s' % stats)
        r.close()
        whole = join([r.path('whole.pcap')])
        capture = captures.Capture(trace)
        unit = captures.output_unit(r.path('whole.pcap'))
        need(captures.read_capture(r.path('whole.pcap'))[1] ==
             [p._replace(ts_ns=p.ts_ns // unit * unit) for p in capture.packets], '%s: other packets' % trace)
        size = files_of(own, 'size')
        need(all(os.path.getsize(p) <= 20000 for p in size[:-1]) or len(size) > 1, 'sizes of %s' % size)
        need(len(size) >= len(whole) // 20000, '%d files of %d bytes' % (len(size), len(whole)))
        for stem in ('size', 'time', 'both'):
            need(join(files_of(own, stem)) == whole, '%s: %s: the files are not the whole' % (trace, stem))
        few = files_of(own, 'few')
        need(len(few) == min(3, len(size)) and [number_of(p) for p in few] == [number_of(p) for p in size[-3:]],
             'kept: %s' % few)
        need(join(few)[24:] == join(size[-3:])[24:], 'what is kept is not the newest')
        named = sorted(glob.glob(own + '/at-*.pcap'), key=lambda p: [int(x) for x in re.findall(r'\d+', os.path.basename(p))])
        need(join(named) == whole, '%s: names with the time' % trace)
        for path in named:
            first = captures.read_capture(path)[1][0].ts_ns // 10**9
            need(int(re.findall(r'\d+', os.path.basename(path))[0]) == first, '%s begins at %d' % (path, first))


def case_demand(folder):
    """pkteng.rotate and SIGHUP while packets come: nothing is lost or there twice; moved files are made anew."""
    r = Recording(folder)
    trace = generate(os.path.join(folder, 'gen'), '--packets', '20000')
    r.engine(trace, paced(trace, 3000))
    for name, more in (('a.pcap', ''), ('b.pcap.zst', "compress='zstd'"), ('whole.pcap', '')):
        r.channel(name, more)
    r.daemon.lua("pkteng.start('e')")
    before = 0
    for _ in range(20):
        until('packets come', lambda n=before: r.of('a.pcap')['delivered_pkts'] > n)
        before = r.of('a.pcap')['delivered_pkts']
        for name in ('a.pcap', 'b.pcap.zst'):
            r.daemon.lua("pkteng.rotate{engine='e', channel='pcap:%s'}" % r.path(name))
        need(count(join(files_of(folder, 'a')), True) >= before, 'what was delivered is in the files')
    need('writes no file' in r.daemon.refused("pkteng.rotate{channel='pcap:/none'}"), 'a channel that is none')
    until('the last one is begun', lambda: len(files_of(folder, 'a')) == 21)
    os.rename(r.path('a.pcap'), r.path('moved'))
    r.daemon.lua("pkteng.rotate{channel='pcap:%s'}" % r.path('a.pcap'))
    until('the name is used again', lambda: os.path.exists(r.path('a.pcap')))
    r.daemon.lua("pkteng.stop('e')")
    check_ledger(r.stats())
    need(all(c['unread_pkts'] == 0 for c in r.stats()['channels']), 'nothing is lost')
    r.close()
    whole = join([r.path('whole.pcap')])
    a = [p for p in files_of(folder, 'a') if number_of(p) > 0]
    need(join([r.path('moved')] + a + [r.path('a.pcap')]) == whole, 'a: the files are not the whole')
    need(join(files_of(folder, 'b')) == whole, 'b: the files are not the whole')


def case_kill(folder):
    """kill -9 in the midst of it: what a compressed file holds can be read, and is what came."""
    r = Recording(folder)
    trace = generate(os.path.join(folder, 'gen'), '--packets', '20000')
    r.engine(trace, paced(trace, 20000))
    r.channel('a.pcap.zst', "compress='zstd'")
    r.channel('whole.pcap')
    r.daemon.lua("pkteng.start('e')")
    until('some is in both', lambda: os.path.getsize(r.path('a.pcap.zst')) > 1000 and tcpdump_reads(r.path('a.pcap.zst')))
    until('a thousand packets', lambda: r.of('a.pcap.zst')['delivered_pkts'] > 1000)
    r.daemon.kill()
    raw = read_raw(r.path('a.pcap.zst'))
    need(len(raw) > 24 and tcpdump_reads(r.path('a.pcap.zst')) == count(raw), 'tcpdump reads it all')
    whole = read_raw(r.path('whole.pcap'))
    need(whole.startswith(raw) or raw.startswith(whole), 'it is not what came')


def full_disk(folder):
    """A daemon with a small file system of its own; its root, as seen from outside."""
    small = os.path.join(folder, 'small')
    os.mkdir(small)
    program = os.path.join(folder, 'pacf-in-namespace')
    with open(program, 'w', encoding='ascii') as f:
        f.write("#!/bin/sh\nexec unshare -Urm sh -c 'mount -t tmpfs -o size=2m none %s && exec %s'\n" %
                (small, os.environ['PACF']))
    os.chmod(program, 0o755)
    before, os.environ['PACF'] = os.environ['PACF'], program
    try:
        r = Recording(folder)
    finally:
        os.environ['PACF'] = before
    r.daemon.lua('return 1')
    return r, small, '/proc/%d/root%s' % (r.daemon.process.pid, small)


def case_full(folder):
    """A disk that is full: counted exactly, said once, nobody else hurt; it goes on when there is room, and what was
    in the buffer at the end and found none is counted too."""
    r, small, seen = full_disk(folder)
    trace = generate(os.path.join(folder, 'gen'), '--packets', '20000')
    r.engine(trace, paced(trace, 20000))
    with open(seen + '/filler', 'wb') as f:
        f.write(bytes(1024 * 1024))
    r.channel('a.pcap', 'buffer=1', folder=small)
    r.channel('whole.pcap')
    r.daemon.lua("pkteng.start('e')")
    until('the disk is full', lambda: 'No space left' in r.of('a.pcap').get('note', ''), 60)
    until('drops', lambda: r.of('a.pcap')['drop_sink_error_pkts'] > 1000, 60)
    kept = captures.read_capture(seen + '/a.pcap')
    need(kept[2] and len(kept[1]) > 100, 'the file is not whole')
    need(len(kept[1]) == r.of('a.pcap')['delivered_pkts'] - r.of('a.pcap')['waiting'], 'what is in the file')
    dropped = r.of('a.pcap')['drop_sink_error_pkts']
    os.unlink(seen + '/filler')
    until('it goes on', lambda: len(captures.read_capture(seen + '/a.pcap')[1]) > len(kept[1]), 60)
    until('the disk is full again', lambda: r.of('a.pcap')['drop_sink_error_pkts'] > dropped + 1000, 60)
    r.daemon.lua("pkteng.stop('e')")
    check_ledger(r.stats())
    a, whole = r.of('a.pcap'), r.of('whole.pcap')
    packets = captures.read_capture(seen + '/a.pcap')
    need(packets[2] and len(packets[1]) == a['delivered_pkts'] - a['unread_pkts'] and a['waiting'] == 0,
         '%d packets, counted: %s' % (len(packets[1]), a))
    need(a['unread_pkts'] > 0 and a['drop_disk_slow_pkts'] == 0, 'causes: %s' % a)
    everything = captures.read_capture(r.path('whole.pcap'))[1]
    need(len(everything) == whole['received_pkts'] == whole['delivered_pkts'] == a['received_pkts'], 'the other: %s' % whole)
    need(captures.subsequence(packets[1], everything), 'out of order')
    r.close()
    with open(r.daemon.log, encoding='utf-8') as log:
        lines = [line for line in log if 'cannot be written' in line]
    need(1 <= len(lines) <= 3, 'said %d times' % len(lines))


def case_hangup(folder):
    """SIGHUP ends the files of a daemon."""
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
    trace = generate(os.path.join(folder, 'gen'), '--packets', '20000')
    script = os.path.join(folder, 'script.lua')
    with open(script, 'w', encoding='ascii') as f:
        f.write("pkteng.new{name='e', type='pcap'} pkteng.link{engine='e', ifname='%s'%s}\n"
                "pkteng.open_channel{engine='e', channel='pcap:%s/a.pcap', action='COPY'} pkteng.start('e')\n" %
                (trace, paced(trace, 20000), folder))
    with open(os.path.join(folder, 'log'), 'wb') as log:
        daemon = subprocess.Popen([os.environ['PACF'], '-F', '-f', script], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until('packets', lambda: os.path.exists(folder + '/a.pcap') and os.path.getsize(folder + '/a.pcap') > 1000)
        os.rename(folder + '/a.pcap', folder + '/old')
        daemon.send_signal(signal.SIGHUP)
        until('a new file', lambda: os.path.exists(folder + '/a.pcap') and os.path.getsize(folder + '/a.pcap') > 1000)
        need(count(read_raw(folder + '/old')) > 0, 'the old one')
        daemon.send_signal(signal.SIGTERM)
        need(daemon.wait(timeout=20) == 0, 'status %s' % daemon.returncode)
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
    count(read_raw(folder + '/a.pcap'))


def main():
    status, cases = 0, {n[5:]: f for n, f in globals().items() if n.startswith('case_')}
    os.environ['TZ'] = 'UTC'
    for tool in ('zstdcat', 'tcpdump', 'unshare'):
        if shutil.which(tool) is None:
            print('no %s: skipped' % tool)
            return 77
    for name in sys.argv[1:] or cases:
        folder, started = tempfile.mkdtemp(prefix='pacf-recorder-'), time.monotonic()
        try:
            cases[name](folder)
            print('%s: ok (%.1f s)' % (name, time.monotonic() - started), flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as wrong:
            print('%s: FAILED: %s: %s' % (name, type(wrong).__name__, str(wrong)[:2000]))
            status = 1
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return status


sys.exit(main())
