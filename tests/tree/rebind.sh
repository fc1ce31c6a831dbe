#!/usr/bin/env bash
# rebind.sh - edited mappings with ld-stable as the system's dynamic linker: every program of the system, without `matr run`.
# Runs in the tree: tests/tree/tree /tests/tree/rebind.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

how() # PROGRAM [ARG]...: applied or plain
{
	LD_STABLE_DEBUG=1 "$@" 2>&1 >/dev/null </dev/null | sed -n 's/^ld-stable: \(applied\|plain\).*/\1/p' | head -n 1
}
calls() { PATCHED=1 "$@" 2>&1 >/dev/null </dev/null | grep -c '^patched$'; }

mkdir -p /opt/fix
patched=/tests/system/edit/sources/patched.c
check "a library" gcc -O1 -fPIC -shared -Wl,-soname,libpatched.so -o /opt/fix/libpatched.so $patched
check "install" matr loader install
settle /opt/fix
check "an epoch of the whole system" matr epoch begin -q
equal "before: nobody calls it" 0 "$(calls ls --version)"
matr rebind --all-programs --symbol setlocale --to /opt/fix/libpatched.so:patched_setlocale --reason 'every program' >$T/rebind 2>$T/rebind.err
equal "a patched function for every program of the system" 0 $?
check "those that are set-user-ID are listed" grep -q 'not edited: .*set-user-ID' $T/rebind.err
for program in ls cat gcc sed less; do
	equal "$program: from its mapping" applied "$(how $program --version)"
	equal "$program calls the patched function" 1 "$(calls $program --version | sed 's/^[1-9][0-9]*$/1/')"
done
equal "a set-user-ID program starts plainly, unpatched" 0 "$(calls su --version)"
check "and it starts" su --version
check "one that a program starts is patched too" sh -c 'PATCHED=1 find / -maxdepth 0 -exec ls --version \; 2>&1 | grep -c "^patched$" | grep -q "^[2-9]"'
check "a compiler and its children" sh -c "gcc -o $T/hello -x c - <<'C'
#include <stdio.h>
int main(void) { puts(\"hello\"); return 0; }
C
$T/hello | grep -q hello"
equal "a shell, with which the system is repaired, does not" 0 "$(calls bash --version)"
check "verify" matr verify ls cat gcc sed
programs=$(matr sql --format list --headers off --sql "SELECT count(DISTINCT application) FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs)")
check "in how many ($programs)" test "$programs" -ge 100

# The same with plain SQL.
matr sql --write "DELETE FROM store.edits" >/dev/null
matr epoch apply -q
equal "taken back with SQL" "applied 0" "$(how ls --version) $(calls ls --version)"
matr sql --write "INSERT INTO store.edits (program, symbol, library, to_symbol) VALUES ('*', 'setlocale', '/opt/fix/libpatched.so', 'patched_setlocale')" >/dev/null
matr epoch apply -q
equal "made with SQL: the same programs" "$programs" "$(matr sql --format list --headers off --sql "SELECT count(DISTINCT application) FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs)")"
equal "made with SQL: it is called" 1 "$(calls ls --version)"

# The library goes away.
mv /opt/fix/libpatched.so /opt/fix/gone.so
equal "without the library: plain starts, and it starts" "plain 0" "$(how ls --version) $(calls ls --version)"
matr epoch begin -q >$T/begin 2>&1 </dev/null
equal "the next epoch says so" 3 $?
check "with the reason" grep -q 'edit .*libpatched.so' $T/begin
equal "and has the mappings without it" "applied 0" "$(how ls --version) $(calls ls --version)"
mv /opt/fix/gone.so /opt/fix/libpatched.so
matr epoch begin -q >/dev/null 2>&1 </dev/null
equal "it is back" "applied 1" "$(how ls --version) $(calls ls --version)"

# The library comes with a package, whose versions come and go between epochs, as dpkg's hooks have it.
check "hooks install" matr hooks install
matr sql --write "DELETE FROM store.edits" >/dev/null
package() # VERSION FUNCTION: a package with a library that defines it
{
	local at=$T/fix-$1
	mkdir -p "$at/DEBIAN" "$at/opt/package"
	sed "s/patched_setlocale/$2/" $patched >$T/version.c
	gcc -O1 -fPIC -shared -Wl,-soname,libfix.so.1 -o "$at/opt/package/libfix.so.1" $T/version.c
	printf 'Package: libfix1\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\nDescription: a fix\n' "$1" >"$at/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$at" "$T/libfix1_$1.deb" >/dev/null
}
package 1 fixed_setlocale
package 2 another_name
package 3 fixed_setlocale
said() { matr epoch status >$T/status 2>&1; echo "$? $(grep -c "edit .*$1" $T/status)"; }
check "dpkg -i: version 1" dpkg -i $T/libfix1_1.deb
settle /opt/package
check "an edit to the package's library" matr rebind --all-programs --symbol setlocale --to /opt/package/libfix.so.1:fixed_setlocale --reason 'package'
equal "it is in force" "applied 1" "$(how ls --version) $(calls ls --version)"
dpkg -i $T/libfix1_2.deb >$T/dpkg 2>&1 </dev/null
equal "dpkg -i: an upgrade that loses the function: dpkg is content" 0 $?
equal "the epoch after it has the mappings without the edit" "applied 0" "$(how ls --version) $(calls ls --version)"
equal "and the status says so" "1 1" "$(said 'does not define fixed_setlocale')"
check "with it gone, programs work" sh -c 'ls / >/dev/null && gcc --version >/dev/null && dpkg -l libfix1'
dpkg -i $T/libfix1_3.deb >$T/dpkg 2>&1 </dev/null
equal "dpkg -i: an upgrade that has it again" "applied 1" "$(how ls --version) $(calls ls --version)"
equal "the status is content" 0 "$(said nothing | cut -d' ' -f1)"
dpkg -r libfix1 >$T/dpkg 2>&1 </dev/null
equal "dpkg -r: the library is gone" "applied 0" "$(how ls --version) $(calls ls --version)"
equal "and the status says so" "1 1" "$(said '/opt/package/libfix.so.1')"
dpkg -i $T/libfix1_1.deb >$T/dpkg 2>&1 </dev/null
equal "dpkg -i: it is back" "applied 1" "$(how ls --version) $(calls ls --version)"
check "hooks uninstall" matr hooks uninstall

check "matr epoch end" matr epoch end
equal "without an epoch: plain" "plain 0" "$(how ls --version) $(calls ls --version)"
check "uninstall" matr loader uninstall
finish
