"""TAP: each test prints what is wrong."""
import sys

count = failed = 0


def check(name, wrong):
    """A test, with what is wrong, one a line; nothing: it passes."""
    global count, failed
    count += 1
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}")
    for line in wrong:
        print(f"#   {line}")
    sys.stdout.flush()


def finish():
    """Print the plan. Returns the exit status."""
    print(f"1..{count}")
    return int(failed > 0)
