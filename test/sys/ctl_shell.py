#!/usr/bin/env python3
"""pacfctl and the remote shells of a daemon: whose output it is, who holds up whom, what bad peers can do.

usage: ctl_shell.py [CASE ...]       PACF, PACFCTL, PACF_GEN: the programs; SRC: the source.  Root; else `others` is skipped.
"""
import os
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from control import (COMPLETE, EVAL, FAILED, FILE, GOODBYE, INTERRUPT, LAST, LEAVING, MORE, NAMES, WELCOME,
                     Daemon, Peer, ctl, finish, gives, start)
from daemon import need, until

NOBODY = 65534


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def program(folder):
    """Options, scripts, standard input, statuses: as bin/pacf has them."""
    script = write(folder, 'a.lua', '#!/usr/bin/env -S pacfctl -f\nn = (n or 0) + 1\nprint("script", n)\n')
    bad = write(folder, 'bad.lua', 'print("before")\n\npkteng.start{}\nprint("after")\n')
    wrong = write(folder, 'wrong.lua', 'x = (')
    big = write(folder, 'big.lua', '--' + 'x' * (1 << 20))
    with Daemon(folder):
        gives((0, '5\n6\n', ''), '-e', 'v = 5', '-e', 'v', '-e', 'v + 1')
        gives((0, 'script\t1\nscript\t2\n2\n', ''), '-f', script, '-f', script, '-e', 'n')
        gives((1, 'before\n', 'error: %s:3: pkteng.start: argument "engine" is missing, as in '
               'pkteng.start{engine="e0"}\n' % bad), '-f', bad, '-e', 'print("not reached")')
        gives((1, '', 'error: %s:1: unexpected symbol near <eof>\n' % wrong), '-f', wrong)
        gives((1, '', 'error: cannot open %s/none: No such file or directory\n' % folder), '-f', folder + '/none')
        gives((1, '', 'error: %s: more than 1 MiB is too long for a command\n' % big), '-f', big)
        gives((0, '42\np\na\tnil\n1\n2\n', ''), text='=6 * 7\nprint("p")\n"a", nil\nfor i = 1, 2 do\nprint(i)\nend\n')
        gives((1, '2\n', "error: attempt to call a nil value (global 'nosuch')\n"), text='nosuch()\n1 + 1')
        gives((1, '', "error: 'end' expected (to close 'for' at line 1) near <eof>\n"), text='for i = 1, 2 do')
        gives((0, '', ''), text='')
        gives((7, '', ''), '-e', 'os.exit(7)', '-e', 'print("not reached")')
        gives((1, '', ''), '-e', 'os.exit(false)')
        gives((0, '', ''), '-e', 'pcall(os.exit)', '-e', 'print("not reached")')
        gives((1, '', 'error: a remote shell has no standard input to read from; put the values into the command\n'),
              '-e', 'io.read()')
        gives((1, '', 'error: a remote shell has no standard input to read from; put the values into the command\n'),
              '-e', 'for l in io.lines() do end')
        gives((0, 'out\nmore\n', 'err\n'), '-e', 'io.stderr:write("err\\n") io.stdout:write("out", "\\n") '
              'io.write("mo", "re\\n"):flush() io.stdout:flush()')
        gives((0, 'No engine yet; pkteng.help() lists the commands.\n', ''), 'stats')
        gives((0, '{}\n', ''), 'stats', '--json')
        gives((2, '', 'pacfctl: stats takes --json or nothing, not "-x"\n'), 'stats', '-x')
        gives((2, '', 'pacfctl: there is no command "a.lua": there are stats, top, split and copy; '
               'to run a script: pacfctl -f a.lua; to run Lua: pacfctl -e\n'), 'a.lua')
        gives((2, '', 'pacfctl: unknown option -x; pacfctl -h lists the options\n'), '-x')
        status, out, err = ctl('-h')
        need(status == 0 and err == '' and out.startswith('usage: pacfctl [-f SCRIPT] [-e LUA]'), 'pacfctl -h: ' + out)
        for closed in ('<&-', '<&- >&- 2>&-', '>&-'):
            done = subprocess.run(['sh', '-c', 'exec "$0" -e "v = 8" -e "v" ' + closed, os.environ['PACFCTL']],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=20, check=False)
            need((done.returncode, done.stdout, done.stderr) == (0, '8\n' if closed == '<&-' else '', ''),
                 'closed descriptors %s: %s' % (closed, done))
        done = subprocess.run(['sh', '-c', 'exec "$0" <&-', os.environ['PACFCTL']], capture_output=True, text=True,
                              timeout=20, check=False)
        need((done.returncode, done.stdout, done.stderr) == (0, '', ''), 'closed standard input: %s' % done)
        need(ctl('-V')[1] == 'pacfctl ' + ctl('-e', 'pacf.version()')[1], 'pacfctl -V')
        status, out, err = ctl('-e', 'x = ("0123456789"):rep(3e5) io.write(x) io.write(x, "\\n")')
        need((status, len(out), err) == (0, 6000001, ''), 'a long output: %d bytes' % len(out))
    status, out, err = ctl('-e', '1')
    need(status == 1 and out == '' and re.fullmatch(
        r'pacfctl: no daemon listens on \S+/run/control.sock: start one with pacf -d -f SCRIPT\n', err), err)


def shared(folder):
    """One state, each shell's output its own, also at the same time; pacf.shutdown() is the daemon's end."""
    with Daemon(folder) as daemon:
        one, two = Peer(daemon), Peer(daemon)
        need(one.hello()[0] == two.hello()[0] == WELCOME, 'no welcome')
        need(one.run('t = {} x = 1') == (0, 0, '', '') and two.run('x = x + 1') == (0, 0, '', ''), 'not shared')
        need(one.run('x') == (0, 0, '2\n', ''), 'what one shell sets the other does not see')
        need(one.run('for i = 1,') == (FAILED, 0, '', "error: unexpected symbol near <eof>\n"), 'a statement cut off')
        need(one.run('for i = 1, 2 do\n', 0)[0] == MORE, 'a statement that goes on')
        # Both at once: no line of one in the other, none lost or mixed.
        code = 'for i = 1, 3000 do print("%s", i) if i %% 100 == 0 then io.stderr:write("%s\\n") end end'
        one.eval(code % ('one', 'E1'))
        two.eval(code % ('two', 'E2'))
        for peer, name, error in ((one, 'one', 'E1\n'), (two, 'two', 'E2\n')):
            flags, _, out, err = peer.answer()
            need(flags == 0 and err == error * 30, 'errors of %s: %s' % (name, err))
            need(out == ''.join('%s\t%d\n' % (name, i) for i in range(1, 3001)), 'output of ' + name)
        # A coroutine and a function of one, run by the other: the output goes to who runs them.
        one.run('co = coroutine.wrap(function() while true do print("in co") coroutine.yield() end end) co()')
        need(two.run('co()') == (0, 0, 'in co\n', ''), 'the output of a coroutine')
        one.send(COMPLETE, b'pkteng.show_s')
        kind, payload = one.receive()
        need((kind, payload) == (NAMES, struct.pack('=I', 4) + b'tatsshow_stats\0'), 'completion: %s' % payload)
        waiting = start('-e', 'print("on") pacf.sleep(60)')
        need(waiting.stdout.readline() == 'on\n', 'it does not run')
        need(one.run('pacf.shutdown()') == (LEAVING, 0, 'Goodbye!\n', ''), 'shutdown')
        need(one.receive()[0] == GOODBYE and one.receive() is None, 'the shell that was left goes on')
        need(two.receive() == (GOODBYE, b'the daemon ended'), 'the other shell is not told')
        need(two.receive() is None, 'it goes on')
        got = finish(waiting)
        need(got == (1, '', 'pacfctl: the daemon ended\n'), 'a command within which the daemon ends: %s' % (got,))
        daemon.ended()


BUSY = ('while true do end', 'while true do pcall(function() while true do end end) end',
        'coroutine.wrap(function() while true do end end)()', 'pacf.sleep(60)', 'while true do pcall(pacf.sleep, 60) end',
        'pkteng.wait{engine="endless"}', 'while true do io.write(("x"):rep(1e4)) end',
        'setmetatable({}, {__index = function(t, k) while true do end end}).x = nil; local y = '
        'setmetatable({}, {__index = function(t, k) while true do end end}).x', 'load(function() return "--\\n" end)')


def interrupts(folder):
    """Ctrl+C ends the command of its own shell, whatever that does; the others' go on, unhindered meanwhile."""
    gen = os.path.join(folder, 'gen.pcap')
    subprocess.run([os.environ['PACF_GEN'], gen], check=True, stderr=subprocess.DEVNULL)
    setup = write(folder, 'setup.lua', 'pkteng.new{name="endless", type="pcap"}\n'
                  'pkteng.link{engine="endless", ifname="%s", loop=true, speed=1}\npkteng.start("endless")\n' % gen)
    with Daemon(folder, '-f', setup) as daemon:
        steady, other = Peer(daemon), Peer(daemon)
        steady.hello()
        other.hello()
        steady.eval('for i = 1, 1000 do pacf.sleep(0.002) end return "steady"')
        for code in BUSY:
            if code.startswith('load('):
                code = 'while true do %s end' % code.replace('return "--\\n"', 'n = (n or 0) + 1 return n % 1000 > 0 '
                                                             'and "--\\n" or nil')
            busy = Peer(daemon)
            busy.hello()
            busy.eval(code)
            begun = time.monotonic()
            for _ in range(20):
                need(other.run('1 + 1') == (0, 0, '2\n', ''), 'beside: ' + code)
            took = time.monotonic() - begun
            need(took < 10, 'beside %s 20 commands took %.1f s' % (code, took))
            busy.send(INTERRUPT)
            flags, _, _, err = busy.answer()
            need(flags == FAILED and re.fullmatch(r'error: .*interrupted.*\n', err), '%s: %d %s' % (code, flags, err))
            need(busy.run('pacf.sleep(0.01) return "next"') == (0, 0, 'next\n', ''), 'after ' + code)
            busy.close()
        need(steady.answer() == (0, 0, 'steady\n', ''), 'a shell was interrupted that was not meant')
        # An interrupt that comes when nothing runs is for nothing.
        other.send(INTERRUPT)
        need(other.run('pacf.sleep(0.05) return "slept"') == (0, 0, 'slept\n', ''), 'an interrupt for nothing')
        # The program: a signal, in a script and while a command runs.
        for code in ('print("on") while true do end', 'print("on") pacf.sleep(60)'):
            process = start('-e', code, '-e', 'print("not reached")')
            need(process.stdout.readline() == 'on\n', 'it does not run')
            process.send_signal(signal.SIGINT)
            need(finish(process) == (130, '', 'error: interrupted\n'), 'SIGINT in a script')
        process = start('-e', 'print("on") pacf.sleep(60)')
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        need(finish(process)[0] == 143, 'SIGTERM')


def shells(daemon):
    """How many there are, by their threads; -1: one ends just now."""
    folder, n = '/proc/%d/task/' % daemon.process.pid, 0
    for task in os.listdir(folder):
        try:
            with open(folder + task + '/comm', encoding='ascii') as f:
                n += f.read() == 'pacf-shell\n'
        except (FileNotFoundError, ProcessLookupError):
            return -1
    return n


def gone(folder):
    """A shell that dies in mid-command, one that never reads, and one that stops in mid-message."""
    with Daemon(folder) as daemon:
        descriptors = lambda: len(os.listdir('/proc/%d/fd' % daemon.process.pid))
        until('the first peer is gone', lambda: shells(daemon) == 0)
        before = descriptors()
        for code in ('while true do end', 'pacf.sleep(100)', 'while true do print(("y"):rep(100)) end',
                     'while true do pcall(print, 1) end'):
            process = start('-e', 'print("on") ' + code)
            need(process.stdout.readline() == 'on\n', 'it does not run')
            process.kill()
            process.wait()
            until('the dead shell ends: ' + code, lambda: shells(daemon) == 0)
        deaf, other = Peer(daemon), Peer(daemon)
        deaf.hello()
        other.hello()
        deaf.eval('written = 0 while true do print(("z"):rep(1000)) written = written + 1 end')
        written = lambda: int(other.run('written')[2] or 0)
        until('it writes', lambda: written() > 10)
        was = -1
        while was != written():  # until it is held up
            was = written()
            time.sleep(0.2)
        for _ in range(100):
            need(other.run('return "alive"') == (0, 0, 'alive\n', ''), 'one that does not read holds up others')
        need(written() == was, 'it writes, and nobody reads')
        half = Peer(daemon)
        half.hello()
        half.sock.sendall(struct.pack('=II', 100, EVAL) + b'12345')
        need(shells(daemon) == 3, 'shells: %d' % shells(daemon))
        deaf.close()
        half.close()
        until('they end', lambda: shells(daemon) == 1)
        other.close()
        until('all end', lambda: shells(daemon) == 0)
        until('all descriptors are given back', lambda: descriptors() <= before)
    # Nobody who does not read keeps the daemon from ending.
    with Daemon(folder) as daemon:
        deaf = Peer(daemon)
        deaf.hello()
        deaf.eval('while true do print(("z"):rep(1000)) end')
        time.sleep(0.3)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.ended(10)


def garbage(folder):
    """What is no message is answered by a sentence and the end of that connection."""
    first = struct.pack('=IIIII', 12, 1, 0x46434150, 1, 0)
    bad = {
        b'GET / HTTP/1.0\r\n\r\n': b'this is not what pacfctl sends',
        struct.pack('=II', 0, EVAL): b'this is not what pacfctl sends',
        struct.pack('=IIIII', 12, 1, 0x46434150, 99, 0): b'this pacfctl is of another version than the daemon',
        struct.pack('=IIIII', 12, 1, 1, 1, 0): b'this is not what pacfctl sends',
        first + first: b'this is not what pacfctl sends',
        first + struct.pack('=II', 1 << 30, EVAL): b'a command of more than 1 MiB is too long',
        first + struct.pack('=II', 0, WELCOME): b'this is not what pacfctl sends',
        first + struct.pack('=IIII', 8, EVAL, FILE, 100): b'this is not what pacfctl sends',
    }
    with Daemon(folder) as daemon:
        for text, why in bad.items():
            peer = Peer(daemon)
            peer.sock.sendall(text)
            answer = peer.receive()
            if answer and answer[0] == WELCOME:
                answer = peer.receive()
            need(answer == (GOODBYE, why), '%s: answered by %s' % (text, answer))
            need(peer.receive() is None, 'the connection stays')
        peer = Peer(daemon)
        peer.hello()
        peer.eval('pacf.sleep(60)')
        peer.eval('1')
        got = [peer.receive()]
        while got[-1] is not None:
            got.append(peer.receive())
        need((GOODBYE, b'a command came before the last one was answered') in got, 'two at once: %s' % got)
        chance = random.Random(1)
        for i in range(300):
            peer = Peer(daemon)
            text = chance.randbytes(chance.randrange(200))
            if i % 2:
                text = first + struct.pack('=II', chance.randrange(64), chance.randrange(1, 6)) + text
            try:
                peer.sock.sendall(text)
            except (BrokenPipeError, ConnectionResetError):
                pass
            peer.close()
        until('they are gone', lambda: shells(daemon) == 0)
        gives((0, '1\n', ''), '-e', '1')
        until('this one is gone, too', lambda: shells(daemon) == 0)
        many = [Peer(daemon) for _ in range(64)]
        for peer in many:
            need(peer.hello()[0] == WELCOME, 'one of 64 is refused')
        peer = Peer(daemon)
        need(peer.receive() == (GOODBYE, b'the daemon serves 64 shells already; leave one of them first'), 'a 65th')
        need(ctl('-e', '1') == (1, '', 'pacfctl: the daemon serves 64 shells already; leave one of them first\n'), '65th')
        for peer in many:
            peer.close()
        until('they are gone', lambda: shells(daemon) == 0)
        gives((0, '1\n', ''), '-e', '1')
        peer = Peer(daemon)
        peer.hello()
        need(peer.run('return 1\0 2')[0] == FAILED, 'a 0 within')
        need(peer.run('=x', LAST | FILE, b'n' * 4096)[3].startswith('error: '), 'a long name')


def others(folder):
    """Another user can neither connect, nor be served if the file's mode would let him, nor take the socket's place."""
    if os.geteuid() != 0:
        print('others: skipped, needs root')
        return
    os.chmod(folder, 0o755)
    shutil.copy(os.environ['PACFCTL'], os.path.join(folder, 'pacfctl'))
    with Daemon(folder) as daemon:
        info = os.stat(daemon.socket)
        need(info.st_mode & 0o777 == 0o600 and info.st_uid == 0, 'mode of the socket: %o' % info.st_mode)
        done = subprocess.run([folder + '/pacfctl', '-e', '1'], user=NOBODY, group=NOBODY, extra_groups=[],
                              capture_output=True, text=True, timeout=20, check=False)
        need(done.returncode == 1 and 'is not yours to use: only the daemon\'s user and root may' in done.stderr,
             'another user: %s' % done)
        os.chmod(daemon.socket, 0o666)
        done = subprocess.run([folder + '/pacfctl', '-e', 'x = "stolen"'], user=NOBODY, group=NOBODY, extra_groups=[],
                              capture_output=True, text=True, timeout=20, check=False)
        need((done.returncode, done.stderr) == (1, "pacfctl: only the daemon's own user and root may command it\n"),
             'another user on an open socket: %s' % done)
        gives((0, '', ''), '-e', 'x')
        second = subprocess.run([os.environ['PACF'], '-F'], capture_output=True, text=True, timeout=20, check=False)
        need(second.returncode == 1 and 'process %d' % daemon.process.pid in second.stderr, 'a second: %s' % second)
        gives((0, '', ''), '-e', 'x')
        daemon.process.kill()
        daemon.process.wait()
        need(os.path.exists(daemon.socket), 'the socket of a dead daemon')
        need('no daemon listens on' in ctl('-e', '1')[2], 'a dead daemon')
        with Daemon(folder):
            gives((0, '1\n', ''), '-e', '1')
        daemon.process = subprocess.Popen(['true'])
        daemon.process.wait()


class Terminal:
    """pacfctl at a terminal."""

    def __init__(self, *args):
        self.fd, end = pty.openpty()
        self.process = subprocess.Popen([os.environ['PACFCTL'], *args], stdin=end, stdout=end, stderr=end,
                                        start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), 2)),
                                        env=dict(os.environ, TERM='dumb'))
        os.close(end)

    def want(self, pattern, seconds=20):
        said, end = '', time.monotonic() + seconds
        while not re.search(pattern, said):
            ready = select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]
            need(ready, 'wanted %r, seen %r' % (pattern, said))
            try:
                said += os.read(self.fd, 65536).decode().replace('\r\n', '\n')
            except OSError:
                need(re.search(pattern, said), 'wanted %r before the end, seen %r' % (pattern, said))
        return said

    def type(self, text):
        os.write(self.fd, text.encode())

    def ends(self, status):
        need(self.process.wait(20) == status, 'status %s' % self.process.returncode)
        os.close(self.fd)


def prompt(folder):
    """Editing, continuation, completion of live names, Ctrl+C, history, Ctrl+D; the daemon's end is seen at once."""
    os.environ['XDG_STATE_HOME'] = os.path.join(folder, 'state')
    with Daemon(folder, '-e', 'pkteng.new{name="eth9", type="pcap"}') as daemon:
        t = Terminal()
        t.want('pacf> $')
        t.type('=6*7\r')
        t.want('\n42\npacf> $')
        t.type('for i = 1, 2 do\r')
        t.want('\n      > $')
        t.type('print("turn", i) end\r')
        t.want('turn\t1\nturn\t2\npacf> $')
        t.type('pkteng.sta\t\t')
        t.want(r'start  stats\n')
        t.type('\x15pkteng.delete({engine="\t')
        t.want('eth9"')
        t.type('})\r')
        t.want('\npacf> $')
        t.type('#pkteng.list()\r')
        t.want('\n0\npacf> $')
        for code in ('while true do end', 'pacf.sleep(60)', 'while true do pcall(pacf.sleep, 60) end'):
            t.type('print("o" .. "n") %s\r' % code)
            t.want('\non\n')
            t.type('\x03')
            t.want('error: interrupted\npacf> $')
        t.type('half a li\x03')
        t.want(r'\^C\npacf> $')
        t.type('nosuch()\r')
        t.want("error: attempt to call a nil value \\(global 'nosuch'\\)\npacf> $")
        t.type('"last"\r')
        t.want('\nlast\npacf> $')
        t.type('\x04')
        t.want('Goodbye!\n')
        t.ends(0)
        need(daemon.process.poll() is None, 'the daemon ended with a shell')
        t = Terminal('-e', 'v = 8')
        t.want('pacf> $')
        t.type('\x10')
        t.want('last')
        t.type('\x15=v\r')
        t.want('\n8\npacf> $')
        t.type('os.exit(9)\r')
        t.ends(9)
        idle, t = Terminal(), Terminal()
        idle.want('pacf> $')
        t.want('pacf> $')
        t.type('pacf.shutdown()\r')
        t.want('Goodbye!\n')
        t.ends(0)
        idle.want('pacfctl: the daemon ended\n')
        idle.ends(1)
        daemon.ended()


def manual(folder):
    """The example of pacfctl(8), as a shell runs it."""
    page = os.path.join(os.environ['SRC'], 'man/pacfctl.8')
    with open(page, encoding='utf-8') as f:
        examples = re.findall(r'^\.Bd -literal\n(.*?)^\.Ed$', f.read(), re.M | re.S)
    need(len(examples) == 1, 'pacfctl.8 has %d examples' % len(examples))
    os.makedirs(folder + '/bin')
    for name, variable in (('pacf', 'PACF'), ('pacfctl', 'PACFCTL')):
        os.symlink(os.environ[variable], '%s/bin/%s' % (folder, name))
    capture = folder + '/web.pcap'
    subprocess.run([os.environ['PACF_GEN'], capture], check=True, stderr=subprocess.DEVNULL)
    env = dict(os.environ, PATH=folder + '/bin:' + os.environ['PATH'], PACF_RUNDIR=folder + '/run')
    done = subprocess.run(['sh', '-e', '-c', examples[0]], cwd=folder, env=env, capture_output=True, text=True, timeout=60,
                          check=False)
    # A build without a filter of system calls says so.
    errors = [line for line in done.stderr.splitlines() if 'system calls are not confined' not in line]
    need(done.returncode == 0 and errors == [] and done.stdout.startswith('true\n') and
         done.stdout.endswith('Goodbye!\n') and 'adds up' in done.stdout, 'the example: %s' % done)
    need(os.path.getsize(folder + '/copy.pcap') == os.path.getsize(capture), 'the copy is no copy')
    need(not os.path.exists(folder + '/run/pacf.pid'), 'the daemon is not gone')


def again(folder):
    """When pacf.shutdown() returns the daemon has ended: nothing is left, and the next one starts at once."""
    run = os.environ['PACF_RUNDIR'] = folder + '/run'
    os.mkdir(run, 0o755)
    for _ in range(10):
        done = subprocess.run([os.environ['PACF'], '-d', '-e', 'pkteng.new{name="e", type="mem"}'], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        need(done.returncode == 0, 'the daemon does not start: %s' % done)
        gives((0, 'Goodbye!\n', ''), '-e', 'pacf.shutdown()')
        need(os.listdir(run) == [], 'there is still %s' % os.listdir(run))


def cpu_ticks(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        return int(f.read().rpartition(')')[2].split()[11])


def stuck(folder):
    """A command inside a function that looks at no interrupt holds up the other shells, but not the daemon's end."""
    with Daemon(folder) as daemon:
        before = cpu_ticks(daemon.process.pid)
        shell = start('-e', 'x = ("a"):rep(40) .. "b" return x:find(("a*"):rep(40) .. "c")')
        until('it is busy', lambda: cpu_ticks(daemon.process.pid) > before + 20)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.ended()
        need('interrupted' in daemon.words(), 'nothing is said of it: ' + daemon.words())
        need(shell.wait(timeout=10) == 1, 'pacfctl does not notice')
        shell.communicate()


CASES = {f.__name__: f for f in (program, shared, interrupts, gone, garbage, others, prompt, manual, again, stuck)}


def main():
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory(prefix='pacf-ctl.') as folder:
            begun = time.monotonic()
            CASES[name](folder)
            print('%s: %.1f s' % (name, time.monotonic() - begun), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
