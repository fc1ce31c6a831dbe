#!/usr/bin/env bash
# package.sh - the Debian package: installed, upgraded, removed and purged by apt and dpkg, in the tree, with everything
# switched on that it offers. Two versions of it are in /out: tests/tree/package makes them and starts this.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8
old=$(echo /out/matr_*~1_*.deb)
new=$(echo /out/matr_*~2_*.deb)

# shellcheck disable=SC2317 # called by check
apt()
{
	apt-get -y -q "$@"
}

# Every name there is, but for what package management itself and these tests leave behind. What dpkg records, and what
# others' packages brought as dependencies, is not the package's own.
names()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /out -o -path /tests \
		-o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log -o -path /run \) -prune \
		-o -printf '%p %l\n' | sort
}

# shellcheck disable=SC2317 # called by check
runs() # is this machine alive?
{
	bash -c 'exit 0' && perl -e 'exit 0' && python3 -c 'import json, ctypes' && runuser -u user -- id >"$T/id" &&
		runuser -u user -- passwd --status >"$T/passwd" # setuid
}

# What it depends on first, so that only its own files come and go afterwards.
dpkg-deb -f "$old" Depends | sed 's/([^)]*)//g; s/,/ /g' >"$T/depends"
# shellcheck disable=SC2046 # a list
check "dependencies" apt install $(cat "$T/depends")
ldconfig
names >"$T/names.before"
loader_state >"$T/loader.before"

check "apt-get install" apt install "$old"
check "matr works" matr --version
equal "nothing is begun by itself" management "$(matr epoch status --format json | jq -r .state)"
check "the loader is as it was" cmp <(loader_state) "$T/loader.before"
check "its files are as shipped" dpkg --verify matr

check "hooks install" matr hooks install
check "epoch begin" matr epoch begin -q
check "loader install" matr loader install
check "programs run" runs
cp -p /usr/bin/perl "$T/perl.before"
check "enable a program" matr enable /usr/bin/perl
equal "with their mappings" 1 "$(LD_STABLE_DEBUG=1 perl -e 1 2>&1 | grep -c 'ld-stable: applied')"
check "reinstalled" apt install --reinstall "$old"
check "programs run after that" runs

check "upgrade" apt install "$new"
equal "it is the new version" "$(dpkg-deb -f "$new" Version)" "$(dpkg-query -W -f '${Version}' matr)"
check "programs run after the upgrade" runs
equal "with their mappings" 1 "$(LD_STABLE_DEBUG=1 perl -e 1 2>&1 | grep -c 'ld-stable: applied')"
equal "an epoch is in force" epoch "$(matr epoch status --format json | jq -r .state)"
check "ld-stable is the loader" matr loader status
check "another package comes" apt install hello
check "and starts from its mapping" sh -c 'LD_STABLE_DEBUG=1 hello 2>&1 | grep -q "ld-stable: applied"'
check "and goes" apt purge hello

check "apt-get remove" apt remove matr
check "the loader is as it was" cmp <(loader_state) "$T/loader.before"
check "programs run" runs
check "the enabled program is as it was" cmp /usr/bin/perl "$T/perl.before"
check "the store is kept" test -e /var/lib/matr/store.db
equal "the epoch is not in force" gone "$(test -e /var/lib/matr/epoch.image || echo gone)"
check "apt-get works without it" apt install hello
check "apt-get works without it, again" apt purge hello
check "apt-get purge" apt purge matr
ldconfig
names >"$T/names.after"
diff "$T/names.before" "$T/names.after" >"$T/difference"
if [ -s "$T/difference" ]; then
	not_ok "purge leaves no trace" "$T/difference"
else
	ok "purge leaves no trace"
fi
check "the loader is as it was" cmp <(loader_state) "$T/loader.before"
check "programs run" runs

# Straight from everything to nothing.
check "install again" apt install "$new"
check "hooks, epoch, loader" sh -c 'matr hooks install && matr epoch begin -q && matr loader install'
check "dpkg --purge" dpkg --purge matr
ldconfig
check "no trace" diff "$T/names.before" <(names)
check "the loader is as it was" cmp <(loader_state) "$T/loader.before"
check "programs run" runs
finish
