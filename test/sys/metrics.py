#!/usr/bin/env python3
"""pacf.metrics: text, JSON and metrics tell the same of a finished run, and so does a Prometheus that scrapes it; counters
never go back; alerts and the dashboard's queries are ones that Prometheus understands and that find something; clients
that are slow, many or hostile harm nobody.

usage: metrics.py [CASE ...]     PACF, PACF_GEN, PACFCTL: the programs; SRC: the source.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import scrape
from daemon import Daemon, Failed, check_ledger, need, until

ANY = "return pacf.metrics{listen='127.0.0.1:0'}"


def stats_of(daemon):
    return json.loads(daemon.lua('return pacf.json(pacf.stats())'))


def finished(daemon, folder):
    """An engine that has read a file, with something of everything; returns the address."""
    daemon.lua('''
    pkteng.new{name="e0", type="pcap"} pkteng.link{engine="e0", ifname="%(dir)s/gen.pcap"}
    local function open(channel, args) args = args or {} args.engine = "e0" args.channel = channel
    pkteng.open_channel(args) end
    open("pcap:%(dir)s/s0") open("pcap:%(dir)s/s1") open("pcap:%(dir)s/odd \\"\\\\\\n\\u{e9}") open("pcap:%(dir)s/closed")
    open("pacf:x{0", {group="apps", when_detached="drop", when_full="drop"})
    open("pacf:x{1", {group="apps", when_detached="drop", when_full="drop", fields="2tuple"})
    open("pcap:%(dir)s/copy", {action="COPY", filter="udp or tcp port 80", sample=2})
    open("pacf:no{0", {action="DROP", filter="greater 1200"})
    pkteng.start("e0") pkteng.wait("e0") pkteng.close_channel{engine="e0", channel="pcap:%(dir)s/closed"}
    pkteng.new{name="idle", type="pcap"}''' % {'dir': folder})
    return daemon.lua(ANY)


def check_agree(daemon, address):
    """JSON, metrics in both formats, and text."""
    stats, found = stats_of(daemon), scrape.scrape(address)
    want, have = scrape.wanted(stats), scrape.counters_of(found)
    need(want.keys() == have.keys(), 'only in JSON: %s; only in metrics: %s' % (
        sorted(map(str, want.keys() - have.keys())), sorted(map(str, have.keys() - want.keys()))))
    need(want == have, 'differ: %s' % [(k, v, have[k]) for k, v in want.items() if have[k] != v])
    status, kind, body = scrape.get(address, accept='application/openmetrics-text')
    need((status, kind) == (200, scrape.OPEN) and body.endswith(b'\n# EOF\n'), 'no OpenMetrics: %s %s' % (status, kind))
    other = scrape.samples(body.decode())
    need(scrape.counters_of(other) == have, 'OpenMetrics tells something else')
    text = daemon.lua('''local text, write = "", io.write
    io.write = function(...) text = text .. table.concat{...} end pacf.show_stats() io.write = write return text''')
    need(text.count('(adds up)') == 4 and 'DOES NOT' not in text, 'the text does not add up:\n' + text)
    for e in stats.values():
        for row in e['links'] + e['channels']:
            name = re.escape(row.get('channel') or row['ifname']).replace('\\\n', '.*')
            need(re.search(r'%s .*\b%s\b' % (name, format(row['received_pkts'], ',')), text, re.S),
                 'the text lacks %d of %s' % (row['received_pkts'], name))
            for cause in ('drop_no_consumer_pkts', 'filtered_pkts', 'unsampled_pkts'):
                need(format(row.get(cause, 0), ',') in text, 'the text lacks %s of %s' % (cause, name))
    return stats, found


def test_agree(daemon, folder):
    address = finished(daemon, folder)
    scrape.check_promtool(address)
    stats, found = check_agree(daemon, address)
    check_ledger(stats['e0'])
    need(sum(value > 0 for value in scrape.counters_of(found).values()) > 30, 'hardly a counter counts')
    # A restart and a closed channel set nothing back.
    before, known = scrape.counters_of(found), scrape.get(address)[2]
    daemon.lua('pkteng.stop("e0")')
    need(scrape.counters_of(scrape.scrape(address)) == before, 'a stop changes counters')
    daemon.lua('pkteng.start("e0") pkteng.wait("e0")')
    twice = scrape.counters_of(scrape.scrape(address))
    need(twice.keys() == before.keys() and all(twice[k] >= v for k, v in before.items()), 'a start sets counters back')
    key = 'pacf_engine_received_packets_total', frozenset({('engine', 'e0')})
    need(twice[key] == 2 * before[key] > 0, 'received: %d, then %d' % (before[key], twice[key]))
    check_agree(daemon, address)
    # The manual names every family that is no counter.
    with open(os.path.join(os.environ['SRC'], 'man/pacf.7'), encoding='utf-8') as manual:
        manual = manual.read()
    for name in {line.split()[2] for line in known.decode().split('\n') if line.startswith('# TYPE')}:
        need(name.endswith('_total') or name in manual, 'man/pacf.7 lacks %s' % name)
    daemon.lua('pacf.metrics{listen=false}')
    until('nothing listens', lambda: refused(address))


def refused(address):
    host, port = address.rsplit(':', 1)
    with socket.socket() as s:
        return s.connect_ex((host, int(port))) != 0


def dashboard_queries():
    """(title, query) of every panel."""
    with open(os.path.join(os.environ['SRC'], 'pkg/grafana/pacf.json'), encoding='utf-8') as f:
        board = json.load(f)
    for panel in board['panels']:
        for target in panel['targets']:
            yield panel['title'], re.sub(r'\$(instance|engine)\b', '.*', target['expr'].replace('$__rate_interval', '5s'))
    for note in board['annotations']['list']:
        yield note['name'], note['expr'].replace('$instance', '.*')


def check_dashboard(prometheus, empty):
    """Each query finds something, but for those named: they find what is wrong, which nothing is."""
    for title, query in dashboard_queries():
        prometheus.api('query', query=query)
        if title not in empty:
            prometheus.wait(query)


def test_prometheus(daemon, folder):
    rules = os.path.join(os.environ['SRC'], 'pkg/prometheus/pacf.rules.yml')
    address = finished(daemon, folder)
    second = daemon.lua('''pkteng.new{name="live", type="pcap"} pkteng.link{engine="live", ifname="%(dir)s/gen.pcap", loop=true}
    for i = 0, 1 do pkteng.open_channel{engine="live", channel="pacf:live{" .. i, when_detached="drop"} end
    return %(any)s''' % {'dir': folder, 'any': ANY[len('return '):]})
    need(second == address, 'asked again, it moves from %s to %s' % (address, second))
    prometheus = scrape.Prometheus(folder, [address], rules)
    try:
        prometheus.wait('up{job="pacf"}', lambda found: '1' in found.values())
        need(prometheus.query('up{job="pacf"}') and prometheus.query('pacf_build_info'), 'nothing was scraped')
        # At rest the figures are those of JSON, all of them.
        want = scrape.wanted(stats_of(daemon))
        found = prometheus.wait('{__name__=~"pacf_.*_total"}', lambda found: len(found) >= len(want))
        need({key: float(value) for key, value in found.items()} == {key: float(value) for key, value in want.items()},
             'Prometheus has other figures: %s' % [
                 (key, value, found.get(key)) for key, value in want.items() if float(found.get(key, -1)) != value])
        daemon.lua('pkteng.start("live")')
        prometheus.wait('rate(pacf_engine_received_packets_total{engine="live"}[2s]) > 0')
        check_dashboard(prometheus, ('Starts of the daemon', 'Lost before channels, by cause'))
        prometheus.wait('ALERTS{alertname="PacfChannelUnattended"}')
        need({rule['name'] for group in prometheus.api('rules')['groups'] for rule in group['rules']
              if rule.get('lastError')} == set(), 'a rule cannot be evaluated')
        start = float(next(iter(prometheus.query('process_start_time_seconds{job="pacf"}').values())))
        need(abs(start - time.time()) < 300, 'started at %s' % start)
    finally:
        prometheus.close()
    daemon.lua('pkteng.stop("live")')


def test_rules(_daemon, _folder):
    source = os.environ['SRC']
    for arguments in (['check', 'rules', 'pkg/prometheus/pacf.rules.yml'], ['test', 'rules', 'test/sys/metrics.rules.yml']):
        out = subprocess.run(['promtool', *arguments], cwd=source, capture_output=True, text=True, check=False)
        need(out.returncode == 0 and 'SUCCESS' in out.stdout, 'promtool %s: %s' % (arguments, out.stdout + out.stderr))


def test_addresses(daemon, _folder):
    address = daemon.lua(ANY)
    need(re.fullmatch(r'127\.0\.0\.1:\d+', address), 'serves at %s' % address)
    for wrong in ('localhost:9464', ':9464', '9464', '127.0.0.1:65536'):
        why = daemon.refused('pacf.metrics{listen="%s"}' % wrong)
        need('"%s": it must be an address and a port' % wrong in why, why)
    need('did you mean "listen"' in daemon.refused('pacf.metrics{listn="127.0.0.1:0"}'), 'a wrong name')
    need('argument "listen" is missing' in daemon.refused('pacf.metrics()'), 'no argument')
    need('listen must be an address' in daemon.refused('pacf.metrics{listen=9464}'), 'a number')
    with socket.create_server(('127.0.0.1', 0)) as other:
        taken = '127.0.0.1:%d' % other.getsockname()[1]
        why = daemon.refused('pacf.metrics{listen="%s"}' % taken)
        need('"%s"' % taken in why and 'in use' in why, why)
        need(scrape.get(address)[0] == 200, 'a refused address ends the other')
    moved = daemon.lua("return pacf.metrics{listen='[::1]:0'}") if socket.has_ipv6 and ipv6() else None
    if moved:
        need(moved.startswith('[::1]:') and scrape.get(moved)[0] == 200 and refused(address), 'moved to %s' % moved)
    daemon.lua('pacf.metrics{listen=false} pacf.metrics{listen=false}')


def ipv6():
    try:
        with socket.create_server(('::1', 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_hostile(daemon, folder):
    """Whatever clients do, a scrape is answered at once, and the daemon lives."""
    address = finished(daemon, folder)
    host, port = address.rsplit(':', 1)
    before = descriptors(daemon)

    def connect(data=b''):
        try:
            s = socket.create_connection((host, int(port)), timeout=5)
        except OSError as error:
            raise Failed('a connection: %s' % error) from None
        s.sendall(data)
        return s

    def served(what):
        start = time.monotonic()
        try:
            status, _, body = scrape.get(address)
        except OSError as error:
            raise Failed('%s: a scrape ends with %s' % (what, error)) from None
        took = time.monotonic() - start
        need(status == 200 and body.count(b'\n') > 100, '%s: %d' % (what, status))
        need(took < 5, '%s: a scrape takes %.1f s' % (what, took))
    for request, status in ((('/',), 404), (('/metrics/',), 404), (('/metrics?x=y',), 200),
                            (('/metrics', 'POST', None, b'x' * 100000), 405), (('/metrics', 'PUT'), 405),
                            (('/metrics', 'DELETE'), 405), (('/metrics', 'HEAD'), 200), (('/' + 'x' * 100000,), 414)):
        try:
            need(scrape.get(address, *request)[0] == status, '%.40s: not %d' % (request, status))
        except (ConnectionError, OSError):
            need(status in (405, 414), '%.40s: the connection is cut' % (request,))
    need(scrape.get(address, method='HEAD')[2] == b'', 'HEAD has a body')
    held = [connect(part) for part in (b'', b'G', b'GET /metrics HTTP/1.1\r\n', b'GET /metrics HTTP/1.1\r\nHost: x\r\nX: ',
                                       b'POST /metrics HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n')
            for _ in range(60)]
    served('300 connections that say nothing or half')
    for junk in (os.urandom(4096), b'\0' * 4096, b'GET ' + b'/' * 30000, b'GET /metrics HTTP/1.1\r\n' + b'A: b\r\n' * 20000,
                 b'GET /metrics HTTP/9.9\r\n\r\n', b'\r\n' * 5000, b'GET /metrics HTTP/1.1\r\nAccept: ' + b',;q=' * 900 + b'\r\n\r\n'):
        try:
            held.append(connect(junk))
        except OSError:
            pass
        served('%r' % junk[:20])
    lazy = [connect(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' * 20) for _ in range(40)]  # and reads nothing
    served('40 clients that do not read')
    for s in held + lazy:
        s.close()
    threads = [threading.Thread(target=lambda: [scrape.get(address) for _ in range(10)]) for _ in range(8)]
    for t in threads:
        t.start()
    daemon.lua('for i = 1, 20 do pkteng.new{name="x" .. i, type="pcap"} pkteng.delete("x" .. i) end')
    for t in threads:
        t.join()
    until('no descriptor stays', lambda: descriptors(daemon) <= before + 1)
    daemon.lua('pacf.metrics{listen=false}')


def descriptors(daemon):
    return len(os.listdir('/proc/%d/fd' % daemon.process.pid))


def test_confined(_daemon, folder):
    """A daemon that has given up its rights serves what its script had it serve, and elsewhere when it is told to."""
    script, ctl = os.path.join(folder, 'start.lua'), [os.environ['PACFCTL']]
    with open(script, 'w', encoding='utf-8') as f:
        f.write('pkteng.new{name="e0", type="pcap"} address = pacf.metrics{listen="127.0.0.1:0"}')
    run = dict(os.environ, PACF_RUNDIR=os.path.join(folder, 'daemon'))

    def call(*words):
        out = subprocess.run(words, env=run, capture_output=True, text=True, timeout=60, check=False)
        need(out.returncode == 0 and out.stderr == '', '%s: %s' % (words, out.stderr))
        return out.stdout.strip()
    call(os.environ['PACF'], '-d', '-f', script)
    try:
        address = call(*ctl, '-e', 'print(address)')
        need(b'pacf_engine_info{engine="e0"' in scrape.get(address)[2], 'no metrics of a daemon')
        other = call(*ctl, '-e', 'print(pacf.metrics{listen="127.0.0.2:0"})')
        need(other.startswith('127.0.0.2:') and scrape.get(other)[0] == 200 and refused(address), 'it did not move')
    finally:
        call(*ctl, '-e', 'pacf.shutdown()')
    until('nothing listens', lambda: refused(other))


CASES = {'agree': test_agree, 'prometheus': test_prometheus, 'rules': test_rules, 'addresses': test_addresses,
         'hostile': test_hostile, 'confined': test_confined}


def main():
    folder = tempfile.mkdtemp(prefix='metrics')
    os.environ['PACF_RUNDIR'] = os.path.join(folder, 'run')
    os.mkdir(os.environ['PACF_RUNDIR'])
    subprocess.run([os.environ['PACF_GEN'], os.path.join(folder, 'gen.pcap')], check=True)
    status = 0
    for name in sys.argv[1:] or CASES:
        daemon = Daemon(folder)
        start = time.monotonic()
        try:
            need(name == 'addresses' or shutil.which('promtool'), 'no promtool: install prometheus')
            CASES[name](daemon, folder)
            daemon.close()
            print('%s: ok, %.1f s' % (name, time.monotonic() - start))
        except Failed as failure:
            print('FAILED: %s: %s' % (name, failure))
            status = 1
        finally:
            daemon.kill()
    shutil.rmtree(folder)
    return status


if __name__ == '__main__':
    sys.exit(main())
