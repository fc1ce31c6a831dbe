#!/usr/bin/python3
"""sql_shell.py - the shell of `matr sql` on a pseudo-terminal: editing, completion, history, Ctrl-C. TAP.

usage: sql_shell.py MATR PREFIX     PREFIX has an epoch in which git is an application
"""
import os
import pty
import re
import select
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))
sys.dont_write_bytecode = True
import tap

MATR, PREFIX = sys.argv[1:3]
HOME = tempfile.TemporaryDirectory()


class Shell:
    """One run of the shell. What it prints is matched as plain text, without the terminal's codes."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, HOME=HOME.name, TERM="xterm", MATR_PREFIX=PREFIX, LC_ALL="C.UTF-8")
            environment.pop("XDG_STATE_HOME", None)
            os.execve(MATR, ["matr", "sql", *arguments], environment)
        self.raw = b""

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        return bool(data)

    def text(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07", "", self.raw.decode(errors="replace"))

    def expect(self, pattern, seconds=20):
        """Read until the pattern is there; what was printed up to then, None if it does not come."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text(), re.S):
            if time.monotonic() > end or not self.read(max(0.01, end - time.monotonic())):
                if not re.search(pattern, self.text(), re.S):
                    return None
        seen, self.raw = self.text(), b""
        return seen

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def check(self, name, keys, pattern, seconds=20):
        self.send(keys)
        seen = self.expect(pattern, seconds)
        tap.check(name, seen is not None, pattern, self.text())
        return seen

    def wait(self, seconds=30):
        """The exit status; None where it does not end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


PROMPT, MORE = r"matr> $", r" \.\.\.> $"

shell = Shell()
tap.check("a prompt", shell.expect(PROMPT) is not None, shell.text())
shell.check("a query", "SELECT name FROM applications WHERE name = 'git';\n", r"\nname\ngit\nmatr> $")
shell.check("a statement goes on", "SELECT name\n", MORE)
shell.check("over several lines", "FROM applications\n", MORE)
shell.check("and ends with a semicolon", "WHERE name = 'git';\n", r"\ngit\n" + PROMPT)
shell.check("an error, marked", "SELECT nmae FROM applications;\n",
            r"matr: no such column: nmae\n  SELECT nmae FROM applications;?\n         \^\n" + PROMPT)
shell.check("after which it goes on", "SELECT 6 * 7 AS answer;\n", r"\nanswer\n +42\n" + PROMPT)
shell.check("a cursor key", "SELECT 13;\x1b[D\x1b[D7\n", r"\n *173\n" + PROMPT)
shell.check("history", "\x1b[A\x1b[A\n", r"6 \* 7 AS answer;\n+answer\n +42\n" + PROMPT)

# Completion. What is typed is dropped with Ctrl-C afterwards.
def completes(name, keys, pattern):
    shell.check(name, keys, pattern)
    shell.check(f"{name}: dropped by Ctrl-C", "\x03", r"\^C\n" + PROMPT)

completes("a table", "SELECT * FROM bind\t", r"FROM bindings $")
completes("a column", "SELECT applicat\tFROM bindings", r"SELECT application")
completes("a column of a table", "SELECT bindings.provider_v\t", r"bindings\.provider_version $")
completes("a column of an alias", "SELECT r.sect FROM relocations r WHERE r.sect\t", r"r\.section $")
completes("a keyword, as it is typed", "SELECT 1 gro\t", r"1 group")
completes("a keyword in capitals", "SELECT 1 GROU\t", r"1 GROUP")
completes("a function", "SELECT matr_e\t", r"matr_epoch $")
completes("a command", ".dat\t", r"\.databases $")
completes("a choice", "SELECT * FROM elf_s\t\t", r"elf_sections.*elf_segments.*elf_symbols.*FROM elf_s$")
completes("a file", ".read /usr/bin/gi\t\t", r"/usr/bin/git")
completes("a column by the statement's first line", "SELECT application\nFROM bindings\nWHERE provider_v\t",
          r"WHERE provider_version $")

# Ctrl-C: the query, not the shell.
shell.send("SELECT count(*) FROM relocations a, relocations b, relocations c;\n")
time.sleep(1)
start = time.monotonic()
shell.check("Ctrl-C interrupts a query", "\x03", r"matr: interrupted\n" + PROMPT, 20)
tap.check("within a second or two", time.monotonic() - start < 5, time.monotonic() - start)
shell.check("after which the shell is there", "SELECT 5 + 6;\n", r"\n +11\n" + PROMPT)
shell.send("SELECT count(*) FROM bindings WHERE symbol LIKE '%no such symbol%' AND application || requester LIKE 'x';\n")
shell.check("a query that gives no rows", "", r"\n +0\n" + PROMPT)

# Commands.
shell.check(".mode", ".mode json\nSELECT 1 AS a;\n", r'\[\{"a":1\}\n\]\n' + PROMPT)
shell.check(".mode table", ".mode table\n", PROMPT)
shell.check(".headers off", ".headers off\nSELECT 1 AS abc;\n.headers on\n", 
            r"SELECT 1 AS abc;\n+ *1\n.*\.headers on\n" + PROMPT)
shell.check(".timer", ".timer on\nSELECT 1;\n.timer off\n", r"time: real [0-9.]+ s.*\.timer off\n" + PROMPT)
shell.check(".help", ".help\n", r"\.dump.*\.schema.*Ctrl-C.*" + PROMPT)
shell.check(".epoch", ".epoch all\n", r"\nepoch\nall\n.*" + PROMPT)
shell.check(".tables", ".tables bind%\n", r"\nbindings\n.*" + PROMPT)
shell.check(".schema", ".schema declined\n", r"CREATE TABLE declined \(\n.*reason TEXT +-- one line\n\);.*" + PROMPT)
shell.check("read only", "DELETE FROM store.epochs;\n", r"--write.*" + PROMPT)
seen = shell.check("a hostile name", "SELECT char(27) || ']0;owned' || char(7) AS x;\n", r"\\x1b\]0;owned\\x07\n.*" + PROMPT)
shell.send("SELECT 'wide 中文', 'é';\n")
tap.check("wide characters", shell.expect(r"\nwide 中文 .*é\n" + PROMPT) is not None, shell.text())
shell.send(".quit\n")
tap.check(".quit ends it with 0", shell.wait() == 0)

# The history of the last run.
history = os.path.join(HOME.name, ".local/state/matr/sql_history")
tap.check("the history is the user's alone", os.stat(history).st_mode & 0o777 == 0o600)
shell = Shell()
shell.expect(PROMPT)
shell.check("the history of the last run", "\x1b[A\x1b[A", r"SELECT 'wide 中文', 'é';$")
shell.check("a search in the history", "\x03\x12answer", r"6 \* 7 AS answer")
shell.check("dropped by Ctrl-C", "\x03", r"\^C\n" + PROMPT)
shell.send("\x04")
tap.check("Ctrl-D ends it with 0", shell.wait() == 0)

# A query and standard input need no terminal's shell.
shell = Shell("SELECT 'once' AS t")
tap.check("with a query there is no prompt", "matr>" not in (shell.expect(r"t\nonce\n") or "matr>"))
tap.check("and it ends", shell.wait() == 0)

tap.finish()
