#!/usr/bin/env python3
"""Offloads that falsify packets: told at the start, or switched off while a link captures and put back.

usage: offload.py [CASE ...]

`ethtool -k` says what is on before, while and after: the feature flags that are asked for and those in
force.  PACF, LIVE: the programs.  Works in network namespaces of its own; skips (77) without the right.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sys'))
import wires
from daemon import Daemon, Failed, need, until

FALSE = ('generic-receive-offload', 'large-receive-offload', 'rx-vlan-offload', 'rx-gro-hw')


def features(name):
    """Everything that ethtool knows, by name: on, off, with [fixed] and [requested ...]."""
    lines = wires.run('ethtool', '-k', name).splitlines()[1:]
    return dict(line.strip().split(': ', 1) for line in lines)


def false_on(name):
    return [f for f in FALSE if features(name)[f].startswith('on')]


class Live:
    def __init__(self, mode, *names):
        self.process = subprocess.Popen([os.environ['LIVE'], mode, *names], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started = self.notes()

    def notes(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return self._lines()

    def _lines(self):
        lines = []
        while True:
            line = self.process.stdout.readline()
            need(line != '', 'live ended: ' + (self.process.stderr.read() if self.process.poll() is not None else ''))
            if line == 'end\n':
                return lines
            lines.append(line.rstrip('\n'))

    def stop(self):
        """In good order; what it printed to standard error."""
        err = self.process.communicate(timeout=20)[1]
        need(self.process.returncode == 0, 'live: exit %d: %s' % (self.process.returncode, err))
        return err

    def kill(self):
        self.process.kill()
        self.process.communicate()


def journals():
    return sorted(f for f in os.listdir(os.environ['PACF_RUNDIR']) if f.startswith('offload-'))


def next_start():
    """Any pacf; what it says on standard error."""
    done = subprocess.run([os.environ['PACF'], '-e', ''], check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    need(done.returncode == 0, 'pacf: exit %d: %s' % (done.returncode, done.stderr))
    return done.stderr


def set_offload(name, *words):
    wires.run('ethtool', '-K', name, *words)


def case_report(_):
    """Told in one sentence, with the command; nothing is changed.  What is off is not told."""
    set_offload('eth3', 'gro', 'on', 'rxvlan', 'on')
    before = features('eth3')
    live = Live('report', 'eth3')
    need(features('eth3') == before, 'report changes something')
    need(len(live.started) == 1, '%s' % live.started)
    said = live.stop()
    for text in (live.started[0], said):
        need('gro is on: packets may be joined' in text, text)
        need('rxvlan is on' in text and 'offload="fix"' in text, text)
        need('`ethtool -K eth3 gro off rxvlan off`' in text, text)
    need(features('eth3') == before, 'report changes something at its end')
    set_offload('eth3', 'gro', 'off', 'rxvlan', 'off')
    live = Live('report', 'eth3')
    need(live.started == ['eth3'] and live.stop() == '', 'told of nothing: %s' % live.started)


def case_fix(_):
    """Each state of the two comes back, and nothing else changes."""
    for gro in ('on', 'off'):
        for rxvlan in ('on', 'off'):
            set_offload('eth3', 'gro', gro, 'rxvlan', rxvlan)
            before = features('eth3')
            live = Live('fix', 'eth3')
            during = features('eth3')
            need(false_on('eth3') == [], 'still on: %s' % false_on('eth3'))
            changed = {f for f in before if before[f] != during[f]}
            need(changed <= set(FALSE), 'others were changed: %s' % changed)
            need(len(journals()) == (gro == 'on' or rxvlan == 'on'), 'journals: %s' % journals())
            live.stop()
            need(features('eth3') == before, 'not as before with gro %s, rxvlan %s' % (gro, rxvlan))
            need(journals() == [], 'a journal stays: %s' % journals())


def case_murder(_):
    """kill -9; the next pacf puts back."""
    set_offload('eth3', 'gro', 'on', 'rxvlan', 'on')
    before = features('eth3')
    for _ in range(5):
        live = Live('fix', 'eth3')
        live.kill()
        need(false_on('eth3') == [] and len(journals()) == 1, 'killed too late')
        need(next_start() == '', 'recovery complains')
        need(features('eth3') == before, 'not put back after kill -9')
        need(journals() == [], 'a journal stays after kill -9')
    # Or the same link starts again: what it finds is not taken for the user's wish.
    Live('fix', 'eth3').kill()
    live = Live('fix', 'eth3')
    need(false_on('eth3') == [], 'on')
    live.stop()
    need(features('eth3') == before, 'not put back by the second after the first was killed')


def case_living(_):
    """Who lives keeps its own; a second one says so and touches nothing."""
    set_offload('eth3', 'gro', 'on')
    before = features('eth3')
    live = Live('fix', 'eth3')
    need(next_start() == '' and false_on('eth3') == [], 'a pacf that starts undoes what another does')
    set_offload('eth3', 'gro', 'on')
    other = Live('fix', 'eth3')
    need('another pacf' in other.started[0] and 'gro is on' in other.started[0], '%s' % other.started)
    other.stop()
    need(len(journals()) == 1, 'the journal of the living is gone')
    live.stop()
    need(features('eth3') == before and journals() == [], 'not put back')


def case_shared(_):
    """Two engines, one interface: put back when the last has stopped; and not by the first."""
    set_offload('eth3', 'gro', 'on', 'rxvlan', 'on')
    before = features('eth3')
    live = Live('fix', 'eth3', 'eth3')
    need(len(live.started) == 2 and len(journals()) == 1, '%s %s' % (live.started, journals()))
    need(all('off while it captures' in note for note in live.started), '%s' % live.started)
    live.stop()
    need(features('eth3') == before and journals() == [], 'not put back')


def case_other_interface(ns):
    """One of that name, but another: it is left as it is."""
    set_offload('eth3', 'gro', 'on', 'rxvlan', 'on')
    Live('fix', 'eth3').kill()
    wires.run('ip', 'link', 'delete', 'eth3')
    wires.cable('eth3', 'far', ns)
    set_offload('eth3', 'gro', 'off', 'rxvlan', 'off')
    before = features('eth3')
    next_start()
    need(features('eth3') == before and journals() == [], 'another interface of that name was changed')
    # Renamed meanwhile: not ours either.
    set_offload('eth3', 'gro', 'on')
    Live('fix', 'eth3').kill()
    wires.run('ip', 'link', 'set', 'eth3', 'name', 'eth4')
    next_start()
    need(features('eth4')['generic-receive-offload'] == 'off' and journals() == [], 'by index only')
    wires.run('ip', 'link', 'set', 'eth4', 'name', 'eth3')


def case_recreated(ns):
    """Deleted and made again under a link that captures: the new one is fixed too, and put back."""
    set_offload('eth3', 'gro', 'on')
    live = Live('fix', 'eth3')
    wires.run('ip', 'link', 'delete', 'eth3')
    wires.cable('eth3', 'far', ns)
    until('the new one is fixed', lambda: false_on('eth3') == [] and len(journals()) == 1, 3)
    live.stop()
    need(false_on('eth3') == ['rx-vlan-offload'] and journals() == [], 'the new one: %s' % false_on('eth3'))


def case_rights(_):
    """Without CAP_NET_ADMIN the link starts, and says what is missing and what is on."""
    set_offload('eth3', 'gro', 'on')
    before = features('eth3')
    if shutil.which('setpriv') is None:
        print('rights: there is no setpriv: not tested')
        return
    done = subprocess.run(['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', os.environ['LIVE'],
                           'fix', 'eth3'], check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    need(done.returncode == 0, done.stderr)
    need('CAP_NET_ADMIN' in done.stderr and 'gro is on' in done.stderr, done.stderr)
    need(features('eth3') == before and journals() == [], 'changed')


def start_afpacket(folder, offload):
    daemon = Daemon(folder)
    daemon.lua("pkteng.new{name='e', type='afpacket'} pkteng.link{engine='e', ifname='eth3', offload='%s'}"
               "pkteng.start{engine='e'}" % offload)
    return daemon, daemon.stats('e')['links'][0].get('note', '')


def case_program(_):
    """The same through the program, with a source that captures."""
    set_offload('eth3', 'gro', 'on', 'rxvlan', 'on')
    before = features('eth3')
    folder = os.path.dirname(os.environ['PACF_RUNDIR'])
    daemon, note = start_afpacket(folder, 'report')
    need('gro is on' in note and 'rxvlan' not in note, 'afpacket puts tags back itself: ' + note)
    need(features('eth3') == before, 'report changes something')
    daemon.close()
    daemon, note = start_afpacket(folder, 'fix')
    need(false_on('eth3') == [] and 'gro and rxvlan off' in note, note)
    daemon.lua("pkteng.stop{engine='e'}")
    need(features('eth3') == before and journals() == [], 'not put back by stop')
    daemon.lua("pkteng.start{engine='e'}")
    need(false_on('eth3') == [], 'the second start')
    daemon.close()
    need(features('eth3') == before, 'not put back by the end')
    daemon, _ = start_afpacket(folder, 'fix')
    daemon.process.terminate()
    daemon.process.wait()
    need(features('eth3') == before and journals() == [], 'not put back after SIGTERM')
    daemon, _ = start_afpacket(folder, 'fix')
    daemon.kill()
    need(false_on('eth3') == [], 'killed too late')
    daemon, note = start_afpacket(folder, 'report')
    need(features('eth3') == before and 'gro is on' in note, 'not put back after kill -9: ' + note)
    daemon.close()


SEND = 'import socket; s = socket.create_connection(("10.99.0.1", 5001)); s.sendall(bytes(2000000))'


def receive(ns, server):
    """2 MB of TCP come in."""
    sender = subprocess.Popen(['nsenter', '-t', str(ns.pid), '-n', sys.executable, '-c', SEND])
    peer = server.accept()[0]
    while peer.recv(65536):
        pass
    peer.close()
    need(sender.wait(20) == 0, 'the sender failed')


def joined(folder, ns, offload, connections):
    """(packets, of which joined) after so many connections, or the first that had some joined."""
    daemon, _ = start_afpacket(folder, offload)

    def link():
        return daemon.stats('e')['links'][0]
    with socket.create_server(('10.99.0.1', 5001)) as server:
        for n in range(1, connections + 1):
            receive(ns, server)
            try:
                until('packets are counted', lambda: link()['received_bytes'] > 2000000 * n, 5)
            except Failed as late:
                raise Failed('%s: %s' % (late, link())) from None
            if link()['super_pkts'] > 0:
                break
    found = link()
    daemon.close()
    return found['received_pkts'], found['super_pkts']


def case_super(ns):
    """GRO joins packets that their sender sent one by one: counted; with fix there are none.

    Whether it joins those of a connection over veth differs from one to the next (on Linux 6.18 it did for
    about one in two), so there are several.
    """
    wires.run('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'eth3')
    wires.run('ip', 'address', 'add', '10.99.0.2/24', 'dev', 'far', ns=ns)
    # Far sends no packet that is longer than the MTU.
    wires.run('ethtool', '-K', 'far', 'tso', 'off', 'gso', 'off', 'tx', 'off', 'sg', 'off', ns=ns)
    set_offload('eth3', 'gro', 'on')
    folder = os.path.dirname(os.environ['PACF_RUNDIR'])
    packets, supers = joined(folder, ns, 'report', 40)
    need(supers > 0, 'of %d packets none was joined: this tests nothing' % packets)
    print('super: with gro %d packets came in, %d of them joined' % (packets, supers))
    packets, supers = joined(folder, ns, 'fix', 10)
    need(supers == 0, 'with fix %d of %d packets were joined' % (supers, packets))
    print('super: with offload="fix" %d packets came in, none of them joined' % packets)


CASES = {name[5:]: body for name, body in sorted(globals().items()) if name.startswith('case_')}


def main():
    wires.enter()
    folder = tempfile.mkdtemp(prefix='pacf-offload-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    ns = wires.Far()
    try:
        wires.cable('eth3', 'far', ns)
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
