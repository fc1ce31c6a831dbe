#!/usr/bin/env bash
# terminal.sh - width, colours, pager and progress on pseudo-terminals: terminal.py has the cases.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"

if ! begin /usr/bin/git /usr/bin/bash || ! "$MATR" baseline save "$T/baseline" >/dev/null || ! begin /usr/bin/git; then
	not_ok "epochs to ask about"
	finish
fi
/usr/bin/python3 "$HERE/terminal.py" "$MATR" "$MATR_PREFIX" "$T"
