#!/usr/bin/env python3
"""matr complete knows every command, every option that --help has and no other, and the names in the store; and bash, zsh
and fish show what it answers: asked of the shells themselves, bash and zsh in a terminal.

usage: completion.py MATR SOURCE DIRECTORY      MATR_PREFIX: none yet
"""
import os, pathlib, pty, re, select, shutil, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import tap

matr, source, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
prefix = pathlib.Path(os.environ["MATR_PREFIX"])
os.environ["PATH"] = os.path.dirname(matr) + ":" + os.environ["PATH"]
scripts = source / "tools/completion"
os.chdir(scratch)


def run(*words):
    return subprocess.run([matr, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def answers(*words):
    """The words that complete the last one."""
    done = run("complete", "--", "matr", *words)
    if done.returncode or done.stderr:
        tap.check(f"complete {words}: status and standard error", False, done.returncode, done.stderr)
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


# ---- without a store ----

tap.equal("no store: no programs", [], answers("verify", ""))
tap.equal("no store: epochs have names", ["current", "previous"], answers("sql", "--epoch", ""))
tap.check("no store: none is made", not prefix.exists())

# ---- commands and options ----

listed = sorted(set(re.findall(r"^  matr ([a-z-]+)", run("--help").stdout, re.M)))
tap.check("matr --help lists commands", len(listed) >= 20, listed)
tap.equal("commands", listed, sorted(answers("")))
tap.equal("commands after help", listed, sorted(answers("help", "")))


def check_options(*words):
    found = set(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]*)", run(*words, "--help").stdout, re.M))
    tap.equal(f"{' '.join(words)}: the options of --help", sorted(found), sorted(answers(*words, "--")))
    tap.check(f"{' '.join(words)}: --help is one", "--help" in found)


for command in listed:
    table = run(command, "--describe-options").stdout
    commands = re.findall(r"^command\t(\S+)", table, re.M)
    if not commands:
        check_options(command)
        continue
    tap.equal(f"{command}: its commands", sorted(commands), sorted(answers(command, "")))
    for name in commands:
        check_options(command, name)

# ---- values ----

zlib = pathlib.Path(next(pathlib.Path("/usr/lib").glob("*/libz.so.1"))).resolve().name

begun = run("epoch", "begin", "--no-daemon", "/usr/bin/git", str(scratch / "own-xz"))
tap.check("an epoch of two programs", begun.returncode == 0, begun.stderr)
before = sorted((str(p), p.stat().st_mtime_ns) for p in prefix.rglob("*") if "store.db-" not in p.name)
for words, wanted in [
    (["verify", ""], ["git", "own-xz"]), (["verify", "g"], ["git"]), (["verify", "git", "ow"], ["own-xz"]),
    (["verify", f"{scratch}/o"], [f"{scratch}/own-xz", ":file"]), (["--prefix", "/nowhere", "verify", ""], []),
    (["tree", ""], ["git", "own-xz"]), (["why", "git", "mallo"], ["malloc"]), (["epoch", "show", ""], ["current", "previous", "1"]),
    (["exposed", "--library", "libz"], [zlib]), (["epoch", "begin", "--config", ""], [":file"]), (["epoch", "begin", ""], [":executable"]),
    (["epoch", "wrap", "--", "git", "a", "b"], [":command 4"]),
    (["sql", "--epoch", ""], ["current", "previous", "1"]), (["sql", "--epoch=cu"], ["--epoch=current"]),
    (["sql", "--epoch", "7"], []), (["rebind", "git", "--symbol", "mallo"], ["malloc"]),
    (["rebind", "git", "--symbol", "inflateEn"], ["inflateEnd"]), (["rebind", "nothing", "--symbol", "mallo"], []),
    (["rebind", "git", "--requester", "libz"], [zlib]), (["sql", "--format", "jso"], ["json", "jsonl"]),
    (["loader", "status", "--format", ""], ["table", "json"]), (["trace", "--sort", ""], ["calls", "total", "self"]),
    (["hooks", "install", "dn"], ["dnf", "dnf5"]), (["--pre"], ["--prefix"]), (["--prefix", ""], [":directory"]),
    (["verify", "--prefix="], [":directory"]), (["rebind", "--to", ""], [":file"]), (["enable", ""], [":executable"]),
    (["run", ""], [":executable"]), (["run", "git", ""], [":command 2"]), (["run", "-v", "--", "git", "--l"], [":command 4"]),
    (["epoch", "be"], ["begin"]), (["nothing", ""], []),
    (["epoch", "nothing", ""], []), (["verify", "--", "--f"], []), (["doctor", ""], [])]:
    tap.equal(f"matr {' '.join(words)}".replace(str(scratch), "T"), wanted, answers(*words))
after = sorted((str(p), p.stat().st_mtime_ns) for p in prefix.rglob("*") if "store.db-" not in p.name)
tap.equal("nothing in the prefix has changed", before, after)
tap.equal("without a command line: usage", 2, run("complete").returncode)

# ---- the shells ----

#: what is typed up to a tab, and the line after it
typed = [
    ("matr ins", "matr inspect "), ("matr verify --bin", "matr verify --bind-now "), ("matr --prefix own-xz verify --lo", "matr --prefix own-xz verify --loads "),
    ("matr doctor --format=tab", "matr doctor --format=table "), ("matr verify g", "matr verify git "), ("matr rebind git --symbol mallo", "matr rebind git --symbol malloc "),
    ("matr verify ./own", "matr verify ./own-xz "), ("matr rebind --ld-stable own", "matr rebind --ld-stable own-xz ")]

PROMPT = "at your service: "


class Terminal:
    """A shell in a terminal."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1=PROMPT, PROMPT="", RPROMPT="", TERM="dumb")
            os.execvp(command[0], command)

    def write(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, wanted, seconds=60):
        """What is shown until the text is, or in that time."""
        seen, end = "", time.monotonic() + seconds
        while wanted not in seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        return seen

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def in_bash():
    shell = Terminal("bash", "--norc", "--noprofile", "-i")
    shell.read_until(PROMPT)
    # A key that has the line printed, as readline has it: what is on the screen may be scrolled.
    show = r"""bind -x '"\C-t": printf "line=%s=end" "$READLINE_LINE"'"""
    shell.write(f"bind 'set bell-style none'; {show}; . {scripts}/matr.bash; echo set''up\n")
    shell.read_until("setup\r\n" + PROMPT)
    for line, wanted in typed:
        shell.write(line + "\t\x14")
        seen = re.search("line=(.*)=end", shell.read_until("=end"))
        tap.equal(f"bash: {line}<tab>", wanted, seen and seen[1])
        shell.write("\x15") # drop the line
    shell.write("exit\n")
    shell.read_until("exit\r\n", 2)
    shell.close()


def in_fish():
    for line, wanted in typed:
        script = f"source {scripts}/matr.fish; complete -C '{line}'"
        out = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        tap.equal(f"fish: {line}<tab>", [wanted.split()[-1]], [row.split("\t")[0] for row in out.splitlines()])


def in_zsh():
    lines = "".join(line + "\n" for line, _ in typed)
    subprocess.run(["zsh", "-f", str(source / "tests/system/cli/completion.zsh"), str(scripts), str(scratch / "zsh")],
                   input=lines, capture_output=True, text=True, timeout=300)
    found = (scratch / "zsh").read_text().split("\n.\n") if (scratch / "zsh").exists() else []
    for (line, wanted), given in zip(typed, found):
        last = wanted.split()[-1].removeprefix("./")
        tap.check(f"zsh: {line}<tab>", last in given.splitlines(), given)
    tap.check("zsh: all were answered", len(found) > len(typed), found)


for shell, ask in (("bash", in_bash), ("fish", in_fish), ("zsh", in_zsh)):
    if shutil.which(shell):
        ask()
    else:
        tap.check(f"{shell} # SKIP there is none (tools/packages test)", True)
tap.finish()
