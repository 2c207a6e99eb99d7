#!/usr/bin/env python3
"""Engines of type afpacket: what packet sockets have of their own.  exact.py and live_*.py test what each type must do.

usage: afpacket.py [CASE ...]
"""
import json
import os
import re
import signal
import socket
import sys
import threading
import time

import live
import netns
import wires
from daemon import check_ledger, need, until
from exact import received, same_frames, sinks
from netns import Skipped, frame


def engine(lab, ifname, name='e', more='', channels=1):
    lab.daemon.lua("pkteng.new{name='%s', type='afpacket'} pkteng.link{engine='%s', ifname='%s'%s} %s"
                   "pkteng.start{engine='%s'}" % (name, name, ifname, more, sinks(lab, channels, name, name), name))


def link(lab, name='e'):
    return lab.daemon.stats(name)['links'][0]


def lost(lab, name='e'):
    return sum(link(lab, name)[cause] for cause in (*live.LINK_LOSSES, 'drop_stop_pkts'))


def settled(lab, names='e'):
    """Nothing has come for longer than a packet can be on its way."""
    def count():
        return [received(lab, name) + lost(lab, name) for name in names]
    before, since = count(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.05)
        now = count()
        if now != before:
            before, since = now, time.monotonic()
    return sum(before)


def stop(lab, names='e'):
    for name in names:
        lab.daemon.lua("pkteng.stop{engine='%s'}" % name)
        check_ledger(lab.daemon.stats(name))


def case_outgoing(lab):
    """What the host sends by the interface is not captured: by one engine, nor by two that share it."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    out = wires.packet_socket(wire.near)
    for names in 'e', 'ef':
        if names == 'ef':
            engine(lab, wire.near, 'f')
        for i in range(200):
            out.send(frame(i, flow=i))
        wire.send([frame(i, flow=i) for i in range(300)], pps=20000)
        want = 300 * len(names)
        until('%d packets' % want, lambda: sum(received(lab, n) for n in names) >= want)
        need(settled(lab, names) == want, '%d packets, not %d' % (settled(lab, names), want))
    stop(lab, 'ef')
    out.close()


def case_loopback(lab):
    """A packet of the loopback is captured once, up to the largest that there is."""
    wires.run('ip', 'link', 'set', 'lo', 'up')
    lab.start()
    for name in 'ef':
        engine(lab, 'lo', name)
        until('up', lambda: link(lab, name)['state'] == 'up')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', 9))
        sent = [bytes([65 + i % 26]) * (1 + i * 655) for i in range(100)]
        for data in sent:
            try:
                s.send(data)
            except ConnectionRefusedError:
                s.send(data)  # the last one's
    udp = []

    def look():
        return settled(lab, 'ef') >= 200
    until('all', look)
    stop(lab, 'ef')
    for name in 'ef':
        udp += [d[42:] for d in lab.sunk(name + '0.pcap') if d[12:14] == b'\x08\x00' and d[23] == 17]
    same_frames(udp, sent, 'datagrams')


def comes_back(lab, take_away):
    """Two engines share an interface that take_away(wire) makes go and come back; they share it then, too."""
    wire = lab.wire()
    lab.start()
    for name in 'ef':
        engine(lab, wire.near, name)
    for _ in range(3):
        take_away(wire)
        shares = [received(lab, name) for name in 'ef']

        def both():
            wire.send([frame(n, flow=n) for n in range(20)])
            return all(received(lab, n) > before for n, before in zip('ef', shares))
        until('packets for both after it came back', both, 2)
        base = settled(lab, 'ef')
        out = wires.packet_socket(wire.near)
        out.send(frame(0))
        out.close()
        wire.send([frame(n, flow=n) for n in range(200)], pps=5000)
        until('200 packets', lambda before=base: settled(lab, 'ef') >= before + 200, 2)
        need(settled(lab, 'ef') == base + 200, '%d packets, not 200' % (settled(lab, 'ef') - base))
        need([link(lab, name)['state'] for name in 'ef'] == ['up', 'up'], 'not up')
    stop(lab, 'ef')


def case_recreated(lab):
    def recreate(wire):
        wire.delete()
        wire.create()
    comes_back(lab, recreate)


def case_away_and_back(lab):
    """An interface that was in another namespace comes back with the index that it had."""
    def away(wire):
        index = wires.face(wire.near)['ifindex']
        wire.away_and_back()
        need(wires.face(wire.near)['ifindex'] == index, 'this kernel gives it another index')
    comes_back(lab, away)


def case_joins(lab):
    """A second engine that comes and goes under traffic: nothing is lost or cut, each packet comes to one of them.
    The kernel's way to let it join takes a microsecond in which one may come twice, or to none."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    rounds, total, shares = 10, 0, []
    with live.Traffic(wire, pps=20000) as traffic:
        for _ in range(rounds):
            engine(lab, wire.near, 'f')
            until('some of them', lambda: received(lab, 'f') > 300, 5)
            stop(lab, 'f')
            shares.append(received(lab, 'f'))
            total += shares[-1] + lost(lab, 'f')
            lab.daemon.lua("pkteng.delete{engine='f'}")
        sent = traffic.stop()
    settled(lab)
    total += received(lab) + lost(lab)
    print('joins: sent %d, came %d; the second engine had %s' % (sent, total, shares))
    need(abs(total - sent) <= rounds, 'sent %d, received or counted as lost %d' % (sent, total))
    stop(lab)


def case_burst(lab):
    """20000 packets that come while the engine stands still are all there afterwards, if that is for less than the
    quarter of a second for which the ring has blocks: when this machine lets us send that fast."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    frames = [frame(i, flow=i % 100) for i in range(20000)]
    for attempt in range(1, 6):
        before = lost(lab)
        start = time.monotonic()
        os.kill(lab.daemon.process.pid, signal.SIGSTOP)
        wire.send(frames)
        os.kill(lab.daemon.process.pid, signal.SIGCONT)
        took = time.monotonic() - start
        need(settled(lab) == attempt * len(frames), 'packets are neither received nor lost')
        if took < 0.2:
            print('burst: in %.3f s, %d lost' % (took, lost(lab) - before))
            need(lost(lab) == before, 'lost %d of a burst of %d' % (lost(lab) - before, len(frames)))
            return
    raise Skipped('20000 packets took %.2f s and more, five times' % took)


def case_stop_with_a_full_ring(lab):
    """What the engine has not handed on when it stops is counted as lost, wherever it lies."""
    wire = lab.wire()
    lab.start()
    lab.daemon.lua("pkteng.new{name='e', type='afpacket'} pkteng.link{engine='e', ifname='%s'} pkteng.open_channel{"
                   "engine='e', channel='pacf:s{0', size=8, when_detached='wait'} pkteng.start{engine='e'}" % wire.near)
    sent = wire.send([frame(i) for i in range(5000)])
    time.sleep(0.1)
    lab.daemon.lua("pkteng.stop{engine='e'}")
    need(received(lab) < 1000, 'the engine does not wait: this tests nothing')
    need(received(lab) + lost(lab) == sent, 'sent %d, received %d, lost %d' % (sent, received(lab), lost(lab)))


def case_rights(lab):
    """Without CAP_NET_RAW: what is missing, and what to do."""
    wire = lab.wire()
    prctl_capbset_drop, cap_net_raw = 24, 13
    lab.start(preexec=lambda: netns.LIBC.prctl(prctl_capbset_drop, cap_net_raw, 0, 0, 0))
    said = lab.daemon.refused("pkteng.new{name='e', type='afpacket'} pkteng.link{engine='e', ifname='%s'} "
                              "pkteng.start{engine='e'}" % wire.near)
    for word in (wire.near, 'CAP_NET_RAW', 'setcap', 'root'):
        need(word in said, 'not a word of %s: %s' % (word, said))
    row = next(r for r in lab.daemon.lua("return pkteng.doctor{ifname='%s'}" % wire.near)['engines']
               if r['type'] == 'afpacket')
    need(not row['usable'] and 'setcap' in row['fix'], 'doctor: %s' % row)


def case_refused(lab):
    """Each with a sentence that quotes what it was given."""
    wire = lab.wire(queues=2)
    lab.start()
    lab.daemon.lua("pkteng.new{name='e', type='afpacket'}")
    for more, words in ((", mode='native'", ('mode', 'afxdp')), (', busy_poll=true', ('busy_poll', 'afxdp')),
                        (', qid=2', ('2 receive queues', '0 to 1'))):
        said = lab.daemon.refused("pkteng.link{engine='e', ifname='%s'%s}" % (wire.near, more))
        need(wire.near in said and all(word in said for word in words), said)
    try:
        wires.run('ip', 'link', 'add', 'odd0', 'type', 'nlmon')
    except RuntimeError as why:
        print('refused: no interface of an odd kind: %s' % why)
        return
    said = lab.daemon.refused("pkteng.link{engine='e', ifname='odd0'}")
    need('odd0' in said and 'Ethernet' in said, said)
    wires.run('ip', 'link', 'delete', 'odd0')


def case_raw_ip(lab):
    """An interface without Ethernet: its packets begin with IP."""
    tun = wires.Tun('tun0', wires.Tun.TUN)
    lab.start()
    engine(lab, 'tun0', channels=4)
    until('up', lambda: link(lab)['state'] == 'up')
    sent = [frame(i, 60 + i, flow=i % 20)[14:] for i in range(500)]
    for data in sent:
        os.write(tun.fd, data)
    until('all', lambda: received(lab) >= len(sent))
    stop(lab)
    parts = [lab.sunk('e%d.pcap' % i) for i in range(4)]
    same_frames([d for part in parts for d in part], sent, 'union')
    need(sum(map(bool, parts)) > 1, 'not told apart by flow')
    tun.close()


def addressed(wire, far='10.98.0.2', near='10.98.0.1'):
    """The kernels of both ends talk; without ARP, so that nothing else is said."""
    for name, ns, own, other, of in ((wire.near, None, near, far, wire.far), (wire.far, wire.ns, far, near, wire.near)):
        mac = wires.face(of, wire.ns if ns is None else None)['address']
        wires.run('ip', 'addr', 'add', own + '/24', 'dev', name, ns=ns)
        wires.run('ip', 'neigh', 'add', other, 'lladdr', mac, 'dev', name, ns=ns)


def transfer(lab, wire, count):
    """count bytes of TCP come in; the payload that the engine has seen, and what the link says of it."""
    name = 't%d' % wire.mtu
    engine(lab, wire.near, name)
    server = socket.create_server(('10.98.0.1', 0))
    with netns.inside(wire.ns):
        client = socket.create_connection(server.getsockname())
    peer = server.accept()[0]

    def sending():
        client.sendall(bytes(i & 0xff for i in range(count)))
        client.close()
    thread = threading.Thread(target=sending)
    thread.start()
    while peer.recv(1 << 20):
        pass
    thread.join()
    for s in (peer, server):
        s.close()
    settled(lab, [name])
    found = link(lab, name)
    lab.daemon.lua("pkteng.stop{engine='%s'}" % name)
    packets = [d for d in lab.sunk(name + '0.pcap') if d[23] == 6]
    return packets, found


def payload(packet):
    at = 14 + (packet[14] & 15) * 4
    return packet[at + (packet[at + 12] >> 4) * 4:14 + int.from_bytes(packet[16:18], 'big')]


def case_joined_packets(lab):
    """Packets that are longer than the MTU, and those without a checksum yet, come whole and are counted; an MTU
    that changes is seen."""
    wire = lab.wire()
    lab.start()
    addressed(wire)
    packets, found = transfer(lab, wire, 500000)
    longest = max(map(len, packets))
    need(longest > 20000, 'the longest packet has %d bytes: this tests nothing' % longest)
    by_sequence = {int.from_bytes(p[38:42], 'big'): payload(p) for p in packets if payload(p)}
    data = b''.join(by_sequence[k] for k in sorted(by_sequence))
    need(len(data) == 500000 and data == bytes(i & 0xff for i in range(500000)), '%d bytes of TCP' % len(data))
    need(found['super_pkts'] == sum(len(p) > 1514 for p in packets), '%s, %d are longer than the MTU' % (
        found, sum(len(p) > 1514 for p in packets)))
    need(found['csum_partial_pkts'] > 0, 'none without a checksum: %s' % found)
    engine(lab, wire.near, 'm')
    wires.run('ip', 'link', 'set', wire.near, 'mtu', '65535')
    time.sleep(0.5)  # tended four times a second
    for size in (1514, 60000):
        wires.run('ip', 'link', 'set', wire.far, 'mtu', '65535', ns=wire.ns)
        wire.send([frame(i, size) for i in range(20)])
    until('all', lambda: received(lab, 'm') >= 40)
    need(link(lab, 'm')['super_pkts'] == 0, 'with an MTU of 65535: %s' % link(lab, 'm'))
    wires.run('ip', 'link', 'set', wire.near, 'mtu', '9000')
    time.sleep(0.5)
    wires.run('ip', 'link', 'set', wire.near, 'mtu', '1500')
    time.sleep(0.5)
    wire.send([frame(i, 60, tags=((0x8100, 5),) * 2) for i in range(20)])
    until('all', lambda: received(lab, 'm') >= 60)
    need(link(lab, 'm')['super_pkts'] == 0, 'short packets count as joined: %s' % link(lab, 'm'))
    stop(lab, 'm')


def case_said(lab):
    """How it reads the interface, under which name."""
    wire = lab.wire()
    lab.start()
    engine(lab, wire.near)
    need(re.search(r'^ring of \d+ MiB, promiscuous$', link(lab)['mode']), '%s' % link(lab))
    need('promiscuity' not in wires.run('ip', '-j', '-d', 'link', 'show', wire.near) or
         json.loads(wires.run('ip', '-j', '-d', 'link', 'show', wire.near))[0]['promiscuity'] == 1, 'not promiscuous')
    engine(lab, wire.near, 'f')
    until('told', lambda: 'shared by engines' in link(lab)['mode'] and 'shared by engines' in link(lab, 'f')['mode'], 2)
    wire.rename('other0')
    until('the new name', lambda: 'other0' in link(lab).get('note', ''), 2)
    wire.rename('near0')
    until('its own name again', lambda: 'other0' not in link(lab).get('note', ''), 2)
    stop(lab, 'ef')


if __name__ == '__main__':
    sys.exit(netns.main(globals(), __doc__))
