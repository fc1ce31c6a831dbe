#!/usr/bin/env python3
"""What every command of matr has: help with examples and exit statuses, a manual page with its options, formats that
parse, the nearest names for what is not there, and nothing changed by that. The commands are those of main.c, the
options those of --help, so that a new one is asked for all of it.

usage: commands.py MATR SOURCE DIRECTORY      with an epoch of git, xz and python3 in MATR_PREFIX
"""
import csv, io, json, os, pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import command, tap

matr, source, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
prefix = pathlib.Path(os.environ["MATR_PREFIX"])


def run(*arguments):
    return command.run(*command.command_line(matr, arguments), timeout=300)


main = (source / "tools/matr/main.c").read_text()
commands = re.findall(r'\{"([a-z-]+)", command_', main)
verbs = {"epoch": ["apply", "begin", "end", "list", "prune", "rebase", "resume", "show", "status", "suspend", "wrap"]}
shared = {"baseline": ["save", "check"], "hooks": ["install", "uninstall", "status"],
          "loader": ["install", "uninstall", "refresh", "status"]}


def options_of(text):
    """Those that begin a line of the list of options."""
    found = set()
    for line in text.splitlines():
        if re.match(r" {2,8}-", line):
            found.update(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.split(r" {2,}", line.strip())[0]))
    return found - {"--help"}


# ---- help ----

helps = {}
for word in commands:
    for verb in verbs.get(word, [None]):
        words = [word] + ([verb] if verb else [])
        name = " ".join(words)
        status, out, err = run(*words, "--help")
        helps[tuple(words)] = out
        tap.check(f"{name}: --help", status == 0 and out.startswith("usage: matr ") and not err, out + err)
        tap.check(f"{name}: exit statuses in --help", re.search(r"exit status|has its own|the command's", out, re.I),
                  out)
        tap.check(f"{name}: examples in --help",
                  re.search(rf"^  (?:[A-Za-z_0-9=]+ )*(?:sudo )?(?:\S+ && )?matr .*{word}", out.split("xit status")[-1], re.M),
                  out)
        status, out, err = run(*words, "--no-such-option")
        tap.check(f"{name}: an unknown option", status in (2, 125) and "--help" in err, f"{status} {err}")
        status, out, err = run("--help")
        tap.check(f"{name}: is in matr --help", re.search(rf"^  matr {word}|\b{word}\b", out, re.M), out)

# ---- manual pages ----

for words, text in helps.items():
    pages = list((source / "docs/man").glob(f"matr-{words[0]}.[18]"))
    tap.check(f"{' '.join(words)}: manual page", len(pages) == 1, pages)
    if not pages:
        continue
    page = pages[0].read_text()
    include = re.match(r"\.so (?:man\d/)?(\S+)", page)
    if include:
        page = (source / "docs/man" / include[1]).read_text()
    plain = re.sub(r"\\f[RBIP]", "", page).replace("\\-", "-")
    missing = [option for option in sorted(options_of(text)) if option not in plain]
    tap.check(f"{' '.join(words)}: its options are in the manual page", not missing, missing)
    if len(words) == 1 or words[1] == "begin":
        sections = [section for section in ("EXIT STATUS", "EXAMPLES") if f".SH {section}" not in page and f'.SH "{section}"' not in page]
        tap.check(f"{words[0]}: exit statuses and examples in the manual page", not sections, sections)

# ---- formats ----

library = subprocess.run(["sh", "-c", "ldd /usr/bin/git | awk '/libz.so/ {print $3}'"], capture_output=True, text=True).stdout.strip()
baseline = scratch / "baseline.txt"
run("baseline", "save", str(baseline), "git", "xz")
tables = {
    "baseline": [["baseline", "check", str(baseline)]],
    "bench": [["bench", "--rounds", "1", "git", "--version"]],
    "check": [["check", "git", "xz"]],
    "check-upgrade": [["check-upgrade", "--replace", f"{library}={library}", "--all"]],
    "diff": [["diff", "git", "xz"], ["diff", "--details", "git", "xz"]],
    "doctor": [["doctor"]],
    "enable": [["enable", "--list"]],
    "epoch list": [["epoch", "list"]],
    "epoch show": [["epoch", "show", "--programs"]],
    "epoch status": [["epoch", "status"]],
    "exposed": [["exposed", "--library", "libz.so.1"]],
    "hooks": [["hooks", "status"]],
    "inspect": [["inspect", "--all", "git"], ["inspect", "--symbol", "malloc", "git"]],
    "loader": [["loader", "status"]],
    "rebind": [["rebind", "--list"]],
    "running": [["running"]],
    "shadowed": [["shadowed", "git"]],
    "sql": [["sql", "SELECT symbol, provider FROM bindings WHERE application LIKE '%/git' LIMIT 5"]],
    "tree": [["tree", "git"]],
    "verify": [["verify", "git"]],
    "why": [["why", "git", "malloc"], ["why", "--library", "git", "libz.so.1"]],
}
one_document = {"epoch status", "loader", "tree"} # no csv
not_here = {"epoch begin", "export", "trace", "record"} # have tests of their own that read their tables
for words, text in helps.items():
    name = " ".join(words)
    if "--format" not in text or name == "epoch" or name in not_here:
        continue
    tap.check(f"{name}: a table of it is known to this test", name in tables, name)
    for arguments in tables.get(name, []):
        shown = " ".join(arguments).replace(str(scratch), "T")[:70]
        at = 1 + (arguments[0] in verbs or arguments[0] in shared)
        form = lambda kind: run(*arguments[:at], "--format", kind, *arguments[at:])
        status, table, err = form("table")
        tap.check(f"{shown}: table", status in (0, 1) and not re.search("sage", err), f"{status} {err}")
        status_json, text_json, err = form("json")
        try:
            document = json.loads(text_json)
            tap.check(f"{shown}: json has the same exit status", status_json == status,
                      f"{status_json} {status} {err}")
        except ValueError as error:
            document = None
            tap.check(f"{shown}: json", False, f"{error}: {text_json[:200]} {err}")
        if name in one_document or arguments[:3] == ["why", "git", "malloc"]:
            continue
        status_csv, text_csv, err = form("csv")
        rows = list(csv.reader(io.StringIO(text_csv)))
        even = rows and all(len(row) == len(rows[0]) for row in rows)
        tap.check(f"{shown}: csv", status_csv == status and even, f"{status_csv} {err} {text_csv[:200]}")
        if isinstance(document, list) and name != "verify": # which nests its differences
            tap.check(f"{shown}: csv and json have the same rows and columns",
                      len(rows) - 1 == len(document) and all(list(row) == rows[0] for row in document),
                      f"{len(rows) - 1} {len(document)} {rows[:1]}")
    verb = {"baseline": ["check"], "hooks": ["status"], "loader": ["status"]}.get(name, [])
    status, out, err = run(*words, *verb, "--format", "xml")
    tap.check(f"{name}: an unknown format", status == 2 and "xml" in err, f"{status} {err}")

# ---- names of nothing ----

before, precious = command.state(prefix), baseline.read_bytes()
unknown = [
    (["inspect", "gti"], "git"), (["why", "gti", "malloc"], "git"), (["why", "git", "mallco"], "malloc"),
    (["why", "--library", "git", "libzz.so.1"], "libz.so.1"), (["tree", "gti"], "git"), (["shadowed", "gti"], "git"),
    (["check", "gti"], "git"),
    (["exposed", "--library", "libzz.so.1"], "libz.so.1"), (["exposed", "--symbol", "inflat"], "inflate"), (["diff", "gti", "xz"], "git"),
    (["baseline", "save", str(baseline), "gti"], "git"), (["baseline", "check", str(baseline), "gti"], "git"),
(["check-upgrade", "--replace", f"{library}={library}", "gti"], "git"),
    (["rebind", "gti", "--symbol", "malloc", "--to", library], "git"),
    (["rebind", "/usr/bin/git", "--symbol", "mallco", "--to", library], "malloc"),
    (["rebind", "/usr/bin/git", "--symbol", "malloc", "--to", "libzz.so.1"], "libz.so.1"),
    (["rebind", "/usr/bin/git", "--symbol", "malloc", "--to", os.path.dirname(library) + "/libzz.so.1"], "libz.so.1"),
    (["rebind", "/usr/bin/git", "--symbol", "malloc", "--to", f"{library}:inflat"], "inflate"),
    (["rebind", "/usr/bin/git", "--symbol", "inflate", "--requester", "libzz.so.1", "--to", library], "libz.so.1"),
    (["rebind", "--all-programs", "--symbol", "mallco", "--to", library], "malloc"),
    (["rebind", "--all-programs", "--symbol", "malloc", "--to", "libzz.so.1"], "libz.so.1"),
    (["trace", "gti", "--symbol", "malloc"], "git"), (["trace", "/usr/bin/gti", "--symbol", "malloc"], "/usr/bin/git"),
    (["trace", "--symbol", "malloc", "--", "gti", "--version"], "git"),
    (["trace", "--symbol", "mallco", "git", "--version"], "malloc"), (["trace", "--symbol", "mallco*", "git", "--version"], "malloc"),
    (["trace", "--symbol", "malloc", "--symbol", "inflat", "git", "--version"], "inflate"),
    (["trace", "--symbol", "malloc", "--requester", "libzz.so.1", "git", "--version"], "libz.so.1"),
    (["trace", "--symbol", "malloc", "--provider", "libzz.so.1", "git", "--version"], "libz.so.1"),
    (["inspect", "--epoch", "77", "git"], "1"), (["why", "--epoch", "77", "git", "malloc"], "1"),
    (["tree", "--epoch", "77", "git"], "1"), (["shadowed", "--epoch", "77", "git"], "1"),
    (["exposed", "--epoch", "77", "--symbol", "malloc"], "1"), (["diff", "1", "77"], "1"), (["epoch", "show", "77"], "1"),
    (["baseline", "check", "--epoch", "77", str(baseline)], "1"), (["inspect", "--epoch", "yesterday", "git"], "number"),
]
for arguments, near in unknown:
    status, out, err = run(*arguments)
    shown = " ".join(arguments).replace(str(scratch), "T")
    tap.check(f"one line: {shown}",
              status in (1, 2, 125, 127) and err.startswith("matr: ") and len(err.splitlines()) == 1,
              f"{status} {err}")
    tap.check(f"and nothing on standard output: {shown}", not out, out)
    tap.check(f"names what is near: {shown}",
              re.search(rf"(nearest: |there is |kept are |a ).*{re.escape(near)}", err), err)
status, out, err = run("verify", "gti")
tap.check("verify says it in its table", status == 1 and "nearest: git" in out, out + err)
for arguments in (["rebind", "--undo", "77"], ["rebind", "/usr/bin/git", "--symbol", "malloc@V9", "--to", library],
                  ["trace", "--symbol", "malloc@V9", "git", "--version"], ["trace", "--symbol", "environ", "git", "--version"],
                  ["trace", "--symbol", "malloc", "su"], ["trace", "--symbol", "malloc", "/usr/sbin/ldconfig"],
                  ["trace", "--symbol", "malloc", "/usr/bin/ldd"], ["trace", "--symbol", "malloc", "/tmp"],
                  ["trace", "--symbol", "malloc", "-o", "/nowhere/table", "git", "--version"],
                  ["rebind", "su", "--symbol", "malloc", "--to", library]):
    status, out, err = run(*arguments)
    tap.check(f"one line: {' '.join(arguments)}",
              status in (1, 125) and not out and err.startswith("matr: ") and len(err.splitlines()) == 1,
              f"{status} {out} {err}")
# The version, and the commit where this is a clone: of what was built, so not always the newest.
status, out, err = run("--version")
version = re.search(r"^project\(matr VERSION (\S+)", (source / "CMakeLists.txt").read_text(), re.M).group(1)
found = re.fullmatch(rf"matr {re.escape(version)}(?: \((?:v\S+-g)?([0-9a-f]{{12}})\))?\n", out)
tap.check("--version: version and commit", status == 0 and found, out + err)
commit = found and found.group(1)
if commit and (source / ".git").exists():
    git = ["git", "-c", "safe.directory=*", "-C", str(source), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
    tap.check("--version: a commit of this repository", subprocess.run(git, capture_output=True).returncode == 0, out)
daemon = subprocess.run([str(pathlib.Path(matr).parent / "matrd"), "--version"], capture_output=True, text=True)
tap.equal("matrd --version: the same", out.replace("matr ", "matrd ", 1), daemon.stdout)
for words, near in ((["epochh"], "epoch"), (["epoch", "bgin"], "begin"), (["help", "whi"], "why"), (["loader", "stats"], "status"),
                    (["why", "--libary"], "--library"), (["--prefx", "x"], "--prefix"), (["sql", "--fromat", "csv"], "--format")):
    status, out, err = run(*words)
    tap.check(f"the nearest name: matr {' '.join(words)}",
              status == 2 and not out and re.fullmatch(rf"matr: .*; nearest: {near}\nTry `matr .*--help`\.\n", err), err)
for words in ([], ["why"], ["epoch"], ["epoch", "begin"], ["sql"]):
    tap.equal(f"matr help {' '.join(words)}", run(*words, "--help"), run("help", *words))
status, out, err = run("sql", "--format", "jsonl", "SELECT 1 AS a, 'x' AS b UNION SELECT 2, NULL ORDER BY 1")
tap.equal("sql --format jsonl", [{"a": 1, "b": "x"}, {"a": 2, "b": None}], [json.loads(line) for line in out.splitlines()])
tap.check("nothing in the prefix has changed", command.state(prefix) == before, [a for a, b in zip(command.state(prefix), before) if a != b])
tap.check("nor the baseline", baseline.read_bytes() == precious)
tap.finish()
