#!/usr/bin/env bash
# pages.sh - the manual pages: see pages.py.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
/usr/bin/python3 "$HERE/pages.py" "$MATR" "$SOURCE"
