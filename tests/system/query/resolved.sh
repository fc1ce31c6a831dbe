#!/usr/bin/env bash
# resolved.sh - matr why and matr tree of programs that are in no epoch, and with an environment: against ldd and what ld.so
# binds.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

mkdir "$T/other" "$T/work" "$T/work/relative"
one='int one(void) { return 1; }'
library "$T/lib/libone.so" <<<"$one"
library "$T/lib/libtwo.so" -L"$T/lib" -lone -Wl,-rpath,"$T/lib" <<<'int one(void); int two(void) { return one() + 1; }'
library "$T/other/libone.so" <<<"$one"
library "$T/work/relative/libone.so" <<<"$one"
library "$T/other/libfirst.so" <<<'int one(void) { return 3; }'
program app -ltwo -lone <<<'int two(void), one(void); int main(void) { return two() - one() - 1; }'
RUN_PATH=/nowhere program searching -lone <<<'int one(void); int main(void) { return one() - 1; }'
cd "$T/work"

# as_ldd NAME PROGRAM [VARIABLE]: tree has the files that ldd has, in ld.so's order.
as_ldd()
{
	local name=$1 program=$2 option=()
	[ $# -lt 3 ] || option=(--env "$3")
	env "${@:3}" ldd "$program" | sed -n 's/.*=> \([^ ]*\) (.*/\1/p; s/^\t\([^ ]*\) (.*/\1/p' |
		grep -v vdso |
		xargs -r -n 1 realpath | sort -u >"$T/wanted"
	"$MATR" tree --format json "${option[@]}" "$program" 2>"$T/tree.err" | /usr/bin/python3 -c '
import json, sys
def paths(node):
    for need in node["needs"]:
        yield need["path"]
        yield from paths(need)
top = json.load(sys.stdin)
print("\n".join(sorted(set(paths(top)))))' >"$T/got" || :
	if [ -s "$T/wanted" ] && cmp -s "$T/wanted" "$T/got"; then
		ok "$name"
	else
		not_ok "$name" "$T/wanted" "$T/got" "$T/tree.err"
	fi
}

# provider NAME PROGRAM SYMBOL [VARIABLE]: why names the provider that ld.so binds the program's reference to.
provider()
{
	local name=$1 program=$2 symbol=$3 option=() wanted got
	[ $# -lt 4 ] || option=(--env "$4")
	wanted=$(env LD_DEBUG=bindings LD_BIND_NOW=1 "${@:4}" "$program" 2>&1 |
		sed -n "s/.*binding file ${program//\//\\/} \[0\] to \([^ ]*\) \[0\]: normal symbol .$symbol'.*/\1/p" | head -n 1)
	got=$("$MATR" why --format json "${option[@]}" "$program" "$symbol" 2>/dev/null | /usr/bin/python3 -c '
import json, sys
print(next(r["provider"] for r in json.load(sys.stdin)["references"] if r["requester"] == sys.argv[1]))' "$program")
	equal "$name" "$(realpath "$wanted")" "$got"
}

as_ldd "no epoch: the libraries" "$T/bin/app"
check "and it is said that there is none" grep -q 'not in the epoch: resolved' "$T/tree.err"
provider "no epoch: who provides" "$T/bin/app" one
equal "nothing is stored" "" "$(find "$MATR_PREFIX" 2>/dev/null)"
as_ldd "LD_LIBRARY_PATH comes before DT_RUNPATH" "$T/bin/app" LD_LIBRARY_PATH="$T/other"
as_ldd "and counts for the libraries' libraries" "$T/bin/searching" LD_LIBRARY_PATH="$T/other:$T/lib"
as_ldd "semicolons separate too" "$T/bin/searching" "LD_LIBRARY_PATH=/nowhere;$T/other"
as_ldd "a directory that is not absolute" "$T/bin/searching" LD_LIBRARY_PATH=relative
cd relative
as_ldd "an empty one is the working directory" "$T/bin/searching" LD_LIBRARY_PATH=:/nowhere
cd ..
provider "LD_LIBRARY_PATH: who provides" "$T/bin/app" one LD_LIBRARY_PATH="$T/other"
provider "LD_PRELOAD comes first" "$T/bin/app" one LD_PRELOAD="$T/other/libfirst.so"
provider "by a path that is not absolute" "$T/bin/app" one LD_PRELOAD=../other/libfirst.so
provider "what cannot be preloaded is passed over" "$T/bin/app" one LD_PRELOAD="/nowhere.so $T/other/libfirst.so"
"$MATR" why --library --env LD_LIBRARY_PATH="$T/other" "$T/bin/app" libone.so >"$T/library"
check "why --library: found by LD_LIBRARY_PATH" grep -Eq '^found by +LD_LIBRARY_PATH' "$T/library"

# A library that is nowhere: who needs it.
one_line "a library that is nowhere" 1 "$MATR" tree "$T/bin/searching" --env LD_LIBRARY_PATH=/nowhere
check "is named" grep -q 'libone.so' "$T/line.err"
one_line "another variable" 2 "$MATR" tree --env LD_AUDIT=x "$T/bin/app"
# shellcheck disable=SC2016 # a token of ld.so
one_line "a token" 2 "$MATR" tree --env 'LD_LIBRARY_PATH=$ORIGIN' "$T/bin/app"

# In an epoch the store answers, unless an environment is given.
check "an epoch" begin "$T/bin/app"
library "$T/lib/libone.so.new" <<<"$one"
mv "$T/lib/libone.so.new" "$T/lib/libone.so"
capture stored "$MATR" tree "$T/bin/app"
equal "in the epoch nothing is said" "0 " "$(cat "$T/stored.status") $(cat "$T/stored.err")"
as_ldd "in the epoch, with an environment" "$T/bin/app" LD_LIBRARY_PATH="$T/other"
as_ldd "another program is not in the epoch" /usr/bin/env
one_line "an old epoch has no environment" 2 "$MATR" tree --epoch 1 --env LD_LIBRARY_PATH="$T/other" "$T/bin/app"
one_line "in a given epoch it is not there" 1 "$MATR" tree --epoch 1 /usr/bin/env

# Programs that gain privileges.
if [ "$(id -u)" -eq 0 ]; then
	cp "$T/bin/app" "$T/bin/privileged"
	chmod u+s "$T/bin/privileged"
	"$MATR" tree --env LD_LIBRARY_PATH="$T/other" "$T/bin/privileged" >"$T/privileged" 2>&1
	check "a program that gains privileges has no environment" grep -q "gains privileges" "$T/privileged"
	check "and the libraries it would have without" grep -q "$T/lib/libone.so (DT_RUNPATH)" "$T/privileged"
else
	skip "a program that gains privileges" "needs root"
fi
finish
