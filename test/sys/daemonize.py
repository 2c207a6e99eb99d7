#!/usr/bin/env python3
"""pacf -d and -F: what the caller sees, what is there while it runs, what is left afterwards.

usage: daemonize.py [CASE ...]

PACF, PACFCTL, PACF_GEN, BADCLIENT: the programs.  PACF_SOAK=1: 200 murders instead of 20.  As another user than root
some cases are skipped.
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from daemon import Client, Failed, need, until
from daemonlab import (NOBODY, PACF, Lab, Systemd, adopt, as_nobody, kill_children, lines_of, proc_io, reap,
                       records)


def case_works(lab):
    """When the caller is back, it works: engines run, a reader attaches at once."""
    script = lab.script()
    status, out, err = lab.caller('-d', '-f', script, '-e', 'print(6 * 7)')
    need((status, out, err) == (0, 'set up\n42\n', ''), 'caller sees %r' % ((status, out, err),))
    pid = lab.pid()
    reader = Client('read', 'c}0', '/dev/null')
    need(os.getsid(pid) == pid and os.getpgid(pid) == pid, 'no session of its own')
    for fd in range(3):
        need(os.readlink('/proc/%d/fd/%d' % (pid, fd)) == '/dev/null', 'descriptor %d' % fd)
    mode = os.stat(os.path.join(lab.run, 'pacf.pid')).st_mode & 0o777
    need(mode == 0o644, 'the pid file has mode %o' % mode)
    until('read', lambda: proc_io(reader.pid) > 0)
    lab.end(pid, signal.SIGINT, reader)
    # A script from standard input; no script at all.
    with open(script, encoding='ascii') as f:
        lab.end(lab.detach('-f', '/dev/stdin', stdin=f))
    lab.end(lab.detach())


def case_fails(lab):
    """What is wrong is said where the caller sees it, status 1, and nothing is left."""
    bad = os.path.join(lab.folder, 'bad.lua')
    with open(lab.script(), encoding='ascii') as good, open(bad, 'w', encoding='ascii') as f:
        f.write(good.read() + 'pkteng.start{engine="none"}\n')
    for args, text in ((['-f', bad], 'bad.lua:6: no engine "none"'), (['-f', '/none.lua'], '/none.lua'),
                       (['-e', 'nonsense('], 'near <eof>'), (['-l', '/no/folder/log'], '/no/folder/log'),
                       (['-e', 'pacf.shutdown()'], 'left the shell')):
        for how in ('-d', '-F'):
            status, _, err = lab.caller(how, *args)
            need(text in err, '%s %s says: %s' % (how, args, err))
            need(status == 1, '%s %s: status %d' % (how, args, status))
            lab.clean()
    for how in ('-d', '-F'):
        need(lab.caller(how, '-e', 'os.exit(3)')[0] == 3, '%s: the status of os.exit() is lost' % how)
    for args in (['-d', '-F'], ['-l', 'x'], ['-l', 'x', '-e', '1']):
        status, _, err = lab.caller(*args)
        need(status == 2 and err.startswith('pacf: -'), '%s: status %d: %s' % (args, status, err))
    need(not os.path.exists('x'), 'a log for no daemon')


def case_caller_gone(lab):
    """Ctrl+C while it starts ends both; a caller that was killed gets no daemon."""
    for signo in (signal.SIGINT, signal.SIGKILL):
        go = os.path.join(lab.folder, 'go')
        os.mkfifo(go)
        # Until Ctrl+C; until the caller is dead.
        code = 'print("there") io.stdout:flush() ' + (
            'pacf.sleep(30)' if signo == signal.SIGINT else 'io.open("%s"):close()' % go)
        process = subprocess.Popen([PACF, '-d', '-e', code], stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        need(process.stdout.readline() == 'there\n', 'the script does not run')
        pid = lab.pid()
        if signo == signal.SIGINT:
            os.killpg(process.pid, signo)
        else:
            process.kill()
            process.wait()
            with open(go, 'w', encoding='ascii'):
                pass
        need(process.wait(20) != 0, 'it works')
        process.stdout.close()
        with contextlib.suppress(ChildProcessError):
            reap(pid)
        os.unlink(go)
        lab.clean()


def case_second(lab):
    pid = lab.detach()
    for how in ('-d', '-F'):
        status, _, err = lab.caller(how)
        need(status == 1 and 'process %d,' % pid in err and lab.run in err, 'a second %s: %s' % (how, err))
    need(lab.pid() == pid, 'the pid file is not the first one\'s')
    lab.end(pid)


def traffic(lab, *args, **more):
    """A daemon that gives all packets, at full speed, to a file and to a reader: (pid, reader)"""
    script = os.path.join(lab.folder, 'traffic.lua')
    with open(script, 'w', encoding='ascii') as f:
        f.write('pkteng.new{name="e", type="pcap"}\npkteng.link{engine="e", ifname="%s", loop=true}\n'
                'for _, name in ipairs{"c{0", "pcap:%s"} do\n'
                'pkteng.open_channel{engine="e", channel=name, action="COPY", when_full="wait", when_detached="wait"}\n'
                'end\npkteng.start{engine="e"}\n' % (lab.capture, os.path.join(lab.folder, 'part.pcap')))
    pid = lab.detach(*args, '-f', script, **more)
    reader = Client('read', 'c}0', os.path.join(lab.folder, 'rec'))
    until('traffic', lambda: proc_io(reader.pid) > 1000000)
    return pid, reader


def case_traffic(lab):
    """SIGTERM in the midst: the reader gets all that the file got, and then the end; files are whole."""
    pid, reader = traffic(lab, '-l', lab.log)
    figures = lab.end(pid, signal.SIGTERM, reader)
    got, want = records(os.path.join(lab.folder, 'rec'), 0), records(os.path.join(lab.folder, 'part.pcap'), 24)
    need(len(got) > 1000 and got == want, 'the reader got %d packets, the file %d: %s' % (len(got), len(want), figures))
    need(lines_of(lab.log)[-1].endswith('pacf: SIGTERM: ends'), 'log: %s' % lines_of(lab.log))


def case_rotate(lab):
    """SIGHUP: what was renamed keeps what it has, the name gets the new; standard error goes with the log."""
    systemd, part = Systemd(lab.folder), os.path.join(lab.folder, 'part.pcap')
    pid, reader = traffic(lab, '-l', lab.log, env=systemd.environment())
    files = []
    for i in range(1, 4):
        until('a file with packets', lambda: os.path.exists(part) and os.path.getsize(part) > 24)
        os.rename(lab.log, '%s.%d' % (lab.log, i))
        files.append('%s.%d' % (part, i))
        os.rename(part, files[-1])
        os.kill(pid, signal.SIGHUP)
        until('%d reloads' % i, lambda n=i: systemd.count('RELOADING=1') == n and systemd.count('READY=1') == n + 1)
        need(records(files[-1], 24), 'nothing in %s' % files[-1])
    need(len(lines_of(lab.log)) == 1 and len(lines_of(lab.log + '.1')) == 1, 'lines went astray')
    for fd in (1, 2):
        need(os.readlink('/proc/%d/fd/%d' % (pid, fd)) == lab.log, 'descriptor %d' % fd)
    lab.end(pid, signal.SIGTERM, reader)
    want = sum((records(name, 24) for name in files + [part]), [])
    need(records(os.path.join(lab.folder, 'rec'), 0) == want, 'packets are lost between the files')
    systemd.close()


def case_full(lab):
    """The disk of the log is full: lines are lost, counted and told; the daemon lives."""
    if os.geteuid() != 0:
        return 'not root'
    systemd = Systemd(lab.folder)
    disk = os.path.join(lab.folder, 'disk')
    os.mkdir(disk)
    process = subprocess.Popen(
        ['unshare', '-m', 'sh', '-ec', 'mount -t tmpfs -o size=8k none "$1"; head -c 4096 /dev/zero >"$1/filler"; '
         'exec "$0" -F -l "$1/log"', PACF, disk], env=systemd.environment(), stdin=subprocess.DEVNULL)
    systemd.wait('READY=1')
    inside = '/proc/%d/root%s/' % (process.pid, disk)

    def reload():
        n = systemd.count('READY=1')
        process.send_signal(signal.SIGHUP)
        until('reloaded', lambda: systemd.count('READY=1') == n + 1)

    while os.path.getsize(inside + 'log') < 4096:
        reload()
    for _ in range(10):
        reload()
    need(process.poll() is None and os.path.getsize(inside + 'log') == 4096, 'the disk is not full')
    os.unlink(inside + 'filler')
    reload()
    lines = lines_of(inside + 'log')
    lost = [line for line in lines if 'lost here' in line]
    need(len(lost) == 1 and re.search('pacf: 1[01] lines of this log were lost here: No space left', lost[0]),
         'told of what was lost: %s' % lost)
    need(lines[-1].endswith('opened anew') and len(lines[-1]) == len(lines[-3 if len(lines[-3]) > 20 else 1]), lines[-3:])
    lab.end(process.pid)
    process.returncode = 0
    systemd.close()
    return None


def case_remote(lab):
    """A daemon without a script is set up, and ended, by its remote shell; leaving that ends nothing."""
    pid = lab.detach()
    with open(lab.script(), encoding='ascii') as f:
        need(lab.ctl(f.read()) == 'set up\n', 'the set-up prints something else')
    reader = Client('read', 'c}0', '/dev/null')
    until('read', lambda: proc_io(reader.pid) > 0)
    need(lab.ctl('pkteng.stats{engine="e"}.state') == 'running\n', 'the engine does not run')
    lab.ctl('pacf.shutdown()')
    need(reap(pid) == 0, 'pacf.shutdown() fails')
    reader.end(status=1)
    lab.clean()


def case_syslog(lab):
    """Without a file, -d logs to syslog: with its process and priority."""
    if os.geteuid() != 0:
        return 'not root'
    path = os.path.join(lab.folder, 'syslog')
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(path)
    log.settimeout(20)
    subprocess.run(['unshare', '-m', 'sh', '-ec', 'mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; '
                    'mknod -m 666 /dev/urandom c 1 9; ln -s "$1" /dev/log; exec "$0" -d', PACF, path],
                   check=True, timeout=30)
    pid = lab.pid()
    first = log.recv(4096).decode()
    need(re.fullmatch(r'<29>.* pacf\[%d\]: version \S+ runs as process %d' % (pid, pid), first), first)
    os.kill(pid, signal.SIGHUP)
    need('<30>' in log.recv(4096).decode(), 'SIGHUP is not for information')
    lab.end(pid)
    need(log.recv(4096).decode().endswith('SIGTERM: ends'), 'the end is not told')
    return None


def case_closed(lab):
    """Standard descriptors that are closed from the start."""
    for how in ('-d', '-F'):
        systemd = Systemd(lab.folder)
        process = subprocess.Popen(['sh', '-c', 'exec "$0" "$1" -f "$2" <&- >&- 2>&-', PACF, how, lab.script()],
                                   env=systemd.environment())
        systemd.wait('READY=1')
        systemd.close()
        if how == '-d':
            need(process.wait(20) == 0, 'pacf -d ended with %d' % process.returncode)
        until('channels', lambda: Client('list').end()[0].startswith('pacf:c}0'))
        pid = lab.pid()
        for fd in range(3):
            need(os.readlink('/proc/%d/fd/%d' % (pid, fd)) == '/dev/null', 'descriptor %d' % fd)
        if how == '-F':
            process.terminate()
            need(process.wait(20) == 0, 'pacf -F ended with %d' % process.returncode)
            lab.clean()
        else:
            lab.end(pid)


def case_murder(lab):
    """kill -9 and start, with a reader and a remote shell each time, and no helping hand."""
    script = lab.script()
    for i in range(200 if os.environ.get('PACF_SOAK') == '1' else 20):
        pid = lab.detach('-f', script)
        reader = Client('read', 'c}0', '/dev/null')
        until('read', lambda r=reader: proc_io(r.pid) > 0)
        need(lab.ctl('return 6 * 7') == '42\n', 'the remote shell of round %d' % i)
        os.kill(pid, signal.SIGKILL)
        need(reap(pid) == -signal.SIGKILL, 'round %d' % i)
        reader.end(status=1)
    lab.end(lab.detach('-f', script))


def case_user(lab):
    """-u: the folder becomes the user's, who cleans it up; and the next start finds that in order."""
    if os.geteuid() != 0:
        return 'not root'
    os.chmod(lab.folder, 0o755)
    for _ in range(2):
        pid = lab.detach('-u', 'nobody', '-f', lab.script())
        status, _, err = lab.caller('-d', '-u', 'nobody')
        need(status == 1 and 'process %d,' % pid in err, 'a second one: %s' % err)
        need(os.stat('/proc/%d' % pid).st_uid == NOBODY or os.stat(lab.run).st_uid == NOBODY, 'it is not nobody')
        lab.end(pid)
    lab.end(lab.detach('-u', 'nobody'))
    status, _, err = lab.caller('-d')
    need(status == 1 and 'others could replace' in err, 'root takes the folder of nobody: %s' % err)
    os.chown(lab.run, 0, 0)
    return None


def case_others(lab):
    """Nothing of another user can connect to a socket, replace one, or lay itself in its place."""
    if os.geteuid() != 0:
        return 'not root'
    os.chmod(lab.folder, 0o755)
    pid = lab.detach('-f', lab.script())
    names = sorted(os.listdir(lab.run))
    need('attach.sock' in names and 'control.sock' in names and 'pacf.pid' in names, names)
    for name in names:
        path = os.path.join(lab.run, name)
        for what, work in {
                'removes': lambda p=path: os.unlink(p),
                'renames': lambda p=path: os.rename(p, p + '.old'),
                'replaces': lambda p=path: os.symlink('/dev/null', p + '.new'),
                'writes': lambda p=path: open(p, 'ab').close(),
                'changes': lambda p=path: os.chmod(p, 0o777)}.items():
            need(as_nobody(work) in ('PermissionError', 'OSError'), 'nobody %s %s' % (what, name))
        if name.endswith('.sock'):
            def connect(p=path):
                kind = socket.SOCK_SEQPACKET if 'attach' in p else socket.SOCK_STREAM
                socket.socket(socket.AF_UNIX, kind).connect(p)
            need(as_nobody(connect) == 'PermissionError', 'nobody connects to %s' % name)
    need(as_nobody(lambda: os.kill(pid, signal.SIGTERM)) == 'PermissionError', 'nobody ends the daemon')
    need(sorted(os.listdir(lab.run)) == names, 'the folder has changed')
    lab.end(pid)
    # A folder in which another user could: refused.
    for mode, owner in ((0o1777, 0), (0o775, 0), (0o755, NOBODY)):
        os.chown(lab.run, owner, owner)
        os.chmod(lab.run, mode)
        status, _, err = lab.caller('-d')
        need(status == 1 and 'others could replace' in err, 'mode %o of %d: %s' % (mode, owner, err))
        need(os.listdir(lab.run) == [], 'left: %s' % os.listdir(lab.run))
    os.chown(lab.run, 0, 0)
    os.chmod(lab.run, 0o755)
    return None


def case_systemd(lab):
    """What systemd is told, and when: ready with engines up, fed while they turn."""
    systemd = Systemd(lab.folder)
    pipe = os.path.join(lab.folder, 'pipe.pcap')
    os.mkfifo(pipe)
    with open(lab.capture, 'rb') as f:
        data = f.read()
    feeder = os.open(pipe, os.O_RDWR)
    os.write(feeder, data[:1000])
    script = os.path.join(lab.folder, 'pipe.lua')
    with open(script, 'w', encoding='ascii') as f:
        f.write('pkteng.new{name="p", type="pcap"}\npkteng.link{engine="p", ifname="%s"}\n'
                'pkteng.open_channel{engine="p", channel="c{0", action="DROP"}\npkteng.start{engine="p"}\n'
                'assert(os.getenv("NOTIFY_SOCKET") == nil)\n' % pipe)
    process = subprocess.Popen([PACF, '-F', '-f', lab.script(), '-f', script], stdin=subprocess.DEVNULL,
                               env=systemd.environment(WATCHDOG_USEC='600000'), stdout=subprocess.DEVNULL)
    systemd.wait('READY=1')
    need('MAINPID=%d' % process.pid in systemd.said[-1] or any('MAINPID=%d' % process.pid in m for m in systemd.said),
         'READY=1 without the process: %s' % systemd.said)
    need(os.path.exists(os.path.join(lab.run, 'attach.sock')), 'ready, but no engine is up')
    # Nothing comes out of the pipe any more: its engine is held up.
    systemd.wait('STATUS=1 of 2 running engines do not turn: "p" first')
    fed = systemd.count('WATCHDOG=1')
    need(2 <= fed, 'fed %d times before' % fed)
    time.sleep(1.5)  # silence has no event to wait for: two and a half times the watchdog's limit
    need(systemd.count('WATCHDOG=1') == fed, 'fed while an engine stands still')
    os.write(feeder, data[1000:])
    until('fed again', lambda: systemd.count('WATCHDOG=1') > fed)
    systemd.wait('STATUS=2 of 2 engines run')
    os.close(feeder)
    process.terminate()
    need(process.wait(20) == 0, 'ended with %d' % process.returncode)
    systemd.wait('STOPPING=1')
    lab.clean()
    systemd.close()


CASES = {name[5:]: f for name, f in list(globals().items()) if name.startswith('case_')}


def main():
    if not adopt():
        print('no subreaper on this system')
        return 77
    for name in sys.argv[1:] or CASES:
        folder = tempfile.mkdtemp(prefix='pacf-daemonize-')
        try:
            begin = time.monotonic()
            skipped = CASES[name](Lab(folder))
            print('%s: %s (%.1f s)' % (name, 'skipped: ' + skipped if skipped else 'ok', time.monotonic() - begin), flush=True)
        except (Failed, subprocess.TimeoutExpired) as error:
            print('FAILED: %s: %s' % (name, error))
            return 1
        finally:
            Client.kill_everyone()
            kill_children()
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
