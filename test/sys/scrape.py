"""What Host PACF serves by pacf.metrics, read by other means than its own; and a Prometheus of one's own.  For metrics.py.

Names are made here anew from those in JSON, so that a counter that metrics forget, or give another name, is found.
"""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from daemon import Failed, need

TEXT, OPEN = 'text/plain; version=0.0.4; charset=utf-8', 'application/openmetrics-text; version=1.0.0; charset=utf-8'
CAUSES = {'source_drop_pkts': 'source', 'no_frame_pkts': 'no_frame', 'oversize_pkts': 'oversize'}
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[n"\\])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\[n"\\])*)"')


def get(address, path='/metrics', method='GET', accept=None, body=None):
    """(status, type, body) of a request."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, body, {'Accept': accept} if accept else {})
        answer = connection.getresponse()
        return answer.status, answer.getheader('Content-Type'), answer.read()
    finally:
        connection.close()


def unescape(value):
    return re.sub(r'\\(.)', lambda m: '\n' if m.group(1) == 'n' else m.group(1), value)


def samples(text):
    """{(name, labels): value} of an exposition, which must be well-formed; labels: a frozenset of pairs."""
    found, kinds = {}, {}
    for line in text.rstrip('\n').split('\n'):
        if line.startswith('# TYPE '):
            name, kind = line.split(' ')[2:]
            need(name not in kinds, '%s: two TYPE lines' % name)
            kinds[name] = kind
        if line.startswith('#'):
            continue
        match = SAMPLE.fullmatch(line)
        need(match, 'no sample: %r' % line)
        name, labels, value = match.groups()
        need(name in kinds or name.removesuffix('_total') in kinds, '%s without TYPE' % name)
        key = name, frozenset((k, unescape(v)) for k, v in LABEL.findall(labels or ''))
        need(key not in found, 'twice: %r' % line)
        found[key] = int(value) if value.isdigit() else float(value)
    return found


def scrape(address):
    status, kind, body = get(address)
    need((status, kind) == (200, TEXT), 'a scrape gets %s, %s' % (status, kind))
    return samples(body.decode())


def counter(scope, name, labels):
    stem, unit = name.rsplit('_', 1)
    cause = CAUSES.get(name) or (stem[5:] if stem.startswith('drop_') else None)
    unit = {'pkts': 'packets'}.get(unit, unit)
    if cause:
        return 'pacf_%s_dropped_%s_total' % (scope, unit), frozenset(list(labels.items()) + [('cause', cause)])
    return 'pacf_%s_%s_%s_total' % (scope, stem, unit), frozenset(labels.items())


def wanted(stats):
    """The counters that a scrape must have, from the figures of pacf.json(pacf.stats())."""
    found = {}

    def add(scope, table, labels):
        for name, value in table.items():
            if re.search('_(pkts|bytes|turns)$', name) and name not in ('done_bytes', 'total_bytes'):
                found[counter(scope, name, labels)] = value
    for engine, e in stats.items():
        add('engine', e['counters'], {'engine': engine})
        for reason, value in e['reasons'].items():
            found['pacf_engine_flow_packets_total', frozenset({('engine', engine), ('reason', reason)})] = value
        for link in e['links']:
            add('link', link, {'engine': engine, 'link': link['ifname']})
        for channel in e['channels']:
            add('channel', channel, {'engine': engine, 'channel': channel['channel']})
        for group in e['groups']:
            labels = {'engine': engine, 'group': group['group']}
            add('group', {'received_pkts': group['received_pkts']}, labels)
            add('group_closed', group['closed'], labels)
    return found


def counters_of(found):
    return {key: value for key, value in found.items() if key[0].endswith('_total')}


def check_promtool(address):
    """Debian's promtool has nothing to say."""
    out = subprocess.run(['promtool', 'check', 'metrics'], input=get(address)[2], capture_output=True, check=False)
    need(out.returncode == 0 and out.stdout + out.stderr == b'', 'promtool: %r' % (out.stdout + out.stderr))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Prometheus:
    """Debian's, on loopback, in a folder of its own."""

    def __init__(self, folder, targets, rules=None, interval='200ms'):
        self.folder = os.path.join(folder, 'prometheus')
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.port = free_port()
        config = {'global': {'scrape_interval': interval, 'scrape_timeout': interval, 'evaluation_interval': interval},
                  'rule_files': [rules] if rules else [],
                  'scrape_configs': [{'job_name': 'pacf', 'static_configs': [{'targets': targets}]}]}
        path = os.path.join(self.folder, 'prometheus.yml')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump(config, f)  # JSON is YAML
        self.log = os.path.join(self.folder, 'log')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                ['prometheus', '--config.file=' + path, '--storage.tsdb.path=' + os.path.join(self.folder, 'data'),
                 '--web.listen-address=127.0.0.1:%d' % self.port], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    def api(self, call, **arguments):
        url = 'http://127.0.0.1:%d/api/v1/%s?%s' % (self.port, call, urllib.parse.urlencode(arguments))
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)['data']
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is still starting
                return None
            raise Failed('Prometheus: %s: %s' % (arguments, json.load(error)['error'])) from None
        except OSError:
            need(self.process.poll() is None, 'Prometheus ended:\n' + open(self.log, encoding='utf-8').read())
            return None

    def query(self, expression):
        """{labels but for job and instance: value as text}"""
        data = self.api('query', query=expression)
        return {(s['metric'].get('__name__'), frozenset((k, v) for k, v in s['metric'].items()
                                                         if k not in ('__name__', 'job', 'instance'))): s['value'][1]
                for s in data['result']} if data else {}

    def wait(self, expression, look=bool, seconds=30):
        end = time.monotonic() + seconds
        while True:
            found = self.query(expression)
            if found and look(found):
                return found
            need(time.monotonic() < end, 'after %d s Prometheus has %s for %s' % (seconds, found, expression))
            time.sleep(0.1)

    def close(self):
        self.process.terminate()
        self.process.wait()
