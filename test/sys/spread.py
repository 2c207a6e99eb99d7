#!/usr/bin/env python3
"""pacfctl split and copy: the lines that they print, typed into a shell, read all packets of a file, shared or copied; asked
again they say what is there; what fails leaves nothing; and an interface is read by the type that works.

PACF, PACFCTL, PACF_GEN, PACF_RUN: the programs.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from captures import read_capture
from daemon import Failed, need, until


def start(folder, name, script, wrap=()):
    """Another daemon, in a folder of its own, once it listens."""
    os.environ['PACF_RUNDIR'] = os.path.join(folder, name)
    path = os.path.join(folder, name + '.lua')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(script)
    out = subprocess.run([*wrap, os.environ['PACF'], '-d', '-f', path], capture_output=True, text=True, timeout=60,
                         check=False)
    need(out.returncode == 0, 'no daemon: ' + out.stderr)


def ctl(*words, status=0):
    out = subprocess.run([os.environ['PACFCTL'], *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=60, check=False)
    need(out.returncode == status, 'pacfctl %s: status %d: %s' % (words, out.returncode, out.stdout + out.stderr))
    return out.stdout if status == 0 else out.stderr


def engines():
    return ctl('-e', 'print(table.concat(pkteng.list(), " "))').split()


def packets(path):
    """tcpdump writes microseconds."""
    return [(p.ts_ns // 1000, p.data) for p in read_capture(path)[1]]


def read_all(folder, text, n):
    """The packets that each of the printed lines reads, by the shell."""
    lines = re.findall('^  (pacf-run tcpdump -i .*)$', text, re.M)
    need(len(lines) == n, '%d lines, not %d:\n%s' % (len(lines), n, text))
    readers = [subprocess.Popen(['sh', '-c', 'exec %s -w %s/%d.out' % (line, folder, i)], stderr=subprocess.DEVNULL)
               for i, line in enumerate(lines)]
    for reader in readers:
        need(reader.wait(timeout=60) == 0, 'a reader fails')
    return [packets(os.path.join(folder, '%d.out' % i)) for i in range(n)]


def test_files(folder):
    start(folder, 'files', '')
    sent = packets(os.path.join(folder, 'web.pcap'))
    os.chdir(folder)
    text = ctl('split', 'web.pcap', '3')
    need(re.search('^Engine web reads %s/web.pcap .pcap.*3 channels share its flows:$' % folder, text, re.M), text)
    again = ctl('split', folder + '/web.pcap', '3')
    need('Engine web is there already' in again, again)
    parts = read_all(folder, again, 3)
    need(all(parts) and sorted(sum(parts, [])) == sorted(sent), 'the parts are not the whole')
    copies = read_all(folder, ctl('copy', '--engine', 'tap', 'odd name {}.pcap', '2', '--type', 'pcap'), 2)
    need(copies[0] == copies[1] == sent, 'the copies are not the whole')
    # What is there is not touched, what fails leaves nothing.
    before = engines()
    for words, why in ((('split', 'web.pcap', '2'), 'engine "web" is there already'),
                       (('copy', 'web.pcap', '3'), 'engine "web" is there already'),
                       (('copy', 'web.pcap', '3', '--engine', 'x'), 'channel "pacf:web{0" is in engine "web" already'),
                       (('split', 'none.pcap', '2'), '"none.pcap" is neither an interface'),
                       (('split', 'start.txt', '2'), 'start.txt'), (('split', 'web2.pcap', '256'), 'from 1 to 255'),
                       (('split', 'web2.pcap', '2', '--type', 'pcp'), '"pcp"'),
                       (('split', 'web2.pcap', '2', '--engine', 'a b'), '"a b"')):
        said = ctl(*words, status=1)
        need(why in said and said.count('\n') == 1, '%s: %s' % (words, said))
        need(engines() == before, '%s leaves %s' % (words, engines()))
    for words in ((), ('web.pcap',), ('web.pcap', 'x'), ('web.pcap', '0'), ('web.pcap', '2', '3'), ('--tpe', 'x', 'y', '2')):
        said = ctl('split', *words, status=2)
        need(said.startswith('pacfctl: split') and said.count('\n') == 1, '%s: %s' % (words, said))
    ctl('-e', 'pacf.shutdown()')


def test_interface(folder):
    """lo of a network of its own."""
    if os.getuid() != 0 or subprocess.run(['unshare', '-n', 'true'], check=False, stderr=subprocess.DEVNULL).returncode:
        print('no network of its own to be had: interfaces are not tried')
        return
    start(folder, 'lo', 'pacf.privileges{keep={"afpacket"}}', ('unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"',
                                                              'sh'))
    text = ctl('split', 'lo', '2')
    need('auto: afpacket reads lo' in text and re.search('^Engine lo reads lo .afpacket', text, re.M) and
         "pacf-run tcpdump -i 'pacf:lo}1'" in text, text)
    need('is running' in ctl('split', 'lo', '2'), 'asked again')
    need('netns' in ctl('copy', 'netns9', '1', status=1) and engines() == ['lo'], 'an interface that is not there')
    ctl('-e', 'pacf.shutdown()')


def main():
    folder = tempfile.mkdtemp(prefix='spread')
    os.environ['PATH'] = os.path.dirname(os.environ['PACF_RUN']) + ':' + os.environ['PATH']
    status = 0
    try:
        subprocess.run([os.environ['PACF_GEN'], os.path.join(folder, 'web.pcap')], check=True)
        for copy in ('web2.pcap', 'odd name {}.pcap'):
            shutil.copy(os.path.join(folder, 'web.pcap'), os.path.join(folder, copy))
        with open(os.path.join(folder, 'start.txt'), 'w', encoding='utf-8') as f:
            f.write('no capture')
        for test in (test_files, test_interface):
            test(folder)
    except Failed as failure:
        print('FAILED: %s' % failure)
        status = 1
    finally:  # if a test has not
        subprocess.run([os.environ['PACFCTL'], '-e', 'pacf.shutdown()'], capture_output=True, check=False)
    until('the daemon ends', lambda: not os.path.exists(os.path.join(os.environ['PACF_RUNDIR'], 'pacf.pid')))
    shutil.rmtree(folder)
    return status


if __name__ == '__main__':
    sys.exit(main())
