#!/usr/bin/env python3
"""Real captures are split over channels: the outputs together are the input.

usage: partition.py sinks|tcpdumps [CAPTURE ...]

sinks     all captures of a link type joined, over each number of `pcap:` channels from 1 to 16, and
          each capture by itself over one of these numbers, in turn; with PACF_SOAK=1 over all of them
tcpdumps  captures over four tcpdumps, through pacf-run (a few; all of them with PACF_SOAK=1)

Each output must be a subsequence of the input (but for fragments that came before their first one:
those in their conversation), all of them together its packets, byte for byte with their times; and no
TCP or UDP conversation as tshark numbers it, innermost, may be torn: later fragments belong where their
first one does.

PACF, PACF_RUN: the programs.  PACF_SHARED: the folder that holds traces/.  Exit status 77: skipped.
"""
import collections
import os
import shutil
import subprocess
import sys
import time

from captures import Flows, find_captures, find_disorder, find_torn, join_captures, output_unit, read_capture, scratch

MOST = 16     # channels
AT_ONCE = 16  # engines


def libpcap_reads(path):
    """Some captures are whole and still not for libpcap (interfaces that differ)."""
    return subprocess.run(['tcpdump', '-nn', '-r', path, '-w', '/dev/null'], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def lua_text(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def check_partition(capture, outputs, unit, failed, flows):
    """None, or what is wrong.  failed: the engine said that the source ended early; flows: None if the
    engine held nothing, so that all is in order."""
    parts = []
    for path in outputs:
        linktype, packets, whole = read_capture(path)
        if not whole:
            return 'output %s is cut off' % path
        if linktype != capture.linktype:
            return 'link type %d became %d' % (capture.linktype, linktype)
        parts.append(packets)
    want = [p._replace(ts_ns=p.ts_ns // unit * unit) for p in capture.packets]
    total = sum(len(p) for p in parts)
    if not failed and not capture.whole:
        return 'the file is cut off, and the engine did not say so'
    if failed and capture.whole:
        if libpcap_reads(capture.path):
            return 'the engine says: %s' % failed
        want = want[:total]
    if total != len(want):
        return '%d packets became %d' % (len(want), total)
    if collections.Counter(want) != collections.Counter(p for part in parts for p in part):
        return 'other packets came out than went in'
    for number, part in enumerate(parts):
        wrong = find_disorder(want, part, flows)
        if wrong:
            return 'channel %d: %s' % (number, wrong)
    return None


def lua_engine(index, capture, channels, then):
    opens = ''.join("pkteng.open_channel{engine=e, channel=%s, action='SAMPLE'}\n" % lua_text(c)
                    for c in channels)
    return ("do local e = 'e%d'\npkteng.new{name=e, type='pcap'}\n"
            "pkteng.link{engine=e, ifname=%s}\n%spkteng.start{engine=e}\n%send\n"
            % (index, lua_text(os.path.abspath(capture.path)), opens, then))


WAIT = ("local ok, why = pcall(pkteng.wait, {engine=e, timeout=60})\n"
        "local held = pkteng.stats{engine=e}.counters.frag_held_pkts\n"
        "io.stdout:write(('%s\\t%d\\t%s\\n'):format(e, held, ok and '' or tostring(why):gsub('%s', ' ')))\n"
        "io.stdout:flush()\n")


def verdicts(text):
    """Of each engine what its wait said, '' or the error, and how many packets it held."""
    said = {}
    for line in text.splitlines():
        name, tab, rest = line.partition('\t')
        if tab and name.startswith('e') and name[1:].isdigit():
            held, _, why = rest.partition('\t')
            said[int(name[1:])] = why, int(held)
    return said


class Report:
    def __init__(self):
        self.done = self.bad = self.conversations = self.fragments = 0

    def add(self, capture, splits, wrong):
        self.done += 1
        if wrong:
            self.bad += 1
            print('FAILED: %s over %d: %s' % (capture.path, splits, wrong))

    def end(self):
        print('%d splits, %d failed, %d packets with a conversation, %d of them later fragments' %
              (self.done, self.bad, self.conversations, self.fragments))
        return 1 if self.bad or self.done == 0 else 0


def judge(report, capture, outputs, verdict, flows):
    wrong = None
    if verdict is None:
        wrong = 'the daemon said nothing of it'
    missing = [path for path in outputs if not os.path.exists(path)]
    if missing:
        wrong = wrong or 'there is no output %s' % missing[0]
    if not wrong:
        unit = output_unit(outputs[0])
        failed, held = verdict
        known = flows or (Flows(capture) if held and shutil.which('tshark') else None)
        wrong = check_partition(capture, outputs, unit, failed, known if held else None)
        if not wrong and flows:
            report.conversations += len(flows.names) - flows.names.count(None)
            report.fragments += sum(x is not None for x in flows.followed.follows.values())
            wrong = find_torn(capture.packets, outputs, unit, flows.names)
    report.add(capture, len(outputs), wrong)


def run_sinks(captures, joined, flows, folder):
    report = Report()
    for splits in range(1, MOST + 1):
        everything = (captures if os.environ.get('PACF_SOAK') else captures[splits - 1::MOST]) + joined
        out = os.path.join(folder, str(splits))
        os.mkdir(out)
        script = os.path.join(folder, 'split.lua')
        outputs = [[os.path.join(out, '%d.%d.pcap' % (i, c)) for c in range(splits)]
                   for i in range(len(everything))]
        with open(script, 'w', encoding='utf-8') as f:
            for first in range(0, len(everything), AT_ONCE):
                batch = range(first, min(first + AT_ONCE, len(everything)))
                for i in batch:
                    f.write(lua_engine(i, everything[i], ['pcap:' + o for o in outputs[i]], ''))
                for i in batch:
                    f.write("do local e = 'e%d'\n%spkteng.delete{engine=e}\nend\n" % (i, WAIT))
        ran = subprocess.run([os.environ['PACF'], '-f', script], check=False, timeout=500, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if ran.returncode != 0:
            print('FAILED: pacf ended with status %d: %s' % (ran.returncode, ran.stderr[-500:]))
            report.bad += 1
        said = verdicts(ran.stdout)
        for i, capture in enumerate(everything):
            judge(report, capture, outputs[i], said.get(i), flows.get(capture.path))
        shutil.rmtree(out)
    return report.end()


def wait_for_channels(daemon, count):
    for _ in range(200):
        listed = subprocess.run([os.environ['PACF_RUN'], 'tcpdump', '-D'], check=False, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        if listed.count('pacf:') >= count:
            return True
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    return False


def start_tcpdump(channel, path):
    with open(path, 'wb') as out, open(path + '.log', 'wb') as log:
        return subprocess.Popen([os.environ['PACF_RUN'], 'tcpdump', '-i', channel, '-w', '-'],
                                stdin=subprocess.DEVNULL, stdout=out, stderr=log)


def run_tcpdumps(captures, joined, flows, folder):
    """Engines wait for their readers, so a daemon can hold a few captures at a time."""
    report = Report()
    if os.environ.get('PACF_SOAK'):
        chosen = captures + joined
    else:
        chosen = captures[::max(1, len(captures) // 24)] + joined
    for first in range(0, len(chosen), 8):
        batch = list(enumerate(chosen[first:first + 8]))
        script = os.path.join(folder, 'four.lua')
        with open(script, 'w', encoding='utf-8') as f:
            for i, capture in batch:
                f.write(lua_engine(i, capture, ['pacf:c%d{%d' % (i, c) for c in range(4)], ''))
            for i, _ in batch:
                f.write("do local e = 'e%d'\n%send\n" % (i, WAIT))
        daemon = subprocess.Popen([os.environ['PACF'], '-f', script], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        try:
            if not wait_for_channels(daemon, 4 * len(batch)):
                daemon.kill()
                print('FAILED: the channels did not appear:', daemon.communicate()[1][-500:])
                return 1
            outputs = {}
            for i, capture in batch:
                outputs[i] = [os.path.join(folder, 't%d.%d.pcap' % (i, c)) for c in range(4)]
                readers = [start_tcpdump('pacf:c%d}%d' % (i, c), path)
                           for c, path in enumerate(outputs[i])]
                for c, reader in enumerate(readers):
                    status = reader.wait(timeout=120)
                    if status != 0:
                        with open(outputs[i][c] + '.log', encoding='utf-8') as log:
                            report.add(capture, 4, 'tcpdump %d ended with status %d: %s' %
                                       (c, status, log.read()))
            text, errors = daemon.communicate(timeout=120)
        finally:
            if daemon.poll() is None:
                daemon.kill()
        if daemon.returncode != 0:
            print('FAILED: pacf ended with status %d: %s' % (daemon.returncode, errors[-500:]))
            report.bad += 1
        said = verdicts(text)
        for i, capture in batch:
            judge(report, capture, outputs[i], said.get(i), flows.get(capture.path))
    return report.end()


def main():
    runs = {'sinks': run_sinks, 'tcpdumps': run_tcpdumps}
    if len(sys.argv) < 2 or sys.argv[1] not in runs:
        sys.exit(__doc__)
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if not shutil.which('tcpdump'):
        print('tcpdump is not installed: skipped')
        sys.exit(77)
    captures = find_captures(sys.argv[2:])
    if not captures:
        print('no captures here: skipped')
        sys.exit(77)
    with scratch() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        joined = join_captures(captures, folder)
        flows = {}
        if shutil.which('tshark'):
            flows = {c.path: Flows(c) for c in joined}
        else:
            print('tshark is not installed: affinity is not checked')
        print('%d captures, %d joined ones' % (len(captures), len(joined)))
        sys.exit(runs[sys.argv[1]](captures, joined, flows, folder))


if __name__ == '__main__':
    main()
