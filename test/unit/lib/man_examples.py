#!/usr/bin/env python3
"""Compiles the program in the EXAMPLES of each page of libpacf and runs it where no daemon is: it must
say so and exit with 1, or do without a daemon and exit with 0.

Usage: man_examples.py LIBRARY INCLUDE_DIR PAGE... -- COMPILER...
"""
import os
import re
import subprocess
import sys
import tempfile

NO_DAEMON_NEEDED = {"pacf_list.3", "pacf_strerror.3", "pacf_version.3"}


def program(page):
    with open(page, encoding="utf-8") as file:
        examples = file.read().split(".Sh EXAMPLES")[1]
    code = re.search(r"\.Bd -literal\n(.*?)\n\.Ed", examples, re.S).group(1)
    return code.replace("\\e", "\\")


def check(page, library, include, compiler, folder):
    source, binary = os.path.join(folder, "example.c"), os.path.join(folder, "example")
    with open(source, "w", encoding="utf-8") as file:
        file.write(program(page))
    subprocess.run(
        compiler + ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", include,
                    source, library, "-Wl,-rpath," + os.path.dirname(library), "-o", binary],
        check=True)
    done = subprocess.run([binary], env={"PACF_RUNDIR": folder}, capture_output=True, text=True,
                          timeout=20)
    name = os.path.basename(page)
    if name in NO_DAEMON_NEEDED:
        return done.returncode == 0
    return done.returncode == 1 and "no pacf daemon answers in " + folder in done.stderr


def main():
    split = sys.argv.index("--")
    library, include, *pages = sys.argv[1:split]
    compiler = sys.argv[split + 1:]
    failed = 0
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            good = check(page, library, include, compiler, folder)
        print("ok" if good else "FAILED", os.path.basename(page))
        failed += not good
    return 1 if failed or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
