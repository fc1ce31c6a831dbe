#!/usr/bin/env python3
"""Mistakes of users, and troubles of the machine. Each gets one line `matr: ...` that names the file and the reason (wrong
usage: a second line that points to --help), the documented exit status, nothing on standard output, and changes nothing
in the prefix.

usage: mistakes.py MATR DIRECTORY      with an epoch of xz and DIRECTORY/program in MATR_PREFIX
"""
import os, pathlib, pty, re, resource, shutil, signal, socket, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import command, tap

matr, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
prefix = pathlib.Path(os.environ["MATR_PREFIX"])
program = str(scratch / "program")
root = os.geteuid() == 0
HINT = re.compile(r"Try `(matr|matrd)( [a-z -]+)?--help`\.|Try `matr --help`\.")


def shown(arguments):
    text = " ".join(a.decode("latin-1") if isinstance(a, bytes) else a for a in arguments).replace(str(scratch), "T")
    return re.sub(r"[^\x20-\x7e]+", "?", text if len(text) < 120 else text[:100] + "...") or "matr alone"


def mistake(arguments, status, says, where=prefix, name=None, silent=True, **how):
    """The command fails with one of `status`, in one line that matches `says`, and `where` stays as it was."""
    before = command.state(where)
    code, out, err = command.run(matr, *arguments, **how)
    lines = err.splitlines()
    usage = len(lines) == 2 and HINT.fullmatch(lines[1])
    one = (len(lines) == 1 or usage) and lines[0].startswith("matr: ")
    wrong = ["it hangs"] * (code is None)
    wrong += [f"exit status {code}"] * (code not in (status if isinstance(status, tuple) else (status,)))
    wrong += ["not one line"] * (not one)
    wrong += [f"does not say {says!r}"] * (not re.search(says, lines[0] if lines else ""))
    wrong += ["prints"] * bool(silent and out)
    wrong += ["changes the prefix"] * (command.state(where) != before)
    tap.check(name or shown(arguments), not wrong, "; ".join(wrong), err, out if silent else "")


before = command.state(prefix)

# ---- commands, options and values ----

for arguments, says in (
        ([], "which command"), (["epochh"], "epochh: no such command; nearest: epoch"), (["epoch"], "which command|begin"),
        (["epoch", "bgin"], "bgin: no such command; nearest: begin"), (["--prefx", "/x"], "--prefx: no such option; nearest: --prefix"),
        (["--prefix"], "--prefix: needs an argument: DIR"), (["-x"], "-x: no such option"), (["help", "whi"], "whi: no such command"),
        ([""], "no such command"), (["loader", "stats"], "nearest: status"), (["loader"], "install, uninstall"), (["hooks"], "install, uninstall"),
        (["hooks", "install", "zypper"], "zypper: "), (["inspect"], "one program"), (["why"], "a program, and a symbol"), (["why", program], "a symbol"),
        (["tree"], "one program"), (["tree", program, program], "unexpected argument|one program"), (["shadowed"], "which program"), (["exposed"], "--symbol, --library, or --list"),
        (["exposed", "extra", "--symbol", "x"], "--symbol, --library, or --list"), (["diff", "1"], "."), (["baseline"], "."), (["baseline", "save"], "which file"),
        (["baseline", "chek", "x"], "chek"), (["check-upgrade"], "."), (["check-upgrade", "--replace", "x"], "x: "), (["verify"], "which program"),
        (["rebind"], "which program"), (["rebind", program], "."), (["rebind", program, "--symbol", "exit"], "."), (["rebind", "--undo", "x"], "x"),
        (["rebind", "--family", "strings", "--to", "libc.so.6", program], "strings"), (["enable"], "which program"), (["disable"], "which program"),
        (["report"], "."), (["report", "-o"], "-o: needs an argument: FILE"), (["bench"], "which program"), (["bench", "--rounds", "0", program], "0"),
        (["bench", "--rounds", "many", program], "many"), (["running", "extra"], "extra: unexpected argument"), (["doctor", "extra"], "extra"),
        (["epoch", "status", "extra"], "extra"), (["epoch", "end", "extra"], "extra"), (["epoch", "list", "extra"], "extra"),
        (["epoch", "prune", "--keep", "0"], "0"), (["epoch", "prune", "--keep", "-1"], "-1"), (["epoch", "prune", "--keep", "x"], "x"),
        (["epoch", "show", "1", "2"], "one epoch"), (["epoch", "begin", "--jobs", "0"], "0: no number of jobs"), (["epoch", "begin", "-j", "99999999999999999999"], "no number"),
        (["epoch", "begin", "--only=yes"], "--only=yes: takes no argument"), (["epoch", "begin", "--progress", "x", program], "x"),
        (["check", "--jobs", "-1"], "-1: no number of jobs"), (["sql", "--headers", "maybe", "SELECT 1"], "maybe"), (["sql", "--epoch", "x", "SELECT 1"], "x"),
        (["inspect", "--epoch", "", program], "."), (["inspect", "--epoch", "yesterday", program], "yesterday"), (["inspect", "--epoch", "-1", program], "-1"),
        (["inspect", "--epoch", "99999999999999999999", program], "9999"), (["why", "--env", "HOME=/", program, "exit"], "HOME"), (["why", "--env", "x", program, "exit"], "x"),
        (["exposed", "--symbol", "x", "--format", "openvex"], "--library"), (["exposed", "--list", "/no/such", "--symbol", "x"], "or --list"),
        (["exposed", "--symbol", ""], "--symbol: its argument is empty"), (["--prefix", "", "epoch", "status"], "--prefix: its argument is empty"),
        
        # options that exclude each other
        (["inspect", "--all", "--bindings", program], "--all|--bindings"), (["inspect", "--closures", "--all", program], "--closure|--all"),
        (["rebind", "--list", "--undo", "1"], "--list|--undo"), (["rebind", "--all-programs", program, "--symbol", "exit", "--to", "libc.so.6"], "."),
        (["disable", "--all", program], "program: unexpected"), (["enable", "--list", program], "program: unexpected"), (["record", "--forget-all", "--list"], "do not go together"),
        (["why", "--env", "LD_PRELOAD=x", "--epoch", "1", program, "exit"], "--env|--epoch"),
        (["diff", "--totals", "--details", "1", "1"], "--totals|--details"), (["verify", "--loads", "--format", "json", program], "--loads|--format"),
        (["verify", "--bind-now", program], "--loads"), (["enable", "--refresh", program], "program: unexpected")):
    mistake(arguments, 2, says)
for arguments, says in ((["run"], "which program"), (["run", "-q"], "-q: no such option"), (["trace"], "."),
                        (["trace", program], "symbol"), (["trace", "--symbol", "exit"], "which program"), (["trace", "--sort", "x", "--symbol", "exit", program], "x"),
                        (["epoch", "wrap"], "which command")):
    mistake(arguments, 125, says)
mistake(["record"], 2, "which program")
mistake(["inspect", ""], 1, "no such program")
mistake(["report", "--upgrade", "x", "-o", "/no/x"], 1, "x: is not OLD=NEW")
for name in (["run", "gti"], ["record", "gti"], ["epoch", "wrap", "--", "gti"], ["trace", "--symbol", "x", "gti"]):
    mistake(name, (127, 125), "gti: ")

# ---- formats ----

formats = {"inspect": [program], "why": [program, "exit"], "tree": [program], "shadowed": [program], "exposed": ["--symbol", "exit"], "sql": ["SELECT 1"],
           "check-upgrade": ["--remove", "/x"], "diff": ["1", "1"], "verify": [program], "rebind": ["--list"], "bench": [program], "check": [program],
           "running": [], "doctor": [], "enable": ["--list"], "epoch status": [], "epoch list": [], "epoch show": [], "epoch begin": [program],
           "loader status": [], "hooks status": [], "baseline check": ["/x"], "trace": ["--symbol", "exit", program], "record": ["--list"]}
for words, arguments in formats.items():
    for form in ("xml", "", "JSON", "json,csv"):
        mistake([*words.split(), "--format", form, *arguments], 125 if words == "trace" else 2, f"{form}: no such format" if form else "--format: its argument is empty")
for words in ("tree", "epoch status", "epoch show", "loader status"):
    mistake([*words.split(), "--format", "csv", *formats[words]], 2, "csv|a drawing, json")
for words in ("inspect", "check", "doctor", "epoch list"):
    mistake([*words.split(), "--format", "svg", *formats[words]], 2, "svg: no such format")

# ---- files that are none, or not what they should be ----

kinds = scratch / "kinds"
kinds.mkdir()
whole = pathlib.Path(program).read_bytes()
(kinds / "empty").write_bytes(b"")
(kinds / "text").write_text("hello\n")
(kinds / "truncated").write_bytes(whole[:100])
(kinds / "half").write_bytes(whole[:len(whole) // 2])
with open(kinds / "huge", "wb") as file:
    file.truncate(1 << 40)
(kinds / "directory").mkdir()
os.mkfifo(kinds / "fifo")
server = socket.socket(socket.AF_UNIX)
server.bind(str(kinds / "socket"))
os.symlink("loop", kinds / "loop")
os.symlink("nowhere", kinds / "dangling")
for file in kinds.iterdir():
    if file.is_file() and not file.is_symlink():
        file.chmod(0o755)
files = [*sorted(map(str, kinds.iterdir())), "/dev/null", "/dev/zero", str(kinds / "missing"), str(kinds / "text" / "below"),
         "/" + "x" * 300, "/" + "x/" * 3000 + "y", str(kinds / "new\nline\x1b[31m"), os.fsencode(kinds) + b"/\xff\xfe"]
BINDS = ["--symbol", "malloc"] # xz does
uses = { # status; a set: the kinds that are an answer, or right
    "inspect F": 1, "tree F": 1, "check F": (1, 2), "epoch begin --only F": 1,
    "why F exit": 1, "shadowed F": 1, "verify F": 1, "diff F P": 2, "diff P F": 2, "baseline check F": 2, "check-upgrade --replace /usr/bin/xz=F": 2,
    "check-upgrade --replace F.deb": 2, "rebind /usr/bin/xz --symbol malloc --to F": 1, "rebind F --symbol malloc --to libc.so.6": 1,
    "trace --symbol exit F": (125, 126, 127), "enable F": 1, "bench F": 1, "exposed --list F": (1, 2), "epoch begin --ld-stable F P": 1, "epoch begin --config F P": 1,
    "baseline save F/x P": 2, "report -o F/x": 1, "sql --write F .tables": None, "run F": (125, 126, 127), "exposed --library F": 1, "record --forget F": (1, 2),
}
every = ("inspect", "tree", "check ", "epoch begin --only")
some = [str(kinds / name) for name in ("empty", "half", "fifo", "directory", "missing")] + ["/dev/zero", "/" + "x" * 300]
answers = ("verify", "check", "bench") # name the file on standard output
right = {"exposed --list F": {"empty", "fifo", "half"}, "epoch begin --config F P": {"empty"}, "baseline check F": {"fifo"}, # a pipe is waited for
         "check-upgrade --replace F.deb": {"empty", "half", "fifo", "directory", "zero", "x" * 300}, "baseline save F/x P": {"directory"},
         "report -o F/x": {"directory"}, "enable F": {"half"}, "run F": {"empty", "half"}, "check-upgrade --replace /usr/bin/xz=F": {"half"}, "record --forget F": {"empty", "half", "fifo", "directory", "zero"}}
for use, status in uses.items():
    for file in files if use.startswith(every) else some:
        base = os.path.basename(os.fsdecode(file))
        if status is None or base in right.get(use, ()):
            continue
        arguments = [program if word == "P" else os.fsencode(word).replace(b"F", os.fsencode(file), 1) if re.search(r"\bF\b", word) else word for word in use.split()]
        says = base if re.fullmatch("[a-z]{2,20}", base) else r"x{20}|x/x/|\\n|\\x"
        how = {"timeout": 300}
        if use.startswith(answers):
            code, out, err = command.run(matr, *arguments, **how)
            tap.check(f"{use}: {shown([file])}: says what is wrong, in an answer or a line",
                      code in (1, 2) and re.search(says, out + err) and len(err.splitlines()) <= 1, code, out, err)
        else:
            mistake(arguments, status, says, name=f"{use}: {shown([file])}", **how)
tap.check("nothing of the prefix has changed", command.state(prefix) == before)

# ---- prefixes ----

prefixes = scratch / "prefixes"
prefixes.mkdir()
for name in ("newer", "store", "image", "locked"):
    shutil.copytree(prefix, prefixes / name, symlinks=True)
import sqlite3
database = sqlite3.connect(prefixes / "newer/store.db", isolation_level=None)
database.execute("PRAGMA user_version = 9999")
database.close()
(prefixes / "store/store.db").write_bytes(os.urandom(20000))
image = (prefixes / "image/epoch.image").resolve()
image.write_bytes(image.read_bytes()[:5000])
(prefixes / "file").write_text("a file\n")
(prefixes / "foreign").mkdir()
(prefixes / "foreign/letter").write_text("not yours\n")
asks = (["inspect", program], ["shadowed", program], ["exposed", "--symbol", "malloc"], ["diff", "1", "1"], ["baseline", "save", str(scratch / "baseline"), program],
        ["baseline", "check", str(scratch / "baseline")], ["epoch", "show"], ["report", "-o", str(scratch / "page")], ["epoch", "list"])
changes = (["epoch", "end"], ["epoch", "prune", "--keep", "1"], ["epoch", "apply"], ["epoch", "rebase"], ["rebind", "/usr/bin/xz", "--symbol", "malloc", "--to", "libc.so.6"], ["rebind", "--undo", "1"])
begins = (["epoch", "begin", "--only", program],)
(scratch / "baseline").write_text("")
wholly = {"missing": asks[:-1] + changes[:1], "file": asks + changes + begins, "foreign": asks + changes + begins, "newer": asks + changes[1:3] + changes[4:] + begins, "store": asks + changes[1:3] + changes[4:]}
reasons = {"missing": "no epoch|there is no|No such file|epoch", "file": "/file: is not a directory|/file/.*Not a directory|no epoch", "foreign": "/foreign(/store.db)?: ", "newer": "newer", "store": "store.db: "}
for name, commands in wholly.items():
    for words in commands:
        where = prefixes / name if name != "missing" else prefixes
        def everything():
            if not where.is_dir():
                return where.read_bytes()
            return command.state(where) if name == "newer" else command.stamp(where)
        held = everything()
        code, out, err = command.run(matr, "--prefix", str(prefixes / name), *words)
        good = code in (1, 2) and len(err.splitlines()) == 1 and err.startswith("matr: ") and re.search(reasons[name], err) and not out
        tap.check(f"a prefix that is {name}: {shown(words)}", good and everything() == held, code, out, err, "the prefix has changed" if everything() != held else "")
code, out, err = command.run(matr, "--prefix", str(prefixes / "image"), "epoch", "status")
tap.check("a damaged image: epoch status", code == 1 and "epoch" in out and len(err.splitlines()) <= 1, code, out, err)
code, out, err = command.run(matr, "--prefix", str(prefixes / "image"), "run", program)
tap.equal("a damaged image: run starts the program", (0, "", ""), (code, out, err))

# ---- standard output ----

subjects = [["--help"], ["--version"], ["help"], ["help", "why"], ["epoch"] + ["--help"], ["run", "--help"], ["sql", "--help"], ["trace", "--help"]]
answers = {"inspect": [program], "why": ["/usr/bin/xz", "malloc"], "tree": [program], "shadowed": ["--all", "/usr/bin/xz"], "exposed": ["--symbol", "malloc"],
           "sql": ["SELECT 1 AS a"], "check": [program], "check-upgrade": ["--all", "--replace", f"{program}={program}"], "diff": [program, "/usr/bin/xz"],
           "verify": [program], "doctor": ["-v"], "epoch status": [], "epoch list": [], "epoch show": ["--programs"], "loader status": [], "hooks status": [], "baseline check": ["--all"],
           "running": [], "bench": ["--rounds", "1", program], "rebind": ["--dry-run", "/usr/bin/xz", "--symbol", "malloc", "--to", "libc.so.6"]}
command.run(matr, "baseline", "save", str(scratch / "signed"), program)
answers["baseline check"] = [str(scratch / "signed")]
for words, arguments in answers.items():
    one_document = words in ("tree", "epoch status", "loader status")
    for form in ("table", "json") if one_document or words == "why" else ("table", "json", "csv"):
        subjects.append([*words.split(), "--format", form, *arguments])
subjects += [["report", "-o", "-"], ["inspect", "--all", "--format", "json", "/usr/bin/xz"], ["tree", "--format", "dot", program], ["epoch", "begin", "--only", "/usr/bin/xz", program]]
SENTENCE = r"(.* programs? binds? to it.*\n)?" # what `exposed` says beside rows for programs
FULL = SENTENCE + r"matr: standard output: cannot be written: No space left on device\n"
CLOSED = SENTENCE + r"matr: standard output: cannot be written: Bad file descriptor\n"


def matrd(*arguments, **how):
    return command.run(str(pathlib.Path(matr).parent / "matrd"), *arguments, **how)


def prints_nothing(words):
    """Nothing to say, so nothing that could fail."""
    return not command.run(matr, *words)[1]


def close_output():
    os.close(1)


for words in subjects:
    if prints_nothing(words):
        tap.check(f"has something to print: {shown(words)}", words[0] in ("running", "check", "verify", "baseline"))
        continue
    with open("/dev/full", "w") as full:
        code, out, err = command.run(matr, *words, stdout=full)
    tap.check(f"/dev/full: {shown(words)}", code == 2 and re.fullmatch(FULL, err), code, err)
    code, out, err = command.run(matr, *words, stdout=None, preexec_fn=close_output)
    tap.check(f"standard output closed: {shown(words)}", code == 2 and re.fullmatch(CLOSED, err), code, err)
    for quiet, wanted in ((True, (-signal.SIGPIPE, 0)), (False, (2, 0))): # the signal, or EPIPE where it is ignored
        reader, writer = os.pipe()
        os.close(reader)
        code, out, err = command.run(matr, *words, stdout=writer, restore_signals=quiet)
        os.close(writer)
        tap.check(f"a pipe without a reader{'' if quiet else ', SIGPIPE ignored'}: {shown(words)}", code == wanted[0] and re.fullmatch(SENTENCE, err), code, err)
for words in (["--help"], ["--version"]):
    with open("/dev/full", "w") as full:
        code, out, err = matrd(*words, stdout=full)
    tap.check(f"/dev/full: matrd {words[0]}", code == 2 and re.fullmatch(FULL.replace("matr:", "matrd:"), err), code, err)
held = command.state(prefix)
code, out, err = command.run(matr, "epoch", "begin", "--only", "/usr/bin/xz", program, stdin=None, stdout=None, stderr=None,
                             preexec_fn=lambda: [os.close(fd) for fd in (0, 1, 2)])
tap.check("epoch begin with 0, 1 and 2 closed: its image is whole", code in (0, 2) and command.run(matr, "epoch", "status")[0] == 0, code)
shell = ["/bin/sh", "-c", "echo closed >&1"]
tap.equal("run: what is closed stays closed for the program", command.run(*shell, stdout=None, preexec_fn=close_output),
          command.run(matr, "run", *shell, stdout=None, preexec_fn=close_output))
code, out, err = command.run(matr, "trace", "--symbol", "malloc", "-o", "/dev/full", "/usr/bin/xz", "--version")
tap.check("trace -o /dev/full", code == 125 and err == "matr: /dev/full: cannot be written: No space left on device\n", code, err)
head = subprocess.run(f"'{matr}' inspect --all /usr/bin/xz | head -n 1", shell=True, capture_output=True, text=True, timeout=60)
tap.check("| head -n 1", head.returncode == 0 and head.stdout.count("\n") == 1 and not head.stderr, head)

# ---- terminals and locales ----

def on_terminal(words, **environment):
    environment["MATR_PAGER"] = "cat" # a pager would wait for keys
    pid, terminal = pty.fork()
    if pid == 0:
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        os.execv(matr, [matr, *words])
    out = b""
    try:
        while chunk := os.read(terminal, 65536):
            out += chunk
    except OSError: # the end
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out


for terminal in (None, "dumb", "", "nonsense"):
    for words in (["inspect", program], ["epoch", "status"], ["why", "/usr/bin/xz", "malloc"]):
        code, out = on_terminal(words, TERM=terminal, NO_COLOR=None)
        tap.check(f"TERM={terminal}: {shown(words)}", code == 0 and out and (terminal == "nonsense" or b"\x1b" not in out), code, out)
for locale in ("C", "xx_YY.none", "C.UTF-8", ""):
    for words in (["inspect", program], ["epoch", "list"], ["sql", "SELECT 'ä'"], ["--help"]):
        code, out, err = command.run(matr, *words, env={**os.environ, "LC_ALL": locale})
        tap.check(f"LC_ALL={locale}: {shown(words)}", code == 0 and out and not err, code, err)
code, out, err = command.run(matr, "inspect", program, start_new_session=True)
tap.check("no terminal", code == 0 and out and not err, code, err)
code, out, err = command.run(matr, "epoch", "status", env={"MATR_PREFIX": str(prefix)})
tap.check("an environment with nothing but the prefix", code == 0 and out and not err, code, err)

# ---- limits ----

def limit(which, value):
    return lambda: resource.setrlimit(which, (value, value))


begin = ["epoch", "begin", "--only", "/usr/bin/xz", program]
mistake(begin, 1, "File too large|store.db|full", name="RLIMIT_FSIZE: epoch begin", preexec_fn=limit(resource.RLIMIT_FSIZE, 8192))
mistake(["report", "-o", str(scratch / "page.html")], 1, "page.html: .*File too large", name="RLIMIT_FSIZE: report", preexec_fn=limit(resource.RLIMIT_FSIZE, 8192))
with open(scratch / "small", "w") as small:
    code, out, err = command.run(matr, "report", "-o", "-", stdout=small, preexec_fn=limit(resource.RLIMIT_FSIZE, 8192))
tap.check("RLIMIT_FSIZE: standard output", code == 2 and err == "matr: standard output: cannot be written: File too large\n", code, err)
for files_open in (3, 4, 5, 6, 7, 8, 8, 8, 8, 8, 9): # what two threads have open at once differs from run to run
    for words in (begin, ["inspect", program], ["sql", "SELECT 1"], ["tree", program]):
        held = command.state(prefix)
        code, out, err = command.run(matr, *words, preexec_fn=limit(resource.RLIMIT_NOFILE, files_open))
        by_loader = code == 127 and re.search("error while loading shared libraries", err)
        works = code in (0, 3) and not err
        fails = code == 1 and len(err.splitlines()) == 1 and err.startswith("matr: ") and command.state(prefix) == held
        tap.check(f"RLIMIT_NOFILE {files_open}: {shown(words)}", by_loader or works or fails, code, err, "the prefix has changed" if command.state(prefix) != held else "")
for megabytes in (12, 16, 20, 24, 32, 32.1, 32.3, 48, 64, 96):
    for words in (begin, ["inspect", "--all", "/usr/bin/xz"]):
        held = command.state(prefix)
        code, out, err = command.run(matr, *words, preexec_fn=limit(resource.RLIMIT_AS, int(megabytes * 1048576)))
        by_loader = code in (127, -signal.SIGSEGV, -signal.SIGKILL) and (code < 0 and megabytes < 16 or re.search("error while loading shared libraries", err))
        works = code == 0 and not err
        fails = code == 1 and len(err.splitlines()) == 1 and re.match("matr: .*(memory|mapped|thread|process|resource)", err, re.I) and command.state(prefix) == held
        tap.check(f"RLIMIT_AS {megabytes} MB: {shown(words)}", by_loader or works or fails, code, err)
command.run(matr, *begin)

# ---- signals ----

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    held = command.state(prefix)
    for attempt in range(10):
        reader, writer = os.pipe()
        process = subprocess.Popen([matr, "epoch", "begin", "--only", "--no-daemon", "--progress", str(writer), "/usr/bin/python3", "/usr/bin/git", program],
                                   pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(writer)
        os.read(reader, 1) # it is at work
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
        os.close(reader)
        if process.returncode != 0:
            break
        command.run(matr, *begin) # it was quicker
        held = command.state(prefix)
    tap.check(f"{number.name} in a begin: ends by the signal, and says nothing", process.returncode == -number and not out and not err, process.returncode, out, err)
    left = [entry for entry in command.state(prefix) if entry not in held]
    tap.check(f"{number.name} in a begin: the epoch is as it was", not [path for path, digest in left if "matr-tmp" not in path] and command.run(matr, "epoch", "status")[0] == 0, left)
    code, out, err = command.run(matr, *begin)
    tap.check(f"{number.name} in a begin: the next one works, and nothing is left", code == 0 and not list(prefix.glob("*matr-tmp*")), code, err, list(prefix.iterdir()))

# ---- a full disk ----

if root and subprocess.run(["unshare", "-m", "true"]).returncode == 0:
    disk = scratch / "disk"
    disk.mkdir()
    script = """set -eu
        mount -t tmpfs -o size=4m,mode=755 none "$DISK" && cp -a "$MATR_PREFIX" "$DISK/prefix"
        head -c 100000000 /dev/zero >"$DISK/filler" 2>/dev/null || :
        cd "$DISK/prefix"; find . -type f ! -name '*-wal' ! -name '*-shm' ! -name lock ! -name store.db | sort | xargs sha256sum >/dev/shm/$$.before
        status=0; "$MATR" --prefix "$DISK/prefix" "$@" >"$OUT" 2>"$ERR" || status=$?
        find . -type f ! -name '*-wal' ! -name '*-shm' ! -name lock ! -name store.db | sort | xargs sha256sum >/dev/shm/$$.after
        same=0; "$MATR" --prefix "$DISK/prefix" run "$PROGRAM" || same=3; cmp /dev/shm/$$.before /dev/shm/$$.after || same=1; rm /dev/shm/$$.*
        echo $status $same"""
    for words in (["epoch", "begin", "--only", "/usr/bin/python3"], ["report", "-o", str(disk / "page")], ["baseline", "save", str(disk / "baseline"), program]):
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env={**os.environ, "DISK": str(disk), "MATR": matr, "PROGRAM": program, "OUT": str(scratch / "out"), "ERR": str(scratch / "err")})
        err = (scratch / "err").read_text()
        tap.check(f"a full disk: {shown(words)}", re.fullmatch("[12] 0\n", done.stdout) and len(err.splitlines()) == 1 and re.search("No space left|full", err), done.stdout, done.stderr, err)

# ---- another user ----

if root:
    def as_nobody(*words):
        return command.run(matr, *words, user="nobody", group="nogroup", extra_groups=[], env={**os.environ, "HOME": "/nonexistent"})

    secret = kinds / "secret"
    secret.write_bytes(whole)
    secret.chmod(0o600)
    for words, says in ((["epoch", "begin", program], "only root"), (["epoch", "begin", "--only"], "only root"), (["epoch", "end"], "only root"), (["epoch", "prune", "--keep", "1"], "only root"),
                        (["epoch", "apply"], "only root"), (["epoch", "rebase"], "only root"), (["epoch", "suspend"], "only root"), (["rebind", "/usr/bin/xz", "--symbol", "malloc", "--to", "libc.so.6"], "only root"),
                        (["record", "--forget-all"], "only root"), (["loader", "install"], "only root"), (["enable", program], "only root"),
                        (["hooks", "install", "apt"], "only root"), (["sql", "--write", "DELETE FROM store.edits"], "may not be written"),
                        (["baseline", "save", str(scratch / "theirs"), program], "theirs: .*(Permission denied|only root)"), (["report", "-o", str(scratch / "theirs")], "theirs: .*(Permission denied|only root)"),
                        (["tree", str(secret)], "secret: .*(Permission denied|epoch)"), (["why", str(secret), "exit"], "secret"), (["inspect", str(secret)], "secret")):
        held = command.state(prefix)
        code, out, err = as_nobody(*words)
        tap.check(f"another user: {shown(words)}", code in (1, 2) and re.fullmatch(rf"matr: [^\n]*({says})[^\n]*\n", err) and not out and command.state(prefix) == held, code, out, err)
if root:
    code, out, err = command.run(matr, "run", program, user="nobody", group="nogroup", extra_groups=[], env={**os.environ, "LD_STABLE_DEBUG": "1"})
    tap.check("another user: run is mapped, or says why it is not",
              code == 0 and re.fullmatch(r"ld-stable: (applied|plain start: \S.*belongs to another user).*\n", err), code, err)
tap.finish()
