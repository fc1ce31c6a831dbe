#!/usr/bin/env bash
# running.sh - matr running: real processes whose files are replaced, removed or changed while they run, in a PID namespace
# where there are no others.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
if [ "${1:-}" != inside ]; then
	if unshare -rmpf --mount-proc true 2>/dev/null; then
		exec unshare -rmpf --mount-proc "$0" inside
	fi
	echo "ok 1 - everything # SKIP no user and PID namespaces"
	echo 1..1
	exit 0
fi
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

P=$T/bin
library "$T/lib/libr.so" <<<'int r(void) { return 0; }'
library "$T/lib/libl.so" <<<'int l(void) { return 0; }'
# It says that it runs, and waits for its end.
program waits -lr -Wl,-z,now <<<'#include <unistd.h>
int r(void); int main(void) { if (write(1, "", 1) == 1) pause(); return r(); }'
mkdir "$T/away"
mount -t tmpfs none "$T/away" # a file system of its own, as a container has

start() # NAME COMMAND...: a process, which runs when this returns; stop NAME ends it
{
	mkfifo "$T/$1.up"
	"${@:2}" >"$T/$1.up" &
	eval "pid_$1=$!"
	started=$!
	head -c 1 "$T/$1.up" >/dev/null
	rm "$T/$1.up"
}
stop() # NAME
{
	local pid=pid_$1
	kill "${!pid}"
	wait "${!pid}" 2>/dev/null || :
}

rows() # [OPTION]...: state, file and program of each row
{
	"$MATR" running --format csv "$@" 2>"$T/running.err" | tr -d '\r' | sed 1d | cut -d , -f 2,5,6 | sort
}

# answers NAME REGEX: the exit status and the first sentence.
answers()
{
	local status=0
	"$MATR" running >"$T/said" 2>&1 || status=$?
	if grep -Eq "$2" <<<"$status $(head -n 1 "$T/said")"; then
		ok "$1"
	else
		echo "$status" >>"$T/said"
		not_ok "$1" "$T/said"
	fi
}

start one "$P/waits"
equal "nothing was replaced" "" "$(rows)"
check "nothing was replaced: exit status 0" "$MATR" running
answers "which is said" '^0 No process uses a file that was replaced: [1-9][0-9]* were looked at\.$'

library "$T/lib/libr.so" <<<'int r(void) { return 1; }'
equal "a library is replaced" "$P/waits,replaced,$T/lib/libr.so" "$(rows)"
answers "a library is replaced: exit status 1, and how many processes" '^1 1 of [0-9]* processes uses files that were replaced\.$'
equal "with the process" "$started" "$("$MATR" running --format json | /usr/bin/python3 -c '
import json, sys
row, = json.load(sys.stdin)
print(row["processes"])')"
start two "$P/waits"
equal "a process that has the new one is not among them" "$P/waits,replaced,$T/lib/libr.so" "$(rows)"
cp "$P/waits" "$P/waits.new"
mv "$P/waits.new" "$P/waits"
equal "the program is replaced" "$P/waits,replaced,$P/waits
$P/waits,replaced,$T/lib/libr.so" "$(rows)"
"$MATR" running >"$T/said" || :
check "two processes in a row" grep -Eq "$P/waits +[0-9]+ [0-9]+ +replaced +$P/waits" "$T/said"
stop one
stop two
equal "when they have ended nothing is left" "" "$(rows)"

# A library that is gone; in /tmp that may be what a program makes for itself, which is nobody's business.
cp "$T/lib/libr.so" "$T/away/libr.so"
start one env LD_LIBRARY_PATH="$T/away" "$P/waits"
rm "$T/away/libr.so"
case $T in
/tmp/* | /var/tmp/*) wanted="" ;;
*) wanted="$P/waits,removed,$T/away/libr.so" ;;
esac
equal "a library is removed" "$wanted" "$(rows | grep "$T/away" || :)"
stop one

# Changed in place: what is mapped changes with it.
cp "$T/lib/libr.so" "$T/away/libr.so"
start one env LD_LIBRARY_PATH="$T/away" "$P/waits"
touch -d '1 hour' "$T/away/libr.so"
equal "a library is written to" "changed,$T/away/libr.so" "$(rows | grep "$T/away" | cut -d , -f 2-)"
touch -d '1 hour ago' "$T/away/libr.so"
equal "one that was written to before is not" "" "$(rows | grep "$T/away" || :)"
stop one

# Another mount namespace, as a container has: its own files count.
mkdir "$T/container"
cp "$T/lib/libr.so" "$T/container/libr.so"
start one unshare -m sh -c "mount --bind '$T/container' '$T/lib' && exec '$P/waits'"
equal "in another mount namespace the same path is another file" "" "$(rows)"
library "$T/container/libr.so" <<<'int r(void) { return 2; }'
equal "which is replaced there" "replaced,$T/lib/libr.so" "$(rows | cut -d , -f 2-)"
stop one

# MatR's own: a process that started from an image goes on with it when the next epoch has begun.
check "an epoch" begin "$P/waits"
start one "$MATR" run "$P/waits"
equal "from the image in force" "" "$(rows --all)"
library "$T/lib/libl.so" <<<'int l(void) { return 1; }'
program other -ll <<<'int l(void); int main(void) { return l(); }'
check "the next epoch" "$MATR" epoch begin -q "$P/waits" "$P/other"
equal "an earlier epoch is no file that was replaced" "" "$(rows)"
answers "but is said, with exit status 0" '^0 No process .*; 1 started in an earlier epoch'
equal "and listed by --all" "$P/waits,earlier epoch" "$(rows --all | cut -d , -f 1,2)"
library "$T/lib/libr.so" <<<'int r(void) { return 3; }'
equal "a library that was replaced under a mapping" "$P/waits,replaced,$T/lib/libr.so" "$(rows)"
check "the epoch ends" "$MATR" epoch end
equal "no epoch is in force: it is of an earlier one" "$P/waits,earlier epoch" "$(rows --all | grep -v replaced | cut -d , -f 1,2)"
stop one

# With dpkg: the package.
if have dpkg-query && dpkg-query -S "*bin/sleep" 2>/dev/null | grep -q coreutils; then
	cp /usr/bin/sleep "$T/container/sleep"
	touch "$T/container/target"
	start one unshare -m sh -c "mount --bind '$T/container/sleep' /usr/bin/sleep && echo && exec /usr/bin/sleep 1000"
	touch -d '1 hour' "$T/container/sleep"
	equal "the package" "coreutils" "$("$MATR" running --format csv | grep /usr/bin/sleep | cut -d , -f 1 | head -n 1)"
	stop one
else
	skip "the package" "no dpkg"
fi
umount "$T/away"
finish
