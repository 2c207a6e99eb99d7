#!/usr/bin/env python3
"""Makes a C file of text files: embed.py OUT FILE...  Called by the build for the shell's prelude.

Each file becomes an entry of shell_prelude[] (src/shell/internal.h), named as Lua shows it in errors."""
import os
import sys


def main(out, files):
    parts = ['/* Made by tools/embed.py: do not edit. */\n#include "internal.h"\n']
    entries = []
    for i, path in enumerate(files):
        with open(path, "rb") as f:
            data = f.read()
        rows = [", ".join(str(b) for b in data[at:at + 20]) for at in range(0, len(data), 20)]
        parts.append("static const char text%d[] = {\n\t%s};\n" % (i, ",\n\t".join(rows)))
        entries.append('\t{"=%s", text%d, sizeof(text%d)},' % (os.path.basename(path), i, i))
    parts.append("const struct shell_chunk shell_prelude[] = {\n%s\n\t{NULL, NULL, 0},\n};\n" %
                 "\n".join(entries))
    text = "\n".join(parts)
    with open(out, "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
