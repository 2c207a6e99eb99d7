"""A folder in which daemons are started, watched and ended, for daemonize.py; and a systemd that listens.

Every daemon whose caller is gone becomes a child of the test's process (a subreaper), which so learns how each
ended, and that none is left.  PACF, PACFCTL, PACF_GEN: the programs.
"""
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time

from daemon import Failed, need, until

PACF = os.environ['PACF']
PR_SET_CHILD_SUBREAPER = 36
NOBODY = 65534


def adopt():
    """Whoever is left by its parent becomes a child of this process; False: not on this system."""
    return ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


class Lab:
    """A folder, PACF_RUNDIR in it, a capture, and the daemons."""

    def __init__(self, folder):
        self.folder = folder
        self.run = os.path.join(folder, 'run')
        self.log = os.path.join(folder, 'log')
        os.environ['PACF_RUNDIR'] = self.run
        os.mkdir(self.run, 0o755)
        self.capture = os.path.join(folder, 'capture.pcap')
        subprocess.run([os.environ['PACF_GEN'], '--flows', '50', '--packets', '2000', self.capture],
                       check=True, stderr=subprocess.DEVNULL)

    def script(self, channel='c{0', more=''):
        """An engine that reads the capture for ever, at its own pace."""
        path = os.path.join(self.folder, 'setup.lua')
        with open(path, 'w', encoding='ascii') as f:
            f.write('''pkteng.new{name="e", type="pcap"}
pkteng.link{engine="e", ifname="%s", speed=1, loop=true}
pkteng.open_channel{engine="e", channel="%s", when_full="drop", when_detached="drop"}
pkteng.start{engine="e"}
print("set up")
%s''' % (self.capture, channel, more))
        return path

    def caller(self, *args, **more):
        """The caller's command to its end: (status, stdout, stderr)"""
        done = subprocess.run([PACF, *args], capture_output=True, text=True, timeout=30, check=False,
                              stdin=more.pop('stdin', subprocess.DEVNULL), **more)
        # A build may lack libseccomp, which is told and no error.
        err = ''.join(line for line in done.stderr.splitlines(True) if 'system calls are not confined' not in line)
        return done.returncode, done.stdout, err

    def detach(self, *args, **more):
        """pacf -d, which must work: its process."""
        status, out, err = self.caller('-d', *args, **more)
        need(status == 0 and err == '', 'pacf -d: status %d: %s%s' % (status, out, err))
        return self.pid()

    def ctl(self, code):
        """What pacfctl prints of a command that must work."""
        done = subprocess.run([os.environ['PACFCTL'], '-e', code], capture_output=True, text=True, timeout=30,
                              check=False, stdin=subprocess.DEVNULL)
        need(done.returncode == 0 and done.stderr == '', 'pacfctl -e %s: %s' % (code, done.stderr))
        return done.stdout

    def pid(self):
        with open(os.path.join(self.run, 'pacf.pid'), encoding='ascii') as f:
            return int(f.read())

    def end(self, pid, signo=signal.SIGTERM, reader=None):
        """By a signal, in good order; nothing is left, and the reader sees the end: its figures."""
        os.kill(pid, signo)
        status = reap(pid)
        need(status == 0, 'the daemon ended with %d' % status)
        figures = reader.end(status=1)[0].split() if reader else []
        self.clean()
        return figures

    def clean(self):
        left = os.listdir(self.run)
        need(left == [], 'left in the folder of the sockets: %s' % left)
        try:
            need(os.waitpid(-1, os.WNOHANG)[0] == 0 and False, 'a process is left')
        except ChildProcessError:
            pass


def reap(pid, seconds=20):
    """The exit status of a daemon (negative: the signal), which is to end now."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got, status = os.waitpid(pid, os.WNOHANG)
        if got == pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise Failed('the daemon does not end')


def kill_children():
    """After a failure: what is left, all of it our child."""
    with open('/proc/self/task/%d/children' % os.getpid(), encoding='ascii') as f:
        for pid in f.read().split():
            os.kill(int(pid), signal.SIGKILL)
            os.waitpid(int(pid), 0)


def lines_of(path):
    with open(path, encoding='utf-8') as f:
        return f.read().splitlines()


class Systemd:
    """A socket as systemd's, and what was said there."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []

    def environment(self, **more):
        return dict(os.environ, NOTIFY_SOCKET=self.path, **more)

    def hear(self, seconds=0.0):
        """All messages so far, as lists of lines; waits for one that long."""
        self.socket.settimeout(seconds or 0.001)
        try:
            while True:
                self.said.append(self.socket.recv(4096).decode().splitlines())
                self.socket.settimeout(0.001)
        except (TimeoutError, BlockingIOError):
            return self.said

    def wait(self, line, seconds=20):
        until('told systemd: ' + line, lambda: any(line in m for m in self.hear(0.05)), seconds)

    def count(self, line):
        return sum(line in message for message in self.hear())

    def close(self):
        self.socket.close()
        os.unlink(self.path)


def proc_io(pid):
    """Bytes that a process has written."""
    with open('/proc/%d/io' % pid, encoding='ascii') as f:
        return int(re.search(r'wchar: (\d+)', f.read()).group(1))


def records(path, begin):
    """The packets of a file, without their headers: of pcap (24 bytes begin it) or badclient's (none)."""
    with open(path, 'rb') as f:
        data, at, packets = f.read(), begin, []
    while at + 16 <= len(data):
        size = int.from_bytes(data[at + 8:at + 12], sys.byteorder)
        packets.append(data[at + 16:at + 16 + size])
        at += 16 + size
    need(at == len(data), '%s ends within a packet' % path)
    return packets


def as_nobody(work):
    """What work() raises as the user nobody, by name; '': nothing."""
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            try:
                work()
            except OSError as error:
                os.write(w, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        answer = f.read()
    os.waitpid(child, 0)
    return answer
