#!/usr/bin/env bash
# add.sh - `epoch begin PROGRAM` adds the program to the epoch in force, or refreshes it there; --only replaces the epoch.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

mkdir "$T/bin" "$T/more"
cp /bin/true /bin/ls "$T/bin"
cp /bin/cat "$T/more/one"
cp /bin/date "$T/more/two"
cp /bin/head "$T/more/three"
printf '[programs]\ndirectory = %s\n' "$T/bin" >"$T/conf"

programs() { "$MATR" epoch show --programs --format csv | tr -d '\r' | sed 1d | cut -d, -f1 | sed "s|$T/||" | sort | paste -sd ' '; }
# begin_with NAME STATUS PROGRAMS FIRST-LINE ARGUMENT...: the programs that the epoch has then, by path.
begin_with()
{
	local name=$1 wanted=$2 programs=$3 first=$4 status=0
	shift 4
	"$MATR" epoch begin "$@" >"$T/begin" 2>"$T/begin.err" </dev/null || status=$?
	echo "exit status $status, programs $(programs)" >"$T/got"
	if [ "$status $(programs)" = "$wanted $programs" ] && head -n 1 "$T/begin" | grep -Eq "$first"; then
		ok "$name"
	else
		not_ok "$name" "$T/got" "$T/begin" "$T/begin.err"
	fi
}

begin_with "a first program" 0 "more/one" '^program ' "$T/more/one"
begin_with "another is added" 0 "more/one more/two" '^1 program added to epoch 1 \(1 program\), 0 refreshed$' "$T/more/two"
check "the table is of that one" [ "$(grep -c "^$T" "$T/begin")" -eq 1 ]
same "both start mapped" "$T/more/one" /dev/null
same "... and the other" "$T/more/two" -u -d @0
begin_with "one is there already" 0 "more/one more/two" '^0 programs added to epoch 2 \(2 programs\), 1 refreshed$' "$T/more/two"
begin_with "one that cannot be mapped is declined, the epoch goes on" 3 "more/none more/one more/two" \
	'^1 program added to epoch 3' "$T/more/none"
check "which is said of it alone" [ "$(grep -c declined: "$T/begin.err")" -eq 1 ]
begin_with "it is left out when it is gone" 0 "more/one more/two" '^0 programs added .* 1 refreshed$' "$T/more/one"
check "... which is said" grep -qx "matr: $T/more/none: is gone, and leaves the epoch" "$T/begin.err"
begin_with "... once" 0 "more/one more/two" '^0 programs added .* 1 refreshed$' "$T/more/one"
check "... and not again" [ ! -s "$T/begin.err" ]
begin_with "--only" 0 "more/three" '^epoch 6 \(2 programs\) is replaced$' --only "$T/more/three"

begin_with "the whole system is added" 0 "bin/ls bin/true more/three" \
	'^the whole system is added to epoch 7 \(1 program\)$' --config "$T/conf"
begin_with "a program is added to the whole system" 0 "bin/ls bin/true more/one more/three" \
	'^1 program added to epoch 8 \(the whole system\), 0 refreshed$' "$T/more/one"
same "it starts mapped" "$T/more/one" /dev/null
same "the system's" "$T/bin/true"
begin_with "a program of the system is refreshed" 0 "bin/ls bin/true more/one more/three" \
	'^0 programs added to epoch 9 \(the whole system\), 1 refreshed$' "$T/bin/true"
begin_with "the system again: what was added stays" 0 "bin/ls bin/true more/one more/three" '' --config "$T/conf"
rm "$T/more/one"
begin_with "one is gone" 0 "bin/ls bin/true more/three" '' --config "$T/conf"
begin_with "--only the system" 0 "bin/ls bin/true" '' --only --config "$T/conf"
begin_with "--only, once more" 0 "bin/ls bin/true" '' --only --config "$T/conf"

# Declined programs that are gone: a file of the scan, one behind a link, a dangling link.
head -c 3000 /bin/ls >"$T/bin/shim"
chmod 755 "$T/bin/shim"
ln -s shim "$T/bin/link"
begin_with "a damaged program is declined" 3 "bin/ls bin/shim bin/true" '' --only --config "$T/conf"
rm "$T/bin/shim"
begin_with "it is gone: it is not listed" 0 "bin/ls bin/true" '' --config "$T/conf"
begin_with "nor later" 0 "bin/ls bin/true" '' --config "$T/conf"
rm "$T/bin/link"

"$MATR" epoch begin -q "$T/more/two"
"$MATR" epoch end
begin_with "an epoch that has ended is not added to" 0 "more/three" '^program ' "$T/more/three"
begin_with "portable" 0 "more/three" 'is replaced$' --only --portable "$T/more/three"
begin_with "a portable one stays so" 0 "more/three more/two" '^1 program added' "$T/more/two"
check "... as its record says" sh -c "'$MATR' epoch show --format json | grep -q '\"portable\": *true'"
"$MATR" epoch suspend --by test
begin_with "a suspended epoch goes on too" 0 "more/three more/two" '^0 programs added to the suspended epoch \(2 programs\), 1 refreshed$' "$T/more/two"
"$MATR" epoch begin "$T/more/three" --format csv >"$T/csv"
check "csv has no such line" sh -c "head -n 1 '$T/csv' | grep -q '^program,'"
finish
