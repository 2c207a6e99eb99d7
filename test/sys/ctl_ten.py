#!/usr/bin/env python3
"""Ten shells at once, each making, changing and deleting engines at random: every command is answered, by what it
must be answered by; at the end the daemon has what the shells together have left, and ends in good order.

usage: ctl_ten.py [SECONDS]      5 by default, 60 with PACF_SOAK=1.  PACF_SEED: of an earlier run.

Each shell has engines of its own, of which it knows what they are, and one common name that all of them fight for.
Some of the shells are killed, interrupted and begun anew.  A variable of the shared state counts their commands.
PACF, PACFCTL, PACF_GEN: the programs.
"""
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from control import FAILED, INTERRUPT, Daemon, Peer, ctl, gives, start
from daemon import Failed, need, until

SHELLS = 10
INTERRUPTED = re.compile(r'error: .*interrupted.*\n')


class Shell(threading.Thread):
    def __init__(self, daemon, number, seed, capture, end):
        super().__init__()
        self.daemon_, self.number, self.capture, self.end = daemon, number, capture, end
        self.chance = random.Random(seed * 100 + number)
        self.engines = {}  # name: {'link': bool, 'running': bool, 'channels': set}
        self.commands, self.error, self.peer = 0, None, None

    def run(self):
        try:
            self.connect()
            while time.monotonic() < self.end:
                self.chance.choice((self.new, self.new, self.change, self.change, self.change, self.change, self.delete,
                                    self.look, self.common, self.interrupted, self.again, self.killed))()
            self.peer.close()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def connect(self):
        self.peer = Peer(self.daemon_, 60)
        self.peer.hello()

    def lua(self, code, wanted='', fails=None):
        """Runs it; what it prints must be `wanted`, or it must fail with `fails`."""
        self.commands += 1
        flags, _, out, err = self.peer.run('count = count + 1 ' + code)
        if fails is None:
            need((flags, out, err) == (0, wanted, ''), '%s: %s' % (code, (flags, out, err)))
        else:
            need(flags == FAILED and re.search(fails, err), '%s: %s' % (code, (flags, out, err)))

    def new(self):
        if len(self.engines) == 4:
            return
        name = 'e%d_%d' % (self.number, self.chance.randrange(6))
        if name in self.engines:
            self.lua('pkteng.new{name="%s", type="pcap"}' % name, fails=name)
        else:
            self.lua('pkteng.new{name="%s", type="pcap"}' % name)
            self.engines[name] = {'link': False, 'running': False, 'channels': set()}

    def change(self):
        if not self.engines:
            return
        name, engine = self.chance.choice(list(self.engines.items()))
        what = self.chance.choice(('link', 'start', 'stop', 'open', 'open', 'close', 'wait'))
        if what == 'link' and not engine['running']:
            verb = 'unlink' if engine['link'] else 'link'
            self.lua('pkteng.%s{engine="%s", ifname="%s"}' % (verb, name, self.capture))
            engine['link'] = not engine['link']
        elif what == 'start' and engine['link'] and not engine['running']:
            self.lua('pkteng.start("%s")' % name)
            engine['running'] = True
        elif what == 'stop' and engine['running']:
            self.lua('pkteng.stop("%s")' % name)
            engine['running'] = False
        elif what == 'open':
            channel = 'pacf:%s{%d' % (name, self.chance.randrange(4))
            code = 'pkteng.open_channel{engine="%s", channel="%s", when_full="drop", when_detached="drop"}' % (
                name, channel)
            self.lua(code, fails=re.escape(channel) if channel in engine['channels'] else None)
            engine['channels'].add(channel)
        elif what == 'close' and engine['channels']:
            channel = self.chance.choice(sorted(engine['channels']))
            self.lua('pkteng.close_channel{engine="%s", channel="%s"}' % (name, channel))
            engine['channels'].remove(channel)
        elif what == 'wait' and engine['running']:
            self.lua('return (pkteng.wait{engine="%s", timeout=10})' % name, 'true\n')

    def delete(self):
        if not self.engines:
            return
        name = self.chance.choice(list(self.engines))
        if self.engines[name]['running']:
            self.lua('pkteng.stop("%s")' % name)
        self.lua('pkteng.delete("%s")' % name)
        del self.engines[name]

    def look(self):
        self.lua('local s = pacf.stats() local n = 0 for k, e in pairs(s) do if k:find("^e%d_") then n = n + 1 end end '
                 'return n' % self.number, '%d\n' % len(self.engines))
        for name, engine in self.engines.items():
            self.lua('return #(pkteng.stats("%s").channels or {})' % name, '%d\n' % len(engine['channels']))

    def common(self):
        """All shells want it: each call is done, or refused because another was faster."""
        self.commands += 1
        flags, _, _, err = self.peer.run('count = count + 1 ' + self.chance.choice((
            'pkteng.new{name="common", type="pcap"}', 'pkteng.delete("common")', 'pkteng.start("common")',
            'pkteng.link{engine="common", ifname="%s", loop=true}' % self.capture, 'pkteng.stop("common")',
            'pkteng.open_channel{engine="common", channel="pacf:common{0", when_detached="drop"}',
            'pkteng.close_channel{engine="common", channel="pacf:common{0"}', 'pkteng.show_stats("common")')))
        need(flags in (0, FAILED) and (flags == 0) == (err == ''), 'common: %d %s' % (flags, err))

    def interrupted(self):
        code = self.chance.choice(('while true do end', 'pacf.sleep(60)', 'while true do pcall(pacf.sleep, 60) end',
                                   'while true do io.write("x\\n") end'))
        self.commands += 1
        self.peer.eval('count = count + 1 ' + code)
        time.sleep(self.chance.random() * 0.05)
        self.peer.send(INTERRUPT)
        flags, _, _, err = self.peer.answer()
        need(flags == FAILED and INTERRUPTED.fullmatch(err), 'interrupted %s: %d %s' % (code, flags, err))

    def again(self):
        self.peer.close()
        self.connect()

    def killed(self):
        """A pacfctl dies in mid-command."""
        process = start('-e', 'print("on") ' + self.chance.choice(('while true do end', 'pacf.sleep(60)')))
        need(process.stdout.readline() == 'on\n', 'a pacfctl does not begin')
        process.kill()
        process.communicate()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60 if os.environ.get('PACF_SOAK') == '1' else 5
    seed = int(os.environ.get('PACF_SEED', random.randrange(1 << 30)))
    print('PACF_SEED=%d' % seed, flush=True)
    with tempfile.TemporaryDirectory(prefix='pacf-ten.') as folder:
        capture = os.path.join(folder, 'a.pcap')
        subprocess.run([os.environ['PACF_GEN'], '--flows', '20', '--packets', '500', capture], check=True,
                       stderr=subprocess.DEVNULL)
        with Daemon(folder, '-e', 'count = 0') as daemon:
            end = time.monotonic() + seconds
            shells = [Shell(daemon, i, seed, capture, end) for i in range(SHELLS)]
            for shell in shells:
                shell.start()
            for shell in shells:
                shell.join()
            for shell in shells:
                if shell.error:
                    raise Failed('shell %d: %r' % (shell.number, shell.error)) from shell.error
            commands = sum(shell.commands for shell in shells)
            gives((0, '%d\n' % commands, ''), '-e', 'count')
            left = sorted(name for shell in shells for name in shell.engines)
            status, out, err = ctl('-e', 'for _, n in ipairs(pkteng.list()) do print(n) end')
            need(status == 0 and err == '' and sorted(n for n in out.split() if n != 'common') == left,
                 'engines left: %s, wanted %s' % (out.split(), left))
            need(ctl('-e', 'pkteng.list()', '-e', 'pacf.shutdown()')[1].endswith('Goodbye!\n'), 'shutdown')
            daemon.ended()
            with open(daemon.log, encoding='utf-8') as log:
                said = log.read()
            need('Sanitizer' not in said and 'runtime error' not in said, said)
        print('%d commands of %d shells in %g s' % (commands, SHELLS, seconds))
    return 0


if __name__ == '__main__':
    sys.exit(main())
