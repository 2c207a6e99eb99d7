#!/usr/bin/env python3
"""pacfctl top on real terminals, those of tmux: pictures of 80x24, 40x12 and 200x50, keys, another size, and that the
terminal is as it was after whatever end; and without a terminal, plain text.

PACF, PACFCTL, PACF_GEN: the programs.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from daemon import Failed, need, until

ROWS = {(80, 24): ('consumer', 'backlog', 'share', 'history', 'lost/s', 'largest flows', 'web.pcap'),
        (40, 12): ('pkt/s', 'lost/s', 'backlog'), (200, 50): ('consumer', 'why', 'history', 'of channel', 'web.pcap')}


class Tmux:
    """A server of its own, with windows that run a shell command."""

    def __init__(self, folder):
        self.call = ['tmux', '-S', os.path.join(folder, 'tmux'), '-f', '/dev/null']
        self.env = dict(os.environ, LC_ALL='C.UTF-8', TERM='xterm', SHELL='/bin/sh')

    def run(self, *words):
        out = subprocess.run(self.call + list(words), env=self.env, capture_output=True, text=True, timeout=20, check=False)
        need(out.returncode == 0, 'tmux %s: %s' % (words, out.stderr))
        return out.stdout

    def window(self, name, size, command):
        self.run('new-session', '-d', '-s', name, '-x', str(size[0]), '-y', str(size[1]), command)
        self.run('set', '-g', 'status', 'off')
        self.resize(name, size)

    def resize(self, name, size):
        self.run('resize-window', '-t', name, '-x', str(size[0]), '-y', str(size[1]))

    def lines(self, name):
        return self.run('capture-pane', '-p', '-t', name).rstrip('\n').split('\n')

    def wait(self, name, what, look, seconds=20):
        """The lines for which look is true."""
        def good():
            lines = self.lines(name)
            return lines if look(lines) else None
        try:
            return until(what, good, seconds)
        except Failed as failure:
            raise Failed('%s\n%s' % (failure, '\n'.join(self.lines(name)))) from None

    def close(self):
        subprocess.run(self.call + ['kill-server'], capture_output=True, check=False)


def is_picture(lines, size, page='e0'):
    """The first line is the title, the last the keys, at the size's last line, and what is between is of that page."""
    return (lines[0].startswith(' Host PACF') and len(lines) == size[1] and lines[-1].startswith(' q quit') and
            any(line.startswith(page + ' ') for line in lines[1:]) and max(map(len, lines)) <= size[0])


def start_daemon(folder, name='run'):
    os.environ['PACF_RUNDIR'] = os.path.join(folder, name)
    script = os.path.join(folder, 'start.lua')
    with open(script, 'w', encoding='utf-8') as f:
        f.write('''pkteng.new{name="idle", type="pcap"} pkteng.new{name="e0", type="pcap"}
        pkteng.link{engine="e0", ifname="%s/web.pcap", speed=1, loop=true}
        for i = 0, 3 do pkteng.open_channel{engine="e0", channel="pacf:web{" .. i, when_detached="drop"} end
        pkteng.open_channel{engine="e0", channel="pcap:/dev/null", action="COPY"} pkteng.start("e0")''' % folder)
    out = subprocess.run([os.environ['PACF'], '-d', '-f', script], capture_output=True, text=True, timeout=60, check=False)
    need(out.returncode == 0, 'no daemon: ' + out.stderr)


def ctl(*words, status=0):
    out = subprocess.run([os.environ['PACFCTL'], *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=60, check=False)
    need(out.returncode == status, 'pacfctl %s: status %d: %s' % (words, out.returncode, out.stderr))
    return out


def command(folder):
    """Says what the terminal was like before and after."""
    return ('trap : INT; echo before; stty -g >%s/stty; PACF_RUNDIR=%s %s top; echo status $?; stty -g | cmp - %s/stty && echo same; '
            'sleep 600' % (folder, os.environ['PACF_RUNDIR'], os.environ['PACFCTL'], folder))


def restored(lines, status):
    text = '\n'.join(lines)
    return text.startswith('before\n') and 'status %d\n' % status in text and 'same' in text and 'Host PACF' not in text


def test_sizes(tmux, folder):
    for size, words in ROWS.items():
        name = 'w%d' % size[0]
        tmux.window(name, size, command(folder))
        tmux.wait(name, 'a picture of %dx%d with %s' % (*size, words), lambda lines, size=size, words=words:
                  is_picture(lines, size) and all(any(word in line for line in lines) for word in words) and
                  any(re.match(r'pacf:web\{3 .*[1-9]', line) for line in lines))
    # It goes on by itself, and takes another size.
    clock = [re.search(r'\d\d:\d\d:\d\d', tmux.lines('w80')[0]).group()]
    tmux.wait('w80', 'another second', lambda lines: clock[0] not in lines[0] and is_picture(lines, (80, 24)))
    for size in ((60, 30), (30, 8), (120, 40), (80, 24)):
        tmux.resize('w80', size)
        tmux.wait('w80', 'a picture of %dx%d' % size, lambda lines, size=size: is_picture(lines, size))


def test_keys(tmux, _folder):
    tmux.run('send-keys', '-t', 'w80', 's')
    tmux.wait('w80', 'sorted by rate', lambda lines: 'sort: rate' in lines[-1])
    tmux.run('send-keys', '-t', 'w80', 'e')
    tmux.wait('w80', 'the next engine', lambda lines: is_picture(lines, (80, 24), 'idle'))
    tmux.run('send-keys', '-t', 'w80', 'h')
    tmux.wait('w80', 'help', lambda lines: any('the next engine' in line for line in lines))
    tmux.run('send-keys', '-t', 'w80', '?', 'e', 'x', 'Escape')
    tmux.wait('w80', 'the first engine', lambda lines: is_picture(lines, (80, 24)))
    tmux.run('send-keys', '-t', 'w80', 'q')
    tmux.wait('w80', 'the terminal as it was after q', lambda lines: restored(lines, 0))


def test_ends(tmux, folder):
    tmux.run('send-keys', '-t', 'w40', 'C-c')
    tmux.wait('w40', 'the terminal as it was after Ctrl+C', lambda lines: restored(lines, 0))
    shell = tmux.run('display-message', '-p', '-t', 'w200', '#{pane_pid}').strip()
    child = subprocess.run(['pgrep', '-P', shell, '-x', 'pacfctl'], capture_output=True, text=True, check=True).stdout.strip()
    os.kill(int(child), 15)
    tmux.wait('w200', 'the terminal as it was after SIGTERM', lambda lines: restored(lines, 143))
    tmux.window('last', (80, 24), command(folder))
    tmux.wait('last', 'a picture', lambda lines: is_picture(lines, (80, 24)))
    ctl('-e', 'pacf.shutdown()')
    tmux.wait('last', 'the terminal as it was after the daemon',
              lambda lines: restored(lines, 1) and any('the daemon ended' in line for line in lines))


def test_plain(_tmux, _folder):
    text = ctl('top').stdout
    need(text.count('Host PACF') == 1 and '\x1b' not in text and 'pacf:web{3' in text, 'plain text:\n' + text)
    text = ctl('top', '-b', '-n', '3', '-s', '0.2', 'idle').stdout
    need(text.count('Host PACF') == 3 and text.count('idle  pcap  stopped') == 3, 'three pictures:\n' + text)
    need('no engine "x"' in ctl('top', '-b', 'x', status=1).stderr, 'no engine x')
    for words in (('-x',), ('-n',), ('-n', '0'), ('-s', 'x'), ('e0', 'idle')):
        why = ctl('top', *words, status=2).stderr
        need(why.startswith('pacfctl: top: ') and why.count('\n') == 1, why)


def main():
    folder = tempfile.mkdtemp(prefix='watch')
    tmux = Tmux(folder)
    status = 0
    try:
        subprocess.run([os.environ['PACF_GEN'], os.path.join(folder, 'web.pcap')], check=True)
        start_daemon(folder)
        for test in (test_plain, test_sizes, test_keys, test_ends):
            test(tmux, folder)
    except Failed as failure:
        print('FAILED: %s' % failure)
        status = 1
    finally:
        tmux.close()
        subprocess.run([os.environ['PACFCTL'], '-e', 'pacf.shutdown()'], capture_output=True, check=False)  # if no test has
    shutil.rmtree(folder)
    return status


if __name__ == '__main__':
    if not shutil.which('tmux'):
        print('no tmux')
        sys.exit(77)
    sys.exit(main())
