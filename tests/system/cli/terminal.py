#!/usr/bin/python3
"""terminal.py - what commands print on pseudo-terminals of several widths; colours, pager, progress. TAP.

usage: terminal.py MATR PREFIX DIRECTORY     PREFIX has two epochs with git; DIRECTORY has `baseline`
"""
import collections
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))
sys.dont_write_bytecode = True
import tap
from command import command_line

MATR, PREFIX, DIRECTORY = sys.argv[1:4]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


def environment(**changes):
    out = {"PATH": os.environ["PATH"], "HOME": DIRECTORY, "TERM": "xterm", "LC_ALL": "C.UTF-8", "MATR_PREFIX": PREFIX,
           "MATR_PAGER": ""}
    if "LD_LIBRARY_PATH" in os.environ:
        out["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    out.update(changes)
    return {name: value for name, value in out.items() if value is not None}


class Terminal:
    """A run on a terminal of its own; standard error may be elsewhere."""

    def __init__(self, arguments, width=80, height=1000, error=None, **changes):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.process = subprocess.Popen(command_line(MATR, arguments), stdin=slave, stdout=slave, stderr=error or slave,
                                        env=environment(**changes), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.fd = master
        self.raw = b""

    def read(self, seconds):
        """Read once. False: nothing came, or it has ended."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.raw += data
        return bool(data)

    def expect(self, pattern, seconds=300):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.plain()) and time.monotonic() < end:
            if not self.read(0.2) and self.process.poll() is not None:
                break
        return re.search(pattern, self.plain()) is not None

    def finish(self, seconds=300):
        """The exit status; None where it does not end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.read(0.1) and self.process.poll() is not None:
                break
        while self.read(0):
            pass
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            return None
        os.close(self.fd)
        return self.process.returncode

    def text(self):
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    def plain(self):
        return ESCAPES.sub("", self.text())


def on_terminal(arguments, **options):
    terminal = Terminal(arguments, **options)
    status = terminal.finish()
    return status, terminal.text()


def piped(arguments, **changes):
    run = subprocess.run(command_line(MATR, arguments), env=environment(**changes), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return run.returncode, run.stdout.decode()


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def letters(text):
    """What must not be lost; branches of trees may be drawn narrower."""
    return collections.Counter(c for c in ESCAPES.sub("", text) if not c.isspace() and c not in "|`-")


QUERY = ("SELECT requester, symbol, provider, provider_version FROM bindings WHERE application = '/usr/bin/git' "
         "AND symbol LIKE 'str%' LIMIT 40")
WIDE = "SELECT '中文 library 名前 of a very long name' AS first, 'second value here' AS second, 12345 AS number"
COMMANDS = {
    "inspect": ["inspect", "git"],
    "inspect --provider": ["inspect", "git", "--provider", "libz.so.1"],
    "why": ["why", "git", "malloc"],
    "why --details": ["why", "--details", "git", "malloc"],
    "why --library": ["why", "git", "--library", "libc.so.6"],
    "tree": ["tree", "git"],
    "shadowed": ["shadowed", "--all", "git"],
    "exposed": ["exposed", "--library", "libc.so.6"],
    "exposed --symbol": ["exposed", "--symbol", "malloc"],
    "exposed --details": ["exposed", "--library", "libc.so.6", "--details"],
    "diff": ["diff", "previous", "current"],
    "diff --details": ["diff", "--details", "previous", "current"],
    "check": ["check"],
    "check-upgrade": ["check-upgrade", "--replace", "/lib/x86_64-linux-gnu/libz.so.1=/lib/x86_64-linux-gnu/libm.so.6"],
    "baseline check": ["baseline", "check", f"{DIRECTORY}/baseline"],
    "doctor": ["doctor"],
    "running": ["running"],
    "epoch status": ["epoch", "status"],
    "epoch list": ["epoch", "list"],
    "epoch show": ["epoch", "show"],
    "loader status": ["loader", "status"],
    "hooks status": ["hooks", "status"],
    "sql": ["sql", QUERY],
    "sql, wide characters": ["sql", WIDE],
    "sql .schema": ["sql", ".schema applications"],
    "help": ["--help"],
}

for name, arguments in COMMANDS.items():
    plain_status, plain = piped(arguments)
    tap.check(f"{name}: in a pipe, COLUMNS changes nothing",
              name == "running" or piped(arguments, COLUMNS="20") == (plain_status, plain), plain)
    for width in 20, 40, 80, 200:
        status, text = on_terminal(arguments, width=width, error=subprocess.DEVNULL)
        long = [line for line in ESCAPES.sub("", text).split("\n") if columns(line) > width]
        lost = letters(plain) - letters(text)
        # Times differ from run to run; help is wrapped by itself.
        lost = collections.Counter() if name in ("running", "doctor", "epoch status") else lost
        tap.check(f"{name}: {width} columns", not long and not lost and status == plain_status,
                  f"status {status}, wanted {plain_status}", *long[:5], f"lost: {dict(lost)}", text)

# Tables: aligned by columns of the terminal.
text = on_terminal(["sql", WIDE], width=60)[1]
lines = ESCAPES.sub("", text).split("\n")
tap.check("wide characters: columns stay below their heads", len(lines) > 2 and all(
    columns(line[:line.index("12345")]) + 5 == columns(lines[0].rstrip()) for line in lines if "12345" in line), text)
tap.check("COLUMNS is taken on a terminal", max(map(columns, ESCAPES.sub("", on_terminal(
    ["tree", "git"], width=200, COLUMNS="40")[1]).split("\n"))) <= 40)
tap.check("JSON on a terminal is not wrapped", on_terminal(["why", "git", "malloc", "--format", "json"], width=40)[1]
          == piped(["why", "git", "malloc", "--format", "json"])[1])
tap.check("nor is CSV", on_terminal(["sql", "--format", "csv", QUERY], width=40)[1].replace("\r", "")
          == piped(["sql", "--format", "csv", QUERY])[1].replace("\r", ""))

# Colours.
BOLD = "\x1b[1m"
for name, arguments, changes, terminal, wanted in (
        ("on a terminal", [], {}, True, True),
        ("not in a pipe", [], {}, False, False),
        ("not with NO_COLOR", [], {"NO_COLOR": "1"}, True, False),
        ("an empty NO_COLOR counts for nothing", [], {"NO_COLOR": ""}, True, True),
        ("not with TERM=dumb", [], {"TERM": "dumb"}, True, False),
        ("not without TERM", [], {"TERM": None}, True, False),
        ("--color never", ["--color", "never"], {}, True, False),
        ("--color always in a pipe", ["--color", "always"], {}, False, True),
        ("--color always with NO_COLOR", ["--color=always"], {"NO_COLOR": "1"}, True, True),
        ("--color auto in a pipe", ["--color", "auto"], {}, False, False),
        ("MATR_COLOR=always in a pipe", [], {"MATR_COLOR": "always"}, False, True)):
    for command in ["epoch", "list"], ["sql", QUERY]:
        run = (on_terminal if terminal else piped)([*arguments, *command], **changes)
        tap.check(f"colours: {name}: {command[0]}", (BOLD in run[1]) == wanted and run[0] == 0, run)
tap.check("--color of another word", piped(["--color", "blue", "doctor"])[0] == 2)

# Pager.
MANY = ["sql", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n"]
ENDLESS = ["sql", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"]
PAGED = f"{DIRECTORY}/paged"


def paged(arguments, pager=f"cat >{PAGED}", variable="MATR_PAGER", height=24, **changes):
    """What the pager got, None if none was started; status; what was on the terminal."""
    if os.path.exists(PAGED):
        os.remove(PAGED)
    changes.setdefault("MATR_PAGER", None)
    changes[variable] = pager
    status, text = on_terminal(arguments, height=height, **changes)
    return open(PAGED).read() if os.path.exists(PAGED) else None, status, text


wanted = piped(MANY)[1]
got, status, text = paged(MANY)
tap.check("pager: more than a screenful, all of it", status == 0 and ESCAPES.sub("", got or "") == wanted and text == "", got, text)
tap.check("pager: PAGER", paged(MANY, variable="PAGER")[0] is not None)
got, status, text = paged(MANY, variable="PAGER", MATR_PAGER="")
tap.check("pager: MATR_PAGER comes first; empty is none", got is None and ESCAPES.sub("", text) == wanted, got, text)
tap.check("pager: --no-pager", paged(["--no-pager", *MANY])[0] is None and paged(["--no-pager", "tree", "git"], height=2)[0] is None)
tap.check("pager: not for what fits", paged(["epoch", "list"])[0] is None)
tap.check("pager: for what does not", paged(["epoch", "list"], height=2)[0] is not None)
tap.check("pager: wrapped lines count", paged(["why", "git", "malloc"], height=5, width=20)[0] is not None)
tap.check("pager: not with TERM=dumb", paged(MANY, TERM="dumb")[0] is None)
tap.check("pager: not in a pipe", piped(MANY, MATR_PAGER=f"cat >{PAGED}")[1] == wanted and not os.path.exists(PAGED))
for command in ["epoch", "begin", "git"], ["rebind", "git"], ["--help"], ["sql", "--write", "SELECT 1 UNION SELECT 2"]:
    tap.check(f"pager: not for {' '.join(command)}", paged(command, height=1)[0] is None)
got = paged(MANY, pager=f'echo "$LESS $LV" >{PAGED}; cat >/dev/null')[0]
tap.check("pager: LESS and LV as git sets them", got == "FRX -c\n", got)
got = paged(MANY, pager=f'echo "$LESS" >{PAGED}; cat >/dev/null', LESS="S")[0]
tap.check("pager: or as the user has", got == "S\n", got)
got, status, text = paged(MANY, pager="head -1")
tap.check("pager: left early: no error", status == 0 and ESCAPES.sub("", text) == "  i\n", status, text)
started = time.monotonic()
got, status, text = paged(ENDLESS, pager="head -1")
tap.check("pager: left early: the query ends", status == 0 and ESCAPES.sub("", text).strip() == "i", status, text)
for pager in "/no/such/pager", "no-such-pager -x", "A=1 no-such-pager", "cat":
    got, status, text = paged(MANY, pager=pager)
    tap.check(f"pager: {pager}: the terminal has it all", status == 0 and ESCAPES.sub("", text) == wanted, status, text)
got, status, text = paged(MANY, pager=f"cat >{PAGED}; exit 3")
tap.check("pager: its exit status does not count", status == 0 and got is not None, status)
got, status, text = paged(["tree", "git"], height=3, pager=f"cat >{PAGED}; exit 3")
tap.check("pager: of matr, as of matr sql", status == 0 and got is not None, status)
if shutil.which("less"):
    terminal = Terminal(MANY, height=24, MATR_PAGER="less")
    tap.check("less shows the first screen", terminal.expect(r"\n *20\n") and " 30\n" not in terminal.plain(), terminal.text())
    tap.check("and waits", terminal.process.poll() is None)
    os.write(terminal.fd, b"\x03")
    for _ in range(20): # less drops what is typed while it handles the interrupt
        os.write(terminal.fd, b" ")
        if terminal.expect(r"\n *40\n", 1):
            break
    tap.check("an interrupt leaves it there", terminal.expect(r"\n *40\n", 0) and terminal.process.poll() is None, terminal.plain())
    os.write(terminal.fd, b"q")
    tap.check("until q", terminal.finish() in (0, -signal.SIGINT), terminal.process.returncode)
else:
    print("# less is not installed")

# Progress. Whoever reads the store waits while it is locked.
def lock():
    connection = sqlite3.connect(f"{PREFIX}/store.db", isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    return connection


held = lock()
terminal = Terminal(["tree", "git"], width=40)
tap.check("progress: while a command works", terminal.expect(r"\rworking: 0 s") and terminal.expect(r"\rworking: 1 s"), terminal.text())
held.close()
status = terminal.finish()
tap.check("progress: erased before the answer", status == 0 and
          re.search(r"working: \d+ s\x1b\[K\r\x1b\[K/usr/bin/git\n[^\r]*$", terminal.text()) is not None, status, repr(terminal.text()))
held = lock()
terminal = Terminal(["tree", "git", "--epoch", "99"], width=40)
terminal.expect(r"\rworking: 0 s")
held.close()
terminal.finish()
tap.check("progress: erased before an error", re.search(r"\x1b\[K\r\x1b\[Kmatr: [^\r]*$", terminal.text()) is not None, repr(terminal.text()))
status, text = on_terminal(["epoch", "begin", "git", "bash"], width=20)
shown = [part for line in ESCAPES.sub("", text).split("\n") for part in line.split("\r")]
tap.check("progress: no wider than the terminal", status in (0, 3) and all(columns(part) <= 20 for part in shown), text)
run = subprocess.run([MATR, "epoch", "begin", "git"], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
tap.check("progress: not in a pipe", b"\r" not in run.stderr + run.stdout and b"\x1b" not in run.stderr, run.stderr)
status, text = on_terminal(["epoch", "begin", "git"], TERM="dumb")
tap.check("progress: not with TERM=dumb", "\x1b" not in text and "\r" not in text, text)

tap.finish()
