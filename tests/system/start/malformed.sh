#!/usr/bin/env bash
# malformed.sh - matr with malformed ELF files: one line naming file and reason, exit status not 0, no
# crash. Meant to run with the sanitized build too.
#
# MATR_TEST_MUTATIONS=N: so many random mutations (default 150).
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

B=$T/bad
mkdir "$B" "$T/lib"
cat >"$T/lib.c" <<'END'
#include <stdio.h>
int value = 3;
int twice(int n) { printf("%d\n", n); return n * 2 + value; }
END
cat >"$T/main.c" <<'END'
#include <stdlib.h>
extern int value;
int twice(int n);
int (*pointer)(int) = twice;
int main(void) { return pointer(atoi("3")) + value == 12 ? 0 : 1; }
END
$CC -fPIC -shared -o "$T/lib/libvictim.so" "$T/lib.c"
$CC -fPIE -pie -o "$T/good" "$T/main.c" -L"$T/lib" -lvictim -Wl,-rpath,"$T/lib"
/usr/bin/python3 "$HERE/malformed.py" "$T/good" "$B" "${MATR_TEST_MUTATIONS:-150}"
ln -s loop "$B/bad-loop"
ln -s nowhere "$B/bad-dangling"

check "the file that is not spoilt" "$MATR" epoch begin --only "$T/good"
capture plain "$T/good"

# The line names the file.
names_file()
{
	grep -qF "$(basename "$1")" "$T/line.err"
}

# 3: an epoch is begun without the bad program, which is declined.
for file in "$B"/bad-* "$B" "$B/no-such-file"; do
	one_line "epoch begin $(basename "$file")" 3 timeout 120 "$MATR" epoch begin --only -q "$file" "$T/good"
	names_file "$file" || not_ok "epoch begin $(basename "$file"): names the file" "$T/line.err"
done
for file in bad-text bad-truncated-100 bad-DT_SYMTAB-outside bad-empty; do
	one_line "inspect $file" '!0' timeout 120 "$MATR" inspect "$B/$file"
	names_file "$file" || not_ok "inspect $file: names the file" "$T/line.err"
	capture line timeout 120 "$MATR" verify "$B/$file"
	check "verify $file: one line, exit status 1" \
		[ "$(cat "$T/line.status") $(cat "$T/line.out" "$T/line.err" | wc -l)" = '1 1' ]
done
same "the good program beside them is mapped" "$T/good"
end
one_line "nothing but a bad program" 1 "$MATR" epoch begin --only -q "$B/bad-empty"
if [ "$(id -u)" -eq 0 ] && have setpriv; then
	cp "$T/good" "$B/unreadable"
	chmod 000 "$B/unreadable"
	if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$MATR"; then
		mkdir "$T/nobody"
		chown 65534 "$T/nobody"
		one_line "no permission" 3 setpriv --reuid=65534 --regid=65534 --clear-groups \
			env MATR_PREFIX="$T/nobody/prefix" "$MATR" epoch begin --only -q "$B/unreadable" "$T/good"
	else
		skip "no permission" "the build directory is not reachable for an ordinary user"
	fi
fi

# Random mutations: accepted, or declined in one line, and nothing else. Where one still runs, it runs
# in the epoch.
wrong=0
: >"$T/crashes"
count=0
running=0
blame()
{
	wrong=$((wrong + 1))
	echo "$(basename "$file"): $1" >>"$T/crashes"
	[ -z "${MATR_TEST_KEEP:-}" ] || cp "$file" /tmp/
}
for file in "$B"/odd-*; do
	count=$((count + 1))
	capture line timeout 120 "$MATR" epoch begin --only -q "$file" "$T/good"
	status=$(cat "$T/line.status")
	lines=$(wc -l <"$T/line.err")
	if [ "$status" -ne 0 ] && [ "$status" -ne 3 ] || [ "$lines" -ne $((status / 3)) ]; then
		blame "status $status, $lines lines: $(head -c 300 "$T/line.err")"
	fi
	if [ "$(timeout 10 "$file" 2>/dev/null </dev/null; echo $?)" = "3
0" ]; then
		running=$((running + 1))
		if [ "$(timeout 120 "$MATR" run "$file" 2>/dev/null </dev/null; echo $?)" != "3
0" ]; then
			blame "runs without MatR, not with it (epoch begin: status $status)"
		fi
	fi
done
check "some mutations still run" [ $running -ge 3 ]
if [ $wrong -eq 0 ]; then
	ok "$count random mutations of headers and tables, $running of them still run"
else
	not_ok "$count random mutations of headers and tables: $wrong went wrong" "$T/crashes"
fi

# The same with a library instead of the program.
/usr/bin/python3 - "$T/lib/libvictim.so" <<'END'
import sys
path = sys.argv[1]
data = open(path, "rb").read()
open(path + ".good", "wb").write(data)
open(path, "wb").write(data[:300])
END
one_line "a truncated library" 3 "$MATR" epoch begin --only -q "$T/good" /bin/true
grep -q libvictim "$T/line.err" || not_ok "a truncated library: names it" "$T/line.err"
rm "$T/lib/libvictim.so"
one_line "a missing library" 3 "$MATR" epoch begin --only -q "$T/good" /bin/true
grep -q libvictim "$T/line.err" || not_ok "a missing library: names it" "$T/line.err"
mkdir "$T/lib/libvictim.so"
one_line "a directory instead of a library" 3 "$MATR" epoch begin --only -q "$T/good" /bin/true
rmdir "$T/lib/libvictim.so"

# Libraries that need each other are well-formed.
echo 'int b(void); int a(void) { return 1 + (b == 0); }' >"$T/a.c"
echo 'int a(void); int b(void) { return a(); }' >"$T/b.c"
echo 'int b(void); int main(void) { return b() - 1; }' >"$T/c.c"
$CC -fPIC -shared -o "$T/lib/libb.so" "$T/b.c"
$CC -fPIC -shared -o "$T/lib/liba.so" "$T/a.c" -L"$T/lib" -lb
$CC -fPIC -shared -o "$T/lib/libb.so" "$T/b.c" -L"$T/lib" -la
$CC -o "$T/cycle" "$T/c.c" -L"$T/lib" -Wl,--no-as-needed -lb -la -Wl,-rpath,"$T/lib"
check "libraries that need each other" begin "$T/cycle"
same "they run" "$T/cycle"
finish
