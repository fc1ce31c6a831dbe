#!/usr/bin/env bash
# history.sh - old epochs are open to every query: real programs, whose libz is replaced, moved, wrapped, broken and edited
# between epochs. What each command says of an epoch is recorded while it is in force, and asked again of it when it is
# the previous one, and when there are many later ones. And the store of many epochs that come and go does not grow.
#
# MATR_TEST_KILLS=N: kill `epoch prune` at the first N of each kind of system call that writes (default 3; the slow suite
# takes 25).
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

# xz needs no libz: it stays when the others are declined. These take libz from a directory that is ours, as their LD_LIBRARY_PATH would have it.
mkdir "$T/lib" "$T/bin"
mapfile -t programs < <(for program in /usr/bin/git /usr/bin/python3 /usr/bin/xz; do [ ! -x $program ] || readlink -f $program; done)
system=$(readlink -f /lib/x86_64-linux-gnu/libz.so.1)
if [ ${#programs[@]} -lt 3 ] || [ ! -e "$system" ]; then
	skip "old epochs" "no git, python3, xz or libz"
	finish
fi
{
	printf '[epochs]\nkeep = 100\n'
	for program in "${programs[@]}"; do
		printf '[program %s]\npath = %s\nlibrary-path = %s\n' "${program##*/}" "$program" "$T/lib"
	done
} >"$T/conf"
again() { "$MATR" epoch begin --only -q --config "$T/conf" "${programs[@]}" >"$T/again" 2>&1 </dev/null || [ $? -eq 3 ] || sed 's/^/# /' "$T/again"; }
put() { cp "$1" "$T/lib/$2.new" && mv "$T/lib/$2.new" "$T/lib/$2"; }

# A libz that has crc32 itself and gets the rest from the real one, under another soname. It has all the versions.
LC_ALL=C sed 's/libz\.so\.1/libz.so.9/g' "$system" >"$T/libz.so.9"
readelf -W -V "$system" | sed -n 's/.*Name: \(ZLIB_[0-9.]*\).*/\1/p' | sort -u | awk '{ print $1 " { local_" NR "; };" }' >"$T/map"
echo 'unsigned long crc32(unsigned long crc, const void *data, unsigned size) { return crc + size + !data; }' |
	$CC -x c -shared -fPIC -o "$T/wrapped" - -Wl,-soname,libz.so.1 -Wl,--version-script="$T/map" -Wl,--no-as-needed -x none "$T/libz.so.9" 2>"$T/link" || sed "s/^/# /" "$T/link"
echo 'int logged(void *stream, int flush) { return flush + !stream; }' | $CC -x c -shared -fPIC -o "$T/lib/liblogged.so" -

# snapshot DIRECTORY EPOCH: what every command says of it
snapshot()
{
	local out=$1 epoch=$2 program name
	mkdir "$out"
	for program in "${programs[@]}"; do
		name=$out/${program##*/}
		"$MATR" inspect --epoch "$epoch" --bindings "$program" >"$name.bindings" 2>&1 || :
		"$MATR" inspect --epoch "$epoch" --all --format csv "$program" >"$name.relocations" 2>&1 || :
		"$MATR" inspect --epoch "$epoch" --closures --format csv "$program" >"$name.closures" 2>&1 || :
		"$MATR" why --epoch "$epoch" --format json "$program" crc32 >"$name.crc32" 2>&1 || :
		"$MATR" why --epoch "$epoch" "$program" inflate >"$name.inflate" 2>&1 || :
		"$MATR" why --epoch "$epoch" --library --format json "$program" libz.so.1 >"$name.libz" 2>&1 || :
		"$MATR" tree --epoch "$epoch" "$program" >"$name.tree" 2>&1 || :
		"$MATR" shadowed --epoch "$epoch" --format csv "$program" >"$name.shadowed" 2>&1 || :
	done
	"$MATR" exposed --epoch "$epoch" --symbol crc32 --format csv >"$out/exposed.crc32" 2>&1 || :
	"$MATR" exposed --epoch "$epoch" --library libz.so.1 --format json >"$out/exposed.libz" 2>&1 || :
	"$MATR" baseline save --epoch "$epoch" - >"$out/baseline" 2>"$out/saved" || :
	"$MATR" baseline check --epoch "$epoch" --format csv "$T/signed.txt" >"$out/check" 2>&1 || :
	"$MATR" epoch show --programs --format csv "$epoch" >"$out/programs" 2>&1 || :
	"$MATR" sql --epoch "$epoch" --format csv "SELECT application, requester, symbol, version, provider, edit, original FROM bindings ORDER BY 1, 2, 3, 4, 5;
		SELECT application, position, object, rule FROM scopes ORDER BY 1, 2; SELECT path, build_id, size FROM objects ORDER BY 1;
		SELECT program, reason FROM declined ORDER BY 1; SELECT * FROM closure_bindings ORDER BY 1, 2, 3, 4, 5" >"$out/sql" 2>&1 || :
}
# In force it is the current one; that is the only word that differs.
n=0
epoch() # NAME: begin one, record what is said of it, and ask the one before again
{
	again
	n=$((n + 1))
	[ -e "$T/signed.txt" ] || "$MATR" baseline save "$T/signed.txt" >/dev/null 2>&1
	snapshot "$T/then.$n" current
	"$MATR" diff --details --format csv $((n > 1 ? n - 1 : 1)) current >"$T/then.$n/diff" 2>&1 || :
	ok "epoch $n: $1"
	[ $n -gt 1 ] || return 0
	snapshot "$T/previous.$n" previous
	as_then "epoch $((n - 1)) as the previous one" "$T/then.$((n - 1))" "$T/previous.$n"
}
as_then() # NAME THEN NOW
{
	if diff -r -x diff "$2" "$3" >"$T/difference" 2>&1 && [ -s "$3/sql" ]; then
		ok "$1: $(find "$3" -type f | wc -l) answers as then, $(cat "$3"/* | wc -l) lines"
	else
		not_ok "$1: as then" "$T/difference"
	fi
}

"$MATR" record /usr/bin/python3 -c 'import _lzma' >"$T/record" 2>&1 </dev/null || sed 's/^/# /' "$T/record"
epoch "the system's libz"
put "$system" libz.so.1
epoch "a copy of it in another directory"
put "$T/libz.so.9" libz.so.9
put "$T/wrapped" libz.so.1
epoch "one that has crc32 itself"
"$MATR" sql --write "INSERT INTO store.edits (program, symbol, library, to_symbol, reason) VALUES ('git', 'inflate', '$T/lib/liblogged.so', 'logged', 'test')" >/dev/null
epoch "an edit of inflate"
put "$T/wrapped" libz.so.1
truncate -s 3000 "$T/lib/libz.so.1"
epoch "a libz that is cut short"
"$MATR" sql --write "DELETE FROM store.edits" >/dev/null
rm "$T/lib/libz.so.1" "$T/lib/libz.so.9"
epoch "the system's libz again"

# The epochs do differ, in what was meant.
git=${programs[0]}
said() { grep -q -e "$3" "$T/then.$1/$2" && ok "epoch $1, $2: $3" || not_ok "epoch $1, $2: $3" "$T/then.$1/$2"; }
said 1 git.bindings "	crc32		$system"
said 2 git.bindings "	crc32		$T/lib/libz.so.1"
said 2 diff "^$git,moved,object,,,,$system,$T/lib/libz.so.1,"
said 3 git.bindings "	crc32		$T/lib/libz.so.1"
said 3 git.bindings "	inflate		$T/lib/libz.so.9"
said 3 diff "^$git,moved,binding,$git,inflate,,$T/lib/libz.so.1,$T/lib/libz.so.9,"
said 4 git.bindings "	inflate		$T/lib/liblogged.so"
said 4 diff "^$git,moved,binding,$git,inflate,,$T/lib/libz.so.9,$T/lib/liblogged.so:logged,,,1"
said 5 diff "^$git,declined,program,,,,mapped,\"\\?declined: $T/lib/libz.so.1"
said 5 git.tree "declined"
said 6 diff "^$git,accepted,program,"
said 1 "${programs[1]##*/}.closures" "_lzma"

# By number, with all that came later.
for i in $(seq $n); do
	snapshot "$T/now.$i" "$i"
	as_then "epoch $i, later" "$T/then.$i" "$T/now.$i"
	[ "$i" -gt 1 ] || continue
	"$MATR" diff --details --format csv $((i - 1)) "$i" >"$T/diff" 2>&1 || :
	check "what epoch $i has changed" cmp "$T/diff" "$T/then.$i/diff"
done
"$MATR" epoch prune --keep 3 -q
for i in 4 5 6; do
	snapshot "$T/pruned.$i" "$i"
	as_then "epoch $i, where others were removed" "$T/then.$i" "$T/pruned.$i"
done
one_line "those are gone" 1 "$MATR" inspect --epoch 3 "$git"
rm -rf "$T"/then.* "$T"/now.* "$T"/previous.* "$T"/pruned.*

# ---- many epochs ----

rm -rf "$MATR_PREFIX"
programs=("$git")
ids() { "$MATR" epoch list --format csv | tail -n +2 | cut -d, -f1 | paste -sd ' '; }
size() { stat -c %s "$MATR_PREFIX/store.db"; }
turn() # N: two libz in turn
{
	if [ $(($1 % 2)) -eq 0 ]; then put "$system" libz.so.1; else put "$T/wrapped" libz.so.1; put "$T/libz.so.9" libz.so.9; fi
}
flip() { turn "$1"; again; }
for i in $(seq 25); do flip "$i"; done
check "25 epochs are kept" [ "$(ids)" = "$(seq -s ' ' 25)" ]
"$MATR" inspect --bindings --epoch 25 "$git" >"$T/odd"
"$MATR" inspect --bindings --epoch 24 "$git" >"$T/even"
check "which differ" sh -c "! cmp -s '$T/odd' '$T/even'"
open=0
for i in $(seq 25); do
	"$MATR" inspect --bindings --epoch "$i" "$git" | cmp -s - "$T/$([ $((i % 2)) -eq 0 ] && echo even || echo odd)" && open=$((open + 1)) || :
done
check "each as it was" [ $open -eq 25 ]
for wrong in 0 -1 x '' 99999999999999999999 1.5; do
	capture line "$MATR" epoch prune --keep "$wrong"
	check "prune --keep '$wrong' is refused" [ "$(cat "$T/line.status")" -eq 2 ]
done
check "more than there are" sh -c "'$MATR' epoch prune --keep 4294967295 | grep -q '^0 epochs removed'"
check "nothing is gone" [ "$(ids)" = "$(seq -s ' ' 25)" ]
check "epoch prune --keep 5 removes the others" sh -c "'$MATR' epoch prune --keep 5 | grep -q '^20 epochs removed'"
check "the newest are there" [ "$(ids)" = "21 22 23 24 25" ]
sed -i 's/keep = 100/keep = 5/' "$T/conf"
for i in $(seq 26 33); do flip "$i"; done
steady=$(size)
for i in $(seq 34 48); do flip "$i"; done
check "after 15 more the store has the size that it had ($steady, $(size))" [ "$(size)" -le $((steady + steady / 20)) ]
check "and the newest 5 epochs are kept" [ "$(ids)" = "44 45 46 47 48" ]

# ---- with a begin beside it, and killed ----

# sound NAME: what is kept is whole: SQLite says so, and each epoch is open
sound()
{
	/usr/bin/python3 - "$MATR_PREFIX/store.db" <<'END' || return 1
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
assert store.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
assert store.execute('PRAGMA foreign_key_check').fetchall() == []
END
	local id
	for id in $(ids); do
		"$MATR" inspect --bindings --epoch "$id" "$git" | cmp - "$T/$([ $((id % 2)) -eq 0 ] && echo even || echo odd)" || return 1
	done
	[ -n "$(ids)" ]
}
sed -i 's/keep = 5/keep = 100/' "$T/conf"
# A prune waits for a begin; a begin does not wait, but says that there is somebody, and has another try here.
until_begun()
{
	until "$MATR" epoch begin --only -q --config "$T/conf" "$git" >"$T/refused" 2>&1 </dev/null; do
		grep -q 'another process' "$T/refused" || return 1
	done
}
failed=0
for i in $(seq 49 54); do
	turn "$i"
	until_begun &
	begin=$!
	"$MATR" epoch prune --keep 2 -q >"$T/pruned" 2>&1 </dev/null || failed=$((failed + 1))
	wait "$begin" || failed=$((failed + 1))
done
check "prune while epochs begin: both do what they should" [ $failed -eq 0 ]
check "all is whole" sound
check "and well" "$MATR" epoch status
for i in $(seq 55 64); do flip "$i"; done
cp -a "$MATR_PREFIX" "$T/many"
before=$(ids)
killed=0 other=0 broken=0
for i in $(have strace && seq "${MATR_TEST_KILLS:-3}"); do
	for call in pwrite64 fdatasync ftruncate; do
		rm -rf "$MATR_PREFIX"
		cp -a "$T/many" "$MATR_PREFIX"
		{ strace -f -qq -e trace="$call" -e inject="$call":signal=KILL:when="$i" -o /dev/null \
			"$MATR" epoch prune --keep 3 -q </dev/null && other=$((other + 1)) || killed=$((killed + 1)); } >"$T/killed" 2>&1
		left=$(ids)
		[ "$left" = "$before" ] || [ "$left" = "62 63 64" ] || broken=$((broken + 1))
		sound >"$T/sound" 2>&1 || broken=$((broken + 1))
		"$MATR" epoch prune --keep 3 -q 2>/dev/null && [ "$(ids)" = "62 63 64" ] || broken=$((broken + 1))
	done
done
if have strace; then
	check "prune is killed ($killed times, $other it was through): all or nothing, and done the next time" [ $broken -eq 0 ]
	check "killed it was" [ $killed -gt 0 ]
else
	skip "prune is killed" "no strace"
fi
finish
