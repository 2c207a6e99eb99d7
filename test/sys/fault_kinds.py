"""What can go wrong with an application: the faults of faults.py, and the run that each is put into."""
import os
import signal

from captures import subsequence
from daemon import Client, channel_of, check_ledger, list_channels, need, records_read, stop_process, until

PACKETS = 20000
ACTIONS = {'s': 'SAMPLE', 'c': 'COPY'}  # by engine


def engine_new(daemon, engine, capture, bad, speed):
    """bad: arguments of channel 0, which is written where the others wait."""
    daemon.lua("pkteng.new{name='%s', type='pcap'} pkteng.link{engine='%s', ifname='%s', speed=%g}" %
               (engine, engine, capture, speed))
    for i in range(4):
        daemon.lua("pkteng.open_channel{engine='%s', channel='pacf:%s{%d', action='%s'%s}" %
                   (engine, engine, i, ACTIONS[engine], bad if i == 0 else ''))


class Run:
    """The two engines, each with readers on its channels, of one daemon."""

    def __init__(self, daemon, folder, capture, bad='', speed=0.0, reference=None):
        self.daemon, self.folder, self.reference = daemon, folder, reference
        self.clients = {}
        for engine in ACTIONS:
            engine_new(daemon, engine, capture, bad, speed)

    def path(self, engine, number, name=''):
        return os.path.join(self.folder, '%s%d%s.rec' % (engine, number, name))

    def attach(self, number, name=''):
        """A good reader on that channel of both engines."""
        for engine in ACTIONS:
            path = self.path(engine, number, name)
            self.clients[engine, number, name] = Client('read', 'pacf:%s}%d' % (engine, number), path)

    def attached(self, number, name=''):
        pids = {e: self.clients[e, number, name].pid for e in ACTIONS}
        until('readers of channel %d' % number,
              lambda: all(list_channels().get('pacf:%s}%d' % (e, number)) == pids[e] for e in ACTIONS))

    def start(self):
        for engine in ACTIONS:
            self.daemon.lua("pkteng.start{engine='%s'}" % engine)

    def received(self, packets):
        for engine in ACTIONS:
            until('%d packets' % packets, lambda e=engine:
                  self.daemon.stats(e)['counters']['received_pkts'] >= packets)

    def ended(self):
        """The figures of both engines after the end."""
        figures = {}
        for engine in ACTIONS:
            until('end of the capture', lambda e=engine: self.daemon.stats(e)['state'] == 'ended')
            figures[engine] = self.daemon.stats(engine)
            check_ledger(figures[engine])
            need(figures[engine]['counters']['received_pkts'] == PACKETS, 'not all was received')
        return figures

    def good_ones_end(self):
        for (engine, number, name), client in self.clients.items():
            if number != 0 and not name:
                count, received, lost = client.figures()
                stats = channel_of(self.daemon.stats(engine), 'pacf:%s{%d' % (engine, number))
                need(count == received == stats['delivered_pkts'] and lost == 0,
                     '%s%d: read %d, %s' % (engine, number, count, stats))

    def delete(self):
        for engine in ACTIONS:
            self.daemon.lua("pkteng.delete{engine='%s'}" % engine)


class Fault:
    """What each fault does: before the start, in the middle, and after the end."""
    bad = ", when_full='drop', when_detached='drop'"

    def __init__(self, run):
        self.run = run

    def before(self):
        pass

    def middle(self):
        pass

    def after(self, figures):
        pass

    def bad_channel(self, figures, engine):
        return channel_of(figures[engine], 'pacf:%s{0' % engine)

    def whole(self, figures, name, want_suffix=True):
        """The reader of channel 0 got everything that was delivered since it came, and nothing else."""
        for engine in ACTIONS:
            count, received, lost = self.run.clients[engine, 0, name].figures()
            got = records_read(self.run.path(engine, 0, name))
            need(len(got) == count == received - lost, 'read %d of %d - %d' % (count, received, lost))
            wanted = self.run.reference[engine, 0]
            need(subsequence(got, wanted), '%s0%s: other packets than its own' % (engine, name))
            if want_suffix and lost == 0:
                need(got == wanted[len(wanted) - len(got):], '%s0%s: packets are missing' % (engine, name))
            yield engine, self.bad_channel(figures, engine), count, lost


class Stopped(Fault):
    """SIGSTOP in the middle.  What is in its ring stays as it was until it goes on."""
    bad = Fault.bad + ', size=256'

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def middle(self):
        for engine in ACTIONS:
            stop_process(self.run.clients[engine, 0, ''].pid)

    def after(self, figures):
        for engine in ACTIONS:
            need(self.bad_channel(figures, engine)['waiting'] == 256, 'its ring is not full')
            self.run.clients[engine, 0, ''].signal(signal.SIGCONT)
        for engine, channel, count, lost in self.whole(figures, '', False):
            need(lost > 0 and lost == channel['drop_ring_full_pkts'], 'stopped, and lost %d' % lost)
            need(count == channel['delivered_pkts'], 'delivered %d' % channel['delivered_pkts'])


class Killed(Fault):
    """SIGKILL in the middle; then somebody else attaches."""

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def gave_back(self, engine):
        channel = self.bad_channel({engine: self.run.daemon.stats(engine)}, engine)
        return channel['delivered_pkts'] > channel['waiting']

    def middle(self):
        for engine in ACTIONS:
            until('a packet is read', lambda e=engine: self.gave_back(e))
            client = self.run.clients[engine, 0, '']
            client.signal(signal.SIGKILL)
            client.end(-signal.SIGKILL)
        until('released', lambda: not any(list_channels()['pacf:%s}0' % e] for e in ACTIONS))
        self.run.attach(0, 'again')

    def after(self, figures):
        for engine, channel, count, _ in self.whole(figures, 'again'):
            need(count > 0, 'the next one got nothing')
            first = len(records_read(self.run.path(engine, 0)))
            given_back = channel['delivered_pkts'] - channel['unread_pkts'] - count
            need(0 < given_back <= first, 'gave back %d, had read %d' % (given_back, first))
            need(subsequence(records_read(self.run.path(engine, 0)), self.run.reference[engine, 0]),
                 'it read other packets')


class Absent(Fault):
    """Nobody ever attaches."""

    def after(self, figures):
        for engine in ACTIONS:
            channel = self.bad_channel(figures, engine)
            need(channel['drop_no_consumer_pkts'] == channel['received_pkts'] > 0, 'lost: %s' % channel)


class Late(Fault):
    """Attaches in the middle: nothing of what was before, nothing zeroed, all of the rest."""

    def middle(self):
        self.run.attach(0)

    def after(self, figures):
        for engine, channel, count, lost in self.whole(figures, ''):
            need(0 < count < channel['received_pkts'], 'read %d' % count)
            need(count == channel['delivered_pkts'], 'delivered %d' % channel['delivered_pkts'])
            need(lost == channel['drop_ring_full_pkts'], 'lost %d: %s' % (lost, channel))


class First(Fault):
    """Attaches before the engine starts: from the first packet on."""

    def before(self):
        self.run.attach(0)
        self.run.attached(0)

    def after(self, figures):
        for _, channel, count, lost in self.whole(figures, ''):
            need(count + lost == channel['received_pkts'], 'read %d, lost %d' % (count, lost))
            need(channel['drop_no_consumer_pkts'] == 0, 'it was there: %s' % channel)


class Scribbling(Fault):
    """Writes at random over its page, is sent away, comes again."""

    def before(self):
        self.scribblers = [Client('scribble', 'pacf:%s}0' % e, str(i)) for i, e in enumerate(ACTIONS)]

    def after(self, figures):
        for scribbler in self.scribblers:
            scribbler.signal(signal.SIGTERM)
            rounds, sent_away = scribbler.figures()
            need(rounds > 1000 and sent_away > 3, '%d rounds, %d times sent away' % (rounds, sent_away))
            print('  %d rounds, sent away %d times' % (rounds, sent_away))


class Rude(Fault):
    """Misuses the descriptors it gets, fills its bell, says that it sleeps, and reads nothing."""
    bad = Fault.bad + ', size=256'

    def before(self):
        self.rude = [Client('rude', 's{0'), Client('rude', 'c{0')]

    def after(self, figures):
        for client, engine in zip(self.rude, ACTIONS):
            client.signal(signal.SIGTERM)
            need(client.end()[0] == 'refused\n', 'it did not come to its end')
            need(self.bad_channel(figures, engine)['drop_ring_full_pkts'] > 0, 'nothing was lost')


FAULTS = {'stopped': Stopped, 'killed': Killed, 'absent': Absent, 'late': Late, 'first': First,
          'scribbling': Scribbling, 'rude': Rude}
