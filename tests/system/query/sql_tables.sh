#!/usr/bin/env bash
# sql_tables.sh - the tables of the mapping, for real programs: every binding and relocation compared with
# `matr inspect` and, where it is there, with the real ld.so's own account (ld-bindings); counts that have to
# agree; the same from the sqlite3 shell with the extension, and from Python.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"

mapfile -t programs < <(for program in /bin/bash /usr/bin/git /usr/bin/perl /usr/bin/python3 /usr/bin/ssh \
	/usr/bin/ssh-keygen /usr/bin/gdb /usr/bin/cmake /usr/bin/ninja /usr/bin/clang \
	/usr/lib/libreoffice/program/soffice.bin /usr/bin/gcc /usr/bin/sqlite3 /usr/bin/xz /usr/bin/curl \
	/usr/bin/vim.basic /usr/bin/tar /usr/bin/mawk /usr/bin/ls /usr/bin/find /usr/bin/node /usr/bin/openssl \
	/usr/bin/gpg /usr/bin/dpkg /usr/bin/make /usr/bin/valgrind.bin /usr/bin/jq /usr/bin/bc; do
	[ ! -x "$program" ] || readlink -f "$program"
done)
if ! begin "${programs[@]}"; then
	not_ok "an epoch to ask about"
	finish
fi
sql()
{
	"$MATR" sql "$@" </dev/null
}

# Print relocations for the comparison with inspect. R_X86_64_GLOB_DAT there is GLOB_DAT in SQL, and hexadecimal
# numbers are numbers.
relocations_of()
{
	sql --format csv -s "SELECT requester, symbol, version, provider, binding, type, printf('0x%x', offset) AS
		offset, addend, applied FROM relocations WHERE application = '$1' AND binding <> 'relative'"
}

compare() # NAME EXPECTED GOT
{
	if [ ! -s "$2" ]; then
		echo "nothing to compare with" >"$T/empty"
		not_ok "$1" "$T/empty"
	elif cmp -s "$2" "$3"; then
		ok "$1"
	else
		diff "$2" "$3" >"$T/difference" || :
		not_ok "$1" "$T/difference"
	fi
}

total=0
for program in "${programs[@]}"; do
	name=${program##*/}
	sql --format list -s '.separator \t' -s "SELECT requester, symbol, version, provider FROM bindings
		WHERE application = '$program' AND binding = 'bound'" | sort >"$T/ours"
	total=$((total + $(wc -l <"$T/ours")))
	"$MATR" inspect --bindings "$program" >"$T/inspect"
	compare "bindings of $name as inspect has them" "$T/inspect" "$T/ours"
	ld_so_bindings "$program" >"$T/oracle"
	compare "bindings of $name as ld.so makes them" "$T/oracle" "$T/ours"
	relocations_of "$program" | sort >"$T/ours"
	"$MATR" inspect --all --format csv "$program" | sed -E 's/,R_X86_64_/,/; s/,[^,\r]*(\r?)$/\1/' | sort >"$T/inspect"
	compare "relocations of $name as inspect has them" "$T/inspect" "$T/ours"
done
echo "# $total bindings"

# The same rows, however a query comes to them.
agree() # NAME QUERY QUERY
{
	sql --format list -s "$2" | sort >"$T/one"
	sql --format list -s "$3" | sort >"$T/other"
	compare "$1" "$T/one" "$T/other"
}
git=$(readlink -f /usr/bin/git)
libc=$(sql --format list -s "SELECT path FROM objects WHERE soname = 'libc.so.6'")
agree "bindings by provider, sought and sifted" \
	"SELECT application, requester, symbol FROM bindings WHERE provider = '$libc' AND application = '$git'" \
	"SELECT application, requester, symbol FROM bindings WHERE +provider = '$libc' AND +application = '$git'"
agree "bindings by symbol, sought and sifted" \
	"SELECT application, requester, provider, binding FROM bindings WHERE symbol = 'malloc'" \
	"SELECT application, requester, provider, binding FROM bindings WHERE +symbol = 'malloc'"
agree "bindings by pattern, sought and sifted" \
	"SELECT application, requester, symbol FROM bindings WHERE provider LIKE '%/LIBZ.SO%' AND symbol GLOB 'inf*'" \
	"SELECT application, requester, symbol FROM bindings WHERE +provider LIKE '%/LIBZ.SO%' AND +symbol GLOB 'inf*'"
agree "one or the other" \
	"SELECT application, requester FROM bindings WHERE symbol = 'free' OR symbol = 'malloc' OR provider = '$git'" \
	"SELECT application, requester FROM bindings WHERE +symbol = 'free' OR +symbol = 'malloc' OR +provider = '$git'"
sql --format list "SELECT DISTINCT requester, symbol, provider FROM bindings" | sort >"$T/distinct"
sql --format list "SELECT requester, symbol, provider FROM bindings" | sort -u >"$T/each"
compare "DISTINCT, by vector and by row" "$T/each" "$T/distinct"
agree "relocations by type, sought and sifted" \
	"SELECT requester, type, count(*) FROM relocations WHERE type = 'COPY' GROUP BY 1" \
	"SELECT requester, type, count(*) FROM relocations WHERE +type = 'COPY' GROUP BY 1"
agree "scopes: what nothing binds to" \
	"SELECT application, object FROM scopes WHERE NOT used AND position > 0 AND rule <> 'interpreter'" \
	"SELECT application, object FROM scopes s WHERE position > 0 AND rule <> 'interpreter' AND NOT EXISTS (SELECT 1
		FROM bindings b WHERE b.application = s.application AND b.provider = s.object AND b.requester <> s.object)"
agree "applications: relocations counted and listed" \
	"SELECT path, relocations, relatives FROM applications" \
	"SELECT application, sum(binding <> 'relative'), sum(binding = 'relative') FROM relocations GROUP BY 1"
agree "objects: symbols counted and listed" \
	"SELECT path, symbols FROM objects" "SELECT object, count(*) + 1 FROM symbols GROUP BY 1"
agree "objects: in scopes" \
	"SELECT path, applications FROM objects WHERE type = 'DYN'" \
	"SELECT s.object, count(*) FROM scopes s JOIN objects o ON o.path = s.object WHERE o.type = 'DYN' GROUP BY 1"
agree "epochs count what the tables list" \
	"SELECT applications, objects, declined FROM epochs" \
	"SELECT (SELECT count(*) FROM applications), (SELECT count(*) FROM objects), (SELECT count(*) FROM declined)"
agree "symbols as elf_symbols has them in the files" \
	"SELECT object, name, value, size FROM symbols WHERE exported AND object LIKE '%/libz.so%' AND type = 'FUNC'" \
	"SELECT path, name, value, size FROM elf_symbols WHERE exported AND path IN (SELECT path FROM objects WHERE
		path LIKE '%/libz.so%') AND type = 'FUNC' AND section <> 'UNDEF'"
agree "the address of what is bound is the symbol's in the file" \
	"SELECT symbol, address FROM bindings WHERE application = '$git' AND requester = '$git' AND type = 'OBJECT'
		AND provider = '$libc'" \
	"SELECT DISTINCT b.symbol, e.value FROM bindings b JOIN elf_symbols e ON e.path = b.provider AND
		e.name = b.symbol AND (e.version = b.provider_version OR b.provider_version IS NULL)
		WHERE b.application = '$git' AND b.requester = '$git' AND b.type = 'OBJECT' AND b.provider = '$libc'"

# Several epochs: two are kept.
begin "$git" /bin/bash
agree "an older epoch" "SELECT 1 + count(*) FROM applications" "SELECT 3"
sql --epoch 1 --format list "SELECT count(*) FROM applications" >"$T/older"
echo "${#programs[@]}" >"$T/expected"
compare "--epoch 1" "$T/expected" "$T/older"
sql --all-epochs --format list "SELECT epoch, count(*) FROM applications GROUP BY 1" >"$T/all"
printf '1|%d\n2|2\n' "${#programs[@]}" >"$T/expected"
compare "--all-epochs" "$T/expected" "$T/all"
sql --format list -s "SELECT matr_epoch(1)" -s "SELECT count(*) > 2 FROM applications" -s ".epoch current" \
	-s "SELECT count(*) FROM applications" -s "SELECT matr_epoch('all')" \
	-s "SELECT count(DISTINCT epoch) FROM bindings WHERE application = '$git'" >"$T/functions"
printf '1\n1\ncurrent\n2\nall\n2\n' >"$T/expected"
compare "matr_epoch() and .epoch" "$T/expected" "$T/functions"
one_line "an epoch that is not there" 1 "$MATR" sql --epoch 99 "SELECT * FROM applications"

# Libraries that programs load with dlopen(): the tables of closures, against `matr inspect --closure`.
python=$(readlink -f /usr/bin/python3)
"$MATR" record "$python" -c 'import ctypes, json, sqlite3, ssl, lzma' >/dev/null 2>&1
begin "$python" "$git" /bin/bash
"$MATR" inspect --closures --format csv "$python" | sed 1d | sort >"$T/inspect"
sql --format csv --headers off "SELECT library, flags, objects, reason FROM closures WHERE application = '$python'" |
	sort >"$T/ours"
compare "closures of python as inspect has them" "$T/inspect" "$T/ours"
closures=0
while IFS= read -r library; do
	closures=$((closures + 1))
	"$MATR" inspect --all --format csv --closure "$library" "$python" | sed -E 's/,R_X86_64_/,/; s/,[^,\r]*(\r?)$/\1/' | sort >"$T/inspect"
	sql --format csv -s "SELECT requester, symbol, version, provider, binding, type, printf('0x%x', offset) AS
		offset, addend, applied FROM closure_relocations WHERE application = '$python' AND closure = '$library'
		AND binding <> 'relative'" | sort >"$T/ours"
	compare "relocations of ${library##*/} as inspect has them" "$T/inspect" "$T/ours"
done < <(sql --format list "SELECT library FROM closures WHERE objects > 0 ORDER BY 1 LIMIT 8")
echo "# $closures closures"
agree "closures: objects counted and listed" \
	"SELECT library, objects FROM closures WHERE objects > 0" \
	"SELECT closure, count(*) FROM closure_scopes GROUP BY 1"
agree "closures: bindings sought and sifted" \
	"SELECT closure, requester, symbol FROM closure_bindings WHERE provider = '$libc' AND symbol GLOB 'mem*'" \
	"SELECT closure, requester, symbol FROM closure_bindings WHERE +provider = '$libc' AND +symbol GLOB 'mem*'"
agree "closures: bindings by closure, sought and sifted" \
	"SELECT c.library, b.symbol, b.provider FROM closures c JOIN closure_bindings b ON b.closure = c.library" \
	"SELECT closure, symbol, provider FROM closure_bindings"
agree "closures: relocations make up the bindings" \
	"SELECT closure, requester, sum(relocations) FROM closure_bindings GROUP BY 1, 2" \
	"SELECT closure, requester, count(*) FROM closure_relocations WHERE binding IN ('bound', 'null', 'undefined')
		AND symbol IS NOT NULL GROUP BY 1, 2"
agree "closures: what they bring in is among the objects" \
	"SELECT DISTINCT object FROM closure_scopes" \
	"SELECT path FROM objects WHERE closures > 0"

# Other clients. The store itself as their database has tables of the same names: ours are found first.
extension=$BUILD/libmatr/matr
if have sqlite3 && [ -z "${MATR_SANITIZED:-}" ]; then
	sql --format list "SELECT requester, symbol, provider FROM bindings WHERE application = '/usr/bin/git'" |
		sort >"$T/shell"
	for database in :memory: "$MATR_PREFIX/store.db"; do
		sqlite3 -cmd ".load $extension" "$database" "SELECT requester, symbol, provider FROM bindings
			WHERE application = '/usr/bin/git'" | sort >"$T/sqlite3"
		compare "sqlite3 ${database##*/} with matr.so" "$T/shell" "$T/sqlite3"
		sqlite3 -cmd ".load $extension" "$database" "SELECT name FROM applications ORDER BY 1" >"$T/names"
		printf '%s\n' bash git "$(basename "$(readlink -f /usr/bin/python3)")" >"$T/expected"
		compare "applications in sqlite3 ${database##*/}" "$T/expected" "$T/names"
	done
	/usr/bin/python3 -c "
import sqlite3, sys
db = sqlite3.connect(':memory:')
db.enable_load_extension(True)
db.load_extension('$extension')
for row in db.execute('SELECT requester, symbol, provider FROM bindings WHERE application = ?', ('/usr/bin/git',)):
    print('|'.join('' if value is None else value for value in row))" | sort >"$T/python"
	compare "Python with matr.so" "$T/shell" "$T/python"
fi
finish
