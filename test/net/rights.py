#!/usr/bin/env python3
"""What a confined pacf still has, what it cannot do any more, and who reads its channels without any right.

usage: rights.py [CASE ...]

Rights are read back from /proc/PID/task/*/status of every thread.  PACF, PACF_RUN, PACF_GEN, LIVESINK: the
programs.  FILTERED: this build confines system calls.  Root, in network namespaces of its own.
"""
import os
import signal
import subprocess
import sys

import netns
from daemon import Failed, need, until

RAW, ADMIN, BPF, LOCK, FILES = 1 << 13, 1 << 12, 1 << 39, 1 << 14, 1 << 1
NOBODY, GROUP, OTHER_GROUP = 65534, 65501, 65502
FILTERED = bool(os.environ.get('FILTERED'))


def threads(pid):
    """[{'Name': ..., 'CapPrm': ...}] of its threads."""
    found = []
    for tid in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/status' % (pid, tid), encoding='ascii') as f:
            found.append(dict((line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line), tid=int(tid)))
    return found


def can_lock():
    """Can RLIMIT_MEMLOCK be raised here?  Then nobody needs CAP_IPC_LOCK."""
    return subprocess.run(['prlimit', '--memlock=unlimited:unlimited', 'true'], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def check_threads(pid, caps, engines=()):
    """Every thread is confined: the control plane has these capabilities, the rest none."""
    until('threads %s' % (engines,), lambda: {t['Name'] for t in threads(pid)} >= set(engines))
    seen = threads(pid)
    names = [t['Name'] for t in seen]
    if can_lock():
        caps &= ~LOCK
    for t in seen:
        want = 0 if t['Name'] in (*engines, 'pacf-attach') else caps
        need(int(t['CapPrm'], 16) == int(t['CapEff'], 16) == want,
             'thread %s: CapPrm %s, CapEff %s, not %x' % (t['Name'], t['CapPrm'], t['CapEff'], want))
        for key in ('CapInh', 'CapBnd', 'CapAmb'):
            need(int(t[key], 16) == 0, 'thread %s: %s %s' % (t['Name'], key, t[key]))
        need(t['NoNewPrivs'] == '1', 'thread %s: NoNewPrivs %s' % (t['Name'], t['NoNewPrivs']))
        need(t['Seccomp'] == ('2' if FILTERED else '0'), 'thread %s: Seccomp %s' % (t['Name'], t['Seccomp']))
    print('%d threads, control plane %x, %s' % (len(seen), caps, ', '.join(sorted(names))))


def engine(kind, ifname, name='e', more='', channels=(('c', ''),)):
    return "pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', ifname='%s'%s}" % (
        name, kind, name, ifname, more) + ''.join(
        " pkteng.open_channel{engine='%s', channel='%s{0', action='COPY'%s}" % (name, c, args)
        for c, args in channels) + " pkteng.start{engine='%s'}" % name


def case_held(lab):
    """Each type of engine keeps its own, and nothing else."""
    capture = lab.path('web.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--packets', '1000', capture], check=True, stderr=subprocess.DEVNULL)
    wire = lab.wire()
    xdp = RAW | ADMIN | BPF | LOCK
    for code, caps in (
            (engine('afpacket', wire.near), RAW),
            (engine('afpacket', wire.near, more=", offload='fix'"), RAW | ADMIN),
            (engine('afxdp', wire.near), xdp),
            (engine('pcap', capture), 0),
            (engine('pcap', capture) + " pkteng.open_channel{engine='e', channel='netdev:%s'}" % wire.near, RAW),
            ("pacf.privileges{keep={'files', 'netdev'}} " + engine('pcap', capture), RAW | FILES)):
        daemon = lab.start()
        daemon.lua(code)
        daemon.lua('pacf.confine()')
        check_threads(daemon.process.pid, caps, ['e'])
        need('already' in daemon.refused('pacf.confine()'), 'twice')
        need('already' in daemon.refused('pacf.privileges{seccomp=false}'), 'too late')
        daemon.lua("pkteng.stop('e') pkteng.start('e')")
        check_threads(daemon.process.pid, caps, ['e'])
        daemon.close()
    daemon = lab.start()
    daemon.lua('pacf.confine()')  # no engine: what any live one would need
    check_threads(daemon.process.pid, xdp)
    daemon.lua(engine('auto', wire.near))
    check_threads(daemon.process.pid, xdp, ['e'])


def case_foreground(lab):
    """The same of a real daemon, whose metrics are served and shells are waited for; as another user too."""
    wire = lab.wire()
    os.environ['PACF_RUNDIR'] = lab.path('run')
    os.chmod(lab.folder, 0o755)
    for user in ((), ('-u', 'nobody')):
        process = lab.spawn(os.environ['PACF'], '-F', '-e', engine('afpacket', wire.near), '-e',
                            "pcall(pacf.metrics, {listen='127.0.0.1:9464'})", *user,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = ''
        while 'runs as process' not in said:
            line = process.stderr.readline()
            need(line != '', 'pacf -F ended: ' + said)
            said += line
        check_threads(process.pid, RAW, ['e'])
        uids = {t['Uid'] for t in threads(process.pid)}
        need(uids == {'\t'.join([str(NOBODY if user else 0)] * 4)}, 'user ids %s' % uids)
        process.send_signal(signal.SIGTERM)
        need(process.wait(20) == 0, 'pacf -F ended with %d: %s' % (process.returncode, process.stderr.read()))
        need(os.listdir(lab.path('run')) == [], 'left: %s' % os.listdir(lab.path('run')))


def case_later(lab):
    """An engine that comes later and lacks a right is refused with the way out, which is one."""
    wire = lab.wire()
    capture = lab.path('web.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--packets', '1000', capture], check=True, stderr=subprocess.DEVNULL)
    daemon = lab.start()
    daemon.lua(engine('afpacket', wire.near))
    daemon.lua('pacf.confine()')
    daemon.lua("pkteng.new{name='x', type='afxdp'}")
    said = daemon.refused("pkteng.link{engine='x', ifname='%s'}" % wire.near)
    need('an engine of type "afxdp" needs CAP_NET_ADMIN, CAP_BPF' in said and
         'pacf.privileges{keep={"afxdp"}}' in said, said)
    daemon.lua("pkteng.new{name='y', type='afpacket'}")
    said = daemon.refused("pkteng.link{engine='y', ifname='%s', offload='fix'}" % wire.near)
    need('needs CAP_NET_ADMIN, which this daemon gave up' in said and 'keep={"offload"}' in said, said)
    daemon.lua("pkteng.link{engine='y', ifname='%s'} pkteng.start{engine='y'}" % wire.near)
    daemon.lua("pkteng.new{name='z', type='auto'} pkteng.link{engine='z', ifname='%s'}" % wire.near)
    rows = {row['type']: row for row in daemon.stats('z')['auto']}
    need(rows['afpacket']['usable'] == 'yes' and 'keep={"afxdp"}' in rows['afxdp']['why'], 'auto: %s' % rows)
    daemon.close()
    daemon = lab.start()
    daemon.lua("pacf.privileges{keep={'afxdp'}} " + engine('pcap', capture))
    daemon.lua('pacf.confine()')
    said = daemon.refused("pkteng.open_channel{engine='e', channel='netdev:none0'}")
    need('gave up' not in said, said)
    daemon.lua(engine('afxdp', wire.near, name='x', channels=()))
    daemon.close()
    daemon = lab.start()
    daemon.lua(engine('pcap', capture))
    daemon.lua('pacf.confine()')
    said = daemon.refused("pkteng.open_channel{engine='e', channel='netdev:%s'}" % wire.near)
    need('channel "netdev:near0" needs CAP_NET_RAW' in said and 'keep={"netdev"}' in said, said)


def case_programs(lab):
    """Programs run until then, and not after, unless system calls are left alone; they get no rights."""
    daemon = lab.start()
    need(daemon.lua('return select(3, os.execute("exit 7"))') == 7, 'os.execute')
    daemon.lua('pacf.confine()')
    for call in ('os.execute("exit 7")', 'io.popen("true")'):
        if FILTERED:
            said = daemon.refused('return %s' % call)
            need('runs no programs any more' in said and 'seccomp=false' in said, said)
    daemon.lua('local f = io.open("/proc/self/status") local t = f:read("a") f:close() return t')
    daemon.close()
    daemon = lab.start()
    daemon.lua('pacf.privileges{seccomp=false} pacf.confine()')
    said = daemon.lua('local p = io.popen("grep -h ^Cap /proc/self/status") local t = p:read("a") p:close() return t')
    caps = dict(line.split(':\t') for line in said.splitlines())
    need(caps and all(int(value, 16) == 0 for value in caps.values()), 'a program has %s' % caps)


def stripped(*command, group=GROUP, uid=NOBODY):
    """A user without any right, in a network namespace of his own, who can write nothing."""
    inner = ('mount --make-rprivate / && mount -o remount,bind,ro / && exec setpriv --reuid %d --regid %d '
             '--clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"' % (uid, group))
    return ['unshare', '--net', '--mount', 'sh', '-c', inner, 'sh', *command]


def case_consumer(lab):
    """Applications need nothing: no right, no file to write, no network."""
    wire = lab.wire()
    os.chmod(lab.folder, 0o755)
    daemon = lab.start()
    os.chmod(os.environ['PACF_RUNDIR'], 0o755)
    daemon.lua("pacf.access{group='%d'} " % GROUP +
               engine('afpacket', wire.near, channels=(
                   ('mine', ", owner=':%d'" % GROUP), ('his', ", owner='1', mode='0600'"), ('all', ''))))
    daemon.lua('pacf.confine()')
    sink = lab.spawn(*stripped(os.environ['LIVESINK'], 'pacf:mine}0'), stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, text=True)
    said = sink.stderr.readline()
    need(said == 'attached\n', 'livesink: ' + said)
    status = threads(sink.pid)[0]
    need(status['Uid'].startswith(str(NOBODY)) and int(status['CapEff'], 16) == 0 and
         int(status['CapBnd'], 16) == 0 and status['NoNewPrivs'] == '1', 'the reader has rights: %s' % status)
    need(os.readlink('/proc/%d/ns/net' % sink.pid) != os.readlink('/proc/self/ns/net'), 'the same network')
    dump = lab.spawn(*stripped(os.environ['PACF_RUN'], 'tcpdump', '-n', '-w', '-', '-i', 'pacf:all}0', '-c', '500'),
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in dump.stderr:
        if b'listening on' in line:
            break
    wire.send([netns.frame(i, flow=i % 8) for i in range(500)])
    got = dump.communicate(timeout=20)[0]
    need(dump.returncode == 0 and len(got) == 24 + 500 * (16 + 60), 'tcpdump: %d, %d bytes' %
         (dump.returncode, len(got)))
    until('all are read', lambda: all(c['waiting'] == 0 for c in daemon.stats('e')['channels']
                                      if c['channel'] == 'pacf:mine{0'))
    sink.send_signal(signal.SIGINT)
    words = sink.communicate(timeout=20)[0].split()
    need(words[:2] == ['packets', '500'], 'livesink: %s' % words)
    done = subprocess.run(stripped(os.environ['LIVESINK'], 'pacf:his}0'), capture_output=True, text=True, timeout=20,
                          check=False)
    need(done.returncode != 0 and
         'channel "pacf:his}0" is for user 1; you are uid %d' % NOBODY in done.stderr, 'forbidden: ' + done.stderr)
    done = subprocess.run(stripped(os.environ['PACF_RUN'], 'tcpdump', '-i', 'pacf:his}0'), capture_output=True,
                          text=True, timeout=20, check=False)
    need(done.returncode != 0 and 'is for user 1' in done.stderr, 'forbidden: ' + done.stderr)
    done = subprocess.run(stripped(os.environ['LIVESINK'], 'pacf:all}0', group=OTHER_GROUP), capture_output=True,
                          text=True, timeout=20, check=False)
    need(done.returncode != 0 and 'does not let this user in' in done.stderr, 'no member: ' + done.stderr)


def case_others(lab):
    """Another user can neither connect to nor replace, remove or lock anything in the folder of the sockets."""
    os.chmod(lab.folder, 0o755)
    capture = lab.path('web.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--packets', '1000', capture], check=True, stderr=subprocess.DEVNULL)
    daemon = lab.start()
    run = os.environ['PACF_RUNDIR']
    os.chmod(run, 0o755)
    daemon.lua(engine('pcap', capture))
    before = sorted((name, os.lstat(os.path.join(run, name)).st_ino) for name in os.listdir(run))
    script = ('import os, socket, sys\nrun = sys.argv[1]\ndone = []\n'
              'def attempt(what, f, *a):\n'
              '    try:\n        f(*a)\n        done.append(what)\n    except OSError:\n        pass\n'
              'for name in os.listdir(run):\n'
              '    path = os.path.join(run, name)\n'
              '    for f in (os.unlink, lambda p: os.rename(p, p + "x"), lambda p: open(p, "r+"),\n'
              '              lambda p: os.chmod(p, 0o777), lambda p: os.link(p, "/tmp/pacf-link-%d" % os.getpid())):\n'
              '        attempt(name, f, path)\n'
              'def connect():\n'
              '    socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(run + "/attach.sock")\n'
              'def bind():\n    socket.socket(socket.AF_UNIX).bind(run + "/new")\n'
              'attempt("connect", connect)\nattempt("bind", bind)\nattempt("folder", os.rename, run, run + "x")\n'
              'print(" ".join(done))\n')
    done = subprocess.run(['setpriv', '--reuid', '1', '--regid', '1', '--clear-groups', sys.executable, '-c', script,
                           run], capture_output=True, text=True, check=False, timeout=20)
    need(done.returncode == 0 and done.stdout.strip() == '', 'another user may: %s%s' % (done.stdout, done.stderr))
    after = sorted((name, os.lstat(os.path.join(run, name)).st_ino) for name in os.listdir(run))
    need(before == after and len(before) >= 2, 'changed: %s, %s' % (before, after))


if __name__ == '__main__':
    try:
        sys.exit(netns.main(globals(), __doc__))
    except Failed as error:
        sys.exit(str(error))
