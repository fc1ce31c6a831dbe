#!/usr/bin/env bash
# faults.sh - matr check-upgrade with packages and files that are no good, while it is killed, without room, and by an
# ordinary user: one clear error, exit status 2, nothing left and nothing changed.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
if [ "$(id -u)" -eq 0 ] && [ -z "${MATR_PRIVATE:-}" ] && unshare -m true 2>/dev/null; then
	# the mounts and /dev/shm, which state() lists, are this test's own
	MATR_PRIVATE=1 exec unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs /dev/shm && exec "$@"' sh "$0" "$@"
fi
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

mkdir "$T/new"
library "$T/lib/liba.so" <<<'int f(void) { return 1; } int g(void) { return 1; }'
library "$T/new/liba.so" <<<'int f(void) { return 1; }'
program program -la -Wl,-z,lazy <<<'int f(void), g(void); int main(void) { return f() + g() - 2; }'
"$MATR" epoch begin --only -q "$T/bin/program" || exit 1
old=$T/lib/liba.so
good=$T/new/liba.so

# Print the state that must not change: files, mounts, temporary directories.
state()
{
	# the journal of the store comes and goes with whoever reads it
	(cd "$T" && find lib bin new prefix tmp -not -name 'store.db-*' -type f -exec sha256sum {} + | sort) || :
	sort /proc/self/mountinfo
	find "$TMPDIR" -mindepth 1 -maxdepth 1 | sort
	# in /tmp, if TMPDIR is not heeded: other tests may be at work, which heed theirs
	find /tmp -mindepth 1 -maxdepth 1 -name 'matr-upgrade*' -newer "$T/begun" 2>/dev/null || :
	[ -z "${MATR_PRIVATE:-}" ] || find /dev/shm -mindepth 1
}
touch "$T/begun"
state >"$T/before"
unchanged() { state >"$T/after"; check "$1: nothing is left, nothing has changed" diff "$T/before" "$T/after"; }
# bad NAME PATTERN ARGUMENT...: one line that matches, status 2, nothing changed
bad()
{
	local name=$1 pattern=$2
	shift 2
	one_line "$name" 2 "$MATR" check-upgrade "$@"
	check "$name: $pattern" grep -Eq "$pattern" "$T/line.err"
	check "$name: no output" [ ! -s "$T/line.out" ]
	state >"$T/after"
	cmp -s "$T/before" "$T/after" || unchanged "$name"
}

# package NAME FIELD...: $T/NAME as $T/NAME.deb
package()
{
	mkdir -p "$T/$1/DEBIAN"
	{
		printf '%s\n' "${@:2}"
		printf 'Version: 1\nMaintainer: nobody <nobody@localhost>\nDescription: test\n'
	} >"$T/$1/DEBIAN/control"
	dpkg-deb --root-owner-group --nocheck -b "$T/$1" "$T/$1.deb" >/dev/null 2>&1
}
mkdir -p "$T/good$T/lib" "$T/foreign$T/lib" "$T/named$T/lib"
cp "$good" "$T/good$T/lib/liba.so"
package good 'Package: matr-good' 'Architecture: amd64'
capture check "$MATR" check-upgrade --format csv --replace "$T/good.deb"
check "the good package: lost" grep -q "program,lost,.*,g,.*undefined" "$T/check.out"

# ---- no good ----

head -c "$(($(stat -c %s "$T/good.deb") / 2))" "$T/good.deb" >"$T/half.deb"
bad "a truncated package" 'half.deb: dpkg-deb failed: ' --replace "$T/half.deb"
head -c "$(($(stat -c %s "$T/good.deb") - 300))" "$T/good.deb" >"$T/most.deb"
bad "a package that ends too early" 'most.deb: dpkg-deb failed: ' --replace "$T/most.deb"
echo 'a text' >"$T/text.deb"
bad "a text" "text.deb: dpkg-deb failed: .*not a Debian format archive" --replace "$T/text.deb"
: >"$T/empty.deb"
bad "an empty file" 'empty.deb: dpkg-deb failed: ' --replace "$T/empty.deb"
mkdir "$T/directory.deb"
bad "a directory" 'is a directory' --replace "$T/directory.deb"
mkfifo "$T/fifo.deb"
bad "a fifo" 'is neither a file nor a directory' --replace "$T/fifo.deb"
bad "a package that is not there" 'none.deb: cannot be read' --replace "$T/none.deb"
package foreign 'Package: matr-foreign' 'Architecture: s390x'
bad "a package of another architecture" 'is for architecture s390x, and this system is amd64' --replace "$T/foreign.deb"
package named 'Package: ../../../etc/x' 'Architecture: amd64'
bad "a package whose name is a path" 'named.deb: dpkg-deb failed: .*invalid package name' --replace "$T/named.deb"
bad "one package twice" 'is there twice' --replace "$T/good.deb" --replace "$T/good.deb"
cp "$T/good.deb" "$T/good2.deb"
bad "two versions of a package" 'another matr-good:amd64 is to be installed as well' --replace "$T/good.deb" --replace "$T/good2.deb"
printf 'not ELF\n' >"$T/text.so"
capture check "$MATR" check-upgrade --format csv --replace "$old=$T/text.so"
check "a library that is no ELF file: refused" grep -q 'program,refused,.*' "$T/check.out"
capture real unshare -m sh -c 'mount --bind "$1" "$2" && exec "$3"' sh "$T/text.so" "$old" "$T/bin/program"
check "ld.so refuses it" [ "$(cat "$T/real.status")" -eq 127 ]
head -c 600 "$good" >"$T/short.so"
capture check "$MATR" check-upgrade --format csv --replace "$old=$T/short.so"
check "a truncated library: refused" grep -q 'program,refused,.*' "$T/check.out"
bad "OLD and NEW of different kinds" 'a directory and a file' --replace "$T/lib=$good"
bad "OLD is a dangling link" 'cannot be replaced' --replace "$(ln -s nowhere "$T/dangling"; echo "$T/dangling")=$good"
bad "one place twice" 'is to be changed twice' --replace "$old=$good" --replace "$old=$T/short.so"
ln -s lib/liba.so "$T/other-name.so"
bad "one place twice, by a link" 'is to be changed twice' --replace "$old=$good" --replace "$T/other-name.so=$T/short.so"
bad "what is there is added" 'is there already' --add "$old=$good"
bad "a directory is removed" 'is a directory' --remove "$T/lib"
bad "no OLD=NEW" 'is not OLD=NEW' --replace "$old"
bad "an unknown program" 'nearest: program' --replace "$old=$good" progam
one_line "no epoch" 2 "$MATR" check-upgrade --prefix "$T/none" --replace "$old=$good"

# Members that would be elsewhere: tar, of dpkg-deb, keeps them below the directory.
/usr/bin/python3 - "$T" "$good" <<'END'
import io, os, subprocess, sys, tarfile
top, library = sys.argv[1], open(sys.argv[2], "rb").read()
for name, members in {"traversal": [("../../../../../../../../" + top.lstrip("/") + "/lib/evil.so", None, library)],
                      "detour": [("./out", top + "/lib", None), ("./out/evil.so", None, library)],
                      "device": [("." + top + "/lib/liba.so", "device", None)]}.items():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, link, contents in members:
            entry = tarfile.TarInfo(path)
            if link == "device":
                entry.type, entry.devmajor, entry.devminor = tarfile.CHRTYPE, 1, 5
            elif link:
                entry.type, entry.linkname = tarfile.SYMTYPE, link
            else:
                entry.size, entry.mode = len(contents), 0o755
            tar.addfile(entry, io.BytesIO(contents) if contents else None)
    control = io.BytesIO()
    text = f"Package: matr-{name}\nArchitecture: amd64\nVersion: 1\nMaintainer: x\nDescription: x\n".encode()
    with tarfile.open(fileobj=control, mode="w") as tar:
        entry = tarfile.TarInfo("./control")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    with open(f"{top}/{name}.deb", "wb") as out:
        out.write(b"!<arch>\n")
        for member, contents in (("debian-binary", b"2.0\n"), ("control.tar", control.getvalue()), ("data.tar", data.getvalue())):
            out.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(contents):<10}`\n".encode() + contents + b"\n" * (len(contents) % 2))
END
for name in traversal detour device; do
	capture check timeout 300 "$MATR" check-upgrade --replace "$T/$name.deb"
	check "a hostile package, $name: an answer, or an error" [ "$(cat "$T/check.status")" -le 2 ]
	check "a hostile package, $name: nothing outside" [ ! -e "$T/lib/evil.so" ]
	unchanged "a hostile package, $name"
done

# ---- no room ----

mkdir "$T/full"
capture check unshare -m bash -c 'mount -t tmpfs -o size=16k tmpfs "$1" && { cat /dev/zero >"$1/fill" 2>/dev/null || :; } && TMPDIR=$1 exec "${@:2}"' \
	bash "$T/full" "$MATR" check-upgrade --format csv --replace "$T/good.deb"
check "the temporary directory is full: the same answer" grep -q "program,lost,.*,g,.*undefined" "$T/check.out"
mkdir -p "$T/large$T/lib"
cp "$good" "$T/large$T/lib/liba.so"
head -c 60000000 /dev/zero >"$T/large$T/lib/large"
package large 'Package: matr-large' 'Architecture: amd64'
one_line "no room for what is unpacked" 2 bash -c 'ulimit -f 20000; exec "$@"' bash "$MATR" check-upgrade --replace "$T/large.deb"
check "says whose" grep -q 'large.deb: dpkg-deb ' "$T/line.err"
unchanged "no room"

# ---- killed ----

head -c 150000000 /dev/urandom >"$T/large$T/lib/large"
rm "$T/large.deb"
dpkg-deb --root-owner-group -Znone -b "$T/large" "$T/large.deb" >/dev/null
ours() { pgrep -f "$T/large.deb" | grep -v "^$$\$" || :; }
gone() { [ -z "$(ours)" ]; }
# killed_after SIGNAL MILLISECONDS: returns 1 if it had ended before.
killed_after()
{
	local process status=0
	# in a process group of its own, as from a terminal; a shell's background job would ignore SIGINT
	setsid env --default-signal=INT "$MATR" check-upgrade --replace "$T/large.deb" >"$T/killed.out" 2>&1 &
	process=$!
	# Wait until it is matr, or has ended: the shell that it is first ignores SIGINT.
	until [ "/proc/$process/exe" -ef "$MATR" ] || [ ! -e "/proc/$process/exe" ]; do
		sleep 0.001
	done
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	kill -s "$1" $process 2>/dev/null || :
	wait $process 2>/dev/null || status=$?
	wait_until gone || survived=$((survived + 1))
	[ $status -gt 128 ]
}
survived=0 missed=0
for signal in INT TERM HUP KILL; do
	for delay in 30 80 150 300; do
		until killed_after $signal $delay; do # a quick machine: earlier, next time
			delay=$((delay / 2)) missed=$((missed + 1))
			[ $delay -gt 0 ] || break
		done
		[ $delay -gt 0 ] || check "killed by $signal before its end" false
	done
done
echo "# $missed times it had ended before"
check "killed 16 times: no process of it lives on" [ $survived -eq 0 ]
unchanged "killed 16 times"
rm -r "$T/large" "$T/large.deb"

# ---- an ordinary user ----

chmod -R a+rX "$T"
cp -r "$T/prefix" "$T/tmp/prefix" && chown -R 65534:65534 "$T/tmp/prefix"
as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env HOME=/nonexistent)
if ! "${as_user[@]}" test -x "$MATR"; then
	skip "an ordinary user" "the build directory is not reachable for one"
elif ! "${as_user[@]}" unshare -Urm true 2>/dev/null; then
	skip "an ordinary user" "no user namespaces for ordinary users here"
else
	for change in "$T/good.deb" "$old=$good"; do
		capture check "${as_user[@]}" "$MATR" check-upgrade --prefix "$T/tmp/prefix" --format csv --replace "$change"
		check "an ordinary user, ${change##*/}: lost" grep -q "program,lost,.*,g,.*undefined" "$T/check.out"
		check "an ordinary user, ${change##*/}: no complaint" [ ! -s "$T/check.err" ]
	done
	cp "$good" "$T/secret.so"
	chmod 600 "$T/secret.so"
	one_line "an unreadable NEW" 2 "${as_user[@]}" "$MATR" check-upgrade --prefix "$T/tmp/prefix" --replace "$old=$T/secret.so"
	check "says which" grep -q 'secret.so: cannot be read: Permission denied' "$T/line.err"
	cp "$T/good.deb" "$T/secret.deb"
	chmod 600 "$T/secret.deb"
	one_line "an unreadable package" 2 "${as_user[@]}" "$MATR" check-upgrade --prefix "$T/tmp/prefix" --replace "$T/secret.deb"
	# A user namespace that forbids further ones, and no capability in it.
	one_line "no user namespace" 2 "${as_user[@]}" unshare -Urm sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "$@"' \
		sh "$MATR" check-upgrade --prefix "$T/tmp/prefix" --replace "$old=$good"
	check "says that it is not to be had" grep -q 'no user namespace is to be had on this system' "$T/line.err"
fi
rm -rf "$T/tmp/prefix"
finish
