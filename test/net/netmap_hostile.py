"""Cases of netmap_guest.py: programs that write what they like into netmap's memory, interfaces that go away under
traffic, and what is left of netmap's buffers after each.
"""
import os
import random
import threading
import time

import netmap_lab
from daemon import check_ledger, dropped, need, until
from netmap_lab import SLOW, send_raw
from netmap_raw import Port, buffers_left
from netns import frame

FOUR = ("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='%s:a'} "
        "for i = 0, 3 do pkteng.open_channel{engine='e0', channel='netmap:%s:a{' .. i, size=64} end "
        "pkteng.start{engine='e0'}")


def vandal(port, rings, seconds):
    chance, end = random.Random(1), time.monotonic() + seconds
    while time.monotonic() < end:
        for ring in rings:
            port.scribble(ring, chance)
            port.sync()


def case_vandal(lab):
    """A reader that writes garbage into its pipe's rings harms itself only; its channel is one again when it is gone."""
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua(FOUR % (vale, vale))
    readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(3)]
    generator = lab.generator(vale + ':g', rate=4000)
    pacf.take(1000)
    with Port(vale + ':a}3') as port:
        vandal(port, port.rings(), 5)
    good = lab.reader(vale + ':a}3')
    at = pacf.stats('e0')['channels'][3]['delivered_pkts']
    until('the channel goes on', lambda: pacf.stats('e0')['channels'][3]['delivered_pkts'] > at + 3000, SLOW)
    generator.end()
    stats = pacf.settled()
    counts = [r.end() for r in readers]
    need(counts == [c['delivered_pkts'] for c in stats['channels'][:3]], 'read %s: %s' % (counts, stats['channels']))
    need([dropped(c) for c in stats['channels'][:3]] == [0, 0, 0], 'the others lost: %s' % stats['channels'])
    need(good.end() > 1000, 'the channel is dead')


def case_vandal_of_all(lab):
    """Garbage in every ring of the memory, the engine's own too: it lives and counts, and is well after a new start."""
    vale, pacf = lab.vale(), lab.pacf()
    pacf.lua(FOUR % (vale, vale))
    readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(3)]
    generator = lab.generator(vale + ':g', rate=4000)
    pacf.take(1000)
    with Port(vale + ':a}3') as port:
        rings = port.all_rings()
        need(len(rings) >= 8, 'only %d rings found' % len(rings))
        vandal(port, rings, 5)
    generator.kill()
    for r in readers:
        r.kill()
    need(pacf.process.poll() is None, 'pacf is gone: %s' % pacf.last_words())
    check_ledger(pacf.stats('e0'))
    pacf.lua("pkteng.stop{engine='e0'}")
    check_ledger(pacf.stats('e0'))
    pacf.lua("pkteng.start{engine='e0'}")
    readers = [lab.reader('%s:a}%d' % (vale, i)) for i in range(4)]
    before = pacf.received()
    lab.generate(vale + ':g', 4000, 4000)
    until('it works on', lambda: pacf.received() > before + 3000, SLOW)
    check_ledger(pacf.stats('e0'))
    pacf.lua("pkteng.stop{engine='e0'} pkteng.delete{engine='e0'}")


def case_buffers(lab):
    """Each comes back: when an engine stops with packets under way, and when one is killed all but a few."""
    lab.veth()
    lab.veth('w0', 'w1')
    reader, least = lab.reader('v0}9'), []
    for lap in range(4):
        pacf = lab.pacf()
        pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0'} "
                 "pkteng.open_channel{engine='e0', channel='netmap:v0{0', action='COPY', size=2048} "
                 "pkteng.open_channel{engine='e0', channel='pacf:b{0', action='COPY'} pkteng.start{engine='e0'}")
        if lap == 0:
            pacf.lua("pkteng.stop{engine='e0'}")
            least.append(buffers_left('w0'))
            pacf.lua("pkteng.start{engine='e0'}")
        wire = lab.generator('v1', rate=10000)
        pacf.take(4000)
        if lap < 2:
            pacf.lua("pkteng.stop{engine='e0'}")
            wire.end()
            least.append(buffers_left('w0'))
            pacf.close()
        else:
            pacf.kill()
            wire.end()
            least.append(buffers_left('w0'))
    print('buffers left: %s' % least)
    need(least[1] == least[0] and least[2] >= least[0], 'a stop costs buffers: %s' % least)
    lost = [a - b for a, b in zip(least[2:], least[3:])]
    need(all(n < 2500 for n in lost), 'a kill costs %s buffers' % lost)
    reader.end()


def case_deleted_at_work(lab):
    """The interface goes away while packets come in."""
    lab.veth()
    pacf, going = lab.pacf(), True
    pacf.lua("pkteng.new{name='e0', type='netmap'} pkteng.link{engine='e0', ifname='v0'} "
             "pkteng.open_channel{engine='e0', channel='netmap:v0{0'} pkteng.start{engine='e0'}")

    def send():
        n = 0
        while going:
            try:
                send_raw('v1', [frame(n + i, 60, i) for i in range(32)])
            except OSError:
                time.sleep(0.01)
            n += 32
    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(5):
            at = pacf.received()
            until('it reads', lambda: pacf.received() > at + 200, SLOW)
            netmap_lab.run('ip', 'link', 'del', 'v0')
            until('gone', lambda: pacf.stats('e0')['links'][0]['state'] == 'gone', SLOW)
            lab.veth()
            until('up again', lambda: pacf.stats('e0')['links'][0]['state'] == 'up', SLOW)
        at = pacf.received()
        until('it reads again', lambda: pacf.received() > at + 200, SLOW)
    finally:
        going = False
        sender.join()
    check_ledger(pacf.stats('e0'))
    pacf.lua("pkteng.stop{engine='e0'}")
    need(os.path.exists('/sys/class/net/v0'), 'v0')
