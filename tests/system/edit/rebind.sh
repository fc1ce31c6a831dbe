#!/usr/bin/env bash
# rebind.sh - edited mappings (matr-rebind(1)) of real programs and built ones: what is edited, what is refused, what
# survives, and that undoing restores.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/matrd.sh
. "$TESTS/lib/matrd.sh"

mkdir -p "$T/lib" "$T/bin" "$T/early"
# library NAME [OPTION...]: libNAME.so of sources/NAME.c
library()
{
	local name=$1
	shift
	$CC -O1 -fPIC -shared -Wl,-soname,"lib$name.so" -o "$T/lib/lib$name.so" "$HERE/sources/$name.c" "$@"
}
library log
library one
library two
printf 'OLD { };\nNEW { number; } OLD;\n' >"$T/map"
library versioned -Wl,--version-script="$T/map"
library needs -L"$T/lib" -ltwo -Wl,-rpath,"$T/lib"
library calls
$CC -O1 -o "$T/bin/main" "$HERE/sources/main.c" -L"$T/lib" -lone -lcalls -Wl,-rpath,"$T/early:$T/lib" -no-pie
cp "$T/bin/main" "$T/bin/setuid"
chmod 4755 "$T/bin/setuid"

git init -q "$T/repository" && seq 1000 >"$T/repository/file" && git -C "$T/repository" add file
git -C "$T/repository" -c user.email=a@b -c user.name=n commit -q -m one

rebind() { "$MATR" rebind "$@" >"$T/rebind" 2>"$T/rebind.err" </dev/null; }
prints() { [ "$("$MATR" run "$T/bin/main")" = "$1" ]; }
image() { sha256sum "$MATR_PREFIX/epoch.image"; }

UNEDITED='1 2 1 8 4 6 7 1'

# refused NAME PATTERN ARGUMENT...: exit status 1 with that message, image and edits as they were
refused()
{
	local name=$1 pattern=$2 status=0 before
	shift 2
	before=$(image; "$MATR" rebind --list)
	rebind "$@" || status=$?
	if [ $status -eq 1 ] && grep -q -- "$pattern" "$T/rebind.err" && [ "$(image; "$MATR" rebind --list)" = "$before" ]; then
		ok "refused: $name"
	else
		not_ok "refused: $name (exit status $status)" "$T/rebind.err"
	fi
}

settle "$T/lib" "$T/bin"
before_case()
{
	rm -rf "$MATR_PREFIX"
	begin "$T/bin/main" "$T/bin/setuid" git bash
}
two_for_one() { rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so"; }

# built programs
case_one_program()
{
	check "unedited" prints "$UNEDITED"
	plain=$("$T/bin/main")
	rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so" --reason "two for one" && ok "an edit" || not_ok "an edit" "$T/rebind.err"
	check "everybody's binding of the symbol" prints '2 4 2 8 4 6 7 2'
	check "another program has its own" test "$("$MATR" run "$T/bin/setuid")" = "$plain"
	check "without MatR nothing is edited" test "$("$T/bin/main")" = "$plain"
	check "a plain start has no edit" test "$("$MATR" run env LD_PRELOAD="$T/lib/liblog.so" "$T/bin/main" 2>/dev/null)" = "$plain"
	"$MATR" rebind --list --format json >"$T/list"
	check "who, when, why" grep -q '"reason":"two for one"' <(tr -d ' ' <"$T/list" | sed 's/twoforone/two for one/')
	check "who" grep -q "uid $(id -u)" "$T/list"
	"$MATR" verify --format json "$T/bin/main" >"$T/verified" 2>&1 && ok "verify: the rest is ld.so's" || not_ok "verify" "$T/verified"
	check "verify lists what is edited" /usr/bin/python3 -c '
import json, sys
p, = json.load(open(sys.argv[1]))
assert p["outcome"] == "same" and not p["differences"] and {e["symbol"] for e in p["edited"]} == {"number"}, p' "$T/verified"
	"$MATR" inspect --symbol number --format csv "$T/bin/main" >"$T/inspected"
	check "inspect has provider and original" grep -q 'libtwo.so.*libone.so' "$T/inspected"
	"$MATR" inspect "$T/bin/main" >"$T/inspected"
	check "inspect: a library that only an edit brings" grep -Eq 'libtwo\.so +edit' "$T/inspected"
	"$MATR" sql --format list --headers off --sql "SELECT requester, symbol, replace(provider, '$T', ''), replace(original, '$T', ''), edit FROM bindings
	WHERE application = '$T/bin/main' AND edit IS NOT NULL ORDER BY 1" >"$T/sql"
	check "SQL: bindings has edit and original" test "$(sed 's:.*/::; s/|.*edit//' "$T/sql" | sort -u | tr '\n' ' ') $(grep -c '|number|/lib/libtwo.so|/lib/libone.so|1$' "$T/sql") $(wc -l <"$T/sql")" = 'libone.so|1  3 3'
	check "SQL: relocations too" test "$("$MATR" sql --format list --headers off --sql "SELECT count(*), count(DISTINCT edit), count(original) FROM relocations WHERE application = '$T/bin/main' AND edit IS NOT NULL")" = "$("$MATR" sql --format list --headers off --sql "SELECT count(*), 1, count(*) FROM store.edited WHERE application = '$T/bin/main'")"
	check "SQL: nobody else's" test "$("$MATR" sql --format list --headers off --sql "SELECT count(*) FROM relocations WHERE (edit IS NOT NULL OR original IS NOT NULL) AND application <> '$T/bin/main'")" = 0
	rebind --undo 1
	check "undone" prints "$UNEDITED"
	MATR_PREFIX=$T/other "$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash
	check "undone: the mapping as if never edited" cmp <("$MATR" inspect --format csv --symbol '*' "$T/bin/main") \
		<(MATR_PREFIX=$T/other "$MATR" inspect --format csv --symbol '*' "$T/bin/main")
	rebind "$T/bin/main" --symbol number --requester libcalls.so --to "$T/lib/libtwo.so"
	check "one requester's only" prints '1 2 2 8 4 6 7 1'
	rebind --undo 2
	rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so:also"
	check "a definition of another name" prints '22 44 22 8 4 6 7 22'
	rebind --undo 3
	rebind "$T/bin/main" --symbol number --to "$T/lib/libneeds.so"
	check "a library that needs others" prints '23 46 23 8 4 6 7 23'
	rebind --undo 4
	rebind "$T/bin/main" --symbol number --to "$T/lib/libversioned.so"
	check "the default version" prints '11 22 11 8 4 6 7 11'
	rebind --undo 5
	rebind "$T/bin/main" --symbol number --to "$T/lib/libversioned.so:number@OLD"
	check "a version by name" prints '10 20 10 8 4 6 7 10'
	rebind --undo 6
	rebind "$T/bin/main" --symbol small --to "$T/lib/libtwo.so"
	check "copied data of the same size" prints '1 2 1 8 40 6 7 1'
	"$MATR" verify "$T/bin/main" >"$T/verified" 2>&1 && ok "verify: a copy that is edited" || not_ok "verify: a copy that is edited" "$T/verified"
	rebind --undo 7
	check "all undone" prints "$UNEDITED"

	refused "a symbol that nobody binds; the nearest" 'nearest: .*number' "$T/bin/main" --symbol numbr --to "$T/lib/libtwo.so"
	refused "a symbol that the library does not define" 'does not define number' "$T/bin/main" --symbol number --to "$T/lib/libcalls.so"
	refused "a library that is not there" 'nolib.so' "$T/bin/main" --symbol number --to "$T/lib/nolib.so"
	refused "a library that is not found" 'nolib.so' "$T/bin/main" --symbol number --to nolib.so
	refused "a program that is not there; the nearest" 'nearest: .*git' gitt --symbol inflate --to "$T/lib/liblog.so:log_inflate"
	refused "a program that is not in the epoch" 'not among the programs' sed --symbol malloc --to "$T/lib/libtwo.so:number"
	refused "a requester that is not there" 'nothing of libx.so' "$T/bin/main" --requester libx.so --symbol number --to "$T/lib/libtwo.so"
	refused "data for a function" 'is data, but a function is wanted' "$T/bin/main" --symbol number --to "$T/lib/libtwo.so:small"
	refused "a function for data" 'is a function, but data is wanted' "$T/bin/main" --symbol small --to "$T/lib/libtwo.so:number"
	refused "data of another size" 'has 8 bytes of data, not 4' "$T/bin/main" --symbol small --to "$T/lib/libtwo.so:wide_small"
	refused "thread-local data" 'thread-local' "$T/bin/main" --symbol local --to "$T/lib/libtwo.so"
	refused "thread-local data for other data" 'thread-local' "$T/bin/main" --symbol small --to "$T/lib/libtwo.so:local"
	refused "a definition chosen by a resolver" 'IFUNC' "$T/bin/main" --symbol chosen --to "$T/lib/libtwo.so"
	refused "a version that is not there" 'in version NONE' "$T/bin/main" --symbol number --to "$T/lib/libversioned.so:number@NONE"
	refused "a version that nobody asks for" 'binds number@V9' "$T/bin/main" --symbol number@V9 --to "$T/lib/libtwo.so"
	refused "another version than is asked for" 'GLIBC_2' git --symbol getenv@GLIBC_2.2.5 --to "$T/lib/libversioned.so:number@GLIBC_2.2.5"
	refused "set-user-ID" 'set-user-ID' "$T/bin/setuid" --symbol number --to "$T/lib/libtwo.so"
	refused "a program as library" 'is an executable' git --symbol inflate --to "$T/bin/main"
	rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so"
	refused "a binding that is edited already" 'by edit [0-9]* already' "$T/bin/main" --symbol number --to "$T/lib/libneeds.so"
	refused "an edit that is not there" 'no edit 99' --undo 99
	status=0
	rebind --symbol number || status=$?
	check "usage" test $status -eq 2
	rebind -n "$T/bin/main" --symbol twice --to "$T/lib/libtwo.so:number"
	check "--dry-run changes nothing" prints '2 4 2 8 4 6 7 2'
}

case_every_program()
{
	two_for_one
	status=0
	rebind --all-programs --symbol twice --to "$T/lib/libtwo.so:also" || status=$?
	check "all programs that bind it" prints '2 22 2 8 4 6 7 2'
	check "all programs: set-user-ID is said to be not among them" grep -q 'setuid: not edited' "$T/rebind.err"
	check "all programs: exit status" test $status -eq 0
	"$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1 >"$T/id"
	rebind --undo "$(cat "$T/id")"
}

case_several_programs()
{
	cp "$T/bin/main" "$T/bin/other" && cp "$T/bin/main" "$T/bin/third"
	begin "$T/bin/main" "$T/bin/other" "$T/bin/third" "$T/bin/setuid" git bash
	first=$("$MATR" rebind --list --format csv | wc -l)
	status=0
	rebind "$T/bin/third" "$T/bin/setuid" "$T/bin/other" --symbol number --symbol small --to "$T/lib/libtwo.so" || status=$?
	check "several programs: both that can be" test "$(grep -c 'applied' "$T/rebind") $("$MATR" run "$T/bin/other")" = '4 2 4 2 8 40 6 7 2'
	check "several programs: the one that is set-user-ID is said to be left out" grep -q 'setuid: not edited: is set-user-ID' "$T/rebind.err"
	check "several programs: exit status" test $status -eq 3
	check "several programs: one transaction" test "$("$MATR" rebind --list --format csv | wc -l)" -eq $((first + 4))
	# shellcheck disable=SC2046
	"$MATR" rebind --undo $("$MATR" rebind --list --format csv | tail -n 4 | cut -d, -f1) >/dev/null
	check "several programs: all undone at once" test "$("$MATR" run "$T/bin/other") $("$MATR" rebind --list --format csv | wc -l)" = "1 2 1 8 4 6 7 1 $first"
	refused "one of several cannot be: none is" 'git' "$T/bin/other" git --symbol number --to "$T/lib/libtwo.so"
	refused "several, all set-user-ID" 'none of these programs' "$T/bin/setuid" "$(command -v su)" --symbol number --to "$T/lib/libtwo.so"
	refused "several, one is not there" 'nearest: .*git' "$T/bin/other" gitt --symbol number --to "$T/lib/libtwo.so"
	rebind "$T/bin/other" "$T/bin/../bin/other" --symbol number --to "$T/lib/libtwo.so"
	check "the same program twice is one" test "$("$MATR" rebind --list --format csv | wc -l)" -eq $((first + 1))
	"$MATR" rebind --undo "$("$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1)" >/dev/null
}

case_real_programs()
{
	rebind git --symbol inflate --to "$T/lib/liblog.so:log_inflate"
	capture plain git -C "$T/repository" cat-file -p HEAD:file
	LOG=1 capture_matr matr git -C "$T/repository" cat-file -p HEAD:file
	check "git: a wrapper around zlib's inflate: output" cmp "$T/plain.out" "$T/matr.out"
	check "git: it was called" grep -q '^inflate$' "$T/matr.err"
	check "git: applied" grep -q 'applied' "$T/matr.said"
	if ldconfig -p | grep -q libjemalloc.so.2; then
		rebind git --requester libz.so.1 --symbol malloc --symbol free --to libjemalloc.so.2
		"$MATR" inspect --symbol malloc --format csv git >"$T/inspected"
		check "git: malloc of libz only goes to jemalloc" grep -q 'libz.so.*libjemalloc.so.2' "$T/inspected"
		check "git: nobody else's" test "$(grep -c ',.*,.*,.*libjemalloc.so.2,bound' "$T/inspected")" = 1
		capture_matr matr git -C "$T/repository" cat-file -p HEAD:file
		check "git with jemalloc in libz" cmp "$T/plain.out" "$T/matr.out"
		check "git with jemalloc in libz: applied" grep -q 'applied' "$T/matr.said"
		check "git with jemalloc in libz: verify" "$MATR" verify git
	else
		skip "git: malloc of libz only goes to jemalloc" "there is no libjemalloc2"
	fi
}

case_survival()
{
	two_for_one
	settle "$T/lib" "$T/bin"
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash 2>/dev/null </dev/null || :
	check "the next epoch has the edits" prints '2 4 2 8 4 6 7 2'
	check "and takes the programs over" test "$("$MATR" epoch status --format json | /usr/bin/python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["programs"] == s["carried"])')" = True
	sed 's/return 2;/return 3;/' "$HERE/sources/two.c" >"$T/new.c"
	$CC -O1 -fPIC -shared -Wl,-soname,libtwo.so -o "$T/libtwo.new" "$T/new.c" && mv "$T/libtwo.new" "$T/lib/libtwo.so"
	check "the library was replaced: a plain start, until the next epoch" prints "$UNEDITED"
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash 2>/dev/null </dev/null || :
	check "an upgrade of the library" prints '3 6 3 8 4 6 7 3'
	sed 's/number/nombre/' "$HERE/sources/two.c" >"$T/new.c"
	$CC -O1 -fPIC -shared -Wl,-soname,libtwo.so -o "$T/libtwo.new" "$T/new.c" && mv "$T/libtwo.new" "$T/lib/libtwo.so"
	status=0
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash >"$T/begin" 2>&1 </dev/null || status=$?
	check "an upgrade that loses the symbol: exit status 3" test $status -eq 3
	check "said when the epoch begins" grep -q 'edit .* is not in force.*does not define number' "$T/begin"
	capture_matr matr "$T/bin/main"
	check "the program has its mapping, without the edit" test "$(cat "$T/matr.out")" = "$UNEDITED"
	check "it has a mapping" grep -q applied "$T/matr.said"
	status=0
	"$MATR" epoch status >"$T/status" || status=$?
	check "said by the status" grep -q 'edit .*does not define number' "$T/status"
	check "the status is not well" test $status -eq 1
	"$MATR" rebind --list >"$T/list" && not_ok "said by --list" || { grep -q 'failed' "$T/list" && ok "said by --list"; }
	mv "$T/lib/libtwo.so" "$T/lib/gone"
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash >"$T/begin" 2>&1 </dev/null || :
	check "the library is gone: said" grep -q 'edit .* is not in force.*libtwo.so' "$T/begin"
	check "the library is gone: unedited" prints "$UNEDITED"
	library two
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash >"$T/begin" 2>&1 </dev/null || :
	check "it is back" prints '2 4 2 8 4 6 7 2'
	rm -f "$MATR_PREFIX"/store.db*
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash >"$T/begin" 2>&1 </dev/null || :
	check "the store was lost: the edits were not" prints '2 4 2 8 4 6 7 2'
	dd if=/dev/urandom of="$MATR_PREFIX/store.db" bs=4096 count=1 conv=notrunc 2>/dev/null
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash >"$T/begin" 2>&1 </dev/null || :
	check "the store was damaged: the edits were not" prints '2 4 2 8 4 6 7 2'
	check "why is still known" grep -q 'uid' <("$MATR" rebind --list)
	"$MATR" epoch end
	rebind "$T/bin/main" --symbol chosen --to "$T/lib/libtwo.so:also"
	check "without an epoch: recorded for the next" grep -q 'as soon as an epoch begins' "$T/rebind"
	status=0
	rebind "$T/bin/main" --symbol small --to "$T/lib/libtwo.so:number" || status=$?
	check "without an epoch: refused all the same" test $status -eq 1
	"$MATR" epoch begin --only -q "$T/bin/main" "$T/bin/setuid" git bash 2>/dev/null </dev/null || :
	check "and there it is" prints '2 4 2 22 4 6 7 2'
}

case_sql()
{
	two_for_one
	"$MATR" sql --write "DELETE FROM store.edits; INSERT INTO store.edits (program, symbol, library) VALUES ('main', 'twice', '$T/lib/libtwo.so')" >/dev/null
	check "SQL: not yet" prints '2 4 2 8 4 6 7 2'
	status=0
	"$MATR" epoch apply >"$T/apply" 2>&1 || status=$?
	check "SQL: what cannot be done is said" test $status -eq 3
	"$MATR" sql --write "UPDATE store.edits SET to_symbol = 'also'" >/dev/null
	status=0
	"$MATR" epoch apply >"$T/apply" 2>&1 || status=$?
	check "SQL: epoch apply" prints '1 22 1 8 4 6 7 1'
	check "SQL: exit status" test $status -eq 0
	/usr/bin/python3 -c "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('DELETE FROM edits')
db.commit()" "$MATR_PREFIX/store.db"
	"$MATR" epoch status >"$T/status" || :
	"$MATR" epoch apply -q
	check "SQL: any SQLite will do" prints "$UNEDITED"
	"$MATR" epoch end
	status=0
	"$MATR" epoch apply >/dev/null 2>&1 || status=$?
	check "epoch apply wants an epoch" test $status -eq 1
}

reports() { "$MATR" epoch status --format json | grep -q "$1"; }

case_matrd()
{
	"$MATR" epoch begin --only -q "$T/bin/main" git 2>/dev/null </dev/null
	rebind "$T/bin/main" --symbol number --to "$T/lib/libneeds.so"
	start
	check "matrd watches" watching
	# a library for another machine, which ld.so passes over, where a search looks first
	cp "$T/lib/libone.so" "$T/foreign" && printf '\050' | dd of="$T/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
	mv "$T/foreign" "$T/early/libone.so"
	sleep 1.2 # what must not happen: a withdrawal, which comes after the quiet time of a second
	check "matrd: what does not matter to an edited program does not" prints '23 46 23 8 4 6 7 23'
	capture_matr matr "$T/bin/main"
	check "matrd: it still has its mapping" grep -q applied "$T/matr.said"
	rm "$T/early/libone.so"
	cp "$T/lib/libtwo.so" "$T/two.new" && echo >>"$T/two.new" && mv "$T/two.new" "$T/lib/libtwo.so"
	check "matrd: what came in with an edit's library was replaced: withdrawn" within 2 reports "$T/bin/main"
	capture_matr matr git --version
	check "matrd: nobody else is" grep -q applied "$T/matr.said"
	stop
	"$MATR" epoch begin --only -q "$T/bin/main" git 2>/dev/null </dev/null
	check "the next epoch has the edit" prints '23 46 23 8 4 6 7 23'
	"$MATR" rebind --undo "$("$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1)" >/dev/null
}

# what an edited program loads
case_loads()
{
	python=/usr/bin/python3
	"$MATR" epoch begin --only -q $python "$T/bin/main" git 2>/dev/null </dev/null
	"$MATR" record $python -c 'import json, zlib, ssl' >/dev/null 2>&1 </dev/null
	"$MATR" epoch begin --only -q $python "$T/bin/main" git 2>/dev/null </dev/null
	library env
	rebind $python --symbol getenv --to "$T/lib/libenv.so:log_getenv"
	capture_matr matr $python -c 'import ssl, zlib; print(len(zlib.compress(b"a" * 1000)))'
	check "python3: a wrapper around getenv" grep -q '^getenv$' "$T/matr.err"
	check "python3: its closures are applied in the larger scope" grep -q 'applied closure.*_ssl' "$T/matr.said"
	check "python3: what it loads is as ld.so has it" "$MATR" verify --loads $python -c 'import ssl, zlib, json'
	"$MATR" rebind --undo "$("$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1)" >/dev/null
}

case_killed()
{
	"$MATR" epoch begin --only -q "$T/bin/main" git 2>/dev/null </dev/null
	"$MATR" rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so" -q && "$MATR" rebind --undo "$("$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1)"
	bad=0
	killed=0
	for delay in 0.002 0.005 0.01 0.015 0.02 0.03 0.04 0.05 0.06 0.08 ${MATR_TEST_KILLS:-}; do
		timeout -s KILL "$delay" "$MATR" rebind "$T/bin/main" --symbol number --to "$T/lib/libtwo.so" -q >/dev/null 2>&1 && : || killed=$((killed + 1))
		got=$("$MATR" run "$T/bin/main")
		[ "$got" = "$UNEDITED" ] || [ "$got" = '2 4 2 8 4 6 7 2' ] || bad=$((bad + 1))
		"$MATR" epoch begin --only --wait -q "$T/bin/main" git 2>/dev/null </dev/null || bad=$((bad + 1))
		got=$("$MATR" run "$T/bin/main")
		edits=$("$MATR" rebind --list --format json | /usr/bin/python3 -c 'import json, sys; print(*(e["id"] for e in json.load(sys.stdin)))')
		if [ -n "$edits" ]; then
			[ "$got" = '2 4 2 8 4 6 7 2' ] || bad=$((bad + 1))
			# shellcheck disable=SC2086
			"$MATR" rebind --undo $edits || bad=$((bad + 1))
		else
			[ "$got" = "$UNEDITED" ] || bad=$((bad + 1))
		fi
	done
	check "killed in between ($killed times): before or after" test $bad -eq 0
}

run_cases "$@"
