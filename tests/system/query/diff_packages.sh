#!/usr/bin/env bash
# diff_packages.sh - matr diff after an upgrade, in a tree with a dpkg of its own: the answer, packages, files.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"
for tool in dpkg dpkg-deb; do
	command -v $tool >/dev/null || { skip "everything" "no $tool"; finish; }
done
[ "$(id -u)" -eq 0 ] || { skip "everything" "dpkg installs as root only"; finish; }

R=$T/root
mkdir -p "$R/var/lib/dpkg/info" "$R/var/lib/dpkg/updates" "$R/var/log" "$R/tmp" "$R/etc" "$R$T"
: >"$R/var/lib/dpkg/status"

# package NAME VERSION: of the files in $T/files, installed in the tree
package()
{
	local file=$T/$1_$2.deb
	mkdir -p "$T/files/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Test <test@example.org>\nDescription: test\n' \
		"$1" "$2" "$(dpkg --print-architecture)" >"$T/files/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone -b "$T/files" "$file" >/dev/null
	dpkg --root="$R" --log="$R/var/log/dpkg.log" -i "$file" >"$T/dpkg" 2>&1 || sed 's/^/# /' "$T/dpkg"
	rm -r "$T/files"
}
# of LIBRARY: a path in the package that is being made
of() { mkdir -p "$T/files/opt/y"; echo "$T/files/opt/y/$1"; }
app() # NAME FLAG...
{
	"$CC" -x c -o "$(of "$1")" - -x none -L"$R/opt/y" -Wl,--no-as-needed "${@:2}" -Wl,-rpath,/opt/y
}
begin() { "$MATR" epoch begin --only -q --root "$R" /opt/y/app /opt/y/other "$@"; }

for file in /lib64/ld-linux-x86-64.so.2 "$(ldd /bin/true | awk '/libc.so.6/ {print $3}')"; do
	mkdir -p "$R$(dirname "$file")"
	cp -L "$file" "$R$file"
done
library "$(of liba.so)" <<<'int f(void) { return 1; } int g(void) { return 1; }'
package liba 1.0
library "$(of libb.so)" <<<'int h(void) { return 1; }'
package libb 1:1.0-1
app app -la -lb <<<'int f(void), g(void), h(void); int main(void) { return f() + g() + h(); }'
app other -lb <<<'int h(void); int main(void) { return h(); }'
package y-apps 3
check "an epoch" begin
# dpkg's log has whole seconds, and an upgrade takes longer than one.
begun=$(date +%s)
until [ "$(date +%s)" -gt "$begun" ]; do sleep 0.05; done
library "$(of liba.so)" <<<'int f(void) { return 2; }'
package liba 2.0
library "$(of libb.so)" <<<'int h(void) { return 1; } int g(void) { return 2; }'
package libb 1:1.0-2
app third -lb <<<'int h(void); int main(void) { return h(); }'
package y-third 1
check "and one after the upgrade" begin /opt/y/third

# says NAME REGEX ARGUMENT...
says()
{
	capture says "$MATR" diff --root "$R" "${@:3}"
	if [ "$(cat "$T/says.status")" -eq 1 ] && grep -Eq -e "$2" "$T/says.out"; then
		ok "$1"
	else
		not_ok "$1" "$T/says.status" "$T/says.out" "$T/says.err"
	fi
}
says "the answer" '^1 of 2 programs binds otherwise \(app\), 1 only loads other files; 1 is new\.$' previous current
check "in the first line" sh -c "head -n 1 '$T/says.out' | grep -q otherwise"
says "the package, its versions, and who binds otherwise" '^liba +other version +1\.0 +2\.0 +1 +1 +1 +/opt/y/app' previous current
says "and who only loads another file" '^libb +other version +1:1\.0-1 +1:1\.0-2 +1 +2 +0' previous current
says "the file because of which" '^/opt/y/liba\.so +replaced +1 +1 +1 +liba +/opt/y/app' previous current
check "a file that changes nothing is not named" sh -c "! grep -q '^/opt/y/libb.so' '$T/says.out'"
says "a program that came" '^/opt/y/third +added' previous current
says "back again" '^libb +other version +1:1\.0-2 +1:1\.0-1 +1 +2 +1' current previous
says "programs for programs" '"program":"/opt/y/app","change":"changed"' --format json previous current
says "a graph" '^digraph' --format dot previous current
dpkg --root="$R" --log="$R/var/log/dpkg.log" --force-depends -r y-third >"$T/dpkg" 2>&1 || sed 's/^/# /' "$T/dpkg"
check "the program goes" begin
says "it is gone" '^None of 2 programs binds otherwise; 1 is gone\.$' previous current
capture same "$MATR" diff --root "$R" current current
check "nothing differs: the sentence alone" [ "$(cat "$T/same.out")" = "None of 2 programs binds otherwise." ]
check "nothing differs: exit status 0" [ "$(cat "$T/same.status")" -eq 0 ]
finish
