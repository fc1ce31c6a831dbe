#!/usr/bin/env bash
# scan.sh - `matr epoch begin` without arguments: what is found, what is passed over and counted, the configuration,
# and thousands of bad files among good ones. Meant to run with the sanitized build too.
#
# MATR_TEST_HOSTILE=N: so many hostile files (default 3000).
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

TREE=$T/tree
mkdir -p "$TREE/bin" "$TREE/sbin/deep/er" "$TREE/lib" "$TREE/elsewhere" "$TREE/wrapped"
cat >"$T/conf" <<END
# the tree of the test
[programs]
directory = $TREE/bin
directory = $TREE/sbin
directory = $TREE/missing
END

# begin_all OPTION...: $T/begin has what it said, $STATUS is its exit status.
begin_all()
{
	STATUS=0
	timeout 300 "$MATR" epoch begin --only --config "$T/conf" "$@" >"$T/begin" 2>"$T/begin.err" </dev/null || STATUS=$?
}

# status FIELD: of `matr epoch status`, in JSON.
status()
{
	"$MATR" epoch status --format json | /usr/bin/python3 -c "
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split('/'):
    value = value.get(name, 0)
print(len(value) if isinstance(value, list) else value)" "$1"
}

# is NAME WANTED FIELD
is()
{
	local got
	got=$(status "$3")
	if [ "$got" = "$2" ]; then
		ok "$1"
	else
		echo "$3 is $got, not $2" >"$T/is"
		not_ok "$1" "$T/is" "$T/begin" "$T/begin.err"
	fi
}

# ---- kinds of files ----

echo 'int f(void) { return 1; }' >"$T/lib.c"
echo 'int f(void); int main(void) { return f(); }' >"$T/main.c"
echo 'int main(void) { return 0; }' >"$T/static.c"
$CC -fPIC -shared -o "$TREE/lib/libf.so" "$T/lib.c"
echo 'int f(void) { return 2; }' >"$T/lib2.c"
mkdir "$TREE/lib2"
$CC -fPIC -shared -o "$TREE/lib2/libf.so" "$T/lib2.c"
$CC -o "$TREE/bin/good" "$T/main.c" -L"$TREE/lib" -lf -Wl,-rpath,"$TREE/lib"
$CC -o "$TREE/sbin/deep/er/origin" "$T/main.c" -L"$TREE/lib" -lf -Wl,-rpath,'$ORIGIN/../../../lib'
mkdir -p "$TREE/bin/a/lib" "$TREE/bin/b/lib"
$CC -o "$TREE/bin/a/linked" "$T/main.c" -L"$TREE/lib" -lf -Wl,-rpath,'$ORIGIN/lib'
ln "$TREE/bin/a/linked" "$TREE/bin/b/linked"
cp "$TREE/lib/libf.so" "$TREE/bin/a/lib"
cp "$TREE/lib2/libf.so" "$TREE/bin/b/lib"
chmod -x "$TREE/bin/a/lib/libf.so" "$TREE/bin/b/lib/libf.so"
$CC -static -o "$TREE/bin/static" "$T/static.c"
$CC -static-pie -o "$TREE/bin/static-pie" "$T/static.c"
cp "$TREE/lib/libf.so" "$TREE/bin/library.so"
printf '#!/bin/sh\n' >"$TREE/bin/script"
chmod 755 "$TREE/bin/script"
echo text >"$TREE/bin/other"
: >"$TREE/bin/empty"
chmod 755 "$TREE/bin/other" "$TREE/bin/empty"
cp "$TREE/bin/good" "$TREE/bin/no-permission"
chmod 644 "$TREE/bin/no-permission"
cp "$TREE/bin/good" "$TREE/bin/arm"
printf '\xb7' | dd of="$TREE/bin/arm" bs=1 seek=18 conv=notrunc status=none
cp "$TREE/bin/good" "$TREE/bin/setuid"
chmod 4755 "$TREE/bin/setuid"
cp "$TREE/bin/good" "$TREE/elsewhere/outside"
ln -s "$TREE/elsewhere/outside" "$TREE/bin/link-outside"
ln -s good "$TREE/bin/link-inside"
ln -s nowhere "$TREE/bin/dangling"
ln -s .. "$TREE/bin/up"
ln -s "$TREE/sbin" "$TREE/bin/to-sbin"
ln -s itself "$TREE/bin/itself"
mkfifo -m 755 "$TREE/bin/fifo"
/usr/bin/python3 -c 'import socket, sys, os; s = socket.socket(socket.AF_UNIX); os.chdir(sys.argv[1]); s.bind("socket")' "$TREE/bin"
chmod 755 "$TREE/bin/socket"

begin_all
check "an epoch of the whole tree" [ "$STATUS" -eq 0 ]
is "programs: by path, hard links each, links outside" 6 programs
is "scripts" 1 skipped/script
is "static programs, static-pie among them" 2 skipped/static
is "shared libraries" 1 "skipped/shared library"
is "other machines" 1 "skipped/other machine"
is "other files" 2 skipped/other
is "files without permission" 3 "skipped/no permission"
is "a fifo and a socket, which are not opened" 2 skipped/special
is "nothing was declined" 0 declined
check "status names what was skipped" sh -c "'$MATR' epoch status | grep -q '^skipped .*1 script'"
same "a program of it" "$TREE/bin/good"
same "with \$ORIGIN" "$TREE/sbin/deep/er/origin"
same "a hard link" "$TREE/bin/a/linked"
same "the other, which has other libraries" "$TREE/bin/b/linked"
same "outside, by a link" "$TREE/bin/link-outside"
same "a setuid program, by its owner" "$TREE/bin/setuid"
if [ "$(id -u)" -eq 0 ] && have setpriv; then
	chmod 755 "$T/prefix"
	# what starts it plainly does not speak
	same_any "a setuid program, by another user" \
		setpriv --reuid=65534 --clear-groups "$TREE/bin/setuid"
fi

begin_all --format csv
check "csv: a row per program" sh -c "[ \$(grep -c '^$TREE' '$T/begin') -eq 6 ]"

# ---- the configuration ----

cat >>"$T/conf" <<END
include = $TREE/else*/out*
include = $TREE/elsewhere/*
exclude = */bin/?/linked

[program wrapped]
path = $TREE/wrapped/*
library-path = $TREE/lib2
  $TREE/missing
END
$CC -o "$TREE/wrapped/program" "$T/main.c" -L"$TREE/lib" -lf -Wl,-rpath,"$TREE/lib" -Wl,-z,now
sed -i "s|^directory = $TREE/missing|directory = $TREE/wrapped|" "$T/conf"
begin_all
is "exclude, include and another directory" 5 programs
is "what was excluded is counted" 2 skipped/excluded
export LD_LIBRARY_PATH=$TREE/lib2:$TREE/missing
same "LD_LIBRARY_PATH as configured" "$TREE/wrapped/program"
check "finds the library there" [ "$(cat "$T/matr.status")" -eq 2 ]
same_plain "a program that it was not configured for" LD_LIBRARY_PATH "$TREE/bin/good"
LD_LIBRARY_PATH=$TREE/lib2
same_plain "another LD_LIBRARY_PATH" LD_LIBRARY_PATH "$TREE/wrapped/program"
unset LD_LIBRARY_PATH
same_plain "no LD_LIBRARY_PATH" 'without the LD_LIBRARY_PATH' "$TREE/wrapped/program"
check "verify has it too" "$MATR" verify "$TREE/wrapped/program"

cp "$TREE/wrapped/program" "$TREE/bin/a/copy" # the same build-id, but not wrapped
begin_all
same "a copy that is not wrapped" "$TREE/bin/a/copy"
export LD_LIBRARY_PATH=$TREE/lib2:$TREE/missing
same "and the one that is" "$TREE/wrapped/program"
unset LD_LIBRARY_PATH

bad_config() # NAME LINE REASON
{
	printf '%b\n' "$2" >"$T/bad.conf"
	one_line "configuration: $1" 1 "$MATR" epoch begin --only --config "$T/bad.conf"
	grep -q "$3" "$T/line.err" || not_ok "configuration: $1: says why" "$T/line.err"
}
bad_config "an unknown section" '[nothing]\na = b' 'bad.conf: line 2'
bad_config "an unknown setting" '[programs]\n\ndirectorys = /usr' 'bad.conf: line 3'
bad_config "a relative path" '[programs]\ndirectory = usr' slash
bad_config "no value" '[programs]\ndirectory' 'line 2'
bad_config "a program without a path" '[program x]\nlibrary-path = /x' 'no path'
bad_config "a relative library path" '[program x]\npath = /x\nlibrary-path = /x:y' absolute
bad_config "a line that is too long" "[programs]\\ndirectory = /$(printf '%0300d' 0)" longer
one_line "configuration: not there" 1 "$MATR" epoch begin --only --config "$T/nowhere"
chmod 666 "$T/conf"
one_line "configuration: anybody's to write" 1 "$MATR" epoch begin --only --config "$T/conf"
chmod 644 "$T/conf"

# ---- directory loops ----

if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	mkdir -p "$TREE/sbin/loop/round"
	check "a bind mount of a directory in itself" unshare -m sh -c "
		mount --bind '$TREE/sbin' '$TREE/sbin/loop/round' &&
		mount --bind '$TREE/bin' '$TREE/sbin/deep/er' &&
		timeout 300 '$MATR' epoch begin --only --config '$T/conf'"
else
	skip "a bind mount of a directory in itself" "not possible here"
fi

# ---- thousands of bad files ----

HOSTILE=${MATR_TEST_HOSTILE:-3000}
mkdir -p "$TREE/sbin/hostile"
/usr/bin/python3 - "$TREE/bin/good" "$TREE/sbin/hostile" "$HOSTILE" <<'END'
# Programs with a few bytes of their headers or tables changed, cut short, or put together from noise.
import os, random, sys
good, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = open(good, "rb").read()
random.seed(20260723)
for i in range(count):
    bad = bytearray(data)
    kind = i % 5
    if kind == 0:
        for _ in range(random.randint(1, 8)):
            bad[random.randrange(4, 1024)] = random.randrange(256)
    elif kind == 1:
        bad = bad[:random.randrange(1, len(bad))]
    elif kind == 2:
        at = random.randrange(0x200, len(bad) - 64)
        bad[at:at + 32] = random.randbytes(32)
    elif kind == 3:
        bad = bytearray(data[:64]) + random.randbytes(random.randrange(4096))
    else:
        at = 0x40 + 8 * random.randrange(90)
        bad[at:at + 8] = random.choice([b"\xff" * 8, b"\0" * 8, (1 << 40).to_bytes(8, "little")])
    path = os.path.join(directory, f"hostile-{i}")
    with open(path, "wb") as out:
        out.write(bad)
    os.chmod(path, 0o711 if i % 97 == 1 else 0o755) # to be executed, not to be read
END
begin_all --format csv
check "$HOSTILE hostile files: an epoch, and none of the good ones is lost" sh -c "
	[ $STATUS -eq 3 ] && [ \$(grep -c '^$TREE/bin' '$T/begin') -eq 3 ] &&
	! grep '^$TREE/bin.*cannot' '$T/begin'"
declined=$(status declined)
check "those that cannot be mapped are declined, with a reason ($declined)" [ "$declined" -gt $((HOSTILE / 5)) ]
check "not all of them on the terminal" [ "$(wc -l <"$T/begin.err")" -le 22 ]
same "a good program among them" "$TREE/bin/good"
if [ "$(id -u)" -eq 0 ] && have setpriv && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$MATR"; then
	mkdir "$T/nobody"
	chown 65534 "$T/nobody"
	chmod 700 "$TREE/sbin/deep"
	STATUS=0
	cp "$T/conf" "$T/nobody.conf"
	setpriv --reuid=65534 --regid=65534 --clear-groups env MATR_PREFIX="$T/nobody/prefix" "$MATR" \
		epoch begin --config "$T/nobody.conf" --format csv >"$T/begin" 2>"$T/begin.err" || STATUS=$?
	cut -c 1-200 "$T/begin" | tail -n 5 >"$T/tail"
	check "by an ordinary user, who cannot read all of them" sh -c "
		[ $STATUS -eq 3 ] && grep -q 'Permission denied' '$T/begin' && grep -q '^$TREE/bin/good,[1-9]' '$T/begin'"
	chmod 755 "$TREE/sbin/deep"
fi

# ---- files that change and vanish meanwhile ----

mkdir -p "$TREE/sbin/moving"
for i in 1 2 3 4 5 6 7 8 9; do cp "$TREE/bin/good" "$TREE/sbin/moving/$i"; done
(
	while [ ! -e "$T/stop" ]; do
		for i in 1 2 3 4 5 6 7 8 9; do
			cp "$TREE/bin/good" "$TREE/sbin/moving/$i" 2>/dev/null || :
			rm -f "$TREE/sbin/moving/$((i % 4))"
		done
	done
) &
mover=$!
bad=0
for i in 1 2 3; do
	begin_all
	[ "$STATUS" -eq 3 ] || bad=1
done
touch "$T/stop"
wait $mover
rm -r "$TREE/sbin/moving"
check "files that change and vanish while they are read" [ $bad -eq 0 ]
same "a program that did not" "$TREE/bin/good"
finish
