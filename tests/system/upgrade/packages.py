#!/usr/bin/env python3
"""In a system of its own: packages are upgraded, and downgraded again, and what matr check-upgrade said before is compared with
how ld.so binds before and after, for every program that loads something of the packages.

usage: packages.py MATR DIRECTORY      DIRECTORY/old/*.deb, DIRECTORY/new/*.deb; prints TAP, without a plan
"""
import array, collections, concurrent.futures, functools, json, os, pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
sys.dont_write_bytecode = True
import tap

matr, directory = sys.argv[1], pathlib.Path(sys.argv[2])
loader = "/lib64/ld-linux-x86-64.so.2"
os.environ.update(MATR_PREFIX=str(directory / "prefix"), DEBIAN_FRONTEND="noninteractive", LC_ALL="C",
                  PATH="/usr/sbin:/usr/bin:/sbin:/bin")
scratch = pathlib.Path("/run/bindings")
scratch.mkdir()
line = re.compile(r"^ *\d+:\tbinding file (.*) \[\d+\] to (.*) \[\d+\]: [a-z]* symbol `([^']*)'(?: \[(.*)\])?$")


def run(*arguments, **options):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", **options)


# ---- ld.so ----

def ask(program, **variables):
    """What ld.so says when it lists and relocates, without starting anything."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LD_")}
    return run(loader, program, env=environment | {"LD_TRACE_LOADED_OBJECTS": "1"} | variables)


Answer = collections.namedtuple("Answer", "bindings undefined trouble")
sonames = {}
numbers, facts = {}, []  # requester, symbol, version, provider: each once, for there are many programs
canonical = functools.lru_cache(maxsize=None)(os.path.realpath)


def name_of(path):
    """What an object is called whatever its file is: its soname."""
    if path not in sonames:
        real = canonical(path)
        if real not in sonames:
            found = re.search(r"\(SONAME\).*\[(.*)\]", run("readelf", "-dW", real).stdout)
            sonames[real] = found[1] if found else real
        sonames[path] = sonames[real]
    return sonames[path]


def number_of(fact):
    if fact not in numbers:
        numbers[fact] = len(facts)
        facts.append(fact)
    return numbers[fact]


def bindings_of(program):
    for old in scratch.iterdir():
        old.unlink()
    now = ask(program, LD_WARN="yes", LD_BIND_NOW="1", LD_DEBUG="bindings", LD_DEBUG_OUTPUT=str(scratch / "b"))
    start = ask(program, LD_WARN="yes")
    found = set()
    for file in scratch.iterdir():
        for text in file.read_text(errors="replace").splitlines():
            match = line.match(text)
            if match and not match[1].startswith("linux-vdso"):
                found.add(number_of((name_of(match[1]), match[3], match[4] or "", name_of(match[2]))))
    undefined = {(name_of(path), symbol) for symbol, path in
                 re.findall(r"undefined symbol: ([^\s,]+).*?\((.*?)\)", now.stdout + now.stderr)}
    trouble = [text.strip() for text in (start.stdout + start.stderr).splitlines()
               if re.search(r"not found|undefined symbol|error while|cannot open|symbol lookup error", text)]
    if start.returncode and not trouble:
        trouble = [f"status {start.returncode}"]
    return Answer(array.array("I", found), undefined, trouble)


def programs():
    """Every program that ld.so starts: executable ELF files with glibc's interpreter."""
    more = ("/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/local/bin", "/usr/games")
    for top in ("/usr/bin",) + (more if os.environ.get("MATR_TEST_SLOW") else ()):
        for base, _, names in os.walk(top):
            for name in names:
                path = os.path.join(base, name)
                if os.path.islink(path) or not os.path.isfile(path) or not os.access(path, os.X_OK):
                    continue
                with open(path, "rb") as file:
                    head = file.read(4096)
                if head[:4] == b"\x7fELF" and b"/ld-linux-x86-64.so.2\0" in head and ".so" not in name:
                    yield path


# ---- packages ----

def install(which):
    done = run("dpkg", "--force-depends", "--force-breaks", "--force-conflicts", "--force-downgrade", "--force-confnew", "-i",
               *map(str, sorted((directory / which).glob("*.deb"))))
    tap.check(f"dpkg installs the {which} packages", done.returncode == 0, done.stdout + done.stderr)


def libraries(which):
    """File names of the packages' libraries, links too."""
    names = set()
    for package in (directory / which).glob("*.deb"):
        names |= {os.path.basename(row.split(" -> ")[0]) for row in run("dpkg-deb", "-c", str(package)).stdout.splitlines()
                  if re.search(r"\.so(\.|$| )", row)}
    return names


def snapshot(which):
    sonames.clear()
    canonical.cache_clear()
    return {program: bindings_of(program) for program in which}


# ---- the comparison ----

Change = collections.namedtuple("Change", "verdict requester symbol version")


def difference(before, after):
    """Row by row what check-upgrade --all should say of a program that starts in both; providers by row."""
    rows = {}
    changed = {facts[number][:3] for number in set(before.bindings) ^ set(after.bindings)}
    providers = [collections.defaultdict(set), collections.defaultdict(set)]
    for side, answer in zip(providers, (before, after)):
        for number in answer.bindings if changed else ():
            if facts[number][:3] in changed:
                side[facts[number][:3]].add(facts[number][3])
    for key in changed:
        old, new = (side.get(key, set()) for side in providers)
        verdict = "moved" if old and new else "gained" if new else "dropped"
        rows[Change(verdict, *key)] = (old, new)
    return rows


def said_of(rows):
    """check-upgrade's rows of one program in the same form."""
    said = {}
    for row in rows:
        names = [name_of(row[end]) if (row[end] or "").startswith("/") else None for end in ("before", "after")]
        verdict = row["verdict"]
        if verdict == "lost":
            verdict = "dropped" if row["before"] and names[1] is None and row["after"] != "undefined" else "lost"
        old, new = said.setdefault(Change(verdict, name_of(row["requester"]), row["symbol"], row["version"] or ""), (set(), set()))
        old |= {names[0]} - {None}
        new |= {names[1]} - {None}
    return said


def agree(expected, said, before, after):
    wrong = []
    for row in expected.keys() | {row for row in said if row.verdict != "lost"}:
        old, new = expected.get(row, (set(), set()))
        said_old, said_new = said.get(row, (set(), set()))
        if row not in expected or row not in said:
            # A reference to what is defined nowhere any more was a binding, and is lost.
            lost = Change("lost", *row[1:])
            if row.verdict == "dropped" and row in expected and lost in said:
                continue
            wrong.append(f"{'ld.so' if row in expected else 'check-upgrade'} only: {row} {old or said_old} {new or said_new}")
        elif not (old - new <= said_old <= old and new - old <= said_new <= new):
            wrong.append(f"{row}: ld.so {old} {new}, check-upgrade {said_old} {said_new}")
    lost = {(row.requester, row.symbol) for row in said if row.verdict == "lost"}
    if lost != after.undefined - before.undefined:
        wrong.append(f"lost: ld.so {after.undefined - before.undefined}, check-upgrade {lost}")
    return wrong


def explained(reason, trouble):
    """Test whether the reason is one of those that ld.so has, by the names in it."""
    patterns = [(r"version `(.*)' not found", 1), (r"(\S+) => not found", 1), (r"undefined symbol: ([^\s,]+)", 1),
                (r"cannot open shared object", 0), (r"no version information available", 0)]
    names = [match[group] for text in trouble for pattern, group in patterns for match in [re.search(pattern, text)] if match and group]
    return any(name in reason for name in names) or "no version" in " ".join(trouble)


def compare(before, after, rows, status, name):
    by_program = collections.defaultdict(list)
    for row in rows:
        by_program[row["program"]].append(row)
    counts, wrong, refused = collections.Counter(), [], []
    for program in sorted(before):
        if before[program].trouble:
            continue
        own = by_program.pop(program, [])
        verdicts = {row["verdict"] for row in own}
        gone = not os.path.exists(program)
        if gone or "gone" in verdicts:
            counts["gone"] += 1
            if not gone or verdicts != {"gone"}:
                wrong.append(f"{program}: gone {gone}, check-upgrade {verdicts}")
        elif after[program].trouble or "refused" in verdicts:
            counts["refused"] += 1
            refused.append(program)
            if verdicts != {"refused"} or not after[program].trouble:
                wrong.append(f"{program}: ld.so {after[program].trouble[:2]}, check-upgrade {own[:2]}")
            elif not explained(own[0]["reason"], after[program].trouble):
                wrong.append(f"{program}: {own[0]['reason']}: but ld.so {after[program].trouble[:3]}")
        else:
            expected = difference(before[program], after[program])
            changes = [row for row in own if row["verdict"] != "replaced"]
            counts.update(row["verdict"] for row in changes)
            counts["as before"] += not changes
            wrong += [f"{program}: {text}" for text in agree(expected, said_of(changes), before[program], after[program])]
    new = {program for program, own in by_program.items() if {row["verdict"] for row in own} <= {"new", "refused"}}
    for program in sorted(new):
        answer = bindings_of(program)
        counts["new"] += 1
        if bool(answer.trouble) != (by_program[program][0]["verdict"] == "refused"):
            wrong.append(f"{program}: new, {answer.trouble[:2]}, check-upgrade {by_program[program]}")
    wrong += [f"{program}: not asked of ld.so: {own[:2]}" for program, own in by_program.items() if program not in new]
    shown = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()) if number)
    tap.check(f"{name}: {len(before)} programs as ld.so has it ({shown})", not wrong, "\n".join(wrong))
    worse = any(row["verdict"] in ("refused", "lost", "moved", "gone", "unversioned", "unknown") for row in rows)
    tap.check(f"{name}: exit status {status}", status == worse, status)
    return refused


def really(refused, name):
    """What cannot start is started: it says so."""
    started = []
    for program in refused[:10]:
        done = run(program, "--version", timeout=300)
        if done.returncode == 0 or not re.search(r"error while loading|not found|symbol lookup error|no version", done.stderr):
            started.append(f"{program}: {done.returncode} {done.stderr}")
    if refused:
        tap.check(f"{name}: {len(refused[:10])} of the refused were started, and were not", not started,
                  "\n".join(started))


def check(which):
    done = run(matr, "check-upgrade", "--all", "--format", "json",
               *[word for package in sorted((directory / which).glob("*.deb")) for word in ("--replace", str(package))])
    tap.check(f"check-upgrade with the {which} packages", done.returncode in (0, 1) and not done.stderr,
              f"{done.returncode} {done.stderr}")
    return json.loads(done.stdout or "[]"), done.returncode


install("old")
names = libraries("old") | libraries("new")
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    asked = threads.map(lambda program: (program, ask(program)), programs())
    users = sorted(program for program, answer in asked
                   if names & {os.path.basename(word) for word in answer.stdout.split()})
tap.check(f"{len(users)} programs load something of {', '.join(sorted(names))}", len(users) >= 3)
old = snapshot(users)
mute = [program for program, answer in old.items() if not answer.bindings and not answer.trouble]
tap.check(f"ld.so has {sum(len(answer.bindings) for answer in old.values())} bindings of them", not mute, mute)
for here, there in (("old", "new"), ("new", "old")):
    mappable = [program for program in users if not old[program].trouble]
    if not mappable:
        tap.check(f"back from {here}: no program starts", True)
        break
    begun = run(matr, "epoch", "begin", "-q", *mappable)
    listed = {row["program"] for row in json.loads(run(matr, "epoch", "show", "--programs", "--format", "json").stdout or "[]")}
    tap.check(f"an epoch of {len(listed)} programs", listed >= set(mappable),
              begun.stderr + str(set(mappable) - listed))
    rows, status = check(there)
    install(there)
    known = dict(sonames)
    new = snapshot(users)
    sonames.update({path: name for path, name in known.items() if path not in sonames})
    subject = {program: old[program] for program in users if program in listed}
    really(compare(subject, new, rows, status, f"{here} to {there}"), f"{here} to {there}")
    old = new
tap.check("finished", True)
