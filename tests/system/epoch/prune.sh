#!/usr/bin/env bash
# prune.sh - old epochs are kept, open to questions, and removed on request or beyond a number; what they cost.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

mkdir "$T/lib" "$T/bin"
cat >"$T/conf" <<END
[programs]
directory = $T/bin
END
library() { echo "int $1(void) { return 0; }" | $CC -x c -fPIC -shared -o "$T/lib/$2.new" - && mv "$T/lib/$2.new" "$T/lib/$2"; }
library f libone.so
library g libtwo.so
echo 'int f(void); int main(void) { return f(); }' | $CC -x c -o "$T/bin/one" - -L"$T/lib" -lone -Wl,-rpath,"$T/lib"
cp /bin/bash /bin/ls "$T/bin"
begin_all() { "$MATR" epoch begin --only --config "$T/conf" -q; }
size() { stat -c %s "$MATR_PREFIX/store.db"; }
ids() { "$MATR" epoch list --format csv | tail -n +2 | cut -d, -f1 | paste -sd ' '; }

one_line "no store: list says so" 1 "$MATR" epoch list
one_line "no store: prune says so" 1 "$MATR" epoch prune --keep 1
settle "$T/lib" "$T/bin"
begin_all
# Another file in the place of one's library.
echo 'int f(void) { return 1; }' | $CC -x c -fPIC -shared -o "$T/lib/libone.so.new" - && mv "$T/lib/libone.so.new" "$T/lib/libone.so"
begin_all
$CC -o "$T/bin/one" -x c - -L"$T/lib" -ltwo -Wl,-rpath,"$T/lib" <<<'int g(void); int main(void) { return g(); }'
begin_all
check "three epochs are kept" [ "$(ids)" = "1 2 3" ]
check "json" sh -c "'$MATR' epoch list --format json | /usr/bin/python3 -c 'import json, sys; l = json.load(sys.stdin); sys.exit([e[\"state\"] for e in l] != [\"replaced\", \"replaced\", \"in force\"])'"
"$MATR" inspect --bindings "$T/bin/one" >"$T/now"
"$MATR" inspect --bindings --epoch 1 "$T/bin/one" >"$T/first"
check "the first is open to inspect: it binds f" grep -q '	f	' "$T/first"
check "where the newest binds g" sh -c "grep -q '	g	' '$T/now' && ! grep -q '	f	' '$T/now'"
"$MATR" inspect --bindings --epoch previous "$T/bin/one" >"$T/previous"
check "previous is the second" sh -c "'$MATR' inspect --bindings --epoch 2 '$T/bin/one' | cmp - '$T/previous'"
check "and to sql" sh -c "[ \"\$('$MATR' sql --epoch 1 --headers off --format csv \"SELECT count(*) FROM bindings WHERE symbol = 'f' AND application = '$T/bin/one'\" | tr -d '\\r')\" -gt 0 ]"
"$MATR" sql --format csv --epoch 2 "SELECT * FROM bindings WHERE application = '$T/bin/one'" >"$T/sql2"
check "sql: previous is the second" sh -c "'$MATR' sql --format csv --epoch previous \"SELECT * FROM bindings WHERE application = '$T/bin/one'\" | cmp - '$T/sql2'"
check "matr_epoch('previous') too" sh -c "[ \"\$('$MATR' sql --format list --headers off \"SELECT matr_epoch('previous'); SELECT DISTINCT epoch FROM applications\" | paste -sd,)\" = previous,2 ]"
check "elf_ tables: the objects of the previous epoch" sh -c "'$MATR' sql --epoch previous --format list 'SELECT DISTINCT path FROM elf_headers' 2>/dev/null | grep -q /libone.so"
check "which are not the current one's" sh -c "! '$MATR' sql --format list 'SELECT DISTINCT path FROM elf_headers' 2>/dev/null | grep -q /libone.so"
check "show" sh -c "'$MATR' epoch show 1 | grep -q '^programs      3,' && '$MATR' epoch show --format json previous | grep -q '\"epoch\": *2'"
check "its programs: one is new" [ "$("$MATR" epoch show --programs --format csv 2 | grep -c ',new,')" -eq 1 ]
check "to why: who asks for f" sh -c "'$MATR' why --details --epoch 1 '$T/bin/one' f | grep -q '^.*/one'"
check "which nobody has now" sh -c "'$MATR' why '$T/bin/one' f 2>&1 | grep -q 'no object of .* nearest: g'"
check "to exposed: who binds to f" sh -c "'$MATR' exposed --epoch 1 --symbol f --format csv 2>'$T/counts' | grep -q 'bin/one'"
check "where nobody does now" sh -c "! '$MATR' exposed --symbol f --format csv 2>'$T/counts' | grep -q 'bin/one'"
check "to tree and shadowed" sh -c "'$MATR' tree --epoch 1 '$T/bin/one' && '$MATR' shadowed --epoch 1 '$T/bin/one'"
one_line "an epoch that is not there" 1 "$MATR" epoch show 99
check "the message has those that are" grep -q 'kept are 1 to 3' "$T/line.err"
capture line "$MATR" epoch show nonsense
check "no epoch at all is usage" [ "$(cat "$T/line.status")" -eq 2 ]
capture line "$MATR" epoch prune --keep 0
check "to keep none is usage" [ "$(cat "$T/line.status")" -eq 2 ]
check "nothing was changed by errors" [ "$(ids)" = "1 2 3" ]

before=$(size)
check "prune" sh -c "'$MATR' epoch prune --keep 2 | grep -q '^1 epoch removed'"
check "the first is gone" [ "$(ids)" = "2 3" ]
check "and the store is no larger" [ "$(size)" -le "$before" ]
check "the second is whole" sh -c "'$MATR' inspect --bindings --epoch 2 '$T/bin/one' | cmp - '$T/previous'"
check "prune to one" "$MATR" epoch prune --keep 1
check "the one in force is there" [ "$(ids)" = 3 ]
one_line "no previous one: show" 1 "$MATR" epoch show previous
check "says so" grep -q 'no record of an epoch before 3' "$T/line.err"
one_line "no previous one: sql" 1 "$MATR" sql --epoch previous 'SELECT count(*) FROM objects'
check "says so too" grep -q 'no record of an epoch before 3' "$T/line.err"
check "and well" "$MATR" epoch status
same "a program" "$T/bin/one"

printf '[epochs]\nkeep = 2\n' >>"$T/conf"
for _ in 1 2 3; do begin_all; done
check "a begin keeps what the configuration says" [ "$(ids | wc -w)" -eq 2 ]
check "and is well" "$MATR" epoch status
for wrong in 1 0 -3 many 10001; do
	printf '[epochs]\nkeep = %s\n' "$wrong" >"$T/wrong"
	one_line "keep = $wrong is refused" 1 "$MATR" epoch begin --only --config "$T/wrong" -q
done
"$MATR" epoch end
check "ended: the newest is still there after a prune" sh -c "'$MATR' epoch prune --keep 1 -q && '$MATR' inspect '$T/bin/one'"
finish
