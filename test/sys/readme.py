#!/usr/bin/env python3
"""Does what README.md says, in its order: runs the commands of every ```console block and types every ```lua
block at the prompt of the daemon that was started last.

PACF_BUILD_BIN: a folder with pacf, pacf-run and pacf-gen; or their paths: PACF, PACF_RUN, PACF_GEN.
usage: readme.py SOURCE-ROOT    (exit status 77 without tcpdump)

/tmp/ in the text becomes a private folder.  A command must end with status 0, one with & by the end of the
test; a line at the prompt must not print `error:`.  `make` is not run within a test: `make demo` is its script
on the build under test, of other targets it is checked that make knows them.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
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
    return found


class Shell:
    """A daemon whose standard input we write: it prints no prompt, but runs line after line."""

    def __init__(self, command, here):
        self.log = open(here.path("prompt.log"), "w+")
        self.process = subprocess.Popen(command, shell=True, cwd=here.dir, env=here.env, text=True,
                                        stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT)
        self.typed = 0

    def output(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def type(self, line):
        """Types a line and waits until it has been run."""
        self.typed += 1
        mark = f"typed-{self.typed}"
        before = len(self.output())
        self.process.stdin.write(f'{line}\nprint("{mark}")\n')
        self.process.stdin.flush()
        end = time.monotonic() + SECONDS
        while mark not in self.output()[before:] and self.process.poll() is None:
            if time.monotonic() > end:
                raise Failure(f"no answer within {SECONDS} s: {line}\n{self.output()[before:]}")
            time.sleep(0.02)
        said = self.output()[before:]
        if "error:" in said:
            raise Failure(f"{line}\n{said}")
        return said

    def leave(self):
        """After pacf.shutdown()."""
        if self.process.wait(SECONDS) != 0 or not self.output().endswith("Goodbye!\n"):
            raise Failure(f"the daemon ended with status {self.process.returncode}:\n{self.output()}")


class Reader:
    def __init__(self, root, folder):
        self.root, self.dir = root, folder
        self.env = dict(os.environ, PACF_RUNDIR=self.path("run"), XDG_STATE_HOME=self.path("state"), LC_ALL="C")
        self.env.pop("PACF_CAPTURE", None)
        os.mkdir(self.path("run"), 0o700)
        for name in ("scripts", "tools"):
            os.symlink(os.path.join(root, name), self.path(name))
        self.link_programs()
        self.shell, self.background, self.lines = None, [], 0

    def path(self, name):
        return os.path.join(self.dir, name)

    def link_programs(self):
        os.mkdir(self.path("bin"))
        folder = os.environ.get("PACF_BUILD_BIN")
        for name, variable in PROGRAMS.items():
            program = os.path.join(folder, name) if folder else os.environ[variable]
            os.symlink(os.path.abspath(program), self.path("bin/" + name))

    def run(self, command):
        result = subprocess.run(command, shell=True, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2 * SECONDS)
        if result.returncode != 0:
            raise Failure(f"$ {command}\nended with status {result.returncode}:\n{result.stdout}")

    def console(self, command):
        if command == "make demo":
            self.run("sh tools/demo.sh")
        elif command.split()[0] == "make":
            self.run(f"MAKEFLAGS= make -n -C '{self.root}' {command[len('make'):]}")
        elif re.search(r"(^|\s)bin/pacf(\s|$)", command):
            if self.shell:
                raise Failure(f"$ {command}\nwhile the daemon before it runs")
            self.shell = Shell("exec env " + command, self)
        elif command.endswith("&"):
            program = command[:-1].rstrip()
            self.background.append((program, subprocess.Popen(program, shell=True, cwd=self.dir, env=self.env,
                                                              stdin=subprocess.DEVNULL)))
        else:
            self.run(command)

    def prompt(self, line):
        if not self.shell:
            raise Failure(f"{line}\nat the prompt, but no daemon was started")
        if line == "pacf.shutdown()":
            self.shell.process.stdin.write(line + "\n")
            self.shell.process.stdin.close()
            self.shell.leave()
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
                continue
            self.lines += 1

    def finish(self):
        if self.shell:
            raise Failure("the last daemon was never told to end")
        for command, process in self.background:
            if process.wait(SECONDS) != 0:
                raise Failure(f"$ {command} &\nended with status {process.returncode}")
        self.check_applications()

    def check_applications(self):
        """The four applications of the walkthrough share the packets of the capture."""
        whole = subprocess.run(["tcpdump", "-n", "-r", "-"], stdin=open(self.path("web.pcap"), "rb"),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        parts = []
        for i in range(4):
            with open(self.path(f"app{i}.txt"), "rb") as file:
                parts.append(file.read().splitlines())
        if not all(parts) or sorted(sum(parts, [])) != sorted(whole.splitlines()):
            raise Failure("the applications' packets are not those of the capture: "
                          f"{[len(part) for part in parts]} lines of {len(whole.splitlines())}")

    def clean(self):
        running = [process for _, process in self.background] + ([self.shell.process] if self.shell else [])
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


def main():
    root = os.path.abspath(sys.argv[1])
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not shutil.which("tcpdump"):
        print("no tcpdump")
        return 77
    with tempfile.TemporaryDirectory(prefix="pacf-readme.") as folder:
        reader = Reader(root, folder)
        try:
            with open(os.path.join(root, "README.md")) as file:
                text = file.read().replace("/tmp/", folder + "/")
            for kind, lines in blocks(text):
                reader.block(kind, lines)
            reader.finish()
            print(f"{reader.lines} lines of README.md do what it says")
            return 0
        except (Failure, subprocess.TimeoutExpired) as error:
            print(f"FAILED: {error}")
            return 1
        finally:
            reader.clean()


if __name__ == "__main__":
    sys.exit(main())
