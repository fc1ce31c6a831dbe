"""Random libraries, and a program that loads them in random orders: with MatR as without.

usage: random_loads.py DIRECTORY-OF-SOURCES WORK SEED MATR (MATR_PREFIX is set)

Libraries need many others, define functions and data of the same names, refer to what several define, to
what is defined nowhere, and print when they are initialised and finalised. A third of them is in the
program from the start. A training run loads modules in one order; then other orders, flags, and
dlclose() have to give the same output, and every word has to be as ld.so writes it.
"""
import difflib
import os
import pathlib
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CC = os.environ.get("CC", "gcc")
N_START, N_LIBRARIES, N_MODULES, N_COMMON = 6, 20, 8, 6


def source(rng, name, number, needed, defines):
    """C of an object: `needed` numbers of libraries whose own functions it may call."""
    lines = ["#include <stdio.h>", "#define WEAK __attribute__((weak))"]
    calls = []
    for common in defines:
        lines.append(f"int common_{common}(void) {{ return {number * 10 + common}; }} int datum_{common} = {number};")
    if number < 100 and rng.random() < 0.5:
        lines.append(f"int who(void) {{ return {number}; }}")
    lines.append(f"int own_{number}(void) {{ return {number}; }}")
    for other in needed:
        if rng.random() < 0.6:
            lines.append(f"extern int own_{other}(void); int (*pointer_{number}_{other})(void) = own_{other};")
            calls += [f"own_{other}()", f"pointer_{number}_{other}()"]
    for common in range(N_COMMON):
        kind = rng.random()
        # Refer weakly, or by calls that are not made, to symbols that not all define.
        if kind < 0.4:
            lines.append(f"extern int common_{common}(void) WEAK, datum_{common} WEAK;"
                         f" static int *at_{common} = &datum_{common};")
            calls += [f"(common_{common} ? common_{common}() : -1)", f"(at_{common} ? *at_{common} : -2)"]
        elif kind < 0.5 and number >= N_START:
            lines.append(f"extern int common_{common}(void); static int (*to_{common})(void) = common_{common};")
            calls.append(f"(to_{common}() & 255)")
    total = " + ".join(calls) or "0"
    lines.append(f"int go_{number}(void) {{ return {total}; }}")
    lines.append(f"int go(void) {{ return go_{number}(); }}" if number >= 100 else "")
    lines.append(f'__attribute__((constructor)) static void start(void) {{ puts("+ {name}"); }}')
    lines.append(f'__attribute__((destructor)) static void stop(void) {{ puts("- {name}"); }}')
    return "\n".join(lines)


def build(work, name, text, needed, flags):
    subprocess.run([CC, "-O1", "-w", "-fPIC", "-shared", "-o", str(work / f"{name}.so"), "-x", "c", "-", "-x", "none",
                    "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN", f"-Wl,-soname,{name}.so",
                    *(str(work / f"l{n}.so") for n in needed), *flags], input=text, text=True, check=True)


def build_all(rng, sources, work):
    for i in range(N_LIBRARIES):
        below = list(range(min(i, N_START) if i < N_START else i))
        needed = rng.sample(below, int(len(below) * rng.uniform(0.3, 0.9)))
        defines = [c for c in range(N_COMMON) if rng.random() < 0.25 or (i < N_START and c == 0)]
        flags = rng.choice([[], [], ["-Wl,-z,now"], ["-Wl,-Bsymbolic"]])
        build(work, f"l{i}", source(rng, f"l{i}", i, needed, defines), needed, flags)
    modules = []
    for i in range(N_MODULES):
        needed = rng.sample(range(N_LIBRARIES), rng.randint(1, N_LIBRARIES - 4))
        defines = [c for c in range(N_COMMON) if rng.random() < 0.2]
        modules.append((work, f"m{i}", source(rng, f"m{i}", 100 + i, needed, defines), needed,
                        rng.choice([[], ["-Wl,-z,now"]])))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda module: build(*module), modules))
    start = [str(work / f"l{i}.so") for i in range(N_START)]
    subprocess.run([CC, "-O1", "-w", "-D_GNU_SOURCE", "-rdynamic", "-o", str(work / "load"), str(sources / "closures" / "load.c"),
                    "-Wl,--no-as-needed", f"-Wl,-rpath,{work}", *start, "-ldl", "-pthread"], check=True)


def steps(rng, work):
    """Loads, calls and closes; every module may come several times."""
    result, opened = [], []
    for _ in range(rng.randint(4, 14)):
        if opened and rng.random() < 0.3:
            result += ["close", opened.pop(rng.randrange(len(opened)))]
        else:
            library = f"m{rng.randrange(N_MODULES)}" if rng.random() < 0.8 else f"l{rng.randrange(N_LIBRARIES)}"
            name = f"{library}.{len(result)}"
            flags = rng.choice(["n", "n", "n", "l", "l", "ng", "lg", "nd", "nN"])
            result += ["open", name, str(work / f"{library}.so"), flags, "call", name, "who"]
            result += ["call", name, "go" if library[0] == "m" else f"go_{library[1:]}"]
            opened.append(name)
        if rng.random() < 0.5:
            result.append("list")
    return result + ["list"]


def run(command, **more):
    environment = {**os.environ, **more}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300,
                            stdin=subprocess.DEVNULL)
    said = [line for line in result.stderr.splitlines() if line.startswith("ld-stable: ")]
    errors = [line for line in result.stderr.splitlines() if not line.startswith("ld-stable: ")]
    return (result.returncode, result.stdout, errors), said


def str_of(result):
    return [str(result[0]), *result[1].splitlines(), *result[2]]


def fail(what, *more):
    print(what, *more, sep="\n")
    sys.exit(1)


def main():
    sources, work, seed, matr = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    rng = random.Random(seed)
    build_all(rng, sources, work)
    program = str(work / "load")
    training = []
    for i in rng.sample(range(N_MODULES), N_MODULES - 1):
        training += ["open", f"m{i}", str(work / f"m{i}.so"), "n", "call", f"m{i}", "go"]
    plain, _ = run([program, *training])
    if plain[0] != 0:
        fail(f"the program itself fails: {plain}")
    run([matr, "record", program, *training])
    begun, _ = run([matr, "epoch", "begin", "--only", program])
    if begun[0] != 0:
        fail("no epoch", *begun[1:])
    applied = left = words = 0
    for turn in range(12):
        sequence = training if turn == 0 else steps(rng, work)
        plain, _ = run([program, *sequence])
        ours, said = run([matr, "run", program, *sequence], LD_STABLE_DEBUG="1")
        if plain != ours or not said or not said[0].startswith("ld-stable: applied"):
            fail(f"turn {turn}: {' '.join(sequence)}", *difflib.unified_diff(
                str_of(plain), str_of(ours), "without MatR", "with it", lineterm="", n=3), *said)
        applied += sum("applied closure" in line for line in said)
        left += sum("left to ld.so" in line for line in said)
        if turn % 3 == 0:
            verified = subprocess.run([matr, "verify", "--loads", program, *sequence], capture_output=True, text=True,
                                      check=False)
            if "differences: 0" not in verified.stderr or any(line.startswith("  ") for line in verified.stderr.splitlines()):
                fail(f"turn {turn}: {' '.join(sequence)}", verified.stderr)
            words += 1
    if not applied:
        fail("no load was served", *said)
    print(f"{applied} loads applied, {left} left to ld.so, words compared in {words} runs")


main()
