#!/usr/bin/env bash
# sql_command.sh - matr sql on the command line: what is a file and what a query, formats, what is shown of
# hostile names, errors with their place, exit statuses, and that nothing can be written without --write.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"

if ! begin /usr/bin/git /bin/bash; then
	not_ok "an epoch to ask about"
	finish
fi
cd "$T"
export XDG_CACHE_HOME=$T/cache XDG_STATE_HOME=$T/state

# expect_output NAME STATUS EXPECTED COMMAND...: standard output, errors behind it, with printf's escapes.
expect_output()
{
	local name=$1 wanted=$2 status=0
	printf '%b' "$3" >"$T/expected"
	shift 3
	"$@" >"$T/got" 2>"$T/errors" </dev/null || status=$?
	cat "$T/errors" >>"$T/got"
	if [ "$status" -ne "$wanted" ]; then
		echo "exit status $status, wanted $wanted" >"$T/wanted"
		not_ok "$name" "$T/wanted" "$T/got"
	elif ! cmp -s "$T/expected" "$T/got"; then
		diff "$T/expected" "$T/got" >"$T/difference" || :
		not_ok "$name" "$T/difference"
	else
		ok "$name"
	fi
}
sql=("$MATR" sql)

# ---- kinds of arguments ----
list=("${sql[@]}" --format list)
expect_output "a query" 0 'bash\ngit\n' "${list[@]}" "SELECT name FROM applications ORDER BY 1"
expect_output "several queries" 0 '1\n2\n3\n' "${list[@]}" "SELECT 1" "SELECT 2; SELECT 3"
expect_output "a file, then a query" 0 "/bin/ls\n" "${list[@]}" /bin/ls "SELECT path FROM elf_headers"
expect_output "a program by name" 0 "$(command -v bash)\n" "${list[@]}" bash "SELECT path FROM elf_headers"
mkdir "a query" && cp /bin/ls "a query/ls (copy)"
expect_output "a directory with a blank in its name" 0 'a query/ls (copy)\n' "${list[@]}" "a query" \
	"SELECT path FROM elf_headers"
expect_output "a file with a parenthesis" 0 'a query/ls (copy)\n' "${list[@]}" "a query/ls (copy)" \
	-s "SELECT path FROM elf_headers"
expect_output "a command as a query" 0 'elf_headers\n' "${sql[@]}" ".tables elf_h%"
expect_output "neither file nor query" 1 \
	'matr: nosuchthing: no such file or program; a query has a blank or comes with --sql\n' \
	"${sql[@]}" nosuchthing
expect_output "with --sql all arguments are files" 1 'matr: SELECT 1: no such file or program; a query has a blank or comes with --sql\n' \
	"${sql[@]}" -s "SELECT 2" "SELECT 1"
expect_output "no such path" 1 'matr: ./none: No such file or directory\n' "${sql[@]}" ./none "SELECT 1"
expect_output "without files: the objects of the epoch" 0 '1\n' "${list[@]}" \
	"SELECT (SELECT count(*) FROM elf_headers) = (SELECT count(*) FROM objects)"
printf 'SELECT 1;\n.mode json\nSELECT 2 AS a\n ; -- and\nSELECT 3 AS b' >input
expect_output "from standard input" 0 '1\n[{"a":2}\n]\n[{"b":3}\n]\n' sh -c "'$MATR' sql --format list <input"
printf 'SELECT 4;\n.read input\n' >outer
expect_output ".read" 0 '4\n1\n[{"a":2}\n]\n[{"b":3}\n]\n' "${list[@]}" -s ".read outer"
echo '.read loop' >loop
expect_output ".read of itself" 1 'matr: loop: files that read files, too deep\n' "${sql[@]}" ".read loop"

# ---- formats ----
rows="SELECT 'a|b' AS t, 12 AS n, NULL AS x, '' AS e UNION ALL SELECT 'c,\"d', 3.5, x'00ff', '中'"
cat >table <<'END'
t       n  x        e
a|b    12  NULL     
c,"d  3.5  x'00ff'  中
END
cat >markdown <<'END'
| t    |   n | x       | e  |
| ---- | --: | ------- | -- |
| a\|b |  12 | NULL    |    |
| c,"d | 3.5 | x'00ff' | 中 |
END
printf 'a|b|12||\nc,"d|3.5|x%s00ff%s|中\n' "'" "'" >list
printf 't,n,x,e\r\na|b,12,,""\r\n"c,""d",3.5,00ff,中\r\n' >csv
printf '[{"t":"a|b","n":12,"x":null,"e":""},\n{"t":"c,\\"d","n":3.5,"x":"00ff","e":"中"}\n]\n' >json
cat >line <<'END'
t = a|b
n = 12
x = NULL
e = 

t = c,"d
n = 3.5
x = x'00ff'
e = 中
END
for format in table markdown list csv json line; do
	"${sql[@]}" --format $format "$rows" >got 2>&1 || :
	if cmp -s $format got; then
		ok "--format $format"
	else
		diff $format got >difference || :
		not_ok "--format $format" difference
	fi
done
expect_output "--headers on" 0 'a|b\n1|2\n' "${list[@]}" --headers on "SELECT 1 AS a, 2 AS b"
expect_output "--headers off" 0 '1  2\n' "${sql[@]}" --headers off "SELECT 1 AS a, 2 AS b"
expect_output "no rows as JSON" 0 '[]\n' "${sql[@]}" --format json "SELECT 1 WHERE 0"
expect_output "no such format" 2 "matr: xml: no such format\nTry \`matr sql --help\`.\n" "${sql[@]}" --format xml
expect_output ".nullvalue and .separator" 0 '1;-\n' "${list[@]}" -s ".nullvalue -" -s '.separator ;' -s "SELECT 1, NULL"
if "${sql[@]}" --format json "SELECT * FROM relocations LIMIT 5000" | /usr/bin/python3 -c 'import json, sys
rows = json.load(sys.stdin)
assert len(rows) == 5000 and set(rows[0]) >= {"requester", "offset", "applied"}'; then
	ok "JSON that a parser takes"
else
	not_ok "JSON that a parser takes"
fi
if "${sql[@]}" --format csv "SELECT name, demangled_name FROM elf_symbols WHERE name LIKE '_Z%' LIMIT 2000" | /usr/bin/python3 -c '
import csv, sys
rows = list(csv.reader(sys.stdin))
assert rows[0] == ["name", "demangled_name"] and all(len(row) == 2 for row in rows), rows[:3]'; then
	ok "CSV that a parser takes"
else
	not_ok "CSV that a parser takes"
fi

# ---- hostile names ----
hostile="SELECT 'a' || char(27) || ']0;x' || char(7) || char(155) || '31m' || char(8238) || char(10) || cast(x'c328ff' AS text) AS h"
escaped='a\\x1b]0;x\\x07\\u009b31m\\u202e\\n\\xc3(\\xff'
expect_output "hostile: table" 0 "h\n$escaped\n" "${sql[@]}" "$hostile"
expect_output "hostile: list" 0 "$escaped\n" "${list[@]}" "$hostile"
expect_output "hostile: JSON" 0 '[{"h":"a\\u001b]0;x\\u0007\\u009b31m\\u202e\\n\\uefc3(\\uefff"}\n]\n' \
	"${sql[@]}" --format json "$hostile"
expect_output "hostile: a column's name" 0 'x\\x1b[31m\n        1\n' "${sql[@]}" "SELECT 1 AS \"x$(printf '\033')[31m\""
expect_output "hostile: an error message" 1 'matr: no such table: x\\x1b[31m\n' "${sql[@]}" "SELECT * FROM \"x$(printf '\033')[31m\""
for format in table list csv json markdown line; do
	script -qec "'$MATR' sql --format $format \"$hostile\"" /dev/null </dev/null >terminal 2>&1 || :
	if sed 's/\x1b\[[01]m//g' terminal | LC_ALL=C grep -qP '\x1b|\xc2\x9b|\xe2\x80\xae|\x07'; then
		not_ok "hostile: $format on a terminal" terminal
	else
		ok "hostile: $format on a terminal"
	fi
done
# A real file: escape sequences and broken UTF-8 among its symbols.
printf 'int xyzzy_aaaaaaaa(void) { return 1; }\nint xyzzy_bbbbbbbb(void) { return 2; }\n' >hostile.c
$CC -shared -fPIC -o hostile.so hostile.c
sed -i 's/xyzzy_aaaaaaaa/xyz\x1b[31m\xff\xfe\x07abc/g' hostile.so
if "${sql[@]}" ./hostile.so "SELECT name FROM elf_symbols WHERE name LIKE 'xyz%' ORDER BY 1" >got 2>&1 &&
	grep -qF 'xyz\x1b[31m\xff\xfe\x07' got && ! LC_ALL=C grep -qP '\x1b' got; then
	ok "hostile: symbols of a file"
else
	not_ok "hostile: symbols of a file" got
fi

# ---- errors ----
expect_output "no such column, marked" 1 'matr: no such column: nmae\n  SELECT nmae FROM objects\n         ^\n' \
	"${sql[@]}" "SELECT nmae FROM objects"
expect_output "a syntax error in line 2" 1 'matr: line 2: near "objects": syntax error\n   FORM objects\n        ^\n' \
	"${sql[@]}" "$(printf 'SELECT name\n\tFORM objects')"
expect_output "wide characters before the mark" 1 'matr: no such column: x\n  SELECT '\''中文'\'', x\n                 ^\n' \
	"${sql[@]}" "SELECT '中文', x"
printf 'SELECT 1;\nSELECT\n  2 +;\nSELECT 3;\n' >bad.sql
expect_output "an error in a file" 1 '1\nmatr: bad.sql:3: near ";": syntax error\n    2 +;\n       ^\n' \
	"${list[@]}" ".read bad.sql"
expect_output "what is not complete" 1 'matr: incomplete input\n' "${sql[@]}" "SELECT ("
expect_output "queries after an error are not run" 1 '1\nmatr: no such table: x\n' "${list[@]}" "SELECT 1" "SELECT * FROM x" \
	"SELECT 2"
expect_output "an error after rows" 1 '1\nmatr: integer overflow\n' "${list[@]}" \
	"SELECT abs(x) FROM (SELECT 1 AS x UNION ALL SELECT -9223372036854775807 - 1)"
expect_output "no such command" 1 'matr: .nothing: no such command; .help lists them\n' "${sql[@]}" ".nothing"
mkdir mixed && cp /bin/ls mixed/ && head -c 3000 /bin/ls >mixed/cut && echo text >mixed/text
expect_output "a file that is cut: its answer is missing, all others are there" 1 \
	'mixed/ls\nmatr: mixed/cut: is truncated or malformed: its section headers lie beyond its end\n' \
	"${list[@]}" mixed/cut mixed/ls "SELECT path FROM elf_headers"
expect_output "a file that is no ELF file" 1 'mixed/ls\nmatr: mixed/text: is not an ELF file\n' \
	"${list[@]}" mixed/text mixed/ls "SELECT path FROM elf_headers"
expect_output "the same, in a directory" 0 \
	'mixed/ls\nmatr: mixed/cut: is truncated or malformed: its section headers lie beyond its end\n' \
	"${list[@]}" mixed "SELECT path FROM elf_headers"
one_line "a full disk" 2 sh -c "'$MATR' sql 'SELECT * FROM relocations LIMIT 100000' >/dev/full"
one_line ".output to where nothing can be written" 1 "$MATR" sql ".output /proc/nothing"
one_line "no store" 1 "$MATR" sql --prefix "$T/none" "SELECT * FROM applications"
expect_output "ELF files without a store" 0 '/bin/ls\n' "$MATR" sql --prefix "$T/none" --format list /bin/ls \
	"SELECT path FROM elf_headers"
mkdir damaged && head -c 100000 /dev/urandom >damaged/store.db
one_line "a store that is none" 1 "$MATR" sql --prefix "$T/damaged" "SELECT * FROM applications"
mkdir spoilt && cp "$MATR_PREFIX/store.db" spoilt/ && sqlite3 spoilt/store.db "UPDATE blobs SET data = zeroblob(length(data))"
one_line "a store with spoilt blobs" 1 "$MATR" sql --prefix "$T/spoilt" "SELECT count(*) FROM bindings"
sqlite3 spoilt/store.db "DELETE FROM blobs"
one_line "a store without blobs" 1 "$MATR" sql --prefix "$T/spoilt" "SELECT count(*) FROM symbols"

# ---- read only ----
before=$(sha256sum "$MATR_PREFIX/store.db")
while IFS= read -r statement; do
	status=0
	"${sql[@]}" "$statement" >got 2>&1 </dev/null || status=$?
	if [ $status -eq 1 ] && [ ! -e written.db ]; then
		ok "read only: $statement"
	else
		echo "exit status $status" >>got
		not_ok "read only: $statement" got
	fi
done <<'END'
DELETE FROM store.epochs
UPDATE store.objects SET path = 'x'
INSERT INTO store.rules VALUES (99, 'x')
DROP TABLE store.blobs
CREATE TABLE store.x (y)
CREATE TABLE x (y)
PRAGMA query_only = OFF; DELETE FROM store.epochs
PRAGMA query_only(0)
PRAGMA writable_schema = ON
PRAGMA store.user_version = 99
PRAGMA store.wal_checkpoint
PRAGMA store.incremental_vacuum
PRAGMA store.journal_mode = DELETE
ATTACH 'written.db' AS w
ATTACH 'file:written.db?mode=rwc' AS w
ATTACH 'file:written.db?mode=ro&mode=rwc' AS w
VACUUM INTO 'written.db'
VACUUM store
REINDEX store.objects_path
ANALYZE store
SELECT load_extension('x')
DELETE FROM bindings WHERE 1
INSERT INTO epochs(id) VALUES (1)
UPDATE store.sqlite_schema SET sql = ''
END
if [ "$before" = "$(sha256sum "$MATR_PREFIX/store.db")" ]; then
	ok "the store is what it was"
else
	not_ok "the store is what it was"
fi
sqlite3 other.db "CREATE TABLE t AS SELECT 'git' AS program"
expect_output "another database to join with" 0 '/usr/bin/git\n' "${list[@]}" -s "ATTACH 'file:other.db?mode=ro' AS other" \
	-s "SELECT path FROM applications JOIN other.t ON name = program"
expect_output "--write" 0 '1\n' "${list[@]}" --write -s "INSERT INTO store.violations (epoch_id, time, path, kind, action)
	VALUES (1, 1700000000123456789, '/usr/lib/x.so', 'modified', 'withdrawn')" -s "SELECT count(*) FROM violations"
expect_output "what was written" 0 '1|1|2023-11-14 22:13:20.123|/usr/lib/x.so|modified|withdrawn|0\n' "${list[@]}" \
	"SELECT id, epoch, time, path, kind, action, withdrawn FROM violations"
expect_output "--write, a table of its own" 0 '2\n' "${list[@]}" --write \
	"CREATE TABLE mine AS SELECT * FROM applications; SELECT count(*) FROM mine"
one_line "--write without a store" 1 "$MATR" sql --write --prefix "$T/none" "SELECT 1"
if [ "$(id -u)" -eq 0 ]; then
	mkdir theirs && cp "$MATR_PREFIX/store.db" theirs/ && chown -R 65534 theirs
	one_line "--write to a store of somebody else" 1 "$MATR" sql --write --prefix "$T/theirs" "SELECT 1"
	if have setpriv && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$MATR"; then
		chmod 755 "$T/prefix" && chmod 644 "$T/prefix/store.db"
		nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent)
		expect_output "the store of root, by somebody else" 0 'bash\ngit\n' "${nobody[@]}" "${list[@]}" \
			"SELECT name FROM applications ORDER BY 1"
		one_line "--write to the store of root, by somebody else" 1 "${nobody[@]}" "$MATR" sql --write \
			"DELETE FROM store.violations"
	fi
fi

# ---- commands ----
if "${sql[@]}" .dump 2>"$T/errors" | sqlite3 dump.db && grep -Eqx 'matr: \.dump: [0-9]+ rows, without relocations .*' "$T/errors"; then
	check ".dump says how many rows it has" [ "$(sed 's/.*: \([0-9]*\) rows.*/\1/' "$T/errors")" = "$(for table in $(sqlite3 dump.db .tables); do
		sqlite3 dump.db "SELECT count(*) FROM \"$table\""; done | awk '{ n += $1 } END { print n }')" ]
	check ".dump leaves relocations out" [ -z "$(sqlite3 dump.db "SELECT name FROM sqlite_master WHERE name LIKE '%relocations'")" ]
	check "which it has where they are named" sh -c "'$MATR' sql '.dump relocations' 2>/dev/null | grep -q '^INSERT INTO \"relocations\"'"
	"${list[@]}" "SELECT application, requester, symbol, provider FROM bindings" | sort >one
	sqlite3 dump.db "SELECT application, requester, symbol, provider FROM bindings" | sort >other
	if [ -s one ] && cmp -s one other; then
		ok ".dump makes a database with the same bindings"
	else
		not_ok ".dump makes a database with the same bindings"
	fi
else
	not_ok ".dump" "$T/errors"
fi
"${sql[@]}" .schema >schema
if sqlite3 :memory: <schema >got 2>&1 && [ ! -s got ]; then
	ok ".schema is SQL"
else
	not_ok ".schema is SQL" got
fi
"${sql[@]}" ".output file" "SELECT 'in the file' AS t" >got
if [ ! -s got ] && grep -q 'in the file' file; then
	ok ".output"
else
	not_ok ".output" got file
fi
"${sql[@]}" -s ".timer on" -s "SELECT 1" >got 2>errors
if grep -Eq '^time: real [0-9.]+ s, user [0-9.]+ s, system [0-9.]+ s$' errors; then
	ok ".timer"
else
	not_ok ".timer" errors
fi
for copy in one other; do
	"${sql[@]}" --cache /bin/ls "SELECT count(*) FROM elf_symbols" >$copy 2>&1 || :
done
if grep -q 'there is no cache yet' one; then
	skip "--cache" "not there yet"
elif cmp -s one other && [ -s "$T/cache/matr/elf.db" ]; then
	ok "--cache"
else
	not_ok "--cache" one other
fi
finish
