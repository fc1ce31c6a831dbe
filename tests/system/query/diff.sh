#!/usr/bin/env bash
# diff.sh - matr diff: each kind of difference between two epochs and two programs, made by real changes of files.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

mkdir "$T/early"
# shellcheck disable=SC2034 # for program()
RUN_PATH=$T/early:$T/lib
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
# has NAME STATUS REGEX ARGUMENT...: what matr diff prints
has()
{
	local name=$1 wanted=$2 regex=$3
	shift 3
	capture has "$MATR" diff "$@"
	sed -i "s|$T/||g" "$T/has.out"
	if [ "$(cat "$T/has.status")" -eq "$wanted" ] && grep -Eq -e "$regex" "$T/has.out"; then
		ok "$name"
	else
		echo "exit status $(cat "$T/has.status"), wanted $wanted and $regex" >"$T/wanted"
		not_ok "$name" "$T/wanted" "$T/has.out" "$T/has.err"
	fi
}
printf '[epochs]\nkeep = 1000\n' >"$T/conf" # all that are made here
again() { "$MATR" epoch begin --only -q --config "$T/conf" "$T"/bin/*; }

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
	replaced,object,,,,lib/liba.so,lib/liba.so,,, replaced,object,,,,lib/libb.so,lib/libb.so,,, \
	moved,binding,bin/p,g,,lib/liba.so,lib/libb.so,,, -- previous current
differs "the same the other way round" 1 \
	replaced,object,,,,lib/liba.so,lib/liba.so,,, replaced,object,,,,lib/libb.so,lib/libb.so,,, \
	moved,binding,bin/p,g,,lib/libb.so,lib/liba.so,,, -- 3 2
differs "one program, previous and current" 1 \
	replaced,object,,,,lib/liba.so,lib/liba.so,,, replaced,object,,,,lib/libb.so,lib/libb.so,,, \
	moved,binding,bin/p,g,,lib/liba.so,lib/libb.so,,, -- "$T/bin/p"
differs "one symbol" 1 moved,binding,bin/p,g,,lib/liba.so,lib/libb.so,,, -- --symbol 'g*' 2 3
differs "one that has not moved" 0 -- --symbol f 2 3
differs "the other program is as it was" 0 -- "$T/bin/q"

library "$T/lib/libb.so" <<<'int h(void) { return 1; } int g(void) { return 2; } int w(void) { return 3; }'
again
differs "a weak reference is satisfied" 1 replaced,object,,,,lib/libb.so,lib/libb.so,,, \
	moved,binding,bin/p,w,,null,lib/libb.so,,, -- 3 4
cp "$T/lib/libb.so" "$T/early"
again
differs "a library is found elsewhere: bindings go along" 1 moved,object,,,,lib/libb.so,early/libb.so,,, -- 4 5
program r -lb <<<'int h(void); int main(void) { return h(); }'
again
library "$T/early/libb.so" <<<'int h(void) { return 8; } int g(void) { return 2; } int w(void) { return 3; }'
again
has "what is the same in two programs counts once" 1 '^object,replaced,1,2,0' --totals --format csv previous current
rm "$T/bin/r"
again
program q -lc1 -lb <<<'int k(void), h(void); int main(void) { return k() + h(); }'
again
differs "a program needs another library" 1 replaced,object,,,,bin/q,bin/q,,, added,object,,,,,early/libb.so,,, \
	added,binding,bin/q,h,,,early/libb.so,,, -- 8 9
program q -lb -lc1 <<<'int k(void), h(void); int main(void) { return k() + h(); }'
again
differs "the scope has another order" 1 replaced,object,,,,bin/q,bin/q,,, reordered,scope,,,,,,,, -- 9 10
rm "$T/bin/q"
again
differs "a program is gone" 1 removed,program,,,,mapped,,,, -- 10 11
differs "and is there again" 1 added,program,,,,,mapped,,, -- 11 10
check "summary as json" sh -c "'$MATR' diff --format json 2 3 | /usr/bin/python3 -c 'import json, sys; l = json.load(sys.stdin); sys.exit([(r[\"objects_replaced\"], r[\"bindings_moved\"]) for r in l] != [(2, 1)])'"

cp /bin/cat "$T/bin/one"
cp /bin/ls "$T/bin/two"
again
capture two "$MATR" diff --details --format csv "$T/bin/one" "$T/bin/two"
check "two programs differ" [ "$(cat "$T/two.status")" -eq 1 ]
check "in libselinux, which ls alone has" grep -q 'added,object,,,,,.*libselinux' "$T/two.out"
check "optarg is copied to ls: libc's own references move there" \
	grep -q 'moved,binding,.*libc.so.6,optarg,GLIBC_2.2.5,.*libc.so.6,.*/bin/two' "$T/two.out"

# Declined programs, and why: newly, still, and no longer declined.
library "$T/lib/libd.so" <<<'int d(void) { return 1; }'
program d -ld <<<'int d(void); int main(void) { return d(); }'
again
cp "$T/lib/libd.so" "$T/whole"
truncate -s 2000 "$T/lib/libd.so"
again 2>/dev/null || :
again 2>/dev/null || :
ids() { "$MATR" epoch list --format csv | tail -n +2 | cut -d, -f1; }
last() { ids | tail -n "$1" | head -n 1; }
before=$(last 3) declined=$(last 2) still=$(last 1)
has "declined, and why" 1 '^bin/d +declined +.*libd.so' "$before" "$declined"
has "in the totals" 1 '^program +declined +1 +1' --totals "$before" "$declined"
has "with details" 1 '^bin/d,declined,program,,,,mapped,"?declined: .*libd.so' --details --format csv "$before" "$declined"
has "as json" 1 '"program":"bin/d","change":"declined",.*"reason":".*libd.so' --format json "$before" "$declined"
has "still declined: nothing differs, but it is told" 0 '^bin/d +still declined +.*libd.so' "$declined" "$still"
has "which is no difference" 0 '^program,change' --details --format csv "$declined" "$still"
check "of which there is none" [ "$(wc -l <"$T/has.out")" -eq 1 ]
mv "$T/whole" "$T/lib/libd.so"
again
has "no longer declined" 1 '^bin/d +accepted +.*libd.so' previous current
has "with details" 1 '^bin/d,accepted,program,,,,"?declined: .*libd.so.*,mapped,' --details --format csv previous current
rm "$T/bin/d"
again

# A binding that an edit made says so, and one that an edit no longer makes.
library "$T/lib/libe.so" <<<'int f(void) { return 9; } int f9(void) { return 9; } int k9(void) { return 9; }'
edit() { "$MATR" rebind "$@" -q >"$T/edit" 2>&1 || sed 's/^/# /' "$T/edit"; }
edit "$T/bin/p" --symbol f --to "$T/lib/libe.so" --reason test
has "an edit" 1 '^bin/p,moved,binding,bin/p,f,,lib/liba.so,lib/libe.so,,,1' --details --format csv previous current
has "it brought the library in" 1 '^bin/p,added,object,,,,,lib/libe.so,,,1' --details --format csv previous current
has "is counted" 1 '^binding +moved +1 +1 +1' --totals previous current
has "and is why a program binds otherwise" 1 '^edit 1 +1 +1 +1 +bin/p' previous current
edit --undo 1
has "it is undone" 1 '^bin/p,moved,binding,bin/p,f,,lib/libe.so,lib/liba.so,,1,' --details --format csv previous current
edit "$T/bin/p" --symbol f --to "$T/lib/libe.so:f9" --reason test
has "another symbol" 1 '^bin/p,moved,binding,bin/p,f,,lib/liba.so,lib/libe.so:f9,,,2' --details --format csv previous current
edit "$T/bin/p" --symbol h --to "$T/lib/libe.so:k9" --reason test
edit --undo 2
has "of two edits one" 1 '^bin/p,moved,binding,bin/p,f,,lib/libe.so:f9,lib/liba.so,,2,' --details --format csv previous current
check "and nothing else" [ "$(wc -l <"$T/has.out")" -eq 2 ]
edit --undo 3

# Libraries that programs load with dlopen().
mkdir "$T/plug"
library "$T/plug/libn.so" <<<'int n(void) { return 1; }'
library "$T/plug/libo.so" <<<'int o(void) { return 1; }'
plugin() { $CC -x c -fPIC -shared -o "$T/plug/$1.so.new" -Wl,-soname,"$1.so" - -L"$T/plug" -ln -lo -Wl,-rpath,"$T/plug" && mv "$T/plug/$1.so.new" "$T/plug/$1.so"; }
plugin one <<<'int n(void), o(void); int plug(void) { return n() + o(); }'
plugin two <<<'int n(void), o(void); int plug(void) { return n() - o(); }'
$CC -x c -o "$T/bin/loads" - <<'END'
#include <dlfcn.h>
int main(int c, char **v) { for (int i = 1; i < c; i++) { void *p = dlopen(v[i], RTLD_NOW); if (!p || !dlsym(p, "plug")) return 1; } return 0; }
END
again
"$MATR" record "$T/bin/loads" "$T/plug/one.so" >"$T/record" 2>&1 </dev/null || sed 's/^/# /' "$T/record"
again
has "a load more" 1 '^bin/loads,added,load,,,,,"?mapped, now"?,plug/one.so' --details --format csv previous current
has "is told" 1 '^bin/loads +changed +1 load added' previous current
library "$T/plug/libo.so" <<<'int o(void) { return 1; } int n(void) { return 2; }'
plugin one <<<'int n(void), o(void); int plug(void) { return n() + o(); }'
library "$T/plug/libn.so" <<<'int unused(void) { return 1; }'
again
has "a binding of what is loaded" 1 '^bin/loads,moved,binding,plug/one.so,n,,plug/libn.so,plug/libo.so,plug/one.so,,' --details --format csv previous current
has "its objects" 1 '^bin/loads,replaced,object,,,,plug/libo.so,plug/libo.so,plug/one.so,,' --details --format csv previous current
check "nothing is said of what was there at the start" sh -c "! grep -q libc.so '$T/has.out'"
has "one symbol of it" 1 '^bin/loads,moved,binding,plug/one.so,n,' --symbol n --format csv previous current
has "in the totals" 1 '^load,changed,1,1,' --totals --format csv previous current
cp "$T/plug/libo.so" "$T/whole"
truncate -s 1000 "$T/plug/libo.so"
again 2>/dev/null || :
has "a load is left to ld.so, and why" 1 '^bin/loads,declined,load,,,,"?mapped, now"?,"?declined: .*libo.so.*,plug/one.so' --details --format csv previous current
mv "$T/whole" "$T/plug/libo.so"
again
has "and no longer is" 1 '^bin/loads,accepted,load,,,,"?declined: .*,"?mapped, now"?,plug/one.so' --details --format csv previous current
"$MATR" record --forget "$T/bin/loads" >/dev/null 2>&1
"$MATR" record "$T/bin/loads" "$T/plug/two.so" >"$T/record" 2>&1 </dev/null || sed 's/^/# /' "$T/record"
again
has "a load less" 1 '^bin/loads,removed,load,,,,"?mapped, now"?,,plug/one.so' --details --format csv previous current

# The totals are those of the details, counted here once more.
totals() # FROM TO
{
	"$MATR" diff --details --format json "$@" >"$T/details.json" || :
	"$MATR" diff --totals --format json "$@" >"$T/totals.json" || :
	/usr/bin/python3 - "$T" <<'END'
import collections, json, sys
details = json.load(open(sys.argv[1] + '/details.json'))
ours = {(t['what'], t['change']): (t['number'], t['programs'], t['by_edit']) for t in json.load(open(sys.argv[1] + '/totals.json'))}
different, programs, edited = (collections.defaultdict(set) for _ in range(3))
for d in details:
    kind = d['what'], d['change']
    what = d['program'] if d['what'] in ('program', 'scope') else d['load'] if d['what'] == 'load' else \
        (d['requester'], d['symbol'], d['version'], d['before'], d['after'])
    different[kind].add(what)
    programs[kind].add(d['program'])
    if d['edit_before'] or d['edit_after']: edited[kind].add(what)
for kind, (number, n, by_edit) in ours.items():
    if kind == ('program', 'changed'):
        wanted = len({d['program'] for d in details if d['what'] != 'program'})
    elif kind == ('load', 'changed') or kind[1] in ('compared', 'still declined'):
        continue
    else:
        wanted = len(different[kind])
        assert n == len(programs[kind]) and (by_edit or 0) == len(edited[kind]), (kind, ours[kind])
    assert number == wanted, (kind, number, wanted)
assert set(different) <= set(ours), set(different) - set(ours)
print(sum(len(d) for d in different.values()), 'differences')
END
}
first=$(ids | head -n 1)
for to in $(ids); do
	check "the totals of epochs $first and $to are right" totals "$first" "$to"
done
check "in some there is much" totals "$first" current
capture line "$MATR" diff --totals "$T/bin/p" "$T/bin/q"
check "totals of two programs: usage" [ "$(cat "$T/line.status")" -eq 2 ]

one_line "an epoch that is not there" 2 "$MATR" diff 1 77
one_line "a program that is not there" 2 "$MATR" diff --from "$first" "$T/bin/pp"
check "has the nearest" grep -q 'nearest: ' "$T/line.err"
capture line "$MATR" diff 1 "$T/bin/p"
check "an epoch and a program: usage" [ "$(cat "$T/line.status")" -eq 2 ]
printf 'nonsense' | dd of="$MATR_PREFIX/store.db" conv=notrunc status=none
one_line "a damaged store" 2 "$MATR" diff 1 2
finish
