#!/usr/bin/env python3
"""Engines whose thread is held up are STALLED within two seconds, and say so when they go on.

A debugger (ptrace) holds the thread alone: of engines of type mem and pcap, and afpacket on lo if this user may.

PACF, PACF_GEN: the programs.
"""
import ctypes
import glob
import os
import subprocess
import sys
import tempfile
import time

from daemon import Daemon, Failed, need, until

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
LIMIT = 2.5  # two seconds, and what this machine takes for a look
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, tid):
    need(LIBC.ptrace(request, tid, None, None) == 0, 'ptrace: %s' % os.strerror(ctypes.get_errno()))


def thread_of(pacf, name):
    for path in glob.glob('/proc/%d/task/*/comm' % pacf.process.pid):
        with open(path, encoding='ascii') as f:
            if f.read().strip() == name:
                return int(path.split('/')[-2])
    return None


def log_of(pacf):
    with open(pacf.log, encoding='utf-8') as f:
        return f.read()


def lines_of(pacf, code):
    """What it prints, up to its end."""
    pacf.lua('return 0')
    while not pacf.lines.empty():
        pacf.lines.get()
    pacf._send("%s print('@end') io.stdout:flush()" % code)
    return list(iter(lambda: pacf.lines.get(timeout=20), '@end'))


def told(pacf, name, since):
    """It is held up from `since` on."""
    until('STALLED', lambda: pacf.stats(name)['state'] == 'stalled', 10)
    took = time.monotonic() - since
    need(1.2 < took < LIMIT, '%s is stalled after %.2f s' % (name, took))
    need(1.4 < pacf.stats(name)['heartbeat_age_s'] < 10, 'age: %s' % pacf.stats(name)['heartbeat_age_s'])
    for code in ('pacf.show_stats()', 'pacf.print_status()'):
        text = '\n'.join(lines_of(pacf, code))
        need('STALLED for ' in text, '%s: %s' % (code, text))
    until('told', lambda: '"%s": its thread has not turned' % name in log_of(pacf), 2)


def goes_on(pacf, name):
    until('going on', lambda: pacf.stats(name)['state'] in ('running', 'ended'), 5)
    until('told', lambda: '"%s": its thread turns again' % name in log_of(pacf), 2)


def held_by_debugger(pacf, name, kind, link):
    pacf.lua("pkteng.new{name='%s', type='%s'} pkteng.link{engine='%s', %s} pkteng.open_channel{engine='%s', "
             "channel='pacf:%s{0', action='COPY', when_full='drop', when_detached='drop'} "
             "pkteng.start{engine='%s'}" % (name, kind, name, link, name, name, name))
    tid = until('its thread', lambda: thread_of(pacf, name))
    ptrace(SEIZE, tid)
    ptrace(INTERRUPT, tid)
    os.waitpid(tid, WALL)
    since = time.monotonic()
    told(pacf, name, since)
    ptrace(DETACH, tid)
    goes_on(pacf, name)
    pacf.lua("pkteng.stop{engine='%s'} pkteng.delete{engine='%s'}" % (name, name))


def main():
    folder = tempfile.mkdtemp(prefix='stalled-')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    capture = os.path.join(folder, 'some.pcap')
    subprocess.run([os.environ['PACF_GEN'], '--packets', '20000', '-o', capture], check=True)
    pacf = Daemon(folder)
    try:
        for kind in ('mem', 'pcap'):
            held_by_debugger(pacf, 'e-' + kind, kind, "ifname='%s', loop=true" % capture)
        if os.geteuid() == 0:
            held_by_debugger(pacf, 'e-live', 'afpacket', "ifname='lo'")
        pacf.close()
    except Failed as failed:
        print('FAILED: %s\n%s' % (failed, log_of(pacf)))
        return 1
    finally:
        pacf.kill()
    subprocess.run(['rm', '-r', folder], check=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
