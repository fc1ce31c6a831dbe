#!/usr/bin/env bash
# commands.sh - what all commands have in common: see commands.py.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
begin /usr/bin/git /usr/bin/xz /usr/bin/python3.11
/usr/bin/python3 "$HERE/commands.py" "$MATR" "$SOURCE" "$T"
