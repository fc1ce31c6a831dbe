#!/usr/bin/env bash
# unprivileged_user.sh - everything by an ordinary user with a prefix of their own: epoch, inspect, run, verify.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
if [ "$(id -u)" -eq 0 ]; then # become one
	set -- setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		env HOME=/nonexistent "$0"
	if ! command -v setpriv >/dev/null; then
		printf 'ok 1 - an ordinary user # SKIP no setpriv\n1..1\n'
		exit 0
	fi
	if ! "${@:1:4}" test -r "$0" -a -x "${MATR_BUILD:-$(dirname "$0")/../../../build}/tools/matr"; then
		echo '# the build directory is not reachable for an ordinary user: an installed copy'
		installed=$(mktemp -d /tmp/matr-user.XXXXXX)
		chmod 755 "$installed"
		trap 'rm -rf "$installed"' EXIT
		cp -r "$(dirname "$0")/../../../tests" "$installed/tests"
		cmake --install "${MATR_BUILD:-$(dirname "$0")/../../../build}" --prefix "$installed/build" >/dev/null
		mkdir -p "$installed/build/tools"
		ln -s ../bin/matr "$installed/build/tools/matr"
		status=0
		MATR_BUILD=$installed/build "${@:1:7}" "$installed/tests/system/start/unprivileged_user.sh" || status=$?
		exit $status
	fi
	exec "$@"
fi
. "$(dirname "$0")/../../lib/matr.sh"

echo "# as $(id -un), user namespaces: $(unshare -Urm true 2>/dev/null && echo yes || echo no)"
mkdir "$T/lib"
echo 'int value = 4; int call(int n) { return n * value; }' >"$T/lib.c"
cat >"$T/main.c" <<'END'
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>
extern int value;
int call(int n);
int (*pointer)(int) = call;
int main(void)
{
	struct passwd *user = getpwuid(getuid());
	printf("%s %d %d\n", user != NULL ? user->pw_name : "?", (int)geteuid(), pointer(value));
	return 9;
}
END
$CC -fPIC -shared -o "$T/lib/libuser.so" "$T/lib.c"
$CC -o "$T/program" "$T/main.c" -L"$T/lib" -luser -Wl,-rpath,"$T/lib"

check "epoch begin" begin "$T/program" /bin/bash /usr/bin/python3
check "epoch status" "$MATR" epoch status
check "inspect" "$MATR" inspect "$T/program"
check "verify" "$MATR" verify "$T/program" /bin/bash
same "a program of the user's own" "$T/program"
same "bash and what it starts" /bin/bash -c "id -u; '$T/program'; ls -ld / | cut -c 1-10"
same "python3" /usr/bin/python3 -I -c 'import os, ssl; print(os.getuid(), os.geteuid(), os.access("/root", os.R_OK))'
capture plain "$T/program"
capture matr env LD_STABLE_DEBUG=1 "$MATR_PREFIX/ld-stable" "$T/program"
heard matr
expect "ld-stable PROGRAM" applied
# fanotify is root's; matrd takes inotify by itself.
if [ -x "$BUILD/tools/matrd" ]; then
	"$BUILD/tools/matrd" 2>"$T/matrd.log" &
	matrd=$!
	watches() { "$MATR" epoch status | grep -q '^matrd .*watches.*(inotify)'; }
	check "matrd watches, by inotify" wait_until watches
	cp "$T/lib/libuser.so" "$T/lib/new"
	mv "$T/lib/new" "$T/lib/libuser.so"
	violated() { "$MATR" epoch status --format json | grep -q '/libuser\.so"'; } # which matrd is asked for
	check "who uses a library that changes is withdrawn within a second" within 1 violated
	check "... and matrd says so" wait_until grep -q "libuser.so: replaced" "$T/matrd.log"
	same_plain "... and starts plainly" . "$T/program"
	kill $matrd
	wait $matrd
else
	skip "matrd watches, by inotify" "only in the build directory"
fi
check "epoch end" "$MATR" epoch end
same_any "after epoch end" "$T/program"
one_line "a prefix that belongs to root" '!0' env MATR_PREFIX=/usr/matr-test "$MATR" epoch begin --only "$T/program"

# Report that only root may change a file, rather than that a lock cannot be opened.
only_root() # NAME COMMAND...
{
	one_line "$1" 1 "${@:2}"
	check "$1: it is root's" grep -Eqx 'matr: /[^:]*: only root may change it' "$T/line.err"
}
only_root "a prefix to be made" env MATR_PREFIX=/usr/matr-test "$MATR" epoch begin --only "$T/program"
for command in "epoch begin $T/program" "rebind --all-programs --symbol f --to libc.so.6" "record --forget-all"; do
	# /usr stands for a prefix of root's: who may not write there cannot make files in it
	# shellcheck disable=SC2086 # words
	only_root "${command//$T/T} in a prefix of root's" "$MATR" --prefix /usr $command
done
only_root "loader install" "$MATR" loader install
only_root "enable" "$MATR" enable /bin/sh
finish
