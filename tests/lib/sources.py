"""The files of the repository, for the tests that read them."""
import os, subprocess, sys

C = ("--", "*.c", "*.h", "*.cc", "*.S")
# Scripts, CMake, Python, rules, units: all except C, documents and pictures.
HASH = ("--", ":!*.c", ":!*.h", ":!*.cc", ":!*.S", ":!*.md", ":!*.[1-8]", ":!*.png", ":!*.svg")


def files(source, *arguments):
    """Paths in `source`, by `git ls-files` with these arguments. Without git the test is skipped: exit status 77."""
    listed = subprocess.run(["git", "-C", source, "ls-files", "-z", *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=False)
    if listed.returncode:
        print(f"{os.path.basename(sys.argv[0])}: not a git repository, nothing is checked")
        sys.exit(77)
    return [name for name in listed.stdout.decode().split("\0") if name and os.path.isfile(os.path.join(source, name))]


def report(source, faults, patterns=C):
    """Print FILE:LINE: FAULT for what faults(text) yields of the files that git knows by these patterns.

    Returns whether there is any.
    """
    found = False
    for name in files(source, *patterns):
        with open(os.path.join(source, name), encoding="utf-8", errors="replace") as file:
            for number, fault in faults(file.read()):
                print(f"{name}:{number}: {fault}")
                found = True
    return found
