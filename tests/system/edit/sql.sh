#!/usr/bin/env bash
# sql.sh - edits as rows of the table `edits` (docs/edit.md): the same rows have the same effect whoever wrote
# them, and rows that make no sense are refused, each with its reason, whatever is in them.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

mkdir "$T/lib" # whose time is in the mapping: nothing else is written there
for name in one two; do
	$CC -O1 -fPIC -shared -Wl,-soname,lib$name.so -o "$T/lib/lib$name.so" "$HERE/sources/$name.c"
done
$CC -O1 -no-pie -o "$T/lib/main" "$HERE/sources/number.c" -L"$T/lib" -lone -Wl,-rpath,"$T/lib"
programs=("$T/lib/main" "$(command -v git)" "$(command -v bash)")

write() { "$MATR" sql --write "$1" >"$T/write" 2>&1; }
query() { "$MATR" sql --format list --headers off --sql "$1"; }
prints() { [ "$("$MATR" run "$T/lib/main")" = "$1" ]; }
settle "$T/lib"

# ---- the same edit ----

# same NAME SQL ARGUMENT...: what `matr rebind ARGUMENT...` does, the SQL does in another prefix
same()
{
	local name=$1 sql=$2 mine=$T/mine theirs=$T/theirs
	shift 2
	rm -rf "$mine" "$theirs"
	for prefix in "$mine" "$theirs"; do
		"$MATR" --prefix "$prefix" epoch begin --only -q "${programs[@]}" </dev/null || return 1
	done
	cp "$mine/epoch.image" "$T/unedited"
	"$MATR" --prefix "$mine" rebind -q "$@" || not_ok "$name: matr rebind"
	MATR_PREFIX=$theirs write "$sql" && MATR_PREFIX=$theirs "$MATR" epoch apply -q || not_ok "$name: SQL" "$T/write"
	check "$name: the image is another than before" test "$(same_image "$mine/epoch.image" "$T/unedited" >/dev/null; echo $?)" = 1
	check "$name: the image gives every program the same" same_image "$mine/epoch.image" "$theirs/epoch.image"
	for table in bindings relocations scopes; do
		for prefix in "$mine" "$theirs"; do
			MATR_PREFIX=$prefix query "SELECT * FROM $table" >"$prefix.$table"
		done
		check "$name: so are the $table" cmp "$mine.$table" "$theirs.$table"
		check "$name: (there are some)" test -s "$mine.$table"
	done
	check "$name: so is what the program does" test "$("$MATR" --prefix "$mine" run "$T/lib/main")" = "$("$MATR" --prefix "$theirs" run "$T/lib/main")"
	# And taken back.
	"$MATR" --prefix "$mine" rebind --list --format csv | tail -n +2 | cut -d, -f1 | xargs "$MATR" --prefix "$mine" rebind -q --undo
	MATR_PREFIX=$theirs write "DELETE FROM store.edits" && MATR_PREFIX=$theirs "$MATR" epoch apply -q
	check "$name: taken back, the image is the same" same_image "$mine/epoch.image" "$theirs/epoch.image"
}
same "one program" "INSERT INTO store.edits (program, symbol, library) VALUES ('$T/lib/main', 'number', '$T/lib/libtwo.so')" \
	"$T/lib/main" --symbol number --to "$T/lib/libtwo.so"
same "one requester" "INSERT INTO store.edits (program, symbol, requester, library, to_symbol) VALUES ('$T/lib/main', 'number', 'main', '$T/lib/libtwo.so', 'also')" \
	"$T/lib/main" --requester main --symbol number --to "$T/lib/libtwo.so:also"
if ldconfig -p | grep -q libjemalloc.so.2; then
	same "git, one library's malloc" "INSERT INTO store.edits (program, symbol, requester, library) VALUES ('$(readlink -f "$(command -v git)")', 'malloc', 'libz.so.1', 'libjemalloc.so.2'),
		('$(readlink -f "$(command -v git)")', 'free', 'libz.so.1', 'libjemalloc.so.2')" \
		git --requester libz.so.1 --symbol malloc --symbol free --to libjemalloc.so.2
	same "every program" "INSERT INTO store.edits (program, symbol, library) VALUES ('*', 'malloc', 'libjemalloc.so.2'),
		('*', 'calloc', 'libjemalloc.so.2'), ('*', 'realloc', 'libjemalloc.so.2'), ('*', 'free', 'libjemalloc.so.2')" \
		--all-programs --symbol malloc --symbol calloc --symbol realloc --symbol free --to libjemalloc.so.2
fi

# ---- edits in the output of --list ----

begin "${programs[@]}"
write "INSERT INTO store.edits (program, symbol, library, reason) VALUES ('$T/lib/main', 'number', '$T/lib/libtwo.so', 'a \"reason\", with
two lines')"
check "written with SQL: who" grep -aq 'unknown (SQL)' <("$MATR" rebind --list)
check "not applied yet: new" grep -q ',new,' <("$MATR" rebind --list --format csv)
"$MATR" epoch apply -q
for format in json csv table; do
	"$MATR" rebind --list --format $format >"$T/list.$format"
done
# shellcheck disable=SC2016
check "--list: json, csv and the table say the same" /usr/bin/python3 -c '
import csv, json, sys
(j,), (c,) = json.load(open(sys.argv[1] + ".json")), csv.DictReader(open(sys.argv[1] + ".csv", newline=""))
assert list(j) == list(c), (j, c)
assert all(("" if v is None else str(v)) == c[k] for k, v in j.items()), (j, c)
assert j["reason"] == "a \"reason\", with\ntwo lines" and j["state"] == "applied" and j["programs"] == 1, j
table = open(sys.argv[1] + ".table").read().splitlines()
assert table[0].split() == list(j), table
assert all(str(j[k]) in table[1] for k in ("id", "symbol", "library", "state", "author", "time")), table' "$T/list"

# ---- rows that make no sense ----

# row NAME PATTERN COLUMNS VALUES: the epoch has everything but this one, whose complaint is a reason
row()
{
	local name=$1 pattern=$2 status=0
	write "INSERT INTO store.edits ($3) VALUES ($4)" || { not_ok "$name: can be written" "$T/write"; return; }
	timeout -k 5 300 "$MATR" epoch apply -q >"$T/apply" 2>&1 </dev/null || status=$?
	query "SELECT state || ': ' || complaint FROM store.edits WHERE id = (SELECT max(id) FROM store.edits)" >"$T/complaint"
	if [ $status -eq 3 ] && grep -aq "^failed: .*$pattern" "$T/complaint" && prints '2 4' && "$MATR" verify "$T/lib/main" >"$T/verified" 2>&1; then
		ok "a row: $name"
	else
		not_ok "a row: $name (exit status $status)" "$T/apply" "$T/complaint" "$T/verified"
	fi
	write "DELETE FROM store.edits WHERE id = (SELECT max(id) FROM store.edits)"
}
# refused NAME PATTERN SQL: SQLite does not take it
refused()
{
	local name=$1 status=0
	write "$3" || status=$?
	if [ $status -ne 0 ] && grep -q "$2" "$T/write"; then ok "not taken: $name"; else not_ok "not taken: $name" "$T/write"; fi
}
all="program, symbol, library"
refused "no symbol" 'NOT NULL' "INSERT INTO store.edits ($all) VALUES ('*', NULL, 'x')"
refused "no library" 'NOT NULL' "INSERT INTO store.edits (program, symbol) VALUES ('*', 'number')"
refused "an empty program" 'CHECK' "INSERT INTO store.edits ($all) VALUES ('', 'number', 'x')"
refused "a number that is none" 'datatype mismatch' "INSERT INTO store.edits (id, $all) VALUES ('x', '*', 'number', 'x')"
refused "the number of another" 'UNIQUE' "INSERT INTO store.edits (id, $all) SELECT id, 'a', 'b', 'c' FROM store.edits"
mkfifo "$T/fifo"
echo 'not ELF' >"$T/text"
head -c 300 "$T/lib/libtwo.so" >"$T/short.so"
long="(SELECT hex(zeroblob(500000)))"
row "a program that is not there" 'not among the programs' "$all" "'/usr/bin/none', 'number', '$T/lib/libtwo.so'"
row "a relative path" 'not among the programs' "$all" "'bin/main', 'number', '$T/lib/libtwo.so'"
row "a symbol that nobody binds" 'binds nobody' "$all" "'$T/lib/main', 'nobody', '$T/lib/libtwo.so'"
row "a library that is not there" 'none.so' "$all" "'$T/lib/main', 'small', '$T/none.so'"
row "no ELF file" 'text' "$all" "'$T/lib/main', 'small', '$T/text'"
row "a truncated one" 'short.so' "$all" "'$T/lib/main', 'small', '$T/short.so'"
row "a directory" '/' "$all" "'$T/lib/main', 'small', '/usr/'"
row "a device" '/dev/zero' "$all" "'$T/lib/main', 'small', '/dev/zero'"
row "a pipe" 'fifo' "$all" "'$T/lib/main', 'small', '$T/fifo'"
row "a program" 'executable\|program' "$all" "'$T/lib/main', 'small', '$T/lib/main'"
row "the dynamic linker" 'dynamic linker\|does not define' "$all" "'$T/lib/main', 'small', 'ld-linux-x86-64.so.2'"
row "another definition of nothing" 'define' "$all, to_symbol" "'$T/lib/main', 'small', '$T/lib/libtwo.so', ''"
row "of another size" '8 bytes of data, not 4' "$all, to_symbol" "'$T/lib/main', 'small', '$T/lib/libtwo.so', 'large'"
row "a function for data" 'is a function' "$all, to_symbol" "'$T/lib/main', 'small', '$T/lib/libtwo.so', 'also'"
row "a version that is empty" 'define' "$all, to_symbol" "'$T/lib/main', 'small', '$T/lib/libtwo.so', 'small@'"
row "the same binding again" 'already' "$all" "'$T/lib/main', 'number', '$T/lib/libtwo.so'"
row "a requester that is not there" 'nothing of' "$all, requester" "'$T/lib/main', 'small', '$T/lib/libtwo.so', 'libnone.so'"
row "a pattern without end" 'nothing of\|binds' "$all, requester" "'$T/lib/main', 'small', '$T/lib/libtwo.so', '['"
row "a library's name of half a megabyte" '0000' "$all" "'$T/lib/main', 'small', $long"
row "a symbol of a megabyte" 'binds' "$all" "'$T/lib/main', $long, '$T/lib/libtwo.so'"
row "a program's name of a megabyte" 'not among\|0000' "$all" "$long, 'small', '$T/lib/libtwo.so'"
row "a blob" 'binds' "$all" "'$T/lib/main', X'ff00fe', '$T/lib/libtwo.so'"
row "a path with a zero in it" 'text' "$all" "'$T/lib/main', 'small', CAST(X'$(printf '%s' "$T/text" | od -An -v -tx1 | tr -d ' \n')00ff' AS TEXT)"
row "stars" 'not among\|binds' "$all" "'/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b', 'small', '$T/lib/libtwo.so'"
row "nobody's" 'binds' "$all, time, author, state" "'$T/lib/main', 'x', '$T/lib/libtwo.so', -9223372036854775808, X'00', 'applied'"
check "the one that makes sense is in force all the time" prints '2 4'
check "and alone" test "$(query 'SELECT count(*) FROM store.edits')" = 1
check "the store is well" test "$(query 'PRAGMA store.integrity_check')" = ok
finish
