#!/bin/bash
# The extension matr.so in the sqlite3 shell and in Python, table-valued functions, the published queries of
# sqlelf, joins, limits and look-ups. Prints TAP.
# usage: extension.sh BUILD-DIRECTORY
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
set -eu
build=$(cd "$1" && pwd)
export LC_ALL=C MATR_PREFIX=/nonexistent
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
. "$(dirname "$0")/../lib/tap.sh"

sql() # QUERY: in the sqlite3 shell; what it says before an error's text differs between its versions
{
	sqlite3 -cmd ".load $build/libmatr/matr" :memory: "$1" 2>&1 | sed -E 's/^Error( in [^:]*:|: stepping,) /Error: /'
}

cat >"$T/x.c" <<'END'
int foo(void) { return 1; }
int only_x(void) { return 2; }
END
cat >"$T/y.c" <<'END'
int foo(void) { return 3; }
END
cat >"$T/main.c" <<'END'
int foo(void);
int only_x(void);
extern int PyInit_demo(void);
int __attribute__((noinline)) PyInit_demo(void)
{
	int a = only_x();
	a += foo();
	return a;
}
int main(void) { return PyInit_demo() != 3; }
END
cat >"$T/nested.s" <<'END'
.text
.globl outer
.type outer, @function
outer:
	nop
.globl inner
.type inner, @function
inner:
	nop
.size inner, . - inner
	nop
.size outer, . - outer
END
gcc -g -shared -fPIC -Wl,-soname,libx.so "$T/x.c" -o "$T/libx.so"
gcc -g -shared -fPIC -Wl,-soname,liby.so "$T/y.c" -o "$T/liby.so"
gcc -g -O0 "$T/main.c" -L"$T" -Wl,--no-as-needed -lx -ly -Wl,--enable-new-dtags,-rpath,"$T:/elsewhere" -o "$T/main"
gcc -c "$T/nested.s" -o "$T/nested.o"
main=$T/main

equal "a table-valued function" DYN "$(sql "SELECT type FROM elf_headers('$main')")"
equal "WHERE path =" "main" "$(sql "SELECT name FROM elf_symbols WHERE path = '$main' AND name = 'main'")"
equal "without a file, an error that says what to do" \
	"Error: elf_symbols: which file? Say elf_symbols('FILE'), or WHERE path = 'FILE'" \
	"$(sql "SELECT * FROM elf_symbols")"
equal "no such file: one warning, no rows" "matr: $T/none: cannot be opened: No such file or directory
0" "$(sql "SELECT count(*) FROM elf_symbols('$T/none'), elf_symbols('$T/none')")"
equal "a directory" 4 "$(sql "SELECT count(*) FROM elf_headers('$T')")"
equal "its libraries" "libc.so.6
libx.so
liby.so
main" "$(sql "SELECT replace(path, rtrim(path, replace(path, '/', '')), '') n FROM elf_headers('$main', 1) ORDER BY n" | grep -v ld-linux)"
equal "hidden columns" "GLOBAL|DYNSYM|1" \
	"$(sql "SELECT binding, symbol_table, name <> '' FROM elf_symbols('$T/libx.so') WHERE name = 'foo'")"
equal "functions" "std::string::size() const|foo::bar|libx.so|0x1f40|0x00000010|main" "$(sql "SELECT
	demangle('_ZNKSs4sizeEv'), demangle('_ZN3foo3bar17h0123456789abcdefE'), soname('$T/libx.so'), to_hex(8000), to_hex(16, 8),
	demangle('main')")"
equal "build_id()" "$(readelf -n "$main" | sed -n 's/.*Build ID: //p')" "$(sql "SELECT build_id('$main')")"
equal "look-ups by a join's values" 0 "$(sql "SELECT count(*) FROM elf_symbols('$main') a WHERE NOT EXISTS
	(SELECT 1 FROM elf_symbols('$main') b WHERE b.name = a.name AND b.value = a.value)")"
equal "IN, OR, ranges, NULL, other types" "2|1|1|0|0" "$(sql "SELECT
	(SELECT count(*) FROM elf_symbols('$main') WHERE name IN ('main', 'PyInit_demo', 'none')),
	(SELECT count(*) FROM elf_sections('$main') WHERE name = '.text' OR name = 'none'),
	(SELECT count(*) FROM elf_sections('$main') WHERE name = '.text' COLLATE NOCASE),
	(SELECT count(*) FROM elf_symbols('$main') WHERE value > NULL),
	(SELECT count(*) FROM elf_symbols('$main') WHERE value < 'text' AND value = 'main')")"
total=$(sql "SELECT count(*) FROM elf_instructions('$main')")
equal "ranges of addresses add up" "$total" "$(sql "WITH half AS MATERIALIZED (SELECT address AS a FROM
	elf_instructions('$main') ORDER BY 1 LIMIT 1 OFFSET $((total / 2)))
	SELECT (SELECT count(*) FROM half, elf_instructions('$main') WHERE address < a) +
	(SELECT count(*) FROM half, elf_instructions('$main') WHERE address >= a)")"

# The queries sqlelf has published, with the file as the argument of every table.
matr_sql()
{
	"$build/tools/matr" sql --format list --headers off "${@:2}" -s "$1" 2>&1
}
if [ -x "$build/tools/matr-sql" ] || "$build/tools/matr" sql --help >/dev/null 2>&1; then
	equal "sqlelf: symbol resolutions" "$T/main|$T/liby.so|foo
$T/main|$T/libx.so|foo
$T/main|$T/libx.so|only_x" "$(matr_sql "SELECT caller.path as 'caller.path', callee.path as 'calee.path', caller.name
	FROM ELF_SYMBOLS caller INNER JOIN ELF_SYMBOLS callee ON caller.name = callee.name AND caller.path != callee.path
	AND caller.imported = TRUE AND callee.exported = TRUE ORDER BY 3, 2 DESC LIMIT 25;" "$T/main" "$T/libx.so" "$T/liby.so")"
	equal "sqlelf: exported by more than one" "foo||2" "$(matr_sql "SELECT name, version, count(*) as symbol_count FROM elf_symbols
	WHERE exported = TRUE GROUP BY name, version HAVING count(*) >= 2;" "$T/libx.so" "$T/liby.so")"
	equal "sqlelf: contained symbols" "outer|inner" "$(matr_sql "SELECT outer_symbol.name, inner_symbol.name FROM
	elf_symbols AS outer_symbol, elf_symbols AS inner_symbol WHERE inner_symbol.section = '.text' AND
	outer_symbol.section = '.text' AND inner_symbol.path = outer_symbol.path AND
	inner_symbol.value > outer_symbol.value AND (inner_symbol.value + inner_symbol.size) <
	(outer_symbol.value + outer_symbol.size) AND inner_symbol.name != outer_symbol.name LIMIT 5;" "$T/nested.o")"
	equal "sqlelf: Python version of a module" 3 "$(matr_sql "SELECT CASE name WHEN 'initdemo' THEN 2 WHEN 'PyInit_demo' THEN 3
	ELSE -1 END AS python_version FROM elf_symbols WHERE name IN ('initdemo', 'PyInit_demo') AND exported = TRUE
	AND type = 'FUNC' LIMIT 1" "$main")"
	equal "sqlelf: NEEDED" "libc.so.6
libx.so
liby.so" "$(matr_sql "SELECT elf_strings.value FROM elf_dynamic_entries INNER JOIN elf_strings ON
	elf_dynamic_entries.value = elf_strings.offset AND elf_strings.section = '.dynstr'
	WHERE elf_dynamic_entries.tag = 'NEEDED' ORDER BY 1" "$main")"
	equal "sqlelf: RUNPATH, split" "$T
/elsewhere" "$(matr_sql "WITH split(rpath, str) AS ( SELECT '', elf_strings.value||':' as rpath FROM elf_dynamic_entries
	INNER JOIN elf_strings ON elf_dynamic_entries.value = elf_strings.offset AND section = '.dynstr'
	WHERE elf_dynamic_entries.tag = 'RUNPATH' UNION ALL SELECT substr(str, 0, instr(str, ':')),
	substr(str, instr(str, ':')+1) FROM split WHERE str!='') SELECT rpath FROM split WHERE rpath!='';" "$main")"
	equal "sqlelf: functions by source lines" "$main.c|PyInit_demo|5
$main.c|main|1" "$(matr_sql "SELECT DDL.filename, DIES.name, COUNT(DISTINCT DDL.line) AS line_count FROM dwarf_dies AS DIES
	JOIN dwarf_debug_lines DDL ON DIES.cu_offset = DDL.cu_offset WHERE DDL.address >= DIES.low_pc AND
	DDL.address < DIES.high_pc AND tag = 'DW_TAG_subprogram' AND name IS NOT NULL
	GROUP BY DDL.filename, DIES.name ORDER BY line_count DESC LIMIT 10;" "$main")"
	equal "sqlelf: functions by size" "$(nm -S "$main" | awk '$4 == "PyInit_demo" || $4 == "main" { print $4 "|" $2 }' | while IFS='|' read -r name size; do echo "$name|$((16#$size))"; done | sort -t'|' -k2,2nr)" \
		"$(matr_sql "SELECT name AS function_name, (high_pc - low_pc) AS function_size FROM dwarf_dies WHERE
	tag = 'DW_TAG_subprogram' AND high_pc IS NOT NULL ORDER BY function_size DESC LIMIT 10;" "$main")"
	equal "sqlelf: instructions of a symbol" "$(objdump -d --no-show-raw-insn -M intel --disassemble=main "$main" |
		sed -n 's/^ *\([0-9a-f]*\):\t\([a-z]*\).*/\1|\2/p' | while IFS='|' read -r at name; do echo "$((16#$at))|$name"; done)" \
		"$(matr_sql "SELECT EI.address, mnemonic FROM ELF_SYMBOLS ES JOIN ELF_INSTRUCTIONS EI ON EI.PATH = ES.PATH WHERE
	EI.address >= ES.value AND EI.address < ES.value + ES.size AND ES.name = 'main' ORDER BY EI.address ASC" "$main")"
	equal "sqlelf: counts of mnemonics" "$(objdump -d --no-show-raw-insn -M intel "$main" |
		awk -F'\t' 'NF > 1 { split($2, w, " "); n[w[1]]++ } END { print "call|" n["call"] }')" \
		"$(matr_sql "SELECT mnemonic, count(*) FROM elf_instructions WHERE mnemonic = 'call' GROUP BY 1" "$main")"
	equal "the same from the cache" "$(matr_sql "SELECT * FROM elf_symbols ORDER BY 2, 10" "$main")
$(matr_sql "SELECT * FROM elf_symbols ORDER BY 2, 10" "$main")" \
		"$(XDG_CACHE_HOME=$T/cache matr_sql "SELECT * FROM elf_symbols ORDER BY 2, 10" --cache "$main")
$(XDG_CACHE_HOME=$T/cache matr_sql "SELECT * FROM elf_symbols ORDER BY 2, 10" --cache "$main")"
fi

# Python's own module; one that was built without extensions has no such function.
python=/usr/bin/python3
equal "python3" "$(sql "SELECT count(*) FROM elf_symbols('$main')") 2" "$("$python" - "$build/libmatr/matr" "$main" <<'END'
import sqlite3, sys
connection = sqlite3.connect(":memory:")
connection.enable_load_extension(True)
connection.load_extension(sys.argv[1])
rows = connection.execute("SELECT count(*) FROM elf_symbols(?)", (sys.argv[2],)).fetchone()[0]
other = sqlite3.connect(":memory:")
other.enable_load_extension(True)
other.load_extension(sys.argv[1])
cursor = other.execute("SELECT name FROM elf_symbols(?)", (sys.argv[2],))
first = cursor.fetchone()
connection.close() # one connection's end does not touch the other's
cursor.fetchone()
names = {row[0] for row in other.execute("SELECT name FROM elf_symbols(?) WHERE name IN ('main', 'foo')", (sys.argv[2],))}
print(rows, len(names))
END
)"
# Threads: connections of their own at the same time, and one that goes from thread to thread.
equal "python3, threads" "ok" "$("$python" - "$build/libmatr/matr" "$main" <<'END'
import sqlite3, sys, threading
def connect():
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.enable_load_extension(True)
    connection.load_extension(sys.argv[1])
    return connection
QUERIES = ("SELECT count(*) FROM elf_symbols(?)", "SELECT count(*) FROM elf_instructions(?)",
           "SELECT count(found) FROM elf_needed(?)", "SELECT count(*) FROM dwarf_dies(?)",
           "SELECT count(demangled_name) FROM elf_symbols(?, 1)")
shared = connect()
expected = [shared.execute(query, (sys.argv[2],)).fetchall() for query in QUERIES]
seen, lock = [], threading.Lock()
def work(connection):
    for _ in range(3):
        rows = [connection.execute(query, (sys.argv[2],)).fetchall() for query in QUERIES]
        with lock:
            seen.append(rows)
threads = [threading.Thread(target=work, args=(connect(),)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(2): # one after the other
    thread = threading.Thread(target=work, args=(shared,))
    thread.start()
    thread.join()
print("ok" if seen == [expected] * 18 and all(rows[0][0] for rows in expected) else seen)
END
)"
equal "no store: an error that says so" "Error: /nonexistent/store.db: there is no store; \`matr epoch begin\` makes one" \
	"$(sql "SELECT * FROM bindings")"
if command -v sqlite-utils >/dev/null; then
	equal "sqlite-utils" '[{"name": "libc.so.6"}]' \
		"$(sqlite-utils memory --load-extension "$build/libmatr/matr.so" "SELECT name FROM elf_needed('/bin/cat')")"
fi
finish
