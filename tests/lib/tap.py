"""Results of tests as TAP ("ok N - NAME"), as tap.sh prints them."""
import sys

cases = failures = 0


def check(name, good, *why):
    """One case. `why` explains a failure: the first lines of each text are printed."""
    global cases, failures
    cases += 1
    failures += not good
    print("ok" if good else "not ok", cases, "-", name)
    for text in () if good else why:
        for line in str(text).splitlines()[:20]:
            print("#  ", line[:300])
    sys.stdout.flush()


def equal(name, wanted, got):
    check(name, wanted == got, f"wanted: {wanted}", f"got:    {got}")


def finish():
    """End the test, with an exit status."""
    print(f"1..{cases}")
    sys.exit(failures > 0 or cases == 0)
