#!/usr/bin/env bash
# programs.sh - real programs, as programs.list has them: every binding agrees with what ld.so says
# (../shared/oracle/ld-bindings), ld.so writes what the mapping would write (matr verify), and the program
# does the same work with the mapping applied as without.
#
# MATR_TEST_PROGRAMS=REGEX restricts the run to names that match.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

# ---- fixtures ----
X=$T/fixture
W=$T/work
mkdir -p "$X/home" "$X/project" "$X/out"
cd "$X"
seq 2000 | while read -r n; do echo "word$((n % 97)) $((n * 7919 % 10007)) line"; done >text.txt
cat >program.c <<'END'
#include <stdio.h>
struct point { double x, y; };
double area(struct point a, struct point b) { return (b.x - a.x) * (b.y - a.y); }
int main(void) { printf("%g\n", area((struct point){0, 0}, (struct point){2, 3})); return 0; }
END
cat >templates.cc <<'END'
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
template <typename T> T checked(const std::vector<T> &v, size_t i)
{
	if (i >= v.size()) throw std::out_of_range("index " + std::to_string(i));
	return v[i];
}
int run(int n)
{
	std::map<std::string, int> counts;
	try {
		for (int i = 0; i < n; i++) counts[std::to_string(checked(std::vector<int>{1, 2, 3}, i))]++;
	} catch (const std::exception &error) { return static_cast<int>(counts.size()); }
	return 0;
}
END
echo 'int main(void) { return undeclared; }' >broken.c
gcc -g -O0 program.c -o program
gcc -O1 -S program.c -o program.s
gcc -O1 -c program.c -o program.o
g++ -E -std=c++17 templates.cc -o templates.ii
cat >script.sh <<'END'
set -u
cat <<TEXT
$# arguments: $*
TEXT
(exit 3) & wait $!; echo "waited: $?"
trap 'echo trapped' EXIT
mapfile -t lines <text.txt; echo "${#lines[@]} ${lines[7]}"
echo "$(for w in c a b; do echo "$w"; done | sort | tr '\n' ' ')"
read -r first <<<"here string"; echo "$first"
END
cat >modules.py <<'END'
import bz2, ctypes, ctypes.util, decimal, hashlib, json, lzma, math, os, random, select, socket, sqlite3
import ssl, struct, unicodedata, zlib, datetime, asyncio, xml.etree.ElementTree, locale, uuid
print(json.dumps({"sha": hashlib.sha256(b"x").hexdigest(), "pi": math.pi}))
database = sqlite3.connect(":memory:")
print(database.execute("select sqlite_version(), 6 * 7").fetchall())
print(lzma.decompress(lzma.compress(b"x" * 1000)) == b"x" * 1000, zlib.crc32(b"abc"), len(bz2.compress(b"y")))
context = ssl.create_default_context()
print(ssl.OPENSSL_VERSION, context.check_hostname)
libc = ctypes.CDLL("libc.so.6")
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(
    lambda a, b: a[0] - b[0])
numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), callback)
print(list(numbers), libc.abs(-3), decimal.Decimal(2).sqrt(), unicodedata.name("\u00fc"))
async def sleeper():
    await asyncio.sleep(0.01)
    return "slept"
print(asyncio.run(sleeper()), xml.etree.ElementTree.fromstring("<a><b/></a>").find("b").tag)
END
cat >script.cmake <<'END'
cmake_minimum_required(VERSION 3.20)
set(list c b a)
list(SORT list)
file(WRITE generated.txt "${list}\n")
string(SHA256 sum "x")
string(JSON value GET [[{"a": [1, 2, 3]}]] a 1)
file(GLOB files RELATIVE ${CMAKE_CURRENT_LIST_DIR} *.c)
message(STATUS "${sum} ${value} ${files}")
execute_process(COMMAND /bin/echo child OUTPUT_VARIABLE out)
message(FATAL_ERROR "an error on purpose ${out}")
END
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(example C)
add_executable(example ../program.c)
END
cat >make.ninja <<'END'
rule copy
  command = cp $in $out
build made.txt: copy text.txt
default made.txt
END
printf 'all: one two\n\t@echo all\none two:\n\t@echo $@\n' >Makefile
printf '%%s/word7 /WORD /ge\nsort n\nsaveas! edited.txt\nqall!\n' >script.vim
echo '[{"name": "a", "n": 1}, {"name": "b", "n": 2}, {"name": "c", "n": 3}]' >data.json
printf 'scale = 40\n4 * a(1)\n2 ^ 200\nquit\n' >sum.bc
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl test' >fixed.pub
cat >document.fodt <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>
<text:h text:outline-level="1">A heading</text:h><text:p>A paragraph with umlauts: äöü.</text:p>
<text:list><text:list-item><text:p>an item</text:p></text:list-item></text:list>
</office:text></office:body></office:document>
END
export HOME=$X/home GIT_CONFIG_NOSYSTEM=1 TZ=UTC
if have git; then
	export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
	git init -q -b main repository
	for n in 1 2 3; do
		cp text.txt "repository/file$n"
		echo "line $n" >>"repository/file1"
		git -C repository add .
		git -C repository -c user.name=Test -c user.email=test@example.org commit -q -m "commit $n"
	done
fi
SOFFICE=/usr/lib/libreoffice/program/soffice.bin
if [ -x $SOFFICE ]; then # the first start of a profile is a start of its own kind
	$SOFFICE --headless "-env:UserInstallation=file://$X/profile" --convert-to txt:Text \
		--outdir "$X/out" "$X/document.fodt" >/dev/null 2>&1 || :
	rm -rf "$X/out" && mkdir "$X/out"
fi

fresh()
{
	rm -rf "$W"
	cp -a "$X" "$W"
	cd "$W" || exit
}

# ---- the list ----
NAMES=()
BINARIES=()
FILES=()
ARGUMENTS=()
while IFS=$'\t' read -r name binary files arguments; do
	case $name in '#'*) continue ;; esac
	[[ $name =~ ${MATR_TEST_PROGRAMS:-.} ]] || continue
	eval "binary=$binary"
	NAMES+=("$name")
	BINARIES+=("$binary")
	FILES+=("$files")
	ARGUMENTS+=("$arguments")
done < <(sed 's/\t$//' "$HERE/programs.list")

INSTALLED=()
for binary in $(printf '%s\n' "${BINARIES[@]}" | sort -u); do
	if [ -x "$binary" ]; then
		INSTALLED+=("$binary")
	elif [ -n "${MATR_TEST_ALL:-}" ]; then
		not_ok "$binary is installed"
	else
		skip "$binary" "not installed"
	fi
done

SECONDS=0
check "epoch begin for ${#INSTALLED[@]} programs" begin "${INSTALLED[@]}"
echo "# epoch begin took $SECONDS s"
check "matr epoch status" "$MATR" epoch status
if [ -z "${MATR_TEST_PROGRAMS:-}" ]; then
	check "at least 25 programs" [ ${#INSTALLED[@]} -ge 25 ]
fi

# ---- bindings: requester, symbol, version, provider, as the oracle has them ----
# ld.so prints what it looked up and found.
inspect_bindings()
{
	"$MATR" inspect --all --format csv "$1" | /usr/bin/python3 -c '
import csv, sys
found = set()
for row in csv.DictReader(sys.stdin):
    if row["binding"] == "bound":
        found.add("\t".join(row[c] for c in ("requester", "symbol", "version", "provider")))
print("\n".join(sorted(found)))'
}
for binary in "${INSTALLED[@]}"; do
	if ! ld_so_bindings "$binary" >"$T/oracle"; then
		not_ok "$binary: ld.so lists its bindings"
		continue
	fi
	inspect_bindings "$binary" >"$T/inspect" 2>"$T/inspect.err" || :
	if [ -s "$T/oracle" ] && diff "$T/oracle" "$T/inspect" >"$T/difference"; then
		ok "$binary: $(wc -l <"$T/oracle") bindings as ld.so has them"
	else
		echo "$(grep -c '^<' "$T/difference") only ld.so's, $(grep -c '^>' "$T/difference") only ours" \
			>"$T/count"
		not_ok "$binary: bindings as ld.so has them" "$T/count" "$T/difference" "$T/inspect.err"
	fi
done

# ---- every slot: what ld.so writes ----
for binary in "${INSTALLED[@]}"; do
	check "$binary: matr verify" "$MATR" verify "$binary"
done

# ---- the same work ----
export HOME=$W/home
FILTER='s/\.cc[A-Za-z0-9]{6}/TEMPORARY/g; s/-[0-9a-f]{6}\.o/TEMPORARY/g
s/after [0-9]+ ms/after N ms/; s/in [0-9.]+ ?s(econds)?/in N s/; s/\([0-9.]+s\)/(N s)/'
for i in "${!NAMES[@]}"; do
	binary=${BINARIES[i]}
	[ -x "$binary" ] || continue
	fresh
	eval "arguments=(${ARGUMENTS[i]})"
	# shellcheck disable=SC2154 # assigned by the eval above
	capture plain "$binary" "${arguments[@]}"
	filter plain
	rm -rf "$T/work.plain"
	mkdir "$T/work.plain"
	missing=
	IFS=, read -ra files <<<"${FILES[i]}"
	for file in "${files[@]}"; do
		[ "$file" != - ] || continue
		cp "${file#\?}" "$T/work.plain/$(basename "${file#\?}")" 2>/dev/null || missing=$file
	done
	fresh
	capture_matr matr "$binary" "${arguments[@]}"
	filter matr
	for file in "${files[@]}"; do
		[ "$file" != - ] || continue
		case $file in
		\?*) [ -s "${file#\?}" ] || missing=$file ;;
		*) cmp "$file" "$T/work.plain/$(basename "$file")" >>"$T/matr.err" 2>&1 || : ;;
		esac
	done
	if [ -n "$missing" ]; then
		not_ok "${NAMES[i]}: makes $missing" "$T/plain.err" "$T/matr.err"
	else
		expect "${NAMES[i]}" 'applied objects=[1-9][0-9]* relocations=[1-9][0-9]* residual=[0-9]+ placement=[a-z]+ cpu=[a-z]+ served=[0-9]+$'
	fi
done
finish
