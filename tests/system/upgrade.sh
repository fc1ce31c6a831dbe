#!/usr/bin/env bash
# upgrade.sh - matr check-upgrade: each kind of loss with pairs of libraries, and what ld.so says with the new one in place.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/lib.sh"

mkdir "$T/lib" "$T/bin" "$T/new" "$T/tmp"
export TMPDIR=$T/tmp
# library FILE OPTION...: C on stdin; the soname is the file's name
library() { $CC -x c -fPIC -shared -nostdlib -o "$1" -Wl,-soname,"${1##*/}" - "${@:2}"; }
program() { $CC -x c -o "$T/bin/$1" - -L"$T/lib" "${@:2}" -Wl,-rpath,"$T/lib" -Wl,--no-as-needed; }
# in_place OLD=NEW PROGRAM: what ld.so says to the program with NEW in OLD's place
in_place()
{
	capture real unshare -m sh -c 'mount --bind "$1" "$2" && LD_BIND_NOW=1 exec "$3"' sh "${1#*=}" "${1%%=*}" "$2"
}
# verdict NAME STATUS ROW... -- ARGUMENT...: rows of check-upgrade, without paths
verdict()
{
	local name=$1 wanted=$2 row
	local rows=()
	shift 2
	while [ "$1" != -- ]; do rows+=("$1"); shift; done
	shift
	capture check "$MATR" check-upgrade --format csv "$@"
	tr -d '\r' <"$T/check.out" | tail -n +2 | sed "s|$T/||g" | sort >"$T/rows"
	for row in "${rows[@]}"; do echo "$row"; done | sort >"$T/wanted"
	if [ "$(cat "$T/check.status")" -eq "$wanted" ] && cmp -s "$T/rows" "$T/wanted"; then
		ok "$name"
	else
		echo "wanted status $wanted, was $(cat "$T/check.status")" >"$T/status"
		not_ok "$name" "$T/status" "$T/wanted" "$T/rows" "$T/check.err"
	fi
}
old=$T/lib/liba.so
echo 'V1 { global: f; }; V2 { global: g; };' >"$T/both.map"
echo 'V1 { global: f; h; }; V2 { global: g; };' >"$T/first.map"
echo 'V1 { global: f; g; };' >"$T/one.map"
library "$old" -Wl,--version-script="$T/both.map" <<<'int f(void) { return 1; } int g(void) { return 1; }'
library "$T/lib/libb.so" <<<'int h(void) { return 1; } int late(void) { return 1; }'
program versions -la -lb <<<'int f(void), g(void), h(void); int main(void) { return f() + g() + h() - 3; }'
program plain -lb <<<'int h(void), late(void); int main(int n, char **v) { (void)v; return n > 1 ? late() : h() - 1; }' -Wl,-z,lazy
program other <<<'int main(void) { return 0; }'
"$MATR" epoch begin -q "$T"/bin/* || exit 1

verdict "the same file" 0 -- --replace "$old=$old"
library "$T/new/same.so" -Wl,-soname,liba.so -Wl,--version-script="$T/both.map" \
	<<<'int f(void) { return 2; } int g(void) { return 1; }'
verdict "another file that has the same" 0 -- --replace "$old=$T/new/same.so"
verdict "--all lists its program" 0 'bin/versions,replaced,,,,,,binds as before' -- --all --replace "$old=$T/new/same.so"

library "$T/new/version.so" -Wl,-soname,liba.so -Wl,--version-script="$T/one.map" \
	<<<'int f(void) { return 1; } int g(void) { return 1; }'
verdict "a version is gone" 1 'bin/versions,refused,,,,,,version V2 of liba.so is not found (needed by bin/versions)' \
	-- --replace "$old=$T/new/version.so"
in_place "$old=$T/new/version.so" "$T/bin/versions"
check "ld.so: version V2 not found" grep -q "version \`V2' not found" "$T/real.err"

library "$T/new/bare.so" -Wl,-soname,liba.so <<<'int f(void) { return 1; } int g(void) { return 1; }'
verdict "all versions are gone" 1 'bin/versions,refused,,,,,,"lib/liba.so: has no versions, but bin/versions asks it for version V1 of f: ld.so would stop"' \
	-- --replace "$old=$T/new/bare.so"
in_place "$old=$T/new/bare.so" "$T/bin/versions"
check "ld.so stops" [ "$(cat "$T/real.status")" -ne 0 ]
check "and says: no version information available" grep -q 'no version information available' "$T/real.err"

library "$T/new/late.so" -Wl,-soname,libb.so <<<'int h(void) { return 1; }'
verdict "a symbol is gone" 1 'bin/plain,lost,bin/plain,late,,lib/libb.so,undefined,' -- \
	--replace "$T/lib/libb.so=$T/new/late.so" "$T/bin/plain"
in_place "$T/lib/libb.so=$T/new/late.so" "$T/bin/plain"
check "ld.so: undefined symbol: late" grep -q 'undefined symbol: late' "$T/real.err"

library "$T/new/first.so" -Wl,-soname,liba.so -Wl,--version-script="$T/first.map" \
	<<<'int f(void) { return 1; } int g(void) { return 1; } int h(void) { return 7; }'
verdict "a symbol of another library is interposed" 1 'bin/versions,moved,bin/versions,h,,lib/libb.so,lib/liba.so,' -- \
	--replace "$old=$T/new/first.so"
in_place "$old=$T/new/first.so" "$T/bin/versions"
check "ld.so: it computes something else" [ "$(cat "$T/real.status")" -eq 6 ]
library "$T/new/libc1.so" <<<'int h(void) { return 1; } int late(void) { return 1; }'
library "$T/new/split.so" -Wl,-soname,libb.so -Wl,-rpath,"$T/lib" -L"$T/new" -Wl,--no-as-needed -lc1 <<<'int own(void) { return 1; }'
verdict "symbols go to another library, which is new" 1 'bin/plain,moved,bin/plain,h,,lib/libb.so,lib/libc1.so,' \
	'bin/plain,moved,bin/plain,late,,lib/libb.so,lib/libc1.so,' -- \
	--add "$T/lib/libc1.so=$T/new/libc1.so" --replace "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
verdict "which is not there" 1 'bin/plain,refused,,,,,,"lib/libb.so: needs libc1.so, which is not found"' -- \
	--replace "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
in_place "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
check "ld.so: cannot open shared object file" grep -q 'libc1.so: cannot open shared object file' "$T/real.err"
check "a directory of names that came is as it was" [ ! -e "$T/lib/libc1.so" ]
verdict "a library is gone" 1 'bin/versions,refused,,,,,,"needs liba.so, which is not found"' -- --remove "$old"
cp -r "$T/lib" "$T/lib2"
verdict "a directory with the same files" 0 -- --replace "$T/lib=$T/lib2"
cp "$T/new/version.so" "$T/lib2/liba.so"
verdict "a directory with an older library" 1 \
	'bin/versions,refused,,,,,,version V2 of liba.so is not found (needed by bin/versions)' -- --replace "$T/lib=$T/lib2"

# A package of our own, that has one of the two libraries no more.
mkdir -p "$T/package/DEBIAN" "$T/package$T/lib"
printf 'Package: matr-test-upgrade\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' \
	>"$T/package/DEBIAN/control"
cp "$T/new/version.so" "$T/package$T/lib/liba.so.1"
ln -s liba.so.1 "$T/package$T/lib/liba.so"
dpkg-deb -b "$T/package" "$T/test.deb" >/dev/null
verdict "a package: a link takes the library's place" 1 \
	'bin/versions,refused,,,,,,version V2 of liba.so is not found (needed by bin/versions)' -- --replace "$T/test.deb"

one_line "a file that is not there" 2 "$MATR" check-upgrade --replace "$T/none=$old"
one_line "a file for two places" 2 "$MATR" check-upgrade --replace "$old=$T/new/first.so" --replace "$T/lib/libb.so=$T/new/first.so"
one_line "a replacement that is not there" 2 "$MATR" check-upgrade --replace "$old=$T/none"
one_line "a program that is not in the epoch" 2 "$MATR" check-upgrade --replace "$old=$old" plan
check "has the nearest" grep -q 'nearest: ' "$T/line.err"
check "nothing is left in TMPDIR" [ -z "$(ls -A "$TMPDIR")" ]
finish
