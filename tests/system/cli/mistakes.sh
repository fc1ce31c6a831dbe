#!/usr/bin/env bash
# mistakes.sh - what users do wrong, and what the machine does to them: see mistakes.py.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
echo 'int main(void) { return 0; }' | $CC -x c -o "$T/program" -
settle "$T/program"
begin /usr/bin/xz "$T/program"
/usr/bin/python3 "$HERE/mistakes.py" "$MATR" "$T"
