#!/usr/bin/env bash
# kills.sh - kill -9 of every participant at random moments: package managers with their hooks and packages' scripts, matrd
# and its jobs, matr, and programs that are starting. After each kill the system boots its shell, in a new PID namespace; then
# what was interrupted is repaired as an administrator would. Runs in the tree: tests/tree/tree /tests/tree/kills.sh
#
# Packages come from a repository of the tree's own, so that a kill costs no download.
#
# MATR_TEST_KILLS=N: how many kills (default 20; the slow suite takes 100, and then every participant has to be among them).
# MATR_TEST_SEED: of their times. MATR_TEST_APT=: empty: no packages from the network, only one that is made here.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2317 # functions called by check
. "$(dirname "$0")/lib.sh"
kills=${MATR_TEST_KILLS:-20}
RANDOM=${MATR_TEST_SEED:=$((SRANDOM % 32768))}
echo "# seed $MATR_TEST_SEED"
export LC_ALL=C.UTF-8
gcc -O1 -static -o "$T/hit" /tests/tree/hit.c || exit

# ---- packages ----

# One with programs, a library, and scripts that do what such scripts do.
make_package() # VERSION
{
	local at=$T/subject
	rm -rf "$at"
	mkdir -p "$at/DEBIAN" "$at/usr/bin" "$at/usr/lib/x86_64-linux-gnu"
	cp /bin/ls "$at/usr/bin/subject-list"
	cp "$(command -v perl)" "$at/usr/bin/subject-perl"
	cp /usr/lib/x86_64-linux-gnu/libz.so.1 "$at/usr/lib/x86_64-linux-gnu/libsubject.so.1"
	printf 'Package: subject\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody\nDescription: is killed\n' "$1" >"$at/DEBIAN/control"
	printf '#!/bin/sh\nset -e\nldconfig\nsubject-perl -e "print qq(configured)" >/dev/null\nsubject-list / >/dev/null\npython3 -c "import json"\n' \
		>"$at/DEBIAN/postinst"
	printf '#!/bin/sh\nset -e\nsubject-list / >/dev/null\nperl -e 1\n' >"$at/DEBIAN/prerm"
	printf '#!/bin/sh\nset -e\nldconfig\nperl -e 1\n' >"$at/DEBIAN/postrm"
	chmod 755 "$at"/DEBIAN/{postinst,prerm,postrm}
	dpkg-deb --root-owner-group -b "$at" "/srv/packages/subject_$1_amd64.deb" >/dev/null
}
mkdir -p /srv/packages
make_package 1
make_package 2
libc=$(dpkg-query -W -f '${Version}' libc6) other=''
if [ -n "${MATR_TEST_APT-1}" ]; then
	other=$(apt-cache madison libc6 | awk '{ print $3 }' | grep -vx "$libc" | head -n 1)
	# shellcheck disable=SC2086 # several words
	check "packages" sh -c 'cd /srv/packages && exec apt-get -q download "$@"' sh hello nano libncursesw6 \
		{libc6,libc-bin,libc6-dev,libc-dev-bin}="$libc" ${other:+$(printf '%s ' {libc6,libc-bin,libc6-dev,libc-dev-bin}="$other")}
fi
(
	cd /srv/packages || exit
	for deb in *.deb; do
		dpkg-deb -f "$deb"
		echo "Filename: ./$deb"
		stat -c 'Size: %s' "$deb"
		sha256sum "$deb" | sed 's/\([^ ]*\).*/SHA256: \1\n/'
	done >Packages
)
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list
check "a repository in the tree" apt-get -q update

# ---- output of the shell when it boots ----

# A new namespace of processes, of which it is the first; an empty environment; a login shell.
# shellcheck disable=SC2016 # expanded in there
boot()
{
	timeout -k 5 60 unshare -m -p -f --kill-child --mount-proc chroot / /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/bin/sh -l -c 'echo "process $$"; ls -d /etc /usr; apt-get --version | head -n 1; dpkg --version | head -n 1
			perl -e "print 6 * 7, qq(\n)"; python3 -c "import json, ssl; print(json.dumps([1]))"; su user -c "id -u"
			(exit 3); echo "status $?"' 2>&1
}
boot >"$T/boot.wanted"
equal "the shell boots with the real loader" "9 process 1" "$(wc -l <"$T/boot.wanted") $(head -n 1 "$T/boot.wanted")"

dead=0 wrong=0
boots() # WHEN
{
	boot >"$T/boot"
	cmp -s "$T/boot" "$T/boot.wanted" && return
	dead=$((dead + 1))
	echo "# the shell does not boot $1:"
	diff "$T/boot.wanted" "$T/boot" | sed 's/^/#   /'
	matr-rescue | sed 's/^/#   rescue: /'
}

# ---- participants ----

declare -A pattern=(
	[apt-get]='^apt-get '
	[dpkg]='^(/usr/bin/)?dpkg '
	[package-hook]='^/bin/sh /usr/local/libexec/matr/package-hook '
	[package-script]='^/bin/(ba)?sh (-e )?/var/lib/dpkg/'
	[epoch-wrap]='^matr epoch wrap '
	[loader]='^matr loader (install|uninstall|refresh)'
	[enable]='^matr (enable|disable) '
	[epoch]='^(/usr/local/bin/)?matr epoch (begin|end|suspend|resume)'
	[matrd]='^matrd'
	[matrd-job]='^/usr/local/bin/matr .*epoch (begin|end) --no-daemon'
)
# Microseconds that such a process lives, about: the kill comes within these.
declare -A life=([apt-get]=4000000 [dpkg]=400000 [package-hook]=1500000 [package-script]=100000 [epoch-wrap]=5000000 [loader]=600000
	[enable]=300000 [epoch]=1500000 [matrd]=1500000 [matrd-job]=1500000)
participants=(apt-get dpkg package-hook package-script epoch-wrap loader enable epoch matrd matrd-job program)
declare -A hits
for name in "${participants[@]}"; do hits[$name]=0; done

one_of() { echo "${@:RANDOM % $# + 1:1}"; }

# A change of packages, as a command: WORDS go before it.
transaction() # [WORD]...
{
	command=("$@")
	case $(one_of install install remove dpkg dpkg-remove ${other:+hello nano libc libc}) in
	install) command+=(apt-get -y -q install --reinstall --allow-downgrades "subject=$(one_of 1 2)") ;;
	remove) command+=(apt-get -y -q "$(one_of remove purge)" subject) ;;
	dpkg) command+=(dpkg -i "/srv/packages/subject_$(one_of 1 2)_amd64.deb") ;;
	dpkg-remove) command+=(dpkg -r subject) ;;
	hello) command+=(apt-get -y -q install --reinstall hello) ;;
	nano) command+=(apt-get -y -q "$(one_of install remove)" nano) ;;
	libc)
		set -- "$(one_of "$libc" "$other")"
		command+=(apt-get -y -q install --reinstall --allow-downgrades {libc6,libc-bin,libc6-dev,libc-dev-bin}"=$1")
		;;
	esac
}

# The command for a kill of PARTICIPANT: one in which it takes part.
choose() # PARTICIPANT
{
	local first
	case $1 in
	apt-get | dpkg | package-hook | package-script) transaction ;;
	epoch-wrap) transaction matr epoch wrap -- ;;
	loader) command=(matr loader "$(one_of install install uninstall refresh)" -q) ;;
	enable) command=(matr "$(one_of enable enable disable)" -q perl python3 bash) ;;
	*)
		first=$(one_of '' '' 'bash ls perl' 'python3')
		# shellcheck disable=SC2206 # words
		command=(matr epoch begin --only -q $first)
		[ "$(one_of 1 2 3)" != 1 ] || command=(matr epoch wrap -- true)
		;;
	esac
}

serve() # matrd runs
{
	pgrep -x matrd >/dev/null && return
	matrd 2>>"$T/matrd" &
	disown # bash is not to report how it ended
	sleep 0.3
}

come_to_rest() # what goes on without the killed one comes to its end
{
	for _ in $(seq 600); do
		pgrep -f '^(apt-get|(/usr/bin/)?dpkg|(/usr/local/bin/)?matr|/bin/sh /usr/local|/usr/bin/perl -w /usr/(sbin|share)/debconf) ' >/dev/null || return 0
		sleep 0.1
	done
	echo "# still at work after a minute:"
	ps -eo pid,args | sed 's/^/#   /'
	return 1
}

# Repair as an administrator would: dpkg and apt finish their work, the command is given again. (Where packages of one source
# were under way to another version, dpkg cannot finish by itself.)
repair() # COMMAND...
{
	local package
	dpkg --configure -a
	# dpkg that is killed while it unpacks says that the package has to be installed again; apt does not do that by itself.
	for package in $(dpkg-query -W -f '${db:Status-Eflag} ${Package}\n' | sed -n 's/^reinstreq //p'); do
		dpkg -i "$(printf '%s\n' /srv/packages/"$package"_*.deb | sort -V | tail -n 1)"
	done
	apt-get -y -q -f install && "$@" && [ -z "$(dpkg --audit)" ]
}

# Killed while ld-stable, ld.so and the hook are at work: at a system call that comes before the program's own first ones.
kill_programs()
{
	local program
	for _ in 1 2 3 4 5; do
		program=$(one_of /bin/true /usr/bin/python3 /usr/bin/perl /usr/bin/apt-get)
		strace -o /dev/null -e inject=all:signal=KILL:when=$((RANDOM % 25 + 2)) "$program" --version >/dev/null 2>&1
		[ $? -ne 137 ] || hits[program]=$((hits[program] + 1))
	done
	boots "after kills of programs that start"
}

# kill_one PARTICIPANT: 0: it was killed.
kill_one()
{
	local name=$1 within=${life[$1]} status
	choose "$name"
	if [[ $name = matrd* ]] || [ $((RANDOM % 2)) -eq 0 ]; then serve; else pkill -x matrd; fi
	"${command[@]}" >"$T/said" 2>&1 </dev/null &
	"$T/hit" "${pattern[$name]}" $(((RANDOM * 32768 + RANDOM) % within)) $! >"$T/hit.said"
	status=$?
	[ $status -ne 0 ] || boots "after $name: $(cat "$T/hit.said"), in ${command[*]}"
	come_to_rest || wrong=$((wrong + 1))
	wait $! 2>/dev/null
	return $status
}

# ---- kills ----

check "hooks install" matr hooks install
check "epoch begin" matr epoch begin -q
check "loader install" matr loader install
equal "the shell boots by ld-stable" "" "$(boot | diff "$T/boot.wanted" -)"
done=0 tries=0
while [ $done -lt "$kills" ] && [ $tries -lt $((kills * 5)) ]; do
	name=${participants[tries % ${#participants[@]}]}
	tries=$((tries + 1))
	if [ "$name" = program ]; then
		kill_programs
		done=$((done + 1))
		continue
	fi
	kill_one "$name" || {
		# It had ended before: the next kill comes earlier.
		life[$name]=$((life[$name] * 3 / 4 + 1000))
		continue
	}
	hits[$name]=$((hits[$name] + 1))
	done=$((done + 1))
	[ $((done % 10)) -ne 0 ] || echo "# $done kills, $SECONDS s"
	boots "afterwards: $name in ${command[*]}"
	if [[ " ${command[*]} " = *" apt-get "* || " ${command[*]} " = *" dpkg "* ]]; then
		repair "${command[@]}" >"$T/repair" 2>&1 </dev/null || {
			wrong=$((wrong + 1))
			echo "# not repaired after $(cat "$T/hit.said") in ${command[*]}:"
			tail -n 12 "$T/repair" | sed 's/^/#   /'
			dpkg --audit | sed 's/^/#   /'
		}
		boots "after repair of ${command[*]}"
	fi
	if [ $((RANDOM % 4)) -eq 0 ]; then
		{ matr epoch begin -q && matr loader install -q && [ "$(how /bin/true)" = applied ]; } >"$T/repair" 2>&1 || {
			wrong=$((wrong + 1))
			echo "# no epoch after $(cat "$T/hit.said") in ${command[*]}:"
			tail -n 12 "$T/repair" | sed 's/^/#   /'
		}
	fi
done 2>/dev/null # bash reports every kill
missed='' report=''
for name in "${participants[@]}"; do
	report+=" $name ${hits[$name]},"
	[ "${hits[$name]}" -gt 0 ] || missed+=" $name"
done
equal "$done kills, and the shell always boots:${report%,}" 0 $dead
equal "what was interrupted is repaired, and the next begin and install succeed" 0 $wrong
equal "all kills were made" "$kills" $done
[ "$kills" -lt 50 ] || equal "every participant was killed" "" "$missed"

# ---- nothing of it is left ----

pkill -x matrd
check "in the end: epoch begin" matr epoch begin -q
check "disable" matr disable -q --all
check "loader install" matr loader install
check "all is well" matr doctor
check "libc6 as it was" apt-get -y -q install --allow-downgrades {libc6,libc-bin,libc6-dev,libc-dev-bin}="$libc"
equal "programs are as their packages have them" "" "$(dpkg --verify | grep -v ' c ')"
check "loader uninstall" matr loader uninstall
equal "nothing is left beside programs and loader" "" "$(find /usr /lib64/ -xdev -name '*matr*' ! -path '/usr/local/*' ! -name 'matrox*')"
equal "nor in the prefix" "" "$(find /var/lib/matr -name '*.tmp*' -o -name '*.matr-tmp.*' -o -name trial)"
finish
