"""A daemon and its remote shells, for the tests of pacfctl: the program, and its messages made by hand.

Daemon runs pacf -F in a folder of its own; ctl() is pacfctl to its end; Peer speaks the protocol of
src/remote/remote.h, and can do what pacfctl never would.  PACF, PACFCTL: the programs.
"""
import os
import signal
import socket
import struct
import subprocess

from daemon import Failed, need, until

HELLO, EVAL, COMPLETE, INTERRUPT, WIDTH = range(1, 6)
WELCOME, OUT, ERR, DONE, NAMES, GOODBYE = range(65, 71)
LAST, FILE = 1, 2
FAILED, MORE, LEAVING = 1, 2, 4
MAGIC = 0x46434150


class Daemon:
    """pacf -F, with its sockets in the folder; `with` ends it, in good order."""

    def __init__(self, folder, *args, **more):
        self.run = os.path.join(folder, 'run')
        os.makedirs(self.run, mode=0o755, exist_ok=True)
        os.environ['PACF_RUNDIR'] = self.run
        self.socket = os.path.join(self.run, 'control.sock')
        self.log = os.path.join(folder, 'daemon.log')
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([os.environ['PACF'], '-F', *args], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, **more)
        until('the control socket', self._there)

    def _there(self):
        need(self.process.poll() is None, 'the daemon ended: ' + self.words())
        try:
            Peer(self).close()
        except OSError:
            return False
        return True

    def words(self):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return 'status %s; %s' % (self.process.poll(), log.read()[-4000:])

    def ended(self, seconds=20):
        """Waits for its end, which must be a good one."""
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed('the daemon does not end: ' + self.words()) from None
        need(status == 0, 'the daemon ended with ' + self.words())
        left = os.listdir(self.run)
        need(left == [], 'the daemon has left %s' % left)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if kind is None:
            self.ended()
        else:
            print(self.words())
            self.process.kill()
            self.process.wait()


def start(*args, **more):
    """A pacfctl that runs."""
    return subprocess.Popen([os.environ['PACFCTL'], *args], text=True, stdin=more.pop('stdin', subprocess.DEVNULL),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def finish(process, seconds=30, text=None):
    """(status, stdout, stderr)"""
    try:
        out, err = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed('pacfctl does not end: %s' % process.args) from None
    return process.returncode, out, err


def ctl(*args, text=None, **more):
    if text is not None:
        more['stdin'] = subprocess.PIPE
    return finish(start(*args, **more), text=text)


def gives(wanted, *args, **more):
    got = ctl(*args, **more)
    need(got == wanted, 'pacfctl %s: %s, wanted %s' % (args, got, wanted))


class Peer:
    """The other end of a remote shell, by hand."""

    def __init__(self, daemon, seconds=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(daemon.socket)
        self.sock.settimeout(seconds)
        self.data = b''

    def close(self):
        self.sock.close()

    def send(self, kind, payload=b''):
        self.sock.sendall(struct.pack('=II', len(payload), kind) + payload)

    def hello(self, version=1, width=0):
        self.send(HELLO, struct.pack('=III', MAGIC, version, width))
        return self.receive()

    def eval(self, text, flags=LAST, name=b''):
        self.send(EVAL, struct.pack('=II', flags, len(name)) + name + text.encode())

    def receive(self):
        """(kind, payload), or None at the end."""
        while True:
            if len(self.data) >= 8:
                size, kind = struct.unpack_from('=II', self.data)
                if len(self.data) >= 8 + size:
                    payload = self.data[8:8 + size]
                    self.data = self.data[8 + size:]
                    return kind, payload
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            except socket.timeout:
                raise Failed('the daemon does not answer') from None
            if not more:
                return None
            self.data += more

    def answer(self):
        """Up to DONE: (flags, code, what was printed)."""
        said = {OUT: b'', ERR: b''}
        while True:
            got = self.receive()
            need(got is not None, 'the daemon hung up within a command, after %s' % said)
            kind, payload = got
            if kind == DONE:
                return (*struct.unpack('=II', payload), said[OUT].decode(), said[ERR].decode())
            need(kind in said, 'an answer of kind %d: %s' % got)
            said[kind] += payload

    def run(self, text, flags=LAST, name=b''):
        self.eval(text, flags, name)
        return self.answer()
