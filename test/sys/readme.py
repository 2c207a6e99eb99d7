#!/usr/bin/env python3
"""Does what the documents say.

usage: readme.py SOURCE-ROOT             README.md, in its order: runs the commands of every ```console block, and
                                         types every ```lua block at the prompt of the daemon started last; and the
                                         same into pacfctl on a daemon, and as a script: what they print is the same
       readme.py SOURCE-ROOT pacf-run.1  the examples of that page, on a daemon that has their channels

PACF, PACFCTL, PACF_RUN, PACF_GEN: the programs.  Exit status 77 without tcpdump, and for README.md without root.

/tmp/ in the text becomes a private folder.  The prompt is a real one, on a pseudo terminal.  A command must end
with status 0, one with & by the end of the test; a line at the prompt must not print `error:`.  `make` is not run
within a test: of `make demo` its script is, on the build under test; of the targets it is checked that there are.
"""
import concurrent.futures
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

SECONDS = 60
PROGRAMS = {"pacf": "PACF", "pacfctl": "PACFCTL", "pacf-run": "PACF_RUN", "pacf-gen": "PACF_GEN"}
PROMPT = "pacf> "
TURN = "@@ next"  # printed by a script when it waits


class Failure(Exception):
    pass


def blocks(text):
    """(kind, [line, ...]) of every fenced block that is to be run."""
    found = [(kind, body.splitlines()) for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)]
    unknown = {kind for kind, _ in found} - {"console", "lua"}
    if unknown:
        raise Failure(f"blocks of a kind that nobody runs: {', '.join(sorted(unknown))}")
    if not found:
        raise Failure("nothing in it is to be run")
    return found


class Shell:
    """A program and the terminal that its prompt is on."""

    def __init__(self, command, here):
        self.terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 400, 0, 0))  # no line is wrapped
        self.process = subprocess.Popen("exec env " + command, shell=True, cwd=here.dir,
                                        env=dict(here.env, TERM="dumb"), start_new_session=True,
                                        stdin=end, stdout=end, stderr=end)
        os.close(end)
        self.read_until(PROMPT, command)

    def read_until(self, wanted, what):
        """What was printed, up to `wanted`; '' is the end."""
        end = time.monotonic() + SECONDS
        said = ""
        while not wanted or not said.endswith(wanted):
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"{what}\nno answer within {SECONDS} s:\n{said}")
            try:
                data = os.read(self.terminal, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data and not wanted:
                return said
            if not data:
                raise Failure(f"{what}\nended with status {self.process.wait(SECONDS)}:\n{said}")
            said += data.decode(errors="replace").replace("\r\n", "\n")
        return said

    def type(self, line):
        """Types a line and waits until it has been run: what it printed."""
        os.write(self.terminal, f"{line}\r".encode())
        said = self.read_until(PROMPT, line)
        if "error:" in said:
            raise Failure(f"{line}\n{said}")
        return said.partition("\n")[2][:-len(PROMPT)]  # after the echo

    def leave(self, line):
        os.write(self.terminal, f"{line}\r".encode())
        said = self.read_until("", line)
        os.close(self.terminal)
        if self.process.wait(SECONDS) != 0 or not said.endswith("Goodbye!\n"):
            raise Failure(f"{line}\nit ended with status {self.process.returncode}:\n{said}")


class Remote(Shell):
    """A daemon that was started with what `bin/pacf` was given, and the prompt of its pacfctl.  It keeps the rights
    that engines of type auto need, which are opened later."""

    def __init__(self, command, here):
        here.run(re.sub(r"(?<!\S)bin/pacf(?!\S)", "bin/pacf -d -e 'pacf.privileges({keep={\"afxdp\"}})'", command))
        self.pid_file = here.path("run/pacf.pid")
        super().__init__("bin/pacfctl", here)

    def leave(self, line):
        super().leave(line)
        end = time.monotonic() + SECONDS
        while os.path.exists(self.pid_file):
            if time.monotonic() > end:
                raise Failure(f"{line}\nthe daemon does not end")
            time.sleep(0.02)


class Script:
    """A file of these lines, which waits before each until it is its turn: commands at the other terminal come between.
    It is run as `bin/pacf ... -f FILE`."""

    def __init__(self, command, here, lines):
        path = here.path("typed.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'print("{TURN}") io.stdout:flush()\n')
            for line in lines:
                file.write(f'io.read(1) {line}\nprint("{TURN}") io.stdout:flush()\n')
        self.process = subprocess.Popen(f"exec env {command} -f {path}", shell=True, cwd=here.dir, env=here.env,
                                        start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)

        self.turn(command)  # what scripts before it have printed

    def type(self, line):
        self.process.stdin.write("x")
        self.process.stdin.flush()
        return self.turn(line)

    def turn(self, line):
        said = ""
        for printed in self.process.stdout:
            if printed == TURN + "\n":
                return said
            said += printed
        raise Failure(f"{line}\nthe script ended with status {self.process.wait(SECONDS)}:\n{said}")

    def leave(self, line):
        said, _ = self.process.communicate("x", timeout=SECONDS)
        if self.process.returncode != 0 or said != "Goodbye!\n":
            raise Failure(f"{line}\nthe script ended with status {self.process.returncode}:\n{said}")


class Reader:
    """way: pacf, pacfctl or file: where the lines of Lua are typed."""

    def __init__(self, root, folder, way="pacf"):
        self.root, self.dir, self.way = root, folder, way
        self.said = []  # (line, what it printed) of all lines
        self.coming = []  # the lines of Lua from here on, as blocks() has them
        self.env = dict(os.environ, PACF_RUNDIR=self.path("run"), XDG_STATE_HOME=self.path("state"), LC_ALL="C",
                        PATH=self.path("bin") + ":" + os.environ["PATH"])
        self.env.pop("PACF_CAPTURE", None)
        os.mkdir(self.path("run"), 0o700)
        for name in ("scripts", "tools"):
            os.symlink(os.path.join(root, name), self.path(name))
        os.mkdir(self.path("bin"))
        for name, variable in PROGRAMS.items():
            os.symlink(os.path.abspath(os.environ[variable]), self.path("bin/" + name))
        self.shell, self.background, self.lines = None, [], 0

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, command):
        result = subprocess.run(command, shell=True, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2 * SECONDS)
        if result.returncode != 0:
            raise Failure(f"$ {command}\nended with status {result.returncode}:\n{result.stdout}")
        return result.stdout

    def run_later(self, command):
        """Its end is waited for in finish()."""
        log = open(self.path(f"background{len(self.background)}.log"), "w+", encoding="utf-8")
        process = subprocess.Popen(command, shell=True, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True)
        self.background.append((command, process, log))

    def console(self, command):
        self.lines += 1
        if command.split()[0] == "make":
            self.run(f"MAKEFLAGS= make -n -C '{self.root}' {command[len('make'):]}")
            if command == "make demo":
                self.run("sh tools/demo.sh")
        elif re.search(r"(?<!\S)bin/(pacf|pacfctl)$|(?<!\S)bin/pacf (?!-d)", command):
            if self.shell:
                raise Failure(f"$ {command}\nwhile the daemon before it runs")
            self.start(command)
        elif command.endswith("&"):
            self.run_later(command[:-1].rstrip())
        else:
            self.run(command)

    def start(self, command):
        if self.way == "pacf":
            self.shell = Shell(command, self)
        elif self.way == "pacfctl":
            self.shell = Remote(command, self)
        else:
            self.shell = Script(command, self, self.coming)

    def prompt(self, line):
        self.lines += 1
        self.coming = self.coming[1:]
        if not self.shell:
            raise Failure(f"{line}\nat the prompt, but no daemon was started")
        if line == "pacf.shutdown()":
            self.shell.leave(line)
            self.shell = None
        else:
            self.said.append((line, self.shell.type(line)))

    def block(self, kind, lines):
        for line in lines:
            if kind == "lua":
                self.prompt(line)
            elif line.startswith("$ "):
                self.console(line[2:])
            else:
                raise Failure(f"{line}\nis no command: it does not begin with `$ `")

    def finish(self):
        if self.shell:
            raise Failure("the last daemon was never told to end")
        for command, process, log in self.background:
            if process.wait(SECONDS) != 0:
                log.seek(0)
                raise Failure(f"$ {command} &\nended with status {process.returncode}:\n{log.read()}")

    def clean(self):
        running = [process for _, process, _ in self.background] + ([self.shell.process] if self.shell else [])
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def packets(self, capture):
        """As lines of tcpdump."""
        with open(self.path(capture), "rb") as file:
            return subprocess.run(["tcpdump", "-n", "-r", "-"], stdin=file, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=True).stdout.splitlines()

    def printed(self, name):
        with open(self.path(name), "rb") as file:
            return file.read().splitlines()


def check_split(what, whole, parts):
    if not all(parts) or sorted(sum(parts, [])) != sorted(whole):
        raise Failure(f"{what}: {[len(part) for part in parts]} packets, which are not the capture's {len(whole)}")


def plain(line, said, folder):
    """What is to be the same wherever it was typed: without the bar, the figures of the moment, who reads, where and as
    what process; of a value that a prompt shows and a script does not; of live interfaces nothing is the same."""
    if "live" in line or line == "status()":
        return ""
    said = re.sub(r"(\r[^\r\n]*\x1b\[K)+", "", said).replace(folder, "FOLDER")
    if line.startswith("pkteng.wait"):
        said = said.replace("true\n", "")
    said = re.sub(r"process \d+", "process PID", said)
    said = re.sub(r"up [\d.]+ s", "up TIME", said)
    said = re.sub(r"  +", " ", said)
    said = re.sub(r"(?m)^( \S+\.pcap \S+ [\d,]+ [\d,]+) [\d,]+ ", r"\1 RATE ", said)
    return re.sub(r"(?m)^( (?:pacf|pcap):\S+ \S+ \S+) (?:\d+ \S+|-) ", r"\1 CONSUMER ", said)


def read_me(reader):
    with open(os.path.join(reader.root, "README.md"), encoding="utf-8") as file:
        text = file.read().replace("/tmp/", reader.dir + "/")
    if reader.way != "pacf":
        text = text.partition("\n## A daemon\n")[0]  # is one already
        text = re.sub(r"(?m)^\$ make .*\n", "", text)
    todo = blocks(text)
    for at, (kind, lines) in enumerate(todo):
        if kind == "console":
            reader.coming = [line for what, block in todo[at:] if what == "lua" for line in block]
        reader.block(kind, lines)
    reader.finish()
    whole = reader.packets("web.pcap")
    check_split("the four applications", whole, [reader.printed(f"app{i}.txt") for i in range(4)])
    check_split("the two files", whole, [reader.packets(f"half{i}.pcap") for i in range(2)])
    if reader.packets("all.pcap") != whole:
        raise Failure("the COPY channel's file is not the capture")


def same(readers):
    """The outputs of all lines, but of those that only one of them has."""
    first = readers[0]
    for other in readers[1:]:
        if len(other.said) < 20:
            raise Failure(f"{other.way}: only {len(other.said)} lines were typed")
        for (line, one), (again, two) in zip(first.said, other.said):
            one, two = plain(line, one, first.dir), plain(again, two, other.dir)
            if line.replace(first.dir, "") != again.replace(other.dir, "") or one != two:
                raise Failure(f"{line}\nprints, typed into {first.way}:\n{one}\nbut {again}\nin {other.way}:\n{two}")


def read_three_ways(root, folder):
    """The same lines at the prompt, in a remote shell, and as a file, at the same time."""
    readers = []
    for way in ("pacf", "pacfctl", "file"):
        os.mkdir(os.path.join(folder, way))
        readers.append(Reader(root, os.path.join(folder, way), way))

    def read(reader):
        try:
            read_me(reader)
        except (Failure, OSError, subprocess.SubprocessError) as error:
            return f"{reader.way}: {error}"
        return None

    try:
        with concurrent.futures.ThreadPoolExecutor(len(readers)) as pool:
            failures = [failure for failure in pool.map(read, readers) if failure]
        if failures:
            raise Failure("\n".join(failures))
        same(readers)
    finally:
        for reader in readers:
            reader.clean()
    return sum(reader.lines for reader in readers)


def read_page(root, folder, page):
    reader = Reader(root, folder)
    try:
        read_examples(reader, page)
    finally:
        reader.clean()
    return reader.lines


def read_examples(reader, page):
    """Each example of pacf-run(1) reads a channel or lists them all."""
    with open(os.path.join(reader.root, "man", page), encoding="utf-8") as file:
        examples = re.findall(r"^\.Dl \$ (pacf-run .*)$", file.read(), re.M)
    readers = [(line, name.group(1)) for line in examples if (name := re.search(r"'pacf:(\w+}\d+)'", line))]
    if not readers or len(readers) == len(examples):
        raise Failure(f"{page}: these examples are not what the test expects: {examples}")
    reader.run("pacf-gen -o web.pcap")
    reader.console("bin/pacf")
    reader.prompt('pkteng.new({name="e0", type="pcap"})')
    reader.prompt('pkteng.link({engine="e0", ifname="web.pcap"})')
    for line, name in readers:
        if not shutil.which(line.split()[1]):
            print(f"left out, no {line.split()[1]}: {line}")
            continue
        reader.prompt(f'pkteng.open_channel({{engine="e0", channel="pacf:{name.replace("}", "{")}"}})')
        reader.run_later(line)
        reader.lines += 1
    for line in set(examples) - {line for line, _ in readers}:
        reader.lines += 1
        if f"pacf:{readers[0][1]}" not in reader.run(line):
            raise Failure(f"$ {line}\nshows no pacf:{readers[0][1]}")
    reader.prompt('pkteng.start({engine="e0"})')
    reader.prompt('pkteng.wait({engine="e0"})')
    reader.prompt("pacf.shutdown()")
    reader.finish()


def main():
    root, page = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not shutil.which("tcpdump"):
        print("no tcpdump")
        return 77
    if not page and os.geteuid() != 0:
        print("skipped: what it says of live interfaces needs root")
        return 77
    with tempfile.TemporaryDirectory(prefix="pacf-readme.") as folder:
        try:
            if page:
                lines = read_page(root, folder, page)
            else:
                lines = read_three_ways(root, folder)
            print(f"{page or 'README.md'}: {lines} lines do what it says")
            return 0
        except (Failure, OSError, subprocess.SubprocessError) as error:
            print(f"FAILED: {error}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
