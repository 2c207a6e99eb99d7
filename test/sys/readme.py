#!/usr/bin/env python3
"""Does what the documents say.

usage: readme.py SOURCE-ROOT             README.md, in its order: runs the commands of every ```console block, and
                                         types every ```lua block at the prompt of the daemon started last
       readme.py SOURCE-ROOT pacf-run.1  the examples of that page, on a daemon that has their channels

PACF, PACF_RUN, PACF_GEN: the programs.  Exit status 77 without tcpdump, and for README.md without root.

/tmp/ in the text becomes a private folder.  The prompt is a real one, on a pseudo terminal.  A command must end
with status 0, one with & by the end of the test; a line at the prompt must not print `error:`.  `make` is not run
within a test: of `make demo` its script is, on the build under test; of the targets it is checked that there are.
"""
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
PROGRAMS = {"pacf": "PACF", "pacf-run": "PACF_RUN", "pacf-gen": "PACF_GEN"}


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
    """A daemon and the terminal that its prompt is on."""

    def __init__(self, command, here):
        self.terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 400, 0, 0))  # no line is wrapped
        self.process = subprocess.Popen("exec env " + command, shell=True, cwd=here.dir,
                                        env=dict(here.env, TERM="dumb"), start_new_session=True,
                                        stdin=end, stdout=end, stderr=end)
        os.close(end)
        self.output, self.typed = "", 0
        self.read_until("pacf> ", command)

    def read_until(self, wanted, what):
        """What was printed, up to `wanted`; '' is the end."""
        end = time.monotonic() + SECONDS
        said = ""
        while not wanted or wanted not in said:
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
        """Types a line and waits until it has been run."""
        self.typed += 1
        # What is printed differs from what is typed, whose echo comes first.
        os.write(self.terminal, f'{line}\rprint("typed" .. {self.typed})\r'.encode())
        said = self.read_until(f"typed{self.typed}\n", line)
        if "error:" in said:
            raise Failure(f"{line}\n{said}")
        return said

    def leave(self, line):
        os.write(self.terminal, f"{line}\r".encode())
        said = self.read_until("", line)
        os.close(self.terminal)
        if self.process.wait(SECONDS) != 0 or not said.endswith("Goodbye!\n"):
            raise Failure(f"{line}\nthe daemon ended with status {self.process.returncode}:\n{said}")


class Reader:
    def __init__(self, root, folder):
        self.root, self.dir = root, folder
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
        elif re.search(r"(^|\s)bin/pacf(\s|$)", command):
            if self.shell:
                raise Failure(f"$ {command}\nwhile the daemon before it runs")
            self.shell = Shell(command, self)
        elif command.endswith("&"):
            self.run_later(command[:-1].rstrip())
        else:
            self.run(command)

    def prompt(self, line):
        self.lines += 1
        if not self.shell:
            raise Failure(f"{line}\nat the prompt, but no daemon was started")
        if line == "pacf.shutdown()":
            self.shell.leave(line)
            self.shell = None
        else:
            self.shell.type(line)

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


def read_me(reader):
    with open(os.path.join(reader.root, "README.md"), encoding="utf-8") as file:
        text = file.read().replace("/tmp/", reader.dir + "/")
    for kind, lines in blocks(text):
        reader.block(kind, lines)
    reader.finish()
    whole = reader.packets("web.pcap")
    check_split("the four applications", whole, [reader.printed(f"app{i}.txt") for i in range(4)])
    check_split("the two files", whole, [reader.packets(f"half{i}.pcap") for i in range(2)])
    if reader.packets("all.pcap") != whole:
        raise Failure("the COPY channel's file is not the capture")


def read_page(reader, page):
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
        reader = Reader(root, folder)
        try:
            if page:
                read_page(reader, page)
            else:
                read_me(reader)
            print(f"{page or 'README.md'}: {reader.lines} lines do what it says")
            return 0
        except (Failure, OSError, subprocess.SubprocessError) as error:
            print(f"FAILED: {error}")
            return 1
        finally:
            reader.clean()


if __name__ == "__main__":
    sys.exit(main())
