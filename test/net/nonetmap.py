#!/usr/bin/env python3
"""Without netmap every name of it fails at once, by one sentence that says what is missing and what to use
instead.  Skips where /dev/netmap is.

PACF: the program.
"""
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sys'))
from daemon import Daemon, Failed, need

# What is typed, and what the sentence has to name.
REFUSED = (
    ("pkteng.new{name='n', type='netmap'}", 'type "auto"'),
    ("pkteng.open_channel{engine='e', channel='netmap:eth3{0'}", 'pacf:eth3{0'),
    ("pkteng.open_channel{engine='e', channel='netmap:vale0:a{1', action='COPY'}", 'pacf:'),
    ("pkteng.open_channel{engine='e', channel='netmap:vale0:a'}", 'pacf:'),
    ("pkteng.open_channel{engine='e', channel='netmap:lo'}", 'pacf:'),
    ("dofile('STARTUP') setup('netmap', 'eth3')", 'type "auto"'),
    ("dofile('STARTUP') setup4('netmap', 'eth3')", 'type "auto"'),
)


def check(daemon):
    startup = os.path.join(os.environ['SRC'], 'scripts', 'startup.lua')
    daemon.lua("pkteng.new{name='e', type='auto'}")
    for code, instead in REFUSED:
        begin = time.monotonic()
        error = daemon.refused(code.replace('STARTUP', startup))
        need(time.monotonic() - begin < 5, 'late: ' + code)
        need('/dev/netmap is missing' in error and instead in error, '%s: %s' % (code, error))
        need('\n' not in error and error.count('. ') == 0, 'not one sentence: ' + error)
    error = daemon.refused("pkteng.link{engine='e', ifname='vale0:a'}")
    need('vale0:a' in error, error)
    need(not daemon.stats('e')['channels'], 'a channel stays: %s' % daemon.stats('e'))
    rows = daemon.lua("pkteng.link{engine='e', ifname='lo'} return pkteng.stats{engine='e'}.auto")
    row = next(r for r in rows if r['type'] == 'netmap')
    need(row['usable'] == 'no' and '/dev/netmap' in row['why'] and row['fix'], 'auto: %s' % row)


def main():
    if os.path.exists('/dev/netmap'):
        print('skipped: netmap is here')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
        os.mkdir(os.environ['PACF_RUNDIR'], 0o700)
        daemon = Daemon(folder)
        try:
            check(daemon)
            daemon.close()
        except Failed as wrong:
            print('FAILED: %s' % wrong)
            return 1
        finally:
            daemon.kill()
    print('passed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
