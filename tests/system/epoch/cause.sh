#!/usr/bin/env bash
# cause.sh - why an epoch was begun: the user's command line, that of a package manager whose hook begins it, the command
# of `epoch wrap`. One line, bounded, and safe to show.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

mkdir "$T/bin"
cp /bin/true "$T/bin/true"
cause() { "$MATR" epoch list --format json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[-1]["cause"])'; }
is() # NAME CAUSE
{
	cause >"$T/cause"
	printf '%s\n' "$2" >"$T/wanted"
	cmp -s "$T/cause" "$T/wanted" && ok "$1" || not_ok "$1" "$T/wanted" "$T/cause"
}

"$MATR" epoch begin -q "$T/bin/true"
is "a command line" "user: $MATR epoch begin -q $T/bin/true"
check "the table of list has it" sh -c "'$MATR' epoch list | grep -q 'user: .* epoch begin -q'"
check "status has it" sh -c "'$MATR' epoch status | grep -q '^cause  *user: .* epoch begin -q'"
check "status has it as JSON" sh -c "'$MATR' epoch status --format json | grep -q '\"cause\": *\"user: '"
check "show has it" sh -c "'$MATR' epoch show | grep -q '^cause  *user: '"

"$MATR" epoch wrap -- sh -c ': a command' wrapped
is "wrap" "wrap: sh -c : a command wrapped"
"$MATR" epoch suspend --by me
"$MATR" epoch resume
is "resume by a user" "user: $MATR epoch resume"

# A program that stays while its child runs, under the name of a package manager; it calls the hook by a shell.
cp "$(command -v timeout)" "$T/bin/apt-get"
sed "s|^matr=.*|matr=$MATR|" "$BUILD/tools/hooks/package-hook" >"$T/package-hook"
chmod 755 "$T/package-hook"
"$T/bin/apt-get" 100 sh -c "'$T/package-hook' pre apt || true; '$T/package-hook' post apt || true"
is "a package manager's hook" "apt: $T/bin/apt-get 100 sh -c '$T/package-hook' pre apt || true; '$T/package-hook' post apt || true"

"$MATR" epoch begin -q --cause $'a\e[31mb\nc\x7f' "$T/bin/true"
is "control characters are spaces" "a [31mb c "
"$MATR" epoch begin -q --cause "$(printf 'ä%.0s' {1..600})" "$T/bin/true"
is "a long one is cut, at a character" "$(printf 'ä%.0s' {1..255})"
"$MATR" epoch begin -q --cause $'\xff\xfe' "$T/bin/true"
check "bytes that are no UTF-8 do no harm to JSON" sh -c "'$MATR' epoch list --format json | /usr/bin/python3 -m json.tool >/dev/null"
check "nor to a table" sh -c "'$MATR' epoch list | iconv -f utf-8 -t utf-16 >/dev/null"

/usr/bin/python3 - "$MATR_PREFIX/store.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE epochs SET cause = NULL")
db.commit()
END
is "an epoch of an older store has none" None
check "nor has its table" sh -c "! '$MATR' epoch status | grep -q '^cause'"
finish
