#!/usr/bin/env bash
# check.sh - matr check: what programs lack, against what ld.so says of them when they start.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"
PATH=$TESTS/oracle/rules:$PATH

# lacks NAME PROGRAM LD-SO-SAYS ROW...: ld.so says so of the program, and these are the rows, in any order.
lacks()
{
	local name=$1 program=$2 says=$3
	shift 3
	capture real "$T/bin/$program" call
	grep -Eq "$says" "$T/real.err" || {
		not_ok "$name: what ld.so says" "$T/real.err" "$T/real.status"
		return 0
	}
	capture check "$MATR" check --format csv "$T/bin/$program"
	tr -d '\r' <"$T/check.out" | sed -n '2,$p' | sort >"$T/rows"
	printf '%s\n' "$@" | sort >"$T/wanted"
	if [ "$(cat "$T/check.status")" = 1 ] && cmp -s "$T/rows" "$T/wanted"; then
		ok "$name"
	else
		not_ok "$name" "$T/wanted" "$T/rows" "$T/check.err" "$T/check.status"
	fi
}

echo 'V1 { global: old; new; }; V2 { global: newer; } V1;' >"$T/full.map"
echo 'V1 { global: old; };' >"$T/less.map"
code='int old(void) { return 0; } int new(void) { return 0; } int newer(void) { return 0; }'
library "$T/lib/libd.so" -Wl,--version-script="$T/full.map" <<<"$code"
library "$T/lib/libp.so" <<<'int p(void) { return 0; } int q(void) { return 0; }'
library "$T/lib/libw.so" <<<'int w(void) { return 0; }'
library "$T/lib/libl.so" -L"$T/lib" -lw -Wl,-z,lazy -Wl,-rpath,"$T/lib" <<<'int w(void); int l(void) { return w(); }'
program whole -ld -lp <<<'int old(void), p(void); int main(void) { return old() + p(); }'
program version -ld <<<'int old(void), newer(void); int main(int n, char **v) { (void)v; return n > 1 ? newer() : old(); }'
program lazy -lp -Wl,-z,lazy <<<'int p(void), q(void); int main(int n, char **v) { (void)v; return n > 1 ? q() : p(); }'
program now -lp -Wl,-z,now <<<'int p(void), q(void); int main(int n, char **v) { (void)v; return n > 1 ? q() : p(); }'
program pointer -lp <<<'int p(void), q(void); int (*f)(void) = q; int main(void) { return p(); }'
program weak -lp <<<'int p(void); int q(void) __attribute__((weak)); int main(void) { return q ? 1 : p(); }'
program deep -ll <<<'int l(void); int main(void) { return l(); }'

check "nothing is missing" "$MATR" check "$T"/bin/*
equal "which is said first" "Checked 7 programs: nothing is missing." "$("$MATR" check "$T"/bin/* | head -n 1)"

library "$T/lib/libd.so" -Wl,--version-script="$T/less.map" <<<'int old(void) { return 0; }'
library "$T/lib/libp.so" <<<'int p(void) { return 0; }'
P=$T/bin
lacks "a version" version "version .V2' not found" \
	"version,V2,,libd.so,$P/version,$P/version,does not start" \
	"symbol,newer,V2,libd.so,$P/version,$P/version,ends at the first call"
lacks "a function that is bound when it is called" lazy "symbol lookup error: .*q" \
	"symbol,q,,,$P/lazy,$P/lazy,ends at the first call"
lacks "a function that is bound at the start" now "symbol lookup error: .*q" "symbol,q,,,$P/now,$P/now,does not start"
lacks "a function whose address is taken" pointer "symbol lookup error: .*q" \
	"symbol,q,,,$P/pointer,$P/pointer,does not start"
check "a weak reference lacks nothing" "$MATR" check "$T/bin/weak"
check "nor does a program whose library has less than it had" "$MATR" check "$T/bin/whole"
rm "$T/lib/libw.so"
lacks "a library of a library" deep "libw.so: cannot open" "library,libw.so,,,$T/lib/libl.so,$P/deep,does not start"
mv "$T/lib/libp.so" "$T/lib/libp.away"
lacks "of a program without a library the symbols are not looked up" now "libp.so: cannot open" \
	"library,libp.so,,,$P/now,$P/now,does not start"
mv "$T/lib/libp.away" "$T/lib/libp.so"

capture all "$MATR" check "$T"/bin/*
equal "how many of what" "Checked 7 programs: 4 would not start, 1 would end when it calls a function that is not there." \
	"$(head -n 1 "$T/all.out")"
"$MATR" check --format json "$P/lazy" >"$T/json" || :
equal "json" "symbol q None $P/lazy" "$(/usr/bin/python3 -c '
import json, sys
row, = json.load(open(sys.argv[1]))
print(row["problem"], row["what"], row["version"], row["program"])' "$T/json")"

# Files that cannot be checked: not a program, and not there.
capture other "$MATR" check /etc/passwd
equal "what cannot be checked: exit status" 1 "$(cat "$T/other.status")"
check "and why" grep -q 'unknown.*is not an ELF file' "$T/other.out"
capture none "$MATR" check "$T/bin/none"
equal "a program that is not there: exit status" 2 "$(cat "$T/none.status")"

# Without names: the programs of the epoch, those that it declined too.
check "an epoch" begin "$P/whole" "$P/weak"
check "the epoch lacks nothing" "$MATR" check
"$MATR" epoch end
"$MATR" epoch begin --only "$P/whole" "$P/now" >"$T/begin" 2>&1 </dev/null || :
capture epoch "$MATR" check --format csv
equal "what the epoch declined" "1 $P/now" "$(cat "$T/epoch.status") $(sed -n '2,$p' "$T/epoch.out" | cut -d , -f 6)"

# Another system: its libraries count, and none of the host's. The program is complete here, and lacks one there; then
# the other way round.
R=$T/root
for file in "$P/whole" "$T/lib/libd.so" "$T/lib/libp.so" /lib64/ld-linux-x86-64.so.2 \
	"$(ldd "$P/whole" | awk '/libc.so.6/ {print $3}')"; do
	mkdir -p "$R/$(dirname "$file")"
	cp -L "$file" "$R/$file"
done
if ! unshare -r true 2>/dev/null && [ "$(id -u)" -ne 0 ]; then
	skip "--root" "no user namespaces"
else
	check "--root: complete" "$MATR" check --root "$R" "$P/whole"
	rm "$R/$T/lib/libp.so"
	capture root "$MATR" check --root "$R" --format csv "$P/whole"
	equal "--root: a library that only the host has" "1 library libp.so" \
		"$(cat "$T/root.status") $(sed -n '2,$p' "$T/root.out" | cut -d , -f 1,2 --output-delimiter ' ')"
	cp "$T/lib/libp.so" "$R/$T/lib/libp.so"
	rm "$T/lib/libp.so"
	check "--root: a library that the host does not have" "$MATR" check --root "$R" "$P/whole"
	capture host "$MATR" check "$P/whole"
	equal "which the host lacks" 1 "$(cat "$T/host.status")"
	cp "$R/$T/lib/libp.so" "$T/lib/libp.so"
	# Without an epoch there: all its programs, of which libc.so.6 is one.
	mkdir -p "$R/usr/bin"
	ln "$R/$P/whole" "$R/usr/bin/whole"
	rm "$R/$T/lib/libd.so"
	capture system "$MATR" check --root "$R"
	equal "--root: all of it" "Checked 2 programs: 1 would not start." "$(head -n 1 "$T/system.out")"
fi
finish
