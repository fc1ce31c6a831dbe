#!/usr/bin/env bash
# sql_shell.sh - the interactive shell of `matr sql`, on a pseudo-terminal: sql_shell.py has the cases.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"

if ! begin /usr/bin/git; then
	not_ok "an epoch to ask about"
	finish
fi
/usr/bin/python3 "$HERE/sql_shell.py" "$MATR" "$MATR_PREFIX"
