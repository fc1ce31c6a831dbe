#!/usr/bin/env python3
"""The calls that `matr trace` counts, against counts that have nothing to do with it: valgrind's (callgrind simulates every
instruction) and gdb's (breakpoints).

usage: counts.py MATR DIRECTORY callgrind|gdb [--symbol GLOB]... -- PROGRAM [ARG]...

Compared is, for each caller object and each address that is called, the number of calls. A function whose address an object takes
may be called by somebody else (destructors at exit, callbacks): a binding's calls are its caller's then, and it is the sum over
all callers that is compared. Left aside is what the three do not say in the same terms: calls from an object to itself (not all
of them go by way of a binding), functions that an IFUNC resolver chooses (valgrind's CPU is another one), and callers that came
with dlopen(). Names of one address are one function. Each counts in a run of its own, and under load git calls free() once more or
less: a difference counts when it is there again.
Prints "N functions, M calls: the same", or the differences, and exits with 1.
"""
import collections, csv, json, os, re, shutil, subprocess, sys

# Functions that ld.so or libc's start code runs once per process, without a call of the program's.
IGNORED = {"__libc_start_main", "__cxa_finalize", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__"}


class Library:
    """The dynamic symbol table of a file."""

    def __init__(self, path):
        self.address, self.names, self.resolved = {}, collections.defaultdict(set), set()
        text = subprocess.run(["readelf", "-W", "--dyn-syms", path], capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            part = line.split()
            if len(part) < 8 or not part[0].endswith(":") or part[3] not in ("FUNC", "IFUNC", "NOTYPE"):
                continue
            name, _, version = part[7].partition("@")
            if part[6] == "UND":
                continue
            at = int(part[1], 16)
            self.address[name, version.lstrip("@")] = at
            if not version or version.startswith("@"):
                self.address[name, ""] = at
            self.names[at].add(name)
            if part[3] == "IFUNC":
                self.resolved.add(at)

        text = subprocess.run(["readelf", "-W", "-r", path], capture_output=True, text=True, check=True).stdout
        self.pointers = {name for name in re.findall(r"R_X86_64_(?:64|GLOB_DAT) .* (\w+)(?:@\S+)? \+ 0", text)}

    def find(self, name, version):
        return self.address.get((name, version), self.address.get((name, "")))


libraries = {}


def library(path):
    path = os.path.realpath(path)
    if path not in libraries:
        libraries[path] = Library(path)
    return libraries[path]


def traced(matr, directory, symbols, command, environment):
    """{(caller, callee, address): calls}, and the callers that there were."""
    table = os.path.join(directory, "counts.csv")
    globs = [word for symbol in symbols for word in ("--symbol", symbol)]
    done = subprocess.run([matr, "trace", "--count", "--format", "csv", "-o", table, *globs, "--", *command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    counts = collections.Counter()
    for row in csv.DictReader(open(table)):
        at = library(row["callee"]).find(row["symbol"], row["version"])
        if row["caller"] != row["callee"] and row["symbol"] not in IGNORED and at is not None and at not in library(row["callee"]).resolved:
            counts[row["caller"], row["callee"], at] += int(row["calls"])
    return counts, done.returncode


def callgrind(directory, command, wanted):
    out = os.path.join(directory, "callgrind.out")
    done = subprocess.run(["valgrind", "--quiet", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", f"--callgrind-out-file={out}", *command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    named, counts = {}, collections.Counter()

    def name(kind, text):
        number, _, rest = text.partition(" ")
        if rest:
            named[kind, number] = rest
        return named[kind, number]

    # Some PLT stubs are nobody's ("???", with addresses in memory): who calls them calls what they jump to.
    caller = callee = stub = None
    stubs, to_stubs = {}, collections.Counter()
    for line in open(out, errors="replace"):
        line = line.rstrip("\n")
        if line.startswith("ob="):
            caller = callee = os.path.realpath(name("ob", line[3:]))
        elif line.startswith("fn="):
            stub = name("fn", line[3:])
        elif line.startswith("cob="):
            callee = os.path.realpath(name("ob", line[4:]))
        elif line.startswith("cfn="):
            name("fn", line[4:])
        elif line.startswith("calls="): # calls=COUNT 0xADDRESS LINE
            count, address = line[6:].split()[:2]
            if caller.endswith("/???"):
                stubs[int(stub.split("'")[0], 16)] = callee, int(address, 16)
            elif callee.endswith("/???"):
                to_stubs[caller, int(address, 16)] += int(count)
            else:
                counts[caller, callee, int(address, 16)] += int(count)
            callee = caller
    for (caller, address), count in to_stubs.items():
        if address in stubs:
            counts[(caller, *stubs[address])] += count
    return counts, done.returncode


GDB = r'''
import collections, gdb, json
wanted = json.load(open(WANTED))          # [[callee, address]]
gdb.execute("set pagination off"); gdb.execute("set confirm off"); gdb.execute("set breakpoint pending off")
gdb.execute("handle all nostop noprint pass"); gdb.execute("handle SIGTRAP stop")
gdb.execute("set auto-solib-add off"); gdb.execute("set stop-on-solib-events 1")
gdb.execute("set exec-wrapper env -i " + ENVIRONMENT)
gdb.execute("set detach-on-fork on"); gdb.execute("set follow-fork-mode parent")
counts, maps = collections.Counter(), []

def read_maps():
    maps.clear()
    for line in open(f"/proc/{gdb.selected_inferior().pid}/maps"):
        part = line.split()
        if len(part) == 6 and part[5].startswith("/"):
            low, high = (int(n, 16) for n in part[0].split("-"))
            maps.append((low, high, int(part[2], 16), part[5]))

def object_at(address):
    for _ in range(2):
        for low, high, _, path in maps:
            if low <= address < high:
                return path
        read_maps()
    return "?"

def read(address, size):
    return gdb.selected_inferior().read_memory(address, size).tobytes()

def called(back):
    """Where the call before the return address went to at first: realloc(NULL) goes on to malloc by a jump, which is no call of malloc."""
    code = read(back - 6, 6)
    if code[:2] == b"\xff\x15":                                  # call *GOT(%rip)
        return int.from_bytes(read(back + int.from_bytes(code[2:], "little", signed=True), 8), "little")
    if code[1] != 0xe8:
        return None                                              # by way of a register: it could be either
    stub = back + int.from_bytes(code[2:], "little", signed=True)
    code = read(stub, 16)
    at = code.find(b"\xff\x25")                                   # jmp *GOT(%rip)
    if not 0 <= at <= 5:
        return stub
    return int.from_bytes(read(stub + at + 6 + int.from_bytes(code[at + 2:at + 6], "little", signed=True), 8), "little")

class Counter(gdb.Breakpoint):
    def __init__(self, callee, address, where):
        super().__init__(f"*{where}", internal=True)
        self.callee, self.address, self.where, self.silent = callee, address, where, True
    def stop(self):
        back = int.from_bytes(read(int(gdb.parse_and_eval("$rsp")) & (1 << 64) - 1, 8), "little")
        target = called(back)
        caller = object_at(back)
        if target not in (None, self.where):                     # a jump from there
            caller = object_at(target)
        counts[caller, self.callee, self.address] += 1
        return False

gdb.execute("run")
while True:                               # the libraries are there, constructors have not run
    read_maps()
    paths = {path for _, _, _, path in maps}
    if all(callee in paths for callee, _ in wanted):
        break
    gdb.execute("continue")
gdb.execute("set stop-on-solib-events 0")
for callee, address in wanted:
    base = min(low for low, _, offset, path in maps if path == callee and offset == 0)
    Counter(callee, address, base + address)
try:
    while True:
        gdb.execute("continue")
except gdb.error:
    pass                                  # it has ended
json.dump([[*key, n] for key, n in counts.items()], open(RESULT, "w"))
'''


def breakpoints(directory, command, wanted):
    script, asked, result = (os.path.join(directory, name) for name in ("counter.py", "wanted.json", "result.json"))
    json.dump(sorted(wanted), open(asked, "w"))
    open(script, "w").write(f"WANTED, RESULT, ENVIRONMENT = {asked!r}, {result!r}, {' '.join(map('='.join, os.environ.items()))!r}\n{GDB}")
    subprocess.run(["gdb", "-nx", "-q", "-batch", "-iex", "set startup-with-shell on", "-x", script, "--args", *command],
                   stdin=subprocess.DEVNULL, stdout=open(os.path.join(directory, "gdb.log"), "w"), stderr=subprocess.STDOUT)
    return {tuple(key): n for *key, n in json.load(open(result))}, None


def main():
    matr, directory, method, *rest = sys.argv[1:]
    at = rest.index("--")
    symbols, command = rest[1:at:2] or ["*"], [shutil.which(rest[at + 1])] + rest[at + 2:] # gdb has a path for argv[0]
    # Programs copy what is in their environment: it has to be the same, down to what gdb's shell adds.
    for name in set(os.environ) - {"PATH", "HOME", "LC_ALL"}:
        del os.environ[name]
    os.environ["PYTHONHASHSEED"] = "0"
    if method == "callgrind": # which has a few variables more, for programs that count them: the same for us, LD_* under other names
        text = subprocess.run(["valgrind", "--quiet", "--tool=none", "env", "-0"], capture_output=True, check=True).stdout
        environment = dict(re.sub(rb"^LD_", b"MD_", pair).split(b"=", 1) for pair in text.split(b"\0") if pair)
    else:
        environment = dict(os.environ)
    seen = []
    for _ in range(5):
        different, said = compare(matr, directory, method, symbols, command, environment)
        if not different:
            print(said)
            return 0
        if different in seen:
            break
        seen.append(different)
    print("\n".join(different))
    return 1


def compare(matr, directory, method, symbols, command, environment):
    """The differences, and what is to be said where there are none."""
    ours, status = traced(matr, directory, symbols, command, environment)
    addresses = {(callee, address) for _, callee, address in ours}
    everything, _ = (callgrind if method == "callgrind" else breakpoints)(directory, command, addresses)
    callers = {caller for caller, _, _ in ours}
    theirs = {key: n for key, n in everything.items() if key[0] in callers and key[0] != key[1] and key[1:] in addresses}
    theirs_by_function = collections.Counter()
    for (caller, callee, address), n in everything.items():
        theirs_by_function[callee, address] += n * (caller != callee)
    ours_by_function = collections.Counter()
    for (_, callee, address), n in ours.items():
        ours_by_function[callee, address] += n

    def is_pointer(callee, address):
        return any(library(callee).names[address] & library(caller).pointers for caller, *function in ours if function == [callee, address])

    different = sorted(key for key in set(ours) | set(theirs) if ours.get(key, 0) != theirs.get(key, 0)
                       and not (is_pointer(*key[1:]) and ours_by_function[key[1:]] == theirs_by_function[key[1:]]))
    lines = []
    for key in different:
        caller, callee, address = key
        lines.append(f"{caller} -> {'/'.join(sorted(library(callee).names[address]))} of {callee}: traced {ours.get(key, 0)}, "
                     f"{method} {theirs.get(key, 0)}")
    if not ours:
        lines.append(f"nothing was traced (exit status {status})")
    return lines, f"{len(ours)} functions, {sum(ours.values())} calls: the same"


sys.exit(main())
