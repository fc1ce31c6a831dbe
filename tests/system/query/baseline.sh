#!/usr/bin/env bash
# baseline.sh - matr baseline: what is signed off is found again, each kind of difference is reported, made by real changes
# of files, and no file is lost.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

mkdir "$T/early"
# shellcheck disable=SC2034 # for program()
RUN_PATH=$T/early:$T/lib
again() { "$MATR" epoch begin --only -q "$T"/bin/* 2>"$T/again" || sed "s/^/# /" "$T/again"; }
B=$T/baseline.txt
# checks NAME STATUS ROW... -- ARGUMENT...: rows of matr baseline check as csv
checks()
{
	local name=$1 wanted=$2 status=0 row
	local rows=()
	shift 2
	while [ "$1" != -- ]; do rows+=("$1"); shift; done
	shift
	"$MATR" baseline check --format csv "$@" >"$T/rows.csv" 2>"$T/rows.err" </dev/null || status=$?
	tr -d '\r' <"$T/rows.csv" | tail -n +2 | sed "s|$T/||g" | sort >"$T/rows"
	for row in "${rows[@]}"; do echo "$row"; done | sort >"$T/wanted"
	if [ $status -eq "$wanted" ] && cmp -s "$T/rows" "$T/wanted"; then
		ok "$name"
	else
		echo "exit status $status, wanted $wanted" >"$T/status"
		not_ok "$name" "$T/status" "$T/wanted" "$T/rows" "$T/rows.err"
	fi
}

library "$T/lib/liba.so" <<<'int f(void) { return 1; } int g(void) { return 1; } int own(void) { return g(); }'
library "$T/lib/libb.so" <<<'int h(void) { return 1; }'
program p -la -lb <<<'int f(void), g(void), h(void); extern int w(void) __attribute__((weak));
int main(void) { return f() + g() + h() + (w ? w() : 0); }'
program q -lb <<<'int h(void); int main(void) { return h(); }'
again
check "save every program" "$MATR" baseline save "$B"
check "the head" test "$(head -n 2 "$B" | tr '\n' /)" = 'matr-baseline 1/covers all/'
check "a binding" grep -qx '  p: g -> liba.so' "$B"
check "an object and its rule" grep -qx "  liba.so = $T/lib/liba.so (DT_RUNPATH)" "$B"
check "weak, and nowhere" grep -qx '  p: w -> null' "$B"
check "what an object has of itself is left out" sh -c "! grep -q 'liba.so: g ' '$B'"
checks "all as signed off" 0 -- "$B"
cp "$B" "$T/first"
again
check "the same again, byte for byte, in another epoch" "$MATR" baseline save "$B"
check "is the same file" cmp "$T/first" "$B"
for program in p q; do # what readelf finds undefined in the program is there, and nothing else
	readelf --dyn-syms -W "$T/bin/$program" | awk '$7 == "UND" && $8 {sub("@.*", "", $8); print $8}' | sort -u >"$T/undefined"
	grep -E "^  $program: " "$B" | sed -E 's/^[^:]*: ([^@ ]*).*/\1/' | sort -u >"$T/bound"
	check "$program: every undefined symbol has a line" cmp "$T/undefined" "$T/bound"
done

library "$T/lib/liba.so" <<<'int f(void) { return 1; }'
library "$T/lib/libb.so" <<<'int h(void) { return 1; } int g(void) { return 2; } int w(void) { return 3; }'
again
checks "a symbol goes elsewhere, a weak one is satisfied" 1 bin/p,moved,binding,p,g,,liba.so,libb.so, \
	bin/p,moved,binding,p,w,,null,libb.so, -- "$B"
check "is counted" grep -q '1 as signed off, 1 not (2 differences)' "$T/rows.err"
checks "of the other program alone: nothing" 0 -- "$B" "$T/bin/q"
checks "by name" 1 bin/p,moved,binding,p,g,,liba.so,libb.so, bin/p,moved,binding,p,w,,null,libb.so, -- "$B" p
checks "in an older epoch: nothing" 0 -- --epoch 1 "$B"
check "json" sh -c "'$MATR' baseline check --format json '$B' 2>/dev/null | /usr/bin/python3 -c 'import json, sys; r = json.load(sys.stdin); sys.exit([x[\"symbol\"] for x in r] != [\"g\", \"w\"])'"
check "the file has not been touched" cmp "$T/first" "$B"
check "sign it off" "$MATR" baseline save "$B"
checks "and it is" 0 -- "$B"

cp "$T/lib/libb.so" "$T/early"
again
checks "a library is found elsewhere: one line a program" 1 \
	"bin/p,moved,object,,,,lib/libb.so (DT_RUNPATH),early/libb.so (DT_RUNPATH)," \
	"bin/q,moved,object,,,,lib/libb.so (DT_RUNPATH),early/libb.so (DT_RUNPATH)," -- "$B"
rm "$T/early/libb.so"
sed -i '/libb.so = /s/DT_RUNPATH/ld.so.cache/' "$B"
again
checks "another rule" 1 "bin/p,moved,object,,,,lib/libb.so (ld.so.cache),lib/libb.so (DT_RUNPATH)," \
	"bin/q,moved,object,,,,lib/libb.so (ld.so.cache),lib/libb.so (DT_RUNPATH)," -- "$B"
"$MATR" baseline save "$B" 2>/dev/null
library "$T/lib/liba.so" <<<'int f(void) { return 1; } int h(void) { return 4; } int k(void) { return h(); }'
program q -la -lb <<<'int h(void); int main(void) { return h(); }'
again
checks "a library more, which takes a binding over" 1 "bin/q,added,object,,,,,lib/liba.so (DT_RUNPATH)," \
	bin/q,moved,binding,q,h,,libb.so,liba.so, bin/p,moved,binding,p,h,,libb.so,liba.so, -- "$B"
"$MATR" baseline save "$B" 2>/dev/null
program q -lb -la <<<'int h(void); int main(void) { return h(); }'
again
checks "another order: what liba had of itself is libb's" 1 bin/q,reordered,scope,,,,,, \
	bin/q,moved,binding,q,h,,liba.so,libb.so, bin/q,added,binding,liba.so,h,,,libb.so, -- "$B"
"$MATR" baseline save "$B" 2>/dev/null
program r -la <<<'int f(void); int main(void) { return f(); }'
again
checks "a program more" 1 bin/r,added,program,,,,,, -- "$B"
rm "$T/bin/q" "$T/bin/r"
again
checks "a program less" 1 bin/q,removed,program,,,,,, -- "$B"
printf 'garbage' >>"$T/lib/liba.so"
truncate -s 2000 "$T/lib/liba.so"
"$MATR" epoch begin --only -q "$T/bin/p" /bin/true >"$T/begun" 2>&1 || :
"$MATR" baseline check --format csv "$B" >"$T/declined" 2>&1 || :
check "a declined program, and why" grep -q "/bin/p,removed,program,,,,,.*declined: .*liba.so" "$T/declined"
library "$T/lib/liba.so" <<<'int f(void) { return 1; }'
again
"$MATR" baseline save --all "$B" 2>/dev/null

# chosen programs stay the chosen ones
cp /bin/ls "$T/bin/ls2"
again
C=$T/chosen.txt
check "save one of two" "$MATR" baseline save "$C" "$T/bin/p"
check "says so" test "$(sed -n 2p "$C")" = 'covers chosen'
check "copied data is marked" grep -q '^  ls2: optarg@GLIBC_2.2.5 -> libc.so.6 copy' <("$MATR" baseline save - ls2)
checks "the other is nobody's business" 0 -- "$C"
check "save again without names" "$MATR" baseline save "$C"
check "has the same one" test "$(grep -c ^program "$C")" = 1
check "save --all has both" "$MATR" baseline save --all "$C"
check "both" test "$(grep -c ^program "$C")" = 2

# an edited binding is a difference
"$MATR" baseline save "$C" "$T/bin/p" 2>/dev/null
library "$T/lib/libz9.so" <<<'int f(void) { return 9; }'
check "an edit" "$MATR" rebind "$T/bin/p" --symbol f --to "$T/lib/libz9.so" --reason test -q
checks "is a difference" 1 "bin/p,added,object,,,,,lib/libz9.so (an edit)," bin/p,moved,binding,p,f,,liba.so,libz9.so, -- "$C"

"$MATR" rebind --undo 1 -q >/dev/null 2>&1 || :

# what a program loads
python=$(readlink -f /usr/bin/python3)
if [ -x "$python" ] && "$MATR" record -q "$python" -c 'import lzma' >"$T/record" 2>&1 </dev/null ||
	"$MATR" record "$python" -c 'import lzma' >"$T/record" 2>&1 </dev/null; then
	"$MATR" epoch begin --only -q "$python" 2>"$T/again" || sed "s/^/# /" "$T/again"
	L=$T/loads.txt
	"$MATR" baseline save "$L" "${python##*/}" 2>/dev/null
	check "what is loaded is a block of its own" grep -q '^load .*/_lzma' "$L"
	check "with what it binds to" grep -q '^  _lzma.*: lzma_code@XZ_5.0 -> liblzma.so.5$' "$L"
	checks "and is as signed off" 0 -- "$L"
	sed '/^load .*_lzma/,$d' "$L" >"$T/without"
	"$MATR" baseline check --format csv "$T/without" >"$T/rows" 2>/dev/null || :
	check "a load more" grep -q "${python##*/},added,load,.*_lzma" "$T/rows"
	sed 's/\(: lzma_code@XZ_5.0 -> \).*/\1libc.so.6/' "$L" >"$T/other"
	"$MATR" baseline check --format csv "$T/other" >"$T/rows" 2>/dev/null || :
	check "a binding of what is loaded" grep -q 'moved,binding,_lzma.*,lzma_code,XZ_5.0,libc.so.6,liblzma.so.5,.*/_lzma' "$T/rows"
else
	skip "what a program loads" "no python3"
fi
again

# nothing is lost
echo precious >"$T/precious"
one_line "a file that is no baseline" 2 "$MATR" baseline save "$T/precious" p
check "is left alone" grep -qx precious "$T/precious"
one_line "a directory" 2 "$MATR" baseline save "$T" p
one_line "a directory that is not there" 2 "$MATR" baseline save "$T/no/such/file" p
: >"$T/empty"
check "an empty file may be filled" "$MATR" baseline save "$T/empty" p
chmod 640 "$T/empty"
ln -s empty "$T/link"
check "through a link" "$MATR" baseline save "$T/link" ls2
check "which stays one, and the mode" test -L "$T/link" -a "$(stat -c %a "$T/empty")" = 640
cp "$B" "$T/before"
one_line "an unknown program" 2 "$MATR" baseline save "$B" p ls3
check "has the nearest" grep -q 'nearest: ' "$T/line.err"
check "and nothing is written" cmp "$B" "$T/before"
one_line "an epoch that is not there" 2 "$MATR" baseline save --epoch 777 "$B"
one_line "a program that is not signed off" 2 "$MATR" baseline check "$C" lss2
one_line "no file" 2 "$MATR" baseline check "$T/nothing"
one_line "not a baseline" 2 "$MATR" baseline check "$T/precious"
sed '7s/=/is/' "$B" >"$T/spoilt"
one_line "a spoilt line" 2 "$MATR" baseline check "$T/spoilt"
check "is named" grep -q "^matr: $T/spoilt:7: " "$T/line.err"
if (ulimit -f 1; true) 2>/dev/null; then
	sh -c "ulimit -f 1; trap '' XFSZ; exec '$MATR' baseline save '$B' '$python'" >/dev/null 2>&1 </dev/null || :
	sh -c "ulimit -f 1; trap '' XFSZ; exec '$MATR' baseline save '$B'" >"$T/full" 2>&1 </dev/null && status=0 || status=$?
	check "no room: one line" test "$status/$(wc -l <"$T/full")" = 2/1
	check "no room: the file stays" cmp "$B" "$T/before"
	check "no room: nothing is left over" test -z "$(find "$T" -name 'baseline.txt.*')"
fi
capture usage "$MATR" baseline sign "$B"
check "usage" [ "$(cat "$T/usage.status")" -eq 2 ]
check "the reader refuses random bytes" sh -c "for i in 1 2 3 4 5 6 7 8; do { head -c 40 '$B'; head -c 3000 /dev/urandom; } >'$T/random'; '$MATR' baseline check '$T/random' >/dev/null 2>&1; [ \$? -eq 2 ] || exit 1; done"
finish
