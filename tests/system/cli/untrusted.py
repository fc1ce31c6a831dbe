#!/usr/bin/env python3
"""Names of files, symbols and versions that hold escape sequences, line ends, bidirectional controls and bytes that are no
UTF-8, in every command and format. What is shown has escapes in their place and as many rows as it should; CSV that
goes to a file or pipe has the very bytes.

usage: untrusted.py MATR DIRECTORY LOG      with the files that untrusted.sh has made, and matrd's log
"""
import csv, io, json, os, pathlib, pty, re, shutil, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import tap

matr, scratch, log = sys.argv[1:4]
program, library, second, loaded, declined, directory, symbol = (
    os.environb[name] for name in (b"PROGRAM", b"LIBRARY", b"SECOND", b"LOADED", b"DECLINED", b"DIRECTORY", b"SYMBOL"))
# Characters that start an escape, move the cursor, or turn the line around, and C1 controls.
DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# matr's own line of progress, where work takes longer, and its end; what it says of the work is a word of ours.
PROGRESS = re.compile(r"\r([A-Za-z ]{20,} \[[=#>. -]*\] \d+ of \d+|[a-z ]+: \d+ [%s])?\x1b\[K")
BOLD = re.compile(r"\x1b\[[01]m")
ESCAPED = "\\x1b[31m\\n"


def run(*arguments):
    done = subprocess.run([matr, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout, done.stderr


def on_terminal(*arguments):
    """What comes to a terminal, errors included."""
    pid, terminal = pty.fork()
    if pid == 0:
        # Wide enough that no name goes on in another line.
        os.environ.update(TERM="xterm", COLUMNS="9999")
        os.execv(matr, [matr, *arguments])
    out = b""
    try:
        while chunk := os.read(terminal, 65536):
            out += chunk
    except OSError: # the end
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return re.sub(rb"\r+\n", b"\n", out)


def is_safe(out):
    """Test whether the output is UTF-8 without anything that a terminal acts on."""
    try:
        return not DANGEROUS.search(BOLD.sub("", PROGRESS.sub("", out.decode()).replace("\r\x1b[K", "")))
    except UnicodeDecodeError:
        return False


def strings_of(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [string for one in value for string in strings_of(one)]
    return [value] if isinstance(value, str) else []


def check_table(name, out, err, shows):
    tap.check(f"{name}: safe", is_safe(out) and is_safe(err), out, err)
    if shows:
        tap.check(f"{name}: shows escapes", ESCAPED in (out + err).decode(errors="replace"), out, err)
    tap.check(f"{name}: no line is a name's", not re.search(rb"^(/usr/bin/row|q|ab)\b", out + err, re.M), out, err)


def bytes_of(string):
    """The bytes that a JSON string stands for (docs/json.md)."""
    return b"".join(bytes([ord(c) - 0xef00]) if "\uef80" <= c <= "\uefff" else c.encode() for c in string)


def check_json(name, out, shows):
    try:
        strings = strings_of(json.loads(out.decode()))
    except ValueError as error:
        tap.check(f"{name}: JSON", False, error, out)
        return
    tap.check(f"{name}: JSON, safe", is_safe(out), out)
    if shows:
        names = (program, library, second, loaded, declined, directory, symbol)
        tap.check(f"{name}: JSON has the name, to the byte",
                  any("\x1b[31m\n" in s and any(one in bytes_of(s) for one in names) for s in strings), out)
    if shutil.which("jq"):
        passed = subprocess.run(["jq", "-c", "."], input=out, capture_output=True).stdout
        tap.check(f"{name}: jq reads the same", passed and strings_of(json.loads(passed)) == strings, passed)


def check_csv(name, out, shows):
    rows = list(csv.reader(io.StringIO(out.decode("latin-1"), newline="")))
    tap.check(f"{name}: CSV, all rows alike", rows and all(len(row) == len(rows[0]) for row in rows), out)
    if shows:
        names = [n.decode("latin-1") for n in (program, library, second, loaded, declined, symbol)]
        tap.check(f"{name}: CSV has the very bytes", any(n in cell for row in rows for cell in row for n in names), out)


def check_dot(name, out, shows):
    """Strings in quotes, and nothing of a name outside of them."""
    text = out.decode(errors="replace")
    tap.check(f"{name}: safe", is_safe(out), out)
    bare = re.sub(r'"(?:[^"\\\n]|\\[^\n])*"', "", text)
    tap.check(f"{name}: names are in quotes", '"' not in bare and not re.search(r"31m|\brow\b", bare), bare)
    if shows:
        tap.check(f"{name}: shows escapes", ESCAPED.replace("\\", "\\\\") in text, out)


def check(*arguments, formats="table json jsonl csv", at=1, shows=True, status=(0, 1)):
    """The command in each format, to a pipe and to a terminal. at: where --format goes."""
    name = " ".join(a.decode("latin-1") if isinstance(a, bytes) else a for a in arguments)
    name = re.sub(r"\S*[\x00-\x1f\x7f-\xff]+\S*", "NAME", re.sub(re.escape(scratch), "T", name))[:60]
    for form in formats.split() or [None]:
        words = [*arguments[:at], "--format", form, *arguments[at:]] if form else list(arguments)
        code, out, err = run(*words)
        shown = f"{name} ({form})" if form else name
        tap.check(f"{shown}: exit status", code in status, code, out, err)
        if form == "jsonl":
            check_json(shown, b"[%s]" % b",".join(out.splitlines()), shows)
            tap.check(f"{shown}: errors are safe", is_safe(err), err)
        elif form == "json":
            check_json(shown, out, shows)
            tap.check(f"{shown}: errors are safe", is_safe(err), err)
        elif form == "dot":
            check_dot(shown, out, shows)
        elif form == "csv":
            check_csv(shown, out, shows)
            tap.check(f"{shown}: errors are safe", is_safe(err), err)
        else:
            check_table(shown, out, err, shows)
        out = on_terminal(*words)
        tap.check(f"{shown}: safe on a terminal", is_safe(out), out)


# ---- epochs ----

here = ["--no-daemon"]
run("record", program, loaded)
check("record", "--list", at=2)
check("epoch", "begin", "--only", *here, program, declined, at=2, status=(3,))
check("epoch", "begin", "--only", program, declined, at=2, status=(3,)) # by matrd
check("epoch", "begin", "--only", *here, declined, at=2, formats="", status=(1,))
check("epoch", "status", formats="table json", at=2)
check("epoch", "show", formats="table json", at=2)
check("epoch", "show", "--programs", at=2)
check("epoch", "list", at=2, shows=False)
check("doctor", "-v", shows=False)

# ---- queries ----

check("inspect", program)
check("inspect", "--all", program)
check("inspect", "--bindings", program)
check("inspect", "--closures", program)
check("inspect", "--closure", loaded, program)
check("why", program, symbol, formats="table json dot")
check("why", "--library", program, os.path.basename(library), formats="table json csv dot")
check("why", "--library", program, loaded)
check("tree", program, formats="table json dot")
check("shadowed", program)
check("exposed", "--symbol", symbol)
check("exposed", "--library", library, "--library", second, formats="table json csv dot")
check("verify", program)
check("verify", "--loads", program, loaded, formats="")
check("trace", "--symbol", "*", program, loaded, status=(9,), formats="")
for form in ("table", "list", "csv", "json", "markdown", "line"):
    words = ["sql", "--format", form, "SELECT * FROM bindings WHERE version LIKE 'V%'"]
    tap.check(f"sql ({form}): safe on a terminal", is_safe(on_terminal(*words)), on_terminal(*words))
    if form != "csv":
        code, out, err = run(*words)
        tap.check(f"sql ({form}): safe", code == 0 and is_safe(out) and b"31m" in out, out, err)
code, out, err = run("inspect", "--all", program)
lines = out.decode().splitlines()
relocations = int(run("inspect", "--all", "--format", "csv", program)[1].count(b",R_X86_64_"))
tap.equal("inspect --all: a line for each relocation", relocations + 1, len(lines))
width = lambda line: sum(2 if c == "中" else 1 for c in line)
column = [width(line[:line.index("R_X86_64_")]) for line in lines[1:]]
tap.check("inspect --all: columns are aligned by what a terminal shows", len(set(column)) == 1, column)

# ---- changes ----

check("baseline", "save", os.path.join(scratch, "baseline"), program, formats="", shows=False)
check("check-upgrade", "--all", "--replace", library + b"=" + os.fsencode(scratch) + b"/next", status=(0, 1, 2))
check("rebind", "--dry-run", program, "--symbol", symbol, "--to", second)
run("rebind", program, "--symbol", symbol, "--to", second, "--reason", b"why\x1b[31m\n\xff")
check("rebind", "--list")
check("diff", "--details", "previous", "current")
check("baseline", "check", os.path.join(scratch, "baseline"), at=2)
run("rebind", "--undo", "1")
shutil.copy(os.path.join(scratch, "next"), library + b".new")
os.rename(library + b".new", library)
end = time.monotonic() + 120
while b"\\x1b[31m" not in pathlib.Path(log).read_bytes() and time.monotonic() < end: # until matrd has seen it
    time.sleep(0.1)
said = pathlib.Path(log).read_bytes()
tap.check("matrd's log: safe", is_safe(said) and ESCAPED.encode() in said, said)
check("epoch", "status", formats="table json", at=2)
check("epoch", "show", formats="table json", at=2)
check("--prefix", "/none", "run", "-v", program, loaded, formats="", status=(9,))
run("epoch", "begin", "--only", *here, program, declined)
check("diff", "previous", "current")
check("diff", "--totals", "previous", "current", shows=False)

# ---- errors ----

for words in (["inspect", program + b"?"], ["why", program, symbol + b"?"], ["why", "--library", program, b"lib\x1b[31m\n\xff?.so"],
              ["tree", b"\x1b[31m\n\xff"], ["exposed", "--library", b"lib\x1b[31m\n\xff.so"], ["epoch", "show", b"\x1b[31m\n"],
              ["diff", b"\x1b[31m\n\xff", program], ["record", "--forget", b"/\x1b[31m\n\xff"], ["baseline", "check", b"\x1b[31m\n"],
              ["rebind", program, "--symbol", b"\x1b[31m\n\xff", "--to", second], ["check-upgrade", "--replace", b"/bin/sh=\x1b[31m\n"],
              ["trace", "--symbol", b"\x1b[31m\n\xff", program], ["run", b"\x1b[31m\n\xff"], ["verify", "--format", b"\x1b[31m\n"],
              [b"\x1b[31m\n"], ["epoch", b"\x1b[31m\n"], ["epoch", "begin", "--no-daemon", b"/\x1b[31m\n\xff"], ["hooks", "install", b"\x1b[31m\n"],
              ["sql", b"\x1b[31m\n"], ["sql", b"SELECT * FROM \"\x1b[31m\""]):
    code, out, err = run(*words)
    name = " ".join(w for w in words if isinstance(w, str))
    tap.check(f"error of {name or 'matr'}: safe", code and is_safe(err) and err.count(b"\n") <= 3 and b"\\x1b" in err, code, err)
tap.finish()
