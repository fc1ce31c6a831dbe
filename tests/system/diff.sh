#!/usr/bin/env bash
# diff.sh - matr diff: each kind of difference between two epochs and two programs, made by real changes of files.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/lib.sh"

mkdir "$T/lib" "$T/early" "$T/bin"
library() { $CC -x c -fPIC -shared -nostdlib -o "$1.new" -Wl,-soname,"${1##*/}" - && mv "$1.new" "$1"; }
program() { $CC -x c -o "$T/bin/$1" - -L"$T/lib" "${@:2}" -Wl,-rpath,"$T/early:$T/lib" -Wl,--no-as-needed; }
# differs NAME STATUS GREP... -- ARGUMENT...: rows of matr diff --details as csv, without the program's column
differs()
{
	local name=$1 wanted=$2 status=0 row
	local rows=()
	shift 2
	while [ "$1" != -- ]; do rows+=("$1"); shift; done
	shift
	"$MATR" diff --details --format csv "$@" >"$T/diff.csv" 2>"$T/diff.err" </dev/null || status=$?
	tr -d '\r' <"$T/diff.csv" | tail -n +2 | cut -d, -f2- | sed "s|$T/||g" | sort >"$T/rows"
	for row in "${rows[@]}"; do echo "$row"; done | sort >"$T/wanted"
	if [ $status -eq "$wanted" ] && cmp -s "$T/rows" "$T/wanted"; then
		ok "$name"
	else
		echo "exit status $status, wanted $wanted" >"$T/status"
		not_ok "$name" "$T/status" "$T/wanted" "$T/rows" "$T/diff.err"
	fi
}
again() { "$MATR" epoch begin -q "$T"/bin/*; }

library "$T/lib/liba.so" <<<'int f(void) { return 1; } int g(void) { return 1; }'
library "$T/lib/libb.so" <<<'int h(void) { return 1; }'
library "$T/lib/libc1.so" <<<'int k(void) { return 1; }'
program p -la -lb <<<'int f(void), g(void), h(void); extern int w(void) __attribute__((weak));
int main(void) { return f() + g() + h() + (w ? w() : 0); }'
program q -lc1 <<<'int k(void); int main(void) { return k(); }'
again
again
differs "nothing has changed" 0 -- 1 2
differs "an epoch with itself" 0 -- current current

library "$T/lib/liba.so" <<<'int f(void) { return 1; }'
library "$T/lib/libb.so" <<<'int h(void) { return 1; } int g(void) { return 2; }'
again
differs "a symbol goes to another library" 1 \
	replaced,object,,,,lib/liba.so,lib/liba.so replaced,object,,,,lib/libb.so,lib/libb.so \
	moved,binding,bin/p,g,,lib/liba.so,lib/libb.so -- previous current
differs "the same the other way round" 1 \
	replaced,object,,,,lib/liba.so,lib/liba.so replaced,object,,,,lib/libb.so,lib/libb.so \
	moved,binding,bin/p,g,,lib/libb.so,lib/liba.so -- 3 2
differs "one program, previous and current" 1 \
	replaced,object,,,,lib/liba.so,lib/liba.so replaced,object,,,,lib/libb.so,lib/libb.so \
	moved,binding,bin/p,g,,lib/liba.so,lib/libb.so -- "$T/bin/p"
differs "one symbol" 1 moved,binding,bin/p,g,,lib/liba.so,lib/libb.so -- --symbol 'g*' 2 3
differs "one that has not moved" 0 -- --symbol f 2 3
differs "the other program is as it was" 0 -- "$T/bin/q"

library "$T/lib/libb.so" <<<'int h(void) { return 1; } int g(void) { return 2; } int w(void) { return 3; }'
again
differs "a weak reference is satisfied" 1 replaced,object,,,,lib/libb.so,lib/libb.so \
	moved,binding,bin/p,w,,null,lib/libb.so -- 3 4
cp "$T/lib/libb.so" "$T/early"
again
differs "a library is found elsewhere: bindings go along" 1 moved,object,,,,lib/libb.so,early/libb.so -- 4 5
program q -lc1 -lb <<<'int k(void), h(void); int main(void) { return k() + h(); }'
again
differs "a program needs another library" 1 replaced,object,,,,bin/q,bin/q added,object,,,,,early/libb.so \
	added,binding,bin/q,h,,,early/libb.so -- 5 6
program q -lb -lc1 <<<'int k(void), h(void); int main(void) { return k() + h(); }'
again
differs "the scope has another order" 1 replaced,object,,,,bin/q,bin/q reordered,scope,,,,, -- 6 7
rm "$T/bin/q"
again
differs "a program is gone" 1 removed,program,,,,, -- 7 8
differs "and is there again" 1 added,program,,,,, -- 8 7
check "summary as json" sh -c "'$MATR' diff --format json 2 3 | /usr/bin/python3 -c 'import json, sys; l = json.load(sys.stdin); sys.exit([(r[\"objects_replaced\"], r[\"bindings_moved\"]) for r in l] != [(2, 1)])'"

cp /bin/cat "$T/bin/one"
cp /bin/ls "$T/bin/two"
again
capture two "$MATR" diff --details --format csv "$T/bin/one" "$T/bin/two"
check "two programs differ" [ "$(cat "$T/two.status")" -eq 1 ]
check "in libselinux, which ls alone has" grep -q 'added,object,,,,,.*libselinux' "$T/two.out"
check "optarg is copied to ls: libc's own references move there" \
	grep -q 'moved,binding,.*libc.so.6,optarg,GLIBC_2.2.5,.*libc.so.6,.*/bin/two' "$T/two.out"

one_line "an epoch that is not there" 2 "$MATR" diff 1 77
one_line "a program that is not there" 2 "$MATR" diff --from 1 "$T/bin/pp"
check "has the nearest" grep -q 'nearest: ' "$T/line.err"
capture line "$MATR" diff 1 "$T/bin/p"
check "an epoch and a program: usage" [ "$(cat "$T/line.status")" -eq 2 ]
printf 'nonsense' | dd of="$MATR_PREFIX/store.db" conv=notrunc status=none
one_line "a damaged store" 2 "$MATR" diff 1 2
finish
