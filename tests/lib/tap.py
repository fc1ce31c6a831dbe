"""Results of tests as TAP ("ok N - NAME"), as tap.sh prints them."""
import fnmatch, os, sys

cases = failures = 0
only = os.environ.get("MATR_TEST_ONLY", "")


def check(name, good, *why):
    """One case. `why` explains a failure: the first lines of each text are printed. MATR_TEST_ONLY, a pattern of the
    shell that a part of the name matches, selects cases; the others are not reported."""
    global cases, failures
    if only and not fnmatch.fnmatchcase(name, f"*{only}*"):
        return
    cases += 1
    failures += not good
    print("ok" if good else "not ok", cases, "-", name)
    for text in () if good else why:
        for line in str(text).splitlines()[:20]:
            print("#  ", line[:300])
    sys.stdout.flush()


def equal(name, wanted, got):
    check(name, wanted == got, f"wanted: {wanted}", f"got:    {got}")


def none(name, wrong):
    """A case that passes if the list is empty. Its members explain a failure, one a line."""
    check(name, not wrong, *wrong)


def finish():
    """Print the plan and end the test, with an exit status. No case at all is a failure."""
    print(f"1..{cases}")
    if not cases:
        print("# no case" + (f" has a name that {only} matches" if only else ""))
    sys.exit(failures > 0 or cases == 0)
