#!/usr/bin/env python3
"""The keys of the JSON of every command are those that docs/json.md lists, and its manual page too.

usage: json_keys.py MATR SOURCE DIRECTORY [--print]      with what json_keys.sh has made
"""
import csv, io, json, pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import command, tap

matr, source, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
program, other = f"{scratch}/program", "/usr/bin/xz"
one = f"{scratch}/libone.so"
questions = { # with several where what is printed depends on what there is
    "baseline": [["baseline", "check", f"{scratch}/baseline"], ["baseline", "check", "--against", f"{scratch}/before.jsonl"]],
    "bench": [["bench", "--rounds", "1", other, "--version"]],
    "check": [["check", program, "/etc/passwd"]],
    "check-upgrade": [["check-upgrade", "--replace", f"{one}={scratch}/liblate.so"], ["check-upgrade", "--details", "--replace", f"{one}={scratch}/liblate.so"]],
    "diff": [["diff", "previous", "current"], ["diff", "--totals", "previous", "current"], ["diff", "--details", "previous", "current"], ["diff", program, other],
             ["diff", "--details", program, other],
             ["diff", "--details", f"{scratch}/before.jsonl", f"{scratch}/after.jsonl"]],
    "doctor": [["doctor", "-v"]],
    "enable": [["enable", "--list"]],
    "epoch begin": [["epoch", "begin", program]],
    "epoch list": [["epoch", "list"]],
    "epoch show": [["epoch", "show"], ["epoch", "show", "--programs"]],
    "epoch status": [["epoch", "status"]],
    "exposed": [["exposed", "--symbol", "value"], ["exposed", "--details", "--symbol", "value"], ["exposed", "--library", "libone.so"]],
    "hooks": [["hooks", "status"]],
    "inspect": [["inspect", program], ["inspect", "--all", program], ["inspect", "--bindings", program], ["inspect", "--closures", program]],
    "loader": [["loader", "status"]],
    "rebind": [["rebind", "--list"], ["rebind", "--dry-run", program, "--symbol", "value", "--to", f"{scratch}/libtwo.so"]],
    "record": [["record", "--list"]],
    "running": [["running", "--all"]],
    "shadowed": [["shadowed", program], ["shadowed", "--all", program]],
    "trace": [["trace", "--symbol", "value", program]], # on standard error
    "tree": [["tree", program]],
    "verify": [["verify", program]],
    "why": [["why", program, "value"], ["why", "--details", program, "value"], ["why", "--library", program, "libtwo.so"],
            ["why", "--library", "--details", program, "libtwo.so"]],
}


def check_lines(name, at, words):
    """--format jsonl: a line for each row of csv, with its columns as keys."""
    asked = [command.run(matr, *words[:at], "--format", form, *words[at:]) for form in ("csv", "jsonl")]
    (csv_status, *csv_out), (status, *out) = asked
    title = f"{' '.join(words).replace(scratch, 'T')}: jsonl"
    if csv_status == 2:
        tap.equal(f"{title} goes no more than csv", 2, status)
        return
    tap.equal(f"{title}: exit status", csv_status, status)
    which = 1 if name == "trace" else 0
    rows = list(csv.reader(io.StringIO(csv_out[which], newline="")))
    try:
        lines = [json.loads(line) for line in out[which].splitlines()]
    except ValueError as error:
        tap.check(f"{title}: a document a line", False, error, out)
        return
    tap.equal(f"{title}: rows", len(rows) - 1, len(lines))
    tap.equal(f"{title}: keys", [rows[0]] * len(lines), [list(line) for line in lines])


def keys_of(value):
    if isinstance(value, dict): # `types` counts relocations, by names that are no keys of ours
        return set(value) | {key for name, one in value.items() if name != "types" for key in keys_of(one)}
    return {key for one in value for key in keys_of(one)} if isinstance(value, list) else set()


printed = {}
for name, commands in questions.items():
    printed[name] = set()
    for words in commands:
        at = 2 if words[0] in ("baseline", "epoch", "hooks", "loader") else 1
        status, out, err = command.run(matr, *words[:at], "--format", "json", *words[at:])
        try:
            document = json.loads(err if name == "trace" else out)
        except ValueError as error:
            tap.check(f"{' '.join(words)}: JSON", False, status, error, out[:300], err)
            continue
        if document == [] and name not in ("diff", "check"): # CSV has them in its first line
            document = [dict.fromkeys(command.run(matr, *words[:at], "--format", "csv", *words[at:])[1].strip().split(","))]
        printed[name] |= keys_of(document)
        if "--print" not in sys.argv:
            check_lines(name, at, words)
if "--print" in sys.argv:
    for name, keys in printed.items():
        print(f"| `{name}` |", " ".join(f"`{key}`" for key in sorted(keys)), "|")
    sys.exit()

listed = {name: set(re.findall(r"`([^`]+)`", keys)) for name, keys in
          re.findall(r"^\| `([a-z -]+)` \| (`.*) \|$", (source / "docs/json.md").read_text(), re.M)}
tap.equal("docs/json.md has all commands", sorted(printed), sorted(listed))
for name, keys in printed.items():
    tap.equal(f"{name}: keys that docs/json.md does not list", set(), keys - listed.get(name, set()))
    tap.equal(f"{name}: keys of docs/json.md that it does not print", set(), listed.get(name, set()) - keys)
    page = next((source / "docs/man").glob(f"matr-{name.split()[0]}.[18]")).read_text()
    if page.startswith(".so "):
        page = (source / "docs/man" / page.split()[1].split("/")[-1]).read_text()
    section = re.search(r"^\.SH JSON\n(.*?)(?=^\.SH)", page, re.M | re.S)
    tap.equal(f"{name}: keys that the manual page lacks", set(), keys - set(re.findall(r"\w+", section[1] if section else "")))
# Whatever takes --format json is asked here.
main = (source / "tools/matr/main.c").read_text()
for name in re.findall(r'\{"([a-z-]+)", command_', main):
    described = command.run(matr, name, "--describe-options")[1] if name not in ("epoch", "loader", "hooks", "baseline") else ""
    if re.search(r"^option\t--format\t.*\bjson\b", described, re.M) and name not in ("sql", "export"):
        tap.check(f"{name}: its JSON is asked for here", name in questions)
for key in {key for keys in printed.values() for key in keys}:
    tap.check(f"the word of docs/glossary.md, in small letters: {key}", re.fullmatch(r"[a-z][a-z0-9_]*", key), key)
tap.finish()
