#!/usr/bin/env bash
# package.sh - the Debian package: installed, upgraded, removed and purged by apt and dpkg, in the tree, with everything
# switched on that it offers; with a matr that does not work; and killed in the middle of the purge. Two versions of it are in
# /out: tests/tree/package makes them and starts this. MATR_TEST_KILLS=N: N / 4 kills (default: of 20).
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2317 # functions called by check
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8
old=$(echo /out/matr_*~1_*.deb)
new=$(echo /out/matr_*~2_*.deb)

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

runs() # test whether this machine is alive
{
	bash -c 'exit 0' && perl -e 'exit 0' && python3 -c 'import json, ctypes' && runuser -u user -- id >"$T/id" &&
		runuser -u user -- passwd --status >"$T/passwd" # setuid
}

# Install the dependencies first, so that only the package's own files come and go afterwards.
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
document=/usr/share/doc/matr # dpkg leaves it out where it was told to (path-exclude)
check "copyright, in the form that machines read" grep -q '^Format: https://www.debian.org/doc/packaging-manuals/copyright' $document/copyright
check "its changelog begins with this package" sh -c "zcat $document/changelog.gz | head -n 1 | grep -q '^matr ('"
check "the walk-through for administrators" grep -q 'systemctl enable --now matrd.socket' $document/docs/administration.md

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
everything() # all that the package offers is in use
{
	apt install "$new" && matr hooks install && matr epoch begin -q && matr loader install && matr enable -q perl bash || return
	matrd >"$T/matrd" 2>&1 &
	disown
	wait_until served
}
served() { matr epoch status | grep -q '^matrd '; }
nothing() # NAME: of it is left
{
	ldconfig
	check "$1: no trace" diff "$T/names.before" <(names)
	check "$1: the loader is as it was" cmp <(loader_state) "$T/loader.before"
	check "$1: the enabled programs are as they were" cmp /usr/bin/perl "$T/perl.before"
	check "$1: programs run" runs
	check "$1: matrd has gone" sh -c '! pgrep -x matrd'
	equal "$1: packages are as they should be" "" "$(dpkg --audit; dpkg --verify perl-base bash libc6 | grep -v ' c ')"
}
check "everything is in use" everything
check "dpkg --purge in mid-epoch" dpkg --purge matr
nothing "dpkg --purge"

# matr does not work.
broken() # NAME COMMAND...: it is broken by the command
{
	check "everything is in use" everything
	check "$@"
	check "$1: dpkg --purge" dpkg --purge matr
	nothing "$1"
}
broken "matr crashes" sh -c 'printf "#!/bin/sh\nkill -SEGV \$\$\n" >/usr/bin/matr && ! matr --version'
broken "matr is gone" rm /usr/bin/matr
broken "its library is gone" sh -c 'rm /usr/lib/x86_64-linux-gnu/libmatr.so.* && ! matr --version'
check "everything is in use" everything
printf 'newer' | cat "$T/perl.before" - >"$T/newer"
chmod 755 "$T/newer"
mv "$T/newer" /usr/bin/perl # as an upgrade of that package would
rm /usr/bin/matr
check "an enabled program was replaced, matr is gone: dpkg --purge" dpkg --purge matr
equal "the newer one stays" newer "$(tail -c 5 /usr/bin/perl)"
cp -p "$T/perl.before" /usr/bin/perl
nothing "with a newer program"

# Killed in the middle of it, within the time that its parts take here.
victims=('^dpkg --purge' '^/bin/sh /var/lib/dpkg/info/matr\.p' '^matr (disable|loader|hooks|epoch)')
gcc -O1 -static -o "$T/hit" /tests/tree/hit.c
everything >"$T/everything" 2>&1
dpkg --purge matr >"$T/purge" 2>&1 &
purge=$! measuring=()
for n in 0 1 2; do
	"$T/hit" "${victims[n]}" - $purge >"$T/life.$n" &
	measuring+=($!)
done
wait $purge "${measuring[@]}"
mapfile -t lives < <(cat "$T"/life.[012])
equal "a purge whose parts are timed: ${lives[*]} microseconds" 3 ${#lives[@]}
tries=0 hits=0 dead=0 wrong=0 wanted=$((${MATR_TEST_KILLS:-20} / 4))
while [ $hits -lt $wanted ] && [ $tries -lt $((wanted * 6)) ]; do
	n=$((hits % 3)) tries=$((tries + 1))
	everything >"$T/everything" 2>&1 || wrong=$((wrong + 1))
	dpkg --purge matr >"$T/purge" 2>&1 &
	if "$T/hit" "${victims[n]}" $(((RANDOM * 32768 + RANDOM) % (lives[n] + 1))) $! >"$T/hit.said"; then
		hits=$((hits + 1))
	else
		lives[n]=$((lives[n] / 2)) # it had ended: the next one comes earlier
	fi
	runs >/dev/null 2>&1 || dead=$((dead + 1))
	wait $!
	while pgrep -x 'dpkg|matr|matr.prerm' >/dev/null; do sleep 0.1; done
	{ runs && dpkg --configure -a; dpkg --purge matr; } >"$T/again" 2>&1
	if dpkg -s matr >/dev/null 2>&1; then
		wrong=$((wrong + 1))
		sed 's/^/# /' "$T/again"
	fi
	ldconfig
	if ! diff "$T/names.before" <(names) >"$T/difference" || ! cmp -s <(loader_state) "$T/loader.before"; then
		wrong=$((wrong + 1))
		echo "# after a kill of: $(cat "$T/hit.said")"
		sed 's/^/# /' "$T/difference"
	fi
done 2>/dev/null
equal "purge killed $hits times at random moments: programs run" 0 $dead
equal "and the next purge leaves no trace" 0 $wrong
equal "it was killed, in $tries purges" $wanted $hits
nothing "after these"
finish
