#!/usr/bin/env bash
# commands.sh - what all commands have in common: see commands.py.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
begin /usr/bin/git /usr/bin/xz /usr/bin/python3
/usr/bin/python3 "$HERE/commands.py" "$MATR" "$SOURCE" "$T"
