#!/usr/bin/env python3
"""Every packet of every capture of the traces goes through the parser's fuzz target.

usage: traces.py PROGRAM [ARGUMENT ...]

PROGRAM: fuzz-parse-replay, or what runs it (valgrind).  The captures are read here, so that the program
needs no library but the C one: it can be built with MemorySanitizer, as `make soak` does.  Each packet
is parsed for its innermost flow and for its outermost one.

PACF_SHARED: the folder that holds traces/.  Exit status 77: skipped.
"""
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sys'))
import captures  # noqa: E402

# enum pkt_link, by the number that a capture has for the type.
LINKS = {1: 1, 12: 2, 14: 2, 101: 2, 228: 2, 229: 2, 0: 3, 108: 3, 113: 4, 276: 5}
OUTER = 128


def inputs_write(file, path):
    """How many packets."""
    linktype, packets, _ = captures.read_capture(path)
    for packet in packets:
        for flag in (0, OUTER):
            file.write(struct.pack('=IB', 1 + len(packet.data), LINKS.get(linktype, 0) | flag) + packet.data)
    return len(packets)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    shared = os.environ.get('PACF_SHARED', '../shared')
    read = packets = 0
    with tempfile.NamedTemporaryFile(suffix='.inputs') as file:
        for folder, _, names in os.walk(os.path.join(shared, 'traces')):
            for name in sorted(names):
                try:
                    packets += inputs_write(file, os.path.join(folder, name))
                    read += 1
                except captures.Unreadable:
                    pass
        file.flush()
        if not packets:
            print('no captures in %s/traces: skipped' % shared)
            return 77
        print('%d captures, %d packets' % (read, packets), flush=True)
        ran = subprocess.run(sys.argv[1:] + [file.name], check=False, stdout=subprocess.PIPE, text=True)
    print(ran.stdout, end='')
    if ran.returncode == 0 and ran.stdout.split()[:1] != [str(2 * packets)]:
        print('FAILED: not all of %d inputs were run' % (2 * packets))
        return 1
    return 1 if ran.returncode else 0


if __name__ == '__main__':
    sys.exit(main())
