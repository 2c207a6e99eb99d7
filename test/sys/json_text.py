#!/usr/bin/env python3
"""pacf.json gives JSON: Python's own reader takes it, strictly, and finds what the tables hold: statistics of engines with
files and channels, and values made to be hard to write down.

PACF, PACF_GEN: the programs.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from daemon import JSON, Failed, need


def run(code, folder):
    script = os.path.join(folder, 'script.lua')
    with open(script, 'wb') as f:
        f.write(code)
    out = subprocess.run([os.environ['PACF'], '-f', script], stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=60, check=False)
    need(out.returncode == 0 and out.stderr == b'', 'pacf: %r' % out.stderr)
    return out.stdout.split(b'\n')


def strict(text):
    """The value; NaN, double keys and bytes that are no UTF-8 are errors."""
    def refuse(word):
        raise Failed('%s is no JSON' % word)

    def once(pairs):
        need(len({k for k, _ in pairs}) == len(pairs), 'a key twice')
        need([k for k, _ in pairs] == sorted([k for k, _ in pairs], key=lambda k: k.encode('utf-8', 'replace')),
             'keys are not sorted')
        return dict(pairs)
    return json.loads(text.decode('utf-8'), parse_constant=refuse, object_pairs_hook=once)


def test_stats(folder):
    """The same table by the encoder under test and by the one of the tests."""
    code = JSON + '''
    pkteng.new{name="e0", type="pcap"} pkteng.new{name="e1", type="auto", cpu=0}
    pkteng.link{engine="e0", ifname="%(dir)s/in \\"1\\".pcap"}
    for i = 0, 1 do pkteng.open_channel{engine="e0", channel="pcap:%(dir)s/out\\\\" .. i} end
    pkteng.open_channel{engine="e0", channel="pcap:%(dir)s/copy", action="COPY", filter="tcp or udp", sample=3}
    pkteng.start{engine="e0"} pkteng.wait{engine="e0"} pkteng.stop{engine="e0"}
    local stats = pacf.stats()
    print(pacf.json(stats)) print(J(stats)) print(pacf.json(pkteng.top("e0"))) print(J(pkteng.top("e0")))
    ''' % {'dir': folder}
    os.rename(os.path.join(folder, 'gen.pcap'), os.path.join(folder, 'in "1".pcap'))
    mine, other, top, other_top = run(code.encode(), folder)[:4]
    found, want = strict(mine), json.loads(other)

    def same(a, b, where):
        if b == {}:  # the tests' encoder does not know lists without members
            need(a in ({}, []), '%s: %r, not empty' % (where, a))
            need((a == []) == (where.split('.')[-1] in ('links', 'channels', 'groups', 'auto')), '%s: %r' % (where, a))
        elif isinstance(b, dict):
            need(isinstance(a, dict) and a.keys() == b.keys(), '%s: other keys' % where)
            for key in b:
                same(a[key], b[key], where + '.' + key)
        elif isinstance(b, list):
            need(isinstance(a, list) and len(a) == len(b), '%s: other length' % where)
            for i, (x, y) in enumerate(zip(a, b)):
                same(x, y, '%s.%d' % (where, i))
        elif isinstance(b, float):  # that encoder rounds
            need(abs(a - b) <= 1e-9 * abs(b), '%s: %r, not %r' % (where, a, b))
        else:
            need(a == b and isinstance(a, type(b)), '%s: %r, not %r' % (where, a, b))
    same(found, want, 'stats')
    same(strict(top), json.loads(other_top), 'top')
    need(found['e0']['counters']['received_pkts'] > 0 and found['e1']['channels'] == [], 'stats of nothing')


def test_values(folder):
    """Every byte, random bytes, whole numbers at the ends of 64 bits, reals bit by bit."""
    rng = random.Random(7)
    texts = [bytes(range(256)), 'é€😀\u2028'.encode(), b'\xed\xa0\x80\xc0\x80\xf5\x80\x80\x80', b'']
    texts += [bytes(rng.randrange(256) for _ in range(rng.randrange(40))) for _ in range(200)]
    wholes = [0, -1, 2**53 + 1, 2**63 - 1, -2**63] + [rng.randrange(-2**63, 2**63) for _ in range(200)]
    reals = [0.1, 5e-324, 1.7976931348623157e308, 1 / 3, 1e16, -2.5]
    reals += [struct.unpack('<d', struct.pack('<Q', rng.randrange(2**63)))[0] for _ in range(200)]
    reals = [r for r in reals if r == r and abs(r) != float('inf')]
    code = b'print(pacf.json{texts={%s}, wholes={%s}, reals={%s}, odd={0/0, 1/0, -1/0, true, false}, sparse={[2]=1}})\n' % (
        b','.join(b'"' + b''.join(b'\\%03d' % c for c in t) + b'"' for t in texts),
        b','.join(b'math.tointeger("%d") or math.mininteger' % w for w in wholes),
        b','.join(r.hex().encode() for r in reals))
    code += b'print(pacf.json(nil), pacf.json({}), pacf.json(pkteng.list()), pacf.json(pacf.stats()))\n'
    code += b'local t = {} t.t = {t} for _, v in ipairs{print, t, {[print]=1}, {a={b=coroutine.create(print)}}} do '
    code += b'local ok, why = pcall(pacf.json, v) print(ok, why) end\n'
    lines = run(code, folder)
    found = strict(lines[0])
    need(found['wholes'] == wholes, 'whole numbers')
    need([struct.pack('<d', r) for r in found['reals']] == [struct.pack('<d', r) for r in reals], 'reals')
    need(found['odd'] == [None, None, None, True, False] and found['sparse'] == {'2': 1}, 'odd values')
    for text, got in zip(texts, found['texts'], strict=True):
        try:
            need(got == text.decode(), '%r became %r' % (text, got))
        except UnicodeDecodeError:
            need('\ufffd' in got and [c for c in got if ord(c) < 128] == [chr(c) for c in text if c < 128],
                 '%r became %r' % (text, got))
    need(lines[1] == b'null\t{}\t[]\t{}', 'nothing: %r' % lines[1])
    for line, why in zip(lines[2:], (b'a function has no JSON', b'a table contains itself',
                                     b'a key must be a string or a number, not a function', b'a thread has no JSON')):
        need(line == b'false\tpacf.json: ' + why, '%r, not %r' % (line, why))


def main():
    folder = tempfile.mkdtemp(prefix='json')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    try:
        subprocess.run([os.environ['PACF_GEN'], os.path.join(folder, 'gen.pcap')], check=True)
        test_stats(folder)
        test_values(folder)
    except Failed as failure:
        print('FAILED: %s' % failure)
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
