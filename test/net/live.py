"""What the tests of engines on live interfaces share: live_*.py.

main() runs the cases of a script for the type of engine that is its first argument; case_NAME(lab, kind).
"""
import os
import sys
import threading
import time

import netns
import wires
from daemon import Failed, channel_of, check_ledger, dropped, list_channels, need, until

SOAK = bool(os.environ.get('PACF_SOAK'))
# What the link lost before the engine could read it.
LINK_LOSSES = ('source_drop_pkts', 'no_frame_pkts', 'oversize_pkts')


def first_in_line():
    """What else runs here must not keep an engine from its CPU: for longer than the library waits for it (1 ms), or
    than a packet socket's ring takes what comes (a quarter of a second)."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Engine:
    """A running engine on wires.  channels: (name, 'SAMPLE' or 'COPY'), opened as pacf:NAME{0.  preexec: of the
    daemon, if it is started here."""

    def __init__(self, lab, kind, wires_of, channels, name='e', size=4096, more='', preexec=None):
        self.lab, self.name, self.channels = lab, name, dict(channels)
        if lab.daemon is None or lab.daemon.process.poll() is not None:
            lab.start(preexec)
        if kind != 'afpacket':  # that is in every build for Linux
            lab.needs(kind)
        code = "pkteng.new{name='%s', type='%s'}" % (name, kind)
        for wire in wires_of:
            code += " pkteng.link{engine='%s', ifname='%s'%s}" % (name, wire.near, more)
        for channel, action in channels:
            code += " pkteng.open_channel{engine='%s', channel='pacf:%s{0', action='%s', size=%d}" % (
                name, channel, action, size)
        lab.daemon.lua(code + " pkteng.start{engine='%s'}" % name)

    def stats(self):
        """Checked on the way."""
        stats = self.lab.daemon.stats(self.name)
        check_ledger(stats)
        return stats

    def channel(self, name, stats=None):
        return channel_of(stats or self.stats(), 'pacf:%s{0' % name)

    def received(self):
        return self.stats()['counters']['received_pkts']

    def lost_before(self, stats=None):
        """Packets that the link lost, of all causes."""
        return sum(link[cause] for link in (stats or self.stats())['links'] for cause in LINK_LOSSES)

    def quiet(self, count=None):
        """Waits until nothing comes any more (and `count` packets have been seen) and all is read."""
        def settled():
            before = self.stats()
            if count is not None and before['counters']['received_pkts'] + self.lost_before(before) < count:
                return False
            time.sleep(0.15)
            after = self.stats()
            return after['counters'] == before['counters'] and all(c['waiting'] == 0 for c in after['channels'])
        until('all has come and is read', settled)
        return self.stats()


class Traffic:
    """Packets of a thread, from the far end, until it is stopped; an interface that is down or gone costs it
    packets, nothing else."""

    def __init__(self, wire, pps=2000, flows=64, size=100):
        self.wire, self.pps, self.flows, self.size, self.sent, self.stopping = wire, pps, flows, size, 0, False
        self.lock = threading.Lock()  # for who takes the interface away
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        start, count = time.monotonic(), 0
        while not self.stopping:
            with self.lock:
                try:
                    self.wire.sender().send(netns.frame(count // self.flows, self.size, count % self.flows))
                    self.sent += 1
                except (OSError, RuntimeError):
                    self.wire.forget()
            count += 1
            time.sleep(max(0, start + count / self.pps - time.monotonic()))

    def stop(self):
        """How many it has sent."""
        self.stopping = True
        self.thread.join()
        return self.sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def attached(names):
    """{channel: pid} of those channels, which must all be open."""
    found = list_channels()
    return {name: found['pacf:%s}0' % name] for name in names}


def open_files(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def resident_kib(pid):
    """What it has allocated; buffers, which are first touched when applications are behind, are not in it."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('RssAnon'))


def main(names, doc):
    if len(sys.argv) < 2:
        sys.exit(doc)
    kind = sys.argv[1]
    bound = {name: (lambda lab, body=body: body(lab, kind)) for name, body in names.items()
             if name.startswith('case_')}
    return netns.main(bound, doc, sys.argv[2:])
