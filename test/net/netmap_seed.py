"""Cases of netmap_guest.py: the commissioned document typed line by line at the prompt, the script, who may do it, and what
netmap is left with.
"""
import os
import pty
import re
import select
import socket
import subprocess
import time

import netmap_lab
from daemon import check_ledger, need, until
from netmap_lab import SLOW, Program, send_raw, vale_ports
from netns import frame

STARTUP = os.path.join(netmap_lab.HERE, '..', '..', 'scripts', 'startup.lua')
PARAMETERS = '/sys/module/netmap/parameters/'

WALK = '''pacf.help()
pkteng.new({name="e0", type="netmap"})
pkteng.delete({engine="e0"})
pkteng.new({name="e0", type="netmap", cpu=1})
pkteng.link({engine="e0", ifname="eth3"})
pkteng.unlink({engine="e0", ifname="eth3"})
pkteng.link({engine="e0", ifname="eth3", batch=1024})
pkteng.start({engine="e0"})
pkteng.show_stats({engine="e0"})
pkteng.stop({engine="e0"})'''.splitlines()
OPEN = '''pkteng.open_channel({engine="e0", channel="netmap:eth3{0", action="SAMPLE"})
pkteng.open_channel({engine="e0", channel="netmap:eth3{1", action="SAMPLE"})
pkteng.open_channel({engine="e0", channel="netmap:eth3{2", action="SAMPLE"})
pkteng.open_channel({engine="e0", channel="netmap:eth3{3", action="SAMPLE"})
pkteng.start({engine="e0"})'''.splitlines()


class Prompt:
    """bin/pacf at a terminal."""

    def __init__(self, lab, *args):
        os.environ['PACF_RUNDIR'] = lab.path('prompt')
        os.makedirs(os.environ['PACF_RUNDIR'], mode=0o700)
        self.terminal, end = pty.openpty()
        self.process = subprocess.Popen([os.environ['PACF'], *args], stdin=end, stdout=end, stderr=end,
                                        env={**os.environ, 'TERM': 'dumb', 'COLUMNS': '200'}, start_new_session=True)
        os.close(end)
        lab.programs.append(self)
        self.answer()

    def said(self, stop):
        text, limit = '', time.monotonic() + SLOW
        while not re.search(stop, text):
            need(time.monotonic() < limit, 'no %r after: %s' % (stop, text))
            if select.select([self.terminal], [], [], 1)[0]:
                try:
                    text += os.read(self.terminal, 65536).decode(errors='replace')
                except OSError:  # the other end is closed
                    break
        return text.replace('\r', '')

    def answer(self):
        return self.said(r'pacf> $')

    def type(self, line, wrong=False):
        os.write(self.terminal, line.encode() + b'\n')
        text = self.answer()
        need(('error' in text) is wrong, '%s: %s' % (line, text))
        return text

    def end(self):
        os.write(self.terminal, b'pacf.shutdown()\n')
        text = self.said('Goodbye!')
        need('Goodbye!' in text and self.process.wait(timeout=SLOW) == 0, 'the end: %s' % text)

    def kill(self):
        self.process.kill()
        self.process.wait()


def case_walkthrough(lab):
    """On an interface called eth3."""
    lab.veth('eth3', 'wire3')
    prompt, count = Prompt(lab), 2000
    for line in WALK[:-1]:
        prompt.type(line)
    need('stop' in prompt.type('pkteng.unlink({engine="e0", ifname="eth3"})', wrong=True), 'unlinked while it runs')
    for line in WALK[-1:] + OPEN:
        prompt.type(line)
    readers = [lab.reader('eth3}%d' % i) for i in range(4)]
    for at in range(0, count, 100):
        send_raw('wire3', [frame(at + i, 60, (at + i) % 100) for i in range(100)])
        time.sleep(0.02)
    until('all is received', lambda: 'total: received 2,000' in prompt.type('pkteng.show_stats({engine="e0"})'), SLOW)
    text = prompt.type('pkteng.show_stats({engine="e0"})')
    need('emulated' in text, 'not said to be emulated: %s' % text)
    time.sleep(2)
    counts = [r.end() for r in readers]
    need(sum(counts) == count and max(counts) < 1.4 * count / 4, 'read %s of %d' % (counts, count))
    for line in ('pkteng.stop({engine="e0"})', 'pkteng.delete({engine="e0"})'):
        prompt.type(line)
    prompt.end()


def case_startup_typed(lab):
    """bin/pacf -f scripts/startup.lua, then its functions by hand."""
    lab.veth('eth3', 'wire3')
    prompt = Prompt(lab, '-f', STARTUP)
    need("pkt-gen -f rx -i 'netmap:eth3}3'" in prompt.type('setup("netmap", "eth3")'), 'no word of what to do next')
    prompt.type('start()')
    readers = [lab.reader('eth3}%d' % i) for i in range(4)]
    send_raw('wire3', [frame(i, 60, i % 100) for i in range(400)])
    until('all is received', lambda: 'total: received 400 ' in prompt.type('status()'), SLOW)
    time.sleep(2)
    need(sum(r.end() for r in readers) == 400, 'not all is read')
    prompt.type('teardown()')
    prompt.end()


def parameters(**values):
    for name, value in values.items():
        with open(PARAMETERS + name, 'w', encoding='ascii') as f:
            f.write(str(value))


def parameter(name):
    with open(PARAMETERS + name, encoding='ascii') as f:
        return int(f.read())


def case_pipes(lab):
    """As netmap is without parameters: four pipes of a VALE port need none, for twelve the script sets them, and puts them
    back."""
    names = 'priv_if_num', 'priv_ring_num', 'priv_buf_num'
    before = {name: parameter(name) for name in names}
    few = dict(zip(names, (2, 4, 4098)))
    parameters(**few)
    try:
        for applications in (4, 12):
            vale, pacf = lab.vale(), lab.pacf()
            pacf.lua("APPLICATIONS = %d dofile('%s') APPLICATIONS = %d setup('netmap', '%s:a') start()"
                     % (applications, STARTUP, applications, vale))
            need({name: parameter(name) for name in names} == few, 'parameters are left changed')
            readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(applications)]
            lab.generate(vale + ':g', 4000, 4000)
            stats = pacf.settled()
            need([r.end() for r in readers] == [c['delivered_pkts'] for c in stats['channels']], 'not all is read')
            pacf.lua('teardown()')
            pacf.close()
        vale, pacf = lab.vale(), lab.pacf()
        pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s:a'} "
                 "for i = 0, 31 do pkteng.open_channel{engine='e0', channel='netmap:%s:a{' .. i} end" % (vale, vale))
        error = pacf.refused("pkteng.start{engine='e0'}")
        need('priv_ring_num' in error, 'many pipes: %s' % error)
    finally:
        parameters(**before)


def case_nobody(lab):
    """Who is not root is told so, at once and in one sentence."""
    folder = lab.path('nobody')
    os.mkdir(folder, 0o700)
    os.chown(folder, 65534, 65534)
    os.chmod(lab.folder, 0o755)
    for code, name in (("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='lo'}", 'lo'),
                       ("pkteng.new{name='e0', type='mem'} pkteng.open_channel{engine='e0', channel='netmap:vale0:a{0'}",
                        'vale0:a{0')):
        done = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', os.environ['PACF'], '-e', code],
                              env={**os.environ, 'PACF_RUNDIR': folder}, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SLOW, check=False)
        need(done.returncode != 0 and '/dev/netmap' in done.stdout and 'root' in done.stdout and name in done.stdout,
             '%s: status %d: %s' % (code, done.returncode, done.stdout))


def case_ways(lab):
    """native is refused where there is only the emulation; what is told to all of netmap is put back; a queue that is not
    there; what the host itself sends goes out as before, and does not come in."""
    lab.veth(queues=2)
    pacf = lab.pacf()
    before = parameter('admode')
    pacf.lua("pkteng.new{name='n', type='netmap'} pkteng.link{engine='n', ifname='v0', mode='native'}")
    error = pacf.refused("pkteng.start{engine='n'}")
    need('native' in error and 'v0' in error, error)
    pacf.lua("pkteng.new{name='q', type='netmap'} pkteng.link{engine='q', ifname='v0', qid=7}")
    error = pacf.refused("pkteng.start{engine='q'}")
    need('v0' in error and 'ring' in error, error)
    for mode in ("", ", mode='generic'"):
        pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0'%s} pkteng.start{engine='e0'}" % mode)
        need('emulated' in pacf.stats('e0')['links'][0]['mode'], 'not said: %s' % pacf.stats('e0')['links'])
        need(parameter('admode') == before, 'admode is left at %d' % parameter('admode'))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3)) as wire:
            wire.bind(('v1', 3))
            wire.settimeout(SLOW)
            send_raw('v0', [frame(1000 + i, 60) for i in range(30)])
            need([wire.recv(100) for _ in range(30)] == [frame(1000 + i, 60) for i in range(30)], 'the host is cut off')
        send_raw('v1', [frame(i, 60) for i in range(50)])
        pacf.take(50)
        need(pacf.settled()['counters']['received_pkts'] == 50, 'the host\'s own packets came in')
        pacf.lua("pkteng.stop{engine='e0'} pkteng.delete{engine='e0'}")


def case_too_long(lab):
    """netmap sends each slot of an interface as a packet: what needs two is not sent at all, and counted."""
    lab.veth()
    pacf, dump = lab.pacf(), lab.path('dump.pcap')
    sniff = subprocess.Popen(['tcpdump', '-U', '-i', 'v1', '-w', dump], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    need('listening' in sniff.stderr.readline(), 'tcpdump does not start')
    frames = [frame(i, (60, 1514, 2049, 9000)[i % 4]) for i in range(400)]
    pacf.lua("pkteng.new{name='s', type='pcap'} pkteng.link{engine='s', ifname='%s', speed=1} "
             "pkteng.open_channel{engine='s', channel='netmap:v0'} pkteng.start{engine='s'} pkteng.wait{engine='s'}"
             % netmap_lab.capture_write(lab.path('sent.pcap'), frames, 500), SLOW)
    channel = pacf.settled('s')['channels'][0]
    need((channel['delivered_pkts'], channel['drop_sink_error_pkts']) == (200, 200), 'ledger: %s' % channel)
    until('all is there', lambda: len(netmap_lab.frames_read(dump)) >= 200)
    sniff.terminate()
    sniff.communicate()
    need(netmap_lab.frames_read(dump) == [f for f in frames if len(f) <= 1514], 'other packets went out')


def case_startup(lab):
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua("dofile('%s') setup('netmap', '%s:a') start()" % (STARTUP, vale))
    readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(4)]
    lab.generate(vale + ':g', 4000, 4000)
    stats = pacf.settled()
    need([r.end() for r in readers] == [c['delivered_pkts'] for c in stats['channels']], 'not all is read')
    pacf.lua("teardown()")


def case_startup4(lab):
    """Four threads, a receive queue each; engine i has channel i."""
    lab.veth(queues=4)
    pacf = lab.pacf()
    pacf.lua("dofile('%s') setup4('netmap', 'v0', {0, 1, 0, 1}) start()" % STARTUP)
    readers = [lab.reader('v0}%d' % i) for i in range(4)]
    send_raw('v1', [frame(i, 60, i % 100) for i in range(2000)])
    until('all is received', lambda: sum(pacf.received('e%d' % i) for i in range(4)) >= 2000, SLOW)
    stats = [pacf.settled('e%d' % i) for i in range(4)]
    need(sum(s['counters']['received_pkts'] for s in stats) == 2000, 'received twice: %s' % stats)
    for i, s in enumerate(stats):
        need([c['channel'] for c in s['channels']] == ['netmap:v0{%d' % i], 'set-up: %s' % s)
        need('emulated' in s['links'][0]['mode'], 'not said: %s' % s['links'])
    need(sum(s['counters']['received_pkts'] > 0 for s in stats) > 1, 'one queue has it all: %s' % stats)
    need([r.end() for r in readers] == [s['counters']['received_pkts'] for s in stats], 'not all is read')
    pacf.lua("teardown()")


def case_confined(lab):
    """A daemon that has given up its rights goes on reading an interface, and filling the pipes."""
    lab.veth()
    pacf = lab.pacf()
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0'} "
             "pkteng.open_channel{engine='e0', channel='netmap:v0{0'} pkteng.start{engine='e0'} pacf.confine()")
    reader = lab.reader('v0}0')
    for at in range(0, 2000, 100):
        send_raw('v1', [frame(at + i, 60) for i in range(100)])
        pacf.take(at + 100)
    pacf.settled()
    need(reader.end() == 2000, 'read %d' % reader.count())
