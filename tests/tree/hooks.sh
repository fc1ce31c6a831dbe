#!/usr/bin/env bash
# hooks.sh - package managers and MatR: one epoch ends before packages are changed and one begins after, whatever goes
# wrong. Runs in the tree, with ld-stable as its dynamic linker: tests/tree/tree /tests/tree/hooks.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8

epoch() # the number of the epoch in force, or "none"
{
	matr epoch status --format json | jq -r 'if .state == "epoch" then .epoch else "none" end'
}
apt()
{
	apt-get -y -q "$@"
}

# ---- wrap, suspend, resume ----

matr epoch wrap -- sh -c 'exit 7'
equal "wrap without an epoch runs the command" 7 $?
equal "and begins none" none "$(epoch)"
check "resume without a suspended epoch" matr epoch resume
equal "begins none" none "$(epoch)"
check "epoch begin" matr epoch begin -q
first=$(epoch)
matr epoch wrap -- sh -c 'matr epoch status --format json | jq -r .state >'"$T/during"'; exit 3'
equal "wrap: the command's exit status" 3 $?
equal "wrap: suspended while it runs" suspended "$(cat "$T/during")"
equal "wrap: one epoch after it" $((first + 1)) "$(epoch)"
matr epoch wrap -- sh -c 'kill -9 $$'
equal "wrap: a command that is killed" 137 $?
matr epoch wrap -- /nonexistent 2>/dev/null
equal "wrap: a command that is not there" 127 $?
matr epoch wrap -- /etc/passwd 2>/dev/null
equal "wrap: a file that is no program" 126 $?
matr epoch wrap 2>/dev/null
equal "wrap: no command" 125 $?
equal "and an epoch in force" 1 "$([ "$(epoch)" != none ] && echo 1)"
matr epoch wrap -- matr epoch wrap -- sh -c 'matr epoch status --format json | jq -r .state >'"$T/during"
equal "wrap in wrap" suspended "$(cat "$T/during")"
check "suspend" matr epoch suspend --by test
equal "no epoch then" none "$(epoch)"
check "suspend again" matr epoch suspend --by again
check "end ends the suspension" matr epoch end
check "resume" matr epoch resume
equal "begins none after end" none "$(epoch)"
check "an epoch of two programs" matr epoch begin --only -q bash perl
matr epoch wrap -- true
equal "wrap begins it again with these" 2 "$(matr epoch status --format json | jq .programs)"
matr epoch begin -q
matr epoch wrap -- true
equal "and that of the system with all" yes "$([ "$(matr epoch status --format json | jq .programs)" -gt 100 ] && echo yes)"

# ---- hooks ----

equal "status before: exit status" 1 "$(matr hooks status >/dev/null; echo $?)"
check "hooks install" matr hooks install
check "hooks status" matr hooks status
check "hooks install again" matr hooks install
check "loader install" matr loader install

before=$(epoch)
check "apt-get install of two packages" apt install hello sl
equal "one epoch for the transaction" $((before + 1)) "$(epoch)"
equal "what was installed starts from its mapping" applied "$(how hello)"
before=$(epoch)
check "apt-get remove" apt remove hello
equal "one epoch" $((before + 1)) "$(epoch)"
before=$(epoch)
check "apt-get purge" apt purge sl
equal "one epoch" $((before + 1)) "$(epoch)"
(cd "$T" && apt download hello >/dev/null 2>&1)
before=$(epoch)
check "dpkg by itself" dpkg -i "$T"/hello_*.deb
equal "one epoch" $((before + 1)) "$(epoch)"
equal "it starts from its mapping" applied "$(how hello)"
before=$(epoch)
# With a configuration of exports, and no database yet.
(umask 077 && echo HOST=tree >/etc/matr-fleet.conf)
check "dpkg --remove" dpkg -r hello
equal "one epoch" $((before + 1)) "$(epoch)"
newest=/var/spool/matr/$(printf %012d "$(epoch)").jsonl.zst
check "the hook exports it to the spool" matr export --from "$newest" -o "$T/exported.jsonl"
equal "by the name of the host" "\"tree\" $(epoch)" "$(head -n 1 "$T/exported.jsonl" | jq -r '"\(.host | tojson) \(.epoch)"')"
rm -r /etc/matr-fleet.conf /var/spool/matr
check "dpkg -l is no transaction" dpkg -l
equal "no epoch for it" $((before + 1)) "$(epoch)"
before=$(epoch)
check "wrap around apt-get" matr epoch wrap -- apt-get -y -q install hello
equal "one epoch" $((before + 1)) "$(epoch)"
matr epoch end
check "apt-get in management time" apt remove hello
equal "stays management time" none "$(epoch)"
matr epoch begin -q

# libc6 itself, with the loader installed: what the hooks are for.
before=$(epoch)
check "libc6 is installed again" apt install --reinstall libc6
equal "one epoch" $((before + 1)) "$(epoch)"
equal "ld-stable is in its place again" installed "$(matr loader status --format json | jq -r .state)"
equal "programs start from their mappings" applied "$(how /bin/true)"
other=$(apt-cache madison libc6 | awk '{ print $3 }' | grep -vx "$(dpkg-query -W -f '${Version}' libc6)" | head -n 1)
if [ -n "$other" ]; then
	check "another version of libc6: $other" apt install --allow-downgrades libc6="$other" libc-bin="$other" \
		libc6-dev="$other" libc-dev-bin="$other"
	equal "ld-stable is in its place again" installed "$(matr loader status --format json | jq -r .state)"
	equal "programs start from their mappings" applied "$(how /bin/true)"
	libc=$(apt-cache policy libc6 | awk '/Candidate/ { print $2 }')
	for version in "$libc" "$other"; do
		mkdir "$T/$version"
		(cd "$T/$version" && apt download {libc6,libc-bin,libc6-dev,libc-dev-bin}="$version" >/dev/null 2>&1)
		before=$(epoch)
		check "dpkg by itself: libc6 $version" dpkg -i --auto-deconfigure "$T/$version"/*.deb
		equal "one epoch" $((before + 1)) "$(epoch)"
		equal "ld-stable is in its place again" installed "$(matr loader status --format json | jq -r .state)"
		equal "programs start from their mappings" applied "$(how /bin/true)"
	done
	check "upgrade of everything" apt dist-upgrade
	equal "ld-stable is in its place again" installed "$(matr loader status --format json | jq -r .state)"
	equal "programs start from their mappings" applied "$(how /bin/true)"
fi

# ---- failures that do not break the package manager ----

mkdir -p "$T/bad/DEBIAN"
printf 'Package: bad\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: fails\n' >"$T/bad/DEBIAN/control"
printf '#!/bin/sh\nexit 9\n' >"$T/bad/DEBIAN/postinst"
chmod 755 "$T/bad/DEBIAN/postinst"
dpkg-deb -b "$T/bad" "$T/bad.deb" >/dev/null
before=$(epoch)
apt install "$T/bad.deb" >/dev/null 2>&1
equal "a package that cannot be configured: apt's exit status" 100 $?
equal "the next epoch begins" $((before + 1)) "$(epoch)"
apt purge bad >/dev/null 2>&1
dpkg -i "$T/bad.deb" >/dev/null 2>&1
equal "the same with dpkg" 1 $?
equal "an epoch begins, now or with the next transaction" yes "$(dpkg -r bad >/dev/null 2>&1; [ "$(epoch)" != none ] && echo yes)"
mv /usr/local/libexec/matr/ld-stable "$T/ld-stable"
matr loader uninstall -q
check "matr cannot begin an epoch: apt-get install" apt install hello
equal "and there is none" none "$(epoch)"
check "apt-get remove" apt remove hello
mv "$T/ld-stable" /usr/local/libexec/matr/ld-stable
check "resume, later" matr epoch resume
equal "begins it" yes "$([ "$(epoch)" != none ] && echo yes)"
matr loader install -q
chmod 777 /var/lib/matr
check "an untrusted prefix: apt-get install" apt install hello
chmod 755 /var/lib/matr
mv /usr/local/bin/matr "$T/matr"
check "matr is gone: apt-get remove" apt remove hello
printf '#!/bin/sh\nkill -SEGV $$\n' >/usr/local/bin/matr
chmod 755 /usr/local/bin/matr
check "matr crashes: apt-get install" apt install hello
check "matr crashes: dpkg" dpkg -r hello
mv "$T/matr" /usr/local/bin/matr
mv /usr/local/libexec/matr/package-hook "$T/package-hook"
check "the hook is gone: apt-get install" apt install hello
mv "$T/package-hook" /usr/local/libexec/matr/package-hook

# ---- uninstall ----

check "hooks uninstall" matr hooks uninstall
equal "nothing of them is left" "" "$(find /etc/apt /etc/dpkg /usr/lib -name '*matr*' ! -name 'matr-*.so' ! -name matr-ld.so)"
matr epoch resume
before=$(epoch)
check "apt-get without hooks" apt remove hello
equal "no new epoch" "$before" "$(epoch)"
check "loader uninstall" matr loader uninstall
finish
