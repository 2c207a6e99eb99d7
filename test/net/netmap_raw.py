"""A netmap port by its system calls alone, for what netmap's own tools do not do: how many buffers netmap has left, and a
program that writes whatever it likes into the memory that all have in common.

	with Port('vale1:a}0') as port: port.extra
"""
import ctypes
import fcntl
import mmap
import os
import struct

NIOCCTRL, NIOCTXSYNC, NIOCRXSYNC = 3 << 30 | 88 << 16 | ord('i') << 8 | 151, ord('i') << 8 | 148, ord('i') << 8 | 149
HEADER, BODY = '<HHI64sQQ', '<QQIIHHHHHHIIIQ'
RING_BYTES, SLOT_BYTES = 256, 16


class Port:
    """All its rings; with as many extra buffers as netmap gives, up to `extra`."""

    def __init__(self, name, extra=0):
        self.fd = os.open('/dev/netmap', os.O_RDWR)
        body = ctypes.create_string_buffer(struct.calcsize(BODY))
        struct.pack_into(BODY, body, 0, *[0] * 10, 1, extra, 0, 0)
        header = bytearray(struct.pack(HEADER, 14, 1, 0, name.encode(), 0, ctypes.addressof(body)))
        try:
            fcntl.ioctl(self.fd, NIOCCTRL, header)
        except OSError:
            os.close(self.fd)
            raise
        self.offset, size, *_, self.extra, _, _ = struct.unpack(BODY, body.raw)
        self.memory = mmap.mmap(self.fd, size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.memory.close()
        os.close(self.fd)

    def rings(self):
        """Where they are in the memory."""
        tx, rx, _, host_tx, host_rx = struct.unpack_from('<5I', self.memory, self.offset + 24)
        count = tx + rx + host_tx + host_rx
        offsets = struct.unpack_from('<%dq' % count, self.memory, self.offset + 56)
        return [self.offset + o for o in offsets if o != 0]

    def all_rings(self):
        """Of all programs in this memory, as far as they can be recognized: 1024 slots, buffers of 2048 bytes."""
        found, at, mark = [], 0, struct.pack('<II', 1024, 2048)
        while (at := self.memory.find(mark, at, 64 << 20)) >= 0:
            found.append(at - 8)
            at += 8
        return found

    def scribble(self, ring, random):
        """Cursors, sizes, slots: whatever."""
        def word():
            return random.choice((0, 1, 5, 1023, 1024, 70000, 2**31, 2**32 - 1, random.getrandbits(32)))
        for at in (20, 24, 28, 32):
            struct.pack_into('<I', self.memory, ring + at, word())
        for _ in range(50):
            slot = ring + RING_BYTES + random.randrange(1024) * SLOT_BYTES
            struct.pack_into('<IHH', self.memory, slot, word(), word() & 0xffff, word() & 0x2f)

    def sync(self):
        for request in (NIOCTXSYNC, NIOCRXSYNC):
            try:
                fcntl.ioctl(self.fd, request)
            except OSError:
                pass


def buffers_left(name):
    """Of an interface that nobody has, in the memory of all interfaces."""
    with Port(name, 10**6) as port:
        return port.extra
