#!/usr/bin/env python3
"""Manual pages: mandoc has no complaint, and each has EXIT STATUS, a JSON section where its command prints JSON, and all the
options of the command's table and no others.

usage: pages.py MATR SOURCE
"""
import pathlib, re, shutil, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import command, tap

matr, source = sys.argv[1], pathlib.Path(sys.argv[2])
pages = sorted((source / "docs/man").glob("*.[158]"))
verbs = {"epoch": ["apply", "begin", "end", "list", "prune", "rebase", "resume", "show", "status", "suspend", "wrap"],
         "baseline": ["check"], "hooks": ["status"], "loader": ["status"]}
# Warnings to ignore: pages are dated when they are packaged, and man(1) of every system reads .so.
harmless = ("missing date", ".so is fragile", ".so request failed")


def section(text, name):
    found = re.search(rf'^\.SH "?{name}"?\n(.*?)(?=^\.SH|\Z)', text, re.M | re.S)
    return found.group(1) if found else ""


def plain(text):
    return re.sub(r"\\f[RBIP]|\\&", "", text).replace("\\-", "-").replace('" "', " ").replace('"', "")


def table_of(words):
    """The options that the command's table has, and whether one of them has it print JSON."""
    rows = [line.split("\t") for line in command.run(matr, *words, "--describe-options")[1].splitlines()]
    options = {row[1] for row in rows if row[0] == "option"} - {"--help"}
    return options, any(row[1] == "--format" and "json" in row[6] for row in rows if row[0] == "option")


for page in pages:
    text = page.read_text()
    if text.startswith(".so "):
        tap.check(f"{page.name}: leads to a page", (source / "docs/man" / text.split()[1].split("/")[-1]).exists(), text)
        continue
    if shutil.which("mandoc"):
        said = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(page)], capture_output=True, text=True).stdout.splitlines()
        said = [line for line in said if not any(reason in line for reason in harmless)]
        tap.check(f"{page.name}: mandoc", not said, *said)
    else:
        print(f"# {page.name}: mandoc is not installed")
    # A list's tag has one line, and a term behind it.
    lines = text.splitlines()
    bare = [i + 1 for i, line in enumerate(lines[:-1]) if line == ".TP" and (not lines[i + 1] or re.match(r"\.(TP|SH|PP|SS)\b", lines[i + 1]))]
    tap.check(f"{page.name}: every .TP has a tag", not bare, bare)
    opened = [line.split()[0] for line in lines if line.startswith((".RS", ".RE", ".nf", ".fi"))]
    tap.check(f"{page.name}: .RS and .nf are closed", opened.count(".RS") == opened.count(".RE") and opened.count(".nf") == opened.count(".fi"), opened)
    if not page.name.endswith(".5"):
        tap.check(f"{page.name}: EXIT STATUS", section(text, "EXIT STATUS").strip())
    name = page.name[:-2]
    words = [name.replace("matr-", "", 1)] if name.startswith("matr-") and name != "matr-rescue" else []
    if not words:
        continue
    also = {"exposed": [], "enable": ["disable"], "why": ["tree", "shadowed"]}.get(words[0], [])
    options, prints_json = set(), False
    for one in [words[0], *also]:
        for verb in verbs.get(one, [None]):
            more, json = table_of([one] + ([verb] if verb else []))
            options |= more
            prints_json |= json
    listed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(line for line in plain(section(text, "OPTIONS") or text).splitlines()
                                                                    if re.match(r"\.(B|BI|BR|IR|RB) +\\?-|\.(B|BI|BR|RB) .*, ?-|-", line))))
    everywhere = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", plain(text)))
    tap.equal(f"{page.name}: options that it lacks", set(), options - everywhere)
    tap.equal(f"{page.name}: options that the command does not have", set(), listed - options - {"--help"})
    if prints_json:
        tap.check(f"{page.name}: JSON", section(text, "JSON").strip())
tap.finish()
