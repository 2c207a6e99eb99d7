#!/usr/bin/env python3
"""pacf doctor: faults are planted, it names them, and the command that it gives mends them.

usage: doctor.py [CASE ...]

PACF: the program.  Works in network namespaces of its own; skips (77) without the right to make them.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import wires
from daemon import JSON, Failed, need

FACE = 'eth3'
# The cheapest XDP program: return XDP_PASS.
XDP_SOURCE = '__attribute__((section("xdp"), used)) int passer(void *c) { return 2; } ' \
    'char l[] __attribute__((section("license"), used)) = "GPL";'


def pacf(*args, prefix=()):
    return subprocess.run([*prefix, os.environ['PACF'], *args], check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def look(name=FACE, prefix=()):
    """The table that pkteng.doctor returns."""
    code = "%s print(J(pkteng.doctor{ifname='%s'}))" % (' '.join(JSON.split('\n')), name)
    done = pacf('-e', code, prefix=prefix)
    need(done.returncode == 0 and done.stderr == '', 'exit %d: %s' % (done.returncode, done.stderr))
    return json.loads(done.stdout)


def finding(what, table):
    found = [f for f in table['findings'] if f['what'] == what]
    need(len(found) == 1, '%d findings on %s' % (len(found), what))
    return found[0]


def mends(what, verdict, text, fix, name=FACE):
    """The fault is found, as data and as text, with its command; the command mends it."""
    found = finding(what, look(name))
    need(found['verdict'] == verdict and re.search(text, found['text']), 'planted, but: %s' % found)
    need(found.get('fix') == fix, 'fix: %s' % found)
    printed = pacf('doctor', name).stdout
    need(found['text'] in printed and '$ ' + fix in printed, 'printed otherwise:\n' + printed)
    subprocess.run(['sh', '-ec', fix], check=True, capture_output=True)
    after = finding(what, look(name))
    need(after['verdict'] == 'good' and 'fix' not in after, '`%s` does not mend it: %s' % (fix, after))


def case_state(ns):
    wires.run('ip', 'link', 'set', FACE, 'down')
    mends('state', 'bad', '^it is down$', 'ip link set eth3 up')
    wires.run('ip', 'link', 'set', 'far', 'down', ns=ns)
    found = finding('state', look())
    need(found['verdict'] == 'bad' and 'carrier' in found['text'], '%s' % found)
    wires.run('ip', 'link', 'set', 'far', 'up', ns=ns)


def case_mtu(_):
    wires.run('ip', 'link', 'set', FACE, 'mtu', '576')
    mends('mtu', 'note', '^576 bytes', 'ip link set eth3 mtu 1500')


def case_offloads(_):
    wires.run('ethtool', '-K', FACE, 'gro', 'on', 'rxvlan', 'off')
    mends('offloads', 'bad', '^gro is on: packets may be joined', 'ethtool -K eth3 gro off')
    wires.run('ethtool', '-K', FACE, 'gro', 'on', 'rxvlan', 'on')
    mends('offloads', 'bad', '^gro, rxvlan are on: .*joined.*VLAN tag', 'ethtool -K eth3 gro off rxvlan off')
    wires.run('ethtool', '-K', FACE, 'rxvlan', 'on')
    mends('offloads', 'note', '^rxvlan is on', 'ethtool -K eth3 rxvlan off')


def case_peer(_):
    found = finding('peer', look())
    need(found['verdict'] == 'unknown' and 'another network namespace' in found['text'], '%s' % found)
    wires.run('ip', 'link', 'add', 'near0', 'type', 'veth', 'peer', 'name', 'near1')
    wires.run('ethtool', '-K', 'near1', 'tso', 'off', 'gso', 'off', 'tx', 'on')
    mends('peer', 'note', '^near1 has tx on', 'ethtool -K near1 tx off', 'near0')
    wires.run('ip', 'link', 'delete', 'near0')


def case_queues(ns):
    cpus = len(os.sched_getaffinity(0))
    if cpus < 2:
        print('queues: one CPU only: not tested')
        return
    wires.run('ip', 'link', 'delete', FACE)
    wires.cable(FACE, 'far', ns, queues=4)
    wires.run('ethtool', '-L', FACE, 'rx', '1', 'tx', '1')
    wish = min(4, cpus)
    mends('queues', 'note', '^1 receive queue of at most 4', 'ethtool -L eth3 rx %d' % wish)
    need(look()['card']['queues'] == wish, 'queues')


def case_xdp(_):
    need(finding('xdp', look())['verdict'] == 'good', 'a program that is not there')
    folder = os.path.dirname(os.environ['PACF_RUNDIR'])
    path = os.path.join(folder, 'pass.o')
    if shutil.which('clang') is None or subprocess.run(
            ['clang', '-target', 'bpf', '-O2', '-x', 'c', '-c', '-', '-o', path], input=XDP_SOURCE, text=True,
            check=False).returncode != 0:
        print('xdp: no clang for bpf: not tested')
        return
    for mode in ('xdpgeneric', 'xdpdrv'):
        try:
            wires.run('ip', 'link', 'set', 'dev', FACE, mode, 'obj', path, 'sec', 'xdp')
        except RuntimeError as error:
            print('xdp: ip cannot attach one: not tested: %s' % error)
            return
        kind = {'xdpgeneric': 'generic', 'xdpdrv': 'native'}[mode]
        ident = wires.face(FACE)['xdp']['prog']['id']
        mends('xdp', 'note', r'^XDP program %d "passer" is attached \(%s\)' % (ident, kind),
              'ip link set dev eth3 %s off' % mode)


def case_promiscuous(_):
    need(finding('promiscuous', look())['text'].startswith('not now'), 'promiscuous')
    wires.run('ip', 'link', 'set', FACE, 'promisc', 'on')
    need(finding('promiscuous', look())['text'] == 'already', 'not promiscuous')
    wires.run('ip', 'link', 'set', FACE, 'promisc', 'off')
    watch = subprocess.Popen(['tcpdump', '-i', FACE, '-w', '/dev/null'], stderr=subprocess.PIPE, text=True)
    need(any('listening' in line for line in watch.stderr), 'tcpdump')  # it does not show in the flags of `ip`
    need(finding('promiscuous', look())['text'] == 'already', 'tcpdump makes it promiscuous')
    watch.terminate()
    watch.communicate()


def case_rights(_):
    need(finding('rights', look()['host'])['verdict'] == 'good', 'root lacks rights')
    if shutil.which('setpriv') is None:
        print('rights: there is no setpriv: not tested')
        return
    for drop, says in (('-all', 'CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF are missing'),
                       ('-net_admin', 'CAP_NET_ADMIN is missing')):
        prefix = ['setpriv', '--bounding-set=' + drop, '--inh-caps=' + drop]
        table = look(prefix=prefix)
        found = finding('rights', table['host'])
        need(found['verdict'] == 'bad' and found['text'] == says, '%s' % found)
        need('setcap' in found['fix'] and os.path.realpath(os.environ['PACF']) in found['fix'], '%s' % found)
        done = pacf('doctor', FACE, prefix=prefix)
        need(done.stderr == '' and done.returncode == (0 if table['usable'] else 1), 'exit %d' % done.returncode)
        if drop == '-all':
            need(not table['usable'], 'engines that need no right at all?')


def case_facts(_):
    """As the system's own tools say."""
    table, ours = look(), wires.face(FACE)
    driver = re.search('^driver: (.*)$', wires.run('ethtool', '-i', FACE), re.M).group(1)
    need(table['card']['driver'] == driver == 'veth' == table['kind'], '%s' % table['card'])
    need(table['index'] == ours['ifindex'] and table['mtu'] == ours['mtu'], 'index or MTU')
    need(table['counters']['rx_packets'] == ours['stats64']['rx']['packets'], 'counters')
    host = table['host']
    need(host['cpus'] == len(os.sched_getaffinity(0)), 'cpus %s' % host['cpus'])
    with open('/proc/meminfo', encoding='ascii') as f:
        memory = dict(line.split(':') for line in f)
    need(host['huge_pages'] == int(memory['HugePages_Total']) and
         host['huge_pages_free'] == int(memory['HugePages_Free']), 'huge pages')
    names = {e['type'] for e in table['engines'] or []}
    need(table['usable'] == any(e['usable'] for e in table['engines'] or []), 'usable')
    need(not names or table['usable'], 'root, an Ethernet interface that is up, and nothing works: %s' % table['engines'])
    done = pacf('doctor', FACE)
    need(done.returncode == (0 if table['usable'] else 1), 'exit %d' % done.returncode)
    print('facts: engines that were asked: %s' % (', '.join(sorted(names)) or 'none in this build'))


def case_list(_):
    done = pacf('doctor')
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    there = [i['ifname'] for i in json.loads(wires.run('ip', '-j', 'link'))]
    need(sorted(listed) == sorted(there), 'listed %s, there are %s' % (listed, there))
    line = next(line for line in done.stdout.splitlines() if line.split()[0] == FACE)
    need(re.match(r'eth3 +veth +up +\d queues? +MTU 1500 ', line), line)


def case_errors(_):
    done = pacf('doctor', 'eht3')
    need(done.returncode == 1 and done.stdout == '', 'exit %d' % done.returncode)
    need(re.match(r'error: there is no interface "eht3"; there are .*\beth3\b.*; did you mean "eth3"\?\n$',
                  done.stderr), done.stderr)
    done = pacf('doctor', 'x' * 40)
    need(done.returncode == 1 and 'there is no interface "xxxx' in done.stderr, done.stderr)


def state():
    return [wires.run('ip', '-d', 'link'), wires.run('ip', 'address'),
            *(wires.run('sh', '-c', 'ethtool -%s %s 2>&1 || :' % (o, FACE)) for o in 'kglacx')]


def case_reads_only(_):
    wires.run('ethtool', '-K', FACE, 'gro', 'on', 'rxvlan', 'on')
    before = state()
    if shutil.which('strace') is None:
        print('reads_only: there is no strace: calls not looked at')
        pacf('doctor', FACE)
    else:
        trace = os.path.join(os.path.dirname(os.environ['PACF_RUNDIR']), 'trace')
        pacf('doctor', FACE, prefix=['strace', '-f', '-o', trace, '-e', 'trace=ioctl,openat,mkdir,unlink,rename'])
        with open(trace, encoding='utf-8') as f:
            calls = f.read()
        need('SIOCETHTOOL' in calls, 'nothing traced')
        strange = set(re.findall(r'ioctl\(\d+, (\w+)', calls)) - {'SIOCETHTOOL', 'TCGETS', 'TIOCGWINSZ', 'FIONBIO'}
        need(all(name.startswith('SIOCGIF') for name in strange), 'ioctl %s' % strange)
        written = [line for line in calls.splitlines()
                   if re.search(r'openat\(.*O_(WRONLY|RDWR|CREAT)|mkdir|unlink|rename', line) and '"/dev/null"' not in line]
        need(written == [], 'writes: %s' % written)
    need(state() == before, 'something was changed')
    need(os.listdir(os.environ['PACF_RUNDIR']) == [], 'files')
    wires.run('ethtool', '-K', FACE, 'gro', 'off', 'rxvlan', 'off')


CASES = {name[5:]: body for name, body in sorted(globals().items()) if name.startswith('case_')}


def main():
    wires.enter()
    folder = tempfile.mkdtemp(prefix='pacf-doctor-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    ns = wires.Far()
    try:
        wires.cable(FACE, 'far', ns)
        for name in sys.argv[1:] or CASES:
            CASES[name](ns)
            print('%s: ok' % name)
        return 0
    except Failed as failure:
        print('FAILED: %s' % failure)
        return 1
    finally:
        ns.close()
        shutil.rmtree(folder)


if __name__ == '__main__':
    sys.exit(main())
