#!/usr/bin/env bash
# patched_function.sh - what edits of mappings are for, seen from outside of MatR: the allocator of one library only, by the allocator's
# own statistics; another implementation of zlib's crc32 for every program, by what programs compute with it and a log it
# keeps; who is not concerned; and that files and environment are untouched.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
export PATH=/usr/bin:/bin:/usr/sbin:/sbin

rebind() { "$MATR" rebind "$@" >"$T/rebind" 2>"$T/rebind.err" </dev/null; }
undo_all() { "$MATR" rebind --list --format csv | tail -n +2 | cut -d, -f1 | xargs -r "$MATR" rebind --quiet --undo; }

mkdir "$T/lib"
$CC -O2 -fPIC -shared -Wl,-soname,libcrcfix.so.1 -o "$T/lib/libcrcfix.so.1" "$HERE/sources/crc.c"

git init -q "$T/repository" && seq 20000 >"$T/repository/file" && git -C "$T/repository" add file
git -C "$T/repository" -c user.email=a@b -c user.name=n commit -q -m one
git -C "$T/repository" repack -adq
pack=$(echo "$T"/repository/.git/objects/pack/*.pack)
printf '<a><b>text</b></a>\n' | gzip -n >"$T/x.xml.gz"
{ printf 'P6\n40 40\n255\n'; head -c 4800 /dev/zero | tr '\0' '\101'; } >"$T/x.ppm"
programs=(/usr/bin/git /usr/bin/python3 /usr/bin/cmake /usr/bin/xmllint /usr/bin/pnmtopng /usr/bin/bash /usr/bin/ls)
wanted=()
for program in "${programs[@]}"; do [ ! -e "$program" ] || wanted+=("$(readlink -f "$program")"); done
settle "$T/lib"
begin "${wanted[@]}"

# ---- a function of zlib, patched in every program ----

# Each of these computes checksums with zlib, or has them checked: git of objects in a pack, the others of what they (de)compress.
use() # NAME: what the program has to say
{
	case $1 in
	git) git index-pack -o "$T/$RANDOM.idx" "$pack" && git -C "$T/repository" fsck --full 2>/dev/null && git -C "$T/repository" verify-pack -v "$pack" ;;
	python3) python3 -c 'import gzip, zlib; print(zlib.crc32(b"123456789"), gzip.decompress(gzip.compress(b"x" * 100000)) == b"x" * 100000)' ;;
	cmake) cd "$T" && cmake -E tar czf x.tgz x.ppm && cmake -E tar tzf x.tgz && gzip -t x.tgz ;;
	xmllint) xmllint "$T/x.xml.gz" ;;
	pnmtopng) pnmtopng "$T/x.ppm" 2>/dev/null | sha256sum ;;
	esac
}
export -f use
export T pack
try() # in a shell that `matr run` starts, so that all programs are found mapped
{
	CRC_LOG=$T/$1.log "$MATR" run bash -c "use $2" 2>&1
}
"$BUILD/tools/matr" inspect --symbol crc32 git >"$T/before" 2>&1
names=()
for name in git python3 cmake xmllint pnmtopng; do have $name && names+=("$name"); done
for name in "${names[@]}"; do use "$name" >"$T/$name.plain" 2>&1; done
sums=$(sha256sum /usr/lib/x86_64-linux-gnu/libz.so.1 "${wanted[@]}")
rebind --all-programs --symbol crc32 --to "$T/lib/libcrcfix.so.1" --reason 'CVE-0000-0000: crc32' && ok "crc32 of every program goes to a patched one" || not_ok "crc32 of every program" "$T/rebind.err"
for name in "${names[@]}"; do
	try patched "$name" >"$T/$name.patched"
	check "$name: computes the same" cmp "$T/$name.plain" "$T/$name.patched"
	check "$name: with the patched function" grep -q "/$name" "$T/patched.log"
	CRC_LOG=$T/plain.log use "$name" >/dev/null 2>&1
done
check "started without MatR, nobody has it" test ! -e "$T/plain.log"
check "who does not use zlib is not edited" test "$("$MATR" sql --format list --headers off --sql "SELECT count(*) FROM store.edited WHERE application IN ('/usr/bin/ls', '/usr/bin/bash')")" = 0
check "zlib's own calls are edited too" test "$("$MATR" sql --format list --headers off --sql "SELECT count(DISTINCT application) > 2 FROM bindings WHERE symbol = 'crc32' AND requester LIKE '%/libz.so.1%' AND provider LIKE '%/libcrcfix.so.1'")" = 1
check "no file was touched" test "$sums" = "$(sha256sum /usr/lib/x86_64-linux-gnu/libz.so.1 "${wanted[@]}")"
check "the environment has nothing of it" test "$("$MATR" run python3 -c 'import os; print([v for v in os.environ if v.startswith("LD_")])')" = '[]'
check "the process has the library, by its path" grep -q "^$T/lib/libcrcfix.so.1$" <("$MATR" run python3 -c 'print(*sorted({l.split()[5] for l in open("/proc/self/maps") if len(l.split()) > 5}), sep="\n")')
check "verify" "$MATR" verify "${wanted[@]}"
# what is said of it
"$MATR" rebind --list --format json >"$T/list"
check "recorded: who, when and why" /usr/bin/python3 -c '
import json, sys, time
e, = json.load(open(sys.argv[1]))
assert e["reason"] == "CVE-0000-0000: crc32" and "uid" in e["author"] and e["state"] == "applied" and e["programs"] >= 3, e
assert abs(time.mktime(time.strptime(e["time"], "%Y-%m-%d %H:%M:%S")) - time.time()) < 600, e' "$T/list"

# A broken implementation shows: the function is not merely loaded.
sed 's/0xedb88320UL/0xedb88321UL/' "$HERE/sources/crc.c" >"$T/broken.c"
$CC -O2 -fPIC -shared -Wl,-soname,libcrcfix.so.1 -o "$T/broken.so" "$T/broken.c" && mv "$T/broken.so" "$T/lib/libcrcfix.so.1"
check "the library changed: a plain start, with zlib's" test "$("$MATR" run python3 -c 'import zlib; print(zlib.crc32(b"123456789"))')" = 3421780262
"$MATR" epoch begin --only -q "${wanted[@]}" 2>/dev/null </dev/null
check "the next epoch has the new library" test "$("$MATR" run python3 -c 'import zlib; print(zlib.crc32(b"123456789") == 3421780262)')" = False
check "and a compressed file's checksum is wrong by it" test "$("$MATR" run python3 -c 'import gzip, zlib
try: print(gzip.decompress(bytes.fromhex("1f8b0800000000000003cb48cdc9c9070086a6103605000000")))
except OSError as e: print("CRC" in str(e))')" = True
undo_all
check "taken back" test "$("$MATR" run python3 -c 'import zlib; print(zlib.crc32(b"123456789"))')" = 3421780262
check "taken back: the mapping is as before" cmp "$T/before" <("$MATR" inspect --symbol crc32 git 2>&1)

# ---- one program only, and not its children ----

$CC -O2 -fPIC -shared -Wl,-soname,libcrcfix.so.1 -o "$T/fixed.so" "$HERE/sources/crc.c" && mv "$T/fixed.so" "$T/lib/libcrcfix.so.1"
rebind python3 --symbol crc32 --to "$T/lib/libcrcfix.so.1"
rm -f "$T/patched.log"
CRC_LOG=$T/patched.log "$MATR" run python3 -c 'import subprocess, zlib; print(zlib.crc32(b"1")); subprocess.run(["bash", "-c", "use git; use cmake"])' >"$T/out" 2>&1
check "one program: it, and not what it starts" test "$(sort -u "$T/patched.log")" = "$(readlink -f /usr/bin/python3)"
undo_all

# ---- malloc of one library only ----

if ldconfig -p | grep -q libjemalloc.so.2; then
	# allocated ARGUMENT...: what jemalloc says at exit of git's allocations: its own count
	allocated()
	{
		MALLOC_CONF=tcache:false,stats_print:true,stats_print_opts:J "$MATR" run git "$@" 2>&1 >/dev/null |
			/usr/bin/python3 -c 'import json, sys
text = sys.stdin.read()
arenas = json.loads(text[text.index("{"):])["jemalloc"]["stats.arenas"]
if "merged" in arenas: arenas = {"": arenas["merged"]}
print(sum(arena[size]["nmalloc"] for arena in arenas.values() for size in ("small", "large")))'
	}
	work=(-C "$T/repository" cat-file -p HEAD:file)
	rebind git --requester libz.so.1 --symbol malloc --symbol free --to libjemalloc.so.2
	idle=$(allocated --version)
	mine=$(($(allocated "${work[@]}") - idle))
	theirs=$(MATR_PREFIX='' && unset MATR_PREFIX && "$MATR" trace git --requester libz.so.1 --symbol malloc --format csv -- "${work[@]}" 2>&1 >/dev/null | tail -n 1 | cut -d, -f1)
	check "jemalloc allocates what libz asks for ($mine)" test "$mine" -gt 0 -a "$mine" = "$theirs"
	"$MATR" run git "${work[@]}" >"$T/out" && check "and git does its work" cmp "$T/out" "$T/repository/file"
	undo_all
	rebind git --symbol malloc --symbol free --symbol calloc --symbol realloc --to libjemalloc.so.2
	all=$(($(allocated "${work[@]}") - idle))
	check "of everybody it would be more ($all)" test "$all" -gt $((mine + 50))
	undo_all
else
	skip "malloc of one library only" "no libjemalloc2"
fi
finish
