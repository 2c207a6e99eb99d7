"""Interfaces to test with, in network namespaces of their own: netdev.py, offload.py, doctor.py.

enter() puts the calling script into a new network namespace, where it may do as it likes; Far is a second
one, at the other end of the cable.  Both go with their processes: nothing is left behind.
"""
import atexit
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys

SKIP = 77


def skip(why):
    print('skipped: ' + why)
    sys.exit(SKIP)


def enter():
    """Starts the script again in a new network namespace, with the /sys of that, and in there what ip and tc need
    to load programs; skips without the right."""
    if os.environ.get('PACF_WIRES') == str(os.getpid()):
        return
    for tool in ('unshare', 'ip', 'ethtool', 'tcpdump', 'nsenter'):
        if shutil.which(tool) is None:
            skip('there is no ' + tool)
    probe = subprocess.run(['unshare', '-n', '-m', 'mount', '-t', 'sysfs', 'sysfs', '/sys'], check=False,
                           capture_output=True, text=True)
    if probe.returncode != 0:
        skip('no right to make network namespaces: ' + probe.stderr.strip())
    os.environ['PACF_WIRES'] = str(os.getpid())  # exec keeps the pid
    os.execvp('unshare', ['unshare', '-n', '-m', 'sh', '-c', 'mount -t sysfs sysfs /sys && { mount -t bpf bpf /sys/fs/bpf 2>/dev/null; exec "$@"; }', 'sh',
                          sys.executable, *sys.argv])


def run(*command, ns=None):
    prefix = ['nsenter', '-t', str(ns.pid), '-n'] if ns else []
    done = subprocess.run([*prefix, *command], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(command), done.stderr.strip()))
    return done.stdout


class Far:
    """The network namespace of a process that does nothing."""

    def __init__(self):
        # cat ends when we do
        self.process = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid
        atexit.register(self.close)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def quiet(name, ns=None):
    """No packets but those of the test: no IPv6 on it."""
    run('ip', 'link', 'set', name, 'addrgenmode', 'none', ns=ns)


def cable(near, far, ns, mtu=1500, queues=1):
    """A veth pair, up; far is in the other namespace."""
    run('ip', 'link', 'add', near, 'mtu', str(mtu), 'numrxqueues', str(queues), 'numtxqueues', str(queues),
        'type', 'veth', 'peer', 'name', far, 'mtu', str(mtu), 'netns', str(ns.pid))
    quiet(near)
    quiet(far, ns)
    run('ip', 'link', 'set', near, 'up')
    run('ip', 'link', 'set', far, 'up', ns=ns)


def face(name, ns=None):
    """What `ip` knows of an interface."""
    return json.loads(run('ip', '-s', '-j', 'link', 'show', 'dev', name, ns=ns))[0]


class Tcpdump:
    """Captures what comes in on an interface of the other namespace."""

    def __init__(self, name, path, ns, count):
        self.path = path
        self.process = subprocess.Popen(
            ['nsenter', '-t', str(ns.pid), '-n', 'tcpdump', '-i', name, '-Q', 'in', '-B', '65536', '-U', '-n',
             '--nano', '-Z', 'root', '-c', str(count), '-w', path], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if 'listening on' in line:
                return
        raise RuntimeError('tcpdump does not start')

    def wait(self, seconds=20):
        self.process.communicate(timeout=seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)


class Tun:
    """A tun or tap interface that is read here."""
    TUNSETIFF, TUN, TAP, NO_PI = 0x400454ca, 1, 2, 0x1000

    def __init__(self, name, kind):
        self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, self.TUNSETIFF, struct.pack('16sH22x', name.encode(), kind | self.NO_PI))
        quiet(name)
        run('ip', 'link', 'set', name, 'up')

    def read(self, seconds=10):
        import select
        if not select.select([self.fd], [], [], seconds)[0]:
            return None
        return os.read(self.fd, 65536)

    def close(self):
        os.close(self.fd)


def packet_socket(name, protocol=0):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, protocol)
    s.bind((name, protocol))
    return s
