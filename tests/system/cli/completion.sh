#!/usr/bin/env bash
# completion.sh - matr complete, and the three shells that show what it answers: see completion.py.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
export HOME=$T XDG_CONFIG_HOME=$T # no settings of anybody's
cp /usr/bin/xz "$T/own-xz"
: >"$T/a file"
/usr/bin/python3 "$HERE/completion.py" "$MATR" "$SOURCE" "$T"
