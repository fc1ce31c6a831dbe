#!/usr/bin/env bash
# check.sh - matr check-upgrade: each kind of loss with pairs of libraries, and what ld.so says with the new one in place.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

mkdir "$T/new"
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
"$MATR" epoch begin --only -q "$T"/bin/* || exit 1

verdict "the same file" 0 -- --replace "$old=$old"
library "$T/new/same.so" -Wl,-soname,liba.so -Wl,--version-script="$T/both.map" \
	<<<'int f(void) { return 2; } int g(void) { return 1; }'
verdict "another file that has the same" 0 -- --replace "$old=$T/new/same.so"
verdict "--all lists its program" 0 'bin/versions,replaced,,,,,,,binds as before' -- --all --replace "$old=$T/new/same.so"

library "$T/new/version.so" -Wl,-soname,liba.so -Wl,--version-script="$T/one.map" \
	<<<'int f(void) { return 1; } int g(void) { return 1; }'
verdict "a version is gone" 1 'bin/versions,refused,,,,,,,version V2 of liba.so is not found (needed by bin/versions)' \
	-- --replace "$old=$T/new/version.so"
in_place "$old=$T/new/version.so" "$T/bin/versions"
check "ld.so: version V2 not found" grep -q "version \`V2' not found" "$T/real.err"

library "$T/new/bare.so" -Wl,-soname,liba.so <<<'int f(void) { return 1; } int g(void) { return 1; }'
if glibc_from 41; then
	verdict "all versions are gone" 1 'bin/versions,unversioned,bin/versions,,V1,liba.so,,,the library has no versions any more' \
		'bin/versions,unversioned,bin/versions,,V2,liba.so,,,the library has no versions any more' -- --replace "$old=$T/new/bare.so"
	in_place "$old=$T/new/bare.so" "$T/bin/versions"
	check "ld.so starts it" [ "$(cat "$T/real.status")" -eq 0 ]
else
	verdict "all versions are gone" 1 'bin/versions,refused,,,,,,,"lib/liba.so: has no versions, but bin/versions asks it for version V1 of f: ld.so would stop"' \
		-- --replace "$old=$T/new/bare.so"
	in_place "$old=$T/new/bare.so" "$T/bin/versions"
	check "ld.so stops" [ "$(cat "$T/real.status")" -ne 0 ]
fi
check "and says: no version information available" grep -q 'no version information available' "$T/real.err"

library "$T/new/late.so" -Wl,-soname,libb.so <<<'int h(void) { return 1; }'
verdict "a symbol is gone" 1 'bin/plain,lost,bin/plain,late,,lib/libb.so,undefined,,' -- \
	--replace "$T/lib/libb.so=$T/new/late.so" "$T/bin/plain"
in_place "$T/lib/libb.so=$T/new/late.so" "$T/bin/plain"
check "ld.so: undefined symbol: late" grep -q 'undefined symbol: late' "$T/real.err"

library "$T/new/first.so" -Wl,-soname,liba.so -Wl,--version-script="$T/first.map" \
	<<<'int f(void) { return 1; } int g(void) { return 1; } int h(void) { return 7; }'
verdict "a symbol of another library is interposed" 1 'bin/versions,moved,bin/versions,h,,lib/libb.so,lib/liba.so,,' -- \
	--replace "$old=$T/new/first.so"
in_place "$old=$T/new/first.so" "$T/bin/versions"
check "ld.so: it computes something else" [ "$(cat "$T/real.status")" -eq 6 ]
library "$T/new/libc1.so" <<<'int h(void) { return 1; } int late(void) { return 1; }'
library "$T/new/split.so" -Wl,-soname,libb.so -Wl,-rpath,"$T/lib" -L"$T/new" -Wl,--no-as-needed -lc1 <<<'int own(void) { return 1; }'
verdict "symbols go to another library, which is new" 1 'bin/plain,moved,bin/plain,h,,lib/libb.so,lib/libc1.so,,' \
	'bin/plain,moved,bin/plain,late,,lib/libb.so,lib/libc1.so,,' -- \
	--add "$T/lib/libc1.so=$T/new/libc1.so" --replace "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
verdict "which is not there" 1 'bin/plain,refused,,,,,,,"lib/libb.so: needs libc1.so, which is not found"' -- \
	--replace "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
in_place "$T/lib/libb.so=$T/new/split.so" "$T/bin/plain"
check "ld.so: cannot open shared object file" grep -q 'libc1.so: cannot open shared object file' "$T/real.err"
check "a directory of names that came is as it was" [ ! -e "$T/lib/libc1.so" ]
answers() # NAME LINE ARGUMENT...: the first line for people
{
	local name=$1 line=$2
	shift 2
	capture answer "$MATR" check-upgrade "$@"
	if [ "$(head -n 1 "$T/answer.out")" = "$line" ]; then ok "$name"; else not_ok "$name" "$T/answer.out" "$T/answer.err"; fi
}
answers "nothing changes" "Checked 3 programs, of which 1 loads what changes: nothing changes." --replace "$old=$T/new/same.so"
answers "a program would not start" "Checked 3 programs, of which 1 loads what changes: 1 would not start (versions); nothing else changes." \
	--replace "$old=$T/new/version.so"
check "the fact has no program in it" grep -Eq '^refused +1 +version V2 of liba.so is not found +'"$T/bin/versions" "$T/answer.out"
answers "a binding is lost" "Checked 1 program, of which 1 loads what changes: 1 would bind otherwise; nothing else changes." \
	--replace "$T/lib/libb.so=$T/new/late.so" "$T/bin/plain"
check "with the symbols counted" grep -Eq "^lost +1 +1 +$T/lib/libb.so +undefined +$T/bin/plain" "$T/answer.out"
answers "a program that does not load it" "Checked 1 program, of which 0 load what changes: nothing changes." --replace "$old=$T/new/version.so" "$T/bin/other"
check "nothing of the progress is in what is not a terminal" [ ! -s "$T/answer.err" ]
verdict "a library is gone" 1 'bin/versions,refused,,,,,,,"needs liba.so, which is not found"' -- --remove "$old"
cp -r "$T/lib" "$T/lib2"
verdict "a directory with the same files" 0 -- --replace "$T/lib=$T/lib2"
cp "$T/new/version.so" "$T/lib2/liba.so"
verdict "a directory with an older library" 1 \
	'bin/versions,refused,,,,,,,version V2 of liba.so is not found (needed by bin/versions)' -- --replace "$T/lib=$T/lib2"

# ---- gained bindings ----

program weakly -lb <<<'int f(void) __attribute__((weak)); int h(void); int main(void) { return f ? f() : h() - 1; }'
library "$T/new/provides.so" -Wl,-soname,libb.so <<<'int h(void) { return 1; } int late(void) { return 1; } int f(void) { return 5; }'
library "$T/new/asks.so" -Wl,-soname,libb.so <<<'int f(void); int h(void) { return f(); } int late(void) { return 1; }'
library "$T/new/nothing.so" -Wl,-soname,libb.so <<<'int h(void) { return 1; } int late(void) { return 1; } int f(void) __attribute__((weak)); int g1(void) { return f ? f() : 0; }'
"$MATR" epoch begin --only -q "$T"/bin/* || exit 1
verdict "a weak reference is satisfied" 0 'bin/weakly,gained,bin/weakly,f,,null,lib/libb.so,,' -- \
	--replace "$T/lib/libb.so=$T/new/provides.so" "$T/bin/weakly"
in_place "$T/lib/libb.so=$T/new/provides.so" "$T/bin/weakly"
check "ld.so: by the new one" [ "$(cat "$T/real.status")" -eq 5 ]
verdict "a library asks for more" 1 'bin/versions,gained,lib/libb.so,f,,,lib/liba.so,,' 'bin/plain,lost,lib/libb.so,f,,,undefined,,' \
	'bin/weakly,lost,lib/libb.so,f,,,undefined,,' -- --replace "$T/lib/libb.so=$T/new/asks.so"
verdict "for what nobody has, and need not have" 0 'bin/versions,gained,lib/libb.so,f,,,lib/liba.so,,' -- \
	--replace "$T/lib/libb.so=$T/new/nothing.so"
verdict "--all: a reference that is no more" 0 'bin/plain,replaced,,,,,,,binds as before' 'bin/weakly,replaced,,,,,,,binds as before' \
	'bin/versions,gained,lib/libb.so,f,,,lib/liba.so,,' -- --all --replace "$T/lib/libb.so=$T/new/nothing.so"

# A library that comes under a name that is sought, in a directory that is searched before.
mkdir -p "$T/front"
program searched -lb -Wl,-rpath,"$T/front:$T/lib" <<<'int late(void); int main(void) { return late() - 1; }'
cp "$T/lib/libb.so" "$T/kept-libb.so"
"$MATR" epoch begin -q "$T"/bin/* || exit 1
verdict "a library comes before the one that is found" 1 'bin/searched,lost,bin/searched,late,,lib/libb.so,undefined,,' -- \
	--add "$T/front/libb.so=$T/new/late.so"
# A change since the epoch began: the program needs a library that its epoch does not have.
library "$T/lib/libextra.so" <<<'int extra(void) { return 0; }'
library "$T/lib/libb.so" -L"$T/lib" -lextra -Wl,-rpath,"$T/lib" <<<'int extra(void); int h(void) { return extra() + 1; } int late(void) { return 1; }'
library "$T/new/noextra.so" -Wl,-soname,libextra.so <<<'int other(void) { return 0; }'
verdict "a library that is loaded since the epoch began" 1 'bin/plain,lost,lib/libb.so,extra,,lib/libextra.so,undefined,,' -- \
	--replace "$T/lib/libextra.so=$T/new/noextra.so" "$T/bin/plain"
cp "$T/kept-libb.so" "$T/lib/libb.so"
rm "$T/bin/searched"
"$MATR" epoch begin -q "$T"/bin/* || exit 1

# ---- links and directories ----

mkdir -p "$T/deep/sub/lib" "$T/deep2/sub/lib" "$T/more"
cp "$T/lib/liba.so" "$T/lib/libb.so" "$T/deep/sub/lib"
cp "$T/new/version.so" "$T/deep2/sub/lib/liba.so"
cp "$T/lib/libb.so" "$T/deep2/sub/lib"
ln -s deep/sub/lib/liba.so "$T/link.so"
$CC -x c -o "$T/bin/deep" - -L"$T/lib" -la -Wl,-rpath,"$T/deep/sub/lib" -Wl,--no-as-needed <<<'int g(void); int main(void) { return g() - 1; }'
library "$T/new/more.so" -Wl,-soname,libb.so -Wl,-rpath,"$T/added" -L"$T/new" -Wl,--no-as-needed -lc1 <<<'int own(void) { return 1; }'
cp "$T/new/libc1.so" "$T/more"
"$MATR" epoch begin --only -q "$T"/bin/* || exit 1
refused='version V2 of liba.so is not found (needed by bin/deep)'
verdict "OLD is a link" 1 "bin/deep,refused,,,,,,,$refused" -- --replace "$T/link.so=$T/new/version.so"
verdict "OLD is a directory with others in it" 1 "bin/deep,refused,,,,,,,$refused" -- --replace "$T/deep=$T/deep2"
verdict "a directory is added" 1 'bin/plain,moved,bin/plain,h,,lib/libb.so,added/libc1.so,,' \
	'bin/plain,moved,bin/plain,late,,lib/libb.so,added/libc1.so,,' -- \
	--add "$T/added=$T/more" --replace "$T/lib/libb.so=$T/new/more.so" "$T/bin/plain"

# ---- edits ----

library "$T/lib/libedit.so" <<<'int other_h(void) { return 9; }'
library "$T/new/edit.so" -Wl,-soname,libedit.so <<<'int other_h(void) { return 10; }'
library "$T/new/unfit.so" -Wl,-soname,libedit.so <<<'int something(void) { return 10; }'
"$MATR" rebind "$T/bin/plain" --symbol h --to "$T/lib/libedit.so:other_h" >/dev/null || exit 1
verdict "an edit, and another library that has the same" 0 -- --replace "$T/lib/libedit.so=$T/new/edit.so"
verdict "which the program loads" 0 'bin/plain,replaced,,,,,,,binds as before' -- --all --replace "$T/lib/libedit.so=$T/new/edit.so"
unfit='edit 1: lib/libedit.so: does not define other_h'
verdict "the edit could not be made any more" 1 "bin/plain,unedited,,,,,,,$unfit" \
	'bin/plain,moved,bin/plain,h,,lib/libedit.so,lib/libb.so,,' -- --replace "$T/lib/libedit.so=$T/new/unfit.so"
verdict "its library is gone" 1 'bin/plain,unedited,,,,,,,"edit 1: needs lib/libedit.so, which is not found"' \
	'bin/plain,moved,bin/plain,h,,lib/libedit.so,lib/libb.so,,' -- --remove "$T/lib/libedit.so"
cp "$T/lib/libedit.so" "$T/kept.so"
cp "$T/new/unfit.so" "$T/lib/libedit.so"
"$MATR" epoch begin --only -q "$T"/bin/* >/dev/null 2>&1 || :
"$MATR" rebind --list --format json >"$T/list" 2>&1 || :
check "an epoch that begins with it says the same" grep -q 'libedit.so: does not define other_h' "$T/list"
cp "$T/kept.so" "$T/lib/libedit.so"
"$MATR" rebind --undo 1 >/dev/null

# ---- libraries loaded with dlopen ----

library "$T/lib/libp.so" <<<'int p(void) { return 1; }'
library "$T/lib/plugin.so" -Wl,-rpath,"$T/lib" -L"$T/lib" -lp <<<'int p(void); int plug(void) { return p(); }'
library "$T/new/p.so" -Wl,-soname,libp.so <<<'int q(void) { return 1; }'
program loads <<C
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
	void *plugin = dlopen("$T/lib/plugin.so", RTLD_NOW);
	int (*plug)(void) = plugin ? (int (*)(void))dlsym(plugin, "plug") : 0;
	return plug ? plug() : (puts(dlerror()), 9);
}
C
capture record "$MATR" record "$T/bin/loads"
"$MATR" epoch begin --only -q "$T/bin/loads" || exit 1
verdict "a library of a load loses a symbol" 1 'bin/loads,lost,lib/plugin.so,p,,lib/libp.so,undefined,lib/plugin.so,' -- \
	--replace "$T/lib/libp.so=$T/new/p.so"
in_place "$T/lib/libp.so=$T/new/p.so" "$T/bin/loads"
check "ld.so: undefined symbol: p" grep -q 'undefined symbol: p' "$T/real.out"
verdict "a library of a load is gone" 1 'bin/loads,refused,,,,,,lib/plugin.so,"lib/plugin.so: needs libp.so, which is not found"' -- \
	--remove "$T/lib/libp.so"
verdict "what is loaded is gone" 1 'bin/loads,refused,,,,,,lib/plugin.so,"needs lib/plugin.so, which is not found"' -- \
	--remove "$T/lib/plugin.so"
"$MATR" record --forget-all >/dev/null

# ---- packages ----

# A package of our own, that has one of the two libraries no more.
"$MATR" epoch begin --only -q "$T"/bin/{versions,plain,other} || exit 1
# package NAME: what is in $T/NAME as $T/NAME.deb, of which it has no installed version unless dpkg's lists say so
package()
{
	mkdir -p "$T/$1/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' \
		"$1" >"$T/$1/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$T/$1" "$T/$1.deb" >/dev/null
}
mkdir -p "$T/matr-test$T/lib"
cp "$T/new/version.so" "$T/matr-test$T/lib/liba.so.1"
ln -s liba.so.1 "$T/matr-test$T/lib/liba.so"
package matr-test
verdict "a package: a link takes the library's place" 1 \
	'bin/versions,refused,,,,,,,version V2 of liba.so is not found (needed by bin/versions)' -- --replace "$T/matr-test.deb"

# Records of dpkg in directories of ours, which take the place of its own in a mount namespace.
mkdir -p "$T/dpkg/info"
matr_real=$MATR
cat >"$T/matr-with-dpkg" <<C
#!/bin/sh
exec unshare -m sh -c 'mount --bind "$T/dpkg/info" /var/lib/dpkg/info
[ ! -e "$T/dpkg/diversions" ] || mount --bind "$T/dpkg/diversions" /var/lib/dpkg/diversions
exec "$matr_real" "\$@"' sh "\$@"
C
chmod +x "$T/matr-with-dpkg"
MATR=$T/matr-with-dpkg
list() { printf '%s\n' "${@:2}" >"$T/dpkg/info/$1.list"; }

mkdir -p "$T/matr-programs$T/bin"
$CC -x c -o "$T/matr-programs$T/bin/fit" - -L"$T/lib" -lb -Wl,-rpath,"$T/lib" <<<'int h(void); int main(void) { return h() - 1; }'
$CC -x c -o "$T/matr-programs$T/bin/misfit" - -L"$T/new" -lc1 -Wl,-rpath,"$T/lib" <<<'int h(void); int main(void) { return h() - 1; }'
cp "$T/matr-programs$T/bin/fit" "$T/matr-programs$T/bin/data" # not to be started
chmod 644 "$T/matr-programs$T/bin/data"
package matr-programs
list matr-programs:amd64 "$T/bin/other" "$T/bin/plain"
list matr-else "$T/bin/plain"
verdict "a package brings programs, and takes one away" 1 'bin/fit,new,,,,,,,' \
	'bin/misfit,refused,,,,,,,"needs libc1.so, which is not found"' 'bin/other,gone,,,,,,,cannot be opened: No such file or directory' -- \
	--replace "$T/matr-programs.deb"
verdict "programs that are named: only these" 0 -- --replace "$T/matr-programs.deb" "$T/bin/plain"
mkdir -p "$T/matr-script$T/bin"
printf '#!/bin/sh\n' >"$T/matr-script$T/bin/other"
chmod 755 "$T/matr-script$T/bin/other"
package matr-script
verdict "a program becomes a script" 1 'bin/other,gone,,,,,,,is not an ELF file' -- --replace "$T/matr-script.deb"

# Moved from one package to another, in one upgrade; and to a directory that is new.
mkdir -p "$T/matr-one$T/lib" "$T/matr-two$T/lib"
cp "$T/lib/libb.so" "$T/matr-two$T/lib"
package matr-one
package matr-two
list matr-one:amd64 "$T/lib/libb.so"
verdict "a library leaves a package" 1 'bin/plain,refused,,,,,,,"needs libb.so, which is not found"' \
	'bin/versions,refused,,,,,,,"needs libb.so, which is not found"' -- --replace "$T/matr-one.deb"
verdict "and comes to another" 0 -- --replace "$T/matr-one.deb" --replace "$T/matr-two.deb"
printf '%s\n' "$T/lib/libb.so" >"$T/dpkg/info/matr-one:amd64.conffiles"
verdict "what is a conffile stays" 0 -- --replace "$T/matr-one.deb"
rm "$T/dpkg/info/matr-one:amd64.conffiles"
list matr-stays "$T/lib/libb.so"
verdict "what another package has too stays" 0 -- --replace "$T/matr-one.deb"
rm "$T/dpkg/info/matr-stays.list"

# Diverted by another package.
mkdir -p "$T/matr-divert$T/lib"
cp "$T/new/version.so" "$T/matr-divert$T/lib/liba.so"
package matr-divert
refused='version V2 of liba.so is not found (needed by bin/versions)'
verdict "a library is replaced" 1 "bin/versions,refused,,,,,,,$refused" -- --replace "$T/matr-divert.deb"
[ -e /var/lib/dpkg/diversions ] && {
	printf '%s\n' "$T/lib/liba.so" "$T/lib/liba.so.distrib" matr-other >"$T/dpkg/diversions"
	verdict "it is diverted" 0 -- --replace "$T/matr-divert.deb"
	printf '%s\n' "$T/lib/liba.so" "$T/lib/liba.so.distrib" matr-divert >"$T/dpkg/diversions"
	verdict "by the package itself: the others' is" 1 "bin/versions,refused,,,,,,,$refused" -- --replace "$T/matr-divert.deb"
	printf '%s\n' "$T/other.so" "$T/lib/liba.so" matr-other >"$T/dpkg/diversions"
	mkdir -p "$T/matr-divert2$T"
	cp "$T/new/version.so" "$T/matr-divert2$T/other.so"
	package matr-divert2
	verdict "to where a program finds it" 1 "bin/versions,refused,,,,,,,$refused" -- --replace "$T/matr-divert2.deb"
	# A name by which nobody would look for it.
	printf '%s\n' "$T/data" "$T/lib/liba.so" matr-other >"$T/dpkg/diversions"
	mkdir -p "$T/matr-divert3$T"
	cp "$T/new/version.so" "$T/matr-divert3$T/data"
	package matr-divert3
	verdict "from a name that is no library's" 1 "bin/versions,refused,,,,,,,$refused" -- --replace "$T/matr-divert3.deb"
	mkdir -p "$T/matr-divert4"
	package matr-divert4
	list matr-divert4 "$T/data"
	verdict "from where it goes with its package" 1 'bin/versions,refused,,,,,,,"needs liba.so, which is not found"' -- \
		--replace "$T/matr-divert4.deb"
	rm "$T/dpkg/info/matr-divert4.list"
	rm "$T/dpkg/diversions"
}
MATR=$matr_real

one_line "a file that is not there" 2 "$MATR" check-upgrade --replace "$T/none=$old"
one_line "a file for two places" 2 "$MATR" check-upgrade --replace "$old=$T/new/first.so" --replace "$T/lib/libb.so=$T/new/first.so"
one_line "a replacement that is not there" 2 "$MATR" check-upgrade --replace "$old=$T/none"
one_line "a program that is not in the epoch" 2 "$MATR" check-upgrade --replace "$old=$old" plan
check "has the nearest" grep -q 'nearest: ' "$T/line.err"
check "nothing is left in TMPDIR" [ -z "$(ls -A "$TMPDIR")" ]
finish
