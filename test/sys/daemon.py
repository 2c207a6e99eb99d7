"""A running pacf that is told what to do, for the system tests: faults.py, limits.py, idle.py, rules.py.

Daemon feeds Lua to a pacf on its standard input and gets the values back; check_ledger says whether
an engine's figures add up.  PACF, PACF_GEN, PACF_RUN, BADCLIENT: the programs.
"""
import glob
import json
import os
import queue
import signal
import struct
import subprocess
import threading
import time

from captures import Packet

JSON = r"""function J(v) local t, o = type(v), {}
if t == 'string' then return '"' .. v:gsub('[%c"\\]', function(c) return ('\\u%04x'):format(c:byte()) end) .. '"' end
if t ~= 'table' then return t == 'nil' and 'null' or tostring(v) end
if #v > 0 then for _, x in ipairs(v) do o[#o + 1] = J(x) end return '[' .. table.concat(o, ',') .. ']' end
for k, x in pairs(v) do o[#o + 1] = J(tostring(k)) .. ':' .. J(x) end
return '{' .. table.concat(o, ',') .. '}' end"""
MARK = '@@ '
REFUSED = ('filtered_pkts', 'unsampled_pkts')
CAUSES = ('drop_ring_full_pkts', 'drop_large_full_pkts', 'drop_no_consumer_pkts', 'drop_hold_full_pkts', 'drop_sink_error_pkts',
          'drop_disk_slow_pkts')


class Failed(Exception):
    """What the test has found."""


class LuaError(Failed):
    """The sentence of a command that failed."""


def need(condition, text):
    if not condition:
        raise Failed(text)


def until(what, look, seconds=20):
    """The first true value of look()."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        need(time.monotonic() < end, 'after %g s still not: %s' % (seconds, what))
        time.sleep(0.02)


class Daemon:
    def __init__(self, folder, preexec=None):
        self.log = os.path.join(folder, 'pacf.log')
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([os.environ['PACF']], stdin=subprocess.PIPE, text=True,
                                            stdout=subprocess.PIPE, stderr=log, preexec_fn=preexec)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._send(JSON)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put(None)

    def _send(self, code):
        try:
            self.process.stdin.write(' '.join(code.split('\n')) + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed('pacf is gone: ' + self.last_words()) from None

    def last_words(self):
        with open(self.log, encoding='utf-8') as log:
            return 'status %s; %s' % (self.process.poll(), log.read()[-1000:])

    def lua(self, code, seconds=60):
        """Runs code, a function's body; returns what it returns, raises LuaError."""
        self._send("do local ok, v = pcall(function() %s end)  print('%s' .. J{ok=ok, v=v}) "
                   "io.stdout:flush() end" % (code, MARK))
        while True:
            try:
                line = self.lines.get(timeout=seconds)
            except queue.Empty:
                raise Failed('pacf hangs in: ' + code) from None
            need(line is not None, 'pacf ended in: %s\n%s' % (code, self.last_words()))
            if line.startswith(MARK):
                break
        result = json.loads(line[len(MARK):])
        if not result['ok']:
            raise LuaError(result['v'])
        return result.get('v')

    def refused(self, code):
        """The sentence with which code, which must fail, fails."""
        try:
            self.lua(code)
        except LuaError as error:
            return str(error)
        raise Failed('allowed: ' + code)

    def stats(self, engine):
        return self.lua("return pkteng.stats{engine='%s'}" % engine)

    def close(self, seconds=20):
        """In good order: exit status 0, and nothing stays in the folder of the sockets."""
        self._send('pacf.shutdown()')
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed('pacf does not shut down') from None
        need(status == 0, 'pacf ended with ' + self.last_words())
        left = os.listdir(os.environ['PACF_RUNDIR'])
        need(left == [], 'a clean exit leaves %s' % left)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Client:
    """A badclient; its first argument is the mode."""
    everyone = []

    def __init__(self, *args):
        self.args = args
        self.process = subprocess.Popen([os.environ['BADCLIENT'], *args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        Client.everyone.append(self)

    def signal(self, signo):
        self.process.send_signal(signo)

    def end(self, status=0, seconds=20):
        """Waits for its end, which must be of that status; (stdout, stderr)."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed('%s does not end' % (self.args,)) from None
        need(self.process.returncode == status,
             '%s ended with %d, not %d: %s' % (self.args, self.process.returncode, status, err))
        return out, err

    def figures(self):
        return [int(word) for word in self.end()[0].split()]

    @classmethod
    def kill_everyone(cls):
        for client in cls.everyone:
            if client.process.poll() is None:
                client.process.kill()
                client.process.wait()
        cls.everyone.clear()


def records_read(path):
    """The packets in a file of badclient's; a last one that is cut off does not count."""
    with open(path, 'rb') as f:
        raw = f.read()
    at, packets = 0, []
    while at + 16 <= len(raw):
        ts, caplen, length = struct.unpack_from('=QII', raw, at)
        if at + 16 + caplen > len(raw):
            break
        packets.append(Packet(ts, length, raw[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return packets


def list_channels():
    """{name: pid of its application, 0: none}"""
    lines = Client('list').end()[0].splitlines()
    return {name: int(pid) for name, pid in (line.split() for line in lines)}


def channel_of(stats, name):
    return next(c for c in stats['channels'] if c['channel'] == name)


def dropped(channel):
    return sum(channel[cause] for cause in CAUSES)


def check_ledger(stats):
    """The sums that must be right at every moment."""
    total = stats['counters']
    need(total['received_pkts'] == total['distributed_pkts'] + total['drop_rule_pkts'] +
         total['drop_no_channel_pkts'], 'engine: received is not the sum of its parts: %s' % total)
    need(total['distributed_pkts'] == sum(stats['reasons'].values()), 'engine: reasons do not add up')
    for unit in ('received_pkts', 'received_bytes'):
        need(total[unit] == sum(link[unit] for link in stats['links']), 'links: %s' % unit)
    shares = {}
    for c in stats['channels']:
        need(c['received_pkts'] == c['delivered_pkts'] + dropped(c) + sum(c[r] for r in REFUSED) + c.get('held', 0),
             'ledger of %s' % c)
        need(c['unread_pkts'] <= c['delivered_pkts'], 'unread of %s' % c)
        if c['action'] == 'COPY':
            need(c['received_pkts'] == total['distributed_pkts'], 'COPY gets everything: %s' % c)
        if c['action'] == 'SAMPLE':
            shares[c['group']] = shares.get(c['group'], 0) + c['received_pkts']
    for group in stats['groups'] or []:
        share = shares.get(group['group'], 0) + group['closed']['received_pkts']
        need(share == group['received_pkts'] == total['distributed_pkts'],
             'group %s: channels %s' % (group, shares))


def cpu_ns(pid):
    """All threads; the first figure of schedstat is the time on a CPU."""
    total = 0
    for path in glob.glob('/proc/%d/task/*/schedstat' % pid):
        with open(path, encoding='ascii') as f:
            total += int(f.read().split()[0])
    return total


def stop_process(pid):
    os.kill(pid, signal.SIGSTOP)
    until('stopped', lambda: proc_state(pid) == 'T')


def proc_state(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        return f.read().rpartition(')')[2].split()[0]
