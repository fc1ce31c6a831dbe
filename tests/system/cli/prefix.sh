#!/usr/bin/env bash
# prefix.sh - what is somebody else's is not touched: no command takes a directory for a prefix that is none, and in a prefix
# only MatR's own files are replaced or removed. Directories full of look-alikes, and a count.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

names=(matr.prefix.bak matr.prefix.matr-tmp.abc store.db.bak store.db.damaged.1 epoch.image.txt epoch.image.next.bak epoch.1.image.gz epoch.x.image ended.image.old
	ld-stable.c ld-stable.backup interpreter.c interpreter.h interpreter.backup interpreter.matr-tmp. interpreter.matr-tmp.abcdefg ld.so.conf ld.so.cache ld.so.backup
	programs.list programs.backup suspended.md lock.c edits.backup recordings.csv trial.c trials matrd.socket matrd.conf 'with space' .hidden -dash)
mkdir "$T/bin"
echo 'int main(void) { return 0; }' | $CC -x c -o "$T/bin/true" -
fill() # DIRECTORY
{
	local name
	mkdir -p "$1"
	for name in "${names[@]}"; do echo "keep $name" >"$1/$name"; done
	# directories and links of the very names
	mkdir "$1/epoch.5.image" "$1/programs.matr-tmp.direct"
	echo keep >"$1/programs.matr-tmp.direct/file"
	ln -s "$T/target" "$1/interpreter.matr-tmp.link00"
	ln -s "$T/target" "$1/epoch.6.image"
}
state() { (cd "$1" && find . -printf '%p %y %l %m %T@\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
echo target >"$T/target"

# ---- a directory that is no prefix ----

dir=$T/mine
fill "$dir"
for name in epoch.image ended.image epoch.image.next store.db lock programs suspended ld-stable interpreter ld.so edits recordings epoch.1.image; do echo "keep $name" >"$dir/$name"; done
mkdir "$dir/trial"
echo keep >"$dir/trial/epoch.image"
state "$dir" >"$T/before"
mv "$T/before" "$T/mine.before"
export MATR_PREFIX=$dir
refused() # NAME COMMAND...
{
	local name=$1 status=0
	shift
	timeout -k 5 300 "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
	state "$dir" >"$T/after"
	if [ $status -ne 0 ] && [ $status -lt 124 ] && cmp -s "$T/mine.before" "$T/after"; then
		ok "no prefix: $name"
	else
		diff "$T/mine.before" "$T/after" >"$T/difference" || :
		not_ok "no prefix: $name (exit status $status)" "$T/err" "$T/difference"
	fi
}
refused "epoch begin" "$MATR" epoch begin --only "$T/bin/true"
check "it is said what it is, and what to do" grep -q "^matr: $dir: is not empty, and no prefix of MatR's .*name an empty directory" "$T/err"
refused "epoch begin --rebuild-store" "$MATR" epoch begin --only --rebuild-store "$T/bin/true"
refused "epoch begin, twice" "$MATR" epoch begin --only "$T/bin/true"
refused "epoch end" "$MATR" epoch end
refused "epoch suspend" "$MATR" epoch suspend --by test
refused "epoch prune" "$MATR" epoch prune --keep 1
refused "epoch apply" "$MATR" epoch apply
refused "rebind" "$MATR" rebind "$T/bin/true" --symbol exit --to libc.so.6
refused "rebind --undo" "$MATR" rebind --undo 1
refused "record" "$MATR" record --forget "$T/bin/true"
refused "verify" "$MATR" verify "$T/bin/true"
refused "sql --write" "$MATR" sql --write "DELETE FROM store.edits"
refused "matrd" "$BUILD/tools/matrd" --prefix "$dir"
"$MATR" record "$T/bin/true" >/dev/null 2>&1 </dev/null || :
"$MATR" epoch status >/dev/null 2>&1 || :
"$MATR" run "$T/bin/true" >/dev/null 2>&1 || :
state "$dir" >"$T/after"
check "record, status and run leave it as it is" cmp "$T/mine.before" "$T/after"

# ---- and one that is ----

export MATR_PREFIX=$T/prefix
settle "$T/bin"
begin "$T/bin/true"
fill "$MATR_PREFIX"
theirs() { for name in "${names[@]}" programs.matr-tmp.direct interpreter.matr-tmp.link00 epoch.5.image epoch.6.image; do state_of "$MATR_PREFIX/$name"; done; }
state_of() { find "$1" -printf '%p %y %l %m %T@\n' | sort; [ ! -f "$1" ] || sha256sum <"$1"; }
theirs >"$T/before"
equal "look-alikes" $((${#names[@]} + 5)) "$(grep -c ' [fdl] ' "$T/before")"
cp /bin/true "$T/bin/more"
settle "$T/bin"
work()
{
	"$MATR" epoch begin --only -q "$T/bin/true" "$T/bin/more" && "$MATR" epoch begin --only -q "$T/bin/true" && "$MATR" epoch suspend --by test && "$MATR" epoch resume &&
		"$MATR" epoch end && "$MATR" epoch begin --only -q --rebuild-store "$T/bin/true" && "$MATR" epoch prune --keep 1 -q && "$MATR" epoch end
} </dev/null
check "begin, suspend, resume, end, prune" work
theirs >"$T/after"
check "all look-alikes are there" cmp "$T/before" "$T/after"
equal "what links lead to is too" target "$(cat "$T/target")"
# Temporary files of a killed MatR are removed.
for name in interpreter ld-stable ld.so programs suspended epoch.image.next; do echo x >"$MATR_PREFIX/$name.matr-tmp.aB3dE6"; done
"$MATR" epoch begin --only -q "$T/bin/true" </dev/null
equal "what a killed MatR leaves is not" "" "$(find "$MATR_PREFIX" -name '*.matr-tmp.aB3dE6')"

# ---- other files that are named ----

echo keep >"$T/file"
status=0
timeout -k 5 300 "$BUILD/tools/matrd" --socket "$T/file" >"$T/out" 2>&1 </dev/null || status=$?
check "matrd --socket does not remove a file" test $status -ne 0 -a "$(cat "$T/file")" = keep
status=0
"$MATR" baseline save "$T/file" "$T/bin/true" >"$T/out" 2>&1 </dev/null || status=$?
check "baseline save does not replace a file that is none" test $status -ne 0 -a "$(cat "$T/file")" = keep
mknod "$T/null" c 1 3 2>/dev/null || mkfifo "$T/null"
timeout -k 5 300 "$MATR" baseline save "$T/null" "$T/bin/true" >"$T/out" 2>&1 </dev/null || :
check "nor a device" test ! -f "$T/null"
finish
